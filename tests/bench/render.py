"""The document: docs/performance.md and its plots, from the stored figures and nothing else."""

from __future__ import annotations

import json
import math
import re
import statistics
from pathlib import Path

import listeners
from figures import Figures, middle
from load import CLIENTS, WORKLOADS
from memory import SHAPES
from persist import DATA
from plots import Mark, Plot, draw, short
from quiet import DISTURBED_PERCENT
from servers import BASE, OWN, PEERS

MISSING = "not measured"
HEAD = """# Performance

Generated from `tests/bench/figures.json`: `python3 tests/bench/bench.py render`.

Every figure here was measured; where one is missing it says so. Absolute figures move from machine
to machine, so each table also has the ratio to {base} of the same run: 0.50 means half of what
{base} takes."""
METHOD = """
## How it was measured

```sh
cargo build --release
python3 tests/bench/bench.py run
python3 tests/bench/bench.py render
```

- Each server has one CPU to itself, and all that loads and watches it has another.
- All traffic stays on loopback. Nothing is saved to disk.
- The servers take turns, A B A B, and every figure is the median of its rounds. Figures in
  parentheses are the least and the most of the rounds; in the plots that is the thin black line.
- A round waits for a quiet machine. When others took more than {disturbed:.0f}% of a CPU in it, it
  is done again, a few times at most. {disturbed_rounds}
- Peers that are not on the PATH are skipped. `bench.py run --help` lists what can be changed.
"""
CPU = """
## CPU per command

`redis-benchmark` with {clients} clients loads one server at a time. The CPU is that of all threads of
the server, user and system, as the kernel counts it, divided by the commands. GET and SET take
random keys of a million that are all there, with values of 32 bytes, except where the row says
otherwise; "SET of new keys" starts from an empty keyspace. A multiple-key command counts as one.
LPUSH, LPOP, SADD and XADD are about one list, set or stream; HGET, ZADD, ZRANK and ZRANGEBYSCORE about random
ones of a million fields or members, and a ZADD gives its member another score.

Microseconds of CPU per command; less is better:
"""
CPU_PLOTS = """
At pipeline 1 most of the time goes to the kernel, which receives and sends a packet for each
command. A server that is faster than the load also finds fewer commands at each wake-up, so it pays
for more system calls per command; such a bias is against the faster one.
"""
THROUGHPUT = """
### Throughput

Thousands of commands a second, and how busy the server was. Below 100% the load generator was the
slower of the two, so the figure says little about the server; then only the CPU per command counts.
"""
MEMORY = """
## Memory

Growth of the resident size of a fresh server, divided by the keys, or by the elements where the row
names one. The keys have 16 bytes and are written over one pipelined connection, an element at a
time. The hash tables of the servers double at different counts, so
another number of keys moves each of them by some bytes.
"""
LAG = """
## Expiry

### Lag

{due:,} keys share one deadline beside {background:,} keys that are not yet due. A client listens to
`__keyevent@0__:expired`. The lag is the time from the deadline until it reads the event, which
includes the way through the socket. Events that did not come within {window:.0f} s count as later
than all others.
"""
STORM = """
### Storm

{keys:,} keys are due in one millisecond. Another client sends a PING every half millisecond. It is
over when DBSIZE is 0.
"""
TAILS = """
## Pauses

A quiet client sends one GET every half millisecond and times the reply. Meanwhile another client
fills the keyspace from empty to {keys:,} keys, {pipeline} to a batch. The quiet client waits for each
reply before it sends again, so a long pause counts once: look at the maximum too. "At rest" is the
same probe of the same server with no load, and shows what the machine itself adds.
"""
PERSIST = """
## Keeping data

{keys:,} keys are saved by SAVE and loaded when the process is started again, from its start to the first
PONG. The mixed data has all types but streams, small and large, half of the elements in four large keys.
A SET replaces one of many values of 32 bytes; the log is synced every second or before each reply. The
round trips are those of a quiet client while BGSAVE runs and another client writes to all keys.
"""
IDLE = """
## Idle

System calls as `strace` counts them: in {watch:.0f} s with one quiet client and {keys:,} keys that
expire in an hour, and for one burst of {burst} pipelined PINGs. The call in which a thread already
waited when `strace` came is not counted for the quiet server.
"""
LISTENERS = """
## Listeners

CPU of the server for each publication, each read and acknowledgement of a hundred entries of a
consumer group, each transaction, and each GET. One client publishes, or reads for the group; {senders}
clients run transactions. Subscribers read what waits for them after every {read_every} messages, so that
few of them have to be woken. A write for each subscriber is the most of what a publication costs,
and the kernel's; {own} goes on reading requests while it writes, and sends together what has come
meanwhile.

Microseconds of CPU; less is better:
"""
STALL = """
### Stall

A quiet client sends a PING every half millisecond while {messages} messages go to {subscribers:,}
subscribers, one every {every:.0f} ms. Round trips:
"""


