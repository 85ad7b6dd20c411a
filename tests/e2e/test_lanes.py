"""Lanes: what strangers do holds strangers alone, and nobody makes Okta see a fifth wrong code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.conftest import Caller
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.okta.seed import ADA_PHONE
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

ADA, GRACE = "ada@example.com", "grace@example.com"
WAIT = 31


class Device:
    """A browser that has verified a customer before."""

    def __init__(self, public: Caller, email: str = ADA) -> None:
        self.caller, self.email = public, email
        self.token: str = verify(public, public.challenge(email))["device_token"]
        public.sandbox.advance += WAIT

    def post(self, path: str, **body: object) -> Response:
        """A call about the customer's email, with the token."""
        return self.caller.post(path, {"email": self.email, "device_token": self.token, **body})


def verify(caller: Caller, challenge: dict[str, Any], email: str = ADA) -> dict[str, Any]:
    """Verify a challenge with the newest code."""
    if not caller.sandbox.org.inbox.to(email):
        email = GRACE
    body = {"challenge_id": challenge["challenge_id"], "code": caller.code(email)}
    response = caller.post("/verify", body)
    assert response.status_code == 200, response.text
    verified: dict[str, Any] = response.json()
    return verified


def guess(caller: Caller, number: int) -> list[str]:
    """So many wrong codes for ada's newest challenge; the outcomes."""
    body = {"email": ADA, "code": caller.wrong_code()}
    return [caller.post("/verify", body).json()["code"] for _ in range(number)]


def failures(sandbox: Sandbox) -> tuple[int, int]:
    """Okta's own count of ada's wrong codes in a row: now, and its highest value."""
    ada = next(each for each in sandbox.org.directory if each.email == ADA)
    return ada.failed_factor_attempts, ada.most_failed_factor_attempts


def test_strangers_take_nothing_from_devices_and_clients(public: Caller, client: Caller) -> None:
    """Strangers use up all their sends and attempts of a day."""
    device = Device(public)
    for _ in range(2):
        public.sandbox.advance += 3600
        for _ in range(5):
            public.sandbox.advance += WAIT
            public.post("/challenge", {"email": ADA})
    assert guess(public, 4) == ["invalid_code"] * 3 + ["attempts_held"]
    public.sandbox.advance += 3601
    assert public.post("/challenge", {"email": ADA}).json()["code"] == "send_limited"

    challenge = client.challenge()
    assert challenge["attempts_remaining"] >= 1
    verify(client, challenge)
    client.sandbox.advance += WAIT
    assert device.post("/challenge").status_code == 202
    right = device.post("/verify", code=public.code())
    assert (right.status_code, right.json()["status"]) == (200, "verified")
    assert failures(public.sandbox)[1] <= 3


def test_three_wrong_codes_of_strangers_hold_strangers_and_the_fourth_is_a_clients(
    public: Caller, client: Caller
) -> None:
    device = Device(public)
    challenge = public.challenge()
    code = public.code()
    assert guess(public, 4) == ["invalid_code"] * 3 + ["attempts_held"]
    right = public.post("/verify", {"challenge_id": challenge["challenge_id"], "code": code})
    assert right.status_code == 429
    public.sandbox.advance += WAIT
    assert client.challenge()["attempts_remaining"] == 1
    hold = client.get(f"/holds/{ADA}").json()
    assert (hold["held"], hold["lanes"]) == (True, ["stranger"])
    assert guess(client, 2) == ["invalid_code", "attempts_held"]
    public.sandbox.advance += WAIT
    assert device.post("/challenge").json()["code"] == "attempts_held"
    hold = client.get(f"/holds/{ADA}").json()
    assert hold["lanes"] == ["stranger", "device", "client"]
    assert [each["lane"] for each in hold["wrong_codes"]] == ["stranger"] * 3 + ["client"]
    assert failures(public.sandbox) == (4, 4)


