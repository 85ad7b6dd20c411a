"""Begins things: sends codes, registers customers, enrolls factors, starts sign-ins."""

from verification.container import Container
from verification.http import customers, invoke_url, json_api, okta_authn, workos
from verification.http.messages import Reply
from verification.http.pipeline import Context, Router, handler_of
from verification.issue import TASK
from verification.limits import Budget
from verification.models.callers import Call, Scope
from verification.models.challenges import IssueRequest
from verification.models.customers import Email, FactorType, Registration
from verification.models.sign_ins import Credentials, EnrollStep, FactorStep, QuestionsRequest

router = Router()


@router.route(
    "GET /challenge",
    dialect=invoke_url,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.SENDS,
    parse=invoke_url.parse_issue,
)
def send_by_url(request: IssueRequest, context: Context) -> Reply:
    """`?email=`: 200, and a code is in the mail."""
    return invoke_url.issued(context.service.issue.to_email(request, context.call))


@router.route(
    "POST /challenge",
    dialect=json_api,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.SENDS,
    parse=json_api.parse_issue,
)
def send(request: IssueRequest, context: Context) -> Reply:
    """202: a challenge, and what may be done with it."""
    return json_api.issued(context.service.issue.to_email(request, context.call))


@router.task(TASK)
def deliver(sealed: str, service: Container, call: Call) -> bool:
    """The second half of a public send: whether a code was sent."""
    return service.issue.deliver(sealed, call)


@router.route(
    "POST /customers",
    dialect=json_api,
    scope=Scope.REGISTER,
    is_public=False,
    pays=Budget.CHANGES,
    parse=customers.parse,
)
def register(wanted: Registration, context: Context) -> Reply:
    """201: a new customer."""
    return json_api.registered(context.service.register.register(wanted, context.call))


@router.route(
    "DELETE /customers/{id}/devices",
    dialect=json_api,
    scope=Scope.RELEASE,
    is_public=False,
    pays=Budget.CHANGES,
    parse=json_api.parse_customer_path,
)
def end_devices(user_id: str, context: Context) -> Reply:
    """204: the customer has no known devices any more."""
    context.service.holds.end_devices(user_id)
    return json_api.devices_ended()


@router.route(
    "GET /holds/{email}",
    dialect=json_api,
    scope=Scope.RELEASE,
    is_public=False,
    pays=Budget.NONE,
    parse=json_api.parse_email_path,
)
def hold(email: Email, context: Context) -> Reply:
    """200: which lanes are held for a customer."""
    return json_api.hold(context.service.holds.of(email, context.call))


@router.route(
    "POST /auth/factors/enroll",
    dialect=workos,
    scope=Scope.ENROLL,
    is_public=False,
    pays=Budget.CHANGES,
    parse=workos.parse_enroll,
)
def enroll(request: workos.EnrollRequest, context: Context) -> Reply:
    """201: a factor, active or waiting for its first right code."""
    enrollment, call = context.service.enrollment, context.call
    if request.type is FactorType.TOTP:
        enrolled = enrollment.enroll_totp(request.user, request.issuer, request.label, call)
    elif request.type is FactorType.SMS:
        enrolled = enrollment.enroll_phone(request.phone, request.user, call)
    else:
        enrolled = enrollment.enroll_email(request.user, call)
    return workos.enrolled(enrolled)


@router.route(
    "GET /auth/factors/{id}",
    dialect=workos,
    scope=Scope.ENROLL,
    is_public=False,
    pays=Budget.NONE,
    parse=workos.parse_factor,
)
def factor(ref_id: str, context: Context) -> Reply:
    """200: the factor as it is now."""
    return workos.factor(context.service.enrollment.get(ref_id, context.call))


@router.route(
    "DELETE /auth/factors/{id}",
    dialect=workos,
    scope=Scope.ENROLL,
    is_public=False,
    pays=Budget.CHANGES,
    parse=workos.parse_factor,
)
def remove(ref_id: str, context: Context) -> Reply:
    """204: the factor is removed."""
    context.service.enrollment.delete(ref_id, context.call)
    return workos.deleted()


@router.route(
    "POST /auth/factors/{id}/challenge",
    dialect=workos,
    scope=Scope.VERIFY,
    is_public=False,
    pays=Budget.SENDS,
    parse=workos.parse_challenge,
)
def challenge(request: workos.ChallengeRequest, context: Context) -> Reply:
    """201: a challenge of this factor."""
    enrollment = context.service.enrollment
    return workos.challenged(enrollment.challenge(request.ref_id, request.sms_text, context.call))


@router.route(
    "POST /api/v1/authn",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_begin,
)
def sign_in(request: Credentials | str, context: Context) -> Reply:
    """200: where the sign-in is after the password, or is already."""
    service, call = context.service, context.call
    if isinstance(request, str):
        state = service.sign_in.resume(request, call)
    else:
        state = service.sign_in.begin(request, call)
    return okta_authn.state(state, context.request, service.settings, "sign_in_begun")


@router.route(
    "POST /api/v1/authn/introspect",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_state_token,
)
def introspect(state_token: str, context: Context) -> Reply:
    """200: where the sign-in is."""
    state = context.service.sign_in.resume(state_token, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "sign_in_step")


@router.route(
    "POST /api/v1/authn/factors/{id}/verify/resend",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_step,
)
def send_again(step: FactorStep, context: Context) -> Reply:
    """200: another code is on its way."""
    state = context.service.sign_in.send_again(step, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "sign_in_step")


@router.route(
    "POST /api/v1/authn/factors",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_enroll,
)
def enroll_step(step: EnrollStep, context: Context) -> Reply:
    """200: a factor that is active, or waits for its first code."""
    state = context.service.sign_in.enroll(step, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "enrolled")


@router.route(
    "POST /api/v1/authn/factors/{id}/lifecycle/resend",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_step,
)
def resend_enrollment_code(step: FactorStep, context: Context) -> Reply:
    """200: another code for the activation is on its way."""
    state = context.service.sign_in.resend_enrollment_code(step, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "sign_in_step")


@router.route(
    "GET /api/v1/users/{id}/factors/questions",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_questions,
)
def questions(request: QuestionsRequest, context: Context) -> Reply:
    """200: the security questions that can be enrolled."""
    return okta_authn.questions(context.service.sign_in.questions(request, context.call))


@router.route(
    "POST /api/v1/authn/recovery/password",
    "POST /api/v1/authn/recovery/unlock",
    "POST /api/v1/authn/credentials/change_password",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.NONE,
    parse=json_api.parse_nothing,
)
def only_at_okta(_: None, context: Context) -> Reply:
    """400: which of Okta's own pages does it."""
    raise okta_authn.only_at_okta(context.request, context.service.settings)


@router.route(
    "POST /api/v1/authn/previous",
    "POST /api/v1/authn/skip",
    "POST /api/v1/authn/cancel",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_state_token,
)
def move(state_token: str, context: Context) -> Reply:
    """200: back to the choice of a factor, on without one, or out."""
    where = context.request.resource.rpartition("/")[-1]
    state = context.service.sign_in.move(where, state_token, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "sign_in_moved")


lambda_handler = handler_of(router)
