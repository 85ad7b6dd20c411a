"""Sign-ins: from a password over a factor to a session token.

Assumed, because no source says it: ten wrong passwords in a row lock the user out, and the tenth
is still answered as any other; a wrong code counts towards the lockout that the Factors API knows;
in MFA_CHALLENGE only the challenged factor can be verified; an expired password is changed before
a factor is enrolled; a cancelled or finished sign-in leaves a dead state token. The four
attempts a second are counted by login, known or not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.enrollment import Enrollment, Terms, Wish
from tests.sandbox.okta.exceptions import (
    AuthenticationFailedError,
    InvalidSessionError,
    InvalidTokenError,
    WrongStepError,
)
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.limits import Throttle
from tests.sandbox.okta.open_sessions import PASSWORD, Sessions
from tests.sandbox.okta.policy import Policy
from tests.sandbox.okta.records import Factor, FactorStatus, FactorType, User, UserStatus
from tests.sandbox.okta.times import timestamp
from tests.sandbox.okta.verification import (
    DEFAULT_LIFETIME_SECONDS,
    DEFAULT_WORDING,
    SENT,
    Verification,
)

STATE_TOKEN_SECONDS = 300
LOCKOUT_PASSWORDS = 10
ATTEMPTS_A_SECOND = 4

_TOKEN_PREFIX, _TOKEN_LENGTH = "00", 42
_SIGNING_IN = frozenset({UserStatus.ACTIVE, UserStatus.PASSWORD_EXPIRED})
_METHODS = {
    FactorType.EMAIL: "otp",
    FactorType.SMS: "sms",
    FactorType.CALL: "tel",
    FactorType.TOTP: "otp",
    FactorType.QUESTION: "kba",
}


class Step(StrEnum):
    """Where a sign-in is, by its `status` on the wire."""

    MFA_REQUIRED = "MFA_REQUIRED"
    MFA_CHALLENGE = "MFA_CHALLENGE"
    MFA_ENROLL = "MFA_ENROLL"
    MFA_ENROLL_ACTIVATE = "MFA_ENROLL_ACTIVATE"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    LOCKED_OUT = "LOCKED_OUT"
    SUCCESS = "SUCCESS"


_VERIFIABLE = frozenset({Step.MFA_REQUIRED, Step.MFA_CHALLENGE})


@dataclass(frozen=True)
class Wanted:
    """What a caller asks of a whole sign-in: to be told its relay state, to enrol several."""

    relay_state: str | None = None
    several_factors: bool = False


@dataclass
class Transaction:
    """One sign-in. `factor` is the one being verified or activated."""

    token: str
    user: User
    step: Step
    wanted: Wanted
    expires_at: float
    factor: Factor | None = None
    has_enrolled: bool = False
    session_token: str | None = None
    methods: list[str] = field(default_factory=lambda: [PASSWORD])


class Transactions:
    """The sign-ins of one org that are under way."""

    def __init__(
        self,
        clock: Callable[[], float],
        ids: Ids,
        directory: Directory,
        verification: Verification,
        enrollment: Enrollment,
        sessions: Sessions,
        policy: Policy,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._directory = directory
        self._verification = verification
        self._enrollment = enrollment
        self._sessions = sessions
        self._policy = policy
        self._attempts = Throttle(ATTEMPTS_A_SECOND, 1)
        self._under_way: dict[str, Transaction] = {}

    def begin(self, login: str, password: str, wanted: Wanted) -> Transaction:
        """Check a password and see what more it takes."""
        self._attempts.admit(login.casefold(), self._clock())
        user = self._directory.find_login(login)
        if user is None:
            raise AuthenticationFailedError
        transaction = Transaction(
            token=self._ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH),
            user=user,
            step=Step.LOCKED_OUT,
            wanted=wanted,
            expires_at=self._clock() + STATE_TOKEN_SECONDS,
        )
        if user.status is UserStatus.LOCKED_OUT and self._policy.shows_lockout:
            return transaction
        self._check_password(user, password)
        self._under_way[transaction.token] = transaction
        if any(factor.status is FactorStatus.ACTIVE for factor in user.factors):
            transaction.step = Step.MFA_REQUIRED
        elif user.must_enrol and user.status is UserStatus.ACTIVE:
            transaction.step = Step.MFA_ENROLL
        else:
            self._finish(transaction)
        return transaction

    def current(self, token: str) -> Transaction:
        """The sign-in of a state token, which lives on from now."""
        now = self._clock()
        transaction = self._under_way.get(token)
        if transaction is None or now >= transaction.expires_at:
            raise InvalidTokenError
        transaction.expires_at = now + STATE_TOKEN_SECONDS
        return transaction

    def verify(
        self, transaction: Transaction, factor_id: str, passcode: str | None, answer: str | None
    ) -> None:
        """Check the code or answer; without one, challenge the factor."""
        factor = self._verifiable(transaction, factor_id)
        given = answer if factor.type is FactorType.QUESTION else passcode
        if given is None:
            self._challenge(transaction, factor)
            return
        self._verification.check(transaction.user, factor, given)
        transaction.methods += ["mfa", _METHODS[factor.type]]
        self._finish(transaction)

    def send_again(self, transaction: Transaction, factor_id: str) -> None:
        """Send a code, the first one too."""
        factor = self._verifiable(transaction, factor_id)
        if factor.type not in SENT:
            raise WrongStepError
        self._challenge(transaction, factor)

    def enrol(self, transaction: Transaction, wish: Wish) -> None:
        """Enrol a factor on the way in."""
        _require(transaction, Step.MFA_ENROLL)
        factor = self._enrollment.enrol(transaction.user, wish, Terms())
        if factor.status is FactorStatus.ACTIVE:
            self._has_enrolled(transaction)
            return
        transaction.step = Step.MFA_ENROLL_ACTIVATE
        transaction.factor = factor

    def activate(self, transaction: Transaction, factor_id: str, code: str) -> None:
        """Activate the enrolled factor; an active email factor is the well-known dead end."""
        factor = self._directory.factor(transaction.user, factor_id)
        if factor.type is FactorType.EMAIL and factor.status is FactorStatus.ACTIVE:
            raise InvalidSessionError
        self._require_activation(transaction, factor)
        self._enrollment.activate(factor, code)
        self._has_enrolled(transaction)

    def send_activation_again(self, transaction: Transaction, factor_id: str) -> None:
        """Send another activation code."""
        factor = self._directory.factor(transaction.user, factor_id)
        self._require_activation(transaction, factor)
        self._enrollment.resend(factor, DEFAULT_WORDING)

    def go_back(self, transaction: Transaction) -> None:
        """Choose another factor."""
        _require(transaction, Step.MFA_CHALLENGE, Step.MFA_ENROLL_ACTIVATE)
        challenged = transaction.step is Step.MFA_CHALLENGE
        transaction.step = Step.MFA_REQUIRED if challenged else Step.MFA_ENROLL
        transaction.factor = None

    def skip(self, transaction: Transaction) -> None:
        """Enrol no more factors."""
        _require(transaction, Step.MFA_ENROLL)
        if not transaction.has_enrolled:
            raise WrongStepError
        self._finish(transaction)

    def cancel(self, transaction: Transaction) -> None:
        """End the sign-in."""
        del self._under_way[transaction.token]

    def _check_password(self, user: User, password: str) -> None:
        if user.status not in _SIGNING_IN or user.password is None:
            raise AuthenticationFailedError
        if password != user.password:
            user.failed_passwords += 1
            if user.failed_passwords >= LOCKOUT_PASSWORDS:
                user.status = UserStatus.LOCKED_OUT
            raise AuthenticationFailedError
        user.failed_passwords = 0

    def _verifiable(self, transaction: Transaction, factor_id: str) -> Factor:
        _require(transaction, *_VERIFIABLE)
        factor = self._directory.factor(transaction.user, factor_id)
        self._verification.admit(transaction.user, factor, _SIGNING_IN)
        if transaction.factor is not None and transaction.factor is not factor:
            raise WrongStepError
        return factor

    def _challenge(self, transaction: Transaction, factor: Factor) -> None:
        if factor.type in SENT:
            self._verification.send(factor, DEFAULT_LIFETIME_SECONDS)
        transaction.step = Step.MFA_CHALLENGE
        transaction.factor = factor

    def _require_activation(self, transaction: Transaction, factor: Factor) -> None:
        _require(transaction, Step.MFA_ENROLL_ACTIVATE)
        if transaction.factor is not factor:
            raise WrongStepError

    def _has_enrolled(self, transaction: Transaction) -> None:
        transaction.has_enrolled = True
        transaction.factor = None
        transaction.step = Step.MFA_ENROLL
        if not transaction.wanted.several_factors:
            self._finish(transaction)

    def _finish(self, transaction: Transaction) -> None:
        user = transaction.user
        transaction.factor = None
        if user.status is UserStatus.PASSWORD_EXPIRED:
            transaction.step = Step.PASSWORD_EXPIRED
            return
        transaction.step = Step.SUCCESS
        transaction.session_token = self._sessions.issue_token(user, tuple(transaction.methods))
        user.last_login = timestamp(self._clock())
        del self._under_way[transaction.token]


def _require(transaction: Transaction, *steps: Step) -> None:
    if transaction.step not in steps:
        raise WrongStepError
