"""Pushes over the Factors API: send one, ask what has become of it, cancel it."""

from werkzeug import Request

from tests.sandbox.okta import factor_responses
from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import optional_json_object
from tests.sandbox.okta.pushes import SUCCESS, WAITING, Push
from tests.sandbox.okta.records import Factor, FactorStatus, User, timestamp
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, link, org_url


def challenge(org: Org, request: Request, user: User, factor: Factor) -> Answer:
    """Send a push."""
    wants_number = optional_json_object(request).get("useNumberMatchingChallenge") is True
    org.verification.admit_user(user)
    if factor.status is not FactorStatus.ACTIVE:
        raise OktaError(Refusal.FACTOR_NOT_ACTIVE)
    push = org.pushes.send(factor, with_number=wants_number and org.policy.number_matching)
    profile = factor_responses.profile(factor)
    return Answer(_waiting(user, push, profile, org_url(request)), 201)


def read(org: Org, request: Request, user: User, factor: Factor, transaction: str) -> Answer:
    """What has become of a push."""
    push = org.pushes.find(factor, transaction)
    base = org_url(request)
    profile: JsonObject = {"credentialId": factor.destination}
    if push.answer == WAITING:
        return Answer(_waiting(user, push, profile, base))
    if push.answer == SUCCESS:
        return Answer({"factorResult": SUCCESS})
    url = factor_responses.factor_url(user, factor, base)
    links = {"verify": link(f"{url}/verify", "POST"), "factor": link(url, "GET", "DELETE")}
    return Answer({"factorResult": push.answer, "profile": profile, "_links": links})


def cancel(org: Org, _request: Request, user: User, factor: Factor, transaction: str) -> Answer:  # noqa: ARG001 - must exist
    """Take a push off the phone."""
    org.pushes.cancel(org.pushes.find(factor, transaction))
    return NO_CONTENT


def _waiting(user: User, push: Push, profile: JsonObject, base: str) -> JsonObject:
    url = factor_responses.factor_url(user, push.factor, base)
    transaction = f"{url}/transactions/{push.transaction}"
    body: JsonObject = {
        "factorResult": WAITING,
        "profile": profile,
        "expiresAt": timestamp(push.expires_at),
        "_links": {"cancel": link(transaction, "DELETE"), "poll": link(transaction, "GET")},
    }
    if push.number is not None:
        body["_embedded"] = {"challenge": {"correctAnswer": push.number}}
    return body
