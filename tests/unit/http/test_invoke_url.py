"""The invoke-URL dialect: the two hosted flows' queries, numbers and texts."""

from __future__ import annotations

import pytest

from tests.unit.events import queried
from tests.unit.examples import NOW, challenge, every_outcome, settings
from verification import errors
from verification.http import invoke_url
from verification.http.messages import Reply
from verification.http.statuses import STATUS
from verification.models.challenges import Code, Issued, IssueRequest, Verified, VerifyRequest
from verification.models.customers import Email

ADA = "ada@example.com"
TEXTS = {
    "missing_email": "error: include email",
    "invalid_email": "error: invalid email",
    "customer_not_found": "error: invalid email",
    "missing_code": "error: verification code missing",
}
Query = list[tuple[str, str]]


class TestRequests:
    @pytest.mark.parametrize(
        ("text", "email"),
        [
            (ADA, ADA),
            (" ada@example.com", ADA),
            ("ada shop@example.com", "ada+shop@example.com"),  # a plus arrives as a blank
        ],
    )
    def test_an_email_asks_for_a_code_and_with_a_code_for_a_check(
        self, text: str, email: str
    ) -> None:
        asked = IssueRequest(Email(email))
        assert invoke_url.parse_issue(queried(("email", text))) == asked
        check = invoke_url.parse_verify(queried(("email", text), ("otp", "123 456")))
        assert check == VerifyRequest(Code("123456"), email=Email(email))

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ([], "missing_email"),
            ([("email", " ")], "missing_email"),
            ([("Email", ADA)], "missing_email"),
            ([("email", ADA), ("email", ADA)], "invalid_email"),
        ],
    )
    def test_a_wrong_email_is_refused(self, query: Query, code: str) -> None:
        for parse in (invoke_url.parse_issue, invoke_url.parse_verify):
            with pytest.raises(errors.BadRequest) as refused:
                parse(queried(*query, ("otp", "123456")))
            assert refused.value.code == code

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ([], "missing_code"),
            ([("code", "123456")], "missing_code"),
            ([("otp", "12345")], "invalid_code_format"),
            ([("otp", "123456"), ("otp", "654321")], "invalid_code_format"),
        ],
    )
    def test_a_wrong_code_is_refused(self, query: Query, code: str) -> None:
        with pytest.raises(errors.BadRequest) as refused:
            invoke_url.parse_verify(queried(("email", ADA), *query))
        assert refused.value.code == code

    def test_the_routes_can_be_turned_off(self) -> None:
        invoke_url.admit(settings(invoke_url_routes=True))
        with pytest.raises(errors.RouteNotFound):
            invoke_url.admit(settings(invoke_url_routes=False))


class TestReplies:
    @pytest.mark.parametrize(
        ("reply", "outcome"),
        [
            (invoke_url.issued(Issued(challenge(), NOW, 4)), "sent"),
            (invoke_url.issued(Issued(challenge(), NOW, was_sent=False)), "accepted"),
            (invoke_url.verified(Verified(challenge())), "verified"),
        ],
    )
    def test_success_is_the_number_200(self, reply: Reply, outcome: str) -> None:
        assert (reply.status, reply.body, reply.outcome) == (200, "200", outcome)
        assert reply.content_type == "application/json"

    def test_an_error_is_its_number_or_the_flows_own_text(self) -> None:
        for error in every_outcome():
            reply = invoke_url.error(error, queried())
            assert (reply.headers["X-Outcome"], reply.outcome) == (error.code, error.code)
            status = STATUS[error.code]
            assert (reply.status, reply.body) == (status, TEXTS.get(error.code, str(status)))
            is_text = error.code in TEXTS
            assert reply.content_type == ("text/plain" if is_text else "application/json")
            assert ("Retry-After" in reply.headers) == isinstance(error, errors.TryLater)
