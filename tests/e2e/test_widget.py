"""Okta's sign-in widget, release 7 in its classic form, unmodified and in Chromium, signs in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients.program import Client
from tests.e2e.test_page import CHROMIUM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.sandbox import Sandbox

    Seen = dict[str, Any]
    Journey = Callable[[str], Seen]

CLIENT = Path(__file__).with_name("clients") / "widget"

pytestmark = pytest.mark.skipif(
    "CI" not in os.environ and not (CHROMIUM.exists() and (CLIENT / "node_modules").exists()),
    reason="Chromium or the widget is not installed",
)

ADA, EVE = "ada@example.com", "eve@example.com"
WRONG_CODE = "Your passcode doesn't match our records. Please try again."
HELD = "You exceeded the maximum number of requests. Try again in a while."
"""The widget's own text for E0000047."""


@pytest.fixture(scope="module")
def client(running: Sandbox) -> Iterator[Client]:
    with Client([CLIENT / "sign_in.js", running.url, running.okta_url]) as client:
        yield client


@pytest.fixture
def journey(client: Client, sandbox: Sandbox) -> Journey:  # noqa: ARG001 - which is reset
    """Takes a journey of sign_in.js, in which nothing may go wrong."""

    def take(name: str) -> Seen:
        seen = client.take(name)
        assert seen.pop("errors") == []
        return seen

    return take


def test_customer_mistypes_a_code_of_an_email_and_ends_with_a_session(journey: Journey) -> None:
    assert journey("email") == {
        "boxes": 0,  # nobody is asked whether to remember a device that cannot be remembered
        "wrong": WRONG_CODE,
        "session": [ADA, "pwd", "mfa", "otp"],
    }


def test_customer_changes_from_email_to_sms_at_once(journey: Journey) -> None:
    assert journey("sms_after_email") == {"session": [ADA, "pwd", "mfa", "sms"]}


def test_customer_enrolls_a_question(sandbox: Sandbox, journey: Journey) -> None:
    assert journey("question") == {"questions": 3, "session": [EVE, "pwd"]}
    eve = sandbox.org.directory.find_login(EVE)
    assert eve is not None
    assert [each.secret for each in eve.factors] == ["meatball"]


def test_held_customer_is_told_to_wait(journey: Journey) -> None:
    assert journey("hold") == {"told": [WRONG_CODE] * 3 + [HELD]}


def test_customer_who_forgot_the_password_is_told_where_to_go(
    sandbox: Sandbox, journey: Journey
) -> None:
    page = f"{sandbox.okta_url}/signin/forgot-password"
    assert journey("forgotten_password") == {"told": f"This cannot be done here. Go to {page}"}
    assert sandbox.org.calls == []
