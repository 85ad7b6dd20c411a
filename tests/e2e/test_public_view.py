"""What the public is told about an email follows from public calls alone, whoever has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.e2e.conftest import Caller
from tests.e2e.sign_in import TOTP, WRONG, SignIn
from tests.sandbox.okta.records import UserStatus
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from requests import Response

ADA = "ada@example.com"
NOT_SENT_TO = [
    "nobody@example.com",
    "katherine@example.com",
    "twin@example.com",
    "alan@example.com",
    "mary@example.com",
]
"""Unknown, suspended, ambiguous, without a factor, with a factor of another address."""

AT_ONCE = 6


def told(response: Response) -> tuple[object, ...]:
    """Everything in a response that could tell two emails apart, but for ids and times."""
    body = response.json() if response.text.startswith("{") else response.text
    if isinstance(body, dict):
        shown = ("code", "status", "title", "detail", "channel", "type", "expires_in", "resend_in")
        body = (sorted(body), [body.get(name) for name in shown], len(body.get("challenge_id", "")))
    minutes = round(int(response.headers.get("Retry-After", "0")) / 60)
    headers = ",".join(sorted(response.headers)), response.headers["Content-Type"]
    return (response.status_code, *headers, str(body), minutes)


class Stranger:
    """What a stranger, at a source address of its own, does with one email."""

    def __init__(self, sandbox: Sandbox, email: str, number: int) -> None:
        self.caller = Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.100.{number}"})
        self.email = email
        self.ids: list[str] = []

    def send(self, channel: str = "email") -> Response:
        response = self.caller.post("/challenge", {"email": self.email, "channel": channel})
        if response.status_code == 202:
            self.ids.append(response.json()["challenge_id"])
            shown = f"{self.email[0]}•••@example.com" if channel == "email" else "•••"
            assert response.json()["destination"] == shown
        return response

    def send_by_url(self) -> Response:
        return self.caller.get("/challenge", email=self.email)

    def guess(self, number: int) -> Response:
        body = {"challenge_id": self.ids[number], "code": "000000"}
        return self.caller.post("/verify", body)

    def guess_by_email(self) -> Response:
        return self.caller.post("/verify", {"email": self.email, "otp": "000000"})

    def guess_by_url(self) -> Response:
        return self.caller.get("/verify", email=self.email, otp="000000")


STEPS: list[Callable[[Stranger], Response] | int] = [
    Stranger.guess_by_email,
    Stranger.send,
    Stranger.send,
    lambda stranger: stranger.guess(0),
    31,
    lambda stranger: stranger.send("sms"),
    lambda stranger: stranger.guess(0),
    301,
    lambda stranger: stranger.guess(1),
    Stranger.send_by_url,
    Stranger.guess_by_url,
    Stranger.guess_by_email,
    Stranger.guess_by_email,
    Stranger.send,
    3601,
    Stranger.send,
    Stranger.guess_by_url,
    Stranger.send_by_url,
]
"""Every state that a challenge can reach without its code; a number lets that many seconds pass."""


def test_public_answers_are_alike_whatever_others_have_done(
    sandbox: Sandbox, client: Caller
) -> None:
    """Customers with and without a history at clients, in sign-ins and at Okta, and nobodies."""
    sandbox.org.populate(4)
    sent, tried, verified, suspended = (f"customer-00{n}@example.com" for n in range(4))
    for email in (sent, tried, verified, suspended):
        client.challenge(email)
    for _ in range(4):
        client.post("/verify", {"email": tried, "code": client.wrong_code(tried)})
    right = client.post("/verify", {"email": verified, "code": client.code(verified)})
    assert right.status_code == 200
    user = next(each for each in sandbox.org.directory if each.email == suspended)
    user.status = UserStatus.SUSPENDED
    sign_in = SignIn(client)
    sign_in.verify("sms")
    for _ in range(4):
        sign_in.verify("sms", passCode=WRONG)
    assert client.post("/challenge", {"email": tried}).status_code == 429
    sandbox.org.inbox.clear()

    emails = (ADA, sent, tried, verified, suspended, *NOT_SENT_TO)
    strangers = [Stranger(sandbox, email, number) for number, email in enumerate(emails)]
    seen = set()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, step in enumerate(STEPS):
            if isinstance(step, int):
                sandbox.advance += step
                continue
            answers = [told(response) for response in pool.map(step, strangers)]
            assert answers == answers[:1] * len(strangers), f"step {number}"
            seen.add(answers[0][0])
            sandbox.settle()
    assert seen == {200, 202, 403, 404, 410, 429}
    assert not any(sandbox.org.inbox.to(email) for email in (*NOT_SENT_TO, tried, suspended))
    assert sandbox.org.inbox.to(sent)


def test_a_superseded_and_an_expired_challenge_are_one_outcome(public: Caller) -> None:
    ids = [public.challenge()["challenge_id"]]
    public.sandbox.advance += 31
    ids.append(public.challenge()["challenge_id"])
    public.sandbox.advance += 601
    answers = {
        told(public.post("/verify", {"challenge_id": each, "code": "000000"})) for each in ids
    }
    assert len(answers) == 1
    assert "challenge_expired" in str(answers)


def test_no_code_is_right_for_nobody(public: Caller) -> None:
    public.challenge()
    challenge = public.challenge("nobody@example.com")
    before = public.verifies_seen_by_okta()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    assert public.post("/verify", body).json()["code"] == "invalid_code"
    assert public.verifies_seen_by_okta() == before


def test_a_verification_is_told_to_nobody_who_only_knows_the_email(public: Caller) -> None:
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    assert public.post("/verify", body).status_code == 200
    by_email = public.post("/verify", {"email": ADA, "otp": "000000"})
    assert by_email.json()["code"] == "challenge_not_found"
    assert public.get("/verify", email=ADA, otp="000000").status_code == 404
    assert public.post("/verify", body).json()["code"] == "challenge_already_verified"


def test_a_held_customer_learns_of_the_hold_where_she_is_known(
    public: Caller, client: Caller
) -> None:
    sign_in = SignIn(client)
    for _ in range(4):
        sign_in.verify(TOTP, passCode=WRONG)
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": "000000"}
    assert public.post("/verify", body).json()["code"] == "invalid_code"
    assert not public.sandbox.org.inbox
    assert client.post("/challenge", {"email": ADA}).json()["code"] == "attempts_held"


def test_concealing_can_be_turned_off(log: Path) -> None:
    settings = {"CONCEAL_UNKNOWN_CUSTOMERS": "false"}
    with log.open("a", buffering=1) as file, Sandbox(file, environment=settings) as sandbox:
        caller = Caller(sandbox, {})
        response = caller.post("/challenge", {"email": "nobody@example.com"})
        assert (response.status_code, response.json()["code"]) == (404, "customer_not_found")
        body = {"challenge_id": caller.challenge()["challenge_id"], "code": caller.code()}
        assert caller.post("/verify", body).status_code == 200
