"""The HTTP status of every outcome in the JSON and invoke-URL dialects."""

from __future__ import annotations

from collections.abc import Mapping

from verification.errors import TryLater, Unauthorized, VerificationError

STATUS: Mapping[str, int] = {
    "missing_email": 400,
    "invalid_email": 400,
    "missing_code": 400,
    "invalid_code_format": 400,
    "malformed_body": 400,
    "unsupported_channel": 400,
    "only_at_okta": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "invalid_credentials": 401,
    "sign_in_ended": 401,
    "invalid_code": 403,
    "push_rejected": 403,
    "sign_in_refused": 403,
    "customer_not_found": 404,
    "challenge_not_found": 404,
    "route_not_found": 404,
    "receipt_wrong_audience": 403,
    "receipt_invalid": 400,
    "receipt_not_yet_valid": 400,
    "receipt_expired": 410,
    "receipt_wrong_customer": 409,
    "receipt_wrong_purpose": 409,
    "receipt_wrong_reference": 409,
    "receipt_already_redeemed": 409,
    "receipt_unavailable": 503,
    "customer_exists": 409,
    "customer_inactive": 409,
    "customer_ambiguous": 409,
    "customer_locked": 409,
    "factor_not_enrolled": 409,
    "factor_not_active": 409,
    "factor_already_enrolled": 409,
    "enrollment_refused": 409,
    "challenge_already_verified": 409,
    "request_in_progress": 409,
    "challenge_expired": 410,
    "challenge_superseded": 410,
    "challenge_exhausted": 410,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "customer_invalid": 422,
    "invalid_phone_number": 422,
    "send_limited": 429,
    "attempts_held": 429,
    "rate_limited": 429,
    "internal_error": 500,
    "okta_credentials_rejected": 502,
    "okta_unexpected_response": 502,
    "okta_unavailable": 503,
    "okta_rate_limited": 503,
    "store_unavailable": 503,
    "deadline_exceeded": 504,
}


def headers_of(error: VerificationError) -> dict[str, str]:
    """The headers of an error in every dialect: when to come back, and how to authenticate."""
    if isinstance(error, TryLater):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    return {}
