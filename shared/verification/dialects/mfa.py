"""The WorkOS MFA API, as its own client libraries speak it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

from verification import errors, policy
from verification.dialects import otpauth
from verification.dialects.json_api import answer, parse_object
from verification.dialects.outcomes import STATUS, headers_of
from verification.models import Challenge, Channel, Enrolled, Issued, VerifyRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from verification.settings import Settings

NAME = "mfa"

_FACTOR, _CHALLENGE = "auth_factor_", "auth_challenge_"
_CORE_CHALLENGE = "ch_"
MAX_NAME = 254


@dataclass(frozen=True, slots=True)
class EnrollRequest:
    """The body of an enrolment. Which of the names are there depends on the type."""

    type: str
    user: str = ""
    issuer: str = ""
    label: str = ""
    phone: str = ""


def admit(_: Settings) -> None:
    """Always."""


def parse_enroll(event: APIGatewayProxyEvent) -> EnrollRequest:
    """Raises InvalidParameters, InvalidPhoneNumber."""
    body = _body(event)
    kind = _text(body, "type")
    user = _text(body, "user_id")
    if kind == "totp":
        label = _text(body, "totp_user")
        user = user or label
        _require(user, "totp_user")
        return EnrollRequest(kind, user, _text(body, "totp_issuer"), label or user)
    if kind == "sms":
        given = _text(body, "phone_number")
        _require(given, "phone_number")
        try:
            return EnrollRequest(kind, user, phone=policy.parse_phone(given))
        except errors.InvalidPhoneNumber:
            raise errors.InvalidPhoneNumber(f"Phone number is invalid: '{given}'") from None
    if kind == "email":
        user = user or _text(body, "email")
        _require(user, "email")
        return EnrollRequest(kind, user)
    raise InvalidParameters("type", "type must be one of totp, sms and email.")


def parse_challenge(event: APIGatewayProxyEvent) -> str | None:
    """The SMS text that is asked for, or None. Raises InvalidParameters."""
    text = _text(_body(event), "sms_template")
    if not text:
        return None
    try:
        return policy.parse_sms_template(text)
    except errors.MalformedBody as wrong:
        raise InvalidParameters("sms_template", wrong.detail) from None


def parse_verify(event: APIGatewayProxyEvent, challenge_id: str) -> VerifyRequest:
    """Raises InvalidParameters."""
    try:
        code = policy.parse_code(_text(_body(event), "code"))
    except (errors.MissingCode, errors.InvalidCodeFormat) as wrong:
        raise InvalidParameters("code", wrong.title) from None
    return VerifyRequest(code, _CORE_CHALLENGE + _without(_CHALLENGE, challenge_id))


def factor_ref(factor_id: str) -> str:
    """The core's id of a factor; what is no factor's id becomes one that nobody has."""
    return _without(_FACTOR, factor_id)


def enrolled(enrolled: Enrolled) -> Response[str]:
    """201, with the secret and its picture if it is an authenticator app."""
    body = _factor(enrolled)
    if enrolled.secret:
        uri = otpauth.uri(enrolled.secret, enrolled.ref.issuer, enrolled.ref.label)
        body["totp"] |= {
            "secret": enrolled.secret,
            "uri": uri,
            "qr_code": otpauth.qr_code(uri),
        }
    return answer(201, body)


def factor(enrolled: Enrolled) -> Response[str]:
    """200, the factor without its secret."""
    return answer(200, _factor(enrolled))


def deleted() -> Response[str]:
    """204, empty."""
    return Response(204, body="")


def challenged(issued: Issued) -> Response[str]:
    """201, never with the code."""
    return answer(201, _challenge(issued.challenge))


def verified(challenge: Challenge) -> Response[str]:
    """201: the code was right."""
    return answer(201, {"challenge": _challenge(challenge), "valid": True})


class InvalidParameters(errors.MalformedBody):
    """One field of the request is wrong, and this one says which."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def error(error: errors.VerificationError, event: APIGatewayProxyEvent) -> Response[str]:
    """Every body has `message` and `code`; a wrong code is no error in this protocol."""
    if isinstance(error, errors.InvalidCode) and error.challenge is not None:
        return answer(201, {"challenge": _challenge(error.challenge), "valid": False})
    entity = event.path_parameters.get("id", "")
    status, code, message = _told(error, entity)
    body: dict[str, object] = {"message": message, "code": code}
    if code == "entity_not_found":
        body["entity_id"] = entity
    if code == "invalid_request_parameters":
        field = error.field if isinstance(error, InvalidParameters) else ""
        body["errors"] = [{"code": error.code, "message": message, "field": field}]
    response = answer(status, body)
    response.headers.update(headers_of(error))
    return response


