"""CPU per command: redis-benchmark on one CPU, the servers in turn on another.

All servers run at once on the server CPU (the idle ones use next to nothing). In each round each of
them gets the same load, A B A B, so that a change of the machine's mood strikes all of them alike.
"""

from __future__ import annotations

import contextlib
import csv
import subprocess
from dataclasses import dataclass
from typing import Callable

from quiet import Quiet
from servers import Server
from wire import Connection, encode

CLIENTS = 50
KEYS = 1_000_000
RANDOM = "__rand_int__"
KEY = "key:" + RANDOM
VALUE = "x" * 32


def nothing(connection: Connection) -> None:
    """An empty keyspace."""


def million_keys(connection: Connection) -> None:
    """Every key that the load may name is there, so a GET finds it and a SET replaces it."""
    connection.fill(encode("SET", "key:%012d" % number, VALUE) for number in range(KEYS))


def million_counters(connection: Connection) -> None:
    """As above, for counters."""
    connection.fill(encode("SET", "counter:%012d" % number, 1) for number in range(KEYS))


def one_value(length: int) -> Callable:
    return lambda connection: connection.ask("SET", "value", "y" * length)


def batches(command: str, key: str, words: Callable, count: int):
    """Requests of a hundred elements each; `words` are those of one element."""
    for first in range(0, count, 100):
        yield encode(command, key, *(word for number in range(first, first + 100)
                                     for word in words(number)))


def long_list(connection: Connection) -> None:
    """More elements than a round takes."""
    connection.fill(batches("RPUSH", "list", lambda _: (VALUE,), KEYS + 100_000))


def short_list(connection: Connection) -> None:
    connection.fill(batches("RPUSH", "list", lambda _: ("v" * 16,), 100))


def million_fields(connection: Connection) -> None:
    connection.fill(batches("HSET", "hash", lambda number: ("f:%012d" % number, VALUE), KEYS))


def million_scores(connection: Connection) -> None:
    """Members of a sorted set, each with its number as the score."""
    connection.fill(batches("ZADD", "zset", lambda number: (number, "m:%012d" % number), KEYS))


@dataclass(frozen=True)
class Workload:
    """One row of the table: what redis-benchmark sends, and what is there before."""

    name: str
    title: str
    pipeline: int
    requests: int
    command: tuple
    prepare: Callable = nothing
    # Start every round from an empty keyspace, not only the first one.
    is_fresh_each_round: bool = False
    random_range: int = KEYS


SET = ("SET", KEY, VALUE)
GET = ("GET", KEY)
MSET = ("MSET",) + (KEY, VALUE) * 10
WORKLOADS = [
    Workload("ping1", "PING", 1, 200_000, ("PING",)),
    Workload("ping64", "PING", 64, 6_000_000, ("PING",)),
    Workload("set1", "SET", 1, 200_000, SET, million_keys),
    Workload("set16", "SET", 16, 2_000_000, SET, million_keys),
    Workload("get1", "GET", 1, 200_000, GET, million_keys),
    Workload("get16", "GET", 16, 2_000_000, GET, million_keys),
    Workload("insert16", "SET of new keys", 16, 1_000_000, SET,
             is_fresh_each_round=True, random_range=1_000_000_000),
    Workload("setex16", "SET EX 1000", 16, 2_000_000, SET + ("EX", "1000"), million_keys),
    Workload("incr16", "INCR", 16, 2_000_000, ("INCR", "counter:" + RANDOM), million_counters),
    Workload("mset10", "MSET of ten", 1, 100_000, MSET, million_keys),
    Workload("get4k", "GET of 4 KiB", 1, 100_000, ("GET", "value"), one_value(4096)),
    Workload("get64k", "GET of 64 KiB", 1, 30_000, ("GET", "value"), one_value(65536)),
    Workload("lpush16", "LPUSH", 16, 1_000_000, ("LPUSH", "list", VALUE),
             is_fresh_each_round=True),
    Workload("lpop16", "LPOP", 16, 1_000_000, ("LPOP", "list"), long_list,
             is_fresh_each_round=True),
    Workload("lrange100", "LRANGE of 100", 1, 60_000, ("LRANGE", "list", "0", "99"), short_list),
    Workload("hset16", "HSET of new hashes", 16, 1_000_000, ("HSET", "hash:" + RANDOM, "f", VALUE),
             is_fresh_each_round=True, random_range=1_000_000_000),
    Workload("hget16", "HGET", 16, 1_000_000, ("HGET", "hash", "f:" + RANDOM), million_fields),
    Workload("sadd16", "SADD", 16, 1_000_000, ("SADD", "set", "m:" + RANDOM),
             is_fresh_each_round=True),
    Workload("zadd16", "ZADD", 16, 1_000_000, ("ZADD", "zset", RANDOM, "m:" + RANDOM),
             million_scores),
    Workload("zrank16", "ZRANK", 16, 500_000, ("ZRANK", "zset", "m:" + RANDOM), million_scores),
    Workload("zrange16", "ZRANGEBYSCORE of 10", 16, 300_000,
             ("ZRANGEBYSCORE", "zset", RANDOM, "+inf", "LIMIT", "0", "10"), million_scores),
    Workload("xadd16", "XADD", 16, 1_000_000, ("XADD", "stream", "*", "field", VALUE),
             is_fresh_each_round=True),
]


