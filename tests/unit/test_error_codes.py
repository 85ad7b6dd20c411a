"""The outcome for each of Okta's error codes that the vendor's documents name."""

from __future__ import annotations

from typing import Any

import pytest

from verification import errors
from verification.okta import error_codes

OUTCOMES = {
    "okta_credentials_rejected": "E0000004 E0000005 E0000006 E0000011",
    "customer_inactive": "E0000038 E0000155",
    "customer_locked": "E0000069",
    "invalid_code": "E0000068 E0000082 E0000083",
    "factor_not_active": "E0000154 E0000180",
    "invalid_phone_number": "E0000097 E0000098 E0000099 E0000121 E0000140",
    "okta_unexpected_response": "E0000001 E0000003 E0000007 E0000060 E0000080 E0000093",
    "send_limited": "E0000118 E0000109 E0000133 E0000150 E0000151 E0000204 E0000205 E0000146 "
    "E0000147 E0000186",
    "okta_unavailable": "E0000138 E0000139 E0000226 E0000247",
    "okta_rate_limited": "E0000047",
}
WAITS = {
    5: "E0000118",
    30: "E0000109 E0000133 E0000138 E0000139",
    42: "E0000047",  # as the headers of the answer say
    60: "E0000150 E0000151 E0000204 E0000205",
    300: "E0000226 E0000247",
    3600: "E0000146 E0000147 E0000186",
}
EXPECTED = {code: outcome for outcome, codes in OUTCOMES.items() for code in codes.split()}


def outcome(status: int, error_code: object = None, *, may_have_acted: bool = True) -> Any:
    """The outcome of an answer with this error code."""
    document = {"errorCode": error_code, "errorSummary": "Any words"}
    given = document if error_code is not None else None
    return error_codes.outcome_of(status, given, 42, may_have_acted=may_have_acted)


@pytest.mark.parametrize("error_code", EXPECTED)
def test_the_code_decides_and_not_the_status(error_code: str) -> None:
    for status in (302, 400, 401, 403, 404, 410, 423, 429, 500, 503):
        error = outcome(status, error_code)
        assert error.code == EXPECTED[error_code]
        own = error.okta_error
        assert (own["errorCode"], own["status"]) == (error_code, status)
    assert outcome(403, error_code) is not outcome(403, error_code)  # it carries a traceback


def test_a_limit_says_when_to_come_back() -> None:
    waits = {code: wait for wait, codes in WAITS.items() for code in codes.split()}
    assert {code: outcome(429, code).retry_after for code in waits} == waits


def test_the_caller_of_okta_explains_what_a_code_does_not() -> None:
    assert isinstance(outcome(401, "E0000011"), error_codes.InvalidToken)
    assert not isinstance(outcome(403, "E0000006"), error_codes.InvalidToken)
    assert isinstance(outcome(404, "E0000007"), error_codes.ResourceNotFound)
    for error_code in ("E0000001", "E0000003", "E0000060", "E0000080", "E0000093"):
        assert isinstance(outcome(400, error_code), error_codes.ValidationFailed)


def test_a_provider_that_failed_is_not_a_connection_that_failed() -> None:
    """Otherwise a refused code would be sent to Okta again, or its attempt given back."""
    for error_code in OUTCOMES["okta_unavailable"].split():
        assert not isinstance(outcome(503, error_code), errors.OktaNotReached)


@pytest.mark.parametrize("error_code", [None, 68, "", "E9999999", "e0000068", "E0000068 ", "E68"])
def test_an_unknown_code_is_read_by_its_status(error_code: object) -> None:
    for status in (301, 302, 400, 401, 403, 404, 409, 499):
        unknown = outcome(status, error_code)
        assert type(unknown) is errors.OktaUnexpectedResponse
        assert bool(unknown.okta_error) == (error_code == "E9999999")
    limited = outcome(429, error_code)
    assert (type(limited), limited.retry_after) == (errors.OktaRateLimited, 42)


@pytest.mark.parametrize("may_have_acted", [True, False])
def test_a_server_that_failed_may_have_carried_a_change_out(may_have_acted: bool) -> None:
    for status in (500, 502, 503, 504, 599):
        error = outcome(status, "E0000009", may_have_acted=may_have_acted)
        assert (error.code, errors.may_have_acted(error)) == ("okta_unavailable", may_have_acted)
