"""Idle: system calls of a server that has nothing to do, and of one small burst, by strace."""

from __future__ import annotations

import collections
import shutil
import signal
import subprocess
import time
from pathlib import Path

from servers import Server
from wire import encode

KEYS = 1000
BURST = 100
# From the start of strace until it surely traces.
ATTACH_S = 0.5
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
         "restart_syscall"}


class Trace:
    """strace on a server while the `with` block runs; afterwards `threads` has their calls."""

    def __init__(self, server):
        self.server = server
        self.prefix = Path(server.folder.name) / "trace"
        self.tracer = None
        self.threads = []

    def __enter__(self):
        command = ["strace", "-ff", "-qq", "-s", "64", "-o", str(self.prefix),
                   "-p", str(self.server.process.pid)]
        self.tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        time.sleep(ATTACH_S)
        if self.tracer.poll() is not None:
            raise RuntimeError(f"strace: {self.tracer.stderr.read().strip()[-200:]}")
        return self

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        self.tracer.wait()
        self.tracer.stderr.close()
        traces = sorted(self.prefix.parent.glob("trace.*"))
        self.threads = [calls_of(path.read_text(errors="replace")) for path in traces]
        for path in traces:
            path.unlink()


def calls_of(trace: str) -> list:
    """The calls of one thread's trace, without exits and signals."""
    return [line for line in trace.splitlines() if line and line[0] not in "+-"]


def idle_calls(threads: list) -> int:
    """Calls made while watching: the first of each thread was under way when the tracer came."""
    return sum(max(0, len(calls) - 1) for calls in threads)


def name_of(call: str) -> str:
    return call.split("(", 1)[0]


def is_wait(call: str) -> bool:
    return name_of(call) in WAITS


def burst_calls(threads: list):
    """The calls by name from the wait that the burst ended to its last reply, or None."""
    for calls in threads:
        heard = [place for place, call in enumerate(calls) if "PING" in call]
        answered = [place for place, call in enumerate(calls) if "PONG" in call]
        if not heard or not answered:
            continue
        first, end = heard[0], answered[-1] + 1
        while first > 0 and not is_wait(calls[first]):
            first -= 1
        # What follows the last reply, up to the next wait, is still for the burst.
        while end < len(calls) and not is_wait(calls[end]):
            end += 1
        return dict(collections.Counter(name_of(call) for call in calls[first:end]))
    return None


def measure(candidate, cpu: int, watch_s: float) -> dict:
    with Server(candidate, cpu) as server, server.connect() as connection:
        connection.fill(encode("SET", f"key:{number}", "v", "EX", 3600) for number in range(KEYS))
        time.sleep(1)
        with Trace(server) as quiet:
            time.sleep(watch_s - ATTACH_S)
        with Trace(server) as busy:
            connection.fill([encode("PING")] * BURST, BURST)
            time.sleep(ATTACH_S)
    one = {"calls": idle_calls(quiet.threads)}
    calls = burst_calls(busy.threads)
    if calls:
        one.update(burst=calls, burst_calls=sum(calls.values()))
    return one


def run(candidates: list, options, figures, say) -> None:
    if not shutil.which("strace"):
        say("  strace is not on the PATH: not measured")
        return
    rounds = {candidate.name: [] for candidate in candidates}
    for _ in range(options.repeat):
        for candidate in candidates:
            try:
                one = measure(candidate, options.server_cpu, options.watch_s)
            except Exception as error:
                say(f"  {candidate.name}: {error}")
                continue
            rounds[candidate.name].append(one)
            say(f"  {candidate.name:10s} {one['calls']:.0f} calls in {options.watch_s:.0f} s; "
                f"burst of {BURST}: {one.get('burst')}")
    settings = {"repeat": options.repeat, "watch_s": options.watch_s, "keys": KEYS, "burst": BURST}
    figures.put("idle/strace", settings, rounds)
