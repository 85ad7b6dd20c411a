"""Okta's own JavaScript client, unmodified, signs in: to the service, and to the simulated Okta."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients.program import Client
from tests.e2e.receipts import customer_id, redeem, shop
from tests.e2e.sign_in import session_of
from tests.sandbox.okta.seed import ADA_PASSWORD
from tests.unit.forgeries import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.sandbox import Sandbox

    Seen = dict[str, Any]
    Journey = Callable[[str], Seen]

CLIENT = Path(__file__).with_name("clients") / "okta_auth_js"

pytestmark = pytest.mark.skipif(
    "CI" not in os.environ and not (CLIENT / "node_modules").exists(),
    reason="Okta's JavaScript client is not installed: set-up found no npm",
)

WRONG_PASSWORD = [401, "E0000004"]
DEAD_TOKEN = [401, "E0000011"]
WRONG_CODE = [403, "E0000068"]

MISTYPED_AND_SENT_AGAIN = {
    "password": "MFA_REQUIRED",
    "sent": "MFA_CHALLENGE",
    "wrong": WRONG_CODE,
    "resumed": "MFA_CHALLENGE",
    "introspected": "MFA_CHALLENGE",
    "resent": "MFA_CHALLENGE",
    "older": WRONG_CODE,
    "right": "SUCCESS",
}
APP = {
    "password": "MFA_REQUIRED",
    "wrong": WRONG_CODE,
    "challenged": "MFA_CHALLENGE",
    "resend_is_offered": False,
    "right": "SUCCESS",
}
ANSWER = {"password": "MFA_REQUIRED", "wrong": WRONG_CODE, "right": "SUCCESS"}


@pytest.fixture(scope="module", params=["service", "simulator"])
def client(running: Sandbox, request: pytest.FixtureRequest) -> Iterator[Client]:
    url = running.url if request.param == "service" else running.okta_url
    with Client([CLIENT / "sign_in.js", url, ADA_PASSWORD, running.url]) as client:
        yield client


@pytest.fixture
def journey(client: Client, sandbox: Sandbox) -> Journey:  # noqa: ARG001 - which is reset
    """Takes a journey of sign_in.js, every link of which leads back to the same server."""

    def take(name: str) -> Seen:
        seen = client.take(name)
        assert seen.pop("called") == [client.arguments[1]]
        return seen

    return take


@pytest.mark.parametrize(
    ("name", "steps", "method"),
    [
        ("email", MISTYPED_AND_SENT_AGAIN, "otp"),
        ("sms", MISTYPED_AND_SENT_AGAIN, "sms"),
        ("totp", APP, "otp"),
        ("question", ANSWER, "kba"),
    ],
    ids=["email", "sms", "totp", "question"],
)
def test_every_kind_of_factor_ends_in_a_session(
    sandbox: Sandbox, journey: Journey, name: str, steps: Seen, method: str
) -> None:
    seen = journey(name)
    session = session_of(sandbox, seen.pop("session_token"))
    assert (session["login"], session["amr"]) == ("ada@example.com", ["pwd", "mfa", method])
    assert seen == steps


def test_another_factor_is_chosen_and_a_cancelled_sign_in_is_dead(journey: Journey) -> None:
    assert journey("change_of_mind") == {
        "password": "MFA_REQUIRED",
        "sms": "MFA_CHALLENGE",
        "previous": "MFA_REQUIRED",
        "email": "MFA_CHALLENGE",
        "exists": [True, False],
        "cancelled": None,
        "right_code_too_late": DEAD_TOKEN,
    }


def test_a_wrong_password_and_an_unknown_user_look_the_same(journey: Journey) -> None:
    assert journey("passwords") == {
        "wrong": WRONG_PASSWORD,
        "nobody": WRONG_PASSWORD,
        "right": "MFA_REQUIRED",
    }


@pytest.mark.parametrize("client", ["service"], indirect=True)
def test_a_receipt_that_was_asked_for_is_handed_out(sandbox: Sandbox, journey: Journey) -> None:
    seen = journey("receipt")
    assert (seen["password"], seen["sent"], seen["right"]) == (
        *("MFA_REQUIRED", "MFA_CHALLENGE"),
        "SUCCESS",
    )
    claims = read(seen["receipt"].split(".")[1])
    assert (claims["sub"], claims["amr"]) == (customer_id(sandbox), ["pwd", "otp", "mfa"])
    assert redeem(shop(sandbox), seen["receipt"]).status_code == 200
