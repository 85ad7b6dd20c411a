"""Okta's Authentication API, so that Okta's client libraries work against this service.

Documents are Okta's; only their links are changed. Errors have Okta's shape and codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode, urlsplit

from verification import errors
from verification.frozen import Frozen, replace
from verification.http import otpauth
from verification.http.json_api import answer, flag_of, parse_object
from verification.http.messages import Reply, Request
from verification.http.statuses import STATUS, headers_of
from verification.models.customers import FactorType
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    QuestionsRequest,
    SecurityQuestion,
    SessionRedirect,
    SignInState,
    SignInStatus,
)
from verification.parsing import is_okta_token, parse_pass_code
from verification.settings import Settings

NAME = "authn"
MAX_TEXT = 512
MAX_URL = 2048
MAX_DEVICE_TOKEN = 32
"""As Okta documents it."""

API = "/api/v1/"
REDIRECT_URL = "redirectUrl"

_OPTIONS = ("multiOptionalFactorEnroll", "warnBeforePasswordExpired")
_PARAMETERS = ("rememberDevice", "autoPush")
_ENROLL_PARAMETERS = ("updatePhone",)
_PROFILE = ("phoneNumber", "phoneExtension", "email", "question", "answer", "credentialId")
_CHECKS_ACCOUNT = "checkAccountSetupComplete"
_QUESTIONS = "/factors/questions"
_PAGES = {
    "password": "/signin/forgot-password",
    "unlock": "/signin/unlock",
    "change_password": "/",
}
"""The org's own pages, by the last segment of the routes that they replace."""

_OKTA_STATUSES = (400, 401, 403, 404, 429, 500, 502, 503, 504)
"""Okta's own statuses that are documented for these routes. Any other is told as a refusal."""
_FACTOR_ID = r"[A-Za-z0-9_-]{1,64}"
_PHONE = r"[+0-9 ().-]*"
_ACTIVE_ALREADY = (
    "This factor cannot be activated in this sign-in. An email factor is active already: POST to "
    "factors/{id}/verify to send a code, and again with passCode to check it."
)
"""Instead of Okta's "Invalid session", which does not say what to do."""


def admit(_: Settings) -> None:
    """These routes are always on."""


def parse_begin(request: Request) -> Credentials | str:
    """A username and a password, or the state token of a sign-in to resume. `relayState` is the
    caller's own, and Okta repeats it in each answer. Other fields are not passed on to Okta: a
    trusted application may ask for more than its callers may.
    """
    body = parse_object(request)
    username, password = _text(body, "username"), _text(body, "password")
    if not username and not password and "stateToken" in body:
        return _state_token(body)
    if not username.strip() or not password:
        raise errors.MalformedBody("username and password are required.")
    relay_state = _text(body, "relayState", MAX_URL)
    more: dict[str, object] = {"relayState": relay_state} if relay_state else {}
    match body.get("options"):
        case {**options}:
            more["options"] = {name: options[name] is True for name in _OPTIONS if name in options}
    device_token = ""
    match body.get("context"):
        case dict(context):
            device_token = _text(context, "deviceToken", MAX_DEVICE_TOKEN)
    redirect_url = _text(body, "redirect_url", MAX_URL)
    return Credentials(username.strip(), password, more, redirect_url, device_token)


def parse_state_token(request: Request) -> str:
    """The token that every step after the first sends."""
    return _state_token(parse_object(request))


def parse_step(request: Request) -> FactorStep:
    """A step that concerns one factor, with or without a code or an answer."""
    factor_id = request.path_parameters.get("id", "")
    if not re.fullmatch(_FACTOR_ID, factor_id):
        raise errors.MalformedBody("The factor's id is not one.")
    body = parse_object(request)
    code = _text(body, "passCode")
    return FactorStep(
        factor_id=factor_id,
        state_token=_state_token(body),
        code=parse_pass_code(code) if code else "",
        answer=_text(body, "answer"),
        parameters=_flags(request, _PARAMETERS),
        redirect_url=_text(body, "redirect_url", MAX_URL),
        wants_receipt=flag_of(body, "receipt"),
    )


