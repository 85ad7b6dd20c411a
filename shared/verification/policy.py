"""Decisions, and nothing else: no I/O, and the time is an argument."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from datetime import datetime

from verification import errors
from verification.models import (
    Challenge,
    ChallengeStatus,
    Channel,
    Code,
    CustomerState,
    Email,
    Factor,
    Lookup,
    Registration,
    User,
    VerifyRequest,
)

MAX_CONSECUTIVE_FAILURES = 4
"""Okta locks the account at the fifth wrong code in a row (a support article of the vendor)."""

SEND_WINDOWS = ((30, 1), (3600, 5), (24 * 3600, 10))
"""Codes to one email: at most so many in so many seconds, any such span."""

RESEND_SECONDS = SEND_WINDOWS[0][0]
"""The least time between two codes to one email; Okta's own for sms and call is the same."""

LOOKUP_SECONDS = 15 * 60
"""How long a customer's user id and factors are believed."""

REFUSAL_SECONDS = 60
"""How long an unknown email is believed to be unknown: its owner may be registering."""

DECOY_SECONDS = 30 * 24 * 3600
"""How long a row is kept that stands for nobody."""

ATTEMPT_SECONDS = 12
"""How long a crashed attempt keeps others waiting: more than a function can run."""

CREATION_SECONDS = 60
"""How long Okta may take to make a user who was asked for, and how far its clock may be from ours."""

TOTP_TYPE = "token:software:totp"
"""Okta's name for what an authenticator app does."""

MAX_SMS_TEXT = 160
"""One SMS; Okta refuses longer templates."""

MAX_EMAIL_LENGTH = 254
"""The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3)."""

# HTML's definition of a valid address (the one browsers check), plus letters outside ASCII.
# Quoted local parts and address literals are left out: no web form accepts them.
_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}"
    r"@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)+"
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_URL = re.compile(r"(?i)https?:|www\.|\b[a-z0-9-]+\.[a-z]{2,}(?:/|\b)")
_REDIRECT = re.compile(
    r"(?i)(?P<origin>https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:[/?][!-\[\]^-~]{0,1800})?"
)
_LABEL = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CODE = re.compile(r"[0-9]{6}")
_PASS_CODE = re.compile(r"[0-9]{4,10}|[cbdefghijklnrtuv]{44}")
"""Digits, or what a YubiKey types, in letters that are in one place on every keyboard."""
_CODE_SEPARATORS = str.maketrans("", "", " -")


def parse_email(text: str) -> Email:
    """The address in lower case without surrounding blanks; InvalidEmail if it is not one."""
    email = text.strip(" ").lower()
    if not email:
        raise errors.MissingEmail
    if len(email) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(email):
        raise errors.InvalidEmail
    return Email(email)


def parse_code(text: str) -> Code:
    """The six digits, however the customer grouped them; InvalidCodeFormat otherwise."""
    code = text.translate(_CODE_SEPARATORS)
    if not code:
        raise errors.MissingCode
    if not _CODE.fullmatch(code):
        raise errors.InvalidCodeFormat
    return Code(code)


def parse_pass_code(text: str) -> str:
    """A code of any factor of Okta's; InvalidCodeFormat otherwise."""
    code = text.translate(_CODE_SEPARATORS)
    if not _PASS_CODE.fullmatch(code):
        raise errors.InvalidCodeFormat
    return code


def parse_channel(text: str) -> Channel:
    """The channel of that name; UnsupportedChannel otherwise."""
    if text not in {channel for channel in Channel if channel.is_sent}:
        raise errors.UnsupportedChannel
    return Channel(text)


def require_active(user: User) -> User:
    """The user, if Okta would challenge it."""
    if user.status == "LOCKED_OUT":
        raise errors.CustomerLocked
    if user.status != "ACTIVE":
        raise errors.CustomerInactive
    return user


def choose_customer(users: Sequence[User], email: Email) -> User:
    """The one ACTIVE user with exactly this email; never the first of several."""
    named = {user.id: user for user in users if user.email.lower() == email}.values()
    active = [user for user in named if user.status == "ACTIVE"]
    if len(active) > 1:
        raise errors.CustomerAmbiguous
    if active:
        return active[0]
    if any(user.status == "LOCKED_OUT" for user in named):
        raise errors.CustomerLocked
    if named:
        raise errors.CustomerInactive
    raise errors.CustomerNotFound


def choose_factor(factors: Sequence[Factor], channel: Channel) -> Factor:
    """The ACTIVE factor that carries codes over this channel."""
    enrolled = [factor for factor in factors if factor.type == channel]
    if not enrolled:
        raise errors.FactorNotEnrolled
    for factor in enrolled:
        if factor.status == "ACTIVE":
            return factor
    raise errors.FactorNotActive


def is_enrolled(factors: Sequence[Factor], wanted: Factor) -> bool:
    """Whether an active one of this type has the destination."""
    return any(
        (each.type, each.status) == (wanted.type, "ACTIVE")
        and each.destination.lower() == wanted.destination.lower()
        for each in factors
    )


def was_made_for(wanted: Registration, asked_at: int, user: User) -> bool:
    """Whether this is the user that Okta was asked for then, when nobody had the email or login.

    `asked_at` is 0 if Okta was never asked. A user who was there before is older than that, and
    somebody else's is not made within the same minute: only one request at a time may ask.
    """
    return (
        asked_at > 0
        and user.email.lower() == wanted.email
        and user.login.lower() == wanted.login.lower()
        and abs(epoch(user.created) - asked_at) <= CREATION_SECONDS
    )


def epoch(timestamp: str) -> int:
    """One of Okta's timestamps in epoch seconds; 0 if it is none."""
    try:
        return int(datetime.fromisoformat(timestamp).timestamp())
    except ValueError:
        return 0


