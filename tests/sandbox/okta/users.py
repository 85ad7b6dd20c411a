"""The Users API: find users, create, change and delete them.

Assumed, because no source says it: mails about an account are not sent; a deactivated user cannot be
changed; a list without a search has a next page only if it has more users.
"""

import re

from werkzeug import Request

from tests.sandbox.okta import expressions, lifecycle, profiles, responses
from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import flag, json_object, nested, text, whole_number
from tests.sandbox.okta.records import OKTA, User, UserStatus, timestamp
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, org_url
from tests.sandbox.okta.seed import GROUPS

MAX_PAGE = 200
STARTING_PAGE = 10
"""The length of a list of users by the start of a name, which has no second page."""

_ETAG = re.compile(r'(W/)?"[^"]+"')


def read(org: Org, request: Request, user: User) -> Answer:
    answer = _shown(org, request, user)
    return Answer(answer.body, headers=(("etag", responses.etag(answer.body)),))


def list_all(org: Org, request: Request) -> Answer:
    """Users by a search, a filter or the start of a name or email; without any, all who are not
    deactivated.
    """
    given, asked = request.args, {}
    for name in ("search", "filter", "q"):
        if name in given:
            asked = {name: given[name]}
            break
    default = STARTING_PAGE if "q" in asked else MAX_PAGE
    limit = whole_number(given.get("limit", str(default)))
    if not limit:
        raise validation_failed("limit", "limit: must be a whole number above zero")
    limit = min(limit, MAX_PAGE)
    found = [each for each in _found(org, asked) if each.id > given.get("after", "")]
    page = found[:limit]
    base = org_url(request)
    # As recorded, a search has a next page even after the last one.
    goes_on = bool(page) if "search" in asked else len(found) > limit and "q" not in asked
    return Answer(
        [responses.listed_user(user, base, org.directory.user_type_id) for user in page],
        headers=responses.page_links(base, asked, limit, page[-1].id if goes_on else None),
    )


def create(org: Org, request: Request) -> Answer:
    activates = flag(request, "activate", default=True)
    user = _new_user(org, json_object(request), with_provider=flag(request, "provider"))
    expires = request.args.get("nextLogin") == "changePassword"
    if expires and user.password is None:
        raise _told_twice(Refusal.EXPIRED_WITHOUT_PASSWORD)
    if expires and not activates:
        raise _told_twice(Refusal.EXPIRED_WITHOUT_ACTIVATION)
    org.directory.enter(user)
    if activates:
        lifecycle.begin(org, user)
    if expires:
        user.status = UserStatus.PASSWORD_EXPIRED
    return _shown(org, request, user)


def replace(org: Org, request: Request, user: User) -> Answer:
    """Change a user; what a given profile leaves out is removed."""
    return _changed(org, request, user, {})


def update(org: Org, request: Request, user: User) -> Answer:
    """Change a user; what is left out stays."""
    return _changed(org, request, user, responses.profile(user))


def delete(org: Org, _request: Request, user: User) -> Answer:
    """Deactivate a user, or remove one who is deactivated already."""
    if user.status is UserStatus.DEPROVISIONED:
        org.directory.leave(user)
    else:
        lifecycle.enter_status(org, user, UserStatus.DEPROVISIONED)
    return NO_CONTENT


def _shown(org: Org, request: Request, user: User) -> Answer:
    return Answer(responses.user(user, org_url(request), org.directory.user_type_id))


def _found(org: Org, asked: dict[str, str]) -> list[User]:
    match asked:
        case {"search": expression}:
            return org.directory.those(expressions.searched(expression))
        case {"filter": expression}:
            return org.directory.those(expressions.filtered(expression))
    named = expressions.starting(asked.get("q", ""))
    return org.directory.those(
        lambda user: user.status is not UserStatus.DEPROVISIONED and named(user)
    )


def _changed(org: Org, request: Request, user: User, kept: JsonObject) -> Answer:
    _require_match(org, request, user)
    if user.status is UserStatus.DEPROVISIONED:
        raise OktaError(Refusal.WRONG_USER_STATUS)
    body = json_object(request)
    given, credentials = nested(body, "profile"), nested(body, "credentials")
    profile = profiles.profile({**kept, **given} if given else responses.profile(user))
    profiles.check_profile(org.directory, profile, owner=user)
    password = profiles.password(credentials, profile.login)
    question = profiles.recovery_question(credentials)
    org.directory.leave(user)
    profile.give_to(user)
    org.directory.enter(user)
    user.last_updated = timestamp(org.clock())
    user.recovery_question = question or user.recovery_question
    if password is not None:
        lifecycle.set_password(org, user, password)
    return _shown(org, request, user)


def _told_twice(refusal: Refusal) -> OktaError:
    """A refusal whose summary is also its cause, as documented."""
    return OktaError(refusal, refusal.summary)


def _require_match(org: Org, request: Request, user: User) -> None:
    """If-Match, where it is given, must be the ETag that reading the user would show."""
    given = request.headers.get("If-Match")
    if given is None:
        return
    if not _ETAG.fullmatch(given):
        raise OktaError(Refusal.INVALID_ETAG)
    if given != responses.etag(_shown(org, request, user).body):
        raise OktaError(Refusal.OTHER_ETAG)


def _new_user(org: Org, body: JsonObject, *, with_provider: bool) -> User:
    profile = profiles.profile(nested(body, "profile"))
    group_ids = _group_ids(body)
    profiles.check_profile(org.directory, profile)
    credentials = nested(body, "credentials")
    provider = text(nested(credentials, "provider"), "type") if with_provider else None
    now = timestamp(org.clock())
    user = User(
        id=org.directory.new_user_id(),
        login=profile.login,
        email=profile.email,
        first_name=profile.first_name,
        last_name=profile.last_name,
        created=now,
        status=UserStatus.STAGED,
        status_changed=now,
        password=profiles.password(credentials, profile.login),
        recovery_question=profiles.recovery_question(credentials),
        provider=provider or OKTA,
        group_ids=group_ids,
    )
    profile.give_to(user)
    for group_id in group_ids:
        if group_id not in GROUPS:
            raise not_found(group_id, "UserGroup")
    return user


def _group_ids(body: JsonObject) -> list[str]:
    given = body.get("groupIds") or []
    ids = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    if ids != given:
        raise OktaError(Refusal.MALFORMED_BODY)
    return ids
