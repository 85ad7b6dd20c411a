"""A small HTTP server on loopback that answers as its test says, well or badly."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Self


class End(Enum):
    """What becomes of the connection after an answer."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()


@dataclass(frozen=True)
class Answer:
    """These parts, with a pause in seconds before each, and then the end."""

    parts: Sequence[bytes] = ()
    pause: float = 0.0
    end: End = End.KEEP


@dataclass(frozen=True)
class Received:
    """One request as it was received; `connection` counts from 1."""

    connection: int
    target: str
    headers: Mapping[str, str]
    body: bytes


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Gives each request the next of `answers` and keeps what it received.

    With `listening=False` it refuses connections to its port until `server_activate`.
    """

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

    def __exit__(self, *_: object) -> None:
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
        with suppress(OSError):  # the client has gone
            while (received := self._read(number)) and self.server.answers:
                self.server.received.append(received)
                answer = self.server.answers.popleft()
                for part in answer.parts:
                    if self.server.closing.wait(answer.pause):
                        return
                    self.connection.sendall(part)
                if answer.end is End.RESET:  # the client sees "connection reset by peer"
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                if answer.end is not End.KEEP:
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
        return Received(number, start[1], headers, body)


def message(content: bytes, status: int = 200, **headers: str) -> Answer:
    """A complete HTTP answer; an underscore in a header's name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return Answer(["\r\n".join([*lines, "", ""]).encode("latin-1") + content])


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document."""
    return message(json.dumps(document).encode(), status, **headers)


def waits(seconds: float, then: Answer) -> Answer:
    """An answer after some time."""
    return replace(then, pause=seconds)


def closes(after: Answer) -> Answer:
    """An answer, and the end of the connection."""
    return replace(after, end=End.CLOSE)


HANGS_UP, RESETS = Answer(end=End.CLOSE), Answer(end=End.RESET)
