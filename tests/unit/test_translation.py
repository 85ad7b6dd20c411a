"""From Okta's error codes to outcomes: every code that the vendor's documents name for a factor."""

from __future__ import annotations

import pytest

from verification import errors
from verification.okta import translation

OUTCOMES = {
    "E0000004": (401, "okta_credentials_rejected"),
    "E0000005": (403, "okta_credentials_rejected"),
    "E0000006": (403, "okta_credentials_rejected"),
    "E0000011": (401, "okta_credentials_rejected"),
    "E0000038": (403, "customer_inactive"),
    "E0000155": (423, "customer_inactive"),
    "E0000069": (403, "customer_locked"),
    "E0000068": (403, "invalid_code"),
    "E0000082": (403, "invalid_code"),
    "E0000083": (403, "invalid_code"),
    "E0000154": (410, "factor_not_active"),
    "E0000180": (423, "factor_not_active"),
    "E0000097": (403, "invalid_phone_number"),
    "E0000098": (400, "invalid_phone_number"),
    "E0000099": (403, "invalid_phone_number"),
    "E0000121": (400, "invalid_phone_number"),
    "E0000140": (400, "invalid_phone_number"),
}

WAITS = {
    "E0000118": (429, "send_limited", 5),
    "E0000109": (429, "send_limited", 30),
    "E0000133": (429, "send_limited", 30),
    "E0000150": (403, "send_limited", 60),
    "E0000151": (403, "send_limited", 60),
    "E0000204": (429, "send_limited", 60),
    "E0000205": (429, "send_limited", 60),
    "E0000146": (429, "send_limited", 3600),
    "E0000147": (429, "send_limited", 3600),
    "E0000186": (429, "send_limited", 3600),
    "E0000138": (500, "okta_unavailable", 30),
    "E0000139": (503, "okta_unavailable", 30),
    "E0000226": (400, "okta_unavailable", 300),
    "E0000247": (403, "okta_unavailable", 300),
    "E0000047": (429, "okta_rate_limited", 42),
}


class TestKnownCodes:
    @pytest.mark.parametrize("error_code", OUTCOMES)
    def test_a_code_has_one_outcome(self, error_code: str) -> None:
        status, outcome = OUTCOMES[error_code]
        assert translation.outcome_of(status, error_code, 42).code == outcome

    @pytest.mark.parametrize("error_code", WAITS)
    def test_a_limit_says_when_to_come_back(self, error_code: str) -> None:
        status, outcome, wait = WAITS[error_code]
        error = translation.outcome_of(status, error_code, 42)
        assert isinstance(error, errors.TryLater)
        assert (error.code, error.retry_after) == (outcome, wait)

    @pytest.mark.parametrize("error_code", [*OUTCOMES, *WAITS])
    @pytest.mark.parametrize("status", [302, 400, 429, 500, 503])
    def test_the_code_decides_and_not_the_status(self, status: int, error_code: str) -> None:
        outcome = (*OUTCOMES.get(error_code, ()), *WAITS.get(error_code, ()))[1]
        assert translation.outcome_of(status, error_code, 42).code == outcome

    def test_a_token_that_is_not_accepted_is_told_from_one_that_is_not_allowed(self) -> None:
        assert isinstance(translation.outcome_of(401, "E0000011", 1), translation.InvalidToken)
        assert not isinstance(translation.outcome_of(403, "E0000006", 1), translation.InvalidToken)

    def test_not_found_is_for_whoever_asked_to_explain(self) -> None:
        error = translation.outcome_of(404, "E0000007", 1)
        assert isinstance(error, translation.ResourceNotFound)
        assert error.code == "okta_unexpected_response"

    def test_a_provider_that_fails_is_not_a_connection_that_failed(self) -> None:
        """Else a code that was refused would be forwarded again, or its attempt given back."""
        for error_code in ("E0000138", "E0000139", "E0000226", "E0000247"):
            error = translation.outcome_of(503, error_code, 1)
            assert not isinstance(error, errors.OktaNotReached)


class TestUnknownCodes:
    @pytest.mark.parametrize("error_code", ["", "E9999999", "e0000068", "E0000068 "])
    @pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 499])
    def test_an_unknown_code_is_an_unexpected_response(self, status: int, error_code: str) -> None:
        error = translation.outcome_of(status, error_code, 42)
        assert type(error) is errors.OktaUnexpectedResponse

    @pytest.mark.parametrize("error_code", ["", "E9999999", "e0000068"])
    def test_a_limit_of_a_gateway_before_okta_did_nothing(self, error_code: str) -> None:
        error = translation.outcome_of(429, error_code, 42)
        assert isinstance(error, errors.OktaRateLimited)
        assert (error.code, error.retry_after) == ("okta_rate_limited", 42)

    def test_a_request_that_okta_finds_wrong_is_for_whoever_asked_to_explain(self) -> None:
        error = translation.outcome_of(400, "E0000001", 42)
        assert isinstance(error, errors.OktaUnexpectedResponse)
        assert error.code == "okta_unexpected_response"

    @pytest.mark.parametrize(
        ("status", "error_code"), [(501, "E0000060"), (403, "E0000080"), (400, "E0000093")]
    )
    def test_what_is_wrong_with_a_new_user_is_a_wrong_request(
        self, status: int, error_code: str
    ) -> None:
        error = translation.outcome_of(status, error_code, 42)
        assert isinstance(error, translation.ValidationFailed)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
    def test_a_server_that_fails_may_have_acted(self, status: int) -> None:
        error = translation.outcome_of(status, "E0000009", 42)
        assert isinstance(error, errors.OktaOutcomeUnknown)
        assert (error.code, error.retry_after) == ("okta_unavailable", 5)

    def test_no_error_is_made_twice(self) -> None:
        """A shared exception would carry one call's traceback into another's."""
        first, second = (translation.outcome_of(403, "E0000068", 1) for _ in range(2))
        assert first is not second
