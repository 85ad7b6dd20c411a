"""Okta's Factors API: list, enroll, send a code or a push, check a code, ask about a push."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, assert_never

from verification import errors
from verification.models.callers import Call
from verification.models.challenges import Code
from verification.models.customers import Channel, Factor, FactorStatus, FactorType, Target
from verification.models.sign_ins import SecurityQuestion
from verification.models.states import PushAnswer, SentPush
from verification.okta.error_codes import Json, ResourceNotFound, ValidationFailed
from verification.okta.transport import Transport, is_id


class Factors:
    """The factors of one user at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, user_id: str, call: Call) -> list[Factor]:
        """All factors of the user."""
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
            factor = _factor(self._transport.request("GET", _path(user_id, factor_id), call))
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None
        if factor.id != factor_id:
            raise errors.OktaUnexpectedResponse
        return factor

    def send_code(
        self, target: Target, channel: Channel, lifetime: int, template_id: str | None, call: Call
    ) -> None:
        """Send a new code, which ends the one before. Email codes live `lifetime` seconds; those
        of other channels as long as Okta says. `template_id` is that of an SMS template.
        """
        params: dict[str, str] = {}
        match channel:
            case Channel.EMAIL:
                params["tokenLifetimeSeconds"] = str(lifetime)
            case Channel.SMS:
                if template_id:
                    params["templateId"] = template_id
            case Channel.CALL | Channel.TOTP | Channel.PUSH:
                pass
            case _:
                assert_never(channel)
        if _result(self._challenge(target, call, {}, params)) != "CHALLENGE":
            raise errors.OktaAnswerUnclear

    def send_push(self, target: Target, call: Call) -> SentPush:
        """Send a push with a number to choose. An org that does not ask for the number sends one
        without.
        """
        answer = self._challenge(target, call, {"useNumberMatchingChallenge": True}, {})
        match answer:
            case {"factorResult": "WAITING", "_links": {"poll": {"href": str(poll)}}}:
                transaction = poll.rpartition("/")[2]
                if re.fullmatch(_TRANSACTION, transaction):
                    return SentPush(transaction, _number(answer))
        raise errors.OktaAnswerUnclear

    def push_answer(self, target: Target, transaction: str, call: Call) -> PushAnswer:
        """What has become of a push. A transaction that Okta does not know has ended."""
        path = _path(target.user_id, target.factor_id, "transactions", transaction)
        try:
            result = _result(self._transport.request("GET", path, call, for_customer=True))
        except ResourceNotFound:
            return PushAnswer.ENDED
        if not isinstance(result, str) or result not in _PUSH_ANSWERS:
            raise errors.OktaUnexpectedResponse
        return _PUSH_ANSWERS[result]

    def cancel_push(self, target: Target, transaction: str, call: Call) -> None:
        """Take a push back. One that Okta does not know any more needs no cancelling."""
        path = _path(target.user_id, target.factor_id, "transactions", transaction)
        with suppress(ResourceNotFound):
            self._transport.request("DELETE", path, call)

    def check_code(self, target: Target, code: Code, call: Call) -> None:
        """Return only if Okta says SUCCESS. Raises InvalidCode."""
        result = _result(self._verify(target, call, {"passCode": code}, {}))
        if result in _WRONG:
            raise errors.InvalidCode
        if result != "SUCCESS":
            raise errors.OktaAnswerUnclear

    def activate(self, target: Target, code: Code, call: Call) -> None:
        """Return only if the code has activated the pending factor. Raises like `check_code`."""
        path = _path(target.user_id, target.factor_id, "lifecycle", "activate")
        factor = self._post(path, call, {"passCode": code})
        if factor.status is not FactorStatus.ACTIVE or factor.id != target.factor_id:
            raise errors.OktaAnswerUnclear

    def resend_enrollment_code(self, user_id: str, factor: Factor, call: Call) -> None:
        """Send the code of a pending enrollment again."""
        body = {**_kind(factor.type), "profile": _profile(factor)}
        self._post(_path(user_id, factor.id, "resend"), call, body)

    def enroll(
        self, user_id: str, wanted: Factor, call: Call, *, activate: bool
    ) -> tuple[Factor, str]:
        """Enroll a factor of this type and destination; also its shared secret if it has one.

        A phone that is not activated at once is sent a code. It takes the place of the number that
        Okta has kept of a removed factor; if it is that number, it is active without a code. Raises
        EnrollmentRefused, InvalidPhoneNumber.
        """
        body: dict[str, object] = _kind(wanted.type)
        if profile := _profile(wanted):
            body["profile"] = profile
        params = {"activate": "true"} if activate else {}
        if wanted.type in (FactorType.SMS, FactorType.CALL):
            params["updatePhone"] = "true"
        try:
            answer = self._transport.request(
                "POST", _path(user_id), call, params=params, body=body, for_customer=True
            )
        except ValidationFailed as refused:
            raise errors.EnrollmentRefused(okta_error=refused.okta_error) from None
        except ResourceNotFound:
            raise errors.CustomerNotFound from None
        match answer:
            case {"_embedded": {"activation": {"sharedSecret": str(secret)}}} if (
                len(secret) <= MAX_SECRET
            ):
                return _changed(answer), secret
        return _changed(answer), ""

    def delete(self, user_id: str, factor_id: str, call: Call) -> None:
        """Remove a factor, and a phone's number with it: kept as verified, it could be enrolled again
        without a code, and reset the user's password. Raises FactorNotEnrolled.
        """
        path, params = _path(user_id, factor_id), {"removeRecoveryEnrollment": "true"}
        try:
            self._transport.request("DELETE", path, call, params=params)
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None

    def questions(self, user_id: str, call: Call) -> Sequence[SecurityQuestion]:
        """The security questions that the user can choose from."""
        try:
            found = self._transport.request("GET", _path(user_id, "questions"), call)
        except ResourceNotFound:
            raise errors.CustomerNotFound from None
        if not isinstance(found, list):
            raise errors.OktaUnexpectedResponse
        return [_question(each) for each in found]

    def _challenge(
        self, target: Target, call: Call, body: Mapping[str, object], params: Mapping[str, str]
    ) -> Json:
        try:
            return self._verify(target, call, body, params)
        except errors.InvalidCode:  # the request contained no code
            raise errors.OktaAnswerUnclear from None

    def _verify(
        self, target: Target, call: Call, body: Mapping[str, object], params: Mapping[str, str]
    ) -> Json:
        path = _path(target.user_id, target.factor_id, "verify")
        try:
            return self._transport.request(
                "POST", path, call, params=params, body=body, for_customer=True
            )
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None

    def _post(self, path: tuple[str, ...], call: Call, body: Mapping[str, object]) -> Factor:
        """A POST that answers with the factor."""
        try:
            answer = self._transport.request("POST", path, call, body=body, for_customer=True)
        except ResourceNotFound:
            raise errors.FactorNotEnrolled from None
        return _changed(answer)


