"""The servers under test: which are there, how one is started, pinned, read and ended."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wire import ReplyError, connect_when_up

ROOT = Path(__file__).resolve().parents[2]
OWN = "spindle"
# The server to which all others are compared.
BASE = "redis"
OWN_BINARY = ROOT / "target/release/spindle-server"

REDIS_FLAGS = '--port {port} --bind 127.0.0.1 --save "" --appendonly no'
# name: (program on the PATH, arguments)
PEERS = {
    "redis": ("redis-server", REDIS_FLAGS),
    "valkey": ("valkey-server", REDIS_FLAGS),
    "keydb": ("keydb-server", REDIS_FLAGS),
    "dragonfly": ("dragonfly", "--port {port} --bind 127.0.0.1 --dbfilename= --proactor_threads=1"),
}
PORT_QUOTED = shlex.quote("{port}")
VERSION_FIELDS = ("spindle_version", "valkey_version", "dragonfly_version", "redis_version")


@dataclass(frozen=True)
class Candidate:
    """A server that can be started: a name and a command with `{port}` in it."""

    name: str
    command: str
    # Our own release build, not something that was given with --server.
    is_own: bool = False

    def arguments(self, port: int) -> list:
        return [word.replace("{port}", str(port)) for word in shlex.split(self.command)]

    def shown_command(self) -> str:
        """The command without folders of this machine."""
        program, *arguments = shlex.split(self.command)
        path = Path(program)
        shown = path.relative_to(ROOT) if ROOT in path.parents else path.name
        return f"{shown} {shlex.join(arguments).replace(PORT_QUOTED, '{port}')}".strip()


def candidates(extra: list, wanted: list, say) -> list:
    """The servers to measure: ours, the peers on the PATH, and those given as NAME=COMMAND."""
    own = f'{shlex.quote(str(OWN_BINARY))} --port {{port}} --bind 127.0.0.1 --save ""'
    found = {OWN: Candidate(OWN, own, is_own=True)}
    for name, (program, arguments) in PEERS.items():
        if shutil.which(program):
            found[name] = Candidate(name, f"{program} {arguments}")
        elif not wanted or name in wanted:
            say(f"{program} is not on the PATH: skipped")
    for text in extra:
        name, _, command = text.partition("=")
        if "{port}" not in command:
            raise SystemExit(f"bench: --server {text}: it should be NAME=COMMAND with {{port}}")
        found[name] = Candidate(name, absolute(command))
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise SystemExit(f"bench: no such server here: {', '.join(unknown)}")
    chosen = [found[name] for name in (wanted or found)]
    check_own_binary(chosen, say)
    return chosen


def absolute(command: str) -> str:
    """Servers run in a folder of their own, so a relative program needs its full path."""
    program, *arguments = shlex.split(command)
    if "/" in program:
        program = str(Path(program).resolve())
    return shlex.join([program, *arguments])


def check_own_binary(chosen: list, say) -> None:
    if not any(candidate.is_own for candidate in chosen):
        return
    if not OWN_BINARY.exists():
        raise SystemExit(f"bench: {OWN_BINARY.relative_to(ROOT)} is missing: cargo build --release")
    newest = max(path.stat().st_mtime for path in (ROOT / "src").rglob("*.rs"))
    if newest > OWN_BINARY.stat().st_mtime:
        say("target/release/spindle-server is older than the sources: cargo build --release?")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server on a free port, in a folder of its own; `with` ends it for certain."""

    def __init__(self, candidate: Candidate, cpu: int):
        self.name = candidate.name
        self.candidate = candidate
        self.cpu = cpu
        self.port = free_port()
        self.folder = None
        self.process = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="spindle-bench-")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        log_path = Path(self.folder.name) / "log"
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.candidate.arguments(self.port),
                cwd=self.folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {self.cpu}))
        try:
            self.connect().socket.close()
        except ConnectionError as error:
            tail = log_path.read_text(errors="replace").strip().splitlines()[-1:]
            raise ConnectionError(f"{self.name}: {error} {' '.join(tail)}") from error

    def __exit__(self, *_):
        if self.process is not None:
            try:
                # The process leads a session of its own: nothing else is in this group.
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        self.folder.cleanup()

    def connect(self):
        return connect_when_up(self.port, lambda: self.process.poll() is None)

    def cpu_ns(self) -> int:
        """Processor time of all threads, user and system, in nanoseconds."""
        total_ns = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total_ns += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total_ns

    def rss_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def version(self) -> str:
        with self.connect() as connection:
            try:
                info = connection.ask("INFO", "server").decode()
            except ReplyError:
                return "unknown"
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        return next((fields[field] for field in VERSION_FIELDS if field in fields), "unknown")


def describe(candidate: Candidate, cpu: int) -> dict:
    """Version and command of a server, for the stored figures."""
    with Server(candidate, cpu) as server:
        version = server.version()
    if candidate.is_own:
        version += own_commit()
    return {"version": version, "command": candidate.shown_command()}


def own_commit() -> str:
    """The last commit that touched our sources, if git can tell."""
    def git(*words):
        sources = ["--", "src", "Cargo.toml", "Cargo.lock"]
        done = subprocess.run(["git", *words, *sources], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""
    try:
        commit, changes = git("log", "-1", "--format=%h"), git("status", "--porcelain")
    except FileNotFoundError:
        return ""
    return f" (sources of {commit}{' and changes' if changes else ''})" if commit else ""
