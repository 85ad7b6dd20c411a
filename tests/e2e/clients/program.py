"""A program in JavaScript that takes one journey after the other."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Client:
    """A context manager. The program reads the names of journeys as lines, and answers each with a
    line of JSON.
    """

    def __init__(self, arguments: Sequence[str | Path]) -> None:
        self.arguments = arguments

    def __enter__(self) -> Client:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            ["node", *self.arguments],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process:  # closes its input, and waits for its end
            pass

    def take(self, journey: str) -> dict[str, Any]:
        """What the journey saw."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(journey, file=self._process.stdin, flush=True)
        seen: dict[str, Any] = json.loads(self._process.stdout.readline())
        return seen