def parse_enroll(request: Request) -> EnrollStep:
    """A factor to enroll, with what its type needs."""
    body = parse_object(request)
    provider, profile = _text(body, "provider"), body.get("profile")
    more: dict[str, object] = {"provider": provider} if provider else {}
    if isinstance(profile, dict):
        given = [name for name in _PROFILE if profile.get(name) is not None]
        more["profile"] = {name: _text(profile, name) for name in given}
        if not re.fullmatch(_PHONE, _text(profile, "phoneNumber")):
            # Sends are counted by the digits, so Okta must not read others into the number.
            raise errors.MalformedBody("phoneNumber must have digits, blanks, or +().- in it.")
    factor_type = FactorType(_required(body, "factorType"))
    parameters = _flags(request, _ENROLL_PARAMETERS)
    return EnrollStep(factor_type, _state_token(body), more, parameters)


def parse_questions(request: Request) -> QuestionsRequest:
    """The user whose questions are asked for, and the ticket that the link has."""
    return QuestionsRequest(request.path_parameters.get("id", ""), _parameter(request, "ticket"))


def parse_session_redirect(request: Request) -> SessionRedirect:
    """A session token, and where the browser goes with the session."""
    token = _parameter(request, "token")
    if not is_okta_token(token):
        raise errors.MalformedBody("token is not a session token.")
    flags = {_CHECKS_ACCOUNT: _parameter(request, _CHECKS_ACCOUNT)}
    more = {name: value for name, value in flags.items() if value in ("true", "false")}
    return SessionRedirect(token, _parameter(request, REDIRECT_URL), more)


def session_redirect(wanted: SessionRedirect, settings: Settings) -> Reply:
    """302: to the org, which opens a session and redirects to the page that was asked for."""
    url = _session_url(settings, wanted)
    return Reply(302, "redirected", headers={"Location": url})


def questions(listed: Sequence[SecurityQuestion]) -> Reply:
    """200: questions as Okta lists them."""
    return answer(
        200, [{"question": each.key, "questionText": each.text} for each in listed], "read"
    )


def only_at_okta(request: Request, settings: Settings) -> errors.OnlyAtOkta:
    """The refusal of a step that only Okta's own pages have. It is the same for everybody."""
    page = _PAGES[request.resource.rpartition("/")[-1]]
    return errors.OnlyAtOkta(f"This cannot be done here. Go to {settings.okta_org_url}{page}")


def state(state: SignInState, request: Request, settings: Settings, outcome: str) -> Reply:
    """200: Okta's document, with links that lead to this service; after a success with a redirect
    URL, also the address that opens a session in the browser. `outcome` is the word for a step that
    neither sent a code nor ended the sign-in.
    """
    base = f"{settings.scheme}://{request.base}"
    links = _Links(base, settings.okta_org_url, state.questions_ticket)
    document = links.of(_with_picture(state.document.content))
    if not state.can_remember_device:
        _take_box_away(document)
    match document:
        case {"sessionToken": str(token)} if state.redirect_url:
            wanted = SessionRedirect(token, state.redirect_url)
            document["sessionCookieRedirect"] = _session_url(settings, wanted)
    if state.receipt:
        document["receipt"] = state.receipt
    if state.receipt_unavailable:
        document["receiptUnavailable"] = True
    if state.document.status is SignInStatus.SUCCESS:
        outcome = "signed_in"
    elif state.was_sent:
        outcome = "sent"
    return answer(200, document, outcome)


def error(error: errors.VerificationError, request: Request) -> Reply:
    """Okta's own error where there is one, otherwise its error code with the same meaning."""
    if error.okta_error is not None:
        status, body = _okta_error(error.okta_error)
    else:
        status, code, summary = _told(error)
        body = {"errorCode": code, "errorSummary": summary, "errorCauses": []}
    if body["errorCode"] == "E0000005" and request.resource.endswith("/lifecycle/activate"):
        body["errorSummary"] = _ACTIVE_ALREADY
    body |= {
        "errorLink": body["errorCode"],
        "errorId": body.get("errorId") or request.request_id,
    }
    return replace(answer(status, body, error.code), headers=headers_of(error))


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
        case errors.StepNotTaken():
            return 404, "E0000007", "Not found: Resource not found: (UserFactor)"
        case errors.SignInRefused() | errors.Forbidden():
            return 403, "E0000006", summary
        case errors.UnsupportedMediaType():
            return 415, "E0000021", summary
        case errors.OnlyAtOkta():
            # Okta's code for self-service that is off. The widget has no text of its own for it, and
            # so shows this one.
            return 400, "E0000126", summary
        case errors.BadRequest():
            return 400, "E0000001", f"Api validation failed: {summary}"
        case errors.OktaUnavailable() | errors.StoreUnavailable():
            return 503, "E0000010", summary
        case errors.TryLater():
            return 429, "E0000047", summary
    return STATUS[error.code], "E0000009", summary


