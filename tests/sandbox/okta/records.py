"""What the org keeps: users, their factors, open challenges, sent messages, answered calls."""

from dataclasses import dataclass, field
from enum import StrEnum


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
    a question.
    """

    id: str
    type: FactorType
    destination: str
    created: str
    status: FactorStatus = FactorStatus.ACTIVE
    provider: str = "OKTA"
    secret: str | None = None
    challenge: Challenge | None = None
    used_time_steps: set[int] = field(default_factory=set)


@dataclass
class User:
    """A person in the org; `failed_attempts` counts wrong codes in a row over all factors."""

    id: str
    login: str
    email: str
    first_name: str
    last_name: str
    created: str
    status: UserStatus = UserStatus.ACTIVE
    mobile_phone: str | None = None
    password: str | None = None
    failed_attempts: int = 0
    factors: list[Factor] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A code on its way to a person; `channel` is email, sms or call."""

    to: str
    channel: str
    code: str
    sent_at: float


class Inbox(list[Message]):
    """Every message that the org sent, oldest first."""

    def to(self, address: str) -> list[Message]:
        """The messages to one address or phone number, newest first."""
        wanted = address.casefold()
        return [message for message in reversed(self) if message.to.casefold() == wanted]


@dataclass(frozen=True)
class Call:
    """A request that reached the org; `path` without query, status 0 when no answer was given."""

    method: str
    path: str
    status: int
