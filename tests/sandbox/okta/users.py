"""The Users API: find users, create one, change a user's status.

Assumed, because no source says it: the minimum for a password and a login; a user of another
provider needs no password to be active; mails about an account are not sent.
"""

import re

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, text, whole_number
from tests.sandbox.okta.records import OKTA, User, UserStatus, timestamp
from tests.sandbox.okta.responses import Answer, JsonObject, org_url
from tests.sandbox.okta.seed import GROUPS

MAX_PAGE = 200
ACTIVATION_TOKEN_LENGTH = 20
MIN_PASSWORD_LENGTH = 8
LOGIN_LENGTHS = range(5, 101)

# Property names are case-sensitive, operators are not.
_BY_PROFILE = re.compile(r'\s*profile\.(email|mobilePhone)\s+(?i:eq)\s+"((?:[^"\\]|\\["\\])*)"\s*')
_ESCAPED = re.compile(r'\\(["\\])')
_FIELDS = frozenset({"login", "email", "firstName", "lastName", "mobilePhone", "secondEmail"})
_ATTRIBUTES = """
city costCenter countryCode department displayName division employeeNumber honorificPrefix
honorificSuffix locale manager managerId middleName nickName organization postalAddress
preferredLanguage primaryPhone profileUrl state streetAddress timezone title userType zipCode
"""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PASSWORD_PARTS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_MIN_LOGIN_PART_LENGTH = 4


def read(org: Org, request: Request, id_or_login: str) -> Answer:
    return _shown(org, request, org.directory.user_by_id_or_login(id_or_login))


def search(org: Org, request: Request) -> Answer:
    """Users by the start of a name or email, or by a search for an email or phone.

    A list without either is refused like an unknown expression.
    """
    limit = whole_number(request.args.get("limit", str(MAX_PAGE)))
    if not limit:
        raise validation_failed("limit", "limit: must be a whole number above zero")
    limit, after = min(limit, MAX_PAGE), request.args.get("after", "")
    if "q" in request.args:
        asked = {"q": request.args["q"]}
        found = org.directory.users_by_start(asked["q"])
    else:
        asked = {"search": request.args.get("search", "")}
        found = org.directory.users_by_profile(*_searched(asked["search"]))
    page = [user for user in found if user.id > after][:limit]
    base = org_url(request)
    return Answer(
        [responses.listed_user(user, base, org.directory.user_type_id) for user in page],
        headers=responses.page_links(base, asked, limit, page),
    )


def create(org: Org, request: Request) -> Answer:
    user = _new_user(org, json_object(request), with_provider=flag(request, "provider"))
    _check(org.directory, user)
    org.directory.enter(user)
    if flag(request, "activate", default=True):
        _activate(org, user)
    return _shown(org, request, user)


def activate(org: Org, request: Request, user: User) -> Answer:
    """Activate a user; without a mail, the answer has the link that the mail would have."""
    if user.status not in (UserStatus.STAGED, UserStatus.DEPROVISIONED):
        raise OktaError(Refusal.ALREADY_ACTIVE)
    _activate(org, user)
    return _invitation(org, request, by_mail=flag(request, "sendEmail", default=True))


def reactivate(org: Org, request: Request, user: User) -> Answer:
    """Invite a user again who has not chosen a password yet."""
    if user.status is not UserStatus.PROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    return _invitation(org, request, by_mail=flag(request, "sendEmail"))


def unlock(org: Org, _request: Request, user: User) -> Answer:
    org.verification.unlock(user)
    return Answer({})


def _shown(org: Org, request: Request, user: User) -> Answer:
    return Answer(responses.user(user, org_url(request), org.directory.user_type_id))


def _searched(expression: str) -> tuple[str, str]:
    """The property and value of `profile.email eq "..."`, the one form that the org understands.

    A value that closes its quotes early is another expression, which is refused: a search built
    without escaping must not find somebody else.
    """
    by_profile = _BY_PROFILE.fullmatch(expression)
    if by_profile is None:
        raise OktaError(Refusal.INVALID_SEARCH)
    return by_profile[1], _ESCAPED.sub(r"\1", by_profile[2])


def _activate(org: Org, user: User) -> None:
    can_sign_in = user.password is not None or user.provider != OKTA
    user.status = UserStatus.ACTIVE if can_sign_in else UserStatus.PROVISIONED
    user.activated = user.status_changed = timestamp(org.clock())


def _invitation(org: Org, request: Request, *, by_mail: bool) -> Answer:
    if by_mail:
        return Answer({})
    token = org.transient_ids.token("", ACTIVATION_TOKEN_LENGTH)
    url = f"{org_url(request)}/tokens/{token}/verify"
    return Answer({"activationUrl": url, "activationToken": token})


def _new_user(org: Org, body: JsonObject, *, with_provider: bool) -> User:
    profile, credentials = nested(body, "profile"), nested(body, "credentials")
    attributes = {name: text(profile, name) for name in profile.keys() - _FIELDS}
    for name in attributes.keys() - _ATTRIBUTES.split():
        raise validation_failed("newUser", f"Property name '{name}' is not defined in profile")
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
    ids = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    if ids != given:
        raise OktaError(Refusal.MALFORMED_BODY)
    return ids


def _check(directory: Directory, new: User) -> None:
    if len(new.login) not in LOGIN_LENGTHS:
        raise validation_failed("login", "login: must be from 5 to 100 characters in length")
    if directory.find_login(new.login) is not None:
        raise validation_failed(
            "login", "login: An object with this field already exists in the current organization"
        )
    for name, email in (("email", new.email), ("secondEmail", new.second_email)):
        if email is not None and not _EMAIL.fullmatch(email):
            raise validation_failed(name, f"{name}: Does not match required pattern")
    if new.password is not None and not _is_complex(new.password, new.login):
        raise validation_failed("password", "password: Password requirements were not met.")
    for group_id in new.group_ids:
        if group_id not in GROUPS:
            raise not_found(group_id, "UserGroup")


def _is_complex(password: str, login: str) -> bool:
    parts = [part for part in re.split(r"\W+", login) if len(part) >= _MIN_LOGIN_PART_LENGTH]
    return (
        len(password) >= MIN_PASSWORD_LENGTH
        and all(part.search(password) for part in _PASSWORD_PARTS)
        and not any(part.casefold() in password.casefold() for part in parts)
    )
