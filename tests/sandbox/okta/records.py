"""The org's records: users, factors, challenges, sign-ins, sessions, messages, answered calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

OKTA = "OKTA"
"""The default provider, of passwords and of factors."""

PASSWORD = "pwd"
"""The first method of every sign-in, as a session names it."""

QUESTIONS = {
    "disliked_food": "What is the food you least liked as a child?",
    "first_computer_game": "What was the first computer game you played?",
    "name_of_first_plush_toy": "What is the name of your first stuffed animal?",
}
"""A few of the security questions that a user can choose from, by key."""


def timestamp(epoch_seconds: float) -> str:
    """A time as Okta writes it: `2025-06-15T15:06:40.000Z`, milliseconds always zero."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class UserStatus(StrEnum):
    """A user's place in Okta's life cycle."""

    STAGED = "STAGED"
    PROVISIONED = "PROVISIONED"
    ACTIVE = "ACTIVE"
    RECOVERY = "RECOVERY"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    LOCKED_OUT = "LOCKED_OUT"
    SUSPENDED = "SUSPENDED"
    DEPROVISIONED = "DEPROVISIONED"


class FactorStatus(StrEnum):
    """Only an ACTIVE factor can be challenged."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    NOT_SETUP = "NOT_SETUP"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"


class FactorType(StrEnum):
    """The simulated factor types, by their `factorType`. A push factor cannot be enrolled."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "token:software:totp"
    QUESTION = "question"
    PUSH = "push"


@dataclass(frozen=True)
class Challenge:
    """A code that was sent and not yet used; `expires_at` in epoch seconds."""

    code: str
    expires_at: float


@dataclass
class Factor:
    """A factor of a user.

    `destination` is the address, the phone number, the credential id of a TOTP or push factor or the
    key of a security question. `secret` is the base32 shared secret of a TOTP factor or the answer
    to a question; `qr_token` is in the link to the picture of the secret.
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


@dataclass(frozen=True)
class RecoveryQuestion:
    """What a user who forgot the password may be asked."""

    question: str
    answer: str


@dataclass
class User:
    """A person in the org; times are as on the wire.

    `failed_factor_attempts` counts wrong codes in a row over all factors; `most_failed_factor_attempts`
    is its highest value ever. `failed_passwords` counts wrong passwords in a row. A user with
    `must_enrol` and no factor has to enrol one when signing in. `remembered_devices` are not asked
    for a factor, each until a time in epoch seconds. `verified_phones` are the numbers that are kept
    after their factors, by type. `attributes` are the rest of the profile, by
    their names on the wire.
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
    last_updated: str | None = None
    provider: str = OKTA
    mobile_phone: str | None = None
    second_email: str | None = None
    password: str | None = None
    password_changed: str | None = None
    recovery_question: RecoveryQuestion | None = None
    failed_factor_attempts: int = 0
    most_failed_factor_attempts: int = 0
    failed_passwords: int = 0
    must_enrol: bool = False
    remembered_devices: dict[str, float] = field(default_factory=dict)
    verified_phones: dict[FactorType, str] = field(default_factory=dict)
    last_login: str | None = None
    factors: list[Factor] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    group_ids: list[str] = field(default_factory=list)


class Step(StrEnum):
    """The step of a sign-in, by its `status` on the wire."""

    MFA_REQUIRED = "MFA_REQUIRED"
    MFA_CHALLENGE = "MFA_CHALLENGE"
    MFA_ENROLL = "MFA_ENROLL"
    MFA_ENROLL_ACTIVATE = "MFA_ENROLL_ACTIVATE"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    LOCKED_OUT = "LOCKED_OUT"
    SUCCESS = "SUCCESS"


@dataclass
class Transaction:
    """A sign-in; `factor` is the one being verified or activated. `device` is the device token that
    a trusted application has given; `remembers_device` and `updates_phone` are choices in the step
    that is taken. `relay_state` is what the caller wants to find in each answer.
    """

    token: str
    user: User
    step: Step
    expires_at: float
    enrols_several: bool
    device: str | None = None
    remembers_device: bool = False
    updates_phone: bool = False
    relay_state: str | None = None
    factor: Factor | None = None
    has_enrolled: bool = False
    session_token: str | None = None
    methods: list[str] = field(default_factory=lambda: [PASSWORD])


@dataclass(frozen=True)
class SessionToken:
    """The proof of a sign-in by these methods."""

    user: User
    methods: tuple[str, ...]
    issued_at: float


@dataclass
class Session:
    """A signed-in user; times in epoch seconds."""

    id: str
    proof: SessionToken
    created_at: float
    expires_at: float


@dataclass(frozen=True)
class SmsTemplate:
    """A text with a placeholder for the code; translations by language."""

    id: str
    created: str
    name: str
    type: str
    text: str
    translations: dict[str, str]


@dataclass
class Policy:
    """The switches of an administrator, restored by a reset.

    `token_is_permitted`: the API token has the rights for what is asked. `shows_lockout`: a sign-in
    of a locked-out user says so, instead of failing like any other. `number_matching`: a push has a
    number if one is asked for.
    """

    token_is_permitted: bool = True
    shows_lockout: bool = True
    number_matching: bool = True


@dataclass(frozen=True)
class Message:
    """A sent code; `channel` is email, sms or call, `text` holds the code."""

    to: str
    channel: str
    code: str
    sent_at: float
    text: str = ""


class Inbox(list[Message]):
    """Every message that the org sent, oldest first."""

    def to(self, address: str) -> list[Message]:
        """The messages to an address or phone number, newest first."""
        wanted = address.casefold()
        return [message for message in reversed(self) if message.to.casefold() == wanted]


@dataclass(frozen=True)
class Call:
    """A request that reached the org; `path` without query, status 0 if it was not answered.

    `kind` is one of the kinds in urls.py, `at` in epoch seconds. `headers` describe the caller; of Authorization they hold only the scheme.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    kind: str = field(default="", compare=False)
    at: float = field(default=0.0, compare=False)

    @property
    def forwarded_for(self) -> str | None:
        """The address that the caller says it calls for."""
        return self.headers.get("X-Forwarded-For")

    @property
    def user_agent(self) -> str | None:
        return self.headers.get("User-Agent")
