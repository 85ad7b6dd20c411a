"""The Users API: create a user, and lead one through a user's life."""

from collections.abc import Callable

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.accounts import NewUser
from tests.sandbox.okta.exceptions import MalformedBodyError, ValidationFailedError
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, text
from tests.sandbox.okta.records import OKTA, User
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.routing import Route

ACTIVATION_TOKEN_LENGTH = 20

_FIELDS = frozenset({"login", "email", "firstName", "lastName", "mobilePhone", "secondEmail"})
_ATTRIBUTES = frozenset(
    {
        "city",
        "costCenter",
        "countryCode",
        "department",
        "displayName",
        "division",
        "employeeNumber",
        "honorificPrefix",
        "honorificSuffix",
        "locale",
        "manager",
        "managerId",
        "middleName",
        "nickName",
        "organization",
        "postalAddress",
        "preferredLanguage",
        "primaryPhone",
        "profileUrl",
        "state",
        "streetAddress",
        "timezone",
        "title",
        "userType",
        "zipCode",
    }
)


def create(org: Org, request: Request) -> Answer:
    """Add a user."""
    new = _new_user(json_object(request), with_provider=flag(request, "provider"))
    user = org.accounts.create(new, activate=flag(request, "activate", default=True))
    return Answer(responses.user(user, org_url(request), org.directory.user_type_id))


def activate(org: Org, request: Request, user_id: str) -> Answer:
    """Let a user in; who asks for no mail gets the link that it would hold."""
    org.accounts.activate(org.directory.user(user_id))
    return _invitation(org, request, by_mail=flag(request, "sendEmail", default=True))


def reactivate(org: Org, request: Request, user_id: str) -> Answer:
    """Invite a user once more."""
    org.accounts.reactivate(org.directory.user(user_id))
    return _invitation(org, request, by_mail=flag(request, "sendEmail"))


def suspend(org: Org, _request: Request, user_id: str) -> Answer:
    """Keep a user out for a while."""
    return _moved(org, user_id, org.accounts.suspend)


def unsuspend(org: Org, _request: Request, user_id: str) -> Answer:
    """Let a suspended user in again."""
    return _moved(org, user_id, org.accounts.unsuspend)


def deactivate(org: Org, _request: Request, user_id: str) -> Answer:
    """Keep a user out for good."""
    return _moved(org, user_id, org.accounts.deactivate)


def unlock(org: Org, _request: Request, user_id: str) -> Answer:
    """Let a locked-out user in again."""
    return _moved(org, user_id, org.verification.unlock)


def _moved(org: Org, user_id: str, move: Callable[[User], None]) -> Answer:
    move(org.directory.user(user_id))
    return Answer({})


def _invitation(org: Org, request: Request, *, by_mail: bool) -> Answer:
    if by_mail:
        return Answer({})
    token = org.transient_ids.token("", ACTIVATION_TOKEN_LENGTH)
    url = f"{org_url(request)}/tokens/{token}/verify"
    return Answer({"activationUrl": url, "activationToken": token})


def _new_user(body: JsonObject, *, with_provider: bool) -> NewUser:
    profile, credentials = nested(body, "profile"), nested(body, "credentials")
    for name in profile:
        if name not in _FIELDS | _ATTRIBUTES:
            raise ValidationFailedError(
                "newUser", f"Property name '{name}' is not defined in profile"
            )
    attributes = {name: text(profile, name) for name in profile if name in _ATTRIBUTES}
    provider = text(nested(credentials, "provider"), "type") if with_provider else None
    return NewUser(
        login=_required(profile, "login"),
        email=_required(profile, "email"),
        first_name=text(profile, "firstName"),
        last_name=text(profile, "lastName"),
        mobile_phone=text(profile, "mobilePhone"),
        second_email=text(profile, "secondEmail"),
        attributes={name: value for name, value in attributes.items() if value is not None},
        password=text(nested(credentials, "password"), "value"),
        provider=provider or OKTA,
        group_ids=_group_ids(body),
    )


def _required(profile: JsonObject, name: str) -> str:
    value = text(profile, name)
    if value is None:
        raise ValidationFailedError(name, f"{name}: The field cannot be left blank")
    return value


def _group_ids(body: JsonObject) -> tuple[str, ...]:
    given = body.get("groupIds") or []
    if not isinstance(given, list):
        raise MalformedBodyError
    ids = tuple(each for each in given if isinstance(each, str))
    if len(ids) < len(given):
        raise MalformedBodyError
    return ids


_USERS = "/api/v1/users"
_LIFECYCLE = f"{_USERS}/<user_id>/lifecycle"

ROUTES = (
    Route("POST", _USERS, Bucket.OTHER, On.CREATE, create),
    Route("POST", f"{_LIFECYCLE}/activate", Bucket.OTHER, None, activate),
    Route("POST", f"{_LIFECYCLE}/reactivate", Bucket.OTHER, None, reactivate),
    Route("POST", f"{_LIFECYCLE}/suspend", Bucket.OTHER, None, suspend),
    Route("POST", f"{_LIFECYCLE}/unsuspend", Bucket.OTHER, None, unsuspend),
    Route("POST", f"{_LIFECYCLE}/deactivate", Bucket.OTHER, None, deactivate),
    Route("POST", f"{_LIFECYCLE}/unlock", Bucket.OTHER, None, unlock),
)