def test_a_released_customer_is_free_again_after_the_right_code(
    public: Caller, client: Caller
) -> None:
    public.challenge()
    guess(public, 3)
    public.sandbox.advance += WAIT
    client.challenge()
    assert guess(client, 2) == ["invalid_code", "attempts_held"]
    public.sandbox.advance += WAIT
    assert verify(public, client.challenge(release_hold=True))["device_token"]
    assert client.get(f"/holds/{ADA}").json() == {
        "held": False,
        "lanes": [],
        "wrong_codes": [],
    }
    public.sandbox.advance += WAIT
    assert client.challenge()["attempts_remaining"] == 4
    assert failures(public.sandbox) == (0, 4)


def test_wrong_codes_are_counted_over_channels_dialects_and_lanes(
    public: Caller, client: Caller
) -> None:
    device = Device(public)
    public.challenge()
    assert public.get("/verify", email=ADA, otp=public.wrong_code()).status_code == 403
    public.sandbox.advance += WAIT
    device.post("/challenge", channel="sms")
    wrong = device.post("/verify", code=public.wrong_code(ADA_PHONE)).json()
    assert (wrong["code"], wrong["attempts_remaining"]) == ("invalid_code", 2)
    public.sandbox.advance += WAIT
    assert client.challenge(channel="sms")["attempts_remaining"] == 2
    assert failures(public.sandbox) == (2, 2)


def test_a_count_ends_with_a_success_and_not_with_time(public: Caller, client: Caller) -> None:
    client.challenge()
    guess(client, 3)
    client.sandbox.advance += 90 * 24 * 3600
    challenge = client.challenge()
    assert challenge["attempts_remaining"] == 1
    verify(client, challenge)
    public.sandbox.advance += WAIT
    assert client.challenge()["attempts_remaining"] == 4


def test_a_device_token_works_for_its_own_customer_while_it_is_valid(
    public: Caller, client: Caller
) -> None:
    device = Device(public, GRACE)
    grace = next(each for each in public.sandbox.org.directory if each.email == GRACE)
    body = {"email": ADA, "code": "000000", "device_token": device.token}
    public.challenge()
    assert "attempts_remaining" not in public.post("/verify", body).json()
    started = device.post("/challenge").json()
    assert started["attempts_remaining"] == 4
    by_header = Caller(public.sandbox, {"X-Device-Token": device.token})
    right = by_header.get("/verify", email=GRACE, otp=public.code(GRACE))
    assert right.status_code == 200
    assert client.delete(f"/customers/{grace.id}/devices").status_code == 204
    public.sandbox.advance += WAIT
    ended = device.post("/challenge")
    assert (ended.status_code, "attempts_remaining" in ended.json()) == (202, False)


def test_a_device_token_that_is_not_one_is_no_error(public: Caller) -> None:
    device = Device(public)
    for number, token in enumerate(("", "x", "dt_" + "A" * 400, device.token[:-1], "\u00e9")):
        body = {"email": f"nobody-{number}@example.com", "device_token": token}
        assert public.post("/challenge", body).status_code == 202, token
    public.sandbox.advance += 181 * 24 * 3600
    assert "attempts_remaining" not in device.post("/challenge").json()


def test_a_device_has_sends_of_its_own(public: Caller) -> None:
    device = Device(public)
    statuses = []
    for _ in range(4):
        statuses.append(device.post("/challenge").status_code)
        public.sandbox.advance += WAIT
    assert statuses == [202] * 3 + [429]
    assert public.post("/challenge", {"email": ADA}).status_code == 202


def test_the_brake_leaves_strangers_one_attempt_and_others_theirs(log: Path) -> None:
    settings = {"STRANGER_FAILURES_HOUR": "1"}
    with log.open("a", buffering=1) as file, Sandbox(file, environment=settings) as sandbox:
        public = Caller(sandbox, {})
        client = Caller(sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"})
        public.challenge()
        assert guess(public, 2) == ["invalid_code"] * 2
        sandbox.crash("VerifyChallengeFunction")  # a process believes the brake for ten seconds
        body = {"email": ADA, "code": public.code()}
        assert public.post("/verify", body).json()["code"] == "invalid_code"
        assert failures(sandbox) == (2, 2)
        sandbox.advance += WAIT
        challenge = client.challenge()
        assert challenge["attempts_remaining"] == 2
        verify(client, challenge)
