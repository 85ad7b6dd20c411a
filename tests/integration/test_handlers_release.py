"""The end of a hold, at the word of a client."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions, log_lines
from tests.integration.okta_org import WRONG_CODE, OktaOrg
from verification import policy

RESEND = policy.RESEND_SECONDS
EVE = "eve@example.com"


def hold(functions: Functions, challenge_id: str) -> None:
    """Four wrong codes."""
    for _ in range(4):
        assert functions.verify(challenge_id, WRONG_CODE).code == "invalid_code"
    assert functions.verify(challenge_id).code == "attempts_held"


@pytest.fixture
def held_id(functions: Functions, challenge_id: str) -> str:
    """The challenge of a customer on hold."""
    hold(functions, challenge_id)
    return challenge_id


@pytest.mark.parametrize(
    "email", [ADA, "ada%40example.com", "ADA%40Example.com", " Ada@Example.com"]
)
def test_a_released_customer_may_try_once(
    functions: Functions, okta: OktaOrg, clock: Clock, held_id: str, email: str
) -> None:
    reply = functions.release(email)
    assert (reply.status, reply.body) == (204, "")
    assert functions.verify(held_id).code == "challenge_exhausted"
    clock.advance(RESEND)
    reply = functions.post("/challenge", {"email": ADA})
    assert (reply.status, reply.json["attempts_remaining"]) == (202, 1)
    reply = functions.verify(reply.json["challenge_id"], WRONG_CODE)
    assert (reply.code, reply.json["attempts_remaining"]) == ("invalid_code", 0)
    clock.advance(RESEND)
    assert functions.post("/challenge", {"email": ADA}).code == "attempts_held"
    assert okta.counts("check") == 5


def test_a_right_code_after_a_release_forgets_the_failures(
    functions: Functions, clock: Clock, held_id: str
) -> None:
    assert held_id
    functions.release()
    clock.advance(RESEND)
    assert functions.verify(functions.issue()).status == 200
    clock.advance(RESEND)
    assert functions.post("/challenge", {"email": ADA}).json["attempts_remaining"] == 4


def test_a_release_is_for_clients(
    functions: Functions, public: Functions, okta: OktaOrg, held_id: str
) -> None:
    okta.calls.clear()
    reply = public.release()
    assert (reply.status, reply.code) == (401, "unauthorized")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert okta.calls == []
    assert functions.verify(held_id).code == "attempts_held"


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [
        (EVE, 404, "customer_not_found"),
        ("nonsense", 400, "invalid_email"),
        ("ada%40example.com%0a", 400, "invalid_email"),
        ("%20", 400, "missing_email"),
    ],
)
def test_a_release_of_nobody_says_so(
    functions: Functions, email: str, status: int, code: str
) -> None:
    reply = functions.release(email)
    assert (reply.status, reply.code) == (status, code)


def test_a_release_of_a_customer_who_is_not_active_says_so(
    functions: Functions, okta: OktaOrg
) -> None:
    okta.add(ADA, status="SUSPENDED")
    reply = functions.release()
    assert (reply.status, reply.code) == (409, "customer_inactive")


def test_a_release_of_a_customer_who_is_not_held_is_no_error(
    functions: Functions, challenge_id: str
) -> None:
    functions.verify(challenge_id, WRONG_CODE)
    assert functions.release().status == 204
    assert functions.verify(challenge_id, WRONG_CODE).json["attempts_remaining"] == 2


def test_a_release_sends_and_checks_nothing(
    functions: Functions, okta: OktaOrg, held_id: str
) -> None:
    assert held_id
    before = len(okta.calls)
    functions.release()
    assert {call.method for call in okta.calls[before:]} == {"GET"}


def test_the_decoy_of_an_email_is_released_too(
    functions: Functions, public: Functions, clock: Clock
) -> None:
    """Else its hold would tell that a client has never heard of this email."""
    hold(public, public.issue(EVE))
    assert functions.release(EVE).code == "customer_not_found"
    clock.advance(RESEND)
    assert public.post("/challenge", {"email": EVE}).json["attempts_remaining"] == 1


def test_a_release_is_logged_with_its_customer_s_hash(
    functions: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str]
) -> None:
    okta.add(ADA)
    functions.issue()
    functions.release()
    sent, released = log_lines(capsys)
    assert (released["outcome"], released["route"], released["caller"]) == (
        "released",
        "DELETE /holds/{email}",
        "shop",
    )
    assert released["identity"] == sent["identity"]
