"""The sandbox's worker, which also measures its handler: answers contain `total_ms`, the time of the
whole call, and `outside_ms`, the part of it that was spent in calls to Okta and AWS.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import requests
from botocore.client import BaseClient

from tests.sandbox import worker
from verification.http.pipeline import handler_of


class Stopwatch:
    """Adds up the time that is spent in some methods."""

    def __init__(self) -> None:
        self.milliseconds = 0.0

    def measure(self, owner: type, name: str) -> None:
        """Measure every call of this method."""
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.milliseconds += (time.perf_counter() - begun) * 1000

        setattr(owner, name, timed)


def main() -> None:
    """Serve calls until standard input ends."""
    outside = Stopwatch()
    outside.measure(requests.Session, "send")
    outside.measure(BaseClient, "_make_api_call")

    def measured_handler_of(*args: Any) -> Callable[..., Mapping[str, Any]]:
        handler = handler_of(*args)

        def measured(*call: Any) -> Mapping[str, Any]:
            outside.milliseconds = 0.0
            begun = time.perf_counter()
            result = handler(*call) or {}  # an asynchronous event has no answer
            total = (time.perf_counter() - begun) * 1000
            return {**result, "total_ms": total, "outside_ms": outside.milliseconds}

        return measured

    with patch.object(worker, "handler_of", measured_handler_of):
        worker.main(*sys.argv[1:])


if __name__ == "__main__":
    main()
