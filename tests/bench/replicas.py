#!/usr/bin/env python3
"""Replication: a full synchronization, what a replica costs its primary, its lag, and a short cut.

A primary and a replica of each server, beside each other: `tests/bench/replicas.py` measures ours
and the peers that are on the PATH, and prints a line for each figure with the ratio to the base.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figures import percentile
from servers import BASE, Server, candidates
from wire import ReplyError, encode

VALUE = b"v" * 100
PATIENCE_S = 120.0


def field(connection, name: str, section: str = "replication") -> str:
    """One line of INFO; empty if it is not there."""
    info = connection.ask("INFO", section).decode()
    return field_of(info, name)


def field_of(info: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)}:(.*?)\r?$", info, re.MULTILINE)
    return found.group(1) if found else ""


def until(holds, what: str, pause_s: float = 0.002) -> float:
    """Waits until something holds; how long that took, in seconds."""
    begun = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - begun
        except ReplyError:
            # It is loading.
            pass
        if time.monotonic() - begun > PATIENCE_S:
            raise TimeoutError(f"never: {what}")
        time.sleep(pause_s)


def attach(primary, replica, connection) -> float:
    """Has a server follow another; seconds until it has everything."""
    connection.ask("REPLICAOF", "127.0.0.1", primary.port)
    return until(lambda: field(connection, "master_link_status") == "up", "the replica is up")


def full_sync(candidate, options, delay_s) -> dict:
    """Seconds from REPLICAOF to the end of a full synchronization of many keys."""
    with Server(candidate, options.primary_cpu) as primary, \
            Server(candidate, options.other_cpu) as replica, \
            primary.connect() as first, replica.connect() as second:
        first.fill(encode("SET", f"key:{number}", VALUE) for number in range(options.keys))
        if delay_s is not None:
            first.ask("CONFIG", "SET", "repl-diskless-sync-delay", delay_s)
        seconds = attach(primary, replica, second)
        if second.ask("DBSIZE") != options.keys:
            raise RuntimeError("the replica lacks keys")
        return {"s": seconds}


def pair_under_load(candidate, options) -> dict:
    """Processor time of the primary for each SET, lag of the replica, and a cut that is mended."""
    with Server(candidate, options.primary_cpu) as primary, \
            Server(candidate, options.other_cpu) as replica, \
            primary.connect() as first, replica.connect() as second:
        first.ask("CONFIG", "SET", "repl-diskless-sync-delay", 0)
        first.ask("CONFIG", "SET", "repl-backlog-size", 64 << 20)
        attach(primary, replica, second)
        before_ns = primary.cpu_ns()
        load(primary, options, options.requests).wait()
        cpu_ns = (primary.cpu_ns() - before_ns) / options.requests
        until(lambda: same_offsets(first, second), "the replica has everything")
        running = load(primary, options, 1 << 40)
        try:
            lags_ms = lags(first, second, options.probes)
            cut_s = cut(first, second)
        finally:
            running.kill()
            running.wait()
        until(lambda: same_offsets(first, second), "the replica has everything")
        return {"cpu_ns": cpu_ns, "lag_p50_ms": percentile(lags_ms, 0.5),
                "lag_p99_ms": percentile(lags_ms, 0.99), "cut_s": cut_s,
                "full": int(field(first, "sync_full", "stats")),
                "partial": int(field(first, "sync_partial_ok", "stats"))}


def load(primary, options, requests: int):
    """A process that sends SETs, sixteen at a time on each connection."""
    command = ["taskset", "-c", str(options.other_cpu), "redis-benchmark", "-p", str(primary.port),
               "-t", "set", "-n", str(requests), "-r", "1000000", "-P", "16", "-c", "20",
               "-d", "100", "-q"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def same_offsets(first, second) -> bool:
    return field(first, "master_repl_offset") == field(second, "master_repl_offset")


def lags(first, second, count: int) -> list:
    """Milliseconds from a reply of the primary until the replica shows the change."""
    found = []
    for number in range(count):
        first.ask("SET", "probe", number)
        begun = time.monotonic()
        while second.ask("GET", "probe") != str(number).encode():
            pass
        found.append((time.monotonic() - begun) * 1e3)
        time.sleep(0.005)
    return sorted(found)


def cut(first, second) -> float:
    """Breaks the link; seconds until the stream comes again."""
    attempts = int(field(first, "sync_partial_ok", "stats"))
    first.ask("CLIENT", "KILL", "TYPE", "replica")
    return until(lambda: int(field(first, "sync_partial_ok", "stats")) > attempts, "it is mended")


def summary(rounds: dict, name: str) -> list:
    """Lines that show one figure of each server with its ratio to the base."""
    middles = {server: statistics.median(one[name] for one in some)
               for server, some in rounds.items() if some}
    base = middles.get(BASE)
    lines = []
    for server, value in middles.items():
        ratio = f"  {value / base:.2f} of {BASE}" if base and server != BASE else ""
        lines.append(f"  {server:10s} {name:10s} {value:12.4g}{ratio}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=2_000_000)
    parser.add_argument("--probes", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--primary-cpu", type=int, default=0)
    parser.add_argument("--other-cpu", type=int, default=1)
    options = parser.parse_args()
    if not shutil.which("redis-benchmark"):
        raise SystemExit("replicas: redis-benchmark is not on the PATH")
    chosen = candidates(options.server, options.only, print)
    parts = [("full sync, defaults", lambda one: full_sync(one, options, None), ["s"]),
             ("full sync, no delay", lambda one: full_sync(one, options, 0), ["s"]),
             ("SET, 16 at a time, one replica", lambda one: pair_under_load(one, options),
              ["cpu_ns", "lag_p50_ms", "lag_p99_ms", "cut_s", "full", "partial"])]
    for title, measure, names in parts:
        print(title)
        rounds = {candidate.name: [] for candidate in chosen}
        for _ in range(options.repeat):
            for candidate in chosen:
                rounds[candidate.name].append(measure(candidate))
        for name in names:
            print("\n".join(summary(rounds, name)), flush=True)


if __name__ == "__main__":
    main()
