"""Okta's Authentication API: a sign-in as a chain of steps, each of which answers with its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verification import errors
from verification.models import Call, Channel
from verification.okta.transport import Transport
from verification.policy import TOTP_TYPE

SENT = frozenset(channel for channel in Channel if channel.is_sent)
"""The types of factors whose challenge sends something that costs money or patience."""

QUESTION = "question"

SILENT = frozenset((QUESTION, TOTP_TYPE, "token", "token:hardware", "token:hotp"))
"""The types that are challenged without anything being sent."""


class Authn:
    """Takes one step at a time. With the API token this service is a trusted application, whose
    word Okta takes for the customer's address; most orgs want none of that.
    """

    def __init__(self, transport: Transport, *, is_trusted: bool) -> None:
        self._transport = transport
        self._is_trusted = is_trusted

    def step(
        self,
        path: tuple[str, ...],
        body: Mapping[str, object],
        call: Call,
        parameters: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Okta's document. Raises InvalidCredentials, InvalidCode, SignInEnded, StepNotTaken,
        SignInRefused, and what every call to Okta can end with.
        """
        try:
            document = self._transport.request(
                "POST",
                ("api", "v1", "authn", *path),
                call,
                params=parameters,
                body=body,
                with_token=self._is_trusted,
            )
        except errors.VerificationError as failure:
            raise _outcome(failure) from None
        if not isinstance(document, dict):
            raise errors.OktaUnexpectedResponse
        return document


class StepNotTaken(errors.SignInRefused):
    """Okta looked at no code: the sign-in is not where this step is possible."""


_MEANINGS: Mapping[str, type[errors.ChallengeRefused]] = {
    "E0000004": errors.InvalidCredentials,
    "E0000005": StepNotTaken,
    "E0000007": StepNotTaken,
    "E0000011": errors.SignInEnded,
    "E0000079": StepNotTaken,
}
"""What these codes mean here, which is not what they mean when a token is sent."""


def _outcome(failure: errors.VerificationError) -> errors.VerificationError:
    """The outcome in a sign-in, with Okta's own words kept where it has refused."""
    if failure.okta_error is None:
        return failure
    meaning = _MEANINGS.get(str(failure.okta_error.get("errorCode")))
    refused = errors.OktaCredentialsRejected, errors.OktaUnexpectedResponse
    if meaning is None and isinstance(failure, refused):
        meaning = errors.SignInRefused
    if meaning is None:
        return failure
    outcome = meaning()
    outcome.okta_error = failure.okta_error
    return outcome
