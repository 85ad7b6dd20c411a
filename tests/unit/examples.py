"""Values to test with: each function gives a plain one, with what a test changes about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verification.models import (
    Challenge,
    ChallengeStatus,
    Channel,
    CustomerState,
    Factor,
    Lookup,
    User,
)

NOW = 1_750_000_000
"""2025-06-15T15:06:40Z"""

_CHALLENGE = Challenge(
    id="ch_one",
    status=ChallengeStatus.PENDING,
    channel=Channel.EMAIL,
    identity="0e" * 16,
    user_id="00u0000000000000ada0",
    factor_id="emf0000000000000ada0",
    destination="a•••@example.com",
    sent_at=NOW - 100,
    expires_at=NOW + 200,
)
_ADA = User("00u0000000000000ada0", "ACTIVE", "ada@example.com", "ada@example.com")


def challenge(**changes: Any) -> Challenge:
    """A pending challenge in the middle of its life."""
    return replace(_CHALLENGE, **changes)


def state(*challenges: Challenge, **changes: Any) -> CustomerState:
    """A customer with these challenges, newest first, and no failures."""
    return replace(CustomerState(challenges), **changes)


def user(**changes: Any) -> User:
    """An ACTIVE user whose login is the email."""
    return replace(_ADA, **changes)


def factor(kind: str = "email", status: str = "ACTIVE", **changes: Any) -> Factor:
    """An ACTIVE email factor."""
    return replace(Factor(f"{kind}-{status}", kind, status), **changes)


def lookup(*factors: Factor, **changes: Any) -> Lookup:
    """What Okta said of Ada a moment ago: these factors, or an email factor."""
    return replace(Lookup(NOW, "0a" * 16, _ADA.id, factors or (factor(),)), **changes)
