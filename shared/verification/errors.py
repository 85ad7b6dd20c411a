"""Every way in which a call can end other than well.

VerificationError
├── BadRequest                    the caller must change the request
│   ├── MissingEmail
│   ├── InvalidEmail
│   ├── MissingCode
│   ├── InvalidCodeFormat
│   ├── MalformedBody
│   ├── UnsupportedChannel
│   ├── UnsupportedMediaType
│   ├── InvalidPhoneNumber
│   ├── CustomerInvalid
│   └── IdempotencyKeyReused
├── Unauthorized                  the client key is wrong
├── CustomerRefused               this cannot be done for this customer
│   ├── CustomerExists
│   ├── CustomerNotFound
│   ├── CustomerInactive
│   ├── CustomerAmbiguous
│   ├── CustomerLocked
│   ├── FactorNotEnrolled
│   ├── FactorAlreadyEnrolled
│   ├── EnrollmentRefused
│   └── FactorNotActive
├── ChallengeRefused              this attempt proves nothing
│   ├── InvalidCredentials
│   ├── SignInEnded
│   ├── SignInRefused
│   ├── InvalidCode
│   ├── ChallengeNotFound
│   ├── ChallengeAlreadyVerified
│   ├── ChallengeExpired
│   ├── ChallengeSuperseded
│   └── ChallengeExhausted
├── TryLater                      nothing is wrong with the request but its time
│   ├── RequestInProgress
│   ├── SendLimited
│   ├── AttemptsHeld
│   ├── RateLimited
│   ├── OktaUnavailable
│   │   ├── OktaNotReached
│   │   └── OktaOutcomeUnknown
│   ├── OktaRateLimited
│   └── StoreUnavailable
├── OktaCredentialsRejected
├── OktaUnexpectedResponse
├── DeadlineExceeded
│   └── DeadlineTooNear
├── RouteNotFound
└── InternalError
    └── ConfigurationError

`code` is the contract: callers match on it and it never changes. `title` and `detail` are prose.
Neither ever holds an email, a phone number, a code, a key or a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from verification.models import Challenge, Registered


class VerificationError(Exception):
    """The root: an outcome that a caller can act on.

    `may_have_acted` says that what was asked may have been done all the same; `half_done` is what
    exists of a registration that ended so. `okta_error` is the error object of Okta's that it was
    made of, for the one dialect that speaks as Okta does.
    """

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.may_have_acted = False
        self.half_done: Registered | None = None
        self.okta_error: Mapping[str, Any] | None = None


class BadRequest(VerificationError):
    """Change the request before sending it again."""


class MissingEmail(BadRequest):
    """Send the customer's email."""

    code = "missing_email"
    title = "The email is missing."


class InvalidEmail(BadRequest):
    """Ask the customer for the address again."""

    code = "invalid_email"
    title = "This is not an email address."


class MissingCode(BadRequest):
    """Send the code that the customer typed."""

    code = "missing_code"
    title = "The verification code is missing."


class InvalidCodeFormat(BadRequest):
    """Ask the customer to type the code again; no attempt was used up."""

    code = "invalid_code_format"
    title = "A verification code is six digits."


class MalformedBody(BadRequest):
    """Mend the JSON; the detail names the field."""

    code = "malformed_body"
    title = "The request body cannot be understood."


class UnsupportedChannel(BadRequest):
    """Name a channel that can carry a code: email, sms or call."""

    code = "unsupported_channel"
    title = "Codes are sent by email, sms or call."


class UnsupportedMediaType(BadRequest):
    """Send `Content-Type: application/json`."""

    code = "unsupported_media_type"
    title = "The request body must be application/json."


class InvalidPhoneNumber(BadRequest):
    """Ask the customer for another phone number."""

    code = "invalid_phone_number"
    title = "Okta cannot use the phone number of this factor."


class CustomerInvalid(BadRequest):
    """Change the profile, the password or the groups; Okta does not say in a code which it is."""

    code = "customer_invalid"
    title = "Okta does not accept the profile, the password or the groups."


class IdempotencyKeyReused(BadRequest):
    """Take a new key for a new request; the old one belongs to another body."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request."


class Unauthorized(VerificationError):
    """Mend the client key; a call without any key is a public call."""

    code = "unauthorized"
    title = "The client key is not valid."


class CustomerRefused(VerificationError):
    """What is asked cannot be done for this customer."""


class CustomerExists(CustomerRefused):
    """Nothing was changed: look at the customer who is there."""

    code = "customer_exists"
    title = "A customer has this email or login already."


class CustomerNotFound(CustomerRefused):
    """No Okta user has this email."""

    code = "customer_not_found"
    title = "No customer has this email."


class CustomerInactive(CustomerRefused):
    """The Okta user must be activated first."""

    code = "customer_inactive"
    title = "The customer's account is not active."


class CustomerAmbiguous(CustomerRefused):
    """Several Okta users share the email: an administrator must tell them apart."""

    code = "customer_ambiguous"
    title = "More than one active customer has this email."


class CustomerLocked(CustomerRefused):
    """Okta has locked the account: an administrator must unlock it."""

    code = "customer_locked"
    title = "The customer's account is locked."


class FactorNotEnrolled(CustomerRefused):
    """Choose another channel, or enrol the factor first."""

    code = "factor_not_enrolled"
    title = "The customer has no factor for this channel."


class FactorAlreadyEnrolled(CustomerRefused):
    """Use the factor that is there, or remove it first."""

    code = "factor_already_enrolled"
    title = "The customer has such a factor already."


class EnrollmentRefused(CustomerRefused):
    """The org's policy, or what the customer has enrolled already, stands against it."""

    code = "enrollment_refused"
    title = "Okta refused to enrol this factor."


