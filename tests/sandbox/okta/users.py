"""The Users API: read one, search."""

import re

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.exceptions import OktaError, Refusal, validation_failed
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import whole_number
from tests.sandbox.okta.responses import Answer
from tests.sandbox.okta.routing import Route

MAX_PAGE = 200

# Property names are case-sensitive, operators are not.
_BY_PROFILE = re.compile(r'\s*profile\.(email|mobilePhone)\s+(?i:eq)\s+"((?:[^"\\]|\\["\\])*)"\s*')
_ESCAPED = re.compile(r'\\(["\\])')


def read(org: Org, request: Request, id_or_login: str) -> Answer:
    user = org.directory.user_by_id_or_login(id_or_login)
    base = responses.org_url(request)
    return Answer(responses.user(user, base, org.directory.user_type_id))


def search(org: Org, request: Request) -> Answer:
    """Users by the start of a name or email, or by a search for an email or phone.

    A list without either is refused like an unknown expression.
    """
    limit = _limit(request.args.get("limit", str(MAX_PAGE)))
    after = request.args.get("after", "")
    start = request.args.get("q")
    if start is not None:
        asked = {"q": start}
        found = org.directory.users_by_start(start)
    else:
        asked = {"search": request.args.get("search", "")}
        found = org.directory.users_by_profile(*_searched(asked["search"]))
    page = [user for user in found if user.id > after][:limit]
    base = responses.org_url(request)
    return Answer(
        [responses.listed_user(user, base, org.directory.user_type_id) for user in page],
        headers=responses.page_links(base, asked, limit, page),
    )


def _searched(expression: str) -> tuple[str, str]:
    """The property and value of `profile.email eq "..."`, the one form that the org understands.

    A value that closes its quotes early is another expression, which is refused: a search built
    without escaping must not find somebody else.
    """
    by_profile = _BY_PROFILE.fullmatch(expression)
    if by_profile is None:
        raise OktaError(Refusal.INVALID_SEARCH)
    return by_profile[1], _ESCAPED.sub(r"\1", by_profile[2])


def _limit(given: str) -> int:
    limit = whole_number(given)
    if not limit:
        raise validation_failed("limit", "limit: must be a whole number above zero")
    return min(limit, MAX_PAGE)


ROUTES = (
    Route("GET", "/api/v1/users", Bucket.LIST_USERS, On.LOOKUP, search),
    Route("GET", "/api/v1/users/<id_or_login>", Bucket.ONE_USER, On.LOOKUP, read),
)
