"""Sign-ins: a password, then a factor, then a session token.

Assumed, because no source says it: ten wrong passwords in a row lock the user out, and the tenth is
answered like the others; wrong codes are counted together with those of the Factors API; in
MFA_CHALLENGE only the challenged factor can be verified; an expired password must be changed before
a factor is enrolled; the state token of a cancelled or finished sign-in is dead. The four attempts
a second are counted by login, whether it exists or not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.sandbox.okta.directory import Directory, folded
from tests.sandbox.okta.enrollment import Enrollment, NewFactor, Options
from tests.sandbox.okta.exceptions import OktaError, Refusal, wrong_step
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.limits import Throttle
from tests.sandbox.okta.open_sessions import PASSWORD, Sessions
from tests.sandbox.okta.policy import Policy
from tests.sandbox.okta.records import (
    Factor,
    FactorStatus,
    FactorType,
    User,
    UserStatus,
    timestamp,
)
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
    """The step of a sign-in, by its `status` on the wire."""

    MFA_REQUIRED = "MFA_REQUIRED"
    MFA_CHALLENGE = "MFA_CHALLENGE"
    MFA_ENROLL = "MFA_ENROLL"
    MFA_ENROLL_ACTIVATE = "MFA_ENROLL_ACTIVATE"
    PASSWORD_EXPIRED = "PASSWORD_EXPIRED"
    LOCKED_OUT = "LOCKED_OUT"
    SUCCESS = "SUCCESS"


_VERIFIABLE = frozenset({Step.MFA_REQUIRED, Step.MFA_CHALLENGE})


@dataclass(frozen=True)
class SignInOptions:
    """Options of a sign-in: a relay state to return, whether several factors may be enrolled."""

    relay_state: str | None = None
    several_factors: bool = False


@dataclass
class Transaction:
    """A sign-in; `factor` is the one being verified or activated."""

    token: str
    user: User
    step: Step
    options: SignInOptions
    expires_at: float
    factor: Factor | None = None
    has_enrolled: bool = False
    session_token: str | None = None
    methods: list[str] = field(default_factory=lambda: [PASSWORD])


@dataclass(frozen=True)
class Transactions:
    """The open sign-ins of one org, by their state tokens."""

    clock: Callable[[], float]
    ids: Ids
    directory: Directory
    verification: Verification
    enrollment: Enrollment
    sessions: Sessions
    policy: Policy
    _attempts: Throttle = field(default_factory=lambda: Throttle(ATTEMPTS_A_SECOND, 1))
    _open: dict[str, Transaction] = field(default_factory=dict)

    def begin(self, login: str, password: str, options: SignInOptions) -> Transaction:
        """Check a password and open a sign-in at its next step."""
        self._attempts.admit(folded(login), self.clock())
        user = self.directory.find_signing_in(login)
        if user is None:
            raise OktaError(Refusal.AUTHENTICATION_FAILED)
        transaction = Transaction(
            token=self.ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH),
            user=user,
            step=Step.LOCKED_OUT,
            options=options,
            expires_at=self.clock() + STATE_TOKEN_SECONDS,
        )
        if user.status is UserStatus.LOCKED_OUT and self.policy.shows_lockout:
            return transaction
        self._check_password(user, password)
        self._open[transaction.token] = transaction
        if any(factor.status is FactorStatus.ACTIVE for factor in user.factors):
            transaction.step = Step.MFA_REQUIRED
        elif user.must_enrol and user.status is UserStatus.ACTIVE:
            transaction.step = Step.MFA_ENROLL
        else:
            self._finish(transaction)
        return transaction

    def current(self, token: str) -> Transaction:
        """The sign-in of a state token, whose lifetime starts again."""
        now = self.clock()
        transaction = self._open.get(token)
        if transaction is None or now >= transaction.expires_at:
            raise OktaError(Refusal.INVALID_TOKEN)
        transaction.expires_at = now + STATE_TOKEN_SECONDS
        return transaction

    def verify(
        self, transaction: Transaction, factor_id: str, passcode: str | None, answer: str | None
    ) -> None:
        """Check a code or answer; without one, challenge the factor."""
        factor = self._verifiable(transaction, factor_id)
        given = answer if factor.type is FactorType.QUESTION else passcode
        if given is None:
            self._challenge(transaction, factor)
            return
        self.verification.check(transaction.user, factor, given)
        transaction.methods += ["mfa", _METHODS[factor.type]]
        self._finish(transaction)

    def send_again(self, transaction: Transaction, factor_id: str) -> None:
        """Send a code, also the first one."""
        factor = self._verifiable(transaction, factor_id)
        if factor.type not in SENT:
            raise wrong_step()
        self._challenge(transaction, factor)

    def enrol(self, transaction: Transaction, new: NewFactor) -> None:
        """Enrol a factor during a sign-in."""
        _require(transaction, Step.MFA_ENROLL)
        factor = self.enrollment.enrol(transaction.user, new, Options())
        if factor.status is FactorStatus.ACTIVE:
            self._has_enrolled(transaction)
            return
        transaction.step = Step.MFA_ENROLL_ACTIVATE
        transaction.factor = factor

    def activate(self, transaction: Transaction, factor_id: str, code: str) -> None:
        """Activate the enrolled factor. An active email factor is refused: a known dead end."""
        factor = self.directory.factor(transaction.user, factor_id)
        if factor.type is FactorType.EMAIL and factor.status is FactorStatus.ACTIVE:
            raise OktaError(Refusal.INVALID_SESSION)
        self._require_activation(transaction, factor)
        self.enrollment.activate(factor, code)
        self._has_enrolled(transaction)

    def send_activation_again(self, transaction: Transaction, factor_id: str) -> None:
        factor = self.directory.factor(transaction.user, factor_id)
        self._require_activation(transaction, factor)
        self.enrollment.resend(factor, DEFAULT_WORDING)

    def go_back(self, transaction: Transaction) -> None:
        """Return to the choice of a factor."""
        _require(transaction, Step.MFA_CHALLENGE, Step.MFA_ENROLL_ACTIVATE)
        challenged = transaction.step is Step.MFA_CHALLENGE
        transaction.step = Step.MFA_REQUIRED if challenged else Step.MFA_ENROLL
        transaction.factor = None

    def skip(self, transaction: Transaction) -> None:
        """Finish without enrolling more factors."""
        _require(transaction, Step.MFA_ENROLL)
        if not transaction.has_enrolled:
            raise wrong_step()
        self._finish(transaction)

    def cancel(self, transaction: Transaction) -> None:
        del self._open[transaction.token]

    def _check_password(self, user: User, password: str) -> None:
        if user.status not in _SIGNING_IN or user.password is None:
            raise OktaError(Refusal.AUTHENTICATION_FAILED)
        if password != user.password:
            user.failed_passwords += 1
            if user.failed_passwords >= LOCKOUT_PASSWORDS:
                user.status = UserStatus.LOCKED_OUT
            raise OktaError(Refusal.AUTHENTICATION_FAILED)
        user.failed_passwords = 0

    def _verifiable(self, transaction: Transaction, factor_id: str) -> Factor:
        _require(transaction, *_VERIFIABLE)
        factor = self.directory.factor(transaction.user, factor_id)
        self.verification.admit(transaction.user, factor, _SIGNING_IN)
        if transaction.factor is not None and transaction.factor is not factor:
            raise wrong_step()
        return factor

    def _challenge(self, transaction: Transaction, factor: Factor) -> None:
        if factor.type in SENT:
            self.verification.send(factor, DEFAULT_LIFETIME_SECONDS)
        transaction.step = Step.MFA_CHALLENGE
        transaction.factor = factor

    def _require_activation(self, transaction: Transaction, factor: Factor) -> None:
        _require(transaction, Step.MFA_ENROLL_ACTIVATE)
        if transaction.factor is not factor:
            raise wrong_step()

    def _has_enrolled(self, transaction: Transaction) -> None:
        transaction.has_enrolled = True
        transaction.factor = None
        transaction.step = Step.MFA_ENROLL
        if not transaction.options.several_factors:
            self._finish(transaction)

    def _finish(self, transaction: Transaction) -> None:
        user = transaction.user
        transaction.factor = None
        if user.status is UserStatus.PASSWORD_EXPIRED:
            transaction.step = Step.PASSWORD_EXPIRED
            return
        transaction.step = Step.SUCCESS
        transaction.session_token = self.sessions.issue_token(user, tuple(transaction.methods))
        user.last_login = timestamp(self.clock())
        del self._open[transaction.token]


def _require(transaction: Transaction, *steps: Step) -> None:
    if transaction.step not in steps:
        raise wrong_step()
