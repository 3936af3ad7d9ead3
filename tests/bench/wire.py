"""The client side of the wire: requests as bytes, replies as values, and fast filling."""

from __future__ import annotations

import itertools
import socket
import time


class ReplyError(Exception):
    """The server answered with an error."""


def encode(*words) -> bytes:
    """A request as an array of bulk strings."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    bulks = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), bulks)


class Connection:
    """One blocking connection to a server on loopback."""

    def __init__(self, port: int, timeout_s: float = 60.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, *words):
        """Sends one request and returns its reply; an error reply is raised."""
        self.socket.sendall(encode(*words))
        return self.reply()

    def reply(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise ReplyError(rest.decode(errors="replace"))
        if kind == b"+":
            return rest.decode(errors="replace")
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        raise ReplyError(f"not a reply: {line[:40]!r}")

    def fill(self, requests, pipeline: int = 500) -> None:
        """Sends requests whose replies are one line each, or one string, so many at a time."""
        requests = iter(requests)
        while True:
            batch = list(itertools.islice(requests, pipeline))
            if not batch:
                return
            self.socket.sendall(b"".join(batch))
            self._await_replies(len(batch))

    def _await_replies(self, count: int) -> None:
        end = b"\n"
        while count > 0:
            data = end + self._receive()
            if b"\n-" in data:
                raise ReplyError(data[:200].decode(errors="replace"))
            # The head of a string is a line of its own.
            count -= data.count(b"\n", 1) - data.count(b"\n$")
            end = data[-1:]

    def _receive(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def _line(self) -> bytes:
        while b"\r\n" not in self.unread:
            self.unread += self._receive()
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line

    def _bytes(self, length: int) -> bytes:
        while len(self.unread) < length + 2:
            self.unread += self._receive()
        data, self.unread = self.unread[:length], self.unread[length + 2:]
        return data


def connect_when_up(port: int, is_alive, patience_s: float = 15.0) -> Connection:
    """Connects as soon as the server listens; gives up when it died or is too slow."""
    end = time.monotonic() + patience_s
    while is_alive() and time.monotonic() < end:
        try:
            return Connection(port)
        except OSError:
            time.sleep(0.05)
    raise ConnectionError(f"no server came up on port {port}")
