"""Okta's Authentication API, so that Okta's own client libraries work against this service.

Documents are Okta's; only where they link to is changed. Errors have Okta's shape and codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aws_lambda_powertools.event_handler import Response

from verification import errors, policy
from verification.dialects import otpauth
from verification.dialects.json_api import answer, parse_object
from verification.dialects.outcomes import STATUS, headers_of
from verification.models import Credentials, EnrolStep, FactorStep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from verification.models import SignInState
    from verification.settings import Settings

NAME = "authn"
MAX_TEXT = 512
MAX_URL = 2048
API = "/api/v1/"

_OPTIONS = ("multiOptionalFactorEnroll", "warnBeforePasswordExpired")
_PARAMETERS = ("rememberDevice", "autoPush")
_PROFILE = ("phoneNumber", "phoneExtension", "email", "question", "answer", "credentialId")
_FACTOR_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ACTIVE_ALREADY = (
    "This factor cannot be activated in this sign-in. An email factor is active already: POST to "
    "factors/{id}/verify to send a code, and again with passCode to check it."
)
"""Instead of "Invalid session", at which many have given up."""


def admit(_: Settings) -> None:
    """Always."""


def parse_begin(event: APIGatewayProxyEvent) -> Credentials | str:
    """A username and a password, or the state token of a sign-in to resume. Nothing else that Okta
    would take is passed on: a trusted application may ask for more than its callers may.
    """
    body = parse_object(event)
    username, password = _text(body, "username"), _text(body, "password")
    if not username and not password and "stateToken" in body:
        return _required(body, "stateToken")
    if not username.strip() or not password:
        raise errors.MalformedBody("username and password are required.")
    more: dict[str, object] = {}
    match body.get("options"):
        case {**options}:
            more["options"] = {name: options[name] is True for name in _OPTIONS if name in options}
    match body.get("context"):
        case {"deviceToken": str(token)} if len(token) <= MAX_TEXT:
            more["context"] = {"deviceToken": token}
    return Credentials(username.strip(), password, more, _text(body, "redirect_url", MAX_URL))


def parse_state_token(event: APIGatewayProxyEvent) -> str:
    """The token that every step but the first brings."""
    return _required(parse_object(event), "stateToken")


def parse_step(event: APIGatewayProxyEvent, factor_id: str) -> FactorStep:
    """A step about one factor, with a code or an answer in it or not."""
    if not _FACTOR_ID.fullmatch(factor_id):
        raise errors.MalformedBody("The factor's id is not one.")
    body = parse_object(event)
    code = _text(body, "passCode")
    query = event.query_string_parameters
    return FactorStep(
        factor_id=factor_id,
        state_token=_required(body, "stateToken"),
        code=policy.parse_pass_code(code) if code else "",
        answer=_text(body, "answer"),
        parameters={
            name: query[name] for name in _PARAMETERS if query.get(name) in ("true", "false")
        },
        redirect_url=_text(body, "redirect_url", MAX_URL),
    )


def parse_enrol(event: APIGatewayProxyEvent) -> EnrolStep:
    """A factor to enrol, as far as its type needs a profile."""
    body = parse_object(event)
    provider, profile = _text(body, "provider"), body.get("profile")
    more: dict[str, object] = {"provider": provider} if provider else {}
    if isinstance(profile, dict):
        more["profile"] = {name: _text(profile, name) for name in _PROFILE if name in profile}
    return EnrolStep(_required(body, "factorType"), _required(body, "stateToken"), more)


def state(state: SignInState, event: APIGatewayProxyEvent, settings: Settings) -> Response[str]:
    """200, Okta's document, which leads on through this service; with a redirect URL also the way
    to a session in the browser.
    """
    base = f"{settings.scheme}://{_here(event)}"
    document = _linked(_pictured(state.document), base, settings.okta_org_url)
    match document:
        case {"sessionToken": str(token)} if state.redirect_url:
            query = (
                f"token={quote(token, safe='')}&redirectUrl={quote(state.redirect_url, safe='')}"
            )
            url = f"{settings.okta_org_url}/login/sessionCookieRedirect?{query}"
            document["sessionCookieRedirect"] = url
    return answer(200, document)


def error(error: errors.VerificationError, event: APIGatewayProxyEvent) -> Response[str]:
    """Okta's own error where there is one, and else the one of its codes that says the same."""
    request_id = event.request_context.request_id or ""
    if error.okta_error is not None:
        status, body = _okta_error(error.okta_error)
    else:
        status, code, summary = _told(error)
        body = {"errorCode": code, "errorSummary": summary, "errorCauses": []}
    if body["errorCode"] == "E0000005" and event.resource.endswith("/lifecycle/activate"):
        body["errorSummary"] = _ACTIVE_ALREADY
    body |= {"errorLink": body["errorCode"], "errorId": body.get("errorId") or request_id}
    response = answer(status, body)
    response.headers.update(headers_of(error))
    return response


