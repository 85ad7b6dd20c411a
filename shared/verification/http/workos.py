"""The WorkOS MFA API, as its client libraries speak it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

from verification import errors, rules
from verification.crypto import CHALLENGE_PREFIX
from verification.frozen import Frozen, replace
from verification.http import otpauth
from verification.http.json_api import answer, flag_of, parse_object
from verification.http.messages import Reply, Request
from verification.http.statuses import STATUS, headers_of
from verification.models.challenges import Challenge, Issued, Origin, Verified, VerifyRequest
from verification.models.customers import Channel, Enrolled, FactorType
from verification.parsing import parse_code, parse_phone, parse_sms_template
from verification.settings import Settings

NAME = "mfa"

_FACTOR, _CHALLENGE = "auth_factor_", "auth_challenge_"
MAX_NAME = 254

_WITHOUT_PLUS = r"1 ?(?:[2-9][0-9]{2}[ -]?){2}[0-9]{4}"
"""A number of North America with its country code alone, as WorkOS takes it. A number of another
country without its plus may be another country's.
"""


class EnrollRequest(Frozen):
    """An enrollment: the type of the factor, and what that type needs."""

    type: FactorType
    user: str = ""
    issuer: str = ""
    label: str = ""
    phone: str = ""


class ChallengeRequest(Frozen):
    """A factor to challenge, and the SMS text that is asked for, if any."""

    ref_id: str
    sms_text: str | None


def admit(_: Settings) -> None:
    """These routes are always on."""


def parse_enroll(request: Request) -> EnrollRequest:
    """Raises InvalidParameters, InvalidPhoneNumber."""
    body = _body(request)
    kind, user = _text(body, "type"), _text(body, "user_id")
    match kind:
        case "totp":
            label, issuer = _text(body, "totp_user"), _text(body, "totp_issuer")
            user = user or label
            _require(user, "totp_user")
            # Before the enrollment, whose secret is shown only once.
            if not otpauth.fits(issuer, label or user):
                raise InvalidParameters("totp_issuer", "The names are too long for a QR code.")
            return EnrollRequest(FactorType.TOTP, user, issuer, label or user)
        case "sms":
            given = _text(body, "phone_number")
            _require(given, "phone_number")
            phone = f"+{given}" if re.fullmatch(_WITHOUT_PLUS, given) else given
            try:
                return EnrollRequest(FactorType.SMS, user, phone=parse_phone(phone))
            except errors.InvalidPhoneNumber:
                raise errors.InvalidPhoneNumber(f"Phone number is invalid: '{given}'") from None
        case "email":
            email = _text(body, "email")
            user = user or email
            _require(user, "email")
            return EnrollRequest(FactorType.EMAIL, user)
    raise InvalidParameters("type", "type must be one of totp, sms and email.")


def parse_factor(request: Request) -> str:
    """The factor's id in the path without its prefix; empty if it has another prefix."""
    return _without(_FACTOR, _path_id(request))


def parse_challenge(request: Request) -> ChallengeRequest:
    """Raises InvalidParameters, UnsupportedMediaType.

    All fields are optional, and so is the body: WorkOS's client for Go sends `null` for none.
    """
    body = _body(request) if request.raw_body.strip() not in ("", "null") else {}
    text = _text(body, "sms_template")
    try:
        sms_text = parse_sms_template(text) if text else None
    except errors.MalformedBody as wrong:
        raise InvalidParameters("sms_template", wrong.detail) from None
    return ChallengeRequest(parse_factor(request), sms_text)


def parse_verify(request: Request) -> VerifyRequest:
    """Raises InvalidParameters."""
    body = _body(request)
    try:
        code = parse_code(_text(body, "code"))
    except (errors.MissingCode, errors.InvalidCodeFormat) as wrong:
        raise InvalidParameters("code", wrong.title) from None
    try:
        wants_receipt = flag_of(body, "receipt")
    except errors.MalformedBody as wrong:
        raise InvalidParameters("receipt", wrong.detail) from None
    challenge_id = CHALLENGE_PREFIX + _without(_CHALLENGE, _path_id(request))
    return VerifyRequest(
        code,
        challenge_id,
        origin=Origin.MFA,
        takes_receipt=True,
        wants_receipt=wants_receipt,
    )


