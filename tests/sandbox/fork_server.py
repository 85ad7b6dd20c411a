"""Starts execution environments quickly: forks of one process that has imported what they need."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

# Not from `template`: it needs packages that a worker on Lambda's Python (tests/bench) does not have.
ROOT = Path(__file__).parents[2]


class ForkServer:
    """A context manager; both ends talk in lines of JSON. `log` gets what its forks print."""

    def __init__(self, log: IO[str]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._running = ExitStack()

    def __enter__(self) -> ForkServer:
        self._control, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.sandbox.worker"],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_CONFIG_FILE": os.devnull,
                    "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT))),
                    "PYTHONWARNINGS": "error",
                    # Metrics are printed; like Lambda, have them in the log when the call ends.
                    "PYTHONUNBUFFERED": "1",
                },
                stdin=theirs.fileno(),
                stdout=self._log,
                stderr=self._log,
            )
        self._running.callback(process.wait)
        self._answers = self._running.enter_context(self._control.makefile("rb"))
        self._running.enter_context(self._control)
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, which waits until all forks have ended."""
        self._running.close()

    def fork(self, **arguments: object) -> tuple[int, socket.socket]:
        """Start an environment: its process id, and the socket for its events and results."""
        ours, theirs = socket.socketpair()
        with theirs:
            return self._ask(arguments, theirs), ours

    def kill(self, pid: int) -> None:
        """End a fork, once."""
        self._ask({"kill": pid})

    def _ask(self, request: dict[str, object], *sockets: socket.socket) -> Any:
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            sent = socket.send_fds(self._control, [line], [each.fileno() for each in sockets])
            self._control.sendall(line[sent:])
            return json.loads(self._answers.readline())


def serve(control: socket.socket) -> tuple[socket.socket, dict[str, Any]] | None:
    """Answer a ForkServer until it ends. In a fork: return its socket and arguments at once."""
    with control:
        while line := (received := socket.recv_fds(control, 65536, 1))[0]:
            while not line.endswith(b"\n"):
                line += control.recv(65536)
            request = json.loads(line)
            if pid := request.pop("kill", 0):
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            else:
                (descriptor,) = received[1]
                pid = os.fork()
                if not pid:
                    return socket.socket(fileno=descriptor), request
                os.close(descriptor)
            control.sendall(f"{pid}\n".encode())
    return None
