"""Waiting: fixed response times for the public, and turns of calls that need the same row."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from verification.errors import RequestInProgress
from verification.models.callers import Deadline
from verification.observability import Meter

FIXED_SECONDS = 1.0
STEP_SECONDS = 0.5
LONGEST_SECONDS = 3.0
"""Response time of the public's wrong codes and passwords, the steps in which it grows, and its
maximum."""

OWN_SECONDS = 0.25
"""Time for this service's own part of such a response."""

SAMPLES = 200
LEAST_SAMPLES = 20
"""Answers that Okta was asked for, of whose seconds at Okta the 99th percentile is taken."""

BUSY_WAIT = (0.03, 0.09)
"""Seconds between two tries to have the turn."""

BUSY_RESERVE = 4.0
"""Seconds that are left for a call's own work when it stops waiting for its turn."""

STRANGER_PATIENCE = 0.4
"""Seconds that a stranger's attempt waits for its turn, or before Okta is asked once more. It fits
into the fixed time, so that a client's attempt at the same moment, or Okta's state, does not show."""

_Result = TypeVar("_Result")


class FixedTime:
    """Holds answers to wrong codes and passwords of the public back until a fixed time after `start`.

    The time is one second, or longer in steps of half a second if the 99th percentile of Okta's
    latency demands it: for all callers alike, so that it says nothing of one email.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._okta_before = 0.0

    def start(self) -> float:
        """The moment from which `left` and `wait` count."""
        self._okta_before = self._okta_seconds()
        return self._clock()

    def measure(self) -> None:
        """Count what Okta took since `start`. Call it once Okta has answered."""
        okta = self._okta_seconds() - self._okta_before
        if okta > 0:
            self._samples.append(okta)

    def left(self, started: float) -> float:
        """Seconds until the fixed time is over."""
        return max(0.0, started + self._target() - self._clock())

    def wait(self, started: float, deadline: Deadline) -> None:
        """Wait until the fixed time is over."""
        left = self.left(started)
        self._sleep(max(0.0, min(left, deadline.remaining())))

    def _okta_seconds(self) -> float:
        return self._meter.seconds.get("okta", 0.0)

    def _target(self) -> float:
        if len(self._samples) < LEAST_SAMPLES:
            return FIXED_SECONDS
        slowest = sorted(self._samples)[int(0.99 * (len(self._samples) - 1))]
        target = FIXED_SECONDS
        while target < min(slowest + OWN_SECONDS, LONGEST_SECONDS):
            target += STEP_SECONDS
        return target


def in_turn(
    work: Callable[[], _Result],
    deadline: Deadline,
    sleep: Callable[[float], None],
    patience: float = math.inf,
) -> _Result:
    """Try `work` until no other call holds the row that it needs.

    One attempt at a time asks Okta about a customer or a login, so that Okta's count and ours cannot
    drift apart, and one send at a time, so that each can be undone. Raises RequestInProgress after
    `patience` seconds, or when the call's own work would have too little time.
    """
    waited = 0.0
    while True:
        try:
            return work()
        except RequestInProgress:
            if waited >= patience or deadline.remaining() < BUSY_RESERVE:
                raise
        wait = random.uniform(*BUSY_WAIT)  # noqa: S311 - spreads calls, guards nothing
        sleep(wait)
        waited += wait
