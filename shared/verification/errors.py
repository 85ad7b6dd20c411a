"""Every way in which a call can fail.

VerificationError
├── BadRequest                    change the request before sending it again
│   ├── MissingEmail
│   ├── InvalidEmail
│   ├── MissingCode
│   ├── InvalidCodeFormat
│   ├── MalformedBody
│   ├── UnsupportedChannel
│   ├── UnsupportedMediaType
│   ├── InvalidPhoneNumber
│   ├── CustomerInvalid
│   ├── OnlyAtOkta
│   └── IdempotencyKeyReused
├── Unauthorized                  the client key is wrong
├── Forbidden                     the client lacks a scope
├── CustomerRefused               not possible for this customer
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
│   │   └── StepNotTaken
│   ├── InvalidCode
│   │   └── CodeNotComparable
│   ├── ChallengeNotFound
│   ├── PushRejected
│   ├── ChallengeAlreadyVerified
│   ├── ChallengeExpired
│   ├── ChallengeSuperseded
│   └── ChallengeExhausted
├── ReceiptRefused                the receipt does not say what is expected; it is not used up
│   ├── ReceiptInvalid
│   ├── ReceiptExpired
│   ├── ReceiptNotYetValid
│   ├── ReceiptWrongAudience
│   ├── ReceiptWrongCustomer
│   ├── ReceiptWrongPurpose
│   ├── ReceiptWrongReference
│   └── ReceiptAlreadyRedeemed
├── ReceiptUnavailable
├── TryLater                      the same request may succeed later
│   ├── RequestInProgress
│   ├── SendLimited
│   ├── AttemptsHeld
│   ├── RateLimited
│   ├── OktaUnavailable
│   │   ├── OktaNotReached
│   │   └── OktaOutcomeUnknown    (MayHaveActed)
│   ├── OktaRateLimited
│   └── StoreUnavailable
│       └── SendNotConfirmed      (MayHaveActed)
├── OktaCredentialsRejected
├── OktaUnexpectedResponse
│   └── OktaAnswerUnclear         (MayHaveActed)
├── DeadlineExceeded
│   └── DeadlineExceededWaiting   (MayHaveActed)
├── RegistrationStopped
│   └── RegistrationIncomplete
├── RouteNotFound
└── InternalError
    └── ConfigurationError

Four subclasses are where they are used: three kinds of Okta's answers in `okta.error_codes`, and one that
names a field in `http.workos`. Everybody else sees the class that they are made of.

`code` is the contract: callers match on it, and it does not change. `title` and `detail` are prose.
Neither ever contains an email, a phone number, a code, a key or a token, with two exceptions that go
to the client and into no log: Okta's own text about a registration that it refused, and the malformed
phone number of a request in the MFA dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verification.models.challenges import Challenge
    from verification.models.customers import Registered


class VerificationError(Exception):
    """The root: an outcome that a caller can act on.

    `okta_error` is the error object that Okta answered with, if this outcome stands for one. The authn
    dialect passes it on, and clients are told what Okta has against a registration.
    """

    code: str
    title: str

    def __init__(self, detail: str = "", *, okta_error: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.okta_error = okta_error


class MayHaveActed(Exception):
    """Mixed into outcomes after which Okta may have done what it was asked to do."""


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
    """Ask the customer to type the code again; no attempt was used."""

    code = "invalid_code_format"
    title = "A verification code is six digits."


class MalformedBody(BadRequest):
    """Correct the JSON; the detail names the field."""

    code = "malformed_body"
    title = "The request body cannot be understood."


class UnsupportedChannel(BadRequest):
    """Name another channel."""

    code = "unsupported_channel"
    title = "This channel does not exist, or not for this request."


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


class OnlyAtOkta(BadRequest):
    """Go to the page of Okta's that the detail names."""

    code = "only_at_okta"
    title = "Only the identity provider's own pages do this."


