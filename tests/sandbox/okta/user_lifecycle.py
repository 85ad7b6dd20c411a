"""The Users API: create a user and change a user's status."""

from collections.abc import Callable

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.exceptions import OktaError, Refusal, validation_failed
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, text
from tests.sandbox.okta.records import OKTA, User, UserStatus, timestamp
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.routing import Route

ACTIVATION_TOKEN_LENGTH = 20

_FIELDS = frozenset({"login", "email", "firstName", "lastName", "mobilePhone", "secondEmail"})
_ATTRIBUTES = frozenset(
    [
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
    ]
)


def create(org: Org, request: Request) -> Answer:
    user = _new_user(org, json_object(request), with_provider=flag(request, "provider"))
    org.accounts.create(user, activate=flag(request, "activate", default=True))
    return Answer(responses.user(user, org_url(request), org.directory.user_type_id))


def activate(org: Org, request: Request, user_id: str) -> Answer:
    """Activate a user; without a mail, the answer has the link that the mail would have."""
    org.accounts.activate(org.directory.user(user_id))
    return _invitation(org, request, by_mail=flag(request, "sendEmail", default=True))


def reactivate(org: Org, request: Request, user_id: str) -> Answer:
    org.accounts.reactivate(org.directory.user(user_id))
    return _invitation(org, request, by_mail=flag(request, "sendEmail"))


def _moves(move: Callable[[Org, User], None]) -> Callable[..., Answer]:
    """An operation that changes a user's status and answers nothing."""

    def operation(org: Org, _request: Request, user_id: str) -> Answer:
        move(org, org.directory.user(user_id))
        return Answer({})

    return operation


def _invitation(org: Org, request: Request, *, by_mail: bool) -> Answer:
    if by_mail:
        return Answer({})
    token = org.transient_ids.token("", ACTIVATION_TOKEN_LENGTH)
    url = f"{org_url(request)}/tokens/{token}/verify"
    return Answer({"activationUrl": url, "activationToken": token})


def _new_user(org: Org, body: JsonObject, *, with_provider: bool) -> User:
    profile, credentials = nested(body, "profile"), nested(body, "credentials")
    for name in profile:
        if name not in _FIELDS | _ATTRIBUTES:
            raise validation_failed("newUser", f"Property name '{name}' is not defined in profile")
    attributes = {name: text(profile, name) for name in profile if name in _ATTRIBUTES}
    provider = text(nested(credentials, "provider"), "type") if with_provider else None
    return User(
        id=org.directory.new_user_id(),
        created=timestamp(org.clock()),
        status=UserStatus.STAGED,
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
        raise validation_failed(name, f"{name}: The field cannot be left blank")
    return value


def _group_ids(body: JsonObject) -> list[str]:
    given = body.get("groupIds") or []
    if not isinstance(given, list):
        raise OktaError(Refusal.MALFORMED_BODY)
    ids = [each for each in given if isinstance(each, str)]
    if len(ids) < len(given):
        raise OktaError(Refusal.MALFORMED_BODY)
    return ids


_USERS = "/api/v1/users"

ROUTES = (
    Route("POST", _USERS, Bucket.OTHER, On.CREATE, create),
    *(
        Route("POST", f"{_USERS}/<user_id>/lifecycle/{name}", Bucket.OTHER, None, handler)
        for name, handler in (
            ("activate", activate),
            ("reactivate", reactivate),
            ("suspend", _moves(lambda org, user: org.accounts.suspend(user))),
            ("unsuspend", _moves(lambda org, user: org.accounts.unsuspend(user))),
            ("deactivate", _moves(lambda org, user: org.accounts.deactivate(user))),
            ("unlock", _moves(lambda org, user: org.verification.unlock(user))),
        )
    ),
)
