#!/usr/bin/env python3
"""The bench harness: `run` measures servers side by side, `render` writes the document.

  bench.py run                      everything, about half an hour; figures go to figures.json
  bench.py run --only cpu,memory    some parts; the other figures stay as they are
  bench.py run --quick              a minute or two: does it work? (figures go to target/bench)
  bench.py render                   docs/performance.md and its plots, from the stored figures
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import expiry
import idle
import listeners
import load
import memory
import persist
import render
import servers
import tails
from figures import Figures

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "figures.json"
QUICK_FIGURES = servers.ROOT / "target/bench/figures.json"
PARTS = {"cpu": load, "memory": memory, "expiry": expiry, "tails": tails, "idle": idle,
         "persist": persist, "listeners": listeners}

# flag: (type, full size, size of --quick, what it is)
SIZES = {
    "repeat": (int, 5, 2, "rounds of every measurement"),
    "scale": (float, 1.0, 0.05, "factor on the requests of every workload"),
    "memory-keys": (int, 500_000, 50_000, "keys of the memory figures"),
    "background-keys": (int, 100_000, 10_000, "keys not yet due beside those that expire"),
    "storm-keys": (int, 1_000_000, 100_000, "keys that are due in one millisecond"),
    "window-s": (float, 20.0, 4.0, "seconds to wait for keys to expire"),
    "fill-keys": (int, 4_000_000, 300_000, "keys of the fill that may cause pauses"),
    "save-keys": (int, 1_000_000, 50_000, "keys of the data that is saved and loaded"),
    "watch-s": (float, 5.0, 2.0, "seconds to watch an idle server"),
    "attempts": (int, 4, 1, "tries of a round that others disturb"),
    "patience-s": (float, 300.0, 0.0, "seconds to wait for a quiet machine, before each try"),
}


def say(text: str) -> None:
    print(text, flush=True)


def names(text: str) -> list:
    return [name for name in text.split(",") if name]


def workload_names() -> list:
    named = load.WORKLOADS + memory.SHAPES + listeners.CASES
    return [one.name for one in named] + persist.CASES + ["stall"]


def parse(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure and store")
    run.add_argument("--only", type=names, default=[], help=f"parts: {','.join(PARTS)}")
    run.add_argument("--workloads", type=names, default=[],
                     help="of the parts cpu, memory, persist and listeners: " + ",".join(workload_names()))
    run.add_argument("--servers", type=names, default=[], help="only these, by name")
    run.add_argument("--server", action="append", default=[], metavar="NAME=COMMAND",
                     help="one more server; {port} in COMMAND is replaced")
    run.add_argument("--quick", action="store_true", help="small sizes: a check that it works")
    run.add_argument("--figures", type=Path, help="the file to merge into")
    for flag, (kind, full, quick, about) in SIZES.items():
        run.add_argument(f"--{flag}", type=kind, metavar="N",
                         help=f"{about} (default {full}, quick {quick})")
    write = commands.add_parser("render", help="write the document and its plots")
    write.add_argument("--figures", type=Path, default=FIGURES, help="the file to read")
    write.add_argument("--docs", type=Path, default=servers.ROOT / "docs", help="where to write")
    options = parser.parse_args(arguments)
    if options.command == "run":
        complete(parser, options)
    return options


def complete(parser, options) -> None:
    """Fills in sizes and checks names."""
    for flag, (_, full, quick, _) in SIZES.items():
        name = flag.replace("-", "_")
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
    options.figures = options.figures or (QUICK_FIGURES if options.quick else FIGURES)
    options.only = options.only or list(PARTS)
    known = workload_names()
    wrong = [name for name in options.only if name not in PARTS]
    wrong += [name for name in options.workloads if name not in known]
    if wrong:
        parser.error(f"no such part or workload: {', '.join(wrong)}")


def choose_cpus(options) -> None:
    """One CPU for the servers, another for all that loads and watches them."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("bench: it takes two CPUs: one for the servers, one for the load")
    options.server_cpu, options.load_cpu = cpus[:2]
    os.sched_setaffinity(0, {options.load_cpu})


def those_that_start(candidates: list, cpu: int) -> tuple:
    """Starts each once for its version; one that does not start is skipped."""
    started, about = [], {}
    for one in candidates:
        try:
            about[one.name] = servers.describe(one, cpu)
        except OSError as error:
            say(f"{one.name} does not start: skipped ({error})")
            continue
        started.append(one)
        say(f"{one.name}: {about[one.name]['version']}: {about[one.name]['command']}")
    if not started:
        raise SystemExit("bench: there is no server to measure")
    return started, about


def tools() -> dict:
    done = subprocess.run(["redis-benchmark", "--version"], capture_output=True, text=True)
    return {"redis-benchmark": done.stdout.split()[-1] if done.stdout.split() else "unknown"}


def run(options) -> None:
    if not shutil.which("redis-benchmark"):
        raise SystemExit("bench: redis-benchmark is not on the PATH (it comes with Redis)")
    # An ending from outside runs the same clean-up as an error.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench: told to stop"))
    candidates = servers.candidates(options.server, options.servers, say)
    choose_cpus(options)
    candidates, about = those_that_start(candidates, options.server_cpu)
    figures = Figures(options.figures)
    figures.begin(about, tools())
    for part in options.only:
        say(f"{part}:")
        PARTS[part].run(candidates, options, figures, say)
    say(f"figures are in {options.figures}")


def main() -> None:
    options = parse(sys.argv[1:])
    if options.command == "run":
        run(options)
    else:
        render.write(options.figures, options.docs, say)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