MAX_SECRET = 512
"""Characters of an authenticator's secret. Okta's have 16 or 32, and a QR code has room for 2,900."""

_TRANSACTION = r"[A-Za-z0-9._~-]{8,128}"
_PUSH_ANSWERS = {
    "WAITING": PushAnswer.WAITING,
    "SUCCESS": PushAnswer.APPROVED,
    "REJECTED": PushAnswer.REJECTED,
    "TIMEOUT": PushAnswer.ENDED,
    "EXPIRED": PushAnswer.ENDED,
}
_WRONG = ("FAILED", "REJECTED", "EXPIRED", "PASSCODE_REPLAYED", "TIME_WINDOW_EXCEEDED")


def _path(user_id: str, *rest: str) -> tuple[str, ...]:
    return ("api", "v1", "users", user_id, "factors", *rest)


def _result(answer: Json) -> object:
    """What Okta says a verification has come to."""
    return answer.get("factorResult") if isinstance(answer, dict) else None


def _number(answer: Json) -> int | None:
    """What the customer has to choose on the phone, from the answer to a push."""
    match answer:
        case {"_embedded": {"challenge": {"correctAnswer": int(number)}}}:
            return None if isinstance(number, bool) else number
    return None


def _kind(factor_type: FactorType) -> dict[str, object]:
    """For authenticator apps the provider is Google, because Okta then returns the secret."""
    provider = "GOOGLE" if factor_type is FactorType.TOTP else "OKTA"
    return {"factorType": factor_type.value, "provider": provider}


def _profile(factor: Factor) -> dict[str, str]:
    match factor.type:
        case FactorType.EMAIL:
            return {"email": factor.destination}
        case FactorType.SMS | FactorType.CALL:
            return {"phoneNumber": factor.destination}
    return {}


def _changed(document: Any) -> Factor:
    """The factor in the answer to a request that has changed it."""
    try:
        return _factor(document)
    except errors.OktaUnexpectedResponse:
        raise errors.OktaAnswerUnclear from None


def _factor(document: Any) -> Factor:
    match document:
        case {"id": str(factor_id), "factorType": str(kind), "status": str(status)} if is_id(
            factor_id
        ):
            texts = {
                "provider": document.get("provider"),
                "created": document.get("created"),
                "updated": document.get("lastUpdated"),
            }
            known = {name: text for name, text in texts.items() if isinstance(text, str)}
            destination = _destination(document.get("profile"))
            return Factor(factor_id, FactorType(kind), FactorStatus(status), destination, **known)
    raise errors.OktaUnexpectedResponse


def _question(document: Any) -> SecurityQuestion:
    match document:
        case {"question": str(key), "questionText": str(text)}:
            return SecurityQuestion(key, text)
    raise errors.OktaUnexpectedResponse


def _destination(profile: object) -> str:
    match profile:
        case (
            {"email": str(address)} | {"phoneNumber": str(address)} | {"credentialId": str(address)}
        ):
            return address
    return ""
