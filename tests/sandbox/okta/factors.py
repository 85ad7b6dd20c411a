"""The Factors API: list, read, challenge and verify.

Assumed: a body without the code asks for a challenge whatever else it holds; a factor that needs
no challenge answers such a body with a validation error, which counts as no attempt.
"""

import json

from werkzeug import Request

from tests.sandbox.okta import responses
from tests.sandbox.okta.exceptions import MalformedBodyError, ValidationFailedError
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import Factor, FactorType
from tests.sandbox.okta.responses import Answer
from tests.sandbox.okta.routing import Route
from tests.sandbox.okta.verification import DEFAULT_LIFETIME_SECONDS

MAX_LIFETIME_SECONDS = 86_400

_UNCHALLENGED = frozenset({FactorType.TOTP, FactorType.QUESTION})


def list_all(org: Org, request: Request, user_id: str) -> Answer:
    """A user's factors, by the user's id only."""
    user = org.directory.user(user_id)
    base = responses.org_url(request)
    return Answer([responses.factor(user, factor, base) for factor in user.factors])


def read(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    """One factor."""
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    return Answer(responses.factor(user, factor, responses.org_url(request)))


def verify(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    """Send a code, or check the one in the body."""
    body = _json_object(request)
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    org.verification.admit(user, factor)
    field = "answer" if factor.type is FactorType.QUESTION else "passCode"
    given = body.get(field)
    if given is not None:
        org.verification.check(user, factor, str(given))
        return Answer(responses.verified())
    if factor.type in _UNCHALLENGED:
        raise ValidationFailedError(field, f"{field}: The field cannot be left blank")
    org.verification.send(factor, _lifetime_seconds(request, factor))
    return Answer(responses.challenge(user, factor, responses.org_url(request)))


def _json_object(request: Request) -> dict[str, object]:
    text = request.get_data()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as malformed:
        raise MalformedBodyError from malformed
    if not isinstance(body, dict):
        raise MalformedBodyError
    return body


def _lifetime_seconds(request: Request, factor: Factor) -> int:
    given = request.args.get("tokenLifetimeSeconds")
    if given is None or factor.type is not FactorType.EMAIL:
        return DEFAULT_LIFETIME_SECONDS
    if not given.isdecimal() or not 1 <= int(given) <= MAX_LIFETIME_SECONDS:
        raise ValidationFailedError(
            "tokenLifetimeSeconds",
            f"tokenLifetimeSeconds: must be from 1 to {MAX_LIFETIME_SECONDS}",
        )
    return int(given)


_FACTORS = "/api/v1/users/<user_id>/factors"

ROUTES = (
    Route("GET", _FACTORS, Bucket.FACTORS, On.FACTORS, list_all),
    Route("GET", f"{_FACTORS}/<factor_id>", Bucket.FACTORS, On.FACTORS, read),
    Route("POST", f"{_FACTORS}/<factor_id>/verify", Bucket.FACTORS, On.VERIFY, verify),
)
