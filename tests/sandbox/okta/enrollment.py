"""Enrols, activates and removes factors.

Assumed, because no source says it: an enrolment replaces a pending one of the same kind; a wrong
activation code does not count towards the lockout; every activation attempt counts towards its
limit; an answer to a question has at least 4 characters.

Reported of real orgs: the number of a phone factor stays verified when the factor is removed, unless
that is asked with `removeRecoveryEnrollment=true`. Enrolled again it is active at once, without a code;
another number is refused, unless `updatePhone=true` asks to replace it.
"""

import re
from dataclasses import dataclass

from tests.sandbox.okta.directory import FACTOR_PREFIXES
from tests.sandbox.okta.exceptions import OktaError, Refusal, enrolment_refused, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import (
    QUESTIONS,
    Factor,
    FactorStatus,
    FactorType,
    User,
    UserStatus,
    timestamp,
)
from tests.sandbox.okta.verification import DEFAULT_LIFETIME_SECONDS, DEFAULT_WORDING, SENT

MIN_ANSWER_LENGTH = 4

ENROLLABLE = [kind for kind in FACTOR_PREFIXES if kind[0] is not FactorType.PUSH]
"""The types and providers of the factors that can be enrolled."""

_PHONES = frozenset({FactorType.SMS, FactorType.CALL})
_QR_TOKEN_PREFIX = "20111"
_QR_TOKEN_LENGTH = 55
_SEPARATORS = re.compile(r"[\s().-]")
_INTERNATIONAL = re.compile(r"\+[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")


@dataclass(frozen=True)
class NewFactor:
    """A factor to enrol: its kind and what its type needs of a profile."""

    type: FactorType
    provider: str
    email: str | None = None
    phone: str | None = None
    question: str | None = None
    answer: str | None = None


def enrol(
    org: Org,
    user: User,
    new: NewFactor,
    *,
    activate: bool = False,
    update_phone: bool = False,
    lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS,
    wording: str = DEFAULT_WORDING,
) -> Factor:
    """Add a factor to a user, pending unless it needs no activation."""
    org.verification.admit_user(user)
    if (new.type, new.provider) not in ENROLLABLE:
        raise enrolment_refused("The factor is not supported by the provider.")
    destination = _destination(user, new)
    _require_vacancy(user, new, destination)
    is_verified = _is_verified(user, new.type, destination, update_phone=update_phone)
    factor = org.directory.new_factor(
        new.type,
        destination,
        provider=new.provider,
        secret=new.answer,
        created=timestamp(org.clock()),
    )
    if new.type is FactorType.TOTP:
        factor.secret = org.transient_ids.shared_secret()
        factor.qr_token = org.transient_ids.token(_QR_TOKEN_PREFIX, _QR_TOKEN_LENGTH)
    needs_no_code = new.type is FactorType.QUESTION or (activate and new.type in SENT)
    if not needs_no_code and not is_verified:
        factor.status = FactorStatus.PENDING_ACTIVATION
        if new.type in SENT:
            org.verification.send(factor, lifetime_seconds, wording)
    user.factors = [*(each for each in user.factors if not _same_kind(each, new)), factor]
    user.verified_phones.pop(new.type, None)
    return factor


def activate(org: Org, factor: Factor, code: str) -> None:
    """Activate a pending factor with its code."""
    _require_pending(factor)
    org.activation_attempts.admit(factor.id, org.clock())
    refusal = org.verification.refusal(factor, code)
    if refusal is not None:
        raise refusal
    factor.status = FactorStatus.ACTIVE
    factor.last_updated = timestamp(org.clock())


def resend(org: Org, factor: Factor, wording: str = DEFAULT_WORDING) -> None:
    """Send another activation code."""
    _require_pending(factor)
    if factor.type not in SENT:
        raise OktaError(Refusal.WRONG_FACTOR_STATE)
    if org.activation_attempts.used_up(factor.id, org.clock()):
        raise OktaError(Refusal.RATE_LIMITED)
    org.verification.send(factor, wording=wording)


def remove(user: User, factor: Factor, *, keeps_phone: bool = True) -> None:
    if user.status is UserStatus.DEPROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    user.factors.remove(factor)
    if keeps_phone and factor.type in _PHONES and factor.status is FactorStatus.ACTIVE:
        user.verified_phones[factor.type] = factor.destination


def _require_pending(factor: Factor) -> None:
    if factor.status is not FactorStatus.PENDING_ACTIVATION:
        raise OktaError(Refusal.WRONG_FACTOR_STATE)


def _destination(user: User, new: NewFactor) -> str:
    match new.type:
        case FactorType.EMAIL:
            email = new.email or user.email
            if email not in (user.email, user.second_email):
                raise validation_failed("Only verified primary or secondary email can be enrolled.")
            return email
        case FactorType.SMS | FactorType.CALL:
            return normalized(new.phone or "")
        case FactorType.QUESTION:
            return _question(new)
    return user.login


def _require_vacancy(user: User, new: NewFactor, destination: str) -> None:
    """A user has one factor of a kind, and one number for SMS and one for calls."""
    for factor in user.factors:
        if not _same_kind(factor, new) or factor.status is FactorStatus.PENDING_ACTIVATION:
            continue
        if new.type in _PHONES and factor.destination != destination:
            raise _existing_phone()
        raise enrolment_refused("A factor of this type is already set up.")


def _is_verified(user: User, kind: FactorType, destination: str, *, update_phone: bool) -> bool:
    """Whether this is the number that is kept, which another one may replace."""
    kept = user.verified_phones.get(kind, destination)
    if kept != destination and not update_phone:
        raise _existing_phone()
    return kind in user.verified_phones and kept == destination


def _existing_phone() -> OktaError:
    return enrolment_refused("There is an existing verified phone number.")


def _same_kind(factor: Factor, new: NewFactor) -> bool:
    return (factor.type, factor.provider) == (new.type, new.provider)


def _question(new: NewFactor) -> str:
    if new.question not in QUESTIONS:
        raise enrolment_refused("The security question is not one of the org's.")
    if len(new.answer or "") < MIN_ANSWER_LENGTH:
        raise enrolment_refused(
            f"The security question answer must be at least {MIN_ANSWER_LENGTH} characters in length"
        )
    return new.question


def normalized(number: str) -> str:
    """The phone number in E.164.

    Two refusals are recorded, without the numbers. Assumed: a number that is not international is
    E0000098, one that no phone can have is E0000001.
    """
    bare = _SEPARATORS.sub("", number)
    if not _INTERNATIONAL.fullmatch(bare):
        raise OktaError(Refusal.INVALID_PHONE)
    form = _NORTH_AMERICAN if bare.startswith("+1") else _E164
    if not form.fullmatch(bare):
        raise enrolment_refused("Invalid Phone Number.")
    return bare
