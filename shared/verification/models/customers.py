"""Customers, their factors and their devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import NewType, Self

from verification.frozen import Frozen

Email = NewType("Email", str)
"""A checked and normalised address; made by `parsing.parse_email` alone."""

EmailHash = NewType("EmailHash", str)
"""32 hex digits that stand for an email in limits, logs and the table."""

LoginHash = NewType("LoginHash", str)
"""32 hex digits that stand for a username, likewise."""

CustomerKey = NewType("CustomerKey", str)
"""32 hex digits that stand for an Okta user in the table."""


class OpenEnum(StrEnum):
    """A set of Okta's that may grow: an unknown member reads as OTHER."""

    @classmethod
    def _missing_(cls, _: object) -> Self:
        return cls("OTHER")


class Channel(StrEnum):
    """How a customer is challenged: with a code, or with a push that the customer answers."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "totp"
    PUSH = "push"


class FactorType(OpenEnum):
    """Okta's `factorType`, as far as this service can use it."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "token:software:totp"
    PUSH = "push"
    QUESTION = "question"
    TOKEN = "token"  # noqa: S105 - a type
    TOKEN_HARDWARE = "token:hardware"  # noqa: S105 - a type
    TOKEN_HOTP = "token:hotp"  # noqa: S105 - a type
    OTHER = "OTHER"


class FactorStatus(OpenEnum):
    """Okta's factor `status`, as far as it makes a difference here."""

    ACTIVE = "ACTIVE"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    OTHER = "OTHER"


class Factor(Frozen):
    """A factor of an Okta user. `destination` is an address or a phone number."""

    id: str
    type: FactorType
    status: FactorStatus
    destination: str = field(default="", repr=False)
    provider: str = ""
    created: str = ""
    updated: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether its first right code will activate it."""
        return self.status is FactorStatus.PENDING_ACTIVATION


class KnownFactor(Frozen):
    """A factor as it is kept in the table: its destination masked, and as a keyed hash.

    `reaches_email` says that this factor's address is the email that was looked up.
    """

    id: str
    type: FactorType
    status: FactorStatus
    shown: str = ""
    destination_hash: str = ""
    reaches_email: bool = False


class FactorRef(Frozen):
    """What a factor's opaque id contains: the factor, its owner, and how it was enrolled.

    `enrolled_at` is in epoch seconds; `issuer` and `label` are what an authenticator app shows.
    """

    user_id: str
    factor_id: str
    email_hash: EmailHash
    enrolled_at: int
    issuer: str = ""
    label: str = field(default="", repr=False)


class Enrolled(Frozen):
    """A factor with its opaque id. `secret` is set once, when an authenticator app is enrolled."""

    ref_id: str
    ref: FactorRef
    factor: Factor
    secret: str = field(default="", repr=False)


class Target(Frozen):
    """The factor that a challenge was sent through, and whose it is."""

    customer: CustomerKey
    user_id: str
    factor_id: str


class UserStatus(OpenEnum):
    """Okta's user `status`, as far as it makes a difference here."""

    ACTIVE = "ACTIVE"
    LOCKED_OUT = "LOCKED_OUT"
    PROVISIONED = "PROVISIONED"
    STAGED = "STAGED"
    DEPROVISIONED = "DEPROVISIONED"
    OTHER = "OTHER"


class User(Frozen):
    """An Okta user. `created`, `last_login` and `password_changed` are Okta's timestamps, empty if
    there is none.
    """

    id: str
    status: UserStatus
    login: str = field(repr=False)
    email: str = field(repr=False)
    created: str = ""
    last_login: str = ""
    password_changed: str = ""


class Registration(Frozen):
    """A customer to be created: the profile as Okta is to have it, a password or none, and the
    channels to enroll.
    """

    email: Email = field(repr=False)
    login: str = field(repr=False)
    profile: Mapping[str, object] = field(repr=False)
    password: str = field(default="", repr=False)
    groups: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()


class Registered(Frozen):
    """What a registration has created: a user, and the user's factors (None: not known)."""

    user: User
    factors: tuple[Factor, ...] | None


class Found(Frozen):
    """What Okta said of an email at a time (epoch seconds): a user with factors, or a refusal.

    `refusal` is an outcome code such as `customer_not_found`, or empty. `last_login` is in epoch
    seconds, 0 if unknown.
    """

    at: int
    user_id: str = ""
    factors: tuple[KnownFactor, ...] = ()
    refusal: str = ""
    last_login: int = 0


class Device(Frozen):
    """A browser or app that has verified this customer before. Times are epoch seconds."""

    id: str
    issued_at: int