def has_factor(lookup: Lookup, channel: Channel) -> bool:
    """Whether the customer was found, with an active factor for this channel."""
    return any(each.type == channel and each.status == "ACTIVE" for each in lookup.factors)


def is_fresh(lookup: Lookup, now: int) -> bool:
    """Whether Okta need not be asked again."""
    return 0 <= now - lookup.at < (REFUSAL_SECONDS if lookup.refusal else LOOKUP_SECONDS)


def send_wait(sends: Sequence[int], now: int) -> int:
    """Seconds until another code may be sent; 0 or less if it may now."""
    return max(
        sends[count - 1] + seconds - now for seconds, count in SEND_WINDOWS if len(sends) >= count
    )


def channel_of(factor: Factor) -> Channel:
    """How the factor's codes come; UnsupportedChannel for a factor of another kind."""
    kind = "totp" if factor.type == TOTP_TYPE else factor.type
    try:
        return Channel(kind)
    except ValueError:
        raise errors.UnsupportedChannel from None


def require_usable(factor: Factor) -> None:
    """Raise FactorNotActive unless a code can be checked, or can activate it."""
    if factor.status != "ACTIVE" and not factor.is_pending:
        raise errors.FactorNotActive


def parse_phone(text: str) -> str:
    """The number as E.164, without blanks and dashes; InvalidPhoneNumber if it is none."""
    phone = text.translate(_CODE_SEPARATORS)
    if not _PHONE.fullmatch(phone):
        raise errors.InvalidPhoneNumber
    return phone


def parse_sms_template(text: str) -> str:
    """A text for SMS in which `{{code}}` stands for the code. Raises MalformedBody."""
    if "{{code}}" not in text:
        raise errors.MalformedBody("sms_template must hold {{code}}.")
    if len(text) > MAX_SMS_TEXT or _URL.search(text) or "${" in text:
        raise errors.MalformedBody("sms_template must be short and have no links in it.")
    return text


def matches(challenge: Challenge, request: VerifyRequest) -> bool:
    """Whether the code was asked for what it is used for."""
    return request.purpose in (None, challenge.purpose) and request.reference in (
        None,
        challenge.reference,
    )


def parse_label(text: str, name: str) -> str:
    """A purpose or a reference: up to 64 letters, digits and `._:-`."""
    if not _LABEL.fullmatch(text):
        raise errors.MalformedBody(f"{name} must be 1 to 64 letters, digits, or ._:-")
    return text


def require_redirect(url: str, origins: Collection[str]) -> None:
    """Raise MalformedBody unless the URL's origin is one of these.

    Only plain URLs pass: what one parser takes for a path may be a host to another.
    """
    parts = _REDIRECT.fullmatch(url)
    if not parts or parts["origin"].lower() not in origins:
        raise errors.MalformedBody("redirect_url is not allowed.")


def source_network(address: str) -> str:
    """What one source is counted as. An IPv6 subscriber has a whole /64 to draw addresses from."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_open(state: CustomerState) -> bool:
    """Whether the newest challenge may still be verified, as far as its status says."""
    newest = state.newest
    return newest is not None and newest.status in (
        ChallengeStatus.SENDING,
        ChallengeStatus.PENDING,
    )


def attempts_remaining(state: CustomerState, now: int) -> int:
    """What is left of the customer's wrong codes in a row; one at a time after a hold."""
    if state.failures < MAX_CONSECUTIVE_FAILURES:
        return MAX_CONSECUTIVE_FAILURES - state.failures
    return 0 if now < state.held_until else 1


def is_held(state: CustomerState, now: int) -> bool:
    """Whether no code may be sent or forwarded."""
    return attempts_remaining(state, now) == 0


def why_not_open(state: CustomerState, now: int) -> errors.VerificationError:
    """Why this customer's state allows no new challenge."""
    if state.attempt and now < state.attempt_until:
        return errors.RequestInProgress()
    return errors.AttemptsHeld(retry_after=state.held_until - now)


def why_refused(
    state: CustomerState, challenge_id: str | None, now: int
) -> errors.VerificationError:
    """Why this customer's state allows no attempt on that challenge (None: the newest)."""
    position = _position(state.challenges, challenge_id)
    if position is None:
        return errors.ChallengeNotFound()
    challenge = state.challenges[position]
    if challenge.status is ChallengeStatus.VERIFIED:
        return errors.ChallengeAlreadyVerified()
    is_busy = state.attempt and now < state.attempt_until
    if is_held(state, now) and not is_busy:
        return errors.AttemptsHeld(retry_after=state.held_until - now)
    if position > 0:
        return errors.ChallengeSuperseded(superseded_at=state.challenges[position - 1].sent_at)
    if is_busy:
        return errors.RequestInProgress()
    if challenge.status is ChallengeStatus.EXHAUSTED:
        return errors.ChallengeExhausted()
    if challenge.status is ChallengeStatus.FAILED:
        return errors.ChallengeNotFound("Its code could not be sent.")
    return errors.ChallengeExpired()


def _position(challenges: Sequence[Challenge], challenge_id: str | None) -> int | None:
    if challenge_id is None:
        return 0 if challenges else None
    return next((i for i, each in enumerate(challenges) if each.id == challenge_id), None)


def mask(destination: str) -> str:
    """Enough of an address or number for its owner to know it: `a•••@example.com`, `•••0006`."""
    local, at, domain = destination.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"•••{destination[-4:]}"


def public_destination(email: Email, channel: Channel) -> str:
    """What the public is shown: made from its own words, so that it says nothing about anybody."""
    return mask(email) if channel is Channel.EMAIL else mask("")
