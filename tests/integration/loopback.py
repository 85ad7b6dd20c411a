"""A small HTTP server on loopback that answers as its test says, well or badly."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    """One request as it was received; `connection` counts from 1."""

    connection: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The server's end of a connection, for the answer to one request."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing
        self.is_open = True

    def send(self, content: bytes) -> None:
        """Send, unless the client has gone."""
        try:
            self._connection.sendall(content)
        except OSError:
            self.is_open = False

    def pause(self, seconds: float) -> None:
        """Wait, unless the server is closing."""
        if self._closing.wait(seconds):
            self.is_open = False

    def hang_up(self) -> None:
        """Close the connection in good order."""
        self.is_open = False

    def reset(self) -> None:
        """Close so that the client sees "connection reset by peer"."""
        linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._connection.close()
        self.is_open = False


Answer = Callable[[Wire], None]


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Gives each request the next of `answers` and keeps what it received.

    With `listening=False` it refuses connections to its port until `server_activate`.
    """

    allow_reuse_address = True

    def __init__(self, *answers: Answer, listening: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=False)
        self.server_bind()
        if listening:
            self.server_activate()
        self.answers = deque(answers)
        self.received: list[Received] = []
        self.closing = threading.Event()
        self.closed_one = threading.Event()
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.005,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def shutdown_request(self, request: Any) -> None:
        """Called at the end of each connection."""
        super().shutdown_request(request)
        self.closed_one.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Connection(socketserver.StreamRequestHandler):
    server: LoopbackServer

    def handle(self) -> None:
        self.server.connections.append(self.connection)
        number = len(self.server.connections)
        with suppress(ConnectionError):
            while (received := self._read(number)) and self.server.answers:
                self.server.received.append(received)
                wire = Wire(self.connection, self.server.closing)
                self.server.answers.popleft()(wire)
                if not wire.is_open:
                    return

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def _read(self, number: int) -> Received | None:
        start = self.rfile.readline().decode("latin-1").split()
        if not start:
            return None
        headers = {}
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0")))
        return Received(number, start[0], start[1], headers, body)


def raw(content: bytes, *, then_close: bool = False) -> Answer:
    """These bytes."""

    def answer(wire: Wire) -> None:
        wire.send(content)
        if then_close:
            wire.hang_up()

    return answer


def message(content: bytes, status: int = 200, **headers: str) -> bytes:
    """A complete HTTP answer; an underscore in a header's name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document."""
    return raw(message(json.dumps(document).encode(), status, **headers))


def hangs_up(wire: Wire) -> None:
    """No answer."""
    wire.hang_up()


def resets(wire: Wire) -> None:
    """No answer, and a reset."""
    wire.reset()


def waits(seconds: float, then: Answer) -> Answer:
    """An answer after some time."""

    def answer(wire: Wire) -> None:
        wire.pause(seconds)
        then(wire)

    return answer


def drips(start: bytes, drop: bytes, every: float, times: int, then_silent: float = 0.0) -> Answer:
    """A body without an end, a little at a time, each part within any read timeout."""

    def answer(wire: Wire) -> None:
        wire.send(start)
        for _ in range(times):
            if wire.is_open:
                wire.pause(every)
                wire.send(drop)
        wire.pause(then_silent)
        wire.hang_up()

    return answer
