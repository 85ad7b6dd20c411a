"""Whether the time of an answer tells who is a customer."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist
from typing import TYPE_CHECKING

from tests.e2e.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.sandbox import Sandbox

CHANCE = 0.001
"""One run in a thousand is less alike than this by chance; a leak is in every one."""


def likeness(
    sandbox: Sandbox, latency: float, count: int, ask: Callable[[Caller, str], None]
) -> float:
    """The p of the times of so many customers and as many nobodies being drawn alike, with Okta
    taking `latency` seconds. `ask` makes one call about an email.
    """
    sandbox.org.populate(count)
    sandbox.org.latency_seconds = latency
    emails = [f"customer-{number:03}@example.com" for number in range(count)]
    emails += [f"no-{email}" for email in emails]
    random.shuffle(emails)

    def timed(numbered: tuple[int, str]) -> tuple[str, float]:
        number, email = numbered
        caller = Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.100.{number}"})
        started = time.perf_counter()
        ask(caller, email)
        return email, time.perf_counter() - started

    try:
        with ThreadPoolExecutor(5) as pool:
            times = list(pool.map(timed, enumerate(emails)))
    finally:
        sandbox.org.latency_seconds = 0.0
    unknown = [seconds for email, seconds in times if email.startswith("no-")]
    known = [seconds for email, seconds in times if not email.startswith("no-")]
    return rank_sum_p(known, unknown)


def rank_sum_p(one: list[float], other: list[float]) -> float:
    """Two-sided p of the Wilcoxon rank-sum test, by its normal approximation."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(one), len(other)
    mean, deviation = n * (n + m + 1) / 2, (n * m * (n + m + 1) / 12) ** 0.5
    return 2 * (1 - NormalDist().cdf(abs(ranks - mean) / deviation))
