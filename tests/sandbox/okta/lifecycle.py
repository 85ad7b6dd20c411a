"""Changes of a user's status, factors and password that have a path of their own.

Assumed, because no source says it: a user of another provider needs no password to be active; which
statuses a password can be expired in; a forgotten password stays good until it is replaced; a weak
password is refused like a wrong one.
"""

from werkzeug import Request

from tests.sandbox.okta import profiles, responses
from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, optional_json_object, text
from tests.sandbox.okta.records import OKTA, User, UserStatus, timestamp
from tests.sandbox.okta.responses import Answer, org_url

ACTIVATION_TOKEN_LENGTH = 20

_RESET_PREFIX, _RESET_LENGTH = "dfp", 20
_CHANGING = frozenset(
    {
        *(UserStatus.STAGED, UserStatus.ACTIVE),
        *(UserStatus.PASSWORD_EXPIRED, UserStatus.RECOVERY),
    }
)
_WITHOUT_PASSWORD = frozenset({UserStatus.PASSWORD_EXPIRED, UserStatus.RECOVERY})
"""Statuses that end with a new password."""


def activate(org: Org, request: Request, user: User) -> Answer:
    """Activate a user; without a mail, the answer has the link that the mail would have."""
    if user.status not in (UserStatus.STAGED, UserStatus.DEPROVISIONED):
        raise OktaError(Refusal.ALREADY_ACTIVE)
    begin(org, user)
    return _invitation(org, request, by_mail=flag(request, "sendEmail", default=True))


def reactivate(org: Org, request: Request, user: User) -> Answer:
    """Invite a user again who has not chosen a password yet."""
    if user.status is not UserStatus.PROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    return _invitation(org, request, by_mail=flag(request, "sendEmail"))


def deactivate(org: Org, _request: Request, user: User) -> Answer:
    if user.status is UserStatus.DEPROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    enter_status(org, user, UserStatus.DEPROVISIONED)
    return Answer({})


def unlock(org: Org, _request: Request, user: User) -> Answer:
    org.verification.unlock(user)
    return Answer({})


def reset_factors(org: Org, _request: Request, user: User) -> Answer:
    """Remove every factor."""
    if user.status is UserStatus.DEPROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    user.factors.clear()
    user.last_updated = timestamp(org.clock())
    return Answer({})


def expire_password(org: Org, request: Request, user: User) -> Answer:
    """Make a user change the password at the next sign-in."""
    if user.status is not UserStatus.ACTIVE or user.password is None:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    enter_status(org, user, UserStatus.PASSWORD_EXPIRED)
    return Answer(responses.user(user, org_url(request), org.directory.user_type_id))


def change_password(org: Org, request: Request, user: User) -> Answer:
    """Replace the password of a user who knows it."""
    if user.status not in _CHANGING or user.password is None:
        raise OktaError(Refusal.CHANGE_NOT_ALLOWED)
    body = json_object(request)
    old, new = (text(nested(body, name), "value") for name in ("oldPassword", "newPassword"))
    if old != user.password:
        raise OktaError(Refusal.CREDENTIALS_NOT_UPDATED, "Old Password is not correct")
    return _with_password(org, user, new)


def forgot_password(org: Org, request: Request, user: User) -> Answer:
    """Make a link to choose a new password; without a mail, the answer has it. Older clients recover a
    password by the same path.
    """
    if optional_json_object(request):
        return recover_password(org, request, user)
    if user.status is not UserStatus.ACTIVE or user.password is None:
        raise OktaError(Refusal.FORGOT_NOT_ALLOWED)
    if flag(request, "sendEmail", default=True):
        return Answer({})
    token = org.transient_ids.token(_RESET_PREFIX, _RESET_LENGTH)
    return Answer({"resetPasswordUrl": f"{org_url(request)}/signin/reset-password/{token}"})


def recover_password(org: Org, request: Request, user: User) -> Answer:
    """Replace the password of a user who can answer the recovery question."""
    asked = user.recovery_question
    if user.status is not UserStatus.ACTIVE or user.password is None or asked is None:
        raise OktaError(Refusal.FORGOT_NOT_ALLOWED)
    body = json_object(request)
    answer = text(nested(body, "recovery_question"), "answer") or ""
    if answer.casefold() != asked.answer.casefold():
        raise OktaError(Refusal.WRONG_RECOVERY_ANSWER)
    return _with_password(org, user, text(nested(body, "password"), "value"))


def begin(org: Org, user: User) -> None:
    """Activate a user, or invite one who has no password yet."""
    can_sign_in = user.password is not None or user.provider != OKTA
    enter_status(org, user, UserStatus.ACTIVE if can_sign_in else UserStatus.PROVISIONED)
    user.activated = user.status_changed


def enter_status(org: Org, user: User, status: UserStatus) -> None:
    user.status = status
    user.status_changed = user.last_updated = timestamp(org.clock())


def set_password(org: Org, user: User, password: str) -> None:
    """Give a user a password, which ends what the lack of one began."""
    user.password, user.failed_passwords = password, 0
    user.password_changed = user.last_updated = timestamp(org.clock())
    if user.status in _WITHOUT_PASSWORD:
        enter_status(org, user, UserStatus.ACTIVE)


def _with_password(org: Org, user: User, password: str | None) -> Answer:
    if password is None or not profiles.is_complex(password, user.login):
        raise OktaError(Refusal.CREDENTIALS_NOT_UPDATED, "Password requirements were not met.")
    set_password(org, user, password)
    return Answer(responses.credentials(user))


def _invitation(org: Org, request: Request, *, by_mail: bool) -> Answer:
    if by_mail:
        return Answer({})
    token = org.transient_ids.token("", ACTIVATION_TOKEN_LENGTH)
    url = f"{org_url(request)}/tokens/{token}/verify"
    return Answer({"activationUrl": url, "activationToken": token})
