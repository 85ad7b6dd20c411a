"""The outcome of this service for each of Okta's error codes.

Only `errorCode` is read: summaries and causes vary for the same code. The codes and their meaning
are those of the vendor's error catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from verification import errors


class InvalidToken(errors.OktaCredentialsRejected):
    """Read or fetch the token again: it may have been rotated a moment ago, or have ended."""


class ValidationFailed(errors.OktaUnexpectedResponse):
    """Okta found the request itself wrong. The module that sent it knows what that means."""


class ResourceNotFound(errors.OktaUnexpectedResponse):
    """Okta does not know the id or login. The module that sent it knows what that means."""


Json = dict[str, Any] | list[Any] | None
"""A document of Okta's."""

RATE_LIMIT = "E0000047"

_CODE = r"E[0-9]{7}"

_FACTORIES: Mapping[str, Callable[..., errors.VerificationError]] = {
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
    # The customer opted out of messages, so this number cannot be used.
    "E0000140": errors.InvalidPhoneNumber,
    # About a new user: an attribute's type, the everyone group, the password, too many groups.
    "E0000003": ValidationFailed,
    "E0000060": ValidationFailed,
    "E0000080": ValidationFailed,
    "E0000093": ValidationFailed,
    "E0000138": partial(errors.OktaUnavailable, retry_after=30),
    "E0000139": partial(errors.OktaUnavailable, retry_after=30),
    "E0000226": partial(errors.OktaUnavailable, retry_after=300),
    "E0000247": partial(errors.OktaUnavailable, retry_after=300),
    # The waits that the summaries name; an hour where a daily limit names none.
    "E0000118": partial(errors.SendLimited, retry_after=5),
    "E0000109": partial(errors.SendLimited, retry_after=30),
    "E0000133": partial(errors.SendLimited, retry_after=30),
    "E0000150": partial(errors.SendLimited, retry_after=60),
    "E0000151": partial(errors.SendLimited, retry_after=60),
    "E0000204": partial(errors.SendLimited, retry_after=60),
    "E0000205": partial(errors.SendLimited, retry_after=60),
    "E0000146": partial(errors.SendLimited, retry_after=3600),
    "E0000147": partial(errors.SendLimited, retry_after=3600),
    "E0000186": partial(errors.SendLimited, retry_after=3600),
}


def outcome_of(
    status: int, document: Json, retry_after: int, *, may_have_acted: bool
) -> errors.VerificationError:
    """The outcome for an answer that is not a success.

    `retry_after` is the wait in seconds from the answer's rate-limit headers. `may_have_acted`:
    whether Okta may have done what was asked where the answer does not say so.
    """
    code = ""
    known: dict[str, Any] | None = None
    if isinstance(document, dict) and re.fullmatch(_CODE, str(document.get("errorCode"))):
        code = document["errorCode"]
        known = {**document, "status": status}
    if code in _FACTORIES:
        return _FACTORIES[code](okta_error=known)
    # A 429 without Okta's code is a gateway's before Okta: nothing was done.
    if code == RATE_LIMIT or status == 429:  # noqa: PLR2004
        return errors.OktaRateLimited(retry_after=retry_after, okta_error=known)
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        kind = errors.OktaOutcomeUnknown if may_have_acted else errors.OktaUnavailable
        return kind(retry_after=5, okta_error=known)
    return errors.OktaUnexpectedResponse(okta_error=known)
