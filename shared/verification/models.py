"""Types that all parts of the service share: enums and frozen values."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum, StrEnum, auto
from typing import Any, NewType, Self

from verification.frozen import Frozen, replace

Email = NewType("Email", str)
"""A checked and normalised address; made by `parsing.parse_email` alone."""

Code = NewType("Code", str)
"""What the customer typed, six digits; made by `parsing.parse_code` alone."""

EmailHash = NewType("EmailHash", str)
"""32 hex digits that stand for an email or a login in limits, logs and the table."""

CustomerKey = NewType("CustomerKey", str)
"""32 hex digits that stand for an Okta user in the table."""


# ---- Closed sets ---------------------------------------------------------------------------------


class Channel(StrEnum):
    """How a customer is challenged: with a code, or with a push that the customer answers."""

    EMAIL = "email"
    SMS = "sms"
    CALL = "call"
    TOTP = "totp"
    PUSH = "push"


class _OpenEnum(StrEnum):
    """A set of Okta's that may grow: an unknown member reads as OTHER."""

    @classmethod
    def _missing_(cls, _: object) -> Self:
        return cls("OTHER")


class FactorType(_OpenEnum):
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


class FactorStatus(_OpenEnum):
    """Okta's factor `status`, as far as it makes a difference here."""

    ACTIVE = "ACTIVE"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    OTHER = "OTHER"


class UserStatus(_OpenEnum):
    """Okta's user `status`, as far as it makes a difference here."""

    ACTIVE = "ACTIVE"
    LOCKED_OUT = "LOCKED_OUT"
    PROVISIONED = "PROVISIONED"
    STAGED = "STAGED"
    DEPROVISIONED = "DEPROVISIONED"
    OTHER = "OTHER"


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


class Lane(StrEnum):
    """How well a caller is known. It decides how many codes may be tried and sent."""

    STRANGER = "stranger"
    DEVICE = "device"
    CLIENT = "client"
    RELEASE = "release"


class Scope(StrEnum):
    """What a client key may be used for."""

    VERIFY = "verify"
    ENROLL = "enroll"
    REGISTER = "register"
    RELEASE = "release"


class ConductorKind(StrEnum):
    """What conducts a verification."""

    WEB = "web"
    APP = "app"
    IVR = "ivr"
    AGENT = "agent"
    AI_AGENT = "ai_agent"
    COUNTER = "counter"


class Origin(StrEnum):
    """The kind of route that began a challenge, and must finish it."""

    API = "api"
    MFA = "mfa"


# ---- Callers and their calls ---------------------------------------------------------------------


class Client(Frozen):
    """A caller with a client key. `audiences`: whose receipts it may redeem; the first is that of
    the challenges it begins, unless it names another.
    """

    name: str
    scopes: frozenset[Scope]
    audiences: tuple[str, ...] = ()


class Caller(Frozen):
    """Who calls: a client or, without a key, the public. `device_token` is not checked yet."""

    client: Client | None
    source_ip: str
    user_agent: str = ""
    accept_language: str = ""
    device_fingerprint: str = ""
    device_token: str = field(default="", repr=False)

    @property
    def is_public(self) -> bool:
        """Whether the caller sent no client key."""
        return self.client is None

    @property
    def name(self) -> str | None:
        """The client's name; None for the public."""
        return self.client.name if self.client else None


class Deadline(Frozen):
    """The moment by which a call must be answered, in seconds of a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - self.clock()


class Spent(Frozen):
    """One unit of a caller's budget: the name of the budget, and whose it is."""

    budget: str
    name: str


class Call(Frozen):
    """One invocation: the caller, the deadline, and what it has spent of the caller's budget.

    `request` identifies a request that carries an Idempotency-Key; it is empty for others.
    `function` is the ARN under which the function was invoked. `patience`: seconds for which Okta's
    rate limit may be waited for, at most.
    """

    caller: Caller
    deadline: Deadline
    request: str = ""
    function: str = ""
    spent: Spent | None = None
    patience: float = math.inf


