"""One Lambda execution environment: a process that loads one function and runs one call at a time.

The program is the other end of a `ForkServer`, and its forks are the environments. Events and
results are lines of JSON on a socket; what the function prints is its log.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from tests.sandbox.arns import ALIAS, function_arn
from tests.sandbox.fork_server import serve
from verification import container
from verification.aws import clients
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


def main() -> None:
    """Serve forks; in a fork, run calls."""
    read_descriptions()
    with socket.socket(fileno=os.dup(0)) as control:
        fork = serve(control)
    if fork is not None:
        channel, arguments = fork
        with channel, channel.makefile("r") as events, channel.makefile("w") as results:
            run(events, results, **arguments)


def read_descriptions() -> None:
    """Have botocore read its descriptions of the services once, and not in each fork.

    The keys are given here, because a session keeps those that it finds: a fork finds its own.
    """
    for service in ("dynamodb", "kms", "lambda", "secretsmanager"):
        clients._session().create_client(
            service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        )


def run(
    events: IO[str],
    results: IO[str],
    *,
    code: str,
    name: str,
    timeout: float,
    environment: Mapping[str, str],
) -> None:
    """Run calls until there are no more, or say which setting makes that impossible."""
    os.environ.clear()
    os.environ.update(environment)

    def answer(document: object) -> None:
        print(json.dumps(document), file=results, flush=True)

    try:
        Settings.from_environ(os.environ)
    except ConfigurationError as error:
        answer({"refused": error.problem})
        return
    sys.path[:0] = [code]
    app = importlib.import_module("app")
    clock = Clock()
    handler = handler_of(app.router, partial(container.build, clock=clock))
    answer({"ready": True})
    for line in events:
        message: dict[str, Any] = json.loads(line)
        clock.advance = message["advance"]
        context: Any = Context(name, timeout)
        answer(handler(message["event"], context))


if __name__ == "__main__":
    main()
