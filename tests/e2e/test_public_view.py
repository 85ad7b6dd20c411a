"""What the public is told about an email follows from public calls alone, whoever has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import ADA, Caller, elsewhere, user
from tests.e2e.sign_in import WRONG, SignIn
from tests.sandbox.okta.records import UserStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from tests.sandbox.sandbox import Sandbox

NOT_SENT_TO = [f"{name}@example.com" for name in ("nobody", "katherine", "twin", "alan", "mary")]
"""Unknown, suspended, ambiguous, without a factor, with a factor of another address."""


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
        self.caller = elsewhere(sandbox, number)
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


@pytest.mark.in_process
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
    user(sandbox, suspended).status = UserStatus.SUSPENDED
    sign_in = SignIn(client)
    sign_in.verify("sms")
    for _ in range(4):
        sign_in.verify("sms", passCode=WRONG)
    assert client.post("/challenge", {"email": tried}).status_code == 429
    sandbox.org.inbox.clear()

    emails = (ADA, sent, tried, verified, suspended, *NOT_SENT_TO)
    strangers = [Stranger(sandbox, email, number) for number, email in enumerate(emails)]
    seen = set()
    for number, step in enumerate(STEPS):
        if isinstance(step, int):
            sandbox.advance += step
            continue
        started, answers = sandbox.advance, []
        for stranger in strangers:  # at the same time
            sandbox.advance = started
            answers.append(told(step(stranger)))
        assert answers == answers[:1] * len(strangers), f"step {number}"
        seen.add(answers[0][0])
    assert seen == {200, 202, 403, 404, 410, 429}
    assert not any(sandbox.org.inbox.to(email) for email in (*NOT_SENT_TO, tried, suspended))
    assert sandbox.org.inbox.to(sent)
    assert client.post("/challenge", {"email": ADA}).json()["code"] == "attempts_held"
