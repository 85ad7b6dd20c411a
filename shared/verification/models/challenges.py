"""Challenges: what is asked, what is stored of one, and what is answered."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import NewType, Self

from verification.frozen import Frozen, replace
from verification.models.callers import Lane
from verification.models.customers import Channel, Email, EmailHash, Target

Code = NewType("Code", str)
"""What the customer typed, six digits; made by `parsing.parse_code` alone."""


class Origin(StrEnum):
    """The kind of route that began a challenge, and must finish it."""

    API = "api"
    MFA = "mfa"


class ConductorKind(StrEnum):
    """What conducts a verification."""

    WEB = "web"
    APP = "app"
    IVR = "ivr"
    AGENT = "agent"
    AI_AGENT = "ai_agent"
    COUNTER = "counter"


class Conductor(Frozen):
    """Who conducts a verification, as a client says it: a voice bot, an agent, a counter."""

    kind: ConductorKind
    id: str

    @property
    def text(self) -> str:
        """For the log."""
        return f"{self.kind}:{self.id}"


class IssueRequest(Frozen):
    """Who is to get a code, over which channel, in which language, and what the code is for.

    `channel` None is the best that the customer has. `falls_back` asks for the next one after
    `channel` or, if that is None, after the channel of the caller's last challenge.

    `purpose` and `reference` are the caller's own names for what the code is for; `releases_hold` asks
    for the one attempt that a client may give to a held customer. `device_token` is not checked yet.

    `audience`, `receipt_seconds` and `conductor` are for the receipt. `wants_receipt` matters for
    clients alone: the public always gets one.
    """

    email: Email = field(repr=False)
    channel: Channel | None = Channel.EMAIL
    falls_back: bool = False
    locale: str | None = None
    purpose: str | None = None
    reference: str | None = None
    releases_hold: bool = False
    device_token: str = field(default="", repr=False)
    audience: str | None = None
    wants_receipt: bool = False
    receipt_seconds: int | None = None
    conductor: Conductor | None = None


class VerifyRequest(Frozen):
    """A code for a challenge: the one with `challenge_id`, or the caller's newest of `email`.

    `remembers_device`: the caller can keep a device token. `takes_receipt`: the dialect has a place
    for a receipt; `wants_receipt`: a client asks for one.
    """

    code: Code = field(repr=False)
    challenge_id: str | None = None
    email: Email | None = field(default=None, repr=False)
    purpose: str | None = None
    reference: str | None = None
    origin: Origin = Origin.API
    remembers_device: bool = False
    device_token: str = field(default="", repr=False)
    takes_receipt: bool = False
    wants_receipt: bool = False


class AwaitRequest(Frozen):
    """A challenge that its owner asks about, without a code; otherwise like `VerifyRequest`.

    `must_be_push`: about a challenge that waits for a code there is nothing to ask.
    """

    challenge_id: str
    email: Email | None = field(default=None, repr=False)
    purpose: str | None = None
    reference: str | None = None
    device_token: str = field(default="", repr=False)
    wants_receipt: bool = False
    must_be_push: bool = False


class ChallengeStatus(StrEnum):
    """Where a challenge is in its life.

    `sending`: its code may have been sent; `pending`: a code was tried; `rejected`: the customer has
    said no to a push. Expired and superseded are not stored: they follow from the time and from newer
    challenges.
    """

    SENDING = "sending"
    PENDING = "pending"
    VERIFIED = "verified"
    EXHAUSTED = "exhausted"
    REJECTED = "rejected"
    FAILED = "failed"


class Challenge(Frozen):
    """One attempt to prove one customer. Times are epoch seconds; `destination` is masked.

    `target` is None while it is not known whether anybody was sent anything: no code is right then.
    `factor_ref` is the opaque id of the factor if the challenge was begun with it. `activates` says
    that a right code activates a pending factor. `lane` is that of the caller who began it.
    `chooses`: the channel is chosen when the challenge is sent, from `channel` on in the order of
    channels.
    """

    id: str
    status: ChallengeStatus
    channel: Channel
    lane: Lane
    email_hash: EmailHash
    destination: str
    sent_at: int
    expires_at: int
    target: Target | None = None
    client: str | None = None
    origin: Origin = Origin.API
    purpose: str | None = None
    reference: str | None = None
    verified_at: int | None = None
    factor_ref: str = ""
    activates: bool = False
    audience: str | None = None
    wants_receipt: bool = False
    receipt_seconds: int | None = None
    conductor: Conductor | None = None
    chooses: bool = False

    @property
    def is_open(self) -> bool:
        """Whether its status allows an attempt; its time may be over all the same."""
        return self.status in (ChallengeStatus.SENDING, ChallengeStatus.PENDING)

    def as_verified(self, now: int) -> Self:
        """The same challenge, verified."""
        return replace(self, status=ChallengeStatus.VERIFIED, verified_at=now)


class Issued(Frozen):
    """The answer to "send a code": the challenge, and what the caller may do next.

    `resend_at` is in epoch seconds. `attempts_remaining` is None where the caller must not be told.
    `was_sent` is False if the send is carried out later. `number` is what the customer has to choose
    on the phone.
    """

    challenge: Challenge
    resend_at: int
    attempts_remaining: int | None = None
    was_sent: bool = True
    number: int | None = None


class Verified(Frozen):
    """A verified challenge. `device_token` is for public callers, `customer_id` for clients.

    `receipt` is None if it is not wanted; `receipt_unavailable`: it is, and could not be signed.
    """

    challenge: Challenge
    customer_id: str = ""
    device_token: str = field(default="", repr=False)
    receipt: str | None = field(default=None, repr=False)
    receipt_unavailable: bool = False


class Pending(Frozen):
    """A challenge that is not decided yet. `number` is what the customer has to choose on the phone;
    None if there is no push, or if it is still on its way. `retry_after`: seconds until Okta is asked
    again; None where a code is awaited.
    """

    challenge: Challenge
    number: int | None = None
    retry_after: int | None = None
