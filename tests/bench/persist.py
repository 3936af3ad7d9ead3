"""Keeping data: how long snapshots take on their way out and in, what a log costs, what a client
waits for its replies while a snapshot is made.

A load is measured from the start of the process to the first PONG. A save, and the load after it,
are of the same data in the same process, and the servers take turns.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from dataclasses import dataclass
from typing import Callable

import load
from probe import Prober, processes
from quiet import Quiet
from servers import Server
from wire import Connection, ReplyError, connect_when_up, encode

PROBE = encode("GET", "nosuchkey")
WARM_UP_S = 0.3
VALUE = "x" * 32
POLICIES = {"none": "", "everysec": " --appendonly yes --appendfsync everysec",
            "always": " --appendonly yes --appendfsync always"}
# Requests of one policy in a round; a disk that is waited for takes less of them.
REQUESTS = {"none": 1_000_000, "everysec": 1_000_000, "always": 200_000}


def strings(keys: int):
    """Keys of 16 bytes with values of 32."""
    return (encode("SET", "key:%012d" % number, VALUE) for number in range(keys))


def mixed(keys: int):
    """All types but streams, small and large, some with a deadline; so many keys or some less."""
    for number in range(keys // 8):
        name = "%012d" % number
        yield encode("SET", "text:" + name, f"value {number} of no great length")
        yield encode("SET", "number:" + name, number)
        yield encode("SETEX", "session:" + name, 100_000 + number, VALUE)
        fields = (word for at in range(8) for word in (f"field{at}", f"{number}:{at}"))
        yield encode("HSET", "hash:" + name, *fields)
        yield encode("RPUSH", "list:" + name, *(f"element {at}" for at in range(12)))
        yield encode("SADD", "ids:" + name, *(number + at * 3 for at in range(16)))
        yield encode("SADD", "words:" + name, *(f"word{at}" for at in range(12)))
        scored = (word for at in range(12) for word in (at * 1.5, f"member{at}"))
        yield encode("ZADD", "scores:" + name, *scored)
    for first in range(0, keys // 2, 100):
        numbers = range(first, first + 100)
        yield encode("HSET", "hash", *(word for at in numbers for word in (f"f:{at}", VALUE)))
        yield encode("RPUSH", "list", *(f"element {at}" for at in numbers))
        yield encode("SADD", "set", *(f"member:{at}" for at in numbers))
        yield encode("ZADD", "scores", *(word for at in numbers for word in (at, f"m:{at}")))


@dataclass(frozen=True)
class Data:
    """What is saved and loaded."""

    name: str
    title: str
    requests: Callable
    # One of so many of the keys that are asked for: values of many elements take longer.
    share: int = 1

    def keys(self, options) -> int:
        return options.save_keys // self.share


DATA = [Data("strings", "strings, 16 B and 32 B", strings),
        Data("mixed", "all types, a quarter as many keys", mixed, 4)]


class Kept(Server):
    """A server that may be started again in its folder, on what it has kept there."""

    def start_again(self) -> float:
        """Ends it without a word and starts it; seconds until it serves."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        started_s = time.perf_counter()
        self._start()
        with self.connect() as connection:
            while True:
                try:
                    connection.ask("PING")
                    return time.perf_counter() - started_s
                except ReplyError:
                    time.sleep(0.001)

    def connect(self):
        connection = connect_when_up(self.port, lambda: self.process.poll() is None)
        connection.socket.settimeout(300)
        return connection


def with_flags(candidate, flags: str):
    return type(candidate)(candidate.name, candidate.command + flags, candidate.is_own)


def measure_snapshot(candidate, data: Data, options) -> dict:
    """One save and one load."""
    with Kept(candidate, options.server_cpu) as server:
        with server.connect() as connection:
            connection.fill(data.requests(data.keys(options)))
            started_s = time.perf_counter()
            connection.ask("SAVE")
            save_s = time.perf_counter() - started_s
            count = connection.ask("DBSIZE")
        load_s = server.start_again()
        with server.connect() as connection:
            if connection.ask("DBSIZE") != count:
                raise RuntimeError("what was loaded is not what was saved")
    return {"save_s": save_s, "load_s": load_s}


