"""Whether response times tell customers from others.

The suite asks with few samples. `python -m tests.e2e.timing` asks with 200 samples of each kind, in
warm and in fresh processes, and prints what it found (`python -m tests.e2e.timing 50`: with 50).
"""

from __future__ import annotations

import ipaddress
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from statistics import NormalDist, median
from typing import TYPE_CHECKING, assert_never

from tests.e2e.conftest import Caller
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from requests import Response

ALIKE = 0.01
"""The least p at which two samples count as drawn from one distribution."""

SAMPLES = 200
AT_ONCE = 5
BATCH = 20
"""Customers in one table: moto copies a table for every transaction, so a large one is slow."""

SIGMA = 0.4
MEDIANS = {"lookup": 0.07, "factors": 0.07, "send": 0.35, "check": 0.2, "authn": 0.2}
"""Seconds that Okta takes, by the kind of call."""

TOKEN_SECONDS = 301
"""After so long a process reads its secrets again."""

_sources = count()


def unequal_latency(kind: str) -> float:
    """Seconds of one call: log-normal, with a long tail."""
    return MEDIANS.get(kind, 0.07) * random.lognormvariate(0, SIGMA)


class Question(Enum):
    """What the public asks about an email, and is answered alike for everybody."""

    FIRST_CODE = "first code"
    NEXT_CODE = "next code"
    WRONG_CODE = "wrong code"
    WRONG_PASSWORD = "wrong password"

    @property
    def is_held_back(self) -> bool:
        """Whether the answer comes after a fixed time."""
        return self in (Question.WRONG_CODE, Question.WRONG_PASSWORD)

    @property
    def function(self) -> str:
        """The function that answers."""
        if self is Question.WRONG_CODE:
            return "VerifyChallengeFunction"
        return "IssueChallengeFunction"


@dataclass(frozen=True)
class Times:
    """Seconds of the answers about customers, and about as many others."""

    customers: list[float]
    others: list[float]

    @property
    def likeness(self) -> float:
        """Two-sided p of the Wilcoxon rank-sum test, by its normal approximation."""
        ranked = sorted(
            [(each, 0) for each in self.customers] + [(each, 1) for each in self.others]
        )
        ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
        n, m = len(self.customers), len(self.others)
        mean, deviation = n * (n + m + 1) / 2, (n * m * (n + m + 1) / 12) ** 0.5
        return 2 * (1 - NormalDist().cdf(abs(ranks - mean) / deviation))

    @property
    def share_outside(self) -> float:
        """The share of customers that are slower than every other, or quicker."""
        slowest, quickest = max(self.others), min(self.others)
        outside = sum(not quickest <= each <= slowest for each in self.customers)
        return outside / len(self.customers)


def measure(sandbox: Sandbox, question: Question, samples: int, *, fresh: bool = False) -> Times:
    """Ask about so many customers and as many others, in random order, with Okta's calls as unequal
    as they are. `fresh`: every answer comes from a process that has just started.
    """
    times = Times([], [])
    for begun in range(0, samples, BATCH):
        batch = _batch(sandbox, question, min(BATCH, samples - begun), fresh=fresh)
        times.customers.extend(batch.customers)
        times.others.extend(batch.others)
    return times


def _batch(sandbox: Sandbox, question: Question, samples: int, *, fresh: bool) -> Times:
    sandbox.reset()
    sandbox.org.populate(samples)
    emails = [f"customer-{number:03}@example.com" for number in range(samples)]
    emails += [f"no-{email}" for email in emails]
    random.shuffle(emails)
    ids: dict[str, str] = {}
    if question in (Question.NEXT_CODE, Question.WRONG_CODE):
        ids = {email: _begin(sandbox, email) for email in emails}
        sandbox.advance += TOKEN_SECONDS if question is Question.NEXT_CODE else 31
    sandbox.org.latency_seconds = unequal_latency
    ask = _fresh_seconds if fresh else _seconds
    at_once = AT_ONCE if question.is_held_back and not fresh else 1
    try:
        with ThreadPoolExecutor(at_once) as pool:
            times = list(pool.map(lambda each: ask(sandbox, question, each, ids), emails))
    finally:
        sandbox.settle()
        sandbox.org.latency_seconds = 0.0
    timed = list(zip(emails, times, strict=True))
    return Times(
        [seconds for email, seconds in timed if not email.startswith("no-")],
        [seconds for email, seconds in timed if email.startswith("no-")],
    )


def _begin(sandbox: Sandbox, email: str) -> str:
    response = _caller(sandbox).post("/challenge", {"email": email})
    challenge_id: str = response.json()["challenge_id"]
    return challenge_id


def _fresh_seconds(sandbox: Sandbox, question: Question, email: str, ids: dict[str, str]) -> float:
    sandbox.settle()
    sandbox.crash(question.function)
    return _seconds(sandbox, question, email, ids)


def _seconds(sandbox: Sandbox, question: Question, email: str, ids: dict[str, str]) -> float:
    caller = _caller(sandbox)
    started = time.perf_counter()
    response = _ask(caller, question, email, ids)
    seconds = time.perf_counter() - started
    expected = {Question.WRONG_CODE: 403, Question.WRONG_PASSWORD: 401}.get(question, 202)
    assert response.status_code == expected, response.text
    return seconds


def _ask(caller: Caller, question: Question, email: str, ids: dict[str, str]) -> Response:
    match question:
        case Question.FIRST_CODE | Question.NEXT_CODE:
            return caller.post("/challenge", {"email": email})
        case Question.WRONG_CODE:
            return caller.post("/verify", {"challenge_id": ids[email], "code": "000000"})
        case Question.WRONG_PASSWORD:
            return caller.post("/api/v1/authn", {"username": email, "password": "x"})
    assert_never(question)


def _caller(sandbox: Sandbox) -> Caller:
    """Somebody at a source address of their own."""
    address = ipaddress.ip_address("10.0.0.0") + next(_sources)
    return Caller(sandbox, {"X-Sandbox-Source-Ip": str(address)})


def main(samples: int) -> int:
    """Measure all; 1 if anything differs."""
    differs = False
    with Path("/dev/null").open("w") as log, Sandbox(log) as sandbox:
        for fresh in (False, True):
            for question in Question:
                times = measure(sandbox, question, samples, fresh=fresh)
                differs = differs or times.likeness <= ALIKE
                sys.stdout.write(
                    f"{'fresh' if fresh else 'warm'} {question.value}: p = {times.likeness:.3f}, "
                    f"medians {1000 * median(times.customers):.0f} and "
                    f"{1000 * median(times.others):.0f} ms, "
                    f"{100 * times.share_outside:.1f} % of the customers outside\n"
                )
                sys.stdout.flush()
    return int(differs)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES))
