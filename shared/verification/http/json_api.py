"""The service's own API: JSON in, JSON out, and RFC 9457 problem details for every failure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from verification import errors, rules
from verification.frozen import replace
from verification.http.messages import JSON, PROBLEM_JSON, Reply, Request
from verification.http.statuses import STATUS, headers_of
from verification.models.challenges import (
    AwaitRequest,
    Challenge,
    Conductor,
    ConductorKind,
    Issued,
    IssueRequest,
    Pending,
    Verified,
    VerifyRequest,
)
from verification.models.customers import Channel, Email, Factor, Registered
from verification.models.receipts import Receipt, RedeemRequest
from verification.models.states import Hold
from verification.parsing import (
    parse_channel,
    parse_code,
    parse_email,
    parse_label,
    parse_locale,
    parse_okta_id,
)
from verification.settings import Settings

NAME = "json"
MAX_BODY = 8 * 1024
MAX_DETAIL = 300
MAX_NAME = 64
JWKS_SECONDS = 3600
_CONDUCTOR_ID = r"[\w .:/-]{1,64}"
"""It goes into receipts and logs, so it must not be an email address."""


def admit(_: Settings) -> None:
    """These routes are always on."""


def parse_issue(request: Request) -> IssueRequest:
    """Raises one of BadRequest."""
    body = parse_object(request)
    locale = text_of(body, "locale")
    return IssueRequest(
        email=parse_email(text_of(body, "email")),
        channel=parse_channel(text_of(body, "channel") or Channel.EMAIL),
        falls_back=flag_of(body, "fallback"),
        locale=parse_locale(locale) if locale else None,
        purpose=_label(body, "purpose"),
        reference=_label(body, "reference"),
        releases_hold=flag_of(body, "release_hold"),
        device_token=text_of(body, "device_token"),
        audience=text_of(body, "audience") or None,
        wants_receipt=flag_of(body, "receipt"),
        receipt_seconds=_seconds(body, "receipt_seconds"),
        conductor=_conductor(body.get("context")),
    )


def parse_verify(request: Request) -> VerifyRequest | AwaitRequest:
    """A code to be checked or, with an id alone, a push to be asked about. Raises one of BadRequest."""
    body = parse_object(request)
    challenge_id, given = text_of(body, "challenge_id"), text_of(body, "email")
    if not challenge_id and not given:
        raise errors.MissingEmail("challenge_id or email is required.")
    email = parse_email(given) if given else None
    code = text_of(body, "code") or text_of(body, "otp")
    purpose, reference = _label(body, "purpose"), _label(body, "reference")
    device_token, wants_receipt = text_of(body, "device_token"), flag_of(body, "receipt")
    if challenge_id and not code:
        awaited = AwaitRequest(challenge_id, email, purpose, reference, device_token, wants_receipt)
        return replace(awaited, must_be_push=True)
    return VerifyRequest(
        email=email,
        code=parse_code(code),
        challenge_id=challenge_id or None,
        purpose=purpose,
        reference=reference,
        remembers_device=True,
        device_token=device_token,
        takes_receipt=True,
        wants_receipt=wants_receipt,
    )


def parse_look(request: Request) -> AwaitRequest:
    """The challenge in the path, and what it was begun for. Raises MalformedBody."""
    return AwaitRequest(
        request.path_parameters.get("id", ""),
        purpose=_queried_label(request, "purpose"),
        reference=_queried_label(request, "reference"),
    )


def parse_redeem(request: Request) -> RedeemRequest:
    """Raises one of BadRequest."""
    body = parse_object(request)
    receipt, email = text_of(body, "receipt"), text_of(body, "email")
    customer_id = text_of(body, "customer_id")
    if not receipt:
        raise errors.MalformedBody("receipt is required.")
    if not email and not customer_id:
        raise errors.MalformedBody("email or customer_id is required: whose receipt it must be.")
    return RedeemRequest(
        receipt,
        parse_email(email) if email else None,
        customer_id or None,
        _label(body, "purpose"),
        _label(body, "reference"),
    )


def parse_nothing(_: Request) -> None:
    """For routes that take no input."""


def parse_email_path(request: Request) -> Email:
    """The email in a path, whether the gateway has decoded the segment or not."""
    segment = request.path_parameters.get("email", "")
    return parse_email(segment if "@" in segment else unquote(segment))


def parse_customer_path(request: Request) -> str:
    """The Okta user id in a path."""
    return parse_okta_id(request.path_parameters.get("id", ""))


def issued(issued: Issued) -> Reply:
    """202: the code is on its way."""
    challenge = issued.challenge
    body: dict[str, object] = {
        **_open_challenge(challenge, issued.number),
        "resend_at": _time(issued.resend_at),
        "resend_in": max(0, issued.resend_at - challenge.sent_at),
    }
    if issued.attempts_remaining is not None:
        body["attempts_remaining"] = issued.attempts_remaining
    return answer(202, body, "sent" if issued.was_sent else "accepted")


def awaited(result: Verified | Pending) -> Reply:
    """202 while the customer has not answered: ask again after `Retry-After`. Otherwise 200."""
    if isinstance(result, Verified):
        return verified(result)
    body, headers = _open_challenge(result.challenge, result.number), {}
    if result.retry_after is not None:
        body["retry_after"] = result.retry_after
        headers = {"Retry-After": str(result.retry_after)}
    return replace(answer(202, body, "pending"), headers=headers, is_final=False)


def verified(verified: Verified) -> Reply:
    """200: this is the customer."""
    challenge = verified.challenge
    optional = {
        "purpose": challenge.purpose,
        "reference": challenge.reference,
        "device_token": verified.device_token,
        "customer_id": verified.customer_id,
        "receipt": verified.receipt,
        "receipt_unavailable": verified.receipt_unavailable,
    }
    body: dict[str, object] = {
        "challenge_id": challenge.id,
        "status": challenge.status,
        "channel": challenge.channel,
        "verified_at": _time(challenge.verified_at or 0),
        **{name: value for name, value in optional.items() if value},
    }
    return answer(200, body, "verified")


def redeemed(receipt: Receipt) -> Reply:
    """200: what was verified; the receipt is used up."""
    context = receipt.conductor
    optional = {
        "challenge_id": receipt.challenge_id,
        "channel": receipt.channel,
        "lane": receipt.lane,
        "purpose": receipt.purpose,
        "reference": receipt.reference,
        "client": receipt.client,
        "context": context and {"kind": context.kind, "id": context.id},
    }
    body: dict[str, object] = {
        "status": "redeemed",
        "customer_id": receipt.customer_id,
        "verified_at": _time(receipt.verified_at),
        "amr": list(receipt.methods),
        "acr": receipt.acr,
        **{name: value for name, value in optional.items() if value},
    }
    return answer(200, body, "receipt_redeemed")


def jwks(keys: Mapping[str, object]) -> Reply:
    """200: public keys, which anybody may keep for an hour."""
    reply = answer(200, keys, "jwks_read")
    return replace(reply, headers={"Cache-Control": f"public, max-age={JWKS_SECONDS}"})


def registered(registered: Registered) -> Reply:
    """201: all that was asked for exists."""
    return answer(201, _customer(registered), "registered")


def hold(hold: Hold) -> Reply:
    """200: the lanes that are held, since when and why."""
    body: dict[str, object] = {"held": bool(hold.lanes), "lanes": list(hold.lanes)}
    if hold.since is not None:
        body["since"] = _time(hold.since)
        body["reason"] = "wrong_codes"
    body["wrong_codes"] = [{"at": _time(each.at), "lane": each.lane} for each in hold.wrong_codes]
    return answer(200, body, "hold_read")


def devices_ended() -> Reply:
    """204: no device is known any more."""
    return Reply(204, "devices_ended")


def error(error: errors.VerificationError, request: Request) -> Reply:
    """The problem of this request."""
    return problem(error, request.request_id)


def problem(error: errors.VerificationError, request_id: str) -> Reply:
    """The problem, its code for programs, and what remains or when to come back."""
    cause = error.failure if isinstance(error, errors.RegistrationStopped) else error
    status = STATUS[cause.code]
    body: dict[str, object] = {
        "type": f"urn:customer-verification:{cause.code}",
        "title": cause.title,
        "status": status,
        "detail": cause.detail or _causes(cause) or cause.title,
        "code": cause.code,
        "request_id": request_id,
    }
    match cause:
        case errors.InvalidCode(attempts_remaining=int(remaining)):
            body["attempts_remaining"] = remaining
        case errors.ReceiptAlreadyRedeemed():
            body["redeemed_at"] = _time(cause.redeemed_at)
        case errors.SendLimited() if cause.limit:
            body |= {"retry_after": cause.retry_after, "limit": cause.limit}
        case errors.TryLater():
            body["retry_after"] = cause.retry_after
        case errors.ChallengeSuperseded():
            body["superseded_at"] = _time(cause.superseded_at)
    if isinstance(error, errors.RegistrationIncomplete):
        body["customer"] = _customer(error.registered)
    return Reply(status, cause.code, dumps(body), PROBLEM_JSON, headers_of(cause))


def _causes(error: errors.VerificationError) -> str:
    """Why Okta refused a registration or an enrollment, in its own words, for clients alone."""
    if not isinstance(error, errors.CustomerInvalid | errors.EnrollmentRefused):
        return ""
    told = error.okta_error or {}
    causes = told.get("errorCauses")
    known = [each for each in causes if isinstance(each, dict)] if isinstance(causes, list) else []
    summaries = [str(each.get("errorSummary", "")) for each in known]
    text = "; ".join(filter(None, summaries)) or str(told.get("errorSummary", ""))
    return "".join(each if each.isprintable() else " " for each in text)[:MAX_DETAIL].strip()


def parse_object(request: Request) -> Mapping[str, Any]:
    """The JSON object in the body. Raises UnsupportedMediaType, MalformedBody."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise errors.UnsupportedMediaType
    try:
        text = request.body
        if len(text) > MAX_BODY:
            raise errors.MalformedBody("The body is too long.")
        body = json.loads(text, object_pairs_hook=_distinct)
        json.dumps(body, ensure_ascii=False).encode()  # fails for lone surrogates
    except (ValueError, RecursionError):
        raise errors.MalformedBody("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise errors.MalformedBody("The body is not a JSON object.")
    return body


def _distinct(fields: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object. Raises MalformedBody for a field that is there twice: whoever has checked the body
    before may have read the other one.
    """
    found: dict[str, Any] = {}
    for name, value in fields:
        if name in found:
            raise errors.MalformedBody(f"{name[:MAX_NAME]} is there twice.")
        found[name] = value
    return found


def text_of(body: Mapping[str, Any], name: str) -> str:
    """The field's text; nothing where it is absent or null. Raises MalformedBody."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise errors.MalformedBody(f"{name} is not a string.")
    return value or ""


def answer(
    status: int, body: Mapping[str, object] | Sequence[Mapping[str, object]], outcome: str
) -> Reply:
    """The body as JSON."""
    return Reply(status, outcome, dumps(body))


def dumps(body: Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """Compact JSON. Lone surrogates, which a text of Okta's may contain, are replaced."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _customer(registered: Registered) -> dict[str, object]:
    """The customer and the factors; no factors where they are not known."""
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
                "channel": rules.channel_of(factor.type),
                "status": factor.status,
                "destination": rules.mask(factor.destination),
            }


def _open_challenge(challenge: Challenge, number: int | None) -> dict[str, object]:
    """A challenge that is not decided; its channel is `any` until one is chosen."""
    body: dict[str, object] = {
        "challenge_id": challenge.id,
        "status": "pending",
        "channel": "any" if challenge.chooses else challenge.channel,
        "destination": challenge.destination,
        "sent_at": _time(challenge.sent_at),
        "expires_at": _time(challenge.expires_at),
        "expires_in": challenge.expires_at - challenge.sent_at,
    }
    return body if number is None else {**body, "number": number}


def _queried_label(request: Request, name: str) -> str | None:
    values = request.query.get(name, [])
    if len(values) > 1:
        raise errors.MalformedBody(f"{name} has several values.")
    return parse_label(values[0], name) if values and values[0] else None


def _label(body: Mapping[str, Any], name: str) -> str | None:
    value = text_of(body, name)
    return parse_label(value, name) if value else None


def flag_of(body: Mapping[str, Any], name: str) -> bool:
    """The field's flag; False where it is absent or null. Raises MalformedBody."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise errors.MalformedBody(f"{name} must be true or false.")
    return value is True


def _seconds(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one kind of number
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise errors.MalformedBody(f"{name} must be a whole number from 1.")
    return value


def _conductor(given: object) -> Conductor | None:
    """Who conducts the verification. Raises MalformedBody."""
    match given:
        case None:
            return None
        case {"kind": str(kind), "id": str(name)} if re.fullmatch(_CONDUCTOR_ID, name):
            if kind in {each.value for each in ConductorKind}:
                return Conductor(ConductorKind(kind), name)
    kinds = ", ".join(ConductorKind)
    raise errors.MalformedBody(
        f"context must have an id (1 to 64 letters, digits, blanks, or .:/-) and a kind: {kinds}."
    )


def _time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
