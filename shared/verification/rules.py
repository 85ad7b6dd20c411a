"""Pure decisions: who may try and send how much, and what a code is good for. No I/O, no clock."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import assert_never

from verification import errors
from verification.frozen import Frozen
from verification.models.callers import Client, Lane
from verification.models.challenges import (
    AwaitRequest,
    Challenge,
    ChallengeStatus,
    IssueRequest,
    VerifyRequest,
)
from verification.models.customers import (
    Channel,
    Email,
    Factor,
    FactorStatus,
    FactorType,
    Found,
    KnownFactor,
    Registration,
    User,
    UserStatus,
)
from verification.models.sign_ins import KnownSignIn, SignInDocument
from verification.models.states import Attempt, CustomerState, Hold, PublicState, Slot

KNOWN_LANE_ATTEMPTS = 4
"""Wrong codes in a row, and wrong passwords in a row, that devices and clients may reach. Okta locks
the account at the fifth wrong code (a support article of the vendor)."""

HOLD_SECONDS = 3600
"""How long the public is refused after its last allowed wrong code for one email."""

RESEND_SECONDS = 30
"""The least time between two sends over one channel to one destination, as far as that is known; Okta's
own limit for sms and call."""

DESTINATION_SENDS = 20
"""Sends to one mailbox or phone in a day of the clock (UTC), over all users."""

STRANGERS_DESTINATION_SENDS = 10
"""How many of them strangers may ask for, so that some are left for known callers."""

RELEASES_DAY = 3
"""Releases of one customer in 24 hours."""

DEVICES = 10
"""Known devices of one customer; beyond them, the one whose last success is longest ago is forgotten."""

DEVICE_SECONDS = 180 * 24 * 3600
"""How long a device token is valid. A later success of the device makes a new token."""

LOOKUP_SECONDS = 15 * 60
"""How long a customer's user id and factors are kept without asking Okta again."""

REFUSAL_SECONDS = 60
"""How long an unknown email stays unknown without asking Okta again."""

ATTEMPT_SECONDS = 12
"""How long an attempt whose function crashed blocks others: longer than a function can run."""

SENDING_SECONDS = 12
"""How long after its beginning a send whose end is not known may still be carried out by Okta: longer
than a function can run."""

CODE_SECONDS = 600
"""The longest time for which Okta may accept a code that was sent: the greatest lifetime that a
setting allows. Okta's own default for sms and call is 300."""

CREATION_SECONDS = 60
"""How long Okta may take to create a user, and how far its clock may differ from ours."""

SIGN_IN_STEPS = 60
"""Steps of one sign-in while it is kept (an hour): more than five codes sent, four wrong ones and a
look at each of five factors, with a step back and a reload of the page after each, need."""

SIGN_INS = 20
"""Right passwords for one login in an hour that cost their source nothing."""

_DAY = 24 * 3600


class Window(Frozen):
    """At most `count` sends in any `seconds`."""

    seconds: int
    count: int


UNAPPROVED_PUSHES = (Window(3600, 2), Window(_DAY, 3))
"""Pushes of one customer that were not approved, whoever asked for them: a phone that keeps asking
tires its owner into a yes."""

POLL_SECONDS = 2
"""The least time between two questions to Okta about one push."""

CHANNEL_ORDER = (Channel.PUSH, Channel.TOTP, Channel.SMS, Channel.CALL, Channel.EMAIL)
"""The channels from the best on: what needs the customer's own phone unlocked before what needs the
SIM, and that before a mailbox."""

HOUR_AND_DAY = (Window(3600, 5), Window(_DAY, 10))
"""Sends to one email: by all strangers together, and by all clients together. Sends in one
customer's sign-ins: of strangers together, and of known callers together."""

DEVICE_HOUR = (Window(3600, 3),)
"""Sends for one known device."""

RELEASE_DAY = (Window(RESEND_SECONDS, 1), Window(_DAY, RELEASES_DAY))
"""Releases of one customer."""


# ---- Channels and factors ------------------------------------------------------------------------


def is_sent(channel: Channel) -> bool:
    """Whether a code is sent over this channel; an authenticator app makes its own."""
    match channel:
        case Channel.EMAIL | Channel.SMS | Channel.CALL:
            return True
        case Channel.TOTP | Channel.PUSH:
            return False
    assert_never(channel)


