"""Okta Verify push over HTTP: the phone's answers, many questions at once, and a crash."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import ADA, WAIT, Caller, code_of

if TYPE_CHECKING:
    from requests import Response

DOROTHY, NOBODY = "dorothy@example.com", "nobody@example.com"
VERIFY = "VerifyChallengeFunction"
POLL = 2


def begun(caller: Caller) -> dict[str, Any]:
    """A push to Dorothy."""
    return caller.challenge(DOROTHY, channel="push")


def answer(caller: Caller, push: dict[str, Any], number: int | None = None) -> None:
    """Dorothy chooses a number: the right one, or this one."""
    caller.sandbox.org.pushes.answer("approve", push["number"] if number is None else number)
    caller.sandbox.advance += POLL


def told(response: Response) -> str:
    """The status of a success, or the outcome of a refusal."""
    return code_of(response) or str(response.json()["status"])


def asked_okta(caller: Caller, method: str = "GET") -> int:
    """How often Okta was asked about a push or, with DELETE, to cancel it."""
    calls = [each for each in caller.sandbox.org.calls if "/transactions/" in each.path]
    return sum(each.method == method for each in calls)


@pytest.mark.in_process
def test_a_client_waits_for_the_approval_and_is_told_once(client: Caller) -> None:
    push = begun(client)
    path = f"/challenge/{push['challenge_id']}"
    waiting = client.get(path)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "2")
    assert waiting.json()["number"] == push["number"]
    answer(client, push)
    by_post = {"challenge_id": push["challenge_id"], "receipt": True}
    verified = client.post("/verify", by_post)
    assert verified.json()["receipt"]
    assert (told(client.get(path)), asked_okta(client)) == ("challenge_already_verified", 2)


@pytest.mark.in_process
def test_a_wrong_number_is_a_rejection_and_two_are_the_last_for_an_hour(client: Caller) -> None:
    for _ in range(2):
        push = begun(client)
        answer(client, push, push["number"] + 1)
        for _ in range(2):
            response = client.get(f"/challenge/{push['challenge_id']}")
            assert (response.status_code, told(response)) == (403, "push_rejected")
        client.sandbox.advance += WAIT
    limited = client.post("/challenge", {"email": DOROTHY, "channel": "push"})
    assert (told(limited), limited.json()["limit"]) == ("send_limited", "push")
    assert client.challenge(DOROTHY, channel="any")["channel"] == "email"
    assert (asked_okta(client), client.status_in_okta(DOROTHY)) == (2, "ACTIVE")


@pytest.mark.in_process
def test_a_newer_challenge_takes_the_push_off_the_phone(client: Caller) -> None:
    push = begun(client)
    client.challenge(DOROTHY, channel="push", fallback=True)
    assert (asked_okta(client, "DELETE"), client.sandbox.org.pushes.sent) == (1, [])
    response = client.get(f"/challenge/{push['challenge_id']}")
    assert (told(response), asked_okta(client)) == ("challenge_superseded", 0)


@pytest.mark.in_process
def test_a_push_without_a_number_is_taken_back(client: Caller) -> None:
    client.sandbox.org.policy.number_matching = False
    response = client.post("/challenge", {"email": DOROTHY, "channel": "push"})
    assert (response.status_code, told(response)) == (502, "okta_unexpected_response")
    assert client.sandbox.org.pushes.sent == []


@pytest.mark.in_process
def test_a_known_device_reads_its_number_when_the_push_is_sent(public: Caller) -> None:
    body = {"challenge_id": public.challenge(DOROTHY)["challenge_id"], "code": public.code(DOROTHY)}
    token = public.post("/verify", body).json()["device_token"]
    device = Caller(public.sandbox, {"X-Device-Token": token})
    path = f"/challenge/{device.challenge(DOROTHY, channel='any')['challenge_id']}"
    waiting = device.get(path).json()
    assert waiting["channel"] == "push"
    assert told(public.get(path)) == "challenge_not_found"
    answer(device, waiting)
    verified = device.get(path).json()
    assert (verified["status"], verified["channel"]) == ("verified", "push")
    assert verified["receipt"]
    assert verified["device_token"]


@pytest.mark.in_process
def test_a_stranger_is_told_the_same_of_everybody(public: Caller) -> None:
    for request in ({"channel": "push"}, {"channel": "any"}, {"fallback": True}):
        answers = [public.post("/challenge", {"email": e, **request}) for e in (DOROTHY, NOBODY)]
        seen = [(each.status_code, {**each.json(), "request_id": ""}) for each in answers]
        assert seen[0] == seen[1]
        assert seen[0][0] == 401
    for email in (DOROTHY, ADA, NOBODY):
        assert public.challenge(email, channel="totp")["destination"] == "•••"
    assert not public.sandbox.org.inbox


def test_fifty_questions_at_once_verify_once(client: Caller) -> None:
    push = begun(client)
    answer(client, push)
    path = f"/challenge/{push['challenge_id']}"
    seen = Counter(told(each) for each in client.at_once(50, lambda: client.get(path)))
    assert seen["verified"] == 1
    assert seen["pending"] + seen["challenge_already_verified"] == 49
    assert asked_okta(client) == 1
    assert told(client.get(path)) == "challenge_already_verified"


def test_a_crash_after_okta_s_answer_proves_nothing_until_okta_is_asked_again(
    client: Caller,
) -> None:
    push = begun(client)
    answer(client, push)
    client.sandbox.org.faults.add("verify", "slow", 1)
    path = f"/challenge/{push['challenge_id']}"
    crashed = client.crashed(VERIFY, lambda: client.get(path), lambda: asked_okta(client) == 1)
    assert crashed.status_code == 502
    assert told(client.get(path)) == "pending"
    client.sandbox.advance += POLL
    assert told(client.get(path)) == "verified"
    assert told(client.get(path)) == "challenge_already_verified"