def _told(error: errors.VerificationError, entity: str) -> tuple[int, str, str]:
    """Status, code and message of an outcome."""
    message = error.detail or error.title
    match error:
        case errors.ChallengeNotFound():
            return 404, "entity_not_found", f"Authentication Challenge not found: '{entity}'."
        case errors.FactorNotEnrolled():
            return 404, "entity_not_found", f"Authentication Factor not found: '{entity}'."
        case errors.CustomerNotFound():
            return 404, "entity_not_found", "User not found."
        case errors.ChallengeAlreadyVerified():
            told = f"The authentication challenge '{entity}' has already been verified."
            return 422, "authentication_challenge_previously_verified", told
        case errors.ChallengeExpired() | errors.ChallengeSuperseded():
            told = f"The authentication challenge '{entity}' has expired."
            return 422, "authentication_challenge_expired", told
        case errors.AttemptsHeld() | errors.ChallengeExhausted():
            # Not 429: client libraries send that again by themselves.
            return 400, "one_time_code_too_many_attempts", message
        case errors.InvalidPhoneNumber():
            return 422, "invalid_phone_number", message
        case errors.SendLimited() | errors.RateLimited() | errors.RequestInProgress():
            return 429, "rate_limit_exceeded", message
        case errors.BadRequest() | errors.CustomerRefused():
            return 422, "invalid_request_parameters", message
    return STATUS[error.code], error.code, message


def _factor(enrolled: Enrolled) -> dict[str, Any]:
    factor = enrolled.factor
    enrolled_at = _time(enrolled.ref.enrolled_at)
    body: dict[str, Any] = {
        "object": "authentication_factor",
        "id": _FACTOR + enrolled.ref_id,
        "type": policy.channel_of(factor),
        "created_at": factor.created or enrolled_at,
        "updated_at": factor.updated or enrolled_at,
    }
    match policy.channel_of(factor):
        case Channel.TOTP:
            body["totp"] = {"issuer": enrolled.ref.issuer, "user": enrolled.ref.label}
        case Channel.SMS | Channel.CALL:
            body["sms"] = {"phone_number": factor.destination}
        case Channel.EMAIL:
            body["email"] = {"email": factor.destination}
    return body


def _challenge(challenge: Challenge) -> dict[str, object]:
    body: dict[str, object] = {
        "object": "authentication_challenge",
        "id": _CHALLENGE + _without(_CORE_CHALLENGE, challenge.id),
        "created_at": _time(challenge.sent_at),
        "updated_at": _time(challenge.verified_at or challenge.sent_at),
        "authentication_factor_id": _FACTOR + challenge.factor_ref,
    }
    if challenge.channel.is_sent:
        body["expires_at"] = _time(challenge.expires_at)
    return body


def _body(event: APIGatewayProxyEvent) -> Mapping[str, Any]:
    try:
        return parse_object(event)
    except errors.MalformedBody as wrong:
        raise InvalidParameters("", wrong.detail) from None


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidParameters(name, f"{name} must be a string.")
    if value and len(value) > MAX_NAME:
        raise InvalidParameters(name, f"{name} is too long.")
    return value or ""


def _require(value: str, name: str) -> None:
    if not value:
        raise InvalidParameters(name, f"{name} is required.")


def _without(prefix: str, text: str) -> str:
    return text.removeprefix(prefix) if text.startswith(prefix) else ""


def _time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
