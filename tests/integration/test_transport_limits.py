"""Limits and tokens: when the transport waits, and with which token it asks again."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
import responses

from tests.integration.okta_client import (
    CODE,
    ORG_URL,
    RENEWED_TOKEN,
    TOKEN,
    OktaClient,
    okta_client,
    okta_error,
)
from tests.unit.examples import NOW
from verification import errors

USERS = f"{ORG_URL}/api/v1/users"
VERIFY = f"{ORG_URL}/api/v1/users/00u1/factors/emf1/verify"
RATE_LIMIT = okta_error("E0000047")
INVALID_TOKEN = okta_error("E0000011")


def rate_limit(limit: int, reset: int) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Reset": str(reset),
    }


@pytest.fixture
def okta() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(okta: responses.RequestsMock) -> Iterator[OktaClient]:  # noqa: ARG001 - started first
    with okta_client() as client:
        yield client


class TestRateLimits:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_limit_that_ends_in_time_is_waited_for(
        self, okta: responses.RequestsMock, client: OktaClient, method: str
    ) -> None:
        url = USERS if method == "GET" else VERIFY
        okta.add(method, url, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 3))
        okta.add(method, url, json={"factorResult": "SUCCESS"})
        answer = client.get() if method == "GET" else client.post()
        assert answer == {"factorResult": "SUCCESS"}
        assert client.waits == [3.0]

    @pytest.mark.parametrize(("reset", "told"), [(30, 30), (9, 9), (3600, 60)])
    def test_a_limit_that_does_not_is_passed_on(
        self, okta: responses.RequestsMock, client: OktaClient, reset: int, told: int
    ) -> None:
        headers = rate_limit(600, NOW + reset)
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        with pytest.raises(errors.OktaRateLimited) as refused:
            client.post()
        assert (refused.value.code, refused.value.retry_after) == ("okta_rate_limited", told)
        assert (len(okta.calls), client.waits) == (1, [])

    def test_a_limit_is_waited_for_once(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=rate_limit(600, NOW + 2))
        with pytest.raises(errors.OktaRateLimited) as refused:
            client.post()
        assert refused.value.retry_after == 2
        assert (len(okta.calls), client.waits) == (2, [2.0])

    @pytest.mark.parametrize(
        "headers",
        [
            rate_limit(0, NOW + 50),  # calls at the same time: its reset means nothing
            rate_limit(600, NOW),
            rate_limit(600, NOW - 50),
            rate_limit(600, 0),
            {},
            {"X-Rate-Limit-Limit": "many", "X-Rate-Limit-Reset": "soon"},
            {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "-1"},
            {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Reset": "\u0663"},
        ],
    )
    def test_a_limit_without_a_reset_is_over_in_a_moment(
        self, okta: responses.RequestsMock, client: OktaClient, headers: dict[str, str]
    ) -> None:
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        okta.post(VERIFY, json={"factorResult": "SUCCESS"})
        assert client.post() == {"factorResult": "SUCCESS"}
        assert client.waits == [1.0]

    def test_a_retry_after_of_somebody_else_is_not_obeyed(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        headers = {**rate_limit(600, NOW + 1), "Retry-After": "3600"}
        okta.post(VERIFY, status=429, json=RATE_LIMIT, headers=headers)
        okta.post(VERIFY, json={})
        assert client.post() == {}
        assert client.waits == [1.0]

    @pytest.mark.parametrize(("remaining", "percent"), [("150", 25), ("0", 0), ("600", 100)])
    def test_what_is_left_of_the_limit_is_noted(
        self, okta: responses.RequestsMock, client: OktaClient, remaining: str, percent: int
    ) -> None:
        headers = {**rate_limit(600, NOW), "X-Rate-Limit-Remaining": remaining}
        okta.get(USERS, json=[], headers={**headers, "X-Okta-Request-Id": "req1"})
        client.get()
        assert client.meter.facts == {"okta_request_id": "req1", "okta_quota_remaining": percent}
        assert client.meter.calls == {"okta": 1}

    def test_a_number_too_long_to_be_one_is_ignored(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, json=[], headers={"X-Rate-Limit-Limit": "9" * 5000})
        assert client.get() == []


class TestTokens:
    def test_a_rejected_token_is_read_again_and_tried_once_more(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        client.tokens.stored = RENEWED_TOKEN
        okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        okta.post(VERIFY, json={"factorResult": "SUCCESS"})
        assert client.post() == {"factorResult": "SUCCESS"}
        sent = [call.request.headers["Authorization"] for call in okta.calls]
        assert sent == [f"SSWS {TOKEN}", f"SSWS {RENEWED_TOKEN}"]
        assert client.tokens.rejected == [TOKEN]

    def test_a_token_that_was_not_rotated_is_not_tried_again(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        with pytest.raises(errors.OktaCredentialsRejected) as refused:
            client.post()
        assert refused.value.code == "okta_credentials_rejected"
        assert (len(okta.calls), client.tokens.rejected) == (1, [TOKEN])

    def test_a_new_token_that_is_rejected_too_ends_it(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        client.tokens.stored = RENEWED_TOKEN
        okta.post(VERIFY, status=401, json=INVALID_TOKEN)
        with pytest.raises(errors.OktaCredentialsRejected) as refused:
            client.post()
        assert refused.value.code == "okta_credentials_rejected"
        assert (len(okta.calls), client.tokens.rejected) == (2, [TOKEN])

    def test_a_401_of_another_kind_leaves_the_token_alone(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, status=401, json=okta_error("E0000004"))
        with pytest.raises(errors.OktaCredentialsRejected):
            client.post()
        assert (len(okta.calls), client.tokens.rejected) == (1, [])

    @pytest.mark.parametrize(
        ("status", "document"),
        [
            (401, INVALID_TOKEN),
            (403, okta_error("E0000006")),
            (429, RATE_LIMIT),
            (500, okta_error("E0000009")),
            (200, f"SSWS {TOKEN}"),
        ],
    )
    def test_no_error_shows_the_token_or_the_code(
        self, okta: responses.RequestsMock, client: OktaClient, status: int, document: object
    ) -> None:
        okta.post(VERIFY, status=status, json=document, headers=rate_limit(600, NOW + 50))
        with pytest.raises(errors.VerificationError) as refused:
            client.post()
        shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
        assert TOKEN not in shown
        assert CODE not in shown
