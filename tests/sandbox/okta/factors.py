"""The Factors API: list, read, challenge and verify.

Assumed: a body without a code asks for a challenge, whatever else it holds; a factor that needs no
challenge answers such a body with a validation error, which does not count as an attempt.
"""

from werkzeug import Request

from tests.sandbox.okta import factor_responses
from tests.sandbox.okta.exceptions import validation_failed
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import lifetime_seconds, optional_json_object
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.responses import Answer, org_url
from tests.sandbox.okta.routing import Route
from tests.sandbox.okta.templates import requested_wording
from tests.sandbox.okta.verification import SENT


def list_all(org: Org, request: Request, user_id: str) -> Answer:
    """A user's factors; a login in place of the id is not found."""
    user = org.directory.user(user_id)
    base = org_url(request)
    return Answer([factor_responses.factor(user, factor, base) for factor in user.factors])


def read(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    return Answer(factor_responses.factor(user, factor, org_url(request)))


def verify(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    """Send a code, or check the one in the body."""
    body = optional_json_object(request)
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    org.verification.admit(user, factor)
    field = "answer" if factor.type is FactorType.QUESTION else "passCode"
    given = body.get(field)
    if given is not None:
        org.verification.check(user, factor, str(given))
        return Answer(factor_responses.verified())
    if factor.type not in SENT:
        raise validation_failed(field, f"{field}: The field cannot be left blank")
    org.verification.send(
        factor, lifetime_seconds(request, factor.type), requested_wording(org, request, factor.type)
    )
    return Answer(factor_responses.challenge(user, factor, org_url(request)))


_FACTORS = "/api/v1/users/<user_id>/factors"

ROUTES = (
    Route("GET", _FACTORS, Bucket.FACTORS, On.FACTORS, list_all),
    Route("GET", f"{_FACTORS}/<factor_id>", Bucket.FACTORS, On.FACTORS, read),
    Route("POST", f"{_FACTORS}/<factor_id>/verify", Bucket.FACTORS, On.VERIFY, verify),
)