def _told(error: errors.VerificationError) -> tuple[int, str, str]:
    """Status, code and summary of an outcome that is not Okta's own."""
    summary = error.detail or error.title
    match error:
        case errors.InvalidCredentials():
            return 401, "E0000004", "Authentication failed"
        case errors.Unauthorized() | errors.SignInEnded():
            return 401, "E0000011", "Invalid token provided"
        case errors.InvalidCode() | errors.InvalidCodeFormat():
            return 403, "E0000068", "Invalid Passcode/Answer"
        case errors.CustomerLocked():
            return 403, "E0000069", "User Locked"
        case errors.SignInRefused():
            return 403, "E0000006", summary
        case errors.UnsupportedMediaType():
            return 415, "E0000021", summary
        case errors.BadRequest():
            return 400, "E0000001", f"Api validation failed: {summary}"
        case errors.OktaUnavailable() | errors.StoreUnavailable():
            return 503, "E0000010", summary
        case errors.TryLater():
            return 429, "E0000047", summary
    return STATUS[error.code], "E0000009", summary


def _okta_error(error: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    causes = error.get("errorCauses")
    return error["status"], {
        "errorCode": error["errorCode"],
        "errorSummary": str(error.get("errorSummary", "")),
        "errorId": str(error.get("errorId", "")),
        "errorCauses": causes if isinstance(causes, list) else [],
    }


def _here(event: APIGatewayProxyEvent) -> str:
    """The domain and, where the URL has one, the stage under which the caller sees this API."""
    context = event.request_context
    stage = context.path.removesuffix(event.path) if context.path.endswith(event.path) else ""
    return f"{context.domain_name}{stage}"


def _pictured(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the QR code of a new authenticator secret in it, instead of a link to Okta's."""
    match document:
        case {
            "_embedded": {
                "user": {"profile": {"login": str(login)}},
                "factor": {"_embedded": {"activation": {"sharedSecret": str(secret)}}},
            }
        }:
            document = deepcopy(dict(document))
            activation = document["_embedded"]["factor"]["_embedded"]["activation"]
            uri = otpauth.uri(secret, "", login)
            picture = {"href": otpauth.qr_code(uri), "type": "image/png"}
            activation["_links"] = {"qrcode": picture}
    return document


def _linked(value: Any, base: str, org_url: str) -> Any:
    """A document whose links to Okta lead here."""
    if isinstance(value, list):
        return [_linked(each, base, org_url) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _link(each, base, org_url)
        if name == "href" and isinstance(each, str)
        else _linked(each, base, org_url)
        for name, each in value.items()
    }


def _link(url: str, base: str, org_url: str) -> str:
    """The same path here, for Okta's addresses; others, such as a provider's script, stay."""
    parts = urlsplit(url)
    if not parts.path.startswith(API) and parts.hostname != urlsplit(org_url).hostname:
        return url
    return f"{base}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _text(body: Mapping[str, Any], name: str, longest: int = MAX_TEXT) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise errors.MalformedBody(f"{name} must be a string of at most {longest} characters.")
    return value


def _required(body: Mapping[str, Any], name: str) -> str:
    value = _text(body, name)
    if not value:
        raise errors.MalformedBody(f"{name} is required.")
    return value
