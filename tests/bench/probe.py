"""A quiet client in a process of its own: one request every half millisecond, each timed.

It is a process, not a thread, because the interpreter lets only one thread run at a time: a busy
thread beside it would show up as pauses that the server never made.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time

from figures import percentile
from wire import Connection

INTERVAL_S = 0.0005
# Forked children share nothing that matters here, and start at once.
processes = multiprocessing.get_context("fork")


def probe(port: int, request: bytes, stop, results) -> None:
    """Asks on a beat until told to stop, then hands over (when sent, round trip in ms)."""
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    timed = []
    with Connection(port) as connection:
        due_s = time.perf_counter()
        while not stop.is_set():
            sent_s = time.perf_counter()
            connection.socket.sendall(request)
            connection.socket.recv(256)
            now_s = time.perf_counter()
            timed.append((sent_s, (now_s - sent_s) * 1000))
            # The next beat that is still to come: what was missed is not made up for.
            due_s = max(due_s + INTERVAL_S, now_s)
            time.sleep(due_s - now_s)
    results.send(timed)


class Prober:
    """Runs a probe while its `with` block runs; `round_trips_ms` is there afterwards."""

    def __init__(self, port: int, request: bytes):
        self.stop = processes.Event()
        self.results, self.sender = processes.Pipe(duplex=False)
        self.process = processes.Process(
            target=probe, args=(port, request, self.stop, self.sender), daemon=True)
        self.counted_from_s = 0.0
        self.round_trips_ms = []

    def __enter__(self):
        self.process.start()
        # Only the child holds it now, so that its end is noticed.
        self.sender.close()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        if kind is None and self.results.poll(60):
            timed = self.results.recv()
            self.round_trips_ms = sorted(
                round_trip_ms for sent_s, round_trip_ms in timed if sent_s >= self.counted_from_s)
        self.process.kill()
        self.process.join()

    def forget(self) -> None:
        """What was sent before now does not count."""
        self.counted_from_s = time.perf_counter()

    def summary(self) -> dict:
        times = self.round_trips_ms
        return {
            "p50_ms": percentile(times, 0.5),
            "p99_ms": percentile(times, 0.99),
            "p999_ms": percentile(times, 0.999),
            "max_ms": times[-1],
            "probes": len(times),
        }
