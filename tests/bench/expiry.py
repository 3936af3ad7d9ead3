"""Expiry: how late keys die, and what others feel when a million of them die at once."""

from __future__ import annotations

import socket
import time

from figures import percentile
from probe import Prober
from quiet import Quiet
from servers import Server
from wire import encode

DUE_KEYS = 1000
DUE_IN_S = 2.0
# Keys that a slow fill surely writes in a second: the storm's deadline must lie after its fill.
FILL_KEYS_PER_S = 80_000
POLL_S = 0.005
# The prober starts so long before the deadline.
WARM_UP_S = 0.5


def due_keys(keys: int, deadline_ms: int):
    return (encode("SET", f"due:{number}", "v", "PXAT", deadline_ms) for number in range(keys))


def fill_before(connection, keys: int, seconds: float) -> int:
    """Writes keys that share one deadline, and returns it; it lies ahead when this returns."""
    deadline_ms = int((time.time() + seconds) * 1000)
    connection.fill(due_keys(keys, deadline_ms))
    if time.time() * 1000 >= deadline_ms:
        raise RuntimeError("the fill was slower than the deadline")
    return deadline_ms


def watch(subscriber, deadline_ms: int, window_s: float) -> list:
    """The lags in ms of the events that come within the window."""
    lags_ms, tail = [], b""
    end_s = deadline_ms / 1000 + window_s
    while len(lags_ms) < DUE_KEYS and time.time() < end_s:
        subscriber.socket.settimeout(max(0.001, end_s - time.time()))
        try:
            data = subscriber.socket.recv(1 << 18)
        except socket.timeout:
            break
        # A name may be cut in two by the end of what was read.
        lags_ms += [time.time() * 1000 - deadline_ms] * (tail + data).count(b"\r\ndue:")
        tail = data[-5:]
    return lags_ms


def lag_summary(lags_ms: list) -> dict:
    """Those that never came count as the latest: a percentile that falls on them is None."""
    ordered = sorted(lags_ms) + [None] * (DUE_KEYS - len(lags_ms))
    return {
        "events": len(lags_ms),
        "p50_ms": percentile(ordered, 0.5),
        "p99_ms": percentile(ordered, 0.99),
        "max_ms": ordered[-1],
        "min_ms": ordered[0],
    }


def measure_lag(candidate, options) -> dict:
    with Server(candidate, options.server_cpu) as server, server.connect() as connection:
        connection.ask("CONFIG", "SET", "notify-keyspace-events", "Ex")
        connection.fill(encode("SET", f"later:{number}", "v", "EX", 3600)
                        for number in range(options.background_keys))
        with server.connect() as subscriber:
            subscriber.ask("SUBSCRIBE", "__keyevent@0__:expired")
            deadline_ms = fill_before(connection, DUE_KEYS, DUE_IN_S)
            return lag_summary(watch(subscriber, deadline_ms, options.window_s))


def measure_storm(candidate, options) -> dict:
    keys = options.storm_keys
    with Server(candidate, options.server_cpu) as server, server.connect() as connection:
        deadline_ms = fill_before(connection, keys, DUE_IN_S + keys / FILL_KEYS_PER_S)
        time.sleep(max(0, deadline_ms / 1000 - time.time() - WARM_UP_S))
        with Prober(server.port, encode("PING")) as prober:
            time.sleep(max(0, deadline_ms / 1000 - time.time()))
            prober.forget()
            left, end_s = keys, deadline_ms / 1000 + options.window_s
            while left and time.time() < end_s:
                time.sleep(POLL_S)
                left = connection.ask("DBSIZE")
            over_ms = time.time() * 1000 - deadline_ms
        ping = prober.summary()
    return {
        "over_ms": None if left else over_ms,
        "left": left,
        "ping_p50_ms": ping["p50_ms"],
        "ping_p99_ms": ping["p99_ms"],
        "ping_max_ms": ping["max_ms"],
    }


def run_row(row: str, measure, candidates: list, options, say) -> dict:
    rounds = {candidate.name: [] for candidate in candidates}
    quiet = Quiet(options, say)
    for _ in range(options.repeat):
        for candidate in candidates:
            try:
                one = quiet.round(lambda: measure(candidate, options))
            except Exception as error:
                say(f"  {row}: {candidate.name}: {error}")
                continue
            rounds[candidate.name].append(one)
            say(f"  {row} {candidate.name}: {shown(one)}")
    return rounds


def shown(one: dict) -> str:
    return ", ".join(f"{key} {value if value is None else round(value, 2)}"
                     for key, value in one.items())


def run(candidates: list, options, figures, say) -> None:
    settings = {"repeat": options.repeat, "window_s": options.window_s}
    lag = run_row("lag", measure_lag, candidates, options, say)
    about = {"due_keys": DUE_KEYS, "background_keys": options.background_keys}
    figures.put("expiry/lag", {**settings, **about}, lag)
    storm = run_row("storm", measure_storm, candidates, options, say)
    figures.put("expiry/storm", {**settings, "keys": options.storm_keys}, storm)
