"""Example values. Each function returns an ordinary one, with the changes that a test names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verification import errors
from verification.frozen import replace
from verification.models.callers import Lane
from verification.models.challenges import Challenge, ChallengeStatus
from verification.models.customers import (
    Channel,
    CustomerKey,
    EmailHash,
    Factor,
    FactorStatus,
    FactorType,
    Found,
    KnownFactor,
    Registered,
    Target,
    User,
    UserStatus,
)
from verification.models.states import CustomerState
from verification.settings import Settings

NOW = 1_750_000_000
"""2025-06-15T15:06:40Z"""

_CHALLENGE = Challenge(
    id="ch_one",
    status=ChallengeStatus.PENDING,
    channel=Channel.EMAIL,
    lane=Lane.CLIENT,
    email_hash=EmailHash("0e" * 16),
    destination="a•••@example.com",
    sent_at=NOW - 100,
    expires_at=NOW + 200,
    target=Target(CustomerKey("0c" * 16), "00u0000000000000ada0", "emf0000000000000ada0"),
)
_ADA = User("00u0000000000000ada0", UserStatus.ACTIVE, "ada@example.com", "ada@example.com")
ENVIRON = {
    "OKTA_ORG_URL": "https://example.okta.com",
    "OKTA_TOKEN_SECRET": "okta-token",
    "SERVICE_KEYS_SECRET": "service-keys",
    "TABLE_NAME": "customers",
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "STRANGER_ATTEMPTS": "3",
    "STRANGER_FAILURES_HOUR": "1000",
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "1000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
    "CHANGES_PER_CLIENT_HOUR": "600",
    "RECEIPT_KEY": "arn:aws:kms:eu-west-1:123456789012:key/one",
    "RECEIPT_ISSUER": "urn:customer-verification:tests",
    "RECEIPT_AUDIENCES": "shop,bank",
    "RECEIPT_MAX_SECONDS": "1800",
}
"""The settings that a stack must have."""
_SHOP = {"INVOKE_URL_ROUTES": "true", "REDIRECT_ORIGINS": "https://shop.example.com"}
_SETTINGS = Settings.from_environ({**ENVIRON, **_SHOP})


def challenge(**changes: Any) -> Challenge:
    """A client's pending challenge in the middle of its life."""
    return replace(_CHALLENGE, **changes)


def state(*challenges: Challenge, **changes: Any) -> CustomerState:
    """A customer with these challenges, newest first, and no wrong codes."""
    return replace(CustomerState(challenges), **changes)


def user(**changes: Any) -> User:
    """An ACTIVE user whose login is the email."""
    return replace(_ADA, **changes)


def factor(
    kind: FactorType = FactorType.EMAIL, status: FactorStatus = FactorStatus.ACTIVE, **changes: Any
) -> Factor:
    """An ACTIVE email factor."""
    return replace(Factor(f"{kind}-{status}", kind, status), **changes)


def known_factor(**changes: Any) -> KnownFactor:
    """An ACTIVE email factor as the table keeps it."""
    kept = KnownFactor(
        "emf0000000000000ada0",
        FactorType.EMAIL,
        FactorStatus.ACTIVE,
        "a•••@example.com",
        "0d" * 16,
        reaches_email=True,
    )
    return replace(kept, **changes)


def found(*factors: KnownFactor, **changes: Any) -> Found:
    """What Okta said of Ada a moment ago: these factors, or an email factor."""
    return replace(Found(NOW, _ADA.id, factors or (known_factor(),)), **changes)


def settings(**changes: Any) -> Settings:
    """The settings of a stack with the default limits."""
    return replace(_SETTINGS, **changes)


def rows(expected: Mapping[str, Sequence[object]]) -> list[tuple[object, str]]:
    """Parameters of a test: each example beside the outcome that it is listed under."""
    return [(example, outcome) for outcome, examples in expected.items() for example in examples]


def every_outcome() -> list[errors.VerificationError]:
    """One error of each class that has a code."""
    return [_outcome(kind) for kind in _kinds(errors.VerificationError) if hasattr(kind, "code")]


def _kinds(root: type[errors.VerificationError]) -> Iterator[type[errors.VerificationError]]:
    """The classes of `errors` under this one."""
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from _kinds(kind)


def _outcome(kind: type[errors.VerificationError]) -> errors.VerificationError:
    if kind is errors.ConfigurationError:
        return errors.ConfigurationError("TABLE_NAME is not set")
    if kind is errors.ChallengeSuperseded:
        return errors.ChallengeSuperseded(superseded_at=NOW)
    if kind is errors.ReceiptAlreadyRedeemed:
        return errors.ReceiptAlreadyRedeemed(redeemed_at=NOW)
    return kind()


def incomplete(failure: errors.VerificationError, *factors: Factor) -> errors.VerificationError:
    """A registration that has created Ada's user and these factors, and failed then."""
    return errors.RegistrationIncomplete(failure, Registered(user(), factors))
