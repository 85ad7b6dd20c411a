"""The rules of the MFA routes that no client library shows."""

from __future__ import annotations

import pyotp
import pytest
import requests

from tests.e2e.conftest import Caller
from tests.sandbox.okta.records import FactorType

PHONE = "+15005550042"


def enroll(client: Caller, **body: object) -> dict[str, object]:
    """Enrol a factor that must be enrolled."""
    response = client.post("/auth/factors/enroll", body)
    assert response.status_code == 201, response.text
    factor: dict[str, object] = response.json()
    return factor


def enroll_app(client: Caller) -> tuple[str, pyotp.TOTP]:
    """An authenticator app of grace's."""
    factor = client.post("/auth/factors/enroll", {"type": "totp", "totp_user": "grace@example.com"})
    return factor.json()["id"], pyotp.TOTP(factor.json()["totp"]["secret"])


def challenge(client: Caller, factor_id: object) -> str:
    """A challenge of a factor that must begin."""
    response = client.post(f"/auth/factors/{factor_id}/challenge", {})
    assert response.status_code == 201, response.text
    challenge_id: str = response.json()["id"]
    return challenge_id


def wrong(app: pyotp.TOTP) -> str:
    """Six digits that are not the app's."""
    return f"{(int(app.now()) + 1) % 1_000_000:06}"


def test_every_route_wants_a_client_key(public: Caller, client: Caller) -> None:
    factor_id, _ = enroll_app(client)
    for response in (
        public.post("/auth/factors/enroll", {"type": "totp", "totp_user": "ada@example.com"}),
        public.get(f"/auth/factors/{factor_id}"),
        public.delete(f"/auth/factors/{factor_id}"),
        public.post(f"/auth/factors/{factor_id}/challenge", {}),
        public.post("/auth/challenges/auth_challenge_x/verify", {"code": "123456"}),
    ):
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
        assert response.json()["message"]


def test_a_customer_is_not_guessed_at_through_another_dialect(client: Caller) -> None:
    factor_id, app = enroll_app(client)
    first = challenge(client, factor_id)
    for _ in range(3):
        answer = client.post(f"/auth/challenges/{first}/verify", {"code": wrong(app)})
        assert (answer.status_code, answer.json()["valid"]) == (201, False)
    sent = client.challenge("grace@example.com")
    assert sent["attempts_remaining"] == 1
    body = {"challenge_id": sent["challenge_id"], "code": client.wrong_code("grace@example.com")}
    assert client.post("/verify", body).json()["attempts_remaining"] == 0

    held = client.post(f"/auth/factors/{factor_id}/challenge", {})
    assert (held.status_code, held.json()["code"]) == (400, "one_time_code_too_many_attempts")
    held = client.post(f"/auth/challenges/{first}/verify", {"code": app.now()})
    assert held.status_code in (400, 422)
    assert client.status_in_okta("grace@example.com") == "ACTIVE"


def test_the_last_wrong_code_uses_the_challenge_up(client: Caller) -> None:
    factor_id, app = enroll_app(client)
    started = challenge(client, factor_id)
    for _ in range(4):
        client.post(f"/auth/challenges/{started}/verify", {"code": wrong(app)})
    refused = client.post(f"/auth/challenges/{started}/verify", {"code": app.now()})
    assert (refused.status_code, refused.json()["code"]) == (400, "one_time_code_too_many_attempts")


def test_a_newer_challenge_ends_the_older(client: Caller) -> None:
    factor_id, app = enroll_app(client)
    older = challenge(client, factor_id)
    challenge(client, factor_id)
    refused = client.post(f"/auth/challenges/{older}/verify", {"code": app.now()})
    assert (refused.status_code, refused.json()["code"]) == (
        422,
        "authentication_challenge_expired",
    )


