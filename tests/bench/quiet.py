"""Quiet rounds: how much of the two CPUs other processes took, and rounds done again for that.

What others took is what the kernel says was used of the two CPUs (and stolen from them), less what
the servers and the harness used themselves. A kernel that books interrupts apart makes it look like
more than it is; then rounds are repeated in vain, but they are still right.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Of one CPU, while the harness does nothing.
QUIET_PERCENT = 6.0
# Of one CPU, over a round.
DISTURBED_PERCENT = 10.0
SAMPLE_S = 0.5
IDLE_FIELDS = (3, 4)


def used_s(cpus: set) -> float:
    """Seconds for which these CPUs did anything since the machine started."""
    names = {f"cpu{cpu}" for cpu in cpus}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in names:
            # The last two fields, of guests, are part of the first two.
            ticks += sum(int(field) for place, field in enumerate(fields[:8])
                         if place not in IDLE_FIELDS)
    return ticks / TICKS_PER_S


def own_s(running: list) -> float:
    """Seconds that we, our children that ended, and these running servers used."""
    total_s = sum(server.cpu_ns() for server in running) / 1e9
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total_s += usage.ru_utime + usage.ru_stime
    return total_s


class Watch:
    """From its making on: what share of one CPU others took."""

    def __init__(self, cpus: set, running: list):
        self.cpus, self.running = cpus, running
        self.started_s = time.monotonic()
        self.used_s, self.own_s = used_s(cpus), own_s(running)

    def others_percent(self) -> float:
        passed_s = time.monotonic() - self.started_s
        others_s = used_s(self.cpus) - self.used_s - own_s(self.running) + self.own_s
        return max(0.0, others_s / passed_s * 100)


class Quiet:
    """Runs rounds when the machine is quiet, and again when it did not stay so."""

    def __init__(self, options, say):
        self.cpus = {options.server_cpu, options.load_cpu}
        self.attempts = options.attempts
        self.patience_s = options.patience_s
        self.say = say

    def round(self, measure, running: list = ()) -> dict:
        """The least disturbed of some attempts; their results have no say in the choice."""
        best = None
        for _ in range(self.attempts):
            self.wait(running)
            watch = Watch(self.cpus, running)
            one = measure()
            one["others_percent"] = watch.others_percent()
            if best is None or one["others_percent"] < best["others_percent"]:
                best = one
            if best["others_percent"] <= DISTURBED_PERCENT:
                break
        return best

    def wait(self, running: list) -> None:
        if self.attempts < 2:
            return
        end_s = time.monotonic() + self.patience_s
        is_told = False
        while time.monotonic() < end_s:
            watch = Watch(self.cpus, running)
            time.sleep(SAMPLE_S)
            others_percent = watch.others_percent()
            if others_percent <= QUIET_PERCENT:
                return
            if not is_told:
                self.say(f"  (others use {others_percent:.0f}% of a CPU: waiting)")
                is_told = True
