"""Memory: how much the resident size of a fresh server grows for each key, or for each element."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from servers import Server
from wire import encode

TTL_S = 86_400
SETTLE_S = 0.5


@dataclass(frozen=True)
class Shape:
    """One row of the table: what the keys hold. The keys have 16 bytes."""

    name: str
    title: str
    # The words of the request that stores a key or an element of that number.
    words: Callable
    # Elements of one key.
    elements: int = 1


def string(length: int, *options) -> Callable:
    padding = b"x" * length
    return lambda key, number: ("SET", key, (b"%016d" % number + padding)[:length], *options)


SHAPES = [
    Shape("value32", "32-byte value", string(32)),
    Shape("value32ttl", "32-byte value and TTL", string(32, "EX", TTL_S)),
    Shape("value200", "200-byte value", string(200)),
    Shape("smallhash", "field of 5 in a hash",
          lambda key, number: ("HSET", key, "f%d" % (number % 5), "value:%06d" % number), 5),
    Shape("hash", "field of 5,000 in a hash",
          lambda key, number: ("HSET", key, "field:%08d" % number, "value:%08d" % number), 5_000),
    Shape("set", "member of 5,000 in a set",
          lambda key, number: ("SADD", key, "member:%08d" % number), 5_000),
    Shape("zset", "member of 5,000 in a sorted set",
          lambda key, number: ("ZADD", key, number * 7919 % 1_000_003, "member:%08d" % number),
          5_000),
    Shape("list", "element of 5,000 in a list",
          lambda key, number: ("RPUSH", key, "element:%08d" % number), 5_000),
    Shape("stream", "entry of two fields in a stream",
          lambda key, number: ("XADD", key, "*", "sensor", "%08d" % number, "value", number % 100),
          1_000_000),
]


def requests(shape: Shape, keys: int):
    for number in range(keys):
        yield encode(*shape.words("key:%012d" % (number // shape.elements), number))


def measure(candidate, cpu: int, shape: Shape, keys: int) -> dict:
    with Server(candidate, cpu) as server, server.connect() as connection:
        time.sleep(SETTLE_S)
        before_bytes = server.rss_bytes()
        connection.fill(requests(shape, keys))
        time.sleep(SETTLE_S)
        after_bytes = server.rss_bytes()
        stored = connection.ask("DBSIZE")
    if stored != -(-keys // shape.elements):
        raise RuntimeError(f"{stored} keys are there, {keys} were sent, {shape.elements} to one")
    return {"bytes_per_key": (after_bytes - before_bytes) / keys}


def run(candidates: list, options, figures, say) -> None:
    chosen = [one for one in SHAPES if not options.workloads or one.name in options.workloads]
    for shape in chosen:
        rounds = {candidate.name: [] for candidate in candidates}
        for _ in range(options.repeat):
            for candidate in candidates:
                try:
                    one = measure(candidate, options.server_cpu, shape, options.memory_keys)
                except Exception as error:
                    say(f"  {shape.name}: {candidate.name}: {error}")
                    continue
                rounds[candidate.name].append(one)
        row = f"memory/{shape.name}"
        figures.put(row, {"keys": options.memory_keys, "repeat": options.repeat}, rounds)
        for name in rounds:
            per_key = figures.median(row, name, "bytes_per_key")
            if per_key is not None:
                say(f"  {shape.name:10s} {name:10s} {per_key:6.1f} bytes per key")
