"""What the service talks about: frozen values, with no behaviour that needs the outside world."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

Email = NewType("Email", str)
"""A checked and normalised address; made by `policy.parse_email` alone."""

Code = NewType("Code", str)
"""What the customer typed, six digits; made by `policy.parse_code` alone."""


class Channel(StrEnum):
    """How a code reaches the customer."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "totp"

    @property
    def is_sent(self) -> bool:
        """Whether a code goes out; an authenticator app makes its own."""
        return self is not Channel.TOTP


class ChallengeStatus(StrEnum):
    """Where a challenge is in its life.

    `sending`: Okta was asked to send its code, and has not refused; `pending`: a code was tried.
    That it is expired or superseded follows from the time and the challenges after it.
    """

    SENDING = "sending"
    PENDING = "pending"
    VERIFIED = "verified"
    EXHAUSTED = "exhausted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a client (the name its key stands for) or, without a key, the public."""

    client: str | None
    source_ip: str
    user_agent: str = ""
    accept_language: str = ""
    device_fingerprint: str = ""

    @property
    def is_public(self) -> bool:
        """Whether it sent no client key."""
        return self.client is None


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a call must have its answer, in seconds of a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - self.clock()


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation: who asks, and until when.

    `request` names what is asked: the same whenever it is asked again under its Idempotency-Key,
    and empty without one.
    """

    caller: Caller
    deadline: Deadline
    request: str = ""


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """Whom to send a code, how, in which language if not the caller's, and what it is for."""

    email: Email = field(repr=False)
    channel: Channel = Channel.EMAIL
    locale: str | None = None
    purpose: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A code for one challenge, or for the newest one of an email's customer.

    A purpose or reference that is named must be the challenge's.
    """

    code: Code = field(repr=False)
    challenge_id: str | None = None
    email: Email | None = field(default=None, repr=False)
    purpose: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """Something Okta can challenge; `destination` is an address or number, so it is not shown."""

    id: str
    type: str
    status: str
    destination: str = field(default="", repr=False)
    provider: str = ""
    created: str = ""
    updated: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether its first right code is still to come, and will activate it."""
        return self.status == "PENDING_ACTIVATION"


@dataclass(frozen=True, slots=True)
class FactorRef:
    """What a factor's opaque id stands for: the factor, its owner, and how it was asked for.

    `enrolled_at` is in epoch seconds, `identity` the keyed hash of the owner's email; `issuer` and
    `label` are what an authenticator app shows.
    """

    user_id: str
    factor_id: str
    identity: str
    enrolled_at: int
    issuer: str = ""
    label: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A factor with its opaque id. `secret` is there once, when an authenticator app is enrolled."""

    ref_id: str
    ref: FactorRef
    factor: Factor
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """An Okta user as a lookup finds it."""

    id: str
    status: str
    login: str = field(repr=False)
    email: str = field(repr=False)
    created: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who is to become a customer: the whole profile as Okta is to have it, a password or none,
    and the factors to enrol, which so far are destinations alone.
    """

    email: Email = field(repr=False)
    login: str = field(repr=False)
    profile: Mapping[str, object] = field(repr=False)
    password: str = field(default="", repr=False)
    groups: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration has made: a user and its factors, None where nobody knows."""

    user: User
    factors: tuple[Factor, ...] | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """What Okta said of an email, at a time in epoch seconds: a user's factors, their destinations
    masked, or the code of the refusal. `customer` is the key of the customer's row.
    """

    at: int
    customer: str
    user_id: str = ""
    factors: tuple[Factor, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt to prove one customer. Times are epoch seconds; `destination` is masked.

    A decoy has no `user_id`: nobody was sent anything, and no code is right. Neither has what stands
    for a code of a sign-in: that is good for the sign-in alone, which is its `reference`.
    `factor_ref` is the opaque id of the factor if it was challenged by that; `activates` says that a
    right code is the first of a pending factor.
    """

    id: str
    status: ChallengeStatus
    channel: Channel
    identity: str
    user_id: str
    factor_id: str
    destination: str
    sent_at: int
    expires_at: int
    client: str | None = None
    purpose: str | None = None
    reference: str | None = None
    verified_at: int | None = None
    factor_ref: str = ""
    activates: bool = False

    @property
    def is_decoy(self) -> bool:
        """Whether it only looks like a challenge."""
        return not self.user_id


@dataclass(frozen=True, slots=True)
class Credentials:
    """The beginning of a sign-in. `more` is what else Okta is told, such as its `options`."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    redirect_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FactorStep:
    """A step of a sign-in that is about one factor; without `code` and `answer` it asks for a
    challenge. `parameters` are those of Okta's query, such as `rememberDevice`.
    """

    factor_id: str
    state_token: str = field(repr=False)
    code: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    redirect_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EnrolStep:
    """A factor to enrol in a sign-in: Okta's name for its type, and what else Okta is told of it."""

    type: str
    state_token: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KnownSignIn:
    """What is kept of a sign-in under way: whose it is, the types of the factors by their ids, the
    keyed hash of the customer's email once it was needed, and where the browser wants to go.
    """

    user_id: str
    factors: Mapping[str, str]
    identity: str = ""
    redirect_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignInState:
    """Where a sign-in is: Okta's own document, which holds tokens, and the redirect URL."""

    document: Mapping[str, Any] = field(repr=False)
    redirect_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CustomerState:
    """What the table knows of one customer: challenges newest first, and failures in a row."""

    challenges: tuple[Challenge, ...] = ()
    failures: int = 0
    held_until: int = 0
    attempt: str = ""
    attempt_until: int = 0

    @property
    def newest(self) -> Challenge | None:
        """The one challenge that can still be verified, if any can."""
        return self.challenges[0] if self.challenges else None


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer to "send a code": the challenge, and what may be done next."""

    challenge: Challenge
    resend_at: int
    attempts_remaining: int
