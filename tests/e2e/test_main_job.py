"""Issue and verify, as a caller sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from tests.e2e.conftest import Caller

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_the_invoke_urls_send_a_code_and_check_it_once(client: Caller) -> None:
    sent = client.get("/challenge", email="ada@example.com")
    assert (sent.status_code, sent.text) == (200, "200")
    assert sent.headers["Content-Type"] == "application/json"

    code = client.code()
    wrong = client.get("/verify", email="ada@example.com", otp=client.wrong_code())
    assert (wrong.status_code, wrong.text) == (403, "403")
    right = client.get("/verify", email="ada@example.com", otp=code)
    assert (right.status_code, right.text) == (200, "200")
    again = client.get("/verify", email="ada@example.com", otp=code)
    assert (again.status_code, again.text) == (409, "409")
    assert again.headers["X-Outcome"] == "challenge_already_verified"


@pytest.mark.parametrize(
    ("path", "query", "status", "text"),
    [
        ("/challenge", {}, 400, "error: include email"),
        ("/verify", {"otp": "123456"}, 400, "error: include email"),
        ("/verify", {"email": "ada@example.com"}, 400, "error: verification code missing"),
        ("/challenge", {"email": "nobody@example.com"}, 404, "error: invalid email"),
        ("/verify", {"email": "nobody@example.com", "otp": "123456"}, 404, "error: invalid email"),
        ("/challenge", {"email": "not an address"}, 400, "error: invalid email"),
    ],
)
def test_the_invoke_urls_keep_the_texts_of_the_flows(
    client: Caller, path: str, query: dict[str, str], status: int, text: str
) -> None:
    response = client.get(path, **query)
    assert (response.status_code, response.text) == (status, text)
    assert response.headers["Content-Type"] == "text/plain"


def test_json_sends_a_code_and_checks_it_once(client: Caller) -> None:
    challenge = client.challenge()
    assert set(challenge) == {
        "challenge_id",
        "status",
        "channel",
        "destination",
        "sent_at",
        "expires_at",
        "resend_at",
        "attempts_remaining",
    }
    assert (challenge["status"], challenge["channel"]) == ("pending", "email")
    assert challenge["destination"] == "a•••@example.com"
    assert challenge["attempts_remaining"] == 4
    assert all(TIME.fullmatch(challenge[name]) for name in ("sent_at", "expires_at", "resend_at"))

    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    wrong = client.post("/verify", body)
    assert wrong.status_code == 403
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert (wrong.json()["code"], wrong.json()["attempts_remaining"]) == ("invalid_code", 3)

    body["code"] = client.code()
    right = client.post("/verify", body)
    assert right.status_code == 200
    assert set(right.json()) == {"challenge_id", "status", "channel", "verified_at"}
    assert right.json()["challenge_id"] == challenge["challenge_id"]
    assert right.json()["status"] == "verified"

    again = client.post("/verify", body)
    assert (again.status_code, again.json()["code"]) == (409, "challenge_already_verified")


def test_json_checks_the_newest_code_of_an_email(client: Caller) -> None:
    client.challenge()
    body = {"email": "ada@example.com", "otp": client.code()}
    assert client.post("/verify", body).json()["status"] == "verified"


def test_a_customer_whose_login_is_not_the_email_is_found(client: Caller) -> None:
    challenge = client.challenge("grace@example.com")
    code = client.code("grace@example.com")
    body = {"challenge_id": challenge["challenge_id"], "code": code}
    assert client.post("/verify", body).json()["status"] == "verified"


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [
        ("alan@example.com", 409, "factor_not_enrolled"),
        ("katherine@example.com", 409, "customer_inactive"),
        ("twin@example.com", 409, "customer_ambiguous"),
        ("nobody@example.com", 404, "customer_not_found"),
    ],
)
def test_a_client_learns_why_a_customer_cannot_be_challenged(
    client: Caller, email: str, status: int, code: str
) -> None:
    response = client.post("/challenge", {"email": email})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not client.sandbox.org.inbox.to(email)


@pytest.mark.parametrize("channel", ["sms", "call"])
def test_a_code_goes_over_the_channel_that_was_asked_for(client: Caller, channel: str) -> None:
    challenge = client.challenge(channel=channel)
    assert (challenge["channel"], challenge["destination"]) == (channel, "•••0006")
    message = client.sandbox.org.inbox.to("+15005550006")[0]
    assert message.channel == channel
    body = {"challenge_id": challenge["challenge_id"], "code": message.code}
    assert client.post("/verify", body).json()["status"] == "verified"


def test_a_verification_is_one_call_to_okta(client: Caller) -> None:
    challenge = client.challenge()
    client.sandbox.org.calls.clear()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200
    assert len(client.sandbox.org.calls) == 1


def test_a_newer_challenge_supersedes_the_older(client: Caller) -> None:
    older = client.challenge()
    old_code = client.code()
    client.sandbox.advance += 31
    newer = client.challenge()
    refused = client.post("/verify", {"challenge_id": older["challenge_id"], "code": old_code})
    assert (refused.status_code, refused.json()["code"]) == (410, "challenge_superseded")
    assert refused.json()["superseded_at"] == newer["sent_at"]
    body = {"challenge_id": newer["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200


def test_a_code_expires_here_and_at_okta_at_the_same_time(client: Caller) -> None:
    challenge = client.challenge()
    client.sandbox.advance += 301
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    refused = client.post("/verify", body)
    assert (refused.status_code, refused.json()["code"]) == (410, "challenge_expired")


def test_an_id_that_this_service_did_not_make_is_not_found(client: Caller) -> None:
    for challenge_id in ("ch_" + "A" * 44, "nonsense", "ch_é", "../../users/me"):
        body = {"challenge_id": challenge_id, "code": "123456"}
        refused = client.post("/verify", body)
        assert (refused.status_code, refused.json()["code"]) == (404, "challenge_not_found")
    assert client.verifies_seen_by_okta() == 0


@pytest.mark.parametrize("header", ["Bearer wrong-key-0000000000", "Bearer ", "Basic abc", "x"])
def test_a_wrong_key_is_never_taken_for_no_key(sandbox: Sandbox, header: str) -> None:
    intruder = Caller(sandbox, {"Authorization": header})
    for response in (
        intruder.get("/challenge", email="ada@example.com"),
        intruder.get("/verify", email="ada@example.com", otp="123456"),
        intruder.post("/challenge", {"email": "ada@example.com"}),
        intruder.post("/verify", {"email": "ada@example.com", "otp": "123456"}),
    ):
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not sandbox.org.calls


def test_every_answer_can_be_found_in_the_log_and_is_kept_nowhere_else(client: Caller) -> None:
    for response in (
        client.get("/challenge"),
        client.post("/challenge", []),
        client.get("/verify"),
    ):
        assert response.headers["X-Request-ID"]
        assert response.headers["Cache-Control"] == "no-store"


def test_a_route_that_is_not_there_is_api_gateways_to_refuse(sandbox: Sandbox) -> None:
    response = requests.get(sandbox.url + "/nothing", timeout=30)
    assert (response.status_code, response.json()["code"]) == (404, "route_not_found")
    assert response.headers["X-Request-ID"]