def is_for_strangers(channel: Channel) -> bool:
    """Whether a stranger may ask for this channel. A push needs one careless tap of a customer who is
    asked often enough, so strangers cannot ask for one.
    """
    match channel:
        case Channel.EMAIL | Channel.SMS | Channel.CALL | Channel.TOTP:
            return True
        case Channel.PUSH:
            return False
    assert_never(channel)


def factor_type_of(channel: Channel) -> FactorType:
    """The type of factor that stands behind a channel."""
    match channel:
        case Channel.EMAIL:
            return FactorType.EMAIL
        case Channel.SMS:
            return FactorType.SMS
        case Channel.CALL:
            return FactorType.CALL
        case Channel.TOTP:
            return FactorType.TOTP
        case Channel.PUSH:
            return FactorType.PUSH
    assert_never(channel)


def channel_of(factor_type: FactorType) -> Channel:
    """The channel of a factor; UnsupportedChannel if there is none."""
    for channel in Channel:
        if factor_type_of(channel) is factor_type:
            return channel
    raise errors.UnsupportedChannel


NO_EMAIL_FACTOR = (
    "The customer has no email factor with this address. Okta enrolls email by itself only if the "
    "enrollment policy of the org says so."
)


def choose_factor(factors: Sequence[KnownFactor], channel: Channel) -> KnownFactor:
    """The ACTIVE factor behind this channel. The email channel takes only a factor whose address is
    the profile's email that was asked for. Raises FactorNotEnrolled, FactorNotActive.
    """
    enrolled = [each for each in factors if each.type is factor_type_of(channel)]
    if channel is Channel.EMAIL:
        enrolled = [each for each in enrolled if each.reaches_email]
    if not enrolled:
        raise errors.FactorNotEnrolled(NO_EMAIL_FACTOR if channel is Channel.EMAIL else "")
    for each in enrolled:
        if each.status is FactorStatus.ACTIVE:
            return each
    raise errors.FactorNotActive


def channel_after(channel: Channel) -> Channel:
    """The next one in the order of channels; after the last one, the first."""
    position = CHANNEL_ORDER.index(channel) + 1
    return CHANNEL_ORDER[position % len(CHANNEL_ORDER)]


def first_channel(request: IssueRequest, last: Challenge | None, now: int) -> Channel:
    """Where the choice of a channel begins. `last` is the caller's newest challenge: a fallback
    continues after it, unless it was verified or is older than any code.
    """
    if not request.falls_back:
        return CHANNEL_ORDER[0]
    if request.channel is not None:
        return channel_after(request.channel)
    if last is None or last.status is ChallengeStatus.VERIFIED:
        return CHANNEL_ORDER[0]
    is_old = last.sent_at + CODE_SECONDS <= now
    return CHANNEL_ORDER[0] if is_old else channel_after(last.channel)


def choose_channel(
    factors: Sequence[KnownFactor], first: Channel, *, with_push: bool = True
) -> Channel:
    """The best channel for which the customer has an ACTIVE factor, from `first` on. Raises
    FactorNotEnrolled.
    """
    begin = CHANNEL_ORDER.index(first)
    for channel in (*CHANNEL_ORDER[begin:], *CHANNEL_ORDER[:begin]):
        if (with_push or channel is not Channel.PUSH) and _is_available(factors, channel):
            return channel
    raise errors.FactorNotEnrolled


def may_push(state: CustomerState, now: int) -> bool:
    """Whether the customer may be sent another push."""
    return send_wait(state.unapproved, UNAPPROVED_PUSHES, now) <= 0


def require_usable(factor: Factor) -> None:
    """Raise FactorNotActive unless a code can be checked, or can activate the factor."""
    if factor.status is not FactorStatus.ACTIVE and not factor.is_pending:
        raise errors.FactorNotActive


def can_be_challenged(factor: Factor) -> bool:
    """Whether this service can challenge factors of this kind. Only Okta Verify's push has a number."""
    if factor.type is FactorType.PUSH:
        return factor.provider == "OKTA"
    return factor.type is not FactorType.OTHER


