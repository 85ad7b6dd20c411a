"""Customers' rows in the table, as the tests bring them about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.examples import NOW, challenge
from verification import errors
from verification.aws.customers import CustomerRows
from verification.models import Challenge, ChallengeStatus, Channel, CustomerState

ADA = "0a" * 16
BOB = "0b" * 16
HOLD = 24 * 3600


def sent(name: str, at: int = NOW, **changes: Any) -> Challenge:
    """A challenge as it is opened at a moment, good for 300 s."""
    opened = {"status": ChallengeStatus.SENDING, "sent_at": at, "expires_at": at + 300}
    return challenge(id=f"ch_{name}", **{**opened, **changes})


def old(name: str, at: int = NOW, **changes: Any) -> Challenge:
    """The same as the row has it once a newer one is open: what its id is answered with."""
    about = dict.fromkeys(("identity", "user_id", "factor_id", "destination"), "")
    return sent(name, at, channel=Channel.EMAIL, **about, **changes)


def begin(rows: CustomerRows, opened: Challenge, customer: str = ADA) -> CustomerState:
    """Open a challenge at the moment it is sent."""
    return rows.open(customer, opened, opened.sent_at, is_nobody=False)


def look(rows: CustomerRows, now: int = NOW, customer: str = ADA) -> CustomerState:
    """The row as it is, by opening one more challenge."""
    return begin(rows, sent("look", now), customer)


def found(state: CustomerState) -> CustomerState:
    """The state that a look has found, without the look itself."""
    return replace(state, challenges=state.challenges[1:])


def fail_times(rows: CustomerRows, times: int, now: int = NOW) -> None:
    """So many wrong codes in a row."""
    for n in range(times):
        rows.reserve(ADA, None, f"failure-{n}", now)
        rows.rejected(ADA, f"failure-{n}")


def refused(rows: CustomerRows, challenge_id: str | None, now: int = NOW) -> str:
    """The code with which an attempt is refused."""
    with pytest.raises(errors.VerificationError) as refusal:
        rows.reserve(ADA, challenge_id, "refused", now)
    return refusal.value.code
