"""Okta's Factors API: list, send a code, check a code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verification import errors
from verification.models import Call, Channel, Code, Factor
from verification.okta.translation import ResourceNotFound
from verification.okta.transport import Transport


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

    def send(
        self, user_id: str, factor_id: str, channel: Channel, lifetime: int, call: Call
    ) -> None:
        """Send a new code, which ends the one before. Email codes live `lifetime` seconds; those
        of the other channels as long as Okta says, and this service lets none live longer.
        """
        params = {"tokenLifetimeSeconds": str(lifetime)} if channel is Channel.EMAIL else None
        if self._verify(user_id, factor_id, call, {}, params) != "CHALLENGE":
            raise errors.OktaUnexpectedResponse

    def check(self, user_id: str, factor_id: str, code: Code, call: Call) -> None:
        """Return only if Okta says SUCCESS. Raises InvalidCode, and whatever is in doubt."""
        result = self._verify(user_id, factor_id, call, {"passCode": code})
        if result in _WRONG:
            raise errors.InvalidCode
        if result != "SUCCESS":
            raise errors.OktaUnexpectedResponse

    def _verify(
        self,
        user_id: str,
        factor_id: str,
        call: Call,
        body: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> object:
        path = _path(user_id, factor_id, "verify")
        try:
            answer = self._transport.request("POST", path, call, params=params, body=body)
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None
        return answer.get("factorResult") if isinstance(answer, dict) else None


_WRONG = ("FAILED", "REJECTED", "EXPIRED", "PASSCODE_REPLAYED", "TIME_WINDOW_EXCEEDED")


def _path(user_id: str, *rest: str) -> tuple[str, ...]:
    return ("api", "v1", "users", user_id, "factors", *rest)


def _factor(document: Any) -> Factor:
    match document:
        case {"id": str(factor_id), "factorType": str(kind), "status": str(status)}:
            profile = document.get("profile")
            return Factor(factor_id, kind, status, _destination(profile))
    raise errors.OktaUnexpectedResponse


def _destination(profile: object) -> str:
    match profile:
        case {"email": str(address)} | {"phoneNumber": str(address)}:
            return address
    return ""
