"""Work beside other work: calls of the store that do not depend on each other, or on Okta's answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from verification.errors import VerificationError

_Result = TypeVar("_Result")

_THREADS = 2
"""No call has more work beside its own: what was looked up, and the count of a destination."""


class Threads:
    """Runs work in threads, which begin with the first of it: a snapshot would not keep them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._begun: list[Future[Any]] = []

    def start(self, work: Callable[[], _Result]) -> Callable[[], _Result]:
        """Begin the work; what waits for its result, or raises its error."""
        self._pool = self._pool or ThreadPoolExecutor(_THREADS)
        future = self._pool.submit(work)
        self._begun.append(future)
        return future.result

    def finish(self) -> None:
        """Wait until all of it has ended: after an answer an environment stands still. Raises what
        no use case expects.
        """
        begun, self._begun = self._begun, []
        wait(begun)
        for each in begun:
            error = each.exception()
            if error is not None and not isinstance(error, VerificationError):
                raise error
