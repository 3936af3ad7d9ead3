"""The stored figures: rows of rounds by server, each row from one run, merged into one file.

A row is what one run measured side by side, so a ratio within a row is always fair. A part of a run
replaces the rows that it measured and leaves the others; each row says which run it comes from, and
a run says when, on what machine and with which servers it was done.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import statistics
from pathlib import Path


def machine() -> dict:
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", text)
    memory_kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / 1024 / 1024),
        "kernel": platform.release(),
    }


def tidy(value):
    """Five significant digits are more than a figure is worth."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: tidy(part) for key, part in value.items()}
    return value


class Figures:
    """What is stored in one figures file."""

    def __init__(self, path: Path):
        self.path = path
        stored = json.loads(path.read_text()) if path.exists() else {}
        self.runs = stored.get("runs", {})
        self.rows = stored.get("rows", {})
        self.run = None

    def begin(self, servers: dict, tools: dict) -> None:
        """Opens a run; the rows put from now on belong to it."""
        now = datetime.datetime.now(datetime.timezone.utc)
        self.run = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.runs[self.run] = {"machine": machine(), "servers": servers, "tools": tools}

    def put(self, row: str, settings: dict, rounds: dict) -> None:
        """Stores one row: for each server its rounds, each a table of named figures."""
        rounds = {name: [tidy(one) for one in some] for name, some in rounds.items() if some}
        if not rounds:
            return
        self.rows[row] = {"run": self.run, "settings": settings, "servers": rounds}
        self.save()

    def save(self) -> None:
        used = {row["run"] for row in self.rows.values()}
        runs = {run: about for run, about in self.runs.items() if run in used}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"runs": runs, "rows": self.rows}, indent=1, sort_keys=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.replace(self.path)

    def servers(self) -> list:
        """All servers that any row has."""
        return sorted({name for row in self.rows.values() for name in row["servers"]})

    def settings(self, row: str) -> dict:
        return self.rows.get(row, {}).get("settings", {})

    def rounds(self, row: str, server: str) -> list:
        return self.rows.get(row, {}).get("servers", {}).get(server, [])

    def values(self, row: str, server: str, name: str) -> list:
        """A figure in all rounds; one that was beyond measure is infinite."""
        rounds = self.rounds(row, server)
        return [float("inf") if one[name] is None else one[name] for one in rounds if name in one]

    def median(self, row: str, server: str, name: str):
        """The middle of the rounds, or None where nothing was measured."""
        values = self.values(row, server, name)
        return middle(values) if values else None


def middle(values: list):
    """The median; of counts it is a count."""
    are_counts = all(isinstance(value, int) for value in values)
    return (statistics.median_low if are_counts else statistics.median)(values)


def percentile(ordered: list, share: float) -> float:
    """The value of an ordered list below which that share of it lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
