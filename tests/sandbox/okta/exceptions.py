"""Okta's errors, by status and errorCode.

OktaError
├── ValidationFailedError      400 E0000001
│   └── EnrolmentRefusedError
├── MalformedBodyError         400 E0000003
├── InvalidSearchError         400 E0000031
├── InvalidPhoneError          400 E0000098
├── AuthenticationFailedError  401 E0000004
├── InvalidTokenError          401 E0000011
├── InvalidSessionError        403 E0000005
├── AccessDeniedError          403 E0000006
├── AlreadyActiveError         403 E0000016
├── UnlockNotAllowedError      403 E0000032
├── WrongUserStatusError       403 E0000038
├── WrongCodeError             403 E0000068
├── UserLockedError            403 E0000069
├── WrongStepError             403 E0000079
├── CodeReplayedError          403 E0000082
├── WrongFactorStateError      403 E0000107
├── ResourceNotFoundError      404 E0000007
├── UnknownEndpointError       404 E0000022
├── MethodNotSupportedError    405 E0000022
├── FactorNotActiveError       410 E0000154
├── RateLimitedError           429 E0000047
├── TooSoonError
│   ├── SmsTooSoonError        429 E0000109
│   ├── EmailTooSoonError      429 E0000118
│   └── CallTooSoonError       429 E0000133
├── InternalServerError        500 E0000009
└── ReadOnlyModeError          503 E0000010

Codes, statuses and summaries are those of the vendor's error catalogue.
"""

from typing import ClassVar


class OktaError(Exception):
    """A refusal that the org renders as an Okta error body."""

    status: ClassVar[int]
    code: ClassVar[str]
    summary: str
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, *causes: str) -> None:
        super().__init__(*causes)
        self.causes = causes


class ValidationFailedError(OktaError):
    """A parameter or field is missing or out of its range."""

    status = 400
    code = "E0000001"

    def __init__(self, field: str, *causes: str) -> None:
        super().__init__(*causes)
        self.summary = f"Api validation failed: {field}"


class EnrolmentRefusedError(ValidationFailedError):
    """The factor cannot be enrolled, for the one cause that is given."""

    def __init__(self, cause: str) -> None:
        super().__init__("factorEnrollRequest", cause)


class MalformedBodyError(OktaError):
    """The body is not a JSON object."""

    status = 400
    code = "E0000003"
    summary = "The request body was not well-formed."


class InvalidSearchError(OktaError):
    """The search expression is not one that the org understands."""

    status = 400
    code = "E0000031"
    summary = "Invalid search criteria."


class InvalidPhoneError(OktaError):
    """What was given is no phone number."""

    status = 400
    code = "E0000098"
    summary = "This phone number is invalid."


class AuthenticationFailedError(OktaError):
    """Login and password, or the session token, open nothing; begin again."""

    status = 401
    code = "E0000004"
    summary = "Authentication failed"


class InvalidTokenError(OktaError):
    """The API token is wrong or was replaced, or the state token is dead; get a new one."""

    status = 401
    code = "E0000011"
    summary = "Invalid token provided"
    headers = (("www-authenticate", "SSWS"),)


class InvalidSessionError(OktaError):
    """The request carries neither an API token nor a session, or one that is no use here."""

    status = 403
    code = "E0000005"
    summary = "Invalid session"


class AccessDeniedError(OktaError):
    """Whoever made the API token may not do this."""

    status = 403
    code = "E0000006"
    summary = "You do not have permission to perform the requested action"


class AlreadyActiveError(OktaError):
    """The user has been activated before."""

    status = 403
    code = "E0000016"
    summary = "Activation failed because the user is already active"


class UnlockNotAllowedError(OktaError):
    """Only a user who is locked out can be unlocked."""

    status = 403
    code = "E0000032"
    summary = "Unlock is not allowed for this user."


class WrongUserStatusError(OktaError):
    """The user is not ACTIVE."""

    status = 403
    code = "E0000038"
    summary = "This operation is not allowed in the user's current status."


class WrongCodeError(OktaError):
    """The code or answer is wrong, expired or was never asked for."""

    status = 403
    code = "E0000068"
    summary = "Invalid Passcode/Answer"


class UserLockedError(OktaError):
    """Too many wrong codes: nothing is checked until the user is unlocked."""

    status = 403
    code = "E0000069"
    summary = "User Locked"


class WrongStepError(OktaError):
    """The sign-in is at another step; follow the links of its last answer."""

    status = 403
    code = "E0000079"
    summary = "This operation is not allowed in the current authentication state."

    def __init__(self) -> None:
        super().__init__(self.summary)


class CodeReplayedError(OktaError):
    """The TOTP code is right and was used before."""

    status = 403
    code = "E0000082"
    summary = "Each code can only be used once. Please wait for a new code and try again."


class WrongFactorStateError(OktaError):
    """The factor is not waiting for an activation."""

    status = 403
    code = "E0000107"
    summary = "The entity is not in the expected state for the requested transition."


class ResourceNotFoundError(OktaError):
    """No such record; `kind` is Okta's name for what was looked for."""

    status = 404
    code = "E0000007"

    def __init__(self, wanted: str, kind: str) -> None:
        super().__init__()
        self.summary = f"Not found: Resource not found: {wanted} ({kind})"


class UnknownEndpointError(OktaError):
    """The path is none of the org's."""

    status = 404
    code = "E0000022"
    summary = "The endpoint does not support the provided HTTP method"


class MethodNotSupportedError(UnknownEndpointError):
    """The path is one of the org's, under another method."""

    status = 405


class FactorNotActiveError(OktaError):
    """The factor is enrolled and out of use."""

    status = 410
    code = "E0000154"
    summary = "Invalid factor id, it is not currently active."


class RateLimitedError(OktaError):
    """The bucket of this endpoint is used up until its window ends."""

    status = 429
    code = "E0000047"
    summary = "API call exceeded rate limit due to too many requests."


class TooSoonError(OktaError):
    """A code went to the same destination a moment ago."""

    status = 429


class SmsTooSoonError(TooSoonError):
    """Wait 30 seconds between two text messages."""

    code = "E0000109"
    summary = "An SMS message was recently sent. Please wait 30 seconds before trying again."


class EmailTooSoonError(TooSoonError):
    """Wait 5 seconds between two mails."""

    code = "E0000118"
    summary = "An email was recently sent. Please wait 5 seconds before trying again."


class CallTooSoonError(TooSoonError):
    """Wait 30 seconds between two calls."""

    code = "E0000133"
    summary = "A phone call was recently made. Please wait 30 seconds before trying again."


class InternalServerError(OktaError):
    """Okta failed; sent by a fault only."""

    status = 500
    code = "E0000009"
    summary = "Internal Server Error"


class ReadOnlyModeError(OktaError):
    """Okta is in maintenance; sent by a fault only."""

    status = 503
    code = "E0000010"
    summary = "Service is in read only mode"