def is_enrolled(factors: Sequence[Factor], wanted: Factor) -> bool:
    """Whether an ACTIVE factor of this type has the destination."""
    return any(
        each.type is wanted.type
        and each.status is FactorStatus.ACTIVE
        and each.destination.casefold() == wanted.destination.casefold()
        for each in factors
    )


def mask(destination: str) -> str:
    """An address or number that its owner recognises: `a•••@example.com`, `•••0006`."""
    local, at, domain = destination.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"•••{destination[-4:]}"


def public_destination(email: Email, channel: Channel | None) -> str:
    """The destination that the public is shown. It is made from the request alone, so that it says
    nothing of a customer.
    """
    return mask(email) if channel is Channel.EMAIL else mask("")


def address_of(factor: Factor) -> str:
    """The mailbox or phone that a factor sends to; empty for an app, whose credential is a login."""
    sends = (FactorType.EMAIL, FactorType.SMS, FactorType.CALL)
    return factor.destination if factor.type in sends else ""


# ---- Customers -----------------------------------------------------------------------------------


def require_active(user: User) -> User:
    """The user, if Okta would challenge it. Raises CustomerLocked, CustomerInactive."""
    if user.status is UserStatus.LOCKED_OUT:
        raise errors.CustomerLocked
    if user.status is not UserStatus.ACTIVE:
        raise errors.CustomerInactive
    return user


def choose_customer(users: Sequence[User], email: Email) -> User:
    """The one ACTIVE user with exactly this email, never the first of several."""
    named = {user.id: user for user in users if user.email.lower() == email}.values()
    active = [user for user in named if user.status is UserStatus.ACTIVE]
    if len(active) > 1:
        raise errors.CustomerAmbiguous
    if active:
        return active[0]
    if any(user.status is UserStatus.LOCKED_OUT for user in named):
        raise errors.CustomerLocked
    if named:
        raise errors.CustomerInactive
    raise errors.CustomerNotFound


def was_created_for(wanted: Registration, asked_at: int, user: User) -> bool:
    """Whether Okta created this user for the registration that asked at this time.

    At `asked_at` (0: Okta was never asked) nobody had the email or the login. An older user does not
    fit the time, and only one request at a time may ask, so the user is nobody else's.
    """
    return (
        asked_at > 0
        and user.email.lower() == wanted.email
        and user.login.lower() == wanted.login.lower()
        and abs(epoch(user.created) - asked_at) <= CREATION_SECONDS
    )


def is_fresh(found: Found, now: int) -> bool:
    """Whether a lookup is young enough to be used again."""
    return 0 <= now - found.at < (REFUSAL_SECONDS if found.refusal else LOOKUP_SECONDS)


def has_factor(found: Found, channel: Channel | None) -> bool:
    """Whether the lookup has an ACTIVE factor for this channel, or for any."""
    channels = CHANNEL_ORDER if channel is None else (channel,)
    return any(_is_available(found.factors, each) for each in channels)


def _is_available(factors: Sequence[KnownFactor], channel: Channel) -> bool:
    try:
        choose_factor(factors, channel)
    except errors.CustomerRefused:
        return False
    return True


def passwords_forgotten_at(user: User, *, trust_last_login: bool) -> int:
    """When Okta last forgot the user's wrong passwords (epoch seconds), as far as a user shows it:
    at a change of the password and, if the stack trusts that, at a sign-in.
    """
    changed_at = epoch(user.password_changed)
    return max(changed_at, epoch(user.last_login)) if trust_last_login else changed_at


def epoch(timestamp: str) -> int:
    """One of Okta's timestamps in epoch seconds; 0 if it is none."""
    try:
        return int(datetime.fromisoformat(timestamp).timestamp())
    except ValueError:
        return 0


