"""The error tree: its drawing, its codes with their statuses, and what a failed call may have done."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.unit.examples import every_outcome
from verification import errors
from verification.http.statuses import STATUS, headers_of

CONTRACT = {
    400: "missing_email invalid_email missing_code invalid_code_format malformed_body "
    "unsupported_channel receipt_invalid receipt_not_yet_valid only_at_okta",
    401: "unauthorized invalid_credentials sign_in_ended",
    403: "invalid_code push_rejected forbidden sign_in_refused receipt_wrong_audience",
    404: "customer_not_found challenge_not_found route_not_found",
    409: "customer_exists customer_inactive customer_ambiguous customer_locked factor_not_enrolled "
    "factor_not_active factor_already_enrolled enrollment_refused challenge_already_verified "
    "request_in_progress receipt_wrong_customer receipt_wrong_purpose receipt_wrong_reference "
    "receipt_already_redeemed",
    410: "challenge_expired challenge_superseded challenge_exhausted receipt_expired",
    415: "unsupported_media_type",
    422: "customer_invalid invalid_phone_number idempotency_key_reused",
    429: "send_limited attempts_held rate_limited",
    500: "internal_error",
    502: "okta_credentials_rejected okta_unexpected_response",
    503: "okta_unavailable okta_rate_limited store_unavailable receipt_unavailable",
    504: "deadline_exceeded",
}
"""What callers match on. A line may be added; none may change."""

CLASSES = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.VerificationError)
]
OUTCOMES = {error.code: error for error in every_outcome()}


def test_the_drawing_is_the_tree_and_every_class_says_what_to_do() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(?:  |$)", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else "Exception"
    assert drawn == {each.__name__: each.__mro__[1].__name__ for each in CLASSES}
    assert [each.__name__ for each in CLASSES if not each.__doc__] == []


def test_every_outcome_has_a_code_of_its_own_a_title_and_its_promised_status() -> None:
    promised = {code: status for status, codes in CONTRACT.items() for code in codes.split()}
    assert promised == STATUS
    assert OUTCOMES.keys() == STATUS.keys()
    coded = [each for each in CLASSES if "code" in vars(each)]
    assert len(coded) == len({each.code for each in coded})
    assert [each.__name__ for each in coded if not re.fullmatch(r"[A-Z].+\.", each.title)] == []


def test_headers_say_when_to_come_back_and_how_to_authenticate() -> None:
    later = {code for code, error in OUTCOMES.items() if isinstance(error, errors.TryLater)}
    assert {code: each for code, error in OUTCOMES.items() if (each := headers_of(error))} == {
        **{code: {"Retry-After": "1"} for code in later},
        "unauthorized": {"WWW-Authenticate": "Bearer"},
    }


def test_a_wait_is_never_less_than_a_second() -> None:
    waits = {given: errors.AttemptsHeld(retry_after=given).retry_after for given in (30, 1, 0, -5)}
    assert waits == {30: 30, 1: 1, 0: 1, -5: 1}


def test_what_an_operator_must_correct_is_not_told_to_callers() -> None:
    error = errors.ConfigurationError("TABLE_NAME is not set")
    assert error.problem == "TABLE_NAME is not set"
    assert (str(error), error.detail) == ("Something went wrong in this service.", "")


def test_whether_okta_has_acted_follows_from_the_class() -> None:
    def names(decide: Callable[[errors.VerificationError], bool]) -> set[str]:
        return {type(each).__name__ for each in every_outcome() if decide(each)}

    assert names(errors.okta_did_nothing) == {
        *("OktaNotReached", "OktaRateLimited", "OktaCredentialsRejected", "DeadlineExceeded"),
        *("StoreUnavailable", "ConfigurationError"),
    }
    acted = {"OktaOutcomeUnknown", "OktaAnswerUnclear", "DeadlineExceededWaiting"}
    acted |= {"SendNotConfirmed"}
    assert names(errors.may_have_acted) == acted
