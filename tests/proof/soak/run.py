"""One soak: load, faults and crashes for so many seconds, and then what must hold."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.proof.section import Section
from tests.proof.soak import visits
from tests.proof.soak.callers import Callers, Customer
from tests.proof.soak.ledger import Ledger
from tests.proof.soak.service import (
    BrittleStore,
    Process,
    Processes,
    Service,
    Unlimited,
    Weather,
    growth,
    processes,
)
from tests.proof.soak.visits import PASSWORD, PHONE
from tests.sandbox.aws import CLIENT_KEY, ROOT_KEY, SHOP_KEY
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.sandbox import Sandbox

VISITS_A_SECOND = 7.5
"""So that half an hour has more than 10,000 verifications."""

CALLERS = 16
"""At the same time, if many wait."""

VISITS, LEAST_PAUSE = 4, 45
"""Of one customer in a soak, and seconds between two: codes are limited to five an hour, and one in
half a minute.
"""

CRASHES_END, SETTLED = 0.4, 0.7
"""Parts of the time after which no process crashes any more, and after which all of them have done
what they ever do.
"""

FAULTS, LONGEST_CALM = 20, 1.5
"""In a short soak, and seconds between two in a long one."""

MOST_MEMORY, MOST_FILES = 4096, 2
"""Kibibytes and open files that a process may gain after it has settled."""

TOO_SHORT = 300.0
"""In fewer seconds no process may have settled."""

TWO_DAYS = 2 * 86_400
MOST_FAILURES = 4
"""In a row: the fifth locks the account."""

CANARIES = ("@example.com", PHONE, PASSWORD, CLIENT_KEY, SHOP_KEY, ROOT_KEY, SANDBOX_API_TOKEN)


@dataclass(frozen=True)
class Soaked:
    """What a soak has measured, and the promises that it has seen broken."""

    seconds: float
    ledger: Ledger
    faults: int
    crashes: int
    growth: Process | None

    @property
    def broken(self) -> list[str]:
        """Nothing if all is well."""
        return self.ledger.broken

    @property
    def section(self) -> Section:
        """All of it, for the report."""
        verified = self.ledger.counts["verified"]
        summary = f"{verified} verified, {self.faults} faults, {self.crashes} crashes"
        return Section(
            "Soak", f"{summary}, {len(self.broken)} broken", self.broken, [*self.table()]
        )

    def table(self) -> Iterator[str]:
        """The figures, as tables of Markdown."""
        counts = self.ledger.counts
        yield "| what | count |\n|---|---|"
        yield f"| seconds | {self.seconds:.0f} |"
        yield f"| calls | {sum(map(len, self.ledger.seconds.values()))} |"
        for name in sorted(counts):
            yield f"| {name} | {counts[name]} |"
        yield f"| faults set, crashes | {self.faults}, {self.crashes} |"
        gained = self.growth
        grown = f"{gained.memory} KiB, {gained.files} files" if gained else "not measured"
        yield f"| the most that a process has gained after its warm-up | {grown} |"
        yield f"| promises broken | {len(self.broken)} |"
        yield "\n| call | times | ms at 50 % | 95 % | 99 % | told |\n|---|---|---|---|---|---|"
        for kind, *figures in self.ledger.latencies():
            outcomes = self.ledger.outcomes[kind].most_common()
            told = ", ".join(f"{outcome} ({times})" for outcome, times in outcomes)
            yield f"| {' | '.join(map(str, (kind, *figures, told)))} |"


def soak(seconds: float, pace: float = VISITS_A_SECOND, seed: int = 1) -> Soaked:
    """Play, and judge. Takes a few seconds more."""
    rng, ledger = random.Random(seed), Ledger()  # noqa: S311 - not a secret
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "functions.log"
        with (
            log.open("w", buffering=1) as file,
            BrittleStore() as store,
            Service(file, store) as sandbox,
        ):
            sandbox.org.limits = Unlimited()
            customers = _customers(sandbox, int(max(seconds / VISITS, LEAST_PAUSE) * pace))
            callers = Callers(sandbox, ledger, rng)
            with Weather(sandbox, store, rng, min(LONGEST_CALM, seconds / FAULTS)) as weather:
                before, after = _played(callers, customers, weather, seconds, pace)
            gained = growth(before, after)
            sandbox.settle()
            _require_all_get_through(callers, [*customers, *callers.registered])
            _judge(sandbox, ledger, gained, seconds)
        ledger.read(log, CANARIES)
    return Soaked(seconds, ledger, weather.faults, weather.crashes, gained)


def _customers(sandbox: Sandbox, count: int) -> deque[Customer]:
    sandbox.org.populate(count)
    users = [each for each in sandbox.org.directory if each.email.startswith("customer-")]
    for user in users:
        user.password = PASSWORD
    return deque(map(Customer, users))


def _played(
    callers: Callers, customers: deque[Customer], weather: Weather, seconds: float, pace: float
) -> tuple[Processes, Processes]:
    """What processes keep when all have settled, and at the end."""
    began, free = time.monotonic(), threading.Semaphore(CALLERS)
    before: Processes = {}

    def visit(customer: Customer) -> None:
        try:
            visits.visit(callers, customer)
        except Exception as error:
            callers.ledger.fault(f"the soak itself: {error!r}")
        finally:
            customers.append(customer)
            free.release()

    with ThreadPoolExecutor(CALLERS) as pool:
        number = 0
        while (passed := time.monotonic() - began) < seconds:
            weather.crashes_may = passed < CRASHES_END * seconds
            if not before and passed > SETTLED * seconds:
                before = processes(callers.sandbox)
            free.acquire()
            pool.submit(visit, customers.popleft())
            number += 1
            time.sleep(max(0.0, began + number / pace - time.monotonic()))
    return before, processes(callers.sandbox)


def _require_all_get_through(callers: Callers, customers: list[Customer]) -> None:
    """Whoever was not verified at last is verified two days later, in good weather; who is held, by a
    release.
    """
    callers.sandbox.advance += TWO_DAYS
    doubted = [each for each in customers if each.is_in_doubt]
    callers.ledger.counts["in doubt at the end"] = len(doubted)
    for customer in doubted:
        visits.client(callers, customer, is_only_try=True)
    callers.sandbox.advance += LEAST_PAUSE
    for customer in doubted:
        if customer.is_in_doubt:
            visits.release(callers, customer)
        if customer.is_in_doubt:
            callers.ledger.fault(f"a customer does not get through: {customer.user.status}")


def _judge(sandbox: Sandbox, ledger: Ledger, gained: Process | None, seconds: float) -> None:
    most = max(user.most_failed_factor_attempts for user in sandbox.org.directory)
    if most > MOST_FAILURES:
        ledger.fault(f"Okta saw {most} wrong codes in a row")
    if gained is None and seconds > TOO_SHORT:
        ledger.fault("what processes keep could not be judged")
    if gained is not None and (gained.memory > MOST_MEMORY or gained.files > MOST_FILES):
        ledger.fault(f"a process has grown: {gained}")
