"""The rows over one table, and example keys and values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.account import Account, Unreliable
from tests.unit.examples import NOW
from verification import errors
from verification.aws.attempt_rows import AttemptRows
from verification.aws.budget_rows import BudgetRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.crypto import Place, Row
from verification.frozen import replace
from verification.models.callers import Lane
from verification.models.challenges import Challenge, ChallengeStatus
from verification.models.customers import Channel, CustomerKey, EmailHash, Target
from verification.models.states import Attempt, CustomerState, PublicState
from verification.ports import Result, SendPlan, Settlement

ADA, BOB = CustomerKey("0a" * 16), CustomerKey("0b" * 16)
EMAIL = EmailHash("0e" * 16)
STRANGERS = Place(Row.EMAIL, EMAIL)
DEVICE = Place(Row.DEVICE, "0d" * 16)
FACTOR = "emf1"
TARGET = Target(ADA, "00u1", FACTOR)


@dataclass(frozen=True)
class Rows:
    """All rows of one table, which `dynamodb` reaches over a network that can fail."""

    emails: EmailRows
    customers: CustomerRows
    attempts: AttemptRows
    budgets: BudgetRows
    dynamodb: Unreliable
    account: Account

    @property
    def ada(self) -> CustomerState:
        return self.customers.get(ADA)

    @property
    def strangers(self) -> PublicState:
        return self.emails.state(STRANGERS)

    def open(self, name: str, at: int = NOW, place: Place = STRANGERS, **changes: Any) -> int:
        """Open a public challenge."""
        return self.emails.open_challenge(place, opened(name, at, **changes))

    def attempt(
        self, token: str, now: float = NOW, name: str | None = None, place: Place = STRANGERS
    ) -> PublicState:
        """Reserve an attempt at a public challenge, or at the newest."""
        return self.attempts.reserve_public(place, name, token, now)

    def end_attempt(
        self, token: str, result: Result, now: int = NOW, place: Place = STRANGERS, **more: Any
    ) -> None:
        """Settle it; after a wrong code the next may be tried a second later."""
        settlement = Settlement(token, now, place=place, public_result=result, free_at=now + 1)
        self.attempts.settle(replace(settlement, **more))

    def reserve(self, token: str, now: float = NOW, **changes: Any) -> tuple[bool, CustomerState]:
        """Reserve an attempt of a client at any of Ada's challenges; four may be wrong."""
        attempt = Attempt(token, Lane.CLIENT, 4, now)
        return self.attempts.reserve(ADA, replace(attempt, **changes))

    def settle(self, token: str, result: Result, count: int, now: int = NOW, **more: Any) -> None:
        """Settle it. `count` is the number of wrong codes with this one in it."""
        settlement = Settlement(token, now, result, ADA, count)
        self.attempts.settle(replace(settlement, **more))

    def fail(self, times: int) -> None:
        """So many wrong codes of Ada's in a row."""
        for n in range(times):
            _, state = self.reserve(f"fail-{n}")
            self.settle(f"fail-{n}", Result.WRONG, len(state.wrong_codes))


def opened(name: str, at: int = NOW, **changes: Any) -> Challenge:
    """A public challenge that begins now and lives for 300 s."""
    fields: dict[str, Any] = {
        "id": f"ch_{name}",
        "status": ChallengeStatus.SENDING,
        "channel": Channel.EMAIL,
        "lane": Lane.STRANGER,
        "email_hash": EMAIL,
        "destination": "a•••@example.com",
        "sent_at": at,
        "expires_at": at + 300,
    }
    return Challenge(**{**fields, **changes})


def of_client(name: str, at: int = NOW, **changes: Any) -> Challenge:
    """The same, of a client, with its target."""
    given = {"lane": Lane.CLIENT, "client": "shop", "target": TARGET, **changes}
    return opened(name, at, **given)


def plan_of(challenge: Challenge, **changes: Any) -> SendPlan:
    """The send of a challenge that is stored with the customer; four wrong codes are allowed."""
    fields: dict[str, Any] = {
        "customer": ADA,
        "by": challenge.id,
        "token": f"send-{challenge.id}",
        "now": challenge.sent_at,
        "allowed": None if challenge.lane is Lane.RELEASE else 4,
        "factor_id": FACTOR,
        "challenge": challenge,
    }
    return SendPlan(**{**fields, **changes})


def refusal(work: Callable[[], object]) -> Any:
    """The outcome with which the work is refused."""
    with pytest.raises(errors.VerificationError) as refused:
        work()
    return refused.value


def told(work: Callable[[], object]) -> str:
    """Its code."""
    return str(refusal(work).code)