# ---- Requests ------------------------------------------------------------------------------------


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


# ---- Customers and their factors -----------------------------------------------------------------


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


class Target(Frozen):
    """The factor that a challenge was sent through, and whose it is."""

    customer: CustomerKey
    user_id: str
    factor_id: str


# ---- Challenges, and what the table knows --------------------------------------------------------


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


class WrongCode(Frozen):
    """A code that counts as wrong: when it was tried (epoch seconds), and by which lane."""

    at: int
    lane: Lane


class Sent(Frozen):
    """The newest thing that may have been sent over a factor.

    `by` is a challenge id or the key of a sign-in; `is_certain` is False while it is not known
    whether it went out.
    """

    by: str
    at: int
    is_certain: bool


class SentPush(Frozen):
    """A push at Okta: its transaction, and the number that the customer has to choose, if Okta asks
    for one.
    """

    transaction: str = field(repr=False)
    number: int | None = field(repr=False)


class PushAnswer(Enum):
    """What has become of a push at Okta."""

    WAITING = auto()
    APPROVED = auto()
    REJECTED = auto()
    ENDED = auto()


class Push(Frozen):
    """A customer's newest push. `by` is its challenge; `sealed` has the Okta user id, the transaction
    and the number.
    """

    by: str
    factor_id: str
    sealed: str = field(repr=False)


class Device(Frozen):
    """A browser or app that has verified this customer before. Times are epoch seconds."""

    id: str
    issued_at: int


class CustomerState(Frozen):
    """What the table knows of one customer: challenges of clients, newest first; wrong codes in a
    row over all lanes; what was sent over each factor, and the one before; known devices; the newest
    push until it is answered.

    `unapproved` has the times of pushes that were rejected, ignored or not answered yet, newest first, 0
    for none. `devices_ended_at`: tokens of devices that are older are no longer valid (epoch seconds).
    """

    challenges: tuple[Challenge, ...] = ()
    release: Challenge | None = None
    wrong_codes: tuple[WrongCode, ...] = ()
    busy_until: float = 0.0
    sent: Mapping[str, Sent] = field(default_factory=dict)
    sent_before: Mapping[str, Sent] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    devices_ended_at: int = 0
    push: Push | None = None
    unapproved: tuple[int, ...] = ()


class Slot(Enum):
    """Which of a customer's stored challenges an attempt is for."""

    NEWEST = auto()
    RELEASE = auto()


class Attempt(Frozen):
    """An attempt to be reserved on a customer's row.

    `slot`: the challenge stored with the customer that must be open; with `challenge_id` it must be
    that one, with `client` it must be this client's, begun where `origin` says. Times are epoch
    seconds.
    """

    token: str
    lane: Lane
    allowed: int | None
    now: float
    slot: Slot | None = None
    challenge_id: str | None = None
    client: str | None = None
    origin: Origin = Origin.API


class PublicState(Frozen):
    """What public callers have done with one email, or one known device with its customer:
    challenges, newest first, and wrong codes since the last right one.
    """

    challenges: tuple[Challenge, ...] = ()
    wrong_codes: int = 0
    held_until: int = 0
    busy_until: float = 0.0


# ---- Answers -------------------------------------------------------------------------------------


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


# ---- Receipts and holds --------------------------------------------------------------------------


class RedeemRequest(Frozen):
    """A receipt, and what its holder expects it to say: whose, for what."""

    receipt: str = field(repr=False)
    email: Email | None = field(default=None, repr=False)
    customer_id: str | None = None
    purpose: str | None = None
    reference: str | None = None


class Receipt(Frozen):
    """The content of a receipt. Times are epoch seconds."""

    jti: str
    audience: str
    customer_id: str
    issued_at: int
    expires_at: int
    verified_at: int
    methods: tuple[str, ...]
    acr: str
    challenge_id: str | None
    channel: str | None
    lane: str | None
    purpose: str | None
    reference: str | None
    client: str | None
    conductor: Conductor | None


