"""Clients that listen: what publishing, groups, transactions and tracking cost a server.

The load is made here, from requests put together beforehand, and only the CPU of the server counts,
so it does not matter that this is Python. What one client sends, or is sent, is read in few large
pieces. Servers take turns as in `load`, A B A B, all running on one CPU.
"""

from __future__ import annotations

import contextlib
import random
import resource
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

from load import KEY, KEYS, VALUE, million_keys, redis_benchmark_arguments
from probe import Prober, processes
from quiet import Quiet
from servers import Server
from wire import Connection, encode

CHANNEL = "news"
MESSAGE = encode("message", CHANNEL, VALUE)
# Messages that wait in the sockets of subscribers before these are read.
READ_EVERY = 64
ENTRIES = 100
BATCHES = 1000
# Ids of one width, so that all replies have one length.
FIRST_ID = 10**12
SETS = 10
SENDERS = 50
DISTINCT = 1000
TRACKERS = 1000
CROWD = 10_000
STALLS = 20
STALL_EVERY_S = 0.1
SPARE_DESCRIPTORS = 100
PATIENCE_S = 60


def receive(connection: Connection, count: int) -> bytes:
    """So many bytes, in as few reads as it takes."""
    data = connection.socket.recv(count, socket.MSG_WAITALL)
    if len(data) != count:
        raise ConnectionError("the server closed the connection")
    return data


def expect(connection: Connection, reply: bytes) -> None:
    data = receive(connection, len(reply))
    if data != reply:
        raise RuntimeError(f"{data[:60]!r} came, not {reply[:60]!r}")


