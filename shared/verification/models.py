"""What the service talks about: frozen values, with no behaviour that needs the outside world."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

Email = NewType("Email", str)
"""A checked and normalised address; made by `policy.parse_email` alone."""

Code = NewType("Code", str)
"""What the customer typed, six digits; made by `policy.parse_code` alone."""


class Channel(StrEnum):
    """How a code reaches the customer."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"


class ChallengeStatus(StrEnum):
    """Where a challenge is in its life; `expired` and `superseded` follow from time and order."""

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
    """One invocation: who asks, and until when."""

    caller: Caller
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """Whom to send a code, how, and in which language if not the caller's."""

    email: Email = field(repr=False)
    channel: Channel = Channel.EMAIL
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A code for one challenge, or for the newest one of an email's customer."""

    code: Code = field(repr=False)
    challenge_id: str | None = None
    email: Email | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Factor:
    """Something Okta can challenge; `destination` is an address or number, so it is not shown."""

    id: str
    type: str
    status: str
    destination: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """An Okta user as a lookup finds it."""

    id: str
    status: str
    login: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt to prove one customer. Times are epoch seconds; `destination` is masked."""

    id: str
    status: ChallengeStatus
    channel: Channel
    user_id: str
    factor_id: str
    destination: str
    sent_at: int
    expires_at: int
    client: str | None = None
    verified_at: int | None = None


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
