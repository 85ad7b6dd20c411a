"""The invoke-URL dialect: the two hosted flows' queries, numbers and texts."""

from __future__ import annotations

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from tests.unit.events import queried
from tests.unit.examples import NOW, challenge
from verification import errors
from verification.dialects import invoke_url
from verification.dialects.outcomes import STATUS
from verification.models import Channel, Issued

ADA = "ada@example.com"

ERRORS: list[errors.VerificationError] = [
    errors.MissingEmail(),
    errors.InvalidEmail(),
    errors.MissingCode(),
    errors.InvalidCodeFormat(),
    errors.Unauthorized(),
    errors.InvalidCode(attempts_remaining=1),
    errors.CustomerNotFound(),
    errors.CustomerInactive(),
    errors.CustomerAmbiguous(),
    errors.FactorNotEnrolled(),
    errors.ChallengeNotFound(),
    errors.ChallengeAlreadyVerified(),
    errors.ChallengeExpired(),
    errors.AttemptsHeld(retry_after=60),
    errors.ConfigurationError("TABLE_NAME is not set"),
    errors.OktaUnexpectedResponse(),
    errors.OktaOutcomeUnknown(retry_after=5),
    errors.DeadlineExceeded(),
]
TEXTS = {
    "missing_email": "error: include email",
    "invalid_email": "error: invalid email",
    "customer_not_found": "error: invalid email",
    "missing_code": "error: verification code missing",
}


class TestRequests:
    def test_an_email_is_a_request_for_a_code(self) -> None:
        request = invoke_url.parse_issue(queried(("email", ADA)))
        assert (request.email, request.channel, request.locale) == (ADA, Channel.EMAIL, None)

    def test_an_email_and_a_code_are_a_request_to_verify(self) -> None:
        request = invoke_url.parse_verify(queried(("email", "ADA@example.com"), ("otp", "123 456")))
        assert (request.email, request.code, request.challenge_id) == (ADA, "123456", None)

    def test_a_plus_that_arrived_as_a_blank_is_a_plus(self) -> None:
        request = invoke_url.parse_issue(queried(("email", "ada shop@example.com")))
        assert request.email == "ada+shop@example.com"

    def test_an_event_with_single_values_only_is_read(self) -> None:
        event = APIGatewayProxyEvent({"queryStringParameters": {"email": ADA, "otp": "123456"}})
        assert invoke_url.parse_verify(event).email == ADA

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ([], "missing_email"),
            ([("email", "")], "missing_email"),
            ([("email", " ")], "invalid_email"),
            ([("Email", ADA)], "missing_email"),
            ([("email", "ada")], "invalid_email"),
            ([("email", f"{ADA},eve@evil.example")], "invalid_email"),
            ([("email", "ada\n@example.com")], "invalid_email"),
            ([("email", ADA), ("email", "eve@evil.example")], "invalid_email"),
            ([("email", ADA), ("email", ADA)], "invalid_email"),
        ],
    )
    def test_an_email_that_is_none_is_refused(
        self, query: list[tuple[str, str]], code: str
    ) -> None:
        event = queried(*query, ("otp", "123456"))
        for parse in (invoke_url.parse_issue, invoke_url.parse_verify):
            with pytest.raises(errors.BadRequest) as refused:
                parse(event)
            assert refused.value.code == code

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ([], "missing_code"),
            ([("otp", "")], "missing_code"),
            ([("code", "123456")], "missing_code"),
            ([("otp", "12345")], "invalid_code_format"),
            ([("otp", "12345x")], "invalid_code_format"),
            ([("otp", "123456"), ("otp", "654321")], "invalid_code_format"),
        ],
    )
    def test_a_code_that_is_none_is_refused(self, query: list[tuple[str, str]], code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            invoke_url.parse_verify(queried(("email", ADA), *query))
        assert refused.value.code == code


class TestAnswers:
    def test_success_is_the_number_200(self) -> None:
        for response in (
            invoke_url.issued(Issued(challenge(), NOW, 4)),
            invoke_url.verified(challenge()),
        ):
            assert (response.status_code, response.body) == (200, "200")
            assert response.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
    def test_an_error_is_its_number_or_the_flows_own_text(
        self, error: errors.VerificationError
    ) -> None:
        response = invoke_url.error(error, queried())
        status = STATUS[error.code]
        assert response.status_code == status
        assert response.body == TEXTS.get(error.code, str(status))
        text = error.code in TEXTS
        assert response.headers["Content-Type"] == ("text/plain" if text else "application/json")
        assert response.headers["X-Outcome"] == error.code

    def test_a_wait_is_in_the_header(self) -> None:
        response = invoke_url.error(errors.AttemptsHeld(retry_after=60), queried())
        assert (response.body, response.headers["Retry-After"]) == ("429", "60")