def allow_descriptors(count: int) -> None:
    """Raises our limit of open sockets; a server that is started afterwards inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def connect(stack, port: int) -> Connection:
    """A connection that truly blocks, as to wait for all of a piece takes it."""
    connection = stack.enter_context(Connection(port))
    connection.socket.settimeout(None)
    patience = struct.pack("@ll", PATIENCE_S, 0)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    return connection


def connections(stack, server: Server, count: int) -> list:
    return [connect(stack, server.port) for _ in range(count)]


def subscribers(stack, server: Server, count: int) -> list:
    """Connections that listen to the channel."""
    listening = connections(stack, server, count)
    for one in listening:
        one.ask("SUBSCRIBE", CHANNEL)
    return listening


class Publishing:
    """One client publishes, some listen. Subscribers read once in a while, each in one call."""

    def __init__(self, stack, server: Server, count: int, pipeline: int):
        self.listening = subscribers(stack, server, count)
        self.publisher = connect(stack, server.port)
        self.pipeline = pipeline
        self.request = encode("PUBLISH", CHANNEL, VALUE) * pipeline
        self.reply = b":%d\r\n" % count * pipeline

    def run(self, count: int) -> int:
        rounds = -(-count // READ_EVERY)
        for _ in range(rounds):
            for _ in range(READ_EVERY // self.pipeline):
                self.publisher.socket.sendall(self.request)
                expect(self.publisher, self.reply)
            for one in self.listening:
                receive(one, len(MESSAGE) * READ_EVERY)
        return rounds * READ_EVERY


class Group:
    """A consumer reads a hundred entries and acknowledges them, again and again."""

    def __init__(self, stack, server: Server):
        self.connection = connect(stack, server.port)
        self.connection.ask("FLUSHALL")
        ids = [f"{FIRST_ID + number}-0" for number in range(BATCHES * ENTRIES)]
        for one in ids:
            self.connection.socket.sendall(encode("XADD", "s", one, "first", VALUE, "second", VALUE))
            expect(self.connection, b"$%d\r\n%s\r\n" % (len(one), one.encode()))
        self.connection.ask("XGROUP", "CREATE", "s", "g", 0)
        self.read = encode("XREADGROUP", "GROUP", "g", "c", "COUNT", ENTRIES, "STREAMS", "s", ">")
        self.acks = [encode("XACK", "s", "g", *ids[first:first + ENTRIES])
                     for first in range(0, len(ids), ENTRIES)]
        item = encode("first", VALUE, "second", VALUE)
        entry = b"*2\r\n$%d\r\n%s\r\n" % (len(ids[0]), ids[0].encode()) + item
        self.length = len(b"*1\r\n*2\r\n$1\r\ns\r\n*%d\r\n" % ENTRIES) + len(entry) * ENTRIES

    def run(self, count: int) -> int:
        done = 0
        while done < count:
            self.connection.ask("XGROUP", "SETID", "s", "g", 0)
            for ack in self.acks[:count - done]:
                self.connection.socket.sendall(self.read)
                receive(self.connection, self.length)
                self.connection.socket.sendall(ack)
                expect(self.connection, b":%d\r\n" % ENTRIES)
                done += 1
        return done


def transaction(rng: random.Random) -> list:
    """The requests of one transaction: SETs of keys by chance."""
    sets = [encode("SET", "key:%012d" % rng.randrange(KEYS), VALUE) for _ in range(SETS)]
    return [encode("MULTI"), *sets, encode("EXEC")]


class Transactions:
    """Fifty clients run transactions: a request at a time, or so many transactions at once."""

    REPLIES = [b"+OK\r\n", *[b"+QUEUED\r\n"] * SETS, b"*%d\r\n" % SETS + b"+OK\r\n" * SETS]

    def __init__(self, stack, server: Server, pipeline: int):
        self.senders = connections(stack, server, SENDERS)
        self.senders[0].ask("FLUSHALL")
        million_keys(self.senders[0])
        rng = random.Random(1)
        if pipeline == 0:
            self.together = 1
            self.steps = [(transaction(rng), self.REPLIES) for _ in range(DISTINCT)]
        else:
            self.together = pipeline
            replies = [b"".join(self.REPLIES) * pipeline]
            self.steps = [([b"".join(b"".join(transaction(rng)) for _ in range(pipeline))], replies)
                          for _ in range(DISTINCT)]

    def run(self, count: int) -> int:
        rounds = -(-count // (SENDERS * self.together))
        for number in range(rounds):
            requests, replies = self.steps[number % DISTINCT]
            for request, reply in zip(requests, replies):
                for sender in self.senders:
                    sender.socket.sendall(request)
                for sender in self.senders:
                    expect(sender, reply)
        return rounds * SENDERS * self.together


class Gets:
    """A thousand clients read keys of a million; they track what they read, or not."""

    def __init__(self, stack, server: Server, pipeline: int, is_tracked: bool):
        self.server, self.pipeline, self.is_tracked = server, pipeline, is_tracked
        with server.connect() as connection:
            connection.ask("FLUSHALL")
            million_keys(connection)

    def run(self, count: int) -> int:
        arguments = redis_benchmark_arguments(
            self.server, ("GET", KEY), requests=count, pipeline=self.pipeline, clients=TRACKERS,
            random_range=KEYS)
        if self.is_tracked:
            arguments.insert(1, "--enable-tracking")
        subprocess.run(arguments, capture_output=True, check=True, timeout=300)
        return count


@dataclass(frozen=True)
class Case:
    """One row: how its load is made ready, and how often it is done in a round."""

    name: str
    title: str
    count: int
    ready: Callable


def publishing(subscribers: int, pipeline: int) -> Callable:
    return lambda stack, server: Publishing(stack, server, subscribers, pipeline)


def gets(pipeline: int, is_tracked: bool) -> Callable:
    return lambda stack, server: Gets(stack, server, pipeline, is_tracked)


CASES = [
    Case("publish1", "PUBLISH to 1", 50_000, publishing(1, 1)),
    Case("publish100", "PUBLISH to 100", 5_000, publishing(100, 1)),
    Case("publish1000", "PUBLISH to 1,000", 800, publishing(1_000, 1)),
    Case("publish1p16", "PUBLISH to 1, pipeline 16", 200_000, publishing(1, 16)),
    Case("publish100p16", "PUBLISH to 100, pipeline 16", 20_000, publishing(100, 16)),
    Case("publish1000p16", "PUBLISH to 1,000, pipeline 16", 3_200, publishing(1_000, 16)),
    Case("group", "XREADGROUP and XACK of 100", 5_000, Group),
    Case("exec1", "transaction of ten SETs, a request at a time", 20_000,
         lambda stack, server: Transactions(stack, server, 0)),
    Case("exec12", "the same, sent at once", 50_000,
         lambda stack, server: Transactions(stack, server, 1)),
    Case("exec192", "the same, 16 at once", 100_000,
         lambda stack, server: Transactions(stack, server, 16)),
    Case("get1", "GET by 1,000 clients", 300_000, gets(1, False)),
    Case("get1tracked", "the same, tracked", 300_000, gets(1, True)),
    Case("get16", "GET by 1,000 clients, pipeline 16", 2_000_000, gets(16, False)),
    Case("get16tracked", "the same, tracked", 2_000_000, gets(16, True)),
]


def measure(server: Server, load, count: int) -> dict:
    before_ns = server.cpu_ns()
    done = load.run(count)
    return {"cpu_us": (server.cpu_ns() - before_ns) / 1000 / done}


def count_of(case: Case, scale: float) -> int:
    return max(READ_EVERY, int(case.count * scale))


def run_case(servers: list, case: Case, options, say) -> dict:
    """All rounds of a case, for the servers that can do it."""
    rounds, loads = {server.name: [] for server in servers}, {}
    count = count_of(case, options.scale)
    quiet = Quiet(options, say)
    with contextlib.ExitStack() as stack:
        for number in range(options.repeat):
            for server in servers:
                try:
                    if number == 0:
                        loads[server.name] = case.ready(stack, server)
                    if server.name in loads:
                        load = loads[server.name]
                        one = quiet.round(lambda: measure(server, load, count), servers)
                        rounds[server.name].append(one)
                except Exception as error:
                    say(f"  {case.name}: {server.name}: {error}")
                    loads.pop(server.name, None)
                    rounds[server.name] = []
    return rounds


def crowd(port: int, ready, start, over) -> None:
    """Subscribers in great number, in a process of its own, with a publisher among them."""
    with contextlib.ExitStack() as stack:
        listening = []
        for _ in range(CROWD):
            listening.append(connect(stack, port))
            listening[-1].ask("SUBSCRIBE", CHANNEL)
        publisher = connect(stack, port)
        ready.set()
        start.wait()
        for _ in range(STALLS):
            publisher.ask("PUBLISH", CHANNEL, VALUE)
            time.sleep(STALL_EVERY_S)
        over.set()
        for one in listening:
            receive(one, len(MESSAGE) * STALLS)


def await_event(event, process) -> None:
    """Waits for what a process is to tell, as long as it lives."""
    while not event.wait(0.1):
        if not process.is_alive():
            raise RuntimeError("a process that listens has ended")


def measure_stall(candidate, options) -> dict:
    """Round trips of a quiet client while messages go to ten thousand others."""
    ready, start, over = (processes.Event() for _ in range(3))
    with Server(candidate, options.server_cpu) as server:
        with server.connect() as connection:
            connection.ask("CONFIG", "SET", "maxclients", CROWD + SPARE_DESCRIPTORS)
        process = processes.Process(target=crowd, args=(server.port, ready, start, over),
                                    daemon=True)
        process.start()
        try:
            await_event(ready, process)
            with Prober(server.port, encode("PING")) as prober:
                time.sleep(0.3)
                prober.forget()
                start.set()
                await_event(over, process)
            process.join(60)
        finally:
            process.kill()
            process.join()
    if process.exitcode != 0:
        raise RuntimeError("a subscriber did not get its messages")
    return prober.summary()


def run_stalls(candidates: list, options, figures, say) -> None:
    rounds = {candidate.name: [] for candidate in candidates}
    quiet = Quiet(options, say)
    for _ in range(options.repeat):
        for candidate in candidates:
            try:
                one = quiet.round(lambda: measure_stall(candidate, options))
            except Exception as error:
                say(f"  stall: {candidate.name}: {error}")
                continue
            rounds[candidate.name].append(one)
            say(f"  stall {candidate.name:10s} "
                + "  ".join(f"{key} {value:.2f}" for key, value in one.items()))
    figures.put("listeners/stall", {"repeat": options.repeat, "subscribers": CROWD,
                                    "messages": STALLS}, rounds)


def run(candidates: list, options, figures, say) -> None:
    allow_descriptors(CROWD + SPARE_DESCRIPTORS)
    chosen = [one for one in CASES if not options.workloads or one.name in options.workloads]
    for case in chosen:
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(Server(one, options.server_cpu)) for one in candidates]
            rounds = run_case(servers, case, options, say)
        row = f"listeners/{case.name}"
        figures.put(row, {"repeat": options.repeat, "count": count_of(case, options.scale)}, rounds)
        for name in rounds:
            cpu_us = figures.median(row, name, "cpu_us")
            if cpu_us is not None:
                say(f"  {case.name:14s} {name:10s} {cpu_us:9.3f} us")
    if not options.workloads or "stall" in options.workloads:
        run_stalls(candidates, options, figures, say)
