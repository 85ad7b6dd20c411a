"""How a user comes to a factor, and loses one.

Assumed, because no source says it: an enrolment takes the place of a pending one of its kind; a
wrong code at an activation does not count towards the lockout; every attempt at an activation
counts towards its limit; a removed phone factor leaves its number behind as verified, unless the
removal says otherwise; an answer to a question has at least 4 characters.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.okta.directory import FACTOR_PREFIXES, Directory
from tests.sandbox.okta.exceptions import (
    EnrolmentRefusedError,
    RateLimitedError,
    ResourceNotFoundError,
    ValidationFailedError,
    WrongFactorStateError,
    WrongUserStatusError,
)
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.limits import Throttle
from tests.sandbox.okta.phones import normalised
from tests.sandbox.okta.policy import Policy
from tests.sandbox.okta.questions import QUESTIONS
from tests.sandbox.okta.records import Factor, FactorStatus, FactorType, User, UserStatus
from tests.sandbox.okta.times import timestamp
from tests.sandbox.okta.verification import (
    DEFAULT_LIFETIME_SECONDS,
    DEFAULT_WORDING,
    SENT,
    Verification,
)

ACTIVATION_ATTEMPTS = 5
ACTIVATION_WINDOW_SECONDS = 300
MIN_ANSWER_LENGTH = 4

_PHONES = frozenset({FactorType.SMS, FactorType.CALL})
_QR_TOKEN_PREFIX = "20111"
_QR_TOKEN_LENGTH = 55


@dataclass(frozen=True)
class Wish:
    """The factor that is asked for: of its profile, what its type needs."""

    type: FactorType
    provider: str
    email: str | None = None
    phone: str | None = None
    question: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Terms:
    """How it is to be enrolled."""

    activate: bool = False
    update_phone: bool = False
    lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS
    wording: str = DEFAULT_WORDING


class Enrollment:
    """Enrolments, activations and removals of one org."""

    def __init__(
        self,
        clock: Callable[[], float],
        ids: Ids,
        directory: Directory,
        verification: Verification,
        policy: Policy,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._directory = directory
        self._verification = verification
        self._policy = policy
        self._attempts = Throttle(ACTIVATION_ATTEMPTS, ACTIVATION_WINDOW_SECONDS)

    def enrol(self, user: User, wish: Wish, terms: Terms) -> Factor:
        """Give a user a factor, pending unless it needs no activation."""
        self._verification.admit_user(user)
        if (wish.type, wish.provider) not in FACTOR_PREFIXES:
            raise EnrolmentRefusedError("The factor is not supported by the provider.")
        destination = self._destination(user, wish)
        self._require_vacancy(user, wish, destination, terms)
        factor = self._directory.new_factor(
            wish.type,
            destination,
            provider=wish.provider,
            secret=wish.answer,
            created=timestamp(self._clock()),
        )
        if wish.type is FactorType.TOTP:
            factor.secret = self._ids.shared_secret()
            factor.qr_token = self._ids.token(_QR_TOKEN_PREFIX, _QR_TOKEN_LENGTH)
        if wish.type is not FactorType.QUESTION and not (terms.activate and wish.type in SENT):
            factor.status = FactorStatus.PENDING_ACTIVATION
            self._send(factor, terms)
        user.factors = [*(each for each in user.factors if not _same_kind(each, wish)), factor]
        return factor

    def activate(self, factor: Factor, code: str) -> None:
        """Make a pending factor active with its code."""
        self._require_pending(factor)
        self._attempts.admit(factor.id, self._clock())
        refusal = self._verification.refusal(factor, code)
        if refusal is not None:
            raise refusal
        factor.status = FactorStatus.ACTIVE
        factor.last_updated = timestamp(self._clock())
        factor.qr_token = None

    def resend(self, factor: Factor, wording: str) -> None:
        """Send another activation code."""
        self._require_pending(factor)
        if factor.type not in SENT:
            raise WrongFactorStateError
        if self._attempts.used_up(factor.id, self._clock()):
            raise RateLimitedError
        self._send(factor, Terms(wording=wording))

    def remove(self, user: User, factor: Factor, *, forget_phone: bool) -> None:
        """Take a factor from a user."""
        if user.status is UserStatus.DEPROVISIONED:
            raise WrongUserStatusError
        user.factors.remove(factor)
        if factor.type in _PHONES and factor.status is FactorStatus.ACTIVE:
            user.kept_phones[factor.type] = factor.destination
        if forget_phone:
            user.kept_phones.pop(factor.type, None)

    def require_picture(self, factor: Factor, token: str) -> None:
        """Only the token of a pending factor opens the picture of its secret."""
        if factor.qr_token is None or token != factor.qr_token:
            raise ResourceNotFoundError(token, "UserFactor")

    def _send(self, factor: Factor, terms: Terms) -> None:
        if factor.type in SENT:
            self._verification.send(factor, terms.lifetime_seconds, terms.wording)

    def _require_pending(self, factor: Factor) -> None:
        if factor.status is not FactorStatus.PENDING_ACTIVATION:
            raise WrongFactorStateError

    def _destination(self, user: User, wish: Wish) -> str:
        match wish.type:
            case FactorType.EMAIL:
                return self._enrollable_email(user, wish.email or user.email)
            case FactorType.SMS | FactorType.CALL:
                return normalised(wish.phone or "")
            case FactorType.TOTP:
                return user.login
            case FactorType.QUESTION:
                return _question(wish)

    def _enrollable_email(self, user: User, email: str) -> str:
        verified = {user.email if user.email_is_verified else None, user.second_email}
        if self._policy.only_verified_email and email not in verified:
            raise ValidationFailedError("Only verified primary or secondary email can be enrolled.")
        return email

    def _require_vacancy(self, user: User, wish: Wish, destination: str, terms: Terms) -> None:
        """A user has one factor of a kind, and one number for each way of using a phone."""
        kept = user.kept_phones.get(wish.type, destination)
        if kept != destination and not terms.update_phone:
            raise EnrolmentRefusedError("There is an existing verified phone number.")
        for factor in user.factors:
            if not _same_kind(factor, wish) or factor.status is FactorStatus.PENDING_ACTIVATION:
                continue
            if wish.type in _PHONES and factor.destination != destination:
                raise EnrolmentRefusedError("There is an existing verified phone number.")
            raise EnrolmentRefusedError("A factor of this type is already set up.")


def _same_kind(factor: Factor, wish: Wish) -> bool:
    return (factor.type, factor.provider) == (wish.type, wish.provider)


def _question(wish: Wish) -> str:
    if wish.question not in QUESTIONS:
        raise EnrolmentRefusedError("The security question is not one of the org's.")
    if len(wish.answer or "") < MIN_ANSWER_LENGTH:
        raise EnrolmentRefusedError(
            f"The security question answer must be at least {MIN_ANSWER_LENGTH} characters in length"
        )
    return wish.question