class Hold(Frozen):
    """Which lanes may not try a code of this customer, since when (epoch seconds), and the wrong codes
    in a row, oldest first.
    """

    lanes: tuple[Lane, ...]
    since: int | None
    wrong_codes: tuple[WrongCode, ...]


# ---- Sign-ins ------------------------------------------------------------------------------------


class Credentials(Frozen):
    """The beginning of a sign-in. `more` is what else Okta is told, such as its `options`.
    `device_token` is the caller's own name for the customer's device, by which Okta remembers it.
    """

    username: str = field(repr=False)
    password: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    redirect_url: str = field(default="", repr=False)
    device_token: str = field(default="", repr=False)


class PasswordState(Frozen):
    """Wrong passwords in a row for one login, the one that is being checked included. `last_at`: the
    latest moment at which Okta can have seen the last of them (epoch seconds).
    """

    wrong: int = 0
    last_at: int = 0
    busy_until: float = 0.0


class FactorStep(Frozen):
    """A step of a sign-in that concerns one factor; without `code` and `answer` it asks for a
    challenge. `parameters` are those of Okta's query, such as `rememberDevice`.
    """

    factor_id: str
    state_token: str = field(repr=False)
    code: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    redirect_url: str = field(default="", repr=False)
    wants_receipt: bool = False


class SessionRedirect(Frozen):
    """A browser that asks for a session of the org and then wants to go to `url`. `more` are other
    parameters of Okta's.
    """

    session_token: str = field(repr=False)
    url: str = field(repr=False)
    more: Mapping[str, str] = field(default_factory=dict)


class SecurityQuestion(Frozen):
    """A question that a customer can choose: its key, and its text."""

    key: str
    text: str


class QuestionsRequest(Frozen):
    """A request for the questions of a user. `ticket` proves that a sign-in of this user asks."""

    user_id: str
    ticket: str = field(repr=False)


class EnrollStep(Frozen):
    """A factor to enroll in a sign-in: its type, and what else Okta is told of it."""

    type: FactorType
    state_token: str = field(repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


class SignInStatus(_OpenEnum):
    """Okta's transaction `status`, as far as it makes a difference here."""

    SUCCESS = "SUCCESS"
    MFA_ENROLL = "MFA_ENROLL"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"  # noqa: S105 - a status
    PASSWORD_WARN = "PASSWORD_WARN"  # noqa: S105 - a status
    LOCKED_OUT = "LOCKED_OUT"
    OTHER = "OTHER"


class SignInDocument(Frozen):
    """Okta's answer to a step of a sign-in.

    `content` is the document itself, which contains tokens and goes back to the caller; the other
    fields are what this service reads in it. `factors` has the types of the factors by their ids.
    """

    content: Mapping[str, Any] = field(repr=False)
    status: SignInStatus
    status_text: str
    state_token: str = field(repr=False)
    user_id: str
    factors: Mapping[str, FactorType]


class KnownSignIn(Frozen):
    """What is kept of a sign-in in progress: the user, the factors' types by their ids, where the
    browser wants to go, and whether Okta was told which device it is.
    """

    user_id: str
    factors: Mapping[str, FactorType]
    redirect_url: str = field(default="", repr=False)
    names_device: bool = False


class SignInState(Frozen):
    """Where a sign-in is: Okta's document, and the redirect URL that the caller asked for.

    `was_sent`: this step has had a code sent. `receipt`, `receipt_unavailable`: see `Verified`.
    `can_remember_device`: Okta knows the device, and can remember it. `questions_ticket`: see
    `QuestionsRequest`; empty where this service cannot list the questions.
    """

    document: SignInDocument = field(repr=False)
    redirect_url: str = field(default="", repr=False)
    can_remember_device: bool = False
    questions_ticket: str = field(default="", repr=False)
    was_sent: bool = False
    receipt: str | None = field(default=None, repr=False)
    receipt_unavailable: bool = False
