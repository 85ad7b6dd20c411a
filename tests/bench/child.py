"""A child process that reads requests and writes answers as lines of JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Any

from tests.sandbox.template import ROOT


class Child:
    """A context manager. The program prints a line when it is ready, and ends when its input ends."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: IO[str]
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def __enter__(self) -> Child:
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, **message: object) -> dict[str, Any]:
        """The answer to one message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