def writer(port: int, keys: int, stop) -> None:
    """Writes to keys that are there, all over them, until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    value = b"y" * 32
    with Connection(port) as connection:
        for first in itertools.count(0, 2_000):
            if stop.is_set():
                return
            numbers = range(first * 7_919, first * 7_919 + 2_000)
            connection.fill((encode("SET", b"key:%012d" % (at % keys), value) for at in numbers), 64)


def measure_pauses(candidate, options) -> dict:
    """Round trips while a snapshot is made of keys that are written to."""
    keys = options.save_keys
    with Kept(candidate, options.server_cpu) as server, server.connect() as connection:
        connection.fill(strings(keys))
        stop = processes.Event()
        process = processes.Process(target=writer, args=(server.port, keys, stop), daemon=True)
        process.start()
        try:
            with Prober(server.port, PROBE) as prober:
                time.sleep(WARM_UP_S)
                prober.forget()
                started_s = time.perf_counter()
                connection.ask("BGSAVE")
                while b"rdb_bgsave_in_progress:1" in connection.ask("INFO", "persistence"):
                    time.sleep(0.02)
                save_s = time.perf_counter() - started_s
        finally:
            stop.set()
            process.join(30)
            process.kill()
    return {**prober.summary(), "bgsave_s": save_s}


def measure_log(server: Server, requests: int) -> dict:
    """Processor time of a SET, and how many there are in a second."""
    workload = load.Workload("set16", "SET", 16, requests, load.SET)
    return load.measure(server, workload, 1.0)


# What can be measured alone; the name of a row of figures is the same behind `persist/`.
CASES = [data.name for data in DATA] + [f"log-{policy}" for policy in POLICIES] + ["pauses"]


def run(candidates: list, options, figures, say) -> None:
    def is_wanted(name: str) -> bool:
        return not options.workloads or name in options.workloads

    for data in filter(lambda data: is_wanted(data.name), DATA):
        rounds = take_turns(candidates, options, say,
                            lambda candidate, data=data: measure_snapshot(candidate, data, options))
        figures.put(f"persist/{data.name}", {"keys": data.keys(options)}, rounds)
        tell(figures, f"persist/{data.name}", rounds, ("save_s", "load_s"), say)
    for policy in filter(lambda policy: is_wanted(f"log-{policy}"), POLICIES):
        run_policy(candidates, policy, options, figures, say)
    if not is_wanted("pauses"):
        return
    rounds = take_turns(candidates, options, say,
                        lambda candidate: measure_pauses(candidate, options))
    figures.put("persist/pauses", {"keys": options.save_keys}, rounds)
    tell(figures, "persist/pauses", rounds, ("p50_ms", "p99_ms", "p999_ms", "max_ms"), say)


def run_policy(candidates: list, policy: str, options, figures, say) -> None:
    requests = max(1_000, int(REQUESTS[policy] * options.scale))

    def measure(candidate) -> dict:
        with Server(with_flags(candidate, POLICIES[policy]), options.server_cpu) as server:
            with server.connect() as connection:
                connection.fill(strings(load.KEYS // 10))
            return measure_log(server, requests)

    rounds = take_turns(candidates, options, say, measure)
    row = f"persist/log-{policy}"
    figures.put(row, {"requests": requests}, rounds)
    tell(figures, row, rounds, ("cpu_us", "throughput_kops"), say)


def take_turns(candidates: list, options, say, measure: Callable) -> dict:
    """All rounds, of the servers that can do it."""
    rounds = {candidate.name: [] for candidate in candidates}
    quiet, failed = Quiet(options, say), set()
    for _ in range(options.repeat):
        for candidate in candidates:
            if candidate.name in failed:
                continue
            try:
                rounds[candidate.name].append(quiet.round(lambda: measure(candidate)))
            except Exception as error:
                say(f"  {candidate.name}: {error}")
                failed.add(candidate.name)
    return {name: some for name, some in rounds.items() if name not in failed}


def tell(figures, row: str, rounds: dict, names: tuple, say) -> None:
    for server in rounds:
        values = ", ".join(f"{name} {figures.median(row, server, name):.3f}" for name in names)
        say(f"  {row} {server:10s} {values}")
