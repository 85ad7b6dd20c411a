"""One Lambda execution environment: a process that loads one function and runs one call at a time.

Events come as lines of JSON on standard input. Results go to the original standard output; what
the function prints goes to standard error, which is its log.
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

from tests.sandbox.arns import ALIAS, function_arn
from verification import container
from verification.errors import ConfigurationError
from verification.http.pipeline import handler_of
from verification.settings import Settings


class Clock:
    """The machine's clock, advanced by a number of seconds."""

    advance = 0.0

    def __call__(self) -> float:
        return time.time() + self.advance


@dataclass
class Context:
    """The context object of one call."""

    function_name: str
    timeout: float
    started: float = field(default_factory=time.monotonic)
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024

    @property
    def invoked_function_arn(self) -> str:
        return function_arn(self.function_name, ALIAS)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the call."""
        return max(0, round((self.timeout - (time.monotonic() - self.started)) * 1000))


def main(code: str, function_name: str, timeout: str) -> None:
    """Run calls until standard input ends, or say which setting makes that impossible."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        Settings.from_environ(os.environ)
    except ConfigurationError as error:
        print(json.dumps({"refused": error.problem}), file=answers)
        return
    sys.path[:0] = [code]
    app = importlib.import_module("app")
    clock = Clock()
    handler = handler_of(app.router, partial(container.build, clock=clock))
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        clock.advance = message["advance"]
        context: Any = Context(function_name, float(timeout))
        result = handler(message["event"], context)
        print(json.dumps(result), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
