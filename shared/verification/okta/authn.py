"""Okta's Authentication API: a sign-in as a chain of steps; each answers with the sign-in's state."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from verification import errors
from verification.models.callers import Call
from verification.models.customers import FactorType
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    SignInDocument,
    SignInStatus,
)
from verification.okta.transport import Transport, is_id
from verification.parsing import is_okta_token

_NO_SIGN_IN = "00-no-sign-in-has-this-state-token"


class Authn:
    """Takes one step at a time. Every step may raise SignInEnded, StepNotTaken, SignInRefused, and
    what every call to Okta can raise.

    `is_trusted` sends the API token, which makes this service a trusted application: Okta then
    believes what it says of the customer's address. Most orgs do not need that.
    """

    def __init__(self, transport: Transport, *, is_trusted: bool) -> None:
        self._transport = transport
        self._is_trusted = is_trusted

    def begin(self, credentials: Credentials, call: Call) -> SignInDocument:
        """Check a password. Raises InvalidCredentials."""
        body: dict[str, object] = {
            **credentials.more,
            "username": credentials.username,
            "password": credentials.password,
        }
        if credentials.device_token:
            body["context"] = {"deviceToken": credentials.device_token}
        try:
            return self._step((), body, call)
        except errors.SignInEnded:  # no sign-in exists yet: Okta means the API token
            raise errors.OktaCredentialsRejected from None

    def look(self, state_token: str, call: Call) -> SignInDocument:
        """Where the sign-in is."""
        return self._step((), {"stateToken": state_token}, call)

    def require_answer(self, call: Call) -> None:
        """Raise what keeps Okta from answering any sign-in. It is asked for one that nobody has
        begun, which it refuses, and which its log of sign-ins does not contain.
        """
        with suppress(errors.ChallengeRefused):
            self._step((), {"stateToken": _NO_SIGN_IN}, call, is_probe=True)

    def move(self, where: str, state_token: str, call: Call) -> SignInDocument:
        """`previous`, `skip` or `cancel`."""
        return self._step((where,), {"stateToken": state_token}, call)

    def challenge(self, step: FactorStep, call: Call) -> SignInDocument:
        """Challenge a factor. An email, sms or call factor is sent a code."""
        return self._step(_factor(step, "verify"), _token(step), call, step.parameters)

    def resend(self, step: FactorStep, call: Call) -> SignInDocument:
        """Send another code of the factor that is challenged."""
        return self._step(_factor(step, "verify", "resend"), _token(step), call, step.parameters)

    def enroll(self, step: EnrollStep, call: Call) -> SignInDocument:
        """Enroll a factor. An email, sms or call factor is sent a code."""
        body = {**step.more, "factorType": step.type.value, "stateToken": step.state_token}
        return self._step(("factors",), body, call, step.parameters)

    def resend_enrollment_code(self, step: FactorStep, call: Call) -> SignInDocument:
        """Send another code for the activation of a factor."""
        return self._step(_factor(step, "lifecycle", "resend"), _token(step), call)

    def check_code(self, step: FactorStep, call: Call) -> SignInDocument:
        """Check a code or an answer. Raises InvalidCode."""
        # One of the two: a field that the factor does not know would make Okta send a code.
        proof = {"passCode": step.code} if step.code else {"answer": step.answer}
        return self._step(_factor(step, "verify"), proof | _token(step), call, step.parameters)

    def activate(self, step: FactorStep, call: Call) -> SignInDocument:
        """Activate a factor with its first code. Raises InvalidCode."""
        code = {"passCode": step.code} if step.code else {}
        return self._step(_factor(step, "lifecycle", "activate"), code | _token(step), call)

    def _step(
        self,
        path: tuple[str, ...],
        body: Mapping[str, object],
        call: Call,
        parameters: Mapping[str, str] | None = None,
        *,
        is_probe: bool = False,
    ) -> SignInDocument:
        try:
            document = self._transport.request(
                "POST",
                ("api", "v1", "authn", *path),
                call,
                params=parameters,
                body=body,
                with_token=self._is_trusted and not is_probe,
                for_customer=not is_probe,
            )
        except errors.VerificationError as failure:
            raise _outcome(failure) from None
        if not isinstance(document, dict):
            raise errors.OktaAnswerUnclear
        content = {name: value for name, value in document.items() if value is not None}
        if not _is_sign_in(content):
            raise errors.OktaAnswerUnclear
        return _document(content)


_FIELDS = dict.fromkeys(("status", "stateToken", "sessionToken", "factorResult", "expiresAt"), str)
_PARTS = dict.fromkeys(("_embedded", "_links"), dict)
_TOKENS = ("stateToken", "sessionToken")
"""No other token would be taken from the caller in the next step."""


def _is_sign_in(document: Mapping[str, Any]) -> bool:
    """Whether the document has the types that a client of Okta's expects: it is passed on."""
    types = {**_FIELDS, **_PARTS}
    known = types.keys() & document.keys()
    if not all(isinstance(document[name], types[name]) for name in known):
        return False
    return all(is_okta_token(document[name]) for name in _TOKENS if document.get(name))


_MEANINGS: Mapping[str, type[errors.ChallengeRefused]] = {
    "E0000004": errors.InvalidCredentials,
    "E0000005": errors.StepNotTaken,
    "E0000007": errors.StepNotTaken,
    "E0000011": errors.SignInEnded,
    "E0000079": errors.StepNotTaken,
}
"""What these codes mean in a sign-in. Elsewhere they are about the API token or an id."""


def _outcome(failure: errors.VerificationError) -> errors.VerificationError:
    """The outcome in a sign-in; Okta's own error object stays with it."""
    if failure.okta_error is None:
        return failure
    meaning = _MEANINGS.get(str(failure.okta_error.get("errorCode")))
    refused = errors.OktaCredentialsRejected, errors.OktaUnexpectedResponse
    if meaning is None and isinstance(failure, refused):
        meaning = errors.SignInRefused
    return meaning(okta_error=failure.okta_error) if meaning is not None else failure


def _factor(step: FactorStep, *rest: str) -> tuple[str, ...]:
    return ("factors", step.factor_id, *rest)


def _token(step: FactorStep) -> dict[str, str]:
    return {"stateToken": step.state_token}


def _document(content: Mapping[str, Any]) -> SignInDocument:
    status, embedded, user_id = content.get("status", ""), content.get("_embedded", {}), ""
    match embedded:
        case {"user": {"id": str(given)}} if is_id(given):
            user_id = given
    return SignInDocument(
        content,
        SignInStatus(status),
        status,
        content.get("stateToken", ""),
        user_id,
        _factors(embedded),
    )


def _factors(embedded: Mapping[str, Any]) -> dict[str, FactorType]:
    """The types of the factors in a document, by their ids."""
    listed = embedded.get("factors")
    factors = [*(listed if isinstance(listed, list) else []), embedded.get("factor")]
    found = {}
    for factor in factors:
        match factor:
            case {"id": str(factor_id), "factorType": str(kind)}:
                found[factor_id] = FactorType(kind)
    return found
