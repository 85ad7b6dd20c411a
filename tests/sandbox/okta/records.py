"""What the org keeps: users, their factors, open challenges, sent messages, answered calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OKTA = "OKTA"
"""The provider of passwords and of most factors, unless another one is named."""


class UserStatus(StrEnum):
    """Where a user is in Okta's life cycle."""

    STAGED = "STAGED"
    PROVISIONED = "PROVISIONED"
    ACTIVE = "ACTIVE"
    RECOVERY = "RECOVERY"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    LOCKED_OUT = "LOCKED_OUT"
    SUSPENDED = "SUSPENDED"
    DEPROVISIONED = "DEPROVISIONED"


class FactorStatus(StrEnum):
    """Whether a factor can be challenged; only an ACTIVE one can."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    ENROLLED = "ENROLLED"
    EXPIRED = "EXPIRED"
    INACTIVE = "INACTIVE"
    NOT_SETUP = "NOT_SETUP"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"


class FactorType(StrEnum):
    """The factor types that the org simulates, by their `factorType` on the wire."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "token:software:totp"
    QUESTION = "question"


@dataclass(frozen=True)
class Challenge:
    """A code that was sent and not yet used; `expires_at` in epoch seconds."""

    code: str
    expires_at: float


@dataclass
class Factor:
    """One way of a user to prove who they are.

    `destination` is the address, the phone number, the credential id of a TOTP factor or the key
    of a security question. `secret` is the base32 shared secret of a TOTP factor or the answer to
    a question; `qr_token` opens the picture of the secret until the factor is active.
    """

    id: str
    type: FactorType
    destination: str
    created: str
    status: FactorStatus = FactorStatus.ACTIVE
    provider: str = OKTA
    secret: str | None = None
    qr_token: str | None = None
    last_updated: str | None = None
    challenge: Challenge | None = None
    used_time_steps: set[int] = field(default_factory=set)


@dataclass
class User:
    """A person in the org.

    `failed_attempts` counts wrong codes in a row over all factors, `failed_passwords` wrong
    passwords in a row. `kept_phones` are the verified numbers that outlive their removed factors.
    Who `must_enrol` is asked for a factor at the next sign-in without one. `attributes` are what
    the profile holds beside the fields, by their names on the wire; times are as on the wire.
    """

    id: str
    login: str
    email: str
    first_name: str | None
    last_name: str | None
    created: str
    status: UserStatus = UserStatus.ACTIVE
    activated: str | None = None
    status_changed: str | None = None
    provider: str = OKTA
    mobile_phone: str | None = None
    second_email: str | None = None
    email_is_verified: bool = True
    password: str | None = None
    failed_attempts: int = 0
    failed_passwords: int = 0
    must_enrol: bool = False
    last_login: str | None = None
    factors: list[Factor] = field(default_factory=list)
    kept_phones: dict[FactorType, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    group_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A code on its way to a person; `channel` is email, sms or call, `text` holds the code."""

    to: str
    channel: str
    code: str
    sent_at: float
    text: str = ""


class Inbox(list[Message]):
    """Every message that the org sent, oldest first."""

    def to(self, address: str) -> list[Message]:
        """The messages to one address or phone number, newest first."""
        wanted = address.casefold()
        return [message for message in reversed(self) if message.to.casefold() == wanted]


@dataclass(frozen=True)
class Call:
    """A request that reached the org; `path` without query, status 0 when no answer was given.

    `headers` are those that say who is calling and for whom; of Authorization only the scheme.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