class FactorNotActive(CustomerRefused):
    """Choose another channel, or activate the factor first."""

    code = "factor_not_active"
    title = "The customer's factor for this channel is not active."


class ChallengeRefused(VerificationError):
    """Nobody was proved to be a customer by this call."""


class InvalidCredentials(ChallengeRefused):
    """Ask for the username and the password again."""

    code = "invalid_credentials"
    title = "The username or the password is wrong."


class SignInEnded(ChallengeRefused):
    """Begin another sign-in: this one is over, was cancelled, or never was."""

    code = "sign_in_ended"
    title = "This sign-in is over."


class SignInRefused(ChallengeRefused):
    """Take another step: Okta does not allow this one, and says why in its own words."""

    code = "sign_in_refused"
    title = "Okta refused this step of the sign-in."


class InvalidCode(ChallengeRefused):
    """Ask for the code again, while attempts remain. `challenge` is the one that it was for."""

    code = "invalid_code"
    title = "The verification code is wrong."

    def __init__(
        self, detail: str = "", *, attempts_remaining: int = 0, challenge: Challenge | None = None
    ) -> None:
        super().__init__(detail)
        self.attempts_remaining = attempts_remaining
        self.challenge = challenge


class ChallengeNotFound(ChallengeRefused):
    """Begin a challenge first."""

    code = "challenge_not_found"
    title = "There is no such challenge."


class ChallengeAlreadyVerified(ChallengeRefused):
    """A code proves a customer once; begin another challenge."""

    code = "challenge_already_verified"
    title = "This challenge has already been verified."


class ChallengeExpired(ChallengeRefused):
    """Begin another challenge."""

    code = "challenge_expired"
    title = "This challenge has expired."


class ChallengeSuperseded(ChallengeRefused):
    """Use the newer code, sent at `superseded_at` (epoch seconds)."""

    code = "challenge_superseded"
    title = "A newer code has been sent."

    def __init__(self, detail: str = "", *, superseded_at: int) -> None:
        super().__init__(detail)
        self.superseded_at = superseded_at


class ChallengeExhausted(ChallengeRefused):
    """Too many wrong codes; begin another challenge once the hold is over."""

    code = "challenge_exhausted"
    title = "This challenge was closed after too many wrong codes."


class TryLater(VerificationError):
    """Send the same request again after `retry_after` seconds."""

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = max(1, retry_after)


class RequestInProgress(TryLater):
    """Another call for this customer is not finished; its answer comes first."""

    code = "request_in_progress"
    title = "Another call for this customer is still in progress."


class SendLimited(TryLater):
    """A code was sent a moment ago, or too many were; wait for the customer to find it."""

    code = "send_limited"
    title = "No more codes can be sent at the moment."


class AttemptsHeld(TryLater):
    """Too many wrong codes in a row; a client may release the hold."""

    code = "attempts_held"
    title = "No more codes are accepted for this customer at the moment."


class RateLimited(TryLater):
    """The caller has used up its hour, whomever it asked about."""

    code = "rate_limited"
    title = "This caller has made too many requests."


class OktaUnavailable(TryLater):
    """Okta could not do its work."""

    code = "okta_unavailable"
    title = "The identity provider is not available."


class OktaNotReached(OktaUnavailable):
    """No connection came about, so Okta knows nothing of the request: safe to send again."""


class OktaOutcomeUnknown(OktaUnavailable):
    """The request reached Okta and no usable answer came back: it may have been carried out."""


class OktaRateLimited(TryLater):
    """The org has used up its rate limit; nothing was done."""

    code = "okta_rate_limited"
    title = "The identity provider is limiting requests."


class StoreUnavailable(TryLater):
    """The table or the secrets could not be reached."""

    code = "store_unavailable"
    title = "The service's own store is not available."


class OktaCredentialsRejected(VerificationError):
    """Put a valid API token into the secret."""

    code = "okta_credentials_rejected"
    title = "The identity provider rejected this service's credentials."


class OktaUnexpectedResponse(VerificationError):
    """Okta answered something that this service does not know; see its log."""

    code = "okta_unexpected_response"
    title = "The identity provider gave an answer that was not understood."


class DeadlineExceeded(VerificationError):
    """The time for this call ran out; what was begun may have been carried out."""

    code = "deadline_exceeded"
    title = "The call took too long."


class DeadlineTooNear(DeadlineExceeded):
    """No time was left to ask Okta, which knows nothing of the request."""


class RouteNotFound(VerificationError):
    """There is nothing at this address, or it is turned off."""

    code = "route_not_found"
    title = "There is no such route."


class InternalError(VerificationError):
    """A fault of this service: report the request id."""

    code = "internal_error"
    title = "Something went wrong in this service."


class ConfigurationError(InternalError):
    """A setting or a secret is missing or malformed: mend the stack, not the request.

    `problem` is for the log alone and names no secret's content.
    """

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem
