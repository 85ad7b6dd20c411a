"""The transport's decisions: what each answer of Okta means, what is asked again, and when."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def okta() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(okta: responses.RequestsMock) -> Iterator[OktaClient]:  # noqa: ARG001 - started first
    with okta_client() as client:
        yield client


class TestAnswers:
    @pytest.mark.parametrize("document", [SUCCESS, [], [{"id": "00u1"}], {}])
    def test_success_is_its_document(
        self, okta: responses.RequestsMock, client: OktaClient, document: Any
    ) -> None:
        okta.post(VERIFY, json=document)
        assert client.post() == document

    def test_success_without_content_is_none(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=204)
        assert client.get() is None

    @pytest.mark.parametrize("body", ["", "null", "true", "42", '"SUCCESS"', "<html>", "{", "\xff"])
    def test_success_without_a_document_is_unexpected(
        self, okta: responses.RequestsMock, client: OktaClient, body: str
    ) -> None:
        okta.post(VERIFY, body=body.encode("latin-1"))
        okta.get(USERS, body=body.encode("latin-1"))
        assert type(refusal(client.post)) is errors.OktaAnswerUnclear
        assert type(refusal(client.get)) is errors.OktaUnexpectedResponse

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
        self,
        okta: responses.RequestsMock,
        client: OktaClient,
        status: int,
        error_code: str,
        code: str,
    ) -> None:
        liar = {**okta_error(error_code), "errorSummary": "E0000011 Invalid token provided"}
        okta.post(VERIFY, json=liar, status=status)
        refused = refusal(client.post)
        assert (refused.code, refused.okta_error) == (code, {**liar, "status": status})
        assert len(okta.calls) == 1

    @pytest.mark.parametrize("document", [[], None, "E0000068", {"errorCode": ["E0000068"]}])
    def test_error_in_another_shape_is_unexpected(
        self, okta: responses.RequestsMock, client: OktaClient, document: object
    ) -> None:
        okta.post(VERIFY, json=document, status=403)
        refused = refusal(client.post)
        assert (refused.code, refused.okta_error) == ("okta_unexpected_response", None)

    def test_unknown_id_is_told_apart(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, json=okta_error("E0000007"), status=404)
        assert isinstance(refusal(client.get), error_codes.ResourceNotFound)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_never_followed(
        self, okta: responses.RequestsMock, client: OktaClient, status: int
    ) -> None:
        okta.post(VERIFY, status=status, headers={"Location": "https://evil.example/steal"})
        assert told(client.post) == "okta_unexpected_response"
        assert len(okta.calls) == 1


class TestServerErrors:
    def test_get_is_asked_once_more(self, okta: responses.RequestsMock, client: OktaClient) -> None:
        okta.get(USERS, status=503, body="<html>")
        okta.get(USERS, json=[])
        assert client.get() == []
        assert (client.jitters, client.waits) == ([(0.05, 0.25)], [0.05])

    def test_get_is_not_asked_a_third_time(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=500)
        refused = refusal(client.get)
        assert type(refused) is errors.OktaUnavailable
        assert (refused.retry_after, len(okta.calls)) == (5, 2)

    def test_get_is_not_asked_again_without_time(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=503)
        assert told(lambda: client.get(seconds=0.09)) == "okta_unavailable"
        assert (len(okta.calls), client.waits) == (1, [])

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_request_that_may_have_acted_is_not_sent_again(
        self, okta: responses.RequestsMock, client: OktaClient, status: int
    ) -> None:
        okta.post(VERIFY, status=status, json=okta_error("E0000009"))
        refused = refusal(client.post)
        assert type(refused) is errors.OktaOutcomeUnknown
        assert refused.code == "okta_unavailable"
        assert (len(okta.calls), client.waits) == (1, [])


def test_call_without_time_is_not_begun(client: OktaClient) -> None:
    for seconds in (0.04, 0.0, -1.0):
        refused = refusal(lambda left=seconds: client.post(seconds=left))  # type: ignore[misc]
        assert type(refused) is errors.DeadlineExceeded
    assert client.meter.calls == {}


def rate_limit(limit: int, reset: int) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Reset": str(reset),
    }


class TestRateLimits:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_limit_that_ends_in_time_is_waited_for(
        self, okta: responses.RequestsMock, client: OktaClient, method: str
    ) -> None:
        url = USERS if method == "GET" else VERIFY
        okta.add(method, url, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 3))
        okta.add(method, url, json=SUCCESS)
        assert (client.get() if method == "GET" else client.post()) == SUCCESS
        assert client.waits == [3.0]

    @pytest.mark.parametrize(("reset", "wait"), [(30, 30), (9, 9), (3600, 60)])
    def test_limit_that_ends_later_is_passed_on(
        self, okta: responses.RequestsMock, client: OktaClient, reset: int, wait: int
    ) -> None:
        headers = rate_limit(600, NOW + reset)
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        refused = refusal(client.post)
        assert isinstance(refused, errors.OktaRateLimited)
        assert (refused.retry_after, len(okta.calls), client.waits) == (wait, 1, [])

    def test_limit_is_waited_for_once(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 2))
        assert told(client.post) == "okta_rate_limited"
        assert (len(okta.calls), client.waits) == (2, [2.0])

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
        self, okta: responses.RequestsMock, client: OktaClient, headers: dict[str, str]
    ) -> None:
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        okta.post(VERIFY, json=SUCCESS)
        assert client.post() == SUCCESS
        assert client.waits == [1.0]

    @pytest.mark.parametrize(("remaining", "percent"), [("150", 25), ("0", 0), ("600", 100)])
    def test_remaining_quota_is_noted(
        self, okta: responses.RequestsMock, client: OktaClient, remaining: str, percent: int
    ) -> None:
        headers = {**rate_limit(600, NOW), "X-Rate-Limit-Remaining": remaining}
        okta.get(USERS, json=[], headers={**headers, "X-Okta-Request-Id": "req1"})
        client.get()
        assert client.meter.facts == {"okta_request_id": "req1", "okta_quota_remaining": percent}
        assert client.meter.calls == {"okta": 1}


class TestTokens:
    def test_rejected_token_is_read_again_and_tried_once_more(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        client.tokens.stored = RENEWED_TOKEN
        okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        okta.post(VERIFY, json=SUCCESS)
        assert client.post() == SUCCESS
        sent = [call.request.headers["Authorization"] for call in okta.calls]
        assert sent == [f"SSWS {TOKEN}", f"SSWS {RENEWED_TOKEN}"]
        assert client.tokens.rejected == [TOKEN]

    @pytest.mark.parametrize(("stored", "calls"), [(TOKEN, 1), (RENEWED_TOKEN, 2)])
    def test_token_is_tried_no_more_than_that(
        self, okta: responses.RequestsMock, client: OktaClient, stored: str, calls: int
    ) -> None:
        client.tokens.stored = stored
        okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        assert told(client.post) == "okta_credentials_rejected"
        assert (len(okta.calls), client.tokens.rejected) == (calls, [TOKEN])

    def test_other_rejections_leave_the_token_alone(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, status=401, json=okta_error("E0000004"))
        assert told(client.post) == "okta_credentials_rejected"
        assert (len(okta.calls), client.tokens.rejected) == (1, [])

    def test_rejection_of_a_call_without_token_is_final(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(f"{ORG_URL}/api/v1/authn", status=401, json=INVALID_TOKEN)
        assert told(client.step) == "okta_credentials_rejected"
        assert (len(okta.calls), client.tokens.rejected) == (1, [])

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
        self, okta: responses.RequestsMock, client: OktaClient, status: int, document: object
    ) -> None:
        okta.post(VERIFY, status=status, json=document, headers=rate_limit(600, NOW + 50))
        refused = refusal(client.post)
        assert refused.__suppress_context__ or refused.__context__ is None
        shown = f"{refused!r} {refused}"
        assert TOKEN not in shown
        assert CODE not in shown
