"""Send a code and check it, over HTTP, as each kind of caller does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.conftest import Caller
from tests.sandbox.okta.seed import ADA_PHONE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.sandbox import Sandbox

ADA = "ada@example.com"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIMES = ("sent_at", "expires_at", "resend_at")
KEY = {"Idempotency_Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}


def test_the_invoke_urls_answer_with_status_numbers_as_the_hosted_flows_did(client: Caller) -> None:
    sent = client.get("/challenge", email=ADA)
    assert (sent.status_code, sent.text) == (200, "200")
    assert sent.headers["Content-Type"] == "application/json"
    wrong = client.get("/verify", email=ADA, otp=client.wrong_code())
    assert (wrong.status_code, wrong.text) == (403, "403")
    code = client.code()
    right = client.get("/verify", email=ADA, otp=code)
    assert (right.status_code, right.text) == (200, "200")
    again = client.get("/verify", email=ADA, otp=code)
    assert (again.status_code, again.text) == (409, "409")
    assert again.headers["X-Outcome"] == "challenge_already_verified"
    missing = client.get("/challenge")
    assert (missing.status_code, missing.text) == (400, "error: include email")
    assert missing.headers["Content-Type"] == "text/plain"


def test_the_public_is_verified_by_the_invoke_urls(public: Caller) -> None:
    assert public.get("/challenge", email=ADA).text == "200"
    assert public.get("/verify", email=ADA, otp=public.code()).text == "200"


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
        "customer_id": customer_id(client.sandbox),
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

    public.sandbox.advance += 31
    token = {"device_token": verified["device_token"]}
    challenge = public.challenge(**token)
    assert challenge["attempts_remaining"] == 4  # said to known devices alone
    body = {"email": ADA, "code": public.code()}
    again = public.post("/verify", body, X_Device_Token=verified["device_token"])
    assert again.json()["challenge_id"] == challenge["challenge_id"]


def test_no_secret_or_address_is_in_the_table_or_the_log(
    client: Caller, public: Caller, log: Path
) -> None:
    before = len(log.read_text())
    secrets = [ADA, ADA_PHONE[1:], "sk_sandbox", KEY["Idempotency_Key"]]
    for caller, channel in ((client, "email"), (public, "sms")):
        challenge = caller.challenge(channel=channel)
        code = caller.code({"email": ADA, "sms": ADA_PHONE}[channel])
        body = {"challenge_id": challenge["challenge_id"], "code": code}
        verified = caller.post("/verify", body, **KEY).json()
        assert verified["status"] == "verified"
        secrets += [code, verified.get("device_token", code)]
    rows = client.sandbox.aws.client("dynamodb").scan(TableName="sandbox-ChallengeTable")["Items"]
    assert {row["pk"]["S"].partition("#")[0] for row in rows} >= {"customer", "response"}
    written = str(rows) + log.read_text()[before:]
    # Without times and durations: a long number can contain any six digits.
    written = re.sub(r"\d{10,}|\d+\.\d+", "", written)
    assert [each for each in secrets if each in written] == []


def customer_id(sandbox: Sandbox) -> str:
    """Ada's id in Okta."""
    ada = sandbox.org.directory.find_login(ADA)
    assert ada is not None
    return ada.id
