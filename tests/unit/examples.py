"""Example values. Each function returns an ordinary one, with the changes that a test names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from verification import errors
from verification.models import (
    Challenge,
    ChallengeStatus,
    Channel,
    CustomerKey,
    CustomerState,
    EmailHash,
    Factor,
    FactorStatus,
    FactorType,
    Found,
    KnownFactor,
    Lane,
    Registered,
    Target,
    User,
    UserStatus,
)
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
_SETTINGS = Settings(
    okta_org_url="https://example.okta.com",
    okta_token_secret="okta-token",
    okta_client_id="",
    okta_app_key="",
    okta_sms_templates=False,
    service_keys_secret="service-keys",
    table_name="customers",
    challenge_lifetime=300,
    stranger_attempts=3,
    stranger_failures=1000,
    sends_per_source=60,
    sends_per_client=6000,
    failures_per_source=20,
    password_failures=5,
    changes_per_client=600,
    trust_last_login=False,
    conceal_unknown_customers=True,
    activate_phones=False,
    invoke_url_routes=True,
    allowed_origins=(),
    redirect_origins=("https://shop.example.com",),
    trusted_application=False,
    receipt_key="arn:aws:kms:eu-west-1:123456789012:key/one",
    receipt_other_key="",
    receipt_issuer="urn:customer-verification:tests",
    receipt_audiences=("shop", "bank"),
    receipt_max_seconds=1800,
    require_receipt=False,
    scheme="https",
)


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
    kind: FactorType = FactorType.EMAIL,
    status: FactorStatus = FactorStatus.ACTIVE,
    **changes: Any,
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
