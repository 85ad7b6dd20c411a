"""The Users API: read one, search."""

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.exceptions import ValidationFailedError
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import whole_number
from tests.sandbox.okta.responses import Answer
from tests.sandbox.okta.routing import Route
from tests.sandbox.okta.search import searched

MAX_PAGE = 200


def read(org: Org, request: Request, id_or_login: str) -> Answer:
    """One user, by id or login."""
    user = org.directory.user_by_id_or_login(id_or_login)
    base = responses.org_url(request)
    return Answer(responses.user(user, base, org.directory.user_type_id))


def search(org: Org, request: Request) -> Answer:
    """Users by the start of a name or an email, or by a search for an email or a phone.

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
        found = org.directory.users_by_profile(*searched(asked["search"]))
    page = [user for user in found if user.id > after][:limit]
    base = responses.org_url(request)
    return Answer(
        [responses.listed_user(user, base, org.directory.user_type_id) for user in page],
        headers=responses.page_links(base, asked, limit, page),
    )


def _limit(given: str) -> int:
    limit = whole_number(given)
    if not limit:
        raise ValidationFailedError("limit", "limit: must be a whole number above zero")
    return min(limit, MAX_PAGE)


ROUTES = (
    Route("GET", "/api/v1/users", Bucket.LIST_USERS, On.LOOKUP, search),
    Route("GET", "/api/v1/users/<id_or_login>", Bucket.ONE_USER, On.LOOKUP, read),
)
