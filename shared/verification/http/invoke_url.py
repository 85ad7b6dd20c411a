"""The drop-in for two hosted flows: input in the query, a bare status number as the answer."""

from __future__ import annotations

from collections.abc import Mapping

from verification import errors
from verification.http.messages import TEXT, Reply, Request
from verification.http.statuses import STATUS, headers_of
from verification.models.challenges import Issued, IssueRequest, Verified, VerifyRequest
from verification.models.customers import Email
from verification.parsing import parse_code, parse_email
from verification.settings import Settings

NAME = "invoke_url"

_FLOW_TEXTS = {
    "missing_email": "error: include email",
    "invalid_email": "error: invalid email",
    "customer_not_found": "error: invalid email",
    "missing_code": "error: verification code missing",
}


def admit(settings: Settings) -> None:
    """Raise RouteNotFound if the stack has these routes turned off."""
    if not settings.invoke_url_routes:
        raise errors.RouteNotFound


def parse_issue(request: Request) -> IssueRequest:
    """What `?email=` asks for."""
    return IssueRequest(_email(request))


def parse_verify(request: Request) -> VerifyRequest:
    """What `?email=&otp=` asks for."""
    email = _email(request)
    return VerifyRequest(parse_code(_only(request, "otp", errors.InvalidCodeFormat)), email=email)


def issued(issued: Issued) -> Reply:
    """A code is on its way."""
    return _number(200, "sent" if issued.was_sent else "accepted")


def verified(_: Verified) -> Reply:
    """The code was right."""
    return _number(200, "verified")


def error(error: errors.VerificationError, _: Request) -> Reply:
    """The flows' own texts where they have one, otherwise the status; the outcome in a header."""
    status = STATUS[error.code]
    headers = {**headers_of(error), "X-Outcome": error.code}
    if error.code in _FLOW_TEXTS:
        return Reply(status, error.code, _FLOW_TEXTS[error.code], TEXT, headers)
    return _number(status, error.code, headers)


def _email(request: Request) -> Email:
    # A plus in a query arrives as a blank, and no address contains a blank.
    text = _only(request, "email", errors.InvalidEmail).strip(" ")
    return parse_email(text.replace(" ", "+"))


def _only(request: Request, name: str, refusal: type[errors.VerificationError]) -> str:
    """The parameter's one value, or nothing; two values are refused, not chosen from."""
    values = request.query.get(name, [])
    if len(values) > 1:
        raise refusal
    return values[0] if values else ""


def _number(status: int, outcome: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, outcome, str(status), headers=headers or {})
