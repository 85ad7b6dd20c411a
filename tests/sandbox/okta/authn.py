"""The Authentication API: a password, then a factor, then a session token.

Anyone may call it. An API token makes the caller a trusted application, whose `context.deviceToken`
Okta believes, and its X-Forwarded-For, which changes nothing here. A customer who verifies a factor
with `rememberDevice=true` is not asked for one again from the same device for a time.

Assumed, because no source says it: ten wrong passwords in a row lock the user out, and the tenth is
answered like the others; wrong codes are counted together with those of the Factors API; in
MFA_CHALLENGE only the challenged factor can be verified; an expired password must be changed before
a factor is enrolled; the state token of a cancelled or finished sign-in is dead, and a request
without one is answered likewise. The four attempts a second are counted by login, whether it exists
or not. A device is remembered for one user. The cookie by which a browser at the org's own pages is
known is not simulated.
"""

from collections.abc import Callable

from werkzeug import Request

from tests.sandbox.okta import authn_responses, enrollment, sessions
from tests.sandbox.okta.directory import folded
from tests.sandbox.okta.exceptions import OktaError, Refusal, validation_failed, wrong_step
from tests.sandbox.okta.factors import new_factor
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, text
from tests.sandbox.okta.records import (
    Factor,
    FactorStatus,
    FactorType,
    Step,
    Transaction,
    User,
    UserStatus,
    timestamp,
)
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.verification import SENT

STATE_TOKEN_SECONDS = 300
LOCKOUT_PASSWORDS = 10
MOST_DEVICE_TOKEN = 32
REMEMBER_DEVICE_SECONDS = authn_responses.REMEMBER_DEVICE_MINUTES * 60

_TOKEN_PREFIX, _TOKEN_LENGTH = "00", 42
_SIGNING_IN = frozenset({UserStatus.ACTIVE, UserStatus.PASSWORD_EXPIRED})
_METHODS = {
    FactorType.EMAIL: "otp",
    FactorType.SMS: "sms",
    FactorType.CALL: "tel",
    FactorType.TOTP: "otp",
    FactorType.QUESTION: "kba",
}


def sign_in(org: Org, request: Request) -> Answer:
    """Begin a sign-in, or report the step of the one with this state token."""
    body = json_object(request)
    if text(body, "stateToken") is not None:
        return _answer(_current(org, body), request)
    login, password = text(body, "username"), text(body, "password")
    if login is None or password is None:
        raise validation_failed(
            "authRequest", "The 'username' and 'password' attributes are required in this context."
        )
    several = nested(body, "options").get("multiOptionalFactorEnroll") is True
    device = _device(body, request)
    transaction = _begin(org, login, password, device, enrols_several=several)
    transaction.relay_state = text(body, "relayState")
    return _answer(transaction, request)


def introspect(org: Org, request: Request) -> Answer:
    """Report the step of the sign-in with this state token."""
    return _answer(_current(org, json_object(request)), request)


def cancel(org: Org, request: Request) -> Answer:
    del org.transactions[_current(org, json_object(request)).token]
    return Answer({})


def _step(take: Callable[..., None]) -> Callable[..., Answer]:
    """An operation that takes a step of the sign-in in the body and answers its new state."""

    def operation(org: Org, request: Request, **path: str) -> Answer:
        body = json_object(request)
        transaction = _current(org, body)
        transaction.remembers_device = flag(request, "rememberDevice")
        transaction.updates_phone = flag(request, "updatePhone")
        take(org, transaction, body, **path)
        return _answer(transaction, request)

    return operation


@_step
def verify(org: Org, transaction: Transaction, body: JsonObject, factor_id: str) -> None:
    """Check a code or answer; without one, challenge the factor."""
    factor = _verifiable(org, transaction, factor_id)
    given = _code(body, "answer" if factor.type is FactorType.QUESTION else "passCode")
    if given is None:
        _challenge(org, transaction, factor)
        return
    org.verification.check(transaction.user, factor, given)
    transaction.methods += ["mfa", _METHODS[factor.type]]
    if transaction.device is not None and transaction.remembers_device:
        until = org.clock() + REMEMBER_DEVICE_SECONDS
        transaction.user.remembered_devices[transaction.device] = until
    _finish(org, transaction)


@_step
def resend(org: Org, transaction: Transaction, _body: JsonObject, factor_id: str) -> None:
    """Send a code, also the first one."""
    factor = _verifiable(org, transaction, factor_id)
    if factor.type not in SENT:
        raise wrong_step()
    _challenge(org, transaction, factor)


@_step
def go_back(_org: Org, transaction: Transaction, _body: JsonObject) -> None:
    """Return to the choice of a factor."""
    _require(transaction, Step.MFA_CHALLENGE, Step.MFA_ENROLL_ACTIVATE)
    verifies = transaction.step is Step.MFA_CHALLENGE
    transaction.step = Step.MFA_REQUIRED if verifies else Step.MFA_ENROLL
    transaction.factor = None


@_step
def enrol(org: Org, transaction: Transaction, body: JsonObject) -> None:
    """Enrol a factor during a sign-in."""
    new = new_factor(body)
    _require(transaction, Step.MFA_ENROLL)
    update = transaction.updates_phone
    factor = enrollment.enrol(org, transaction.user, new, update_phone=update)
    if factor.status is FactorStatus.ACTIVE:
        _enrolled(org, transaction)
        return
    transaction.step = Step.MFA_ENROLL_ACTIVATE
    transaction.factor = factor


