"""Customers' rows in the table, as the tests bring them about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import NOW, challenge
from verification import errors, policy
from verification.aws.table import ChallengeTable
from verification.models import Challenge, ChallengeStatus, CustomerState

ADA = "0a" * 16
BOB = "0b" * 16
HOLD = policy.HOLD_SECONDS


def sent(name: str, at: int = NOW, **changes: Any) -> Challenge:
    """A challenge as it is opened at a moment, good for 300 s."""
    opened = {"status": ChallengeStatus.SENDING, "sent_at": at, "expires_at": at + 300}
    return challenge(id=f"ch_{name}", **{**opened, **changes})


def look(table: ChallengeTable, now: int = NOW, customer: str = ADA) -> CustomerState:
    """The row as it is, by opening one more challenge."""
    return table.open(customer, sent("look", now), now)


def fail_times(table: ChallengeTable, times: int, now: int = NOW) -> None:
    """So many wrong codes in a row."""
    for n in range(times):
        table.reserve(ADA, None, f"failure-{n}", now)
        table.rejected(ADA, f"failure-{n}")


def refused(table: ChallengeTable, challenge_id: str | None, now: int = NOW) -> str:
    """The code with which an attempt is refused."""
    with pytest.raises(errors.VerificationError) as refusal:
        table.reserve(ADA, challenge_id, "refused", now)
    return refusal.value.code
