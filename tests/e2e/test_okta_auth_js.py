"""Okta's own JavaScript client, unmodified, signs in: to the service, and to the simulated Okta."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox.okta.seed import ADA_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.fixture(params=["service", "simulator"])
def journey(request: pytest.FixtureRequest, sandbox: Sandbox) -> Journey:
    """Takes a journey of sign_in.js, every link of which leads back to the same server."""
    url = sandbox.url if request.param == "service" else sandbox.okta_url

    def take(name: str) -> Seen:
        run = subprocess.run(  # noqa: S603 - our own program
            ["node", CLIENT / "sign_in.js", name, url, ADA_PASSWORD, sandbox.url],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        seen: Seen = json.loads(run.stdout)
        assert seen.pop("called") == [url]
        return seen

    return take


def session(sandbox: Sandbox, session_token: str) -> list[object]:
    """Whose session Okta opens for the token, and how it was proved."""
    response = requests.post(
        f"{sandbox.okta_url}/api/v1/sessions",
        json={"sessionToken": session_token},
        headers={"Authorization": f"SSWS {sandbox.org.api_tokens[0]}"},
        timeout=30,
    )
    assert response.status_code == 200, response.text
    opened = response.json()
    return [opened["login"], *opened["amr"]]


@pytest.mark.parametrize(("channel", "method"), [("email", "otp"), ("sms", "sms")])
def test_a_sent_code_is_mistyped_sent_again_and_signs_in(
    sandbox: Sandbox, journey: Journey, channel: str, method: str
) -> None:
    seen = journey(channel)
    token = seen.pop("session_token")
    assert seen == {
        "password": "MFA_REQUIRED",
        "sent": "MFA_CHALLENGE",
        "wrong": WRONG_CODE,
        "resumed": "MFA_CHALLENGE",
        "resent": "MFA_CHALLENGE",
        "older": WRONG_CODE,
        "right": "SUCCESS",
    }
    assert session(sandbox, token) == ["ada@example.com", "pwd", "mfa", method]


def test_an_authenticator_app_signs_in(sandbox: Sandbox, journey: Journey) -> None:
    seen = journey("totp")
    token = seen.pop("session_token")
    assert seen == {
        "password": "MFA_REQUIRED",
        "wrong": WRONG_CODE,
        "challenged": "MFA_CHALLENGE",
        "resend_is_offered": False,
        "right": "SUCCESS",
    }
    assert session(sandbox, token) == ["ada@example.com", "pwd", "mfa", "otp"]


def test_an_answer_signs_in(sandbox: Sandbox, journey: Journey) -> None:
    seen = journey("question")
    token = seen.pop("session_token")
    assert seen == {"password": "MFA_REQUIRED", "wrong": WRONG_CODE, "right": "SUCCESS"}
    assert session(sandbox, token) == ["ada@example.com", "pwd", "mfa", "kba"]


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
