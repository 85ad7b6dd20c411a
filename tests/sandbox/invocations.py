"""Lambda's asynchronous invocations: accepted at once, run in the background, never retried."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from tests.sandbox.okta.faults import Faults, Kind, On
from tests.sandbox.workers import FunctionFailed

MOST_AT_ONCE = 3
"""Fewer than a function's workers, so that synchronous calls never wait for these alone."""


class Throttled(Exception):
    """The invocation is refused: 429 TooManyRequestsException."""


class Invocations:
    """The background queue. `invoke` runs a function; `failed` and `dropped` count lost events."""

    def __init__(self, invoke: Callable[[str, Any], object], faults: Faults) -> None:
        self._invoke = invoke
        self._faults = faults
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE)
        self._pending: set[Future[None]] = set()
        self._lock = threading.Lock()
        self.failed = 0
        self.dropped = 0

    def accept(self, function: str, event: object) -> None:
        """Queue an event. Raises Throttled while such a fault is set."""
        match self._faults.take(On.INVOKE):
            case Kind.THROTTLE:
                raise Throttled
            case Kind.DROP:
                self.dropped += 1
                return
        with self._lock:
            future = self._pool.submit(self._run, function, event)
            self._pending.add(future)
        future.add_done_callback(self._forget)

    def settle(self, timeout: float) -> None:
        """Wait until nothing is queued or running. Raises TimeoutError."""
        with self._lock:
            pending = set(self._pending)
        if wait(pending, timeout).not_done:
            raise TimeoutError(f"asynchronous invocations still run after {timeout:g} s")

    @property
    def pending(self) -> int:
        """Events that are queued or running."""
        with self._lock:
            return len(self._pending)

    def cancel(self) -> None:
        """Forget the queued events and the counts; running ones go on."""
        with self._lock:
            pending = set(self._pending)
        for future in pending:
            future.cancel()
        self.failed = self.dropped = 0

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _run(self, function: str, event: object) -> None:
        try:
            self._invoke(function, event)
        except FunctionFailed:
            with self._lock:
                self.failed += 1

    def _forget(self, future: Future[None]) -> None:
        with self._lock:
            self._pending.discard(future)
