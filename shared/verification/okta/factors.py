"""Okta's Factors API: list, enrol, send a code, check a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verification import errors
from verification.models import Call, Challenge, Channel, Code, Factor
from verification.okta.translation import ResourceNotFound, ValidationFailed
from verification.okta.transport import Transport
from verification.policy import TOTP_TYPE


class Factors:
    """The factors of one user at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, user_id: str, call: Call) -> list[Factor]:
        """All factors, of types known to this service or not."""
        try:
            found = self._transport.request("GET", _path(user_id), call)
        except ResourceNotFound:
            raise errors.CustomerNotFound from None
        if not isinstance(found, list):
            raise errors.OktaUnexpectedResponse
        return [_factor(item) for item in found]

    def get(self, user_id: str, factor_id: str, call: Call) -> Factor:
        """One factor. Raises FactorNotEnrolled."""
        try:
            return _factor(self._transport.request("GET", _path(user_id, factor_id), call))
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None

    def send(
        self, challenge: Challenge, lifetime: int, call: Call, template_id: str | None = None
    ) -> None:
        """Send a new code, which ends the one before. Email codes live `lifetime` seconds; those
        of the other channels as long as Okta says, and this service lets none live longer.
        """
        params = {}
        if challenge.channel is Channel.EMAIL:
            params["tokenLifetimeSeconds"] = str(lifetime)
        if challenge.channel is Channel.SMS and template_id:
            params["templateId"] = template_id
        try:
            result = self._verify(challenge, call, {}, params)
        except errors.InvalidCode:  # of a request that had none
            raise errors.OktaUnexpectedResponse from None
        if result != "CHALLENGE":
            raise errors.OktaUnexpectedResponse

    def check(self, challenge: Challenge, code: Code, call: Call) -> None:
        """Return only if Okta says SUCCESS. Raises InvalidCode, and whatever is in doubt."""
        result = self._verify(challenge, call, {"passCode": code}, {})
        if result in _WRONG:
            raise errors.InvalidCode
        if result != "SUCCESS":
            raise errors.OktaUnexpectedResponse

    def activate(self, challenge: Challenge, code: Code, call: Call) -> None:
        """Return only if the code has activated the pending factor. Raises like `check`."""
        path = _path(challenge.user_id, challenge.factor_id, "lifecycle", "activate")
        if self._ask(path, call, {"passCode": code}).status != "ACTIVE":
            raise errors.OktaUnexpectedResponse

    def resend(self, challenge: Challenge, factor: Factor, call: Call) -> None:
        """Send the code of a pending enrolment again."""
        path = _path(challenge.user_id, challenge.factor_id, "resend")
        self._ask(path, call, {**_kind(factor.type), "profile": _profile(factor)})

    def enrol(
        self, user_id: str, wanted: Factor, call: Call, *, activate: bool
    ) -> tuple[Factor, str]:
        """Enrol a factor of this type and destination; its shared secret if it has one.

        Raises EnrollmentRefused, InvalidPhoneNumber.
        """
        body: dict[str, object] = _kind(wanted.type)
        if profile := _profile(wanted):
            body["profile"] = profile
        params = {"activate": "true"} if activate else {}
        try:
            answer = self._transport.request("POST", _path(user_id), call, params=params, body=body)
        except ValidationFailed:
            raise errors.EnrollmentRefused from None
        except ResourceNotFound:
            raise errors.CustomerNotFound from None
        match answer:
            case {"_embedded": {"activation": {"sharedSecret": str(secret)}}}:
                return _factor(answer), secret
        return _factor(answer), ""

    def delete(self, user_id: str, factor_id: str, call: Call) -> None:
        """Remove a factor. Raises FactorNotEnrolled."""
        try:
            self._transport.request("DELETE", _path(user_id, factor_id), call)
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None

    def _verify(
        self,
        challenge: Challenge,
        call: Call,
        body: Mapping[str, str],
        params: Mapping[str, str],
    ) -> object:
        path = _path(challenge.user_id, challenge.factor_id, "verify")
        try:
            answer = self._transport.request("POST", path, call, params=params, body=body)
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None
        return answer.get("factorResult") if isinstance(answer, dict) else None

    def _ask(self, path: tuple[str, ...], call: Call, body: Mapping[str, object]) -> Factor:
        """A POST that answers with the factor."""
        try:
            return _factor(self._transport.request("POST", path, call, body=body))
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None


_WRONG = ("FAILED", "REJECTED", "EXPIRED", "PASSCODE_REPLAYED", "TIME_WINDOW_EXCEEDED")


def _path(user_id: str, *rest: str) -> tuple[str, ...]:
    return ("api", "v1", "users", user_id, "factors", *rest)


def _kind(factor_type: str) -> dict[str, object]:
    """Authenticator apps are Google's provider, whose secret Okta hands out."""
    provider = "GOOGLE" if factor_type == TOTP_TYPE else "OKTA"
    return {"factorType": factor_type, "provider": provider}


def _profile(factor: Factor) -> dict[str, str]:
    match factor.type:
        case "email":
            return {"email": factor.destination}
        case "sms" | "call":
            return {"phoneNumber": factor.destination}
    return {}


def _factor(document: Any) -> Factor:
    match document:
        case {"id": str(factor_id), "factorType": str(kind), "status": str(status)}:
            texts = {
                "provider": document.get("provider"),
                "created": document.get("created"),
                "updated": document.get("lastUpdated"),
            }
            known = {name: text for name, text in texts.items() if isinstance(text, str)}
            return Factor(factor_id, kind, status, _destination(document.get("profile")), **known)
    raise errors.OktaUnexpectedResponse


def _destination(profile: object) -> str:
    match profile:
        case (
            {"email": str(address)} | {"phoneNumber": str(address)} | {"credentialId": str(address)}
        ):
            return address
    return ""