@lru_cache(maxsize=1)
def source_network(address: str) -> str:
    """What counts as one source. An IPv6 subscriber has a whole /64 of addresses. A call asks for its own
    source several times.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


# ---- Lanes ---------------------------------------------------------------------------------------


def attempts_allowed(lane: Lane, stranger_attempts: int, *, brake_is_on: bool) -> int | None:
    """A code may be tried while the customer has fewer wrong codes in a row than this. None: at any
    number, because a person has recognised the customer and opened this one attempt.
    """
    match lane:
        case Lane.STRANGER:
            return 1 if brake_is_on else stranger_attempts
        case Lane.DEVICE | Lane.CLIENT:
            return KNOWN_LANE_ATTEMPTS
        case Lane.RELEASE:
            return None
    assert_never(lane)


def knows_device(state: CustomerState, device_id: str) -> bool:
    """Whether this is one of the customer's devices, and not ended or forgotten since."""
    return device_id in {device.id for device in state.devices}


def is_held(state: CustomerState, allowed: int | None) -> bool:
    """Whether a lane that is allowed this many attempts may not try a code now."""
    return is_held_at(len(state.wrong_codes), allowed)


def is_held_at(wrong_codes: int, allowed: int | None) -> bool:
    """The same for a number of wrong codes in a row."""
    return allowed is not None and wrong_codes >= allowed


def attempts_remaining(state: CustomerState, allowed: int | None) -> int:
    """How many wrong codes in a row are left for a lane."""
    return max(0, allowed - len(state.wrong_codes)) if allowed is not None else 1


def hold_of(state: CustomerState, stranger_attempts: int) -> Hold:
    """Which lanes are held, and since the wrong code that held the first of them."""
    wrong = state.wrong_codes
    limits = {
        lane: attempts_allowed(lane, stranger_attempts, brake_is_on=False)
        for lane in (Lane.STRANGER, Lane.DEVICE, Lane.CLIENT)
    }
    held = {lane: limit for lane, limit in limits.items() if limit and len(wrong) >= limit}
    since = wrong[min(held.values()) - 1].at if held else None
    return Hold(tuple(held), since, wrong)


def send_wait(sends: Sequence[int], windows: Sequence[Window], now: int) -> int:
    """Seconds until another send fits all windows; 0 or less if one fits now. `sends` holds epoch
    seconds, newest first.
    """
    return max(
        (
            sends[each.count - 1] + each.seconds - now
            for each in windows
            if len(sends) >= each.count
        ),
        default=0,
    )


def window_name(sends: Sequence[int], windows: Sequence[Window], now: int) -> str:
    """The name of the window that is full for the longest: `hour` or `day`."""
    fullest = max(windows, key=lambda each: send_wait(sends, (each,), now))
    return "day" if fullest.seconds >= _DAY else "hour"


def resend_at(sends: Sequence[int], windows: Sequence[Window], now: int) -> int:
    """When the next send over the same channel is allowed (epoch seconds), after one at `now`."""
    return now + max(RESEND_SECONDS, send_wait(sends, windows, now))


# ---- What a code is good for ---------------------------------------------------------------------


def is_newest(state: CustomerState, factor_id: str, by: str) -> bool:
    """Whether this challenge or sign-in sent the newest code over the factor, for certain.

    Where it is not known whether a newer code went out, neither it nor the one before is good.
    """
    sent = state.sent.get(factor_id)
    return sent is not None and sent.by == by and sent.is_certain


def is_only_code(state: CustomerState, factor_id: str, now: int) -> bool:
    """Whether no older code of this factor can still be good, so that a code that Okta accepts
    must be the newest, even if it is not known whether that one went out.
    """
    before = state.sent_before.get(factor_id)
    return before is None or before.at + CODE_SECONDS <= now


def is_about(document: SignInDocument, known: KnownSignIn) -> bool:
    """Whether a document may be one of this sign-in: it names its user, or nobody."""
    return not known.user_id or document.user_id in ("", known.user_id)


def matches(challenge: Challenge, request: VerifyRequest | AwaitRequest) -> bool:
    """Whether the code is used for what it was asked for: same purpose and reference, or none."""
    return (request.purpose, request.reference) == (challenge.purpose, challenge.reference)


def audience_of(wanted: str | None, client: Client | None, audiences: Sequence[str]) -> str:
    """For whom the receipt of a challenge is meant, decided when it begins: one of the client's own
    audiences or of the stack's. Raises MalformedBody.
    """
    allowed = (*(client.audiences if client else ()), *audiences)
    if wanted not in (None, *allowed):
        raise errors.MalformedBody("audience is not one that this stack knows.")
    return wanted or allowed[0]