class IdempotencyKeyReused(BadRequest):
    """Use a new key for a new request; this key was used with another body or query."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request."


class Unauthorized(VerificationError):
    """Correct the client key; a call without any key is a public call."""

    code = "unauthorized"
    title = "The client key is not valid."


class Forbidden(VerificationError):
    """Have an operator add the scope to the client."""

    code = "forbidden"
    title = "This client may not do this."


class CustomerRefused(VerificationError):
    """What is asked is not possible for this customer."""


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
    """Choose another channel, or enroll the factor first."""

    code = "factor_not_enrolled"
    title = "The customer has no factor for this channel."


class FactorAlreadyEnrolled(CustomerRefused):
    """Use the existing factor, or remove it first."""

    code = "factor_already_enrolled"
    title = "The customer has such a factor already."


class EnrollmentRefused(CustomerRefused):
    """The org's policy, or an existing factor, does not allow it."""

    code = "enrollment_refused"
    title = "Okta refused to enroll this factor."


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
    """Begin another sign-in: this one is over, was cancelled, or never existed."""

    code = "sign_in_ended"
    title = "This sign-in is over."


class SignInRefused(ChallengeRefused):
    """Take another step: Okta does not allow this one."""

    code = "sign_in_refused"
    title = "Okta refused this step of the sign-in."


class StepNotTaken(SignInRefused):
    """Take the step that the sign-in's status asks for; Okta compared no code."""


class InvalidCode(ChallengeRefused):
    """Ask for the code again while attempts remain.

    `challenge` is the one that the code was for. `attempts_remaining` is None where the caller must
    not be told.
    """

    code = "invalid_code"
    title = "The verification code is wrong."

    def __init__(
        self,
        detail: str = "",
        *,
        attempts_remaining: int | None = None,
        challenge: Challenge | None = None,
        okta_error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, okta_error=okta_error)
        self.attempts_remaining = attempts_remaining
        self.challenge = challenge


class CodeNotComparable(InvalidCode):
    """Ask for the code that was sent for this purpose; Okta was not asked, and no attempt used."""


class ChallengeNotFound(ChallengeRefused):
    """Begin a challenge first."""

    code = "challenge_not_found"
    title = "There is no such challenge."


class PushRejected(ChallengeRefused):
    """Ask the customer; begin another challenge only if the customer wants it."""

    code = "push_rejected"
    title = "The customer has rejected the push, or has chosen another number."


class ChallengeAlreadyVerified(ChallengeRefused):
    """Begin another challenge: a code proves a customer once."""

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
    """Begin another challenge once the customer is no longer held."""

    code = "challenge_exhausted"
    title = "This challenge was closed after too many wrong codes."


class ReceiptRefused(VerificationError):
    """Do not act on this receipt."""


class ReceiptInvalid(ReceiptRefused):
    """Verify the customer again: it was changed, or is not of this service."""

    code = "receipt_invalid"
    title = "This is not a receipt of this service."


class ReceiptExpired(ReceiptRefused):
    """Verify the customer again."""

    code = "receipt_expired"
    title = "This receipt has expired."


class ReceiptNotYetValid(ReceiptRefused):
    """Check the clocks: it was signed in the future."""

    code = "receipt_not_yet_valid"
    title = "This receipt is from the future."


class ReceiptWrongAudience(ReceiptRefused):
    """Begin the challenge with your own audience."""

    code = "receipt_wrong_audience"
    title = "This receipt is meant for somebody else."


class ReceiptWrongCustomer(ReceiptRefused):
    """Somebody else was verified: do not act for this customer."""

    code = "receipt_wrong_customer"
    title = "This receipt is about another customer."


class ReceiptWrongPurpose(ReceiptRefused):
    """The customer was verified for something else."""

    code = "receipt_wrong_purpose"
    title = "This receipt was made for another purpose."


class ReceiptWrongReference(ReceiptRefused):
    """The customer was verified for something else, such as another order."""

    code = "receipt_wrong_reference"
    title = "This receipt was made for another reference."


class ReceiptAlreadyRedeemed(ReceiptRefused):
    """It was used at `redeemed_at` (epoch seconds): do not act on it again."""

    code = "receipt_already_redeemed"
    title = "This receipt has already been redeemed."

    def __init__(self, detail: str = "", *, redeemed_at: int) -> None:
        super().__init__(detail)
        self.redeemed_at = redeemed_at


class ReceiptUnavailable(VerificationError):
    """The code was right, but the receipt that this stack requires could not be signed. Begin another
    challenge: the code is used up.
    """

    code = "receipt_unavailable"
    title = "The receipt could not be signed, and the code is used up."


class TryLater(VerificationError):
    """Send the same request again after `retry_after` seconds."""

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: int = 1,
        okta_error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, okta_error=okta_error)
        self.retry_after = max(1, retry_after)


