"""The rows over one table, and example keys and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from verification.models import (
    Challenge,
    ChallengeStatus,
    Channel,
    CustomerKey,
    EmailHash,
    Lane,
    Target,
)
from verification.ports import SendPlan


@dataclass(frozen=True)
class Rows:
    """All rows of one table, which `dynamodb` reaches over a network that can fail."""

    emails: EmailRows
    customers: CustomerRows
    attempts: AttemptRows
    budgets: BudgetRows
    dynamodb: Unreliable
    account: Account


ADA, BOB = CustomerKey("0a" * 16), CustomerKey("0b" * 16)
EMAIL = EmailHash("0e" * 16)
STRANGERS = Place(Row.EMAIL, EMAIL)
DEVICE = Place(Row.DEVICE, "0d" * 16)
FACTOR = "emf1"
TARGET = Target(ADA, "00u1", FACTOR)


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
    fields: Mapping[str, Any] = {
        "customer": ADA,
        "by": challenge.id,
        "token": f"send-{challenge.id}",
        "now": challenge.sent_at,
        "allowed": None if challenge.lane is Lane.RELEASE else 4,
        "factor_id": FACTOR,
        "challenge": challenge,
    }
    return SendPlan(**{**fields, **changes})


def refusal(work: Callable[[], object]) -> errors.VerificationError:
    """The outcome with which the work is refused."""
    with pytest.raises(errors.VerificationError) as refused:
        work()
    return refused.value


def told(work: Callable[[], object]) -> str:
    """Its code."""
    return refusal(work).code


def repeated(dynamodb: Unreliable, work: Callable[[], object]) -> Any:
    """The result of work whose every write boto3 sends twice."""
    dynamodb.repeats = True
    try:
        return work()
    finally:
        dynamodb.repeats = False
