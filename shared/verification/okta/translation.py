"""From Okta's error codes to the outcomes of this service; the one place that knows them.

Only `errorCode` is read: summaries and causes vary for the same code. The codes and their meaning
are those of the vendor's error catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from verification import errors


class InvalidToken(errors.OktaCredentialsRejected):
    """The API token was not accepted: it may have been rotated a moment ago."""


class ValidationFailed(errors.OktaUnexpectedResponse):
    """Okta found the request itself wrong. Whoever asked says what that can only mean."""


class ResourceNotFound(errors.OktaUnexpectedResponse):
    """Okta does not know the id or login. Whoever asked says what that means."""


RATE_LIMIT = "E0000047"

_FACTORIES: Mapping[str, Callable[[], errors.VerificationError]] = {
    "E0000001": ValidationFailed,
    "E0000007": ResourceNotFound,
    "E0000004": errors.OktaCredentialsRejected,
    "E0000005": errors.OktaCredentialsRejected,
    "E0000006": errors.OktaCredentialsRejected,
    "E0000011": InvalidToken,
    "E0000038": errors.CustomerInactive,
    "E0000155": errors.CustomerInactive,
    "E0000069": errors.CustomerLocked,
    "E0000068": errors.InvalidCode,
    "E0000082": errors.InvalidCode,
    "E0000083": errors.InvalidCode,
    "E0000154": errors.FactorNotActive,
    "E0000180": errors.FactorNotActive,
    "E0000097": errors.InvalidPhoneNumber,
    "E0000098": errors.InvalidPhoneNumber,
    "E0000099": errors.InvalidPhoneNumber,
    "E0000121": errors.InvalidPhoneNumber,
    # The customer told the provider to send nothing more: the number is of no use here.
    "E0000140": errors.InvalidPhoneNumber,
    # Of a new user: an attribute's type, the group of everyone, the password, too many groups.
    "E0000003": ValidationFailed,
    "E0000060": ValidationFailed,
    "E0000080": ValidationFailed,
    "E0000093": ValidationFailed,
    "E0000138": lambda: errors.OktaUnavailable(retry_after=30),
    "E0000139": lambda: errors.OktaUnavailable(retry_after=30),
    "E0000226": lambda: errors.OktaUnavailable(retry_after=300),
    "E0000247": lambda: errors.OktaUnavailable(retry_after=300),
    # The waits are those that the summaries name; where none is named, an hour of a daily limit.
    "E0000118": lambda: errors.SendLimited(retry_after=5),
    "E0000109": lambda: errors.SendLimited(retry_after=30),
    "E0000133": lambda: errors.SendLimited(retry_after=30),
    "E0000150": lambda: errors.SendLimited(retry_after=60),
    "E0000151": lambda: errors.SendLimited(retry_after=60),
    "E0000204": lambda: errors.SendLimited(retry_after=60),
    "E0000205": lambda: errors.SendLimited(retry_after=60),
    "E0000146": lambda: errors.SendLimited(retry_after=3600),
    "E0000147": lambda: errors.SendLimited(retry_after=3600),
    "E0000186": lambda: errors.SendLimited(retry_after=3600),
}


def outcome_of(status: int, error_code: str, retry_after: int) -> errors.VerificationError:
    """The outcome for an answer that is not a success.

    `retry_after` is the wait in seconds that the answer's rate-limit headers give.
    """
    if error_code in _FACTORIES:
        return _FACTORIES[error_code]()
    # Also a 429 of a gateway before Okta, which has no such code: nothing was done.
    if error_code == RATE_LIMIT or status == 429:  # noqa: PLR2004
        return errors.OktaRateLimited(retry_after=retry_after)
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return errors.OktaOutcomeUnknown(retry_after=5)
    return errors.OktaUnexpectedResponse()