class RequestInProgress(TryLater):
    """Wait for the other call of this customer to finish."""

    code = "request_in_progress"
    title = "Another call for this customer is still in progress."


class SendLimited(TryLater):
    """Wait: a code was sent a moment ago, or too many were. `limit` names the limit, for clients."""

    code = "send_limited"
    title = "No more codes can be sent at the moment."

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: int = 1,
        limit: str = "okta",
        okta_error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, retry_after=retry_after, okta_error=okta_error)
        self.limit = limit


class AttemptsHeld(TryLater):
    """Too many wrong codes in a row. Only a success or a release ends a customer's hold."""

    code = "attempts_held"
    title = "No more codes are accepted for this customer at the moment."


class RateLimited(TryLater):
    """The caller has used up its hour, over all customers."""

    code = "rate_limited"
    title = "This caller has made too many requests."


class OktaUnavailable(TryLater):
    """Okta could not answer a request that only reads, or says that a part of it is down."""

    code = "okta_unavailable"
    title = "The identity provider is not available."


class OktaNotReached(OktaUnavailable):
    """Okta knows nothing of the request, for lack of a connection or of an access token: safe to send
    again.
    """


class OktaOutcomeUnknown(OktaUnavailable, MayHaveActed):
    """The request reached Okta and no usable answer came back."""


class OktaRateLimited(TryLater):
    """The org has used up its rate limit; nothing was done."""

    code = "okta_rate_limited"
    title = "The identity provider is limiting requests."


class StoreUnavailable(TryLater):
    """The table, the secrets, KMS or the asynchronous invocation could not be reached."""

    code = "store_unavailable"
    title = "The service's own store is not available."


class SendNotConfirmed(StoreUnavailable, MayHaveActed):
    """Okta has sent the code, and the table could not be told."""


class OktaCredentialsRejected(VerificationError):
    """Put a valid API token into the secret or, with a service app, correct the app in Okta."""

    code = "okta_credentials_rejected"
    title = "The identity provider rejected this service's credentials."


class OktaUnexpectedResponse(VerificationError):
    """Okta gave an answer that this service does not know; see its log."""

    code = "okta_unexpected_response"
    title = "The identity provider gave an answer that was not understood."


class OktaAnswerUnclear(OktaUnexpectedResponse, MayHaveActed):
    """Okta gave an unknown answer to a request that changes something."""


class DeadlineExceeded(VerificationError):
    """The time for this call ran out before Okta was asked to change anything."""

    code = "deadline_exceeded"
    title = "The call took too long."


class DeadlineExceededWaiting(DeadlineExceeded, MayHaveActed):
    """The time ran out while Okta was working."""


class RegistrationStopped(VerificationError):
    """Send the same request again under the same Idempotency-Key: it finds the user, if Okta has
    created it. `failure` is what stopped it, and gives this outcome its code.
    """

    def __init__(self, failure: VerificationError) -> None:
        self.code, self.title = failure.code, failure.title
        super().__init__(failure.detail)
        self.failure = failure


class RegistrationIncomplete(RegistrationStopped):
    """The user exists: the same request continues from `registered`."""

    def __init__(self, failure: VerificationError, registered: Registered) -> None:
        super().__init__(failure)
        self.registered = registered


class RouteNotFound(VerificationError):
    """There is no such route, or it is turned off."""

    code = "route_not_found"
    title = "There is no such route."


class InternalError(VerificationError):
    """A fault of this service: report the request id."""

    code = "internal_error"
    title = "Something went wrong in this service."


class ConfigurationError(InternalError):
    """A setting or a secret is missing or malformed: correct the stack, not the request.

    `problem` is for the log alone and contains nothing of a secret.
    """

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


def okta_did_nothing(failure: VerificationError) -> bool:
    """Whether it is certain that Okta never processed a call that failed like this.

    StoreUnavailable and ConfigurationError arise while the credential is read or signed for, before
    the call.
    """
    never_asked = (
        OktaNotReached,
        OktaRateLimited,
        OktaCredentialsRejected,
        DeadlineExceeded,
        StoreUnavailable,
        ConfigurationError,
    )
    return isinstance(failure, never_asked) and not isinstance(failure, MayHaveActed)


def may_have_acted(failure: VerificationError) -> bool:
    """Whether Okta may have carried out a call that failed like this."""
    return isinstance(failure, MayHaveActed)
