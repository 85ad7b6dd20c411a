"""One Lambda execution environment: a process that loads one function and serves one call at a time.

It reads events as lines of JSON from standard input and writes results to the descriptor that was
standard output; what the function prints goes to standard error, as a log.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from verification import wiring
from verification.edge import handler_of


class Clock:
    """The machine's clock, moved by what the sandbox was told."""

    advance = 0.0

    def __call__(self) -> float:
        return time.time() + self.advance


@dataclass
class Context:
    """What Lambda tells a function about a call."""

    function_name: str
    timeout: float
    started: float = field(default_factory=time.monotonic)
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:sandbox"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the call."""
        return max(0, round((self.timeout - (time.monotonic() - self.started)) * 1000))


def main(code: str, function_name: str, timeout: str) -> None:
    """Serve calls until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path[:0] = [code]
    app = importlib.import_module("app")
    clock = Clock()
    handler = handler_of(app.edge, partial(wiring.build, clock=clock))
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        clock.advance = message["advance"]
        context: Any = Context(function_name, float(timeout))
        result = handler(message["event"], context)
        print(json.dumps(result), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