def test_a_retry_enrols_and_sends_once_and_is_told_the_same_secret(client: Caller) -> None:
    body = {"type": "totp", "totp_user": "grace@example.com"}
    answers = [
        client.post("/auth/factors/enroll", body, Idempotency_Key="retry-1").json()
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    rows = client.sandbox.aws.client("dynamodb").scan(TableName="sandbox-ChallengeTable")["Items"]
    assert any(row["pk"]["S"].startswith("answer#") for row in rows)
    assert answers[0]["totp"]["secret"] not in str(rows)
    posts = [call for call in client.sandbox.org.calls if call.method == "POST"]
    assert len(posts) == 1

    sms = {"type": "sms", "phone_number": PHONE, "user_id": "grace@example.com"}
    for _ in range(3):
        client.post("/auth/factors/enroll", sms, Idempotency_Key="retry-2")
    assert len(client.sandbox.org.inbox.to(PHONE)) == 1


def test_a_pending_phone_is_sent_its_code_again_after_a_while(client: Caller) -> None:
    factor = enroll(client, type="sms", phone_number=PHONE, user_id="grace.hopper")
    challenge(client, factor["id"])
    assert len(client.sandbox.org.inbox.to(PHONE)) == 1
    client.sandbox.advance += 31
    started = challenge(client, factor["id"])
    assert len(client.sandbox.org.inbox.to(PHONE)) == 2
    limited = client.post(f"/auth/factors/{factor['id']}/challenge", {})
    assert (limited.status_code, limited.json()["code"]) == (429, "rate_limit_exceeded")
    assert int(limited.headers["Retry-After"]) > 0
    verified = client.post(f"/auth/challenges/{started}/verify", {"code": client.code(PHONE)})
    assert verified.json()["valid"] is True


def test_an_activation_forgets_no_failures_because_okta_does_not(client: Caller) -> None:
    client.challenge("grace@example.com")
    for _ in range(3):
        body = {"email": "grace@example.com", "otp": client.wrong_code("grace@example.com")}
        client.post("/verify", body)
    factor_id, app = enroll_app(client)
    started = challenge(client, factor_id)
    verified = client.post(f"/auth/challenges/{started}/verify", {"code": app.now()})
    assert verified.json()["valid"] is True
    client.sandbox.advance += 31
    assert client.challenge("grace@example.com")["attempts_remaining"] == 1


def test_what_was_enrolled_can_be_used_at_once(client: Caller) -> None:
    client.challenge("grace@example.com")
    client.sandbox.advance += 31
    phone = enroll(client, type="sms", phone_number=PHONE, user_id="grace@example.com")
    started = challenge(client, phone["id"])
    client.post(f"/auth/challenges/{started}/verify", {"code": client.code(PHONE)})
    client.sandbox.advance += 31
    client.challenge("grace@example.com", channel="sms")
    client.delete(f"/auth/factors/{phone['id']}")
    client.sandbox.advance += 31
    refused = client.post("/challenge", {"email": "grace@example.com", "channel": "sms"})
    assert refused.json()["code"] == "factor_not_enrolled"


def test_a_client_is_not_refused_from_memory(client: Caller) -> None:
    client.challenge("grace@example.com")
    directory = client.sandbox.org.directory
    grace = next(user for user in directory if user.login == "grace.hopper")
    directory.add_factor(grace, FactorType.SMS, PHONE)
    client.sandbox.advance += 31
    client.challenge("grace@example.com", channel="sms")
    assert client.sandbox.org.inbox.to(PHONE)


def test_a_refused_phone_may_be_corrected_at_once(client: Caller) -> None:
    refused = client.post(
        "/auth/factors/enroll",
        {"type": "sms", "phone_number": "+1999", "user_id": "grace@example.com"},
    )
    assert refused.status_code == 422
    wrong_number = {"type": "sms", "phone_number": "+12345678", "user_id": "grace@example.com"}
    assert client.post("/auth/factors/enroll", wrong_number).status_code == 422
    enroll(client, type="sms", phone_number=PHONE, user_id="grace@example.com")


def test_half_a_character_is_refused_before_anything_is_done(client: Caller) -> None:
    body = '{"type": "totp", "totp_user": "grace@example.com", "totp_issuer": "\\ud800"}'
    response = requests.post(
        client.sandbox.url + "/auth/factors/enroll",
        data=body,
        headers={**client.headers, "Content-Type": "application/json"},
        timeout=30,
    )
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request_parameters")
    assert not client.sandbox.org.calls


def test_an_active_app_cannot_be_enrolled_over(client: Caller) -> None:
    refused = client.post("/auth/factors/enroll", {"type": "totp", "totp_user": "ada@example.com"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request_parameters")
    assert refused.json()["errors"][0]["code"] == "factor_already_enrolled"


def test_an_email_factor_is_there_already(client: Caller) -> None:
    factor = enroll(client, type="email", email="grace@example.com")
    assert factor["email"] == {"email": "grace@example.com"}
    started = challenge(client, factor["id"])
    code = client.code("grace@example.com")
    verified = client.post(f"/auth/challenges/{started}/verify", {"code": code})
    assert verified.json()["valid"] is True


def test_a_factor_id_cannot_be_made_into_another_customers(client: Caller) -> None:
    factor_id, _ = enroll_app(client)
    for position in range(len("auth_factor_"), len(factor_id), 7):
        other = "A" if factor_id[position] != "A" else "B"
        forged = factor_id[:position] + other + factor_id[position + 1 :]
        response = client.get(f"/auth/factors/{forged}")
        assert (response.status_code, response.json()["code"]) == (404, "entity_not_found")
        assert response.json()["entity_id"] == forged


@pytest.mark.parametrize("path", ["/auth/factors/..", "/auth/factors/a/b?c", "/auth/nothing"])
def test_a_path_that_leads_nowhere_is_json_too(client: Caller, path: str) -> None:
    url = client.sandbox.url + path
    prepared = requests.Request("GET", url, headers=client.headers).prepare()
    prepared.url = url  # as an older client sends it, dots and all
    with requests.Session() as session:
        response = session.send(prepared, timeout=30)
    assert response.status_code == 404
    assert set(response.json()) >= {"message", "code"}
    assert response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": 5}, "type"),
        ({"type": "totp"}, "totp_user"),
        ({"type": "sms"}, "phone_number"),
        ({"type": "totp", "totp_user": {"a": 1}}, "totp_user"),
        ({"type": "totp", "totp_user": "x" * 300}, "totp_user"),
    ],
)
def test_a_wrong_parameter_is_named(client: Caller, body: object, field: str) -> None:
    response = client.post("/auth/factors/enroll", body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request_parameters")
    (told,) = response.json()["errors"]
    assert told["field"] == field
    assert set(told) == {"code", "message", "field"}


@pytest.mark.parametrize("user", ["nobody@example.com", "nobody", "me", "..", "a/b", "00u1"])
def test_a_user_who_is_not_there_is_not_found(client: Caller, user: str) -> None:
    response = client.post("/auth/factors/enroll", {"type": "totp", "totp_user": user})
    assert (response.status_code, response.json()["code"]) == (404, "entity_not_found")
