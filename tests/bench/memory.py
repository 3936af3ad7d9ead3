"""Memory: how much the resident size of a fresh server grows for each key."""

from __future__ import annotations

import time
from dataclasses import dataclass

from servers import Server
from wire import encode

TTL_S = 86_400
SETTLE_S = 0.5


@dataclass(frozen=True)
class Shape:
    """One row of the table: what the keys hold. The keys have 16 bytes."""

    name: str
    title: str
    value_length: int
    has_ttl: bool = False


SHAPES = [
    Shape("value32", "32-byte value", 32),
    Shape("value32ttl", "32-byte value and TTL", 32, True),
    Shape("value200", "200-byte value", 200),
]


def requests(shape: Shape, keys: int):
    padding = b"x" * shape.value_length
    expiry = ("EX", TTL_S) if shape.has_ttl else ()
    for number in range(keys):
        value = (b"%016d" % number + padding)[:shape.value_length]
        yield encode("SET", "key:%012d" % number, value, *expiry)


def measure(candidate, cpu: int, shape: Shape, keys: int) -> dict:
    with Server(candidate, cpu) as server, server.connect() as connection:
        time.sleep(SETTLE_S)
        before_bytes = server.rss_bytes()
        connection.fill(requests(shape, keys))
        time.sleep(SETTLE_S)
        after_bytes = server.rss_bytes()
        stored = connection.ask("DBSIZE")
    if stored != keys:
        raise RuntimeError(f"{stored} keys are there, {keys} were sent")
    return {"bytes_per_key": (after_bytes - before_bytes) / keys}


def run(candidates: list, options, figures, say) -> None:
    for shape in SHAPES:
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