# ---- Why a challenge cannot be verified ----------------------------------------------------------


def require_open(challenges: Sequence[Challenge], challenge_id: str, now: int) -> Challenge:
    """The challenge with this id, which may still be decided. Raises ChallengeNotFound,
    ChallengeAlreadyVerified, PushRejected, ChallengeSuperseded, ChallengeExhausted, ChallengeExpired.
    """
    position = _position(challenges, challenge_id)
    if position is None:
        raise errors.ChallengeNotFound
    challenge = challenges[position]
    match challenge.status:
        case ChallengeStatus.VERIFIED:
            raise errors.ChallengeAlreadyVerified
        case ChallengeStatus.REJECTED:
            raise errors.PushRejected
        case ChallengeStatus.FAILED:
            raise errors.ChallengeNotFound("It could not be sent.")
        case ChallengeStatus.EXHAUSTED:
            raise errors.ChallengeExhausted
        case ChallengeStatus.SENDING | ChallengeStatus.PENDING:
            pass
        case _:
            assert_never(challenge.status)
    if position > 0:
        raise errors.ChallengeSuperseded(superseded_at=challenges[position - 1].sent_at)
    if challenge.expires_at <= now:
        raise errors.ChallengeExpired
    return challenge


def why_not_public(
    state: PublicState, challenge_id: str | None, now: float
) -> errors.VerificationError:
    """Why what the public did with an email allows no attempt now on that challenge (None: the
    newest).
    """
    position = _position(state.challenges, challenge_id)
    if position is None:
        return errors.ChallengeNotFound()
    challenge = state.challenges[position]
    if challenge.status is ChallengeStatus.VERIFIED:
        # Whoever knows the email alone is not told that its customer was here.
        return errors.ChallengeAlreadyVerified() if challenge_id else errors.ChallengeNotFound()
    if state.busy_until > now:
        return errors.RequestInProgress()
    if state.held_until > now:
        return errors.AttemptsHeld(retry_after=state.held_until - int(now))
    return errors.ChallengeExpired()


def why_not_reserved(state: CustomerState, attempt: Attempt) -> errors.VerificationError:
    """Why the customer's row allows no attempt now."""
    is_busy = state.busy_until > attempt.now
    held = errors.AttemptsHeld(retry_after=HOLD_SECONDS)
    is_held_now = is_held(state, attempt.allowed) and not is_busy
    stored: tuple[Challenge, ...]
    match attempt.slot:
        case None:
            return held if is_held_now else errors.RequestInProgress()
        case Slot.RELEASE:
            stored = (state.release,) if state.release else ()
        case Slot.NEWEST:
            stored = state.challenges
        case _:
            assert_never(attempt.slot)
    position = _own_position(stored, attempt)
    if position is None:
        return errors.ChallengeNotFound()
    challenge = stored[position]
    if challenge.status is ChallengeStatus.VERIFIED:
        return errors.ChallengeAlreadyVerified()
    if is_held_now:
        return held
    if position > 0:
        return errors.ChallengeSuperseded(superseded_at=stored[position - 1].sent_at)
    if is_busy:
        return errors.RequestInProgress()
    if challenge.status is ChallengeStatus.EXHAUSTED:
        return errors.ChallengeExhausted()
    if challenge.status is ChallengeStatus.FAILED:
        return errors.ChallengeNotFound("Its code could not be sent.")
    if challenge.status is ChallengeStatus.REJECTED:
        return errors.PushRejected()
    return errors.ChallengeExpired()


def _own_position(stored: Sequence[Challenge], attempt: Attempt) -> int | None:
    """The position of the caller's own challenge; the newest one if no id is given."""
    for position, each in enumerate(stored):
        is_own = attempt.client is None or (each.client, each.origin) == (
            attempt.client,
            attempt.origin,
        )
        if is_own and attempt.challenge_id in (None, each.id):
            return position
    return None


def _position(challenges: Sequence[Challenge], challenge_id: str | None) -> int | None:
    if challenge_id is None:
        return 0 if challenges else None
    return next((i for i, each in enumerate(challenges) if each.id == challenge_id), None)
