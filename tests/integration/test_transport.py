"""The transport's decisions: what each answer of Okta means, what is asked again, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import responses

from tests.integration.account import TOKEN
from tests.integration.okta_client import (
    CODE,
    ORG_URL,
    RENEWED_TOKEN,
    OktaClient,
    okta_client,
    okta_error,
)
from tests.integration.rows import refusal, told
from tests.unit.examples import NOW
from verification import errors
from verification.okta import error_codes

USERS = f"{ORG_URL}/api/v1/users"
VERIFY = f"{ORG_URL}/api/v1/users/00u1/factors/emf1/verify"
RATE_LIMIT = okta_error("E0000047")
INVALID_TOKEN = okta_error("E0000011")
SUCCESS = {"factorResult": "SUCCESS"}


@dataclass(frozen=True)
class Mocked:
    """A client, and Okta's answers to it."""

    okta: responses.RequestsMock
    client: OktaClient


@pytest.fixture
def mocked() -> Iterator[Mocked]:
    with responses.RequestsMock() as mock, okta_client() as client:
        yield Mocked(mock, client)


class TestAnswers:
    @pytest.mark.parametrize("document", [SUCCESS, [], [{"id": "00u1"}], {}])
    def test_success_is_its_document(self, mocked: Mocked, document: Any) -> None:
        mocked.okta.post(VERIFY, json=document)
        assert mocked.client.post() == document

    def test_success_without_content_is_none(self, mocked: Mocked) -> None:
        mocked.okta.get(USERS, status=204)
        assert mocked.client.get() is None

    @pytest.mark.parametrize("body", ["", "null", "true", "42", '"SUCCESS"', "<html>", "{", "\xff"])
    def test_success_without_a_document_is_unexpected(self, mocked: Mocked, body: str) -> None:
        mocked.okta.post(VERIFY, body=body.encode("latin-1"))
        mocked.okta.get(USERS, body=body.encode("latin-1"))
        assert type(refusal(mocked.client.post)) is errors.OktaAnswerUnclear
        assert type(refusal(mocked.client.get)) is errors.OktaUnexpectedResponse

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
    def test_error_is_known_by_its_code(
        self, mocked: Mocked, status: int, error_code: str, code: str
    ) -> None:
        liar = {**okta_error(error_code), "errorSummary": "E0000011 Invalid token provided"}
        mocked.okta.post(VERIFY, json=liar, status=status)
        refused = refusal(mocked.client.post)
        assert (refused.code, refused.okta_error) == (code, {**liar, "status": status})
        assert len(mocked.okta.calls) == 1

    @pytest.mark.parametrize("document", [[], None, "E0000068", {"errorCode": ["E0000068"]}])
    def test_error_in_another_shape_is_unexpected(self, mocked: Mocked, document: object) -> None:
        mocked.okta.post(VERIFY, json=document, status=403)
        refused = refusal(mocked.client.post)
        assert (refused.code, refused.okta_error) == ("okta_unexpected_response", None)

    def test_unknown_id_is_told_apart(self, mocked: Mocked) -> None:
        mocked.okta.get(USERS, json=okta_error("E0000007"), status=404)
        assert isinstance(refusal(mocked.client.get), error_codes.ResourceNotFound)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_never_followed(self, mocked: Mocked, status: int) -> None:
        mocked.okta.post(VERIFY, status=status, headers={"Location": "https://evil.example/steal"})
        assert told(mocked.client.post) == "okta_unexpected_response"
        assert len(mocked.okta.calls) == 1


class TestServerErrors:
    def test_get_is_asked_once_more(self, mocked: Mocked) -> None:
        mocked.okta.get(USERS, status=503, body="<html>")
        mocked.okta.get(USERS, json=[])
        assert mocked.client.get() == []
        assert (mocked.client.jitters, mocked.client.waits) == ([(0.05, 0.25)], [0.05])

    def test_get_is_not_asked_a_third_time(self, mocked: Mocked) -> None:
        mocked.okta.get(USERS, status=500)
        refused = refusal(mocked.client.get)
        assert type(refused) is errors.OktaUnavailable
        assert (refused.retry_after, len(mocked.okta.calls)) == (5, 2)

    def test_get_is_not_asked_again_without_time(self, mocked: Mocked) -> None:
        mocked.okta.get(USERS, status=503)
        assert told(lambda: mocked.client.get(seconds=0.09)) == "okta_unavailable"
        assert (len(mocked.okta.calls), mocked.client.waits) == (1, [])

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_request_that_may_have_acted_is_not_sent_again(
        self, mocked: Mocked, status: int
    ) -> None:
        mocked.okta.post(VERIFY, status=status, json=okta_error("E0000009"))
        refused = refusal(mocked.client.post)
        assert type(refused) is errors.OktaOutcomeUnknown
        assert refused.code == "okta_unavailable"
        assert (len(mocked.okta.calls), mocked.client.waits) == (1, [])


def rate_limit(limit: int, reset: int) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Reset": str(reset),
    }