def with_number(command: tuple, number: int) -> tuple:
    """The command as redis-benchmark sends it when it has drawn this number."""
    return tuple(word.replace(RANDOM, "%012d" % number) for word in command)


def redis_benchmark_arguments(server: Server, command: tuple, *, requests: int, pipeline: int,
                              clients: int, random_range: int) -> list:
    arguments = ["redis-benchmark", "-h", "127.0.0.1", "-p", server.port, "-c", clients,
                 "-P", pipeline, "-n", requests, "-r", random_range, "--csv", *command]
    return [str(argument) for argument in arguments]


def redis_benchmark(server: Server, workload: Workload, requests: int) -> float:
    """Runs the load and returns the requests per second that redis-benchmark saw."""
    arguments = redis_benchmark_arguments(
        server, workload.command, requests=requests, pipeline=workload.pipeline, clients=CLIENTS,
        random_range=workload.random_range)
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    if done.returncode != 0 or not rows:
        raise RuntimeError(f"redis-benchmark failed: {(done.stderr or done.stdout)[-200:].strip()}")
    return float(rows[0]["rps"])


def requests_of(workload: Workload, scale: float) -> int:
    return max(1000, int(workload.requests * scale))


def measure(server: Server, workload: Workload, scale: float) -> dict:
    requests = requests_of(workload, scale)
    if workload.is_fresh_each_round:
        prepare(server, workload)
    before_ns = server.cpu_ns()
    requests_per_s = redis_benchmark(server, workload, requests)
    cpu_ns = server.cpu_ns() - before_ns
    return {
        "cpu_us": cpu_ns / 1000 / requests,
        "throughput_kops": requests_per_s / 1000,
        "busy_percent": cpu_ns / 1e7 / (requests / requests_per_s),
    }


def prepare(server: Server, workload: Workload) -> None:
    with server.connect() as connection:
        connection.ask("FLUSHALL")
        workload.prepare(connection)
        # One try of the command itself, so that an error is told in the server's own words.
        connection.ask(*with_number(workload.command, 0))


def run_workload(servers: list, workload: Workload, options, say) -> dict:
    """All rounds of a workload, for the servers that can do it."""
    rounds = {server.name: [] for server in servers}
    failed = set()
    quiet = Quiet(options, say)
    for number in range(options.repeat):
        for server in servers:
            if server.name in failed:
                continue
            try:
                if number == 0:
                    prepare(server, workload)
                one = quiet.round(lambda: measure(server, workload, options.scale), servers)
                rounds[server.name].append(one)
            except Exception as error:
                say(f"  {workload.name}: {server.name}: {error}")
                failed.add(server.name)
    return {name: some for name, some in rounds.items() if name not in failed}


def run(candidates: list, options, figures, say) -> None:
    chosen = [one for one in WORKLOADS if not options.workloads or one.name in options.workloads]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(one, options.server_cpu)) for one in candidates]
        for workload in chosen:
            rounds = run_workload(servers, workload, options, say)
            requests = requests_of(workload, options.scale)
            settings = {"requests": requests, "repeat": options.repeat}
            figures.put(f"cpu/{workload.name}", settings, rounds)
            for name in rounds:
                cpu_us = figures.median(f"cpu/{workload.name}", name, "cpu_us")
                kops = figures.median(f"cpu/{workload.name}", name, "throughput_kops")
                say(f"  {workload.name:9s} {name:10s} {cpu_us:8.3f} us {kops:8.1f} kops")
        for server in servers:
            with server.connect() as connection:
                connection.ask("FLUSHALL")
