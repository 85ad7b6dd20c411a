"""The sandbox's worker, which also measures its handler: answers contain `total_ms`, the time of the
whole call, `outside_ms`, the part of it that was spent in calls to Okta and AWS, and `cpu_ms`, the time
of the processor.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any
from unittest.mock import patch

import requests
from botocore.client import BaseClient

from tests.sandbox import worker
from verification.http.pipeline import handler_of


class Stopwatch:
    """Adds up the time that the main thread spends in calls."""

    milliseconds = 0.0

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, measured."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return call(*args, **kwargs)
            begun = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.milliseconds += (time.perf_counter() - begun) * 1000

        return timed

    def measure(self, owner: Any, name: str) -> None:
        """Measure every call of this method from now on."""
        setattr(owner, name, self.timed(getattr(owner, name)))


def main() -> None:
    """Serve calls until standard input ends."""
    total, outside = Stopwatch(), Stopwatch()

    def measured_handler_of(*args: Any) -> Callable[..., Mapping[str, Any]]:
        handler = total.timed(handler_of(*args))

        def measured(*call: Any) -> Mapping[str, Any]:
            total.milliseconds = outside.milliseconds = 0.0
            begun = time.process_time()
            result = handler(*call) or {}  # an asynchronous event has no answer
            return {
                **result,
                "total_ms": total.milliseconds,
                "outside_ms": outside.milliseconds,
                "cpu_ms": (time.process_time() - begun) * 1000,
            }

        return measured

    outside.measure(requests.Session, "send")
    outside.measure(BaseClient, "_make_api_call")
    outside.measure(Future, "result")
    with patch.object(worker, "handler_of", measured_handler_of):
        code, name, timeout = sys.argv[1:]
        environment = dict(os.environ)
        # What the function prints is its log; the answers are what this process prints.
        with os.fdopen(os.dup(1), "w") as answers:
            os.dup2(2, 1)
            worker.run(
                sys.stdin,
                answers,
                code=code,
                name=name,
                timeout=float(timeout),
                environment=environment,
            )


if __name__ == "__main__":
    main()
