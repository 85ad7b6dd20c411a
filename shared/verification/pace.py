"""Answers to the public take a time that tells nothing of what was found."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verification.models import Deadline
from verification.observability import Meter

LEAST = 0.3
"""Seconds that an answer takes while Okta is quick."""

STORE_SECONDS = 0.1
"""Time for the store's part of an answer."""

SPREAD = 0.1
MOST_PER_CALL = 0.6
MEMORY = 0.8
"""How much of what is known of Okta's pace is kept when a newer measurement comes."""

ISSUE_CALLS = 4
"""What a first challenge asks of Okta: login, email, factors, send."""

CHECK_CALLS = 1


class Pace:
    """Holds answers back until the work for a customer would have been done.

    What a call to Okta takes is measured all the time. An answer to a decoy, which needs fewer
    calls, and an answer to a customer both come when as many calls as a customer can need would be
    over, and a little later at random.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._spread = spread
        self._per_call = 0.0

    @contextmanager
    def hide(self, deadline: Deadline) -> Iterator[None]:
        """Hold back whatever the sending of a code ends with, a result or an error."""
        started = self._clock()
        try:
            yield
        finally:
            self.hold_back(started, ISSUE_CALLS, deadline)

    def started(self) -> float:
        """The moment from which `hold_back` counts."""
        return self._clock()

    def hold_back(self, started: float, calls: int, deadline: Deadline) -> None:
        """Wait until so many calls to Okta would have been made."""
        self._measure()
        wanted = max(LEAST, calls * self._per_call + STORE_SECONDS) + self._spread(0.0, SPREAD)
        left = wanted - (self._clock() - started)
        self._sleep(max(0.0, min(left, deadline.remaining())))

    def _measure(self) -> None:
        calls = self._meter.calls.get("okta", 0)
        if not calls:
            return
        seconds = min(self._meter.seconds["okta"] / calls, MOST_PER_CALL)
        known = self._per_call or seconds
        self._per_call = MEMORY * known + (1 - MEMORY) * seconds
