"""Send a code and check it, over HTTP, as each kind of caller does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ADA, WAIT, user

if TYPE_CHECKING:
    from tests.e2e.conftest import Caller

pytestmark = pytest.mark.in_process

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIMES = ("sent_at", "expires_at", "resend_at")


def test_the_invoke_urls_answer_with_status_numbers_as_the_hosted_flows_did(client: Caller) -> None:
    sent = client.get("/challenge", email=ADA)
    assert (sent.status_code, sent.text) == (200, "200")
    assert sent.headers["Content-Type"] == "application/json"
    wrong = client.get("/verify", email=ADA, otp=client.wrong_code())
    assert (wrong.status_code, wrong.text) == (403, "403")
    right = client.get("/verify", email=ADA, otp=client.code())
    assert (right.status_code, right.text) == (200, "200")
    missing = client.get("/challenge")
    assert (missing.status_code, missing.text) == (400, "error: include email")


def test_a_client_sends_a_code_and_checks_it_once(client: Caller) -> None:
    challenge = client.challenge()
    assert all(TIME.fullmatch(challenge.pop(name)) for name in TIMES)
    challenge_id = challenge.pop("challenge_id")
    assert challenge == {
        "status": "pending",
        "channel": "email",
        "destination": "a•••@example.com",
        "expires_in": 300,
        "resend_in": 30,
        "attempts_remaining": 4,
    }
    body = {"challenge_id": challenge_id, "code": client.wrong_code()}
    wrong = client.post("/verify", body)
    assert wrong.status_code == 403
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert (wrong.json()["code"], wrong.json()["attempts_remaining"]) == ("invalid_code", 3)

    body["code"] = client.code()
    right = client.post("/verify", body)
    assert right.status_code == 200
    verified = right.json()
    assert TIME.fullmatch(verified.pop("verified_at"))
    assert verified == {
        "challenge_id": challenge_id,
        "status": "verified",
        "channel": "email",
        "customer_id": user(client.sandbox).id,
    }
    again = client.post("/verify", body)
    assert (again.status_code, again.json()["code"]) == (409, "challenge_already_verified")


def test_the_public_is_verified_and_known_again_by_its_device(public: Caller) -> None:
    challenge = public.challenge()
    assert challenge.keys() == {
        *("challenge_id", "status", "channel", "destination", *TIMES, "expires_in", "resend_in")
    }
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    verified = public.post("/verify", body).json()
    assert verified["status"] == "verified"
    assert "customer_id" not in verified

    public.sandbox.advance += WAIT
    token = {"device_token": verified["device_token"]}
    challenge = public.challenge(**token)
    assert challenge["attempts_remaining"] == 4  # said to known devices alone
    body = {"email": ADA, "code": public.code()}
    again = public.post("/verify", body, X_Device_Token=verified["device_token"])
    assert again.json()["challenge_id"] == challenge["challenge_id"]
