"""The drop-in for two hosted flows: everything in the query, a bare status number in the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response, content_types

from verification import errors, policy
from verification.dialects.outcomes import STATUS, headers_of
from verification.models import Challenge, Email, Issued, IssueRequest, VerifyRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from verification.settings import Settings

NAME = "invoke_url"

_FLOW_TEXTS = {
    "missing_email": "error: include email",
    "invalid_email": "error: invalid email",
    "customer_not_found": "error: invalid email",
    "missing_code": "error: verification code missing",
}


def admit(settings: Settings) -> None:
    """If the stack has these routes turned on."""
    if not settings.invoke_url_routes:
        raise errors.RouteNotFound


def parse_issue(event: APIGatewayProxyEvent) -> IssueRequest:
    """What `?email=` asks for."""
    return IssueRequest(_email(event))


def parse_verify(event: APIGatewayProxyEvent) -> VerifyRequest:
    """What `?email=&otp=` asks for."""
    email = _email(event)
    code = policy.parse_code(_only(event, "otp", errors.InvalidCodeFormat))
    return VerifyRequest(code, email=email)


def issued(_: Issued) -> Response[str]:
    """A code is on its way."""
    return _number(200)


def verified(_: Challenge) -> Response[str]:
    """The code was right."""
    return _number(200)


def error(error: errors.VerificationError, _: APIGatewayProxyEvent) -> Response[str]:
    """The flows' own texts where they have one, otherwise the status; the outcome in a header."""
    status = STATUS[error.code]
    headers = {**headers_of(error), "X-Outcome": error.code}
    if error.code in _FLOW_TEXTS:
        return Response(status, content_types.TEXT_PLAIN, _FLOW_TEXTS[error.code], headers)
    return _number(status, headers)


def _email(event: APIGatewayProxyEvent) -> Email:
    # A plus in a query is a blank on arrival, and no address has a blank in it.
    return policy.parse_email(_only(event, "email", errors.InvalidEmail).replace(" ", "+"))


def _only(event: APIGatewayProxyEvent, name: str, refusal: type[errors.VerificationError]) -> str:
    """The parameter's one value, or nothing; two values are one too many to choose from."""
    values = event.multi_value_query_string_parameters.get(name, [])
    if len(values) > 1:
        raise refusal
    return (values or [event.query_string_parameters.get(name, "")])[0]


def _number(status: int, headers: dict[str, str | list[str]] | None = None) -> Response[str]:
    return Response(status, content_types.APPLICATION_JSON, str(status), headers)
