"""The transport's decisions: what each answer of Okta means, what is asked again, and with what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from tests.integration.okta_client import (
    CODE,
    ORG_URL,
    OktaClient,
    okta_client,
    okta_error,
)
from verification import errors
from verification.okta import translation

USERS = f"{ORG_URL}/api/v1/users"
VERIFY = f"{ORG_URL}/api/v1/users/00u1/factors/emf1/verify"
RATE_LIMIT = okta_error("E0000047")
INVALID_TOKEN = okta_error("E0000011")


@pytest.fixture
def okta() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(okta: responses.RequestsMock) -> Iterator[OktaClient]:  # noqa: ARG001 - started first
    with okta_client() as client:
        yield client


class TestAnswers:
    @pytest.mark.parametrize("document", [{"factorResult": "SUCCESS"}, [], [{"id": "00u1"}], {}])
    def test_a_success_is_its_document(
        self, okta: responses.RequestsMock, client: OktaClient, document: Any
    ) -> None:
        okta.post(VERIFY, json=document)
        assert client.post() == document

    def test_nothing_to_say_is_none(self, okta: responses.RequestsMock, client: OktaClient) -> None:
        okta.get(USERS, status=204)
        assert client.get() is None

    @pytest.mark.parametrize("status", [200, 201, 299])
    @pytest.mark.parametrize("body", ["", "null", "true", "42", '"SUCCESS"', "<html>", "{", "\xff"])
    def test_a_success_without_a_document_is_no_success(
        self, okta: responses.RequestsMock, client: OktaClient, body: str, status: int
    ) -> None:
        okta.post(VERIFY, body=body.encode("latin-1"), status=status)
        with pytest.raises(errors.OktaUnexpectedResponse) as refused:
            client.post()
        assert refused.value.code == "okta_unexpected_response"

    @pytest.mark.parametrize(
        ("status", "error_code", "code"),
        [
            (403, "E0000068", "invalid_code"),
            (403, "E0000069", "customer_locked"),
            (423, "E0000155", "customer_inactive"),
            (410, "E0000154", "factor_not_active"),
            (403, "E0000006", "okta_credentials_rejected"),
            (429, "E0000118", "send_limited"),
            (400, "E0000098", "invalid_phone_number"),
            (400, "E0000001", "okta_unexpected_response"),
            (403, "E9999999", "okta_unexpected_response"),
        ],
    )
    def test_an_error_is_known_by_its_code(
        self,
        okta: responses.RequestsMock,
        client: OktaClient,
        status: int,
        error_code: str,
        code: str,
    ) -> None:
        okta.post(VERIFY, json=okta_error(error_code), status=status)
        with pytest.raises(errors.VerificationError) as refused:
            client.post()
        assert refused.value.code == code
        assert len(okta.calls) == 1

    @pytest.mark.parametrize(
        "document", [[], None, "E0000068", {"errorCode": 68}, {"errorCode": ["E0000068"]}]
    )
    def test_an_error_in_another_shape_is_unexpected(
        self, okta: responses.RequestsMock, client: OktaClient, document: object
    ) -> None:
        okta.post(VERIFY, json=document, status=403)
        with pytest.raises(errors.OktaUnexpectedResponse) as refused:
            client.post()
        assert refused.value.code == "okta_unexpected_response"

    def test_summaries_and_causes_are_not_read(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        liar = {**okta_error("E0000068"), "errorSummary": "E0000011 Invalid token provided"}
        okta.post(VERIFY, json=liar, status=401)
        with pytest.raises(errors.InvalidCode) as refused:
            client.post()
        assert refused.value.code == "invalid_code"

    def test_not_found_is_told_apart(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, json=okta_error("E0000007"), status=404)
        with pytest.raises(translation.ResourceNotFound):
            client.get()

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_never_followed(
        self, okta: responses.RequestsMock, client: OktaClient, status: int
    ) -> None:
        okta.post(VERIFY, status=status, headers={"Location": "https://evil.example/steal"})
        with pytest.raises(errors.OktaUnexpectedResponse) as refused:
            client.post()
        assert refused.value.code == "okta_unexpected_response"
        assert len(okta.calls) == 1


class TestServerErrors:
    def test_a_get_is_asked_once_more(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=503, body="<html>")
        okta.get(USERS, json=[])
        assert client.get() == []
        assert client.jitters == [(0.05, 0.25)]
        assert client.waits == [0.05]

    def test_a_get_is_not_asked_a_third_time(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=500)
        with pytest.raises(errors.OktaOutcomeUnknown) as refused:
            client.get()
        assert (refused.value.code, refused.value.retry_after) == ("okta_unavailable", 5)
        assert len(okta.calls) == 2

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_code_is_never_sent_again_after_a_server_error(
        self, okta: responses.RequestsMock, client: OktaClient, status: int
    ) -> None:
        okta.post(VERIFY, status=status, json=okta_error("E0000009"))
        with pytest.raises(errors.OktaOutcomeUnknown) as refused:
            client.post()
        assert refused.value.code == "okta_unavailable"
        assert (len(okta.calls), client.waits) == (1, [])

    def test_a_get_is_not_asked_again_when_no_time_is_left(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.get(USERS, status=503)
        with pytest.raises(errors.OktaOutcomeUnknown):
            client.get(seconds=0.09)
        assert (len(okta.calls), client.waits) == (1, [])


class TestRequests:
    def test_a_code_is_sent_as_json_with_all_that_okta_asks_for(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(
            VERIFY,
            json={"factorResult": "SUCCESS"},
            match=[
                responses.matchers.json_params_matcher({"passCode": CODE}),
                responses.matchers.header_matcher(
                    {"Content-Type": "application/json", "Accept": "application/json"}
                ),
            ],
        )
        assert client.post() == {"factorResult": "SUCCESS"}

    def test_a_challenge_is_an_empty_object_with_its_parameters(
        self, okta: responses.RequestsMock, client: OktaClient
    ) -> None:
        okta.post(VERIFY, json={"factorResult": "CHALLENGE"})
        client.post({}, tokenLifetimeSeconds="300")
        request = okta.calls[0].request
        assert (request.url, request.body) == (f"{VERIFY}?tokenLifetimeSeconds=300", b"{}")

    def test_a_call_without_time_is_not_begun(self, client: OktaClient) -> None:
        for seconds in (0.04, 0.0, -1.0):
            with pytest.raises(errors.DeadlineExceeded) as refused:
                client.post(seconds=seconds)
            assert refused.value.code == "deadline_exceeded"
        assert client.meter.calls == {}
