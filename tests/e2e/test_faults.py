"""Whatever Okta does, the answer is an outcome, comes in time, and is never a success."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import Caller

KINDS = {
    "timeout": ("okta_unavailable", "deadline_exceeded"),
    "reset": ("okta_unavailable",),
    "http_500": ("okta_unavailable",),
    "http_503": ("okta_unavailable",),
    "rate_limited": ("okta_rate_limited",),
    "html": ("okta_unexpected_response",),
    "truncated": ("okta_unavailable",),
    "redirect": ("okta_unexpected_response",),
}
STATUS = {
    "okta_unavailable": 503,
    "okta_rate_limited": 503,
    "okta_unexpected_response": 502,
    "deadline_exceeded": 504,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["lookup", "factors", "verify"])
def test_a_fault_while_sending_is_an_outcome_in_time(client: Caller, on: str, kind: str) -> None:
    client.sandbox.org.faults.add(on, kind, 5)
    started = time.monotonic()
    response = client.post("/challenge", {"email": "ada@example.com"})
    assert time.monotonic() - started < 9
    problem = response.json()
    assert problem["code"] in KINDS[kind]
    assert response.status_code == STATUS[problem["code"]] == problem["status"]
    assert ("Retry-After" in response.headers) == (response.status_code == 503)
    assert len(client.sandbox.org.inbox.to("ada@example.com")) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_while_checking_never_verifies(client: Caller, kind: str) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    client.sandbox.org.faults.add("verify", kind, 5)
    started = time.monotonic()
    response = client.post("/verify", body)
    assert time.monotonic() - started < 9
    assert response.json()["code"] in KINDS[kind]
    assert response.status_code == STATUS[response.json()["code"]]


def test_a_slow_okta_is_waited_for(client: Caller) -> None:
    client.sandbox.org.faults.add("verify", "slow", 1)
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200


def test_one_lost_answer_to_a_lookup_is_asked_again(client: Caller) -> None:
    client.sandbox.org.faults.add("lookup", "reset", 1)
    client.sandbox.org.faults.add("factors", "http_503", 1)
    client.challenge()


def test_a_challenge_is_never_sent_again_after_its_answer_was_lost(client: Caller) -> None:
    client.sandbox.org.faults.add("verify", "timeout", 1)
    assert client.post("/challenge", {"email": "ada@example.com"}).status_code == 503
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 1
    # The mail went out, so its code is good.
    body = {"email": "ada@example.com", "otp": client.code()}
    assert client.post("/verify", body).status_code == 200


def test_a_code_whose_answer_was_lost_counts_and_proves_nothing(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    client.sandbox.org.faults.add("verify", "timeout", 1)
    assert client.post("/verify", body).status_code == 503
    assert client.verifies_seen_by_okta() == 2
    body["code"] = client.wrong_code()
    assert client.post("/verify", body).json()["attempts_remaining"] == 2


def test_a_code_that_never_reached_okta_does_not_count(client: Caller) -> None:
    challenge = client.challenge()
    client.sandbox.org.faults.add("verify", "rate_limited", 5)
    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    assert client.post("/verify", body).json()["code"] == "okta_rate_limited"
    client.sandbox.org.faults.clear()
    assert client.post("/verify", body).json()["attempts_remaining"] == 3


def test_a_bad_token_is_told_as_such(client: Caller) -> None:
    client.sandbox.org.accept_tokens([])
    response = client.post("/challenge", {"email": "ada@example.com"})
    assert (response.status_code, response.json()["code"]) == (502, "okta_credentials_rejected")


@pytest.mark.parametrize("secret", ["OktaTokenSecret", "ServiceKeysSecret"])
@pytest.mark.parametrize(
    "content", ["not json", "[]", "{}", '{"okta_api_token": 5, "root_key": 5}']
)
def test_a_spoiled_secret_is_an_internal_error_with_a_code(
    client: Caller, secret: str, content: str
) -> None:
    client.sandbox.aws.put_secret(secret, content)
    client.sandbox.advance += 301
    for response in (
        client.post("/challenge", {"email": "ada@example.com"}),
        client.get("/challenge", email="ada@example.com"),
    ):
        assert response.status_code == 500
    assert (
        client.post("/challenge", {"email": "ada@example.com"}).json()["code"] == "internal_error"
    )
