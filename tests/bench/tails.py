"""Pauses: what a quiet client waits for its replies while another one fills the keyspace.

The filler is in the scheduling class for idle work, so that it never keeps the prober, with which
it shares the load CPU, from its processor. The same probe of a server at rest shows how much of a
pause is the machine's own.
"""

from __future__ import annotations

import os
import signal
import time

from probe import Prober, processes
from quiet import Quiet
from servers import Server
from wire import Connection, encode

PIPELINE = 64
REST_S = 3.0
# The start of the processes themselves is not to be measured.
WARM_UP_S = 0.3
PROBE = encode("GET", "nosuchkey")


def filler(port: int, keys: int, ready, start) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    value = b"x" * 32
    with Connection(port) as connection:
        requests = (encode("SET", b"key:%012d" % number, value) for number in range(keys))
        ready.set()
        start.wait()
        connection.fill(requests, PIPELINE)


def probe_while_filled(port: int, keys: int) -> dict:
    """Round trips while a process of its own fills; it starts before the probe does."""
    ready, start = processes.Event(), processes.Event()
    process = processes.Process(target=filler, args=(port, keys, ready, start), daemon=True)
    process.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the filler did not start")
        with Prober(port, PROBE) as prober:
            time.sleep(WARM_UP_S)
            prober.forget()
            started_s = time.perf_counter()
            start.set()
            process.join(600)
            fill_s = time.perf_counter() - started_s
    finally:
        process.kill()
        process.join()
    if process.exitcode != 0:
        raise RuntimeError("the fill failed")
    return {**prober.summary(), "fill_s": fill_s}


def measure(candidate, options) -> dict:
    """The round trips at rest and during the fill."""
    with Server(candidate, options.server_cpu) as server:
        time.sleep(0.5)
        with Prober(server.port, PROBE) as at_rest:
            time.sleep(WARM_UP_S)
            at_rest.forget()
            time.sleep(REST_S)
        filled = probe_while_filled(server.port, options.fill_keys)
    return {"rest": at_rest.summary(), "fill": filled}


def run(candidates: list, options, figures, say) -> None:
    rows = {title: {candidate.name: [] for candidate in candidates} for title in ("rest", "fill")}
    quiet = Quiet(options, say)
    for _ in range(options.repeat):
        for candidate in candidates:
            try:
                one = quiet.round(lambda: measure(candidate, options))
            except Exception as error:
                say(f"  {candidate.name}: {error}")
                continue
            for title, rounds in rows.items():
                others_percent = {"others_percent": one["others_percent"]}
                rounds[candidate.name].append({**one[title], **others_percent})
                say(f"  {title} {candidate.name:10s} "
                    + "  ".join(f"{key} {value:.2f}" for key, value in one[title].items()))
    settings = {"repeat": options.repeat}
    figures.put("tails/rest", {**settings, "seconds": REST_S}, rows["rest"])
    figures.put("tails/fill", {**settings, "keys": options.fill_keys, "pipeline": PIPELINE},
                rows["fill"])