def enrolled(enrolled: Enrolled) -> Reply:
    """201, with the secret and its picture if it is an authenticator app."""
    body = _factor(enrolled)
    if enrolled.secret:
        uri = otpauth.uri(enrolled.secret, enrolled.ref.issuer, enrolled.ref.label)
        body["totp"] |= {
            "secret": enrolled.secret,
            "uri": uri,
            "qr_code": otpauth.qr_code(uri),
        }
    return answer(201, body, "enrolled")


def factor(enrolled: Enrolled) -> Reply:
    """200: the factor without its secret."""
    return answer(200, _factor(enrolled), "factor_read")


def deleted() -> Reply:
    """204: the factor is removed."""
    return Reply(204, "removed")


def challenged(issued: Issued) -> Reply:
    """201, never with the code."""
    return answer(201, _challenge(issued.challenge), "sent")


def verified(verified: Verified) -> Reply:
    """201: the code was right."""
    body: dict[str, object] = {"challenge": _challenge(verified.challenge), "valid": True}
    if verified.receipt:
        body["receipt"] = verified.receipt
    if verified.receipt_unavailable:
        body["receipt_unavailable"] = True
    return answer(201, body, "verified")


class InvalidParameters(errors.MalformedBody):
    """Correct the field."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def error(error: errors.VerificationError, request: Request) -> Reply:
    """Every body has `message` and `code`; a wrong code is no error in this protocol."""
    if isinstance(error, errors.InvalidCode) and error.challenge is not None:
        body = {"challenge": _challenge(error.challenge), "valid": False}
        return answer(201, body, error.code)
    entity = _path_id(request)
    status, code, message = _told(error, entity)
    told: dict[str, object] = {"message": message, "code": code}
    if code == "entity_not_found":
        told["entity_id"] = entity
    if code == "invalid_request_parameters":
        field = error.field if isinstance(error, InvalidParameters) else ""
        # Client libraries show this code in place of the message, and WorkOS has a sentence in it.
        requirement = message if isinstance(error, errors.MalformedBody) else error.code
        told["errors"] = [{"code": requirement, "message": message, "field": field}]
    return replace(answer(status, told, error.code), headers=headers_of(error))


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
    channel, enrolled_at = rules.channel_of(factor.type), _time(enrolled.ref.enrolled_at)
    body: dict[str, Any] = {
        "object": "authentication_factor",
        "id": _FACTOR + enrolled.ref_id,
        "type": channel,
        "created_at": factor.created or enrolled_at,
        "updated_at": factor.updated or enrolled_at,
    }
    match channel:
        case Channel.TOTP:
            body["totp"] = {"issuer": enrolled.ref.issuer, "user": enrolled.ref.label}
        case Channel.SMS | Channel.CALL:
            body["sms"] = {"phone_number": factor.destination}
        case Channel.EMAIL:
            body["email"] = {"email": factor.destination}
        case Channel.PUSH:
            pass
        case _:
            assert_never(channel)
    return body


def _challenge(challenge: Challenge) -> dict[str, object]:
    body: dict[str, object] = {
        "object": "authentication_challenge",
        "id": _CHALLENGE + _without(CHALLENGE_PREFIX, challenge.id),
        "created_at": _time(challenge.sent_at),
        "updated_at": _time(challenge.verified_at or challenge.sent_at),
        "authentication_factor_id": _FACTOR + challenge.factor_ref,
    }
    if rules.is_sent(challenge.channel):
        body["expires_at"] = _time(challenge.expires_at)
    return body


def _path_id(request: Request) -> str:
    return request.path_parameters.get("id", "")


def _body(request: Request) -> Mapping[str, Any]:
    try:
        return parse_object(request)
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
