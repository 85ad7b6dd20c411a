"""What somebody without a key learns of who is a customer: nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Caller
from tests.e2e.timing import CHANCE, likeness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from requests import Response

from tests.sandbox.sandbox import Sandbox

CUSTOMER = "ada@example.com"
COUNT = 40
"""Answers that are timed, of each kind."""

NO_CUSTOMERS = [
    "nobody@example.com",
    "katherine@example.com",
    "twin@example.com",
    "alan@example.com",
]


def face(response: Response) -> tuple[object, ...]:
    """Everything of an answer that could tell two customers apart, but for ids and times."""
    body = response.json() if response.text.startswith("{") else response.text
    if isinstance(body, dict):
        told = ("code", "status", "title", "detail", "channel", "attempts_remaining", "type")
        body = (sorted(body), [body.get(name) for name in told], len(body.get("challenge_id", "")))
    waits = round(int(response.headers.get("Retry-After", "0")) / 60)
    return (
        response.status_code,
        sorted(response.headers),
        response.headers["Content-Type"],
        body,
        waits,
    )


class Life:
    """One email and what a caller without a key does about it."""

    def __init__(self, sandbox: Sandbox, email: str) -> None:
        self.caller = Caller(sandbox, {})
        self.email = email
        self.ids: list[str] = []

    def send(self, channel: str = "email") -> Response:
        """Ask for a code over JSON."""
        response = self.caller.post("/challenge", {"email": self.email, "channel": channel})
        if response.status_code == 202:
            self.ids.append(response.json()["challenge_id"])
            shown = f"{self.email[0]}•••@example.com" if channel == "email" else "•••"
            assert response.json()["destination"] == shown
        return response

    def send_by_url(self) -> Response:
        """Ask for a code over the invoke URL."""
        return self.caller.get("/challenge", email=self.email)

    def guess(self, number: int) -> Response:
        """Try a code for one of the challenges so far."""
        return self.caller.post("/verify", {"challenge_id": self.ids[number], "code": "000000"})

    def guess_by_email(self) -> Response:
        """Try a code for the newest challenge."""
        return self.caller.post("/verify", {"email": self.email, "otp": "000000"})

    def guess_by_url(self) -> Response:
        """The same over the invoke URL."""
        return self.caller.get("/verify", email=self.email, otp="000000")


STEPS: list[Callable[[Life], Response] | int] = [
    Life.send,
    Life.send,
    lambda life: life.guess(0),
    Life.guess_by_email,
    31,
    lambda life: life.send("sms"),
    lambda life: life.guess(0),
    301,
    lambda life: life.guess(1),
    Life.send_by_url,
    Life.guess_by_url,
    Life.guess_by_url,
    Life.guess_by_url,
    61,
    Life.send,
    Life.guess_by_email,
    86401,
    Life.send,
    Life.guess_by_email,
    Life.guess_by_email,
]
"""Every state that a challenge can reach without its code; a number lets that many seconds pass."""


def test_nobody_looks_like_a_customer_through_the_whole_life(sandbox: Sandbox) -> None:
    lives = [Life(sandbox, email) for email in [CUSTOMER, *NO_CUSTOMERS]]
    seen = set()
    with ThreadPoolExecutor(len(lives)) as pool:
        for number, step in enumerate(STEPS):
            if isinstance(step, int):
                sandbox.advance += step
                continue
            faces = [face(response) for response in pool.map(step, lives)]
            assert faces == faces[:1] * len(lives), f"step {number}"
            seen.add(faces[0][:1])
    assert seen == {(200,), (202,), (403,), (410,), (429,)}
    assert not any(sandbox.org.inbox.to(email) for email in NO_CUSTOMERS)


def test_an_email_that_never_asked_for_a_code_is_like_any_other(public: Caller) -> None:
    faces = {
        str(face(public.post("/verify", {"email": email, "otp": "000000"})))
        for email in [CUSTOMER, *NO_CUSTOMERS]
    }
    assert len(faces) == 1
    assert "challenge_not_found" in faces.pop()


def test_no_code_is_right_for_a_decoy(public: Caller) -> None:
    # Somebody else's right code is not, and Okta is not asked.
    public.challenge(CUSTOMER)
    challenge = public.challenge("nobody@example.com")
    before = public.verifies_seen_by_okta()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code(CUSTOMER)}
    assert public.post("/verify", body).json()["code"] == "invalid_code"
    assert public.verifies_seen_by_okta() == before


def test_a_decoy_asks_okta_no_more_than_it_needs(public: Caller) -> None:
    public.challenge("nobody@example.com")
    assert len(public.sandbox.org.calls) == 2
    public.sandbox.advance += 31
    public.challenge("nobody@example.com")
    assert len(public.sandbox.org.calls) == 2


def test_a_customer_who_has_just_registered_is_found(public: Caller, client: Caller) -> None:
    user = next(user for user in public.sandbox.org.directory if user.login == "grace.hopper")
    user.email = "somebody.else@example.com"
    public.challenge("grace@example.com")
    user.email = "grace@example.com"
    public.sandbox.advance += 31
    assert client.challenge("grace@example.com")
    public.sandbox.advance += 31
    public.challenge("grace@example.com")
    assert len(public.sandbox.org.inbox.to("grace@example.com")) == 2


def test_what_okta_says_of_a_kept_customer_is_not_told(public: Caller, client: Caller) -> None:
    challenge = public.challenge(CUSTOMER)
    user = next(user for user in public.sandbox.org.directory if user.email == CUSTOMER)
    user.status = type(user.status)("SUSPENDED")
    body = {"challenge_id": challenge["challenge_id"], "code": "000000"}
    assert public.post("/verify", body).json()["code"] == "invalid_code"
    public.sandbox.advance += 31
    public.challenge(CUSTOMER)
    public.sandbox.advance += 31
    refused = client.post("/challenge", {"email": CUSTOMER})
    assert refused.json()["code"] == "customer_inactive"


def test_concealing_can_be_turned_off(log: Path) -> None:
    with (
        log.open("a", buffering=1) as file,
        Sandbox(file, environment={"CONCEAL_UNKNOWN_CUSTOMERS": "false"}) as open_about_it,
    ):
        response = Caller(open_about_it, {}).post("/challenge", {"email": "nobody@example.com"})
        assert (response.status_code, response.json()["code"]) == (404, "customer_not_found")


def test_a_past_verification_is_told_to_nobody_who_only_knows_the_email(public: Caller) -> None:
    challenge = public.challenge(CUSTOMER)
    body = {"challenge_id": challenge["challenge_id"], "code": public.code(CUSTOMER)}
    assert public.post("/verify", body).status_code == 200
    by_email = {"email": CUSTOMER, "otp": "000000"}
    assert public.post("/verify", by_email).json()["code"] == "challenge_not_found"
    assert public.post("/verify", body).json()["code"] == "challenge_already_verified"


def test_a_decoy_keeps_its_customer_busy_as_long(sandbox: Sandbox) -> None:
    """Four wrong codes at once are checked one after the other, for anybody."""
    sandbox.org.latency_seconds = 0.15
    slowest = {}
    try:
        for email in (CUSTOMER, "nobody@example.com"):
            caller = Caller(sandbox, {})
            body = {"challenge_id": caller.challenge(email)["challenge_id"], "code": "000000"}
            started = time.perf_counter()
            answers = caller.at_once(4, lambda: caller.post("/verify", body))  # noqa: B023
            slowest[email] = time.perf_counter() - started
            assert {answer.json()["code"] for answer in answers} == {"invalid_code"}
    finally:
        sandbox.org.latency_seconds = 0.0
    assert slowest[CUSTOMER] == pytest.approx(slowest["nobody@example.com"], rel=0.35)


@pytest.mark.parametrize("latency", [0.05, 0.15])
def test_the_time_of_an_answer_tells_nothing(sandbox: Sandbox, latency: float) -> None:
    def ask(caller: Caller, email: str) -> None:
        assert caller.post("/challenge", {"email": email}).status_code == 202

    assert likeness(sandbox, latency, COUNT, ask) > CHANCE
