"""The Factors API: list, enrol, activate, challenge, verify, remove.

Assumed: a body without a code asks for a challenge, whatever else it holds; a factor that needs no
challenge answers such a body with a validation error, which does not count as an attempt; the
provider of a new factor is OKTA by default.
"""

from werkzeug import Request

from tests.sandbox.okta import enrollment, factor_responses, push
from tests.sandbox.okta.enrollment import NewFactor
from tests.sandbox.okta.exceptions import enrolment_refused, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import (
    flag,
    json_object,
    lifetime_seconds,
    nested,
    optional_json_object,
    text,
)
from tests.sandbox.okta.records import OKTA, QUESTIONS, Factor, FactorType, User
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, org_url, user_url
from tests.sandbox.okta.sms_templates import requested_wording
from tests.sandbox.okta.verification import SENT


def list_all(_org: Org, request: Request, user: User) -> Answer:
    base = org_url(request)
    return Answer([factor_responses.factor(user, factor, base) for factor in user.factors])


def read(_org: Org, request: Request, user: User, factor: Factor) -> Answer:
    return Answer(factor_responses.factor(user, factor, org_url(request)))


def catalog(_org: Org, request: Request, user: User) -> Answer:
    """The factors that a user may enrol."""
    base = org_url(request)
    return Answer(factor_responses.supported(user, base, f"{user_url(user, base)}/factors"))


def questions(_org: Org, _request: Request, user: User) -> Answer:  # noqa: ARG001 - must exist
    """The security questions to choose from."""
    return Answer([{"question": key, "questionText": asked} for key, asked in QUESTIONS.items()])


def enrol(org: Org, request: Request, user: User) -> Answer:
    new = new_factor(json_object(request))
    factor = enrollment.enrol(
        org,
        user,
        new,
        activate=flag(request, "activate"),
        update_phone=flag(request, "updatePhone"),
        lifetime_seconds=lifetime_seconds(request, new.type),
        wording=requested_wording(org, request, new.type),
    )
    return Answer(factor_responses.enrolled(user, factor, org_url(request)))


def activate(org: Org, request: Request, user: User, factor: Factor) -> Answer:
    enrollment.activate(org, factor, str(json_object(request).get("passCode", "")))
    return read(org, request, user, factor)


def resend(org: Org, request: Request, user: User, factor: Factor) -> Answer:
    optional_json_object(request)
    enrollment.resend(org, factor, requested_wording(org, request, factor.type))
    return read(org, request, user, factor)


def verify(org: Org, request: Request, user: User, factor: Factor) -> Answer:
    """Send a code or a push, or check the code in the body."""
    if factor.type is FactorType.PUSH:
        return push.challenge(org, request, user, factor)
    body = optional_json_object(request)
    org.verification.admit(user, factor)
    field = "answer" if factor.type is FactorType.QUESTION else "passCode"
    given = body.get(field)
    if given is not None:
        org.verification.check(user, factor, str(given))
        return Answer({"factorResult": "SUCCESS"})
    if factor.type not in SENT:
        raise validation_failed(field, f"{field}: The field cannot be left blank")
    lifetime = lifetime_seconds(request, factor.type)
    org.verification.send(factor, lifetime, requested_wording(org, request, factor.type))
    return Answer(factor_responses.challenge(user, factor, org_url(request)))


def remove(_org: Org, request: Request, user: User, factor: Factor) -> Answer:
    enrollment.remove(user, factor, keeps_phone=not flag(request, "removeRecoveryEnrollment"))
    return NO_CONTENT


def new_factor(body: JsonObject) -> NewFactor:
    """The factor that a body describes."""
    try:
        factor_type = FactorType(text(body, "factorType") or "")
    except ValueError:
        raise enrolment_refused("The factor type is not supported.") from None
    profile = nested(body, "profile")
    return NewFactor(
        factor_type,
        text(body, "provider") or OKTA,
        email=text(profile, "email"),
        phone=text(profile, "phoneNumber"),
        question=text(profile, "question"),
        answer=text(profile, "answer"),
    )
