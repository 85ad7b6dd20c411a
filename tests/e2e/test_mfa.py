"""Rules of the MFA routes that the vendor's client libraries do not show."""

from __future__ import annotations

import pyotp
import pytest

from tests.e2e.conftest import Caller

GRACE = "grace@example.com"
PHONE = "+15005550042"
TOTP = {"type": "totp", "totp_user": GRACE}
SMS = {"type": "sms", "phone_number": PHONE, "user_id": GRACE}
TOO_MANY_ATTEMPTS = (400, "one_time_code_too_many_attempts")


def enroll(client: Caller, **body: str) -> str:
    """The id of a new factor."""
    response = client.post("/auth/factors/enroll", body)
    assert response.status_code == 201, response.text
    factor_id: str = response.json()["id"]
    return factor_id


def enroll_app(client: Caller) -> tuple[str, pyotp.TOTP]:
    """The id of an authenticator app of Grace's, and the app."""
    factor = client.post("/auth/factors/enroll", TOTP).json()
    return factor["id"], pyotp.TOTP(factor["totp"]["secret"])


def challenge(client: Caller, factor_id: str) -> str:
    """The id of a new challenge of a factor."""
    response = client.post(f"/auth/factors/{factor_id}/challenge", {})
    assert response.status_code == 201, response.text
    challenge_id: str = response.json()["id"]
    return challenge_id


def verify(client: Caller, challenge_id: str, code: str) -> tuple[int, object]:
    """The HTTP status, with the error's code or whether the code was right."""
    response = client.post(f"/auth/challenges/{challenge_id}/verify", {"code": code})
    return response.status_code, response.json().get("code", response.json().get("valid"))


def wrong(app: pyotp.TOTP) -> str:
    """Six digits that the app does not show."""
    return f"{(int(app.now()) + 1) % 1_000_000:06}"


def test_wrong_codes_are_counted_over_all_factors_and_dialects(client: Caller) -> None:
    factor_id, app = enroll_app(client)
    first = challenge(client, factor_id)
    for _ in range(3):
        assert verify(client, first, wrong(app)) == (201, False)
    sent = client.challenge(GRACE)
    assert sent["attempts_remaining"] == 1
    body = {"challenge_id": sent["challenge_id"], "code": client.wrong_code(GRACE)}
    assert client.post("/verify", body).json()["attempts_remaining"] == 0

    held = client.post(f"/auth/factors/{factor_id}/challenge", {})
    assert (held.status_code, held.json()["code"]) == TOO_MANY_ATTEMPTS
    assert client.status_in_okta(GRACE) == "ACTIVE"


@pytest.mark.parametrize("body", [TOTP, SMS])
def test_a_repeated_enrollment_is_carried_out_once_and_answered_alike(
    client: Caller, body: dict[str, str]
) -> None:
    answers = [
        client.post("/auth/factors/enroll", body, Idempotency_Key="retry").json() for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len([call for call in client.sandbox.org.calls if call.method == "POST"]) == 1
    rows = client.sandbox.aws.client("dynamodb").scan(TableName="sandbox-ChallengeTable")["Items"]
    for secret in (PHONE, answers[0].get("totp", {}).get("secret", PHONE)):
        assert secret not in str(rows)


def test_a_pending_phone_can_be_sent_its_code_again(client: Caller) -> None:
    factor_id = enroll(client, **SMS)
    challenge(client, factor_id)
    assert len(client.sandbox.org.inbox.to(PHONE)) == 1
    client.sandbox.advance += 31
    started = challenge(client, factor_id)
    assert len(client.sandbox.org.inbox.to(PHONE)) == 2
    limited = client.post(f"/auth/factors/{factor_id}/challenge", {})
    assert (limited.status_code, limited.json()["code"]) == (429, "rate_limit_exceeded")
    assert int(limited.headers["Retry-After"]) > 0
    assert verify(client, started, client.code(PHONE)) == (201, True)


def test_a_change_of_factors_is_known_to_the_next_challenge(client: Caller) -> None:
    client.challenge(GRACE)
    factor_id = enroll(client, **SMS)
    client.sandbox.advance += 31
    assert verify(client, challenge(client, factor_id), client.code(PHONE)) == (201, True)
    client.sandbox.advance += 31
    client.challenge(GRACE, channel="sms")
    client.delete(f"/auth/factors/{factor_id}")
    client.sandbox.advance += 31
    refused = client.post("/challenge", {"email": GRACE, "channel": "sms"})
    assert refused.json()["code"] == "factor_not_enrolled"


def test_an_email_factor_that_exists_is_used(client: Caller) -> None:
    factor_id = enroll(client, type="email", email=GRACE)
    assert verify(client, challenge(client, factor_id), client.code(GRACE)) == (201, True)


@pytest.mark.parametrize("user", ["nobody@example.com", "nobody", "me", "..", "a/b", "00u1"])
def test_an_unknown_user_is_not_found(client: Caller, user: str) -> None:
    response = client.post("/auth/factors/enroll", {"type": "totp", "totp_user": user})
    assert (response.status_code, response.json()["code"]) == (404, "entity_not_found")
