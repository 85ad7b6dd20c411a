"""Proves things: checks the code that a customer typed, and finishes sign-ins."""

from verification.http import invoke_url, json_api, okta_authn, workos
from verification.http.messages import Reply
from verification.http.pipeline import Context, Router, handler_of
from verification.limits import Budget
from verification.models.callers import Scope
from verification.models.challenges import AwaitRequest, VerifyRequest
from verification.models.receipts import RedeemRequest
from verification.models.sign_ins import FactorStep, SessionRedirect

router = Router()


@router.route(
    "GET /verify",
    dialect=invoke_url,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=invoke_url.parse_verify,
)
def verify_by_url(request: VerifyRequest, context: Context) -> Reply:
    """`?email=&otp=`: 200 if this is the customer."""
    return invoke_url.verified(context.service.verify.challenge(request, context.call))


@router.route(
    "POST /verify",
    dialect=json_api,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=json_api.parse_verify,
)
def verify(request: VerifyRequest | AwaitRequest, context: Context) -> Reply:
    """200: the challenge, verified; 202: the customer has not answered the push yet."""
    if isinstance(request, AwaitRequest):
        return json_api.awaited(context.service.awaiting.challenge(request, context.call))
    return json_api.verified(context.service.verify.challenge(request, context.call))


@router.route(
    "GET /challenge/{id}",
    dialect=json_api,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=json_api.parse_look,
)
def look(request: AwaitRequest, context: Context) -> Reply:
    """200: the challenge, verified; 202: it is not decided yet."""
    return json_api.awaited(context.service.awaiting.challenge(request, context.call))


@router.route(
    "POST /receipts/redeem",
    dialect=json_api,
    scope=Scope.VERIFY,
    is_public=False,
    pays=Budget.NONE,
    parse=json_api.parse_redeem,
)
def redeem(request: RedeemRequest, context: Context) -> Reply:
    """200: what the receipt says, which is used up now."""
    return json_api.redeemed(context.service.receipts.redeem(request, context.call))


@router.route(
    "GET /.well-known/jwks.json",
    dialect=json_api,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.NONE,
    parse=json_api.parse_nothing,
)
def jwks(_: None, context: Context) -> Reply:
    """200: the public keys of receipts."""
    return json_api.jwks(context.service.receipts.jwks())


@router.route(
    "POST /auth/challenges/{id}/verify",
    dialect=workos,
    scope=Scope.VERIFY,
    is_public=False,
    pays=Budget.NONE,
    parse=workos.parse_verify,
)
def verify_factor(request: VerifyRequest, context: Context) -> Reply:
    """201: whether the code is right; the first right one activates a pending factor."""
    return workos.verified(context.service.verify.challenge(request, context.call))


@router.route(
    "POST /api/v1/authn/factors/{id}/verify",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_step,
)
def verify_step(step: FactorStep, context: Context) -> Reply:
    """200: the factor is challenged or, with the right code, the customer is signed in."""
    state = context.service.sign_in.verify_factor(step, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "sign_in_step")


@router.route(
    "POST /api/v1/authn/factors/{id}/lifecycle/activate",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.FAILURES,
    parse=okta_authn.parse_step,
)
def activate_step(step: FactorStep, context: Context) -> Reply:
    """200: the factor that was enrolled in this sign-in is active."""
    state = context.service.sign_in.activate(step, context.call)
    return okta_authn.state(state, context.request, context.service.settings, "activated")


@router.route(
    "GET /login/sessionCookieRedirect",
    dialect=okta_authn,
    scope=Scope.VERIFY,
    is_public=True,
    pays=Budget.NONE,
    parse=okta_authn.parse_session_redirect,
)
def open_session(wanted: SessionRedirect, context: Context) -> Reply:
    """302: to the org, which opens a session in the browser."""
    service = context.service
    service.sign_in.require_redirect(wanted.url, okta_authn.REDIRECT_URL)
    return okta_authn.session_redirect(wanted, service.settings)


lambda_handler = handler_of(router)