def table(header: list, rows: list, words: int = 1) -> str:
    """Markdown; the first columns hold words and stand left, the figures stand right."""
    ruler = ["---"] * words + ["---:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ruler, *rows])


def number(value: float, beyond: str = "beyond") -> str:
    return beyond if math.isinf(value) else short(value)


class Document:
    """Writes the parts of the document for the servers that the figures have."""

    def __init__(self, figures: Figures):
        self.figures = figures
        order = [OWN, *PEERS]
        known = figures.servers()
        self.servers = [name for name in order if name in known]
        self.servers += [name for name in known if name not in order]
        self.others = [name for name in self.servers if name != BASE]
        self.plots = {}

    def cell(self, row: str, server: str, name: str, beyond: str = "beyond") -> str:
        """The median, with the least and the most of the rounds."""
        values = self.figures.values(row, server, name)
        if not values:
            return MISSING
        median = number(middle(values), beyond)
        low, high = number(min(values), beyond), number(max(values), beyond)
        return median if low == high else f"{median} ({low}–{high})"

    def ratio_value(self, row: str, server: str, name: str):
        """Of the base, both from the same run, as every row is of one run."""
        own, base = (self.figures.median(row, one, name) for one in (server, BASE))
        if own is None or not base or math.isinf(own) or math.isinf(base):
            return None
        return own / base

    def ratio(self, row: str, server: str, name: str) -> str:
        value = self.ratio_value(row, server, name)
        if value is None:
            has_both = all(self.figures.values(row, one, name) for one in (server, BASE))
            return "–" if has_both else MISSING
        return f"{value:.2f}" if value >= 0.01 else short(value)

    def header(self, first: list, unit: str = "") -> list:
        return [*first, *(f"{name}{unit}" for name in self.servers),
                *(f"{name} ÷ {BASE}" for name in self.others)]

    def line(self, first: list, row: str, name: str, beyond: str = "beyond") -> list:
        return [*first, *(self.cell(row, server, name, beyond) for server in self.servers),
                *(self.ratio(row, server, name) for server in self.others)]

    def marks(self, row: str, name: str) -> list:
        marks = []
        for server in self.servers:
            values = self.figures.values(row, server, name)
            if not values:
                marks.append(Mark(server, None))
                continue
            is_beyond = math.isinf(max(values))
            if is_beyond:
                window_ms = self.window_ms(row)
                values = [min(value, window_ms) for value in values]
            median = middle(values)
            spread = (None, None) if is_beyond else (min(values), max(values))
            marks.append(Mark(server, median, *spread, is_beyond and median == window_ms))
        return marks

    def plot(self, name: str, plot: Plot) -> str:
        self.plots[name] = draw(plot, self.servers)
        return f"\n![{plot.title}](plots/{name}.svg)"

    def method(self) -> str:
        rounds = [one for row in self.figures.rows.values() for some in row["servers"].values()
                  for one in some if "others_percent" in one]
        bad = sum(one["others_percent"] > DISTURBED_PERCENT for one in rounds)
        text = f"Of the {len(rounds):,} rounds kept, {bad} were still disturbed."
        return METHOD.format(disturbed=DISTURBED_PERCENT, disturbed_rounds=text)

    def runs(self) -> str:
        """When, where and with what; runs on one machine with the same programs share a table."""
        same = {}
        for run in sorted({row["run"] for row in self.figures.rows.values()}):
            about = self.figures.runs[run]
            same.setdefault(json.dumps(about, sort_keys=True), []).append(run)
        parts = []
        for text, runs in same.items():
            about = json.loads(text)
            machine = about["machine"]
            measured = "; ".join(f"{run}: {', '.join(self.parts_of(run))}" for run in runs)
            rows = [["measured", measured], ["CPU", f"{machine['cpu']}, {machine['cores']} cores"],
                    ["memory", f"{machine['memory_gib']} GiB"], ["kernel", machine["kernel"]]]
            rows += [[name, f"{server['version']}: `{server['command']}`"]
                     for name, server in about["servers"].items()]
            rows += [[name, version] for name, version in about["tools"].items()]
            parts.append(table(["", ""], rows, words=2))
        return "\n\n".join(parts)

    def parts_of(self, run: str) -> list:
        rows = self.figures.rows.items()
        return sorted({name.split("/")[0] for name, row in rows if row["run"] == run})

    def summary(self) -> str:
        lines = ["\n## In short\n"]
        ratios = [self.ratio_value(f"cpu/{one.name}", OWN, "cpu_us") for one in WORKLOADS]
        ratios = [ratio for ratio in ratios if ratio is not None]
        if ratios:
            lines.append(f"- CPU per command over {len(ratios)} workloads: {min(ratios):.2f} to "
                         f"{max(ratios):.2f} of {BASE}, half of them below "
                         f"{statistics.median(ratios):.2f}.")
        for title, row, name, unit in (
                ("A key with a value of 32 bytes", "memory/value32", "bytes_per_key", "bytes"),
                ("Lag of an expiry, p99", "expiry/lag", "p99_ms", "ms"),
                ("Worst PING while a storm of keys expires", "expiry/storm", "ping_max_ms", "ms"),
                ("Longest pause while the keyspace grows", "tails/fill", "max_ms", "ms"),
                ("System calls of an idle server", "idle/strace", "calls", "calls")):
            beyond = f"more than {self.window_ms(row):,.0f}"
            figures = [f"{server} {number(median, beyond)}" for server in self.servers
                       if (median := self.figures.median(row, server, name)) is not None]
            lines.append(f"- {title}, {unit}: {', '.join(figures) or MISSING}.")
        return "\n".join(lines)

    def cpu(self) -> list:
        rows = [self.line([one.title, str(one.pipeline)], f"cpu/{one.name}", "cpu_us")
                for one in WORKLOADS]
        parts = [CPU.format(clients=CLIENTS), table(self.header(["workload", "pipeline"]), rows),
                 CPU_PLOTS]
        for name, title, wanted in (
                ("cpu-pipeline-1", "CPU per command at pipeline 1", lambda one: one.pipeline == 1),
                ("cpu-pipelined", "CPU per command, pipelined", lambda one: one.pipeline > 1)):
            plot = Plot(title, "microseconds of server CPU per command (less is better)")
            for one in filter(wanted, WORKLOADS):
                label = one.title if one.pipeline == 1 else f"{one.title}, {one.pipeline}"
                plot.add(label, self.marks(f"cpu/{one.name}", "cpu_us"))
            parts.append(self.plot(name, plot))
        return [*parts, THROUGHPUT, self.throughput()]

    def throughput(self) -> str:
        def cell(row, server):
            kops, busy = (self.figures.median(row, server, name)
                          for name in ("throughput_kops", "busy_percent"))
            return MISSING if kops is None else f"{short(kops)} at {min(busy, 100):.0f}%"
        rows = [[one.title, str(one.pipeline)]
                + [cell(f"cpu/{one.name}", server) for server in self.servers]
                + [self.ratio(f"cpu/{one.name}", server, "throughput_kops")
                   for server in self.others]
                for one in WORKLOADS]
        return table(self.header(["workload", "pipeline"]), rows)

    def memory(self) -> list:
        rows, plot = [], Plot("Memory per key or element", "bytes of resident size (less is better)")
        for shape in SHAPES:
            row = f"memory/{shape.name}"
            keys = self.figures.settings(row).get("keys")
            rows.append(self.line([shape.title, f"{keys:,}" if keys else MISSING], row,
                                  "bytes_per_key"))
            plot.add(shape.title, self.marks(row, "bytes_per_key"))
        return [MEMORY + "\nBytes per key or element; less is better:\n",
                table(self.header(["what", "how many"]), rows), self.plot("memory", plot)]

    def window_ms(self, row: str) -> float:
        return self.figures.settings(row).get("window_s", 0) * 1000

    def lag(self) -> list:
        settings = self.figures.settings("expiry/lag")
        if not settings:
            return [f"\n## Expiry\n\n### Lag\n\n{MISSING}"]
        due = settings["due_keys"]
        beyond = f"> {self.window_ms('expiry/lag'):,.0f}"
        plot = Plot("Lag of expiry behind the deadline", "milliseconds, logarithmic (less is better)",
                    is_log=True)
        rows = [[f"events of {due:,} in time"]
                + [self.cell("expiry/lag", server, "events") for server in self.servers]
                + ["–"] * len(self.others)]
        for title, name in (("p50", "p50_ms"), ("p99", "p99_ms"), ("maximum", "max_ms")):
            rows.append(self.line([f"{title}, ms"], "expiry/lag", name, beyond))
            plot.add(title, self.marks("expiry/lag", name))
        about = LAG.format(due=due, background=settings["background_keys"],
                           window=settings["window_s"])
        return [about, table(self.header([""]), rows), self.plot("expiry-lag", plot)]

    def storm(self) -> list:
        settings = self.figures.settings("expiry/storm")
        if not settings:
            return [f"\n### Storm\n\n{MISSING}"]
        beyond = f"> {self.window_ms('expiry/storm'):,.0f}"
        rows = [self.line(["worst PING, ms"], "expiry/storm", "ping_max_ms"),
                self.line(["over after, ms"], "expiry/storm", "over_ms", beyond)]
        return [STORM.format(keys=settings["keys"]), table(self.header([""]), rows)]

    def tails(self) -> list:
        settings = self.figures.settings("tails/fill")
        if not settings:
            return [f"\n## Pauses\n\n{MISSING}"]
        plot = Plot("Round trips of a quiet client while the keyspace is filled",
                    "milliseconds, logarithmic (less is better)", is_log=True)
        rows = []
        for title, name in (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"),
                            ("maximum", "max_ms")):
            rows.append(self.line([f"{title}, ms"], "tails/fill", name))
            plot.add(title, self.marks("tails/fill", name))
        rows.append(self.line(["the fill took, s"], "tails/fill", "fill_s"))
        rest = [self.line([f"at rest: {title}, ms"], "tails/rest", name)
                for title, name in (("p99", "p99_ms"), ("p99.9", "p999_ms"),
                                    ("maximum", "max_ms"))]
        about = TAILS.format(keys=settings["keys"], pipeline=settings["pipeline"])
        return [about, table(self.header([""]), rows + rest), self.plot("pauses", plot)]

    def persist(self) -> list:
        settings = self.figures.settings("persist/strings")
        if not settings:
            return [f"\n## Keeping data\n\n{MISSING}"]
        rows = [self.line([f"{title}, {data.title}, s"], f"persist/{data.name}", name)
                for data in DATA for title, name in (("SAVE", "save_s"), ("load", "load_s"))]
        rows += [self.line([f"SET, 16 at a time, {title}: {what}"], f"persist/log-{policy}", name)
                 for policy, title in (("none", "no log"), ("everysec", "everysec"),
                                       ("always", "always"))
                 for what, name in (("CPU, us", "cpu_us"), ("thousands a second",
                                                            "throughput_kops"))]
        rows += [self.line([f"round trip while BGSAVE runs: {title}, ms"], "persist/pauses", name)
                 for title, name in (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"),
                                     ("maximum", "max_ms"))]
        about = PERSIST.format(keys=settings["keys"])
        return [about, table(self.header([""]), rows)]

    def idle(self) -> list:
        settings = self.figures.settings("idle/strace")
        if not settings:
            return [f"\n## Idle\n\n{MISSING}"]
        watch_s = settings["watch_s"]
        rows = [[f"calls in {watch_s:.0f} s"]
                + [self.cell("idle/strace", server, "calls") for server in self.servers]]
        bursts = []
        for server in self.servers:
            found = [one["burst"] for one in self.figures.rounds("idle/strace", server)
                     if "burst" in one]
            # The round with the middle number of calls stands for all.
            found.sort(key=lambda burst: sum(burst.values()))
            burst = found[len(found) // 2] if found else None
            bursts.append(", ".join(f"{count} {name}" for name, count in sorted(burst.items()))
                          if burst else MISSING)
        rows.append([f"burst of {settings['burst']} PINGs", *bursts])
        about = IDLE.format(watch=watch_s, keys=settings["keys"], burst=settings["burst"])
        return [about, table(["", *self.servers], rows)]

    def listeners(self) -> list:
        rows = [self.line([one.title], f"listeners/{one.name}", "cpu_us")
                for one in listeners.CASES]
        about = LISTENERS.format(senders=listeners.SENDERS, read_every=listeners.READ_EVERY, own=OWN)
        parts = [about, table(self.header(["what"]), rows)]
        settings = self.figures.settings("listeners/stall")
        if not settings:
            return [*parts, f"\n### Stall\n\n{MISSING}"]
        rows = [self.line([f"{title}, ms"], "listeners/stall", name)
                for title, name in (("p50", "p50_ms"), ("p99", "p99_ms"), ("maximum", "max_ms"))]
        about = STALL.format(messages=settings["messages"], subscribers=settings["subscribers"],
                             every=listeners.STALL_EVERY_S * 1000)
        return [*parts, about, table(self.header([""]), rows)]

    def text(self) -> str:
        parts = [HEAD.format(base=BASE), self.summary(), self.method(), self.runs(), *self.cpu(),
                 *self.memory(), *self.lag(), *self.storm(), *self.tails(), *self.persist(),
                 *self.idle(), *self.listeners()]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(parts) + "\n")


def write(figures_path: Path, docs: Path, say) -> None:
    if not figures_path.exists():
        raise SystemExit(f"bench: no figures at {figures_path}: bench.py run")
    document = Document(Figures(figures_path))
    text = document.text()
    plots = docs / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    (docs / "performance.md").write_text(text)
    for name, svg in document.plots.items():
        (plots / f"{name}.svg").write_text(svg)
    say(f"wrote {docs / 'performance.md'} and {len(document.plots)} plots")
