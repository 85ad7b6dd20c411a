"""A caller that asks again under the same Idempotency-Key gets the same answer, once."""

from __future__ import annotations

from tests.e2e.conftest import Caller

KEY = {"Idempotency_Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}


def test_the_same_request_is_answered_alike_and_sends_once(client: Caller) -> None:
    body = {"email": "ada@example.com"}
    first = client.post("/challenge", body, **KEY)
    again = client.post("/challenge", body, **KEY)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["Content-Type"] == again.headers["Content-Type"]
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 1


def test_a_verification_asked_again_is_still_verified(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    first = client.post("/verify", body, **KEY)
    again = client.post("/verify", body, **KEY)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert client.post("/verify", body).json()["code"] == "challenge_already_verified"


def test_a_wrong_code_asked_again_counts_once(client: Caller) -> None:
    client.challenge()
    body = {"email": "ada@example.com", "otp": client.wrong_code()}
    for _ in range(3):
        wrong = client.post("/verify", body, **KEY)
        assert (wrong.status_code, wrong.json()["attempts_remaining"]) == (403, 3)
    assert client.verifies_seen_by_okta(403) == 1


def test_another_body_under_the_same_key_is_refused(client: Caller) -> None:
    client.post("/challenge", {"email": "ada@example.com"}, **KEY)
    refused = client.post("/challenge", {"email": "grace@example.com"}, **KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert not client.sandbox.org.inbox.to("grace@example.com")


def test_a_key_belongs_to_its_caller_and_its_route(client: Caller, public: Caller) -> None:
    client.challenge()
    body = {"email": "ada@example.com", "otp": client.code()}
    assert client.post("/challenge", {"email": "grace@example.com"}, **KEY).status_code == 202
    assert client.post("/verify", body, **KEY).status_code == 200
    assert public.post("/verify", body, **KEY).json()["code"] == "challenge_not_found"


def test_an_answer_that_may_change_is_not_kept(client: Caller) -> None:
    client.sandbox.org.faults.add("lookup", "http_503", 2)
    body = {"email": "ada@example.com"}
    assert client.post("/challenge", body, **KEY).status_code == 503
    assert client.post("/challenge", body, **KEY).status_code == 202


def test_a_code_that_may_have_been_sent_is_not_sent_again_under_its_key(client: Caller) -> None:
    client.sandbox.org.faults.add("verify", "timeout", 1)
    body = {"email": "ada@example.com"}
    first = client.post("/challenge", body, **KEY)
    assert (first.status_code, first.json()["code"]) == (503, "okta_unavailable")
    client.sandbox.advance += 31
    again = client.post("/challenge", body, **KEY)
    assert again.json() == first.json()
    assert again.headers["Retry-After"] == first.headers["Retry-After"]
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 1


def test_strangers_do_not_share_their_keys(client: Caller) -> None:
    one = Caller(client.sandbox, {"X-Sandbox-Source-Ip": "198.51.100.1"})
    other = Caller(client.sandbox, {"X-Sandbox-Source-Ip": "198.51.100.2"})
    first = one.post("/challenge", {"email": "ada@example.com"}, Idempotency_Key="1")
    second = other.post("/challenge", {"email": "grace@example.com"}, Idempotency_Key="1")
    assert first.status_code == second.status_code == 202


def test_a_key_is_free_again_after_a_day(client: Caller) -> None:
    client.post("/challenge", {"email": "ada@example.com"}, **KEY)
    client.sandbox.advance += 24 * 3600 + 1
    client.post("/challenge", {"email": "grace@example.com"}, **KEY)
    assert client.sandbox.org.inbox.to("grace@example.com")


def test_nothing_secret_is_kept_with_an_answer(client: Caller) -> None:
    challenge = client.challenge()
    code = client.code()
    body = {"challenge_id": challenge["challenge_id"], "code": code}
    client.post("/verify", body, **KEY)
    table = client.sandbox.aws.client("dynamodb")
    rows = table.scan(TableName="sandbox-ChallengeTable")["Items"]
    kept = [row for row in rows if row["pk"]["S"].startswith("answer#")]
    assert len(kept) == 1
    stored = str(rows)
    for secret in (code, KEY["Idempotency_Key"], "ada@example.com", "+15005550006", "sk_sandbox"):
        assert secret not in stored


def test_a_key_that_is_no_key_is_refused(client: Caller) -> None:
    response = client.post("/challenge", {"email": "ada@example.com"}, Idempotency_Key="x" * 256)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