def _okta_error(error: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    causes, status = error.get("errorCauses"), error["status"]
    return status if status in _OKTA_STATUSES else 403, {
        "errorCode": error["errorCode"],
        "errorSummary": str(error.get("errorSummary", "")),
        "errorId": str(error.get("errorId", "")),
        "errorCauses": [each for each in causes if isinstance(each, dict)]
        if isinstance(causes, list)
        else [],
    }


def _with_picture(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with the QR code of a new authenticator secret in place of Okta's link to it."""
    match document:
        case {
            "_embedded": {
                "user": {"profile": {"login": str(login)}},
                "factor": {"_embedded": {"activation": {"sharedSecret": str(secret)}}},
            }
        } if otpauth.fits("", login) and len(secret) <= MAX_TEXT:
            document = deepcopy(dict(document))
            activation = document["_embedded"]["factor"]["_embedded"]["activation"]
            uri = otpauth.uri(secret, "", login)
            picture = {"href": otpauth.qr_code(uri), "type": "image/png"}
            activation["_links"] = {"qrcode": picture}
    return document


class _Links(Frozen):
    """Where the links of a document lead. `questions_ticket` goes into links to questions; without
    one they stay Okta's.
    """

    base: str
    org_url: str
    questions_ticket: str

    def of(self, value: Any) -> Any:
        """The document with its links to Okta leading to this service."""
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._link(each) if name == "href" and isinstance(each, str) else self.of(each)
            for name, each in value.items()
        }

    def _link(self, url: str) -> str:
        """The same path at this service for Okta's addresses; other addresses stay."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if not parts.path.startswith(API) and parts.hostname != urlsplit(self.org_url).hostname:
            return url
        query = parts.query
        if parts.path.endswith(_QUESTIONS):
            if not self.questions_ticket:
                return url
            query = f"ticket={self.questions_ticket}"
        return f"{self.base}{parts.path}" + (f"?{query}" if query else "")


def _take_box_away(document: Any) -> None:
    """Say that the device cannot be remembered, so that nobody is asked whether it should be."""
    match document:
        case {"_embedded": {"policy": {"allowRememberDevice": _} as policy}}:
            policy["allowRememberDevice"] = policy["rememberDeviceByDefault"] = False


def _session_url(settings: Settings, wanted: SessionRedirect) -> str:
    """The org's own address that opens a session in the browser and then goes on."""
    parameters = {"token": wanted.session_token, REDIRECT_URL: wanted.url, **wanted.more}
    query = urlencode(parameters, errors="replace")  # lone surrogates
    return f"{settings.okta_org_url}/login/sessionCookieRedirect?{query}"


def _text(body: Mapping[str, Any], name: str, longest: int = MAX_TEXT) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise errors.MalformedBody(f"{name} must be a string of at most {longest} characters.")
    return value


def _flags(request: Request, names: Sequence[str]) -> dict[str, str]:
    """Those of these parameters of the query that are true or false; the last one of several."""
    query = {name: values[-1] for name, values in request.query.items() if values}
    return {name: query[name] for name in names if query.get(name) in ("true", "false")}


def _parameter(request: Request, name: str) -> str:
    """The one value of a parameter of the query. Of several, another server may read another one."""
    values = request.query.get(name, ())
    if len(values) > 1 or any(len(each) > MAX_URL for each in values):
        raise errors.MalformedBody(f"{name} must be one value of at most {MAX_URL} characters.")
    return values[0] if values else ""


def _state_token(body: Mapping[str, Any]) -> str:
    """The token of a sign-in. Steps are counted by it, so Okta must not take another spelling for it,
    such as one with a blank after it. Raises SignInEnded for what can be no token.
    """
    token = _required(body, "stateToken")
    if not is_okta_token(token):
        raise errors.SignInEnded
    return token


def _required(body: Mapping[str, Any], name: str) -> str:
    value = _text(body, name)
    if not value:
        raise errors.MalformedBody(f"{name} is required.")
    return value
