"""Decisions, and nothing else: no I/O, and the time is an argument."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verification import errors
from verification.models import (
    Challenge,
    ChallengeStatus,
    Channel,
    Code,
    CustomerState,
    Email,
    Factor,
    User,
)

MAX_CONSECUTIVE_FAILURES = 4
"""Okta locks the account at the fifth wrong code in a row (a support article of the vendor)."""

HOLD_SECONDS = 24 * 3600
"""How long a customer is held after the last wrong code that is allowed."""

RESEND_SECONDS = 30
"""The least time between two codes to one customer; Okta's own for sms and call is the same."""

ATTEMPT_SECONDS = 12
"""How long a crashed attempt keeps others waiting: more than a function can run."""

MAX_EMAIL_LENGTH = 254
"""The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3)."""

# HTML's definition of a valid address (the one browsers check), plus letters outside ASCII.
# Quoted local parts and address literals are left out: no web form accepts them.
_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}"
    r"@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)+"
)
_CODE = re.compile(r"[0-9]{6}")
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


def parse_channel(text: str) -> Channel:
    """The channel of that name; UnsupportedChannel otherwise."""
    try:
        return Channel(text)
    except ValueError:
        raise errors.UnsupportedChannel from None


def choose_customer(users: Sequence[User], email: Email) -> User:
    """The one ACTIVE user whose email or login this is; never the first of several."""
    named = {
        user.id: user for user in users if email in (user.email.lower(), user.login.lower())
    }.values()
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
    if position > 0:
        return errors.ChallengeSuperseded(superseded_at=state.challenges[position - 1].sent_at)
    if state.attempt and now < state.attempt_until:
        return errors.RequestInProgress()
    if is_held(state, now):
        return errors.AttemptsHeld(retry_after=state.held_until - now)
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
