"""The Factors API: catalog, enrol, activate, resend, remove.

Assumed: the link to the picture of a TOTP secret needs nothing but its own token.
"""

import base64

from werkzeug import Request

from tests.sandbox.okta import factor_responses
from tests.sandbox.okta.enrollment import NewFactor, Options
from tests.sandbox.okta.exceptions import enrolment_refused
from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import (
    flag,
    json_object,
    lifetime_seconds,
    nested,
    optional_json_object,
    text,
)
from tests.sandbox.okta.records import OKTA, QUESTIONS, FactorType
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, org_url, user_url
from tests.sandbox.okta.routing import Access, Route
from tests.sandbox.okta.templates import requested_wording

# One white pixel: a picture to fetch, not to scan.
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)


def catalog(org: Org, request: Request, user_id: str) -> Answer:
    """The factors that a user may enrol."""
    user = org.directory.user(user_id)
    base = org_url(request)
    enrol_url = f"{user_url(user, base)}/factors"
    return Answer(factor_responses.supported(user, base, enrol_url))


def questions(org: Org, _request: Request, user_id: str) -> Answer:
    """The security questions to choose from."""
    org.directory.user(user_id)
    return Answer([{"question": key, "questionText": asked} for key, asked in QUESTIONS.items()])


def enrol(org: Org, request: Request, user_id: str) -> Answer:
    user = org.directory.user(user_id)
    new = new_factor(json_object(request))
    options = Options(
        activate=flag(request, "activate"),
        update_phone=flag(request, "updatePhone"),
        lifetime_seconds=lifetime_seconds(request, new.type),
        wording=requested_wording(org, request, new.type),
    )
    factor = org.enrollment.enrol(user, new, options)
    return Answer(factor_responses.enrolled(user, factor, org_url(request)))


def activate(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    code = json_object(request).get("passCode", "")
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    org.enrollment.activate(factor, str(code))
    return Answer(factor_responses.factor(user, factor, org_url(request)))


def resend(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    optional_json_object(request)
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    org.enrollment.resend(factor, requested_wording(org, request, factor.type))
    return Answer(factor_responses.factor(user, factor, org_url(request)))


def remove(org: Org, request: Request, user_id: str, factor_id: str) -> Answer:
    user = org.directory.user(user_id)
    factor = org.directory.factor(user, factor_id)
    org.enrollment.remove(user, factor, forget_phone=flag(request, "removeRecoveryEnrollment"))
    return NO_CONTENT


def picture(org: Org, _request: Request, user_id: str, factor_id: str, token: str) -> Answer:
    factor = org.directory.factor(org.directory.user(user_id), factor_id)
    org.enrollment.require_picture(factor, token)
    return Answer(_PICTURE, content_type="image/png")


def new_factor(body: JsonObject) -> NewFactor:
    """The factor that a body describes; assumed: the provider is OKTA by default."""
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


_FACTORS = "/api/v1/users/<user_id>/factors"
_FACTOR = f"{_FACTORS}/<factor_id>"

ROUTES = (
    Route("GET", f"{_FACTORS}/catalog", Bucket.FACTORS, On.FACTORS, catalog),
    Route("GET", f"{_FACTORS}/questions", Bucket.FACTORS, On.FACTORS, questions),
    Route("POST", _FACTORS, Bucket.FACTORS, On.FACTORS, enrol),
    Route("POST", f"{_FACTOR}/lifecycle/activate", Bucket.FACTORS, On.FACTORS, activate),
    Route("POST", f"{_FACTOR}/resend", Bucket.FACTORS, On.FACTORS, resend),
    Route("DELETE", _FACTOR, Bucket.FACTORS, On.FACTORS, remove),
    Route("GET", f"{_FACTOR}/qr/<token>", Bucket.FACTORS, None, picture, Access.ANYONE),
)
