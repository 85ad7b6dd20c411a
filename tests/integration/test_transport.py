"""The transport's decisions: what each answer of Okta means, what is asked again, and when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.account import RENEWED_TOKEN, TOKEN
from tests.integration.loopback import LoopbackServer, message, says
from tests.integration.okta_client import CODE, WAIT, connected, okta_error
from tests.integration.rows import refusal
from tests.unit.examples import NOW
from verification import errors
from verification.okta import error_codes

SUCCESS = {"factorResult": "SUCCESS"}
OK = says(SUCCESS)
INVALID_TOKEN = says(okta_error("E0000011"), 401)


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "document"),
        [(OK, SUCCESS), (says([]), []), (says({}), {}), (message(b"", 204), None)],
    )
    def test_success_is_its_document(self, answer: Any, document: object) -> None:
        with connected(answer) as (okta, _):
            assert okta.post() == document

    @pytest.mark.parametrize("body", ["", "null", "true", "42", '"SUCCESS"', "<html>", "{", "\xff"])
    def test_success_without_a_document_is_unexpected(self, body: str) -> None:
        with connected(*[message(body.encode("latin-1"))] * 2) as (okta, _):
            assert type(refusal(okta.post)) is errors.OktaAnswerUnclear
            assert type(refusal(okta.get)) is errors.OktaUnexpectedResponse

    @pytest.mark.parametrize(
        ("status", "error_code", "code"),
        [
            (403, "E0000068", "invalid_code"),
            (403, "E0000069", "customer_locked"),
            (410, "E0000154", "factor_not_active"),
            (403, "E0000006", "okta_credentials_rejected"),
            (429, "E0000118", "send_limited"),
            (400, "E0000001", "okta_unexpected_response"),
            (403, "E9999999", "okta_unexpected_response"),
        ],
    )
    def test_error_is_known_by_its_code(self, status: int, error_code: str, code: str) -> None:
        liar = {**okta_error(error_code), "errorSummary": "E0000011 Invalid token provided"}
        with connected(says(liar, status), OK) as (okta, server):
            refused = refusal(okta.post)
        assert (refused.code, refused.okta_error) == (code, {**liar, "status": status})
        assert len(server.received) == 1

    @pytest.mark.parametrize("document", [[], None, "E0000068", {"errorCode": ["E0000068"]}])
    def test_error_in_another_shape_is_unexpected(self, document: object) -> None:
        with connected(says(document, 403)) as (okta, _):
            refused = refusal(okta.post)
        assert (refused.code, refused.okta_error) == ("okta_unexpected_response", None)

    def test_unknown_id_is_told_apart(self) -> None:
        with connected(says(okta_error("E0000007"), 404)) as (okta, _):
            assert isinstance(refusal(okta.get), error_codes.ResourceNotFound)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_never_followed(self, status: int) -> None:
        with LoopbackServer(OK) as thief:
            there = message(b"{}", status, Location=f"{thief.url}/steal")
            with connected(there) as (okta, _):
                assert refusal(okta.post).code == "okta_unexpected_response"
            assert thief.received == []


class TestServerErrors:
    def test_get_is_asked_once_more(self) -> None:
        with connected(message(b"<html>", 503), says([])) as (okta, _):
            assert okta.get() == []
        assert okta.waits == [WAIT]

    def test_get_is_not_asked_a_third_time(self) -> None:
        with connected(*[message(b"", 500)] * 3) as (okta, server):
            refused = refusal(okta.get)
        assert type(refused) is errors.OktaUnavailable
        assert (refused.retry_after, len(server.received)) == (5, 2)

    def test_get_is_not_asked_again_without_time(self) -> None:
        with connected(message(b"", 503), says([]), clock=lambda: 0.0) as (okta, server):
            assert refusal(lambda: okta.get(seconds=0.24)).code == "okta_unavailable"
        assert (len(server.received), okta.waits) == (1, [])

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_request_that_may_have_acted_is_not_sent_again(self, status: int) -> None:
        with connected(says(okta_error("E0000009"), status), OK) as (okta, server):
            refused = refusal(okta.post)
        assert type(refused) is errors.OktaOutcomeUnknown
        assert refused.code == "okta_unavailable"
        assert (len(server.received), okta.waits) == (1, [])


def headers(reset: object, limit: object = 600, **more: str) -> dict[str, str]:
    """The headers of a rate limit."""
    given = {"Limit": str(limit), "Remaining": "0", "Reset": str(reset), **more}
    return {f"X_Rate_Limit_{name}": value for name, value in given.items()}


def limited(**given: str) -> Any:
    return says(okta_error("E0000047"), 429, **given)


class TestRateLimits:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_limit_that_ends_in_time_is_waited_for(self, method: str) -> None:
        with connected(limited(**headers(NOW + 3)), OK) as (okta, _):
            assert getattr(okta, method)() == SUCCESS
        assert okta.waits == [3.0]

    @pytest.mark.parametrize(("reset", "wait"), [(30, 30), (9, 9), (3600, 60)])
    def test_limit_that_ends_later_is_passed_on(self, reset: int, wait: int) -> None:
        with connected(limited(**headers(NOW + reset)), OK) as (okta, server):
            refused = refusal(okta.post)
        assert isinstance(refused, errors.OktaRateLimited)
        assert (refused.retry_after, len(server.received), okta.waits) == (wait, 1, [])

    def test_limit_is_waited_for_once(self) -> None:
        with connected(*[limited(**headers(NOW + 2))] * 3) as (okta, server):
            assert refusal(okta.post).code == "okta_rate_limited"
        assert (len(server.received), okta.waits) == (2, [2.0])

    @pytest.mark.parametrize(
        "given",
        [
            headers(NOW + 50, limit=0),  # calls at the same time: the reset means nothing
            headers(NOW - 50),
            headers(0),
            {},
            headers("soon", limit="9" * 5000),
            headers("\u00b3"),
            {**headers(NOW + 1), "Retry_After": "3600"},
        ],
    )
    def test_limit_without_a_usable_reset_is_over_in_a_moment(self, given: dict[str, str]) -> None:
        with connected(limited(**given), OK) as (okta, _):
            assert okta.post() == SUCCESS
        assert okta.waits == [1.0]

    @pytest.mark.parametrize(("remaining", "percent"), [("150", 25), ("0", 0), ("600", 100)])
    def test_remaining_quota_is_noted(self, remaining: str, percent: int) -> None:
        given = {**headers(NOW, Remaining=remaining), "X_Okta_Request_Id": "req1"}
        with connected(says([], 200, **given)) as (okta, _):
            okta.get()
        assert okta.meter.facts == {"okta_request_id": "req1", "okta_quota_remaining": percent}
        assert okta.meter.calls == {"okta": 1}


class TestTokens:
    def test_rejected_token_is_read_again_and_tried_once_more(self) -> None:
        with connected(INVALID_TOKEN, OK) as (okta, server):
            okta.tokens.stored = RENEWED_TOKEN
            assert okta.post() == SUCCESS
        sent = [each.headers["authorization"] for each in server.received]
        assert sent == [f"SSWS {TOKEN}", f"SSWS {RENEWED_TOKEN}"]
        assert okta.tokens.rejected == [TOKEN]

    @pytest.mark.parametrize(("stored", "calls"), [(TOKEN, 1), (RENEWED_TOKEN, 2)])
    def test_token_is_tried_no_more_than_that(self, stored: str, calls: int) -> None:
        with connected(*[INVALID_TOKEN] * 3) as (okta, server):
            okta.tokens.stored = stored
            assert refusal(okta.post).code == "okta_credentials_rejected"
        assert (len(server.received), okta.tokens.rejected) == (calls, [TOKEN])

    @pytest.mark.parametrize(
        ("error_code", "with_token"), [("E0000004", True), ("E0000011", False)]
    )
    def test_rejection_of_anything_else_is_final(self, error_code: str, with_token: bool) -> None:
        with connected(says(okta_error(error_code), 401), OK) as (okta, server):
            refused = refusal(lambda: okta.post(with_token=with_token))
        assert refused.code == "okta_credentials_rejected"
        assert (len(server.received), okta.tokens.rejected) == (1, [])
        assert (TOKEN in str(server.received[0].headers)) is with_token

    @pytest.mark.parametrize(
        "answer",
        [
            INVALID_TOKEN,
            says(okta_error("E0000006"), 403),
            limited(**headers(NOW + 50)),
            says(okta_error("E0000009"), 500),
            says(f"SSWS {TOKEN} {CODE}"),
        ],
    )
    def test_no_error_shows_the_token_or_the_code(self, answer: Any) -> None:
        with connected(answer) as (okta, _):
            refused = refusal(okta.post)
        assert refused.__suppress_context__ or refused.__context__ is None
        shown = f"{refused!r} {refused}"
        assert TOKEN not in shown
        assert CODE not in shown
