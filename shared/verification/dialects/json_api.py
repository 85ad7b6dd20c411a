"""JSON in, JSON out, and RFC 9457 problem details for everything that is not a success."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response, content_types

from verification import errors, policy
from verification.dialects.outcomes import STATUS, headers_of
from verification.models import (
    Challenge,
    Channel,
    Email,
    Factor,
    Issued,
    IssueRequest,
    Registered,
    VerifyRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from verification.settings import Settings

NAME = "json"
PROBLEM_JSON = "application/problem+json"
MAX_BODY = 8 * 1024

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")  # the plain part of BCP 47


def admit(_: Settings) -> None:
    """Always: this is the service's own dialect."""


def parse_issue(event: APIGatewayProxyEvent) -> IssueRequest:
    """Raises one of BadRequest."""
    body = parse_object(event)
    locale = text_of(body, "locale") or None
    if locale and not _LOCALE.fullmatch(locale):
        raise errors.MalformedBody("locale is not a language tag.")
    return IssueRequest(
        email=policy.parse_email(text_of(body, "email")),
        channel=policy.parse_channel(text_of(body, "channel") or Channel.EMAIL),
        locale=locale,
        purpose=_label(body, "purpose"),
        reference=_label(body, "reference"),
    )


def parse_verify(event: APIGatewayProxyEvent) -> VerifyRequest:
    """Raises one of BadRequest."""
    body = parse_object(event)
    purpose, reference = _label(body, "purpose"), _label(body, "reference")
    if challenge_id := text_of(body, "challenge_id"):
        if text_of(body, "email"):
            raise errors.MalformedBody("Give challenge_id and code, or email and otp, not both.")
        code = policy.parse_code(text_of(body, "code"))
        return VerifyRequest(code, challenge_id, purpose=purpose, reference=reference)
    email = policy.parse_email(text_of(body, "email"))
    code = policy.parse_code(text_of(body, "otp"))
    return VerifyRequest(code, email=email, purpose=purpose, reference=reference)


def parse_email(segment: str) -> Email:
    """The email in a path, whether the gateway has decoded the segment or not."""
    return policy.parse_email(segment if "@" in segment else unquote(segment))


def issued(issued: Issued) -> Response[str]:
    """202: the code is on its way; the challenge is not decided yet."""
    challenge = issued.challenge
    return answer(
        202,
        {
            "challenge_id": challenge.id,
            "status": "pending",
            "channel": challenge.channel,
            "destination": challenge.destination,
            "sent_at": _time(challenge.sent_at),
            "expires_at": _time(challenge.expires_at),
            "resend_at": _time(issued.resend_at),
            "attempts_remaining": issued.attempts_remaining,
        },
    )


def verified(challenge: Challenge) -> Response[str]:
    """200: this is the customer."""
    return answer(
        200,
        {
            "challenge_id": challenge.id,
            "status": challenge.status,
            "channel": challenge.channel,
            "verified_at": _time(challenge.verified_at or 0),
            **{
                name: value
                for name, value in (
                    ("purpose", challenge.purpose),
                    ("reference", challenge.reference),
                )
                if value is not None
            },
        },
    )


def released() -> Response[str]:
    """204: the hold is over, or there was none."""
    return Response(204, body="")


def registered(registered: Registered) -> Response[str]:
    """201: all that was asked for exists."""
    return answer(201, _customer(registered))


def error(error: errors.VerificationError, event: APIGatewayProxyEvent) -> Response[str]:
    """The problem of this request."""
    return problem(error, event.request_context.request_id or "")


def problem(error: errors.VerificationError, request_id: str) -> Response[str]:
    """The problem, its code for programs, and what remains or when to come back."""
    status = STATUS[error.code]
    body: dict[str, object] = {
        "type": f"urn:customer-verification:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.detail or error.title,
        "code": error.code,
        "request_id": request_id,
    }
    match error:
        case errors.InvalidCode():
            body["attempts_remaining"] = error.attempts_remaining
        case errors.TryLater():
            body["retry_after"] = error.retry_after
        case errors.ChallengeSuperseded():
            body["superseded_at"] = _time(error.superseded_at)
    if error.half_done:
        body["customer"] = _customer(error.half_done)
    return Response(status, PROBLEM_JSON, _dumps(body), headers_of(error))


def parse_object(event: APIGatewayProxyEvent) -> Mapping[str, Any]:
    """The JSON object in the body. Raises UnsupportedMediaType, MalformedBody."""
    content_type = event.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != content_types.APPLICATION_JSON:
        raise errors.UnsupportedMediaType
    try:
        text = event.decoded_body or ""
        if len(text) > MAX_BODY:
            raise errors.MalformedBody("The body is too long.")
        body = json.loads(text)
        json.dumps(body, ensure_ascii=False).encode()  # halves of characters are no text
    except (ValueError, RecursionError):
        raise errors.MalformedBody("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise errors.MalformedBody("The body is not a JSON object.")
    return body


def text_of(body: Mapping[str, Any], name: str) -> str:
    """The field's text; nothing where it is absent or null. Raises MalformedBody."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise errors.MalformedBody(f"{name} is not a string.")
    return value or ""


def answer(status: int, body: Mapping[str, object]) -> Response[str]:
    """The body as JSON."""
    return Response(status, content_types.APPLICATION_JSON, _dumps(body))


def _customer(registered: Registered) -> dict[str, object]:
    """The customer and the factors, in Okta's own words; no factors where nobody knows them."""
    customer: dict[str, object] = {
        "customer_id": registered.user.id,
        "status": registered.user.status,
    }
    if registered.factors is not None:
        customer["factors"] = [*_factors(registered.factors)]
    return customer


def _factors(factors: tuple[Factor, ...]) -> Iterator[dict[str, object]]:
    for factor in factors:
        with suppress(errors.UnsupportedChannel):
            yield {
                "channel": policy.channel_of(factor),
                "status": factor.status,
                "destination": policy.mask(factor.destination),
            }


def _label(body: Mapping[str, Any], name: str) -> str | None:
    value = text_of(body, name)
    return policy.parse_label(value, name) if value else None


def _time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dumps(body: Mapping[str, object]) -> str:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()  # a text of Okta's may hold halves of characters
