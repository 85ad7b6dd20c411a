"""Okta's errors. Statuses, codes and summaries are those of the vendor's error catalogue."""

from enum import Enum


class Refusal(Enum):
    """Why a request is refused: HTTP status, errorCode, errorSummary."""

    VALIDATION_FAILED = "400 E0000001 Api validation failed: {0}"
    MALFORMED_BODY = "400 E0000003 The request body was not well-formed."
    INVALID_SEARCH = "400 E0000031 Invalid search criteria."
    INVALID_ETAG = "400 E0000242 ETag syntax is invalid."
    EXPIRED_WITHOUT_PASSWORD = (
        "400 E0000124 Could not create user. To create a user and expire their password "
        "immediately, a password must be specified"
    )
    EXPIRED_WITHOUT_ACTIVATION = (
        "400 E0000125 Could not create user. To create a user and expire their password "
        'immediately, "activate" must be true'
    )
    INVALID_PHONE = "400 E0000098 This phone number is invalid."
    # A wrong login or password, or a session token that opens nothing.
    AUTHENTICATION_FAILED = "401 E0000004 Authentication failed"
    # A wrong or replaced API token, or a dead state token.
    INVALID_TOKEN = "401 E0000011 Invalid token provided"
    # Neither an API token nor a session, or a session that cannot be used here.
    INVALID_SESSION = "403 E0000005 Invalid session"
    # The administrator who made the API token lacks the right.
    ACCESS_DENIED = "403 E0000006 You do not have permission to perform the requested action"
    CREDENTIALS_NOT_UPDATED = "403 E0000014 Update of credentials failed"
    ALREADY_ACTIVE = "403 E0000016 Activation failed because the user is already active"
    UNLOCK_NOT_ALLOWED = "403 E0000032 Unlock is not allowed for this user."
    FORGOT_NOT_ALLOWED = "403 E0000034 Forgot password not allowed on specified user."
    CHANGE_NOT_ALLOWED = "403 E0000035 Change password not allowed on specified user."
    WRONG_USER_STATUS = "403 E0000038 This operation is not allowed in the user's current status."
    # The code or answer is wrong or expired, or no code was sent.
    WRONG_CODE = "403 E0000068 Invalid Passcode/Answer"
    USER_LOCKED = "403 E0000069 User Locked"
    # The sign-in is at another step.
    WRONG_STEP = "403 E0000079 This operation is not allowed in the current authentication state."
    WRONG_RECOVERY_ANSWER = "403 E0000087 The recovery question answer did not match our records."
    # A right TOTP code, used a second time.
    CODE_REPLAYED = (
        "403 E0000082 Each code can only be used once. Please wait for a new code and try again."
    )
    # The factor is not waiting for an activation.
    WRONG_FACTOR_STATE = (
        "403 E0000107 The entity is not in the expected state for the requested transition."
    )
    NOT_FOUND = "404 E0000007 Not found: {0}"
    UNKNOWN_PATH = "404 E0000022 The endpoint does not support the provided HTTP method"
    WRONG_METHOD = "405 E0000022 The endpoint does not support the provided HTTP method"
    FACTOR_NOT_ACTIVE = "410 E0000154 Invalid factor id, it is not currently active."
    OTHER_ETAG = "412 E0000231 ETag value doesn't match."
    RATE_LIMITED = "429 E0000047 API call exceeded rate limit due to too many requests."
    SMS_TOO_SOON = (
        "429 E0000109 An SMS message was recently sent. Please wait 30 seconds before trying again."
    )
    EMAIL_TOO_SOON = (
        "429 E0000118 An email was recently sent. Please wait 5 seconds before trying again."
    )
    CALL_TOO_SOON = (
        "429 E0000133 A phone call was recently made. Please wait 30 seconds before trying again."
    )
    INTERNAL_SERVER_ERROR = "500 E0000009 Internal Server Error"
    READ_ONLY_MODE = "503 E0000010 Service is in read only mode"

    def __init__(self, text: str) -> None:
        status, self.code, self.summary = text.split(" ", 2)
        self.status = int(status)


class OktaError(Exception):
    """A refusal, which is rendered as an Okta error body. `value` fills the summary's gap."""

    def __init__(self, refusal: Refusal, *causes: str, value: str = "") -> None:
        super().__init__(refusal, *causes)
        self.refusal = refusal
        self.summary = refusal.summary.format(value)
        self.causes = causes


def validation_failed(field: str, *causes: str) -> OktaError:
    """A parameter or field is missing or out of its range."""
    return OktaError(Refusal.VALIDATION_FAILED, *causes, value=field)


def enrolment_refused(cause: str) -> OktaError:
    """The factor cannot be enrolled, for one cause."""
    return validation_failed("factorEnrollRequest", cause)


def not_found(wanted: str, kind: str) -> OktaError:
    """No such record; `kind` is Okta's name for its type."""
    return OktaError(Refusal.NOT_FOUND, value=f"Resource not found: {wanted} ({kind})")


def wrong_step() -> OktaError:
    """The sign-in is at another step; as recorded, the summary is also the cause."""
    return OktaError(Refusal.WRONG_STEP, Refusal.WRONG_STEP.summary)
