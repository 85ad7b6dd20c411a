"""Answers to the public take a time that tells nothing of what was found."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verification.models import Deadline

LEAST = 0.3
"""Seconds: more than a send takes while Okta is well."""

MOST = 2.5
SPREAD = 0.1
REMEMBERED = 32


class Pace:
    """Makes the work for a customer and the work for a decoy take equally long.

    Every answer is held back until the slowest of the last answers would have been there, and a
    little more at random: so what a customer's answer takes, a decoy's takes too, also while Okta
    is slower than usual.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._spread = spread
        self._recent: deque[float] = deque([LEAST], maxlen=REMEMBERED)

    @contextmanager
    def hide(self, deadline: Deadline) -> Iterator[None]:
        """Hold back whatever the block ends with, a result or an error."""
        started = self._clock()
        try:
            yield
        finally:
            self._hold_back(self._clock() - started, deadline)

    @contextmanager
    def hide_refusal(self, deadline: Deadline) -> Iterator[None]:
        """Hold back an error. A success is for customers alone, and says so itself."""
        started = self._clock()
        try:
            yield
        except Exception:
            self._hold_back(self._clock() - started, deadline)
            raise

    def _hold_back(self, took: float, deadline: Deadline) -> None:
        self._recent.append(min(max(took, LEAST), MOST))
        wanted = max(self._recent) + self._spread(0.0, SPREAD)
        self._sleep(max(0.0, min(wanted - took, deadline.remaining())))