@_step
def activate(org: Org, transaction: Transaction, body: JsonObject, factor_id: str) -> None:
    """Activate the enrolled factor. An active email factor is refused: a known dead end."""
    factor = org.directory.factor(transaction.user, factor_id)
    if factor.type is FactorType.EMAIL and factor.status is FactorStatus.ACTIVE:
        raise OktaError(Refusal.INVALID_SESSION)
    _require_activation(transaction, factor)
    enrollment.activate(org, factor, _code(body, "passCode") or "")
    _enrolled(org, transaction)


@_step
def resend_activation(
    org: Org, transaction: Transaction, _body: JsonObject, factor_id: str
) -> None:
    factor = org.directory.factor(transaction.user, factor_id)
    _require_activation(transaction, factor)
    enrollment.resend(org, factor)


@_step
def skip(org: Org, transaction: Transaction, _body: JsonObject) -> None:
    """Finish without enrolling more factors."""
    _require(transaction, Step.MFA_ENROLL)
    if not transaction.has_enrolled:
        raise wrong_step()
    _finish(org, transaction)


def _begin(
    org: Org, login: str, password: str, device: str | None, *, enrols_several: bool
) -> Transaction:
    """Check a password and open a sign-in at its next step."""
    org.sign_in_attempts.admit(folded(login), org.clock())
    user = org.directory.find_signing_in(login)
    if user is None:
        raise OktaError(Refusal.AUTHENTICATION_FAILED)
    token = org.transient_ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH)
    ends_at = org.clock() + STATE_TOKEN_SECONDS
    transaction = Transaction(token, user, Step.LOCKED_OUT, ends_at, enrols_several, device)
    if user.status is UserStatus.LOCKED_OUT and org.policy.shows_lockout:
        return transaction
    _check_password(user, password)
    org.transactions[token] = transaction
    if org.clock() < user.remembered_devices.get(device or "", 0):
        _finish(org, transaction)
    elif any(factor.status is FactorStatus.ACTIVE for factor in user.factors):
        transaction.step = Step.MFA_REQUIRED
    elif user.must_enrol and user.status is UserStatus.ACTIVE:
        transaction.step = Step.MFA_ENROLL
    else:
        _finish(org, transaction)
    return transaction


def _device(body: JsonObject, request: Request) -> str | None:
    """The device that a trusted application names. From others the token is ignored."""
    token = text(nested(body, "context"), "deviceToken")
    if token is not None and len(token) > MOST_DEVICE_TOKEN:
        raise validation_failed("deviceToken", "deviceToken: The field is too long")
    return token if "Authorization" in request.headers else None


def _current(org: Org, body: JsonObject) -> Transaction:
    """The sign-in of the state token in a body, whose lifetime starts again."""
    now = org.clock()
    transaction = org.transactions.get(text(body, "stateToken") or "")
    if transaction is None or now >= transaction.expires_at:
        raise OktaError(Refusal.INVALID_TOKEN)
    transaction.expires_at = now + STATE_TOKEN_SECONDS
    return transaction


def _check_password(user: User, password: str) -> None:
    if user.status not in _SIGNING_IN or user.password is None:
        raise OktaError(Refusal.AUTHENTICATION_FAILED)
    if password != user.password:
        user.failed_passwords += 1
        if user.failed_passwords >= LOCKOUT_PASSWORDS:
            user.status = UserStatus.LOCKED_OUT
        raise OktaError(Refusal.AUTHENTICATION_FAILED)
    user.failed_passwords = 0


def _verifiable(org: Org, transaction: Transaction, factor_id: str) -> Factor:
    _require(transaction, Step.MFA_REQUIRED, Step.MFA_CHALLENGE)
    factor = org.directory.factor(transaction.user, factor_id)
    org.verification.admit(transaction.user, factor, _SIGNING_IN)
    if transaction.factor not in (None, factor):
        raise wrong_step()
    return factor


def _challenge(org: Org, transaction: Transaction, factor: Factor) -> None:
    if factor.type in SENT:
        org.verification.send(factor)
    transaction.step = Step.MFA_CHALLENGE
    transaction.factor = factor


def _require_activation(transaction: Transaction, factor: Factor) -> None:
    _require(transaction, Step.MFA_ENROLL_ACTIVATE)
    if transaction.factor is not factor:
        raise wrong_step()


def _enrolled(org: Org, transaction: Transaction) -> None:
    transaction.has_enrolled = True
    transaction.factor = None
    transaction.step = Step.MFA_ENROLL
    if not transaction.enrols_several:
        _finish(org, transaction)


def _finish(org: Org, transaction: Transaction) -> None:
    user = transaction.user
    transaction.factor = None
    if user.status is UserStatus.PASSWORD_EXPIRED:
        transaction.step = Step.PASSWORD_EXPIRED
        return
    transaction.step = Step.SUCCESS
    transaction.session_token = sessions.issue_token(org, user, tuple(transaction.methods))
    user.last_login = timestamp(org.clock())
    del org.transactions[transaction.token]


def _require(transaction: Transaction, *steps: Step) -> None:
    if transaction.step not in steps:
        raise wrong_step()


def _code(body: JsonObject, name: str) -> str | None:
    """A code or answer; None if it is absent or empty, as the sign-in widget sends it at first."""
    given = body.get(name)
    return str(given) if given not in (None, "") else None


def _answer(transaction: Transaction, request: Request) -> Answer:
    return Answer(authn_responses.transaction(transaction, org_url(request)))