class TestRateLimits:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_limit_that_ends_in_time_is_waited_for(self, mocked: Mocked, method: str) -> None:
        url = USERS if method == "GET" else VERIFY
        mocked.okta.add(method, url, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 3))
        mocked.okta.add(method, url, json=SUCCESS)
        assert (mocked.client.get() if method == "GET" else mocked.client.post()) == SUCCESS
        assert mocked.client.waits == [3.0]

    @pytest.mark.parametrize(("reset", "wait"), [(30, 30), (9, 9), (3600, 60)])
    def test_limit_that_ends_later_is_passed_on(
        self, mocked: Mocked, reset: int, wait: int
    ) -> None:
        headers = rate_limit(600, NOW + reset)
        mocked.okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        refused = refusal(mocked.client.post)
        assert isinstance(refused, errors.OktaRateLimited)
        assert (refused.retry_after, len(mocked.okta.calls), mocked.client.waits) == (wait, 1, [])

    def test_limit_is_waited_for_once(self, mocked: Mocked) -> None:
        mocked.okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 2))
        assert told(mocked.client.post) == "okta_rate_limited"
        assert (len(mocked.okta.calls), mocked.client.waits) == (2, [2.0])

    @pytest.mark.parametrize(
        "headers",
        [
            rate_limit(0, NOW + 50),  # calls at the same time: the reset means nothing
            rate_limit(600, NOW - 50),
            rate_limit(600, 0),
            {},
            {"X-Rate-Limit-Limit": "9" * 5000, "X-Rate-Limit-Reset": "soon"},
            {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "\u0663"},
            {**rate_limit(600, NOW + 1), "Retry-After": "3600"},
        ],
    )
    def test_limit_without_a_usable_reset_is_over_in_a_moment(
        self, mocked: Mocked, headers: dict[str, str]
    ) -> None:
        mocked.okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        mocked.okta.post(VERIFY, json=SUCCESS)
        assert mocked.client.post() == SUCCESS
        assert mocked.client.waits == [1.0]

    @pytest.mark.parametrize(("remaining", "percent"), [("150", 25), ("0", 0), ("600", 100)])
    def test_remaining_quota_is_noted(self, mocked: Mocked, remaining: str, percent: int) -> None:
        headers = {**rate_limit(600, NOW), "X-Rate-Limit-Remaining": remaining}
        mocked.okta.get(USERS, json=[], headers={**headers, "X-Okta-Request-Id": "req1"})
        mocked.client.get()
        assert mocked.client.meter.facts == {
            "okta_request_id": "req1",
            "okta_quota_remaining": percent,
        }
        assert mocked.client.meter.calls == {"okta": 1}


class TestTokens:
    def test_rejected_token_is_read_again_and_tried_once_more(self, mocked: Mocked) -> None:
        mocked.client.tokens.stored = RENEWED_TOKEN
        mocked.okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        mocked.okta.post(VERIFY, json=SUCCESS)
        assert mocked.client.post() == SUCCESS
        sent = [call.request.headers["Authorization"] for call in mocked.okta.calls]
        assert sent == [f"SSWS {TOKEN}", f"SSWS {RENEWED_TOKEN}"]
        assert mocked.client.tokens.rejected == [TOKEN]

    @pytest.mark.parametrize(("stored", "calls"), [(TOKEN, 1), (RENEWED_TOKEN, 2)])
    def test_token_is_tried_no_more_than_that(
        self, mocked: Mocked, stored: str, calls: int
    ) -> None:
        mocked.client.tokens.stored = stored
        mocked.okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        assert told(mocked.client.post) == "okta_credentials_rejected"
        assert (len(mocked.okta.calls), mocked.client.tokens.rejected) == (calls, [TOKEN])

    def test_other_rejections_leave_the_token_alone(self, mocked: Mocked) -> None:
        mocked.okta.post(VERIFY, status=401, json=okta_error("E0000004"))
        assert told(mocked.client.post) == "okta_credentials_rejected"
        assert (len(mocked.okta.calls), mocked.client.tokens.rejected) == (1, [])

    def test_rejection_of_a_call_without_token_is_final(self, mocked: Mocked) -> None:
        mocked.okta.post(f"{ORG_URL}/api/v1/authn", status=401, json=INVALID_TOKEN)
        assert told(mocked.client.step) == "okta_credentials_rejected"
        assert (len(mocked.okta.calls), mocked.client.tokens.rejected) == (1, [])

    @pytest.mark.parametrize(
        ("status", "document"),
        [
            (401, INVALID_TOKEN),
            (403, okta_error("E0000006")),
            (429, RATE_LIMIT),
            (500, okta_error("E0000009")),
            (200, f"SSWS {TOKEN} {CODE}"),
        ],
    )
    def test_no_error_shows_the_token_or_the_code(
        self, mocked: Mocked, status: int, document: object
    ) -> None:
        mocked.okta.post(VERIFY, status=status, json=document, headers=rate_limit(600, NOW + 50))
        refused = refusal(mocked.client.post)
        assert refused.__suppress_context__ or refused.__context__ is None
        shown = f"{refused!r} {refused}"
        assert TOKEN not in shown
        assert CODE not in shown
