"""Four wrong codes in a row and no more, so that Okta never locks an account."""

from __future__ import annotations

import threading
import time

import pytest

from tests.e2e.conftest import Caller
from tests.sandbox.okta.records import FactorType


def guess(caller: Caller, email: str = "ada@example.com") -> str:
    """Try a wrong code for the newest challenge; the outcome."""
    address = "+15005550006" if not caller.sandbox.org.inbox.to(email) else email
    body = {"email": email, "otp": caller.wrong_code(address)}
    code: str = caller.post("/verify", body).json()["code"]
    return code


def test_okta_never_sees_a_fifth_wrong_code_however_they_are_spread(
    client: Caller, public: Caller
) -> None:
    client.challenge()
    assert guess(client) == "invalid_code"
    elsewhere = Caller(client.sandbox, {"X-Sandbox-Source-Ip": "198.51.100.7"})
    assert guess(elsewhere) == "invalid_code"
    client.sandbox.advance += 31
    client.challenge()
    wrong = client.wrong_code()
    response = public.get("/verify", email="ada@example.com", otp=wrong)
    assert response.status_code == 403
    client.sandbox.advance += 31
    sms = client.challenge(channel="sms")
    assert sms["attempts_remaining"] == 1
    body = {"challenge_id": sms["challenge_id"], "code": client.wrong_code("+15005550006")}
    last = client.post("/verify", body)
    assert (last.json()["code"], last.json()["attempts_remaining"]) == ("invalid_code", 0)

    for caller in (client, public, elsewhere):
        held = caller.post("/verify", body)
        assert (held.status_code, held.json()["code"]) == (429, "attempts_held")
        assert 86000 < int(held.headers["Retry-After"]) <= 86400
    client.sandbox.advance += 31
    assert client.post("/challenge", {"email": "ada@example.com"}).json()["code"] == "attempts_held"
    assert client.verifies_seen_by_okta(403) == 4
    assert client.status_in_okta("ada@example.com") == "ACTIVE"


def hold(client: Caller) -> dict[str, str]:
    """Four wrong codes; the last challenge with its right code."""
    challenge = client.challenge()
    for _ in range(4):
        assert guess(client) == "invalid_code"
    return {"challenge_id": challenge["challenge_id"], "code": client.code()}


def test_a_client_releases_a_hold_and_the_right_code_verifies(client: Caller) -> None:
    old = hold(client)
    assert client.post("/verify", old).json()["code"] == "attempts_held"
    released = client.delete("/holds/ada%40example.com")
    assert (released.status_code, released.text) == (204, "")
    assert client.post("/verify", old).json()["code"] == "challenge_exhausted"
    client.sandbox.advance += 31
    challenge = client.challenge()
    assert challenge["attempts_remaining"] == 1
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200
    client.sandbox.advance += 31
    assert client.challenge()["attempts_remaining"] == 4


def test_after_a_hold_there_is_one_attempt_at_a_time(client: Caller) -> None:
    hold(client)
    client.sandbox.advance += 86401
    assert client.challenge()["attempts_remaining"] == 1
    assert client.status_in_okta("ada@example.com") == "ACTIVE"
    # What the attempt after a hold may cost: at Okta it is the fifth in a row.
    assert guess(client) == "invalid_code"
    assert guess(client) == "attempts_held"
    assert client.status_in_okta("ada@example.com") == "LOCKED_OUT"


def test_the_public_cannot_release_a_hold(client: Caller, public: Caller) -> None:
    old = hold(client)
    assert public.delete("/holds/ada@example.com").status_code == 401
    assert client.post("/verify", old).json()["code"] == "attempts_held"


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [("nobody@example.com", 404, "customer_not_found"), ("nonsense", 400, "invalid_email")],
)
def test_a_release_of_nobody_says_so(client: Caller, email: str, status: int, code: str) -> None:
    response = client.delete(f"/holds/{email}")
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_success_forgets_the_failures_before_it(client: Caller) -> None:
    client.challenge()
    for _ in range(3):
        guess(client)
    body = {"email": "ada@example.com", "otp": client.code()}
    assert client.post("/verify", body).status_code == 200
    client.sandbox.advance += 31
    assert client.challenge()["attempts_remaining"] == 4


def test_a_login_that_is_another_address_proves_nothing(client: Caller) -> None:
    directory = client.sandbox.org.directory
    user = directory.add_user(
        login="victim@example.com", email="mallory@evil.example", first_name="M", last_name="Y"
    )
    directory.add_factor(user, FactorType.EMAIL, "mallory@evil.example")
    refused = client.post("/challenge", {"email": "victim@example.com"})
    assert (refused.status_code, refused.json()["code"]) == (404, "customer_not_found")


def test_a_former_email_of_a_customer_is_not_proven_by_the_code_for_the_new_one(
    client: Caller,
) -> None:
    client.challenge("grace@example.com")
    user = next(user for user in client.sandbox.org.directory if user.login == "grace.hopper")
    user.email = "grace@new.example"
    for factor in user.factors:
        factor.destination = user.email
    client.sandbox.advance += 31
    client.challenge("grace@new.example")
    code = client.code("grace@new.example")
    refused = client.post("/verify", {"email": "grace@example.com", "otp": code})
    assert (refused.status_code, refused.json()["code"]) == (404, "challenge_not_found")
    body = {"email": "grace@new.example", "otp": code}
    assert client.post("/verify", body).status_code == 200


def test_a_release_waits_for_the_code_that_is_being_checked(client: Caller) -> None:
    client.challenge()
    for _ in range(3):
        guess(client)
    client.sandbox.org.faults.add("verify", "slow", 1)
    body = {"email": "ada@example.com", "otp": client.wrong_code()}
    answers: list[str] = []
    fourth = threading.Thread(
        target=lambda: answers.append(client.post("/verify", body).json()["code"])
    )
    fourth.start()
    deadline = time.monotonic() + 10
    while client.verifies_seen_by_okta(403) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.delete("/holds/ada@example.com").status_code == 204
    fourth.join()
    assert answers == ["invalid_code"]
    client.sandbox.advance += 31
    assert client.challenge()["attempts_remaining"] == 1


def test_an_id_proves_nothing_for_another_email(client: Caller) -> None:
    challenge = client.challenge("grace@example.com")
    body = {
        "challenge_id": challenge["challenge_id"],
        "code": client.code("grace@example.com"),
        "email": "ada@example.com",
    }
    refused = client.post("/verify", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed_body")


def test_a_code_for_one_purpose_proves_nothing_for_another(client: Caller) -> None:
    challenge = client.challenge(purpose="pick-up", reference="order:1001")
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    for other in ({"purpose": "refund"}, {"purpose": "pick-up", "reference": "order:1002"}):
        refused = client.post("/verify", {**body, **other})
        assert (refused.status_code, refused.json()["code"]) == (403, "invalid_code")
    assert refused.json()["attempts_remaining"] == 2
    assert client.verifies_seen_by_okta() == 1
    verified = client.post("/verify", {**body, "purpose": "pick-up", "reference": "order:1001"})
    assert verified.json()["purpose"] == "pick-up"
    assert verified.json()["reference"] == "order:1001"


@pytest.mark.parametrize("label", ["x" * 65, "pick up", "a\nb", "ä", "<b>"])
def test_a_purpose_is_short_and_plain(client: Caller, label: str) -> None:
    response = client.post("/challenge", {"email": "ada@example.com", "purpose": label})
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
