"""The page of the sandbox, as a customer uses it in Chromium, and as axe-core judges it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.receipts import customer_id
from tests.sandbox.sandbox import PAGE
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.sandbox import Sandbox

    Seen = dict[str, Any]
    Journey = Callable[[str], Seen]

CLIENT = Path(__file__).with_name("clients") / "page"
CHROMIUM = Path("/usr/bin/chromium")
MOST_BYTES = 100_000
MOST_PICTURE_BYTES = 150_000


def why_not() -> str:
    """What is missing for these tests; empty if nothing is. CI must miss nothing."""
    if "CI" in os.environ:
        return ""
    if not CHROMIUM.exists():
        return f"there is no Chromium at {CHROMIUM}: apt-get install chromium"
    if not (CLIENT / "node_modules").exists():
        return "playwright-core is not installed: set-up found no npm"
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def journey(sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Journey:
    """Takes a journey of journeys.js. Its pictures are in the folder `d/page` of pytest's cache."""
    pictures = request.config.cache.mkdir("page")

    def take(name: str) -> Seen:
        run = subprocess.run(  # noqa: S603 - our own program
            ["node", CLIENT / "journeys.js", name, sandbox.url, tmp_path, pictures],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        seen: Seen = json.loads(run.stdout)
        assert seen.pop("problems") == []
        assert seen.pop("errors") == []
        assert seen.pop("elsewhere") == []
        return seen

    return take


def test_page_is_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.iterdir()) < MOST_BYTES


def test_picture_of_the_readme_is_small() -> None:
    assert (ROOT / "docs" / "page.png").stat().st_size < MOST_PICTURE_BYTES


def test_customer_is_verified_and_the_receipt_redeemed_once_by_keyboard_alone(
    sandbox: Sandbox, journey: Journey
) -> None:
    seen = journey("verified_by_keyboard")
    claims = seen.pop("claims")
    assert claims.keys() == {
        *("iss", "aud", "sub", "iat", "exp", "jti", "auth_time", "amr", "acr"),
        *("challenge_id", "channel", "lane"),
    }
    assert (claims["sub"], claims["aud"]) == (customer_id(sandbox), "shop")
    assert (claims["amr"], claims["lane"]) == ("otp", "stranger")
    assert seen == {
        "asked": "Accepted",
        "announced": "A code was sent to ada@example.com.",
        "state": ["sending", "verified"],
        "focus": "code",
        "checked": "Verified",
        "device": True,
        "redeemed": ["Redeemed", "Receipt already redeemed"],
    }


def test_device_is_remembered_and_has_a_lane_of_its_own(journey: Journey) -> None:
    seen = journey("known_device")
    sent = seen.pop("wire")
    assert sent.keys() == {"email", "channel", "device_token"}
    assert seen == {"codes": "1 of 3", "checked": "Verified"}


def test_wrong_code_is_counted_until_a_right_one(sandbox: Sandbox, journey: Journey) -> None:
    assert journey("wrong_code") == {
        "wrong": "Invalid code",
        "state": "pending",
        "count": ["1 of 5", "0 of 5"],
        "right": "Verified",
    }
    assert [call.status for call in sandbox.org.calls if call.kind == "check"] == [403, 200]


def test_third_wrong_code_holds_strangers_and_a_client_releases_the_hold(journey: Journey) -> None:
    assert journey("held_and_released") == {
        "guesses": ["Invalid code", "Invalid code", "Invalid code", "Attempts held"],
        "state": "exhausted",
        "public": True,
        "tries": ["3 of 3", "3 of 4"],
        "released": "Accepted",
        "checked": "Verified",
        "customer": True,
    }


def test_unknown_email_looks_like_a_customer_to_the_public_alone(
    sandbox: Sandbox, journey: Journey
) -> None:
    assert journey("unknown_email") == {
        "asked": "Accepted",
        "inbox": True,
        "nobody": True,
        "guess": "Invalid code",
        "client": "Customer not found",
    }
    assert sandbox.org.inbox == []


def test_second_code_waits_and_supersedes_the_first(journey: Journey) -> None:
    seen = journey("too_soon_and_later")
    assert seen.pop("older").startswith("superseded stranger")
    assert seen == {"again": "Send limited", "later": "Accepted", "state": "expired"}


def test_faults_are_set_used_up_and_reset(sandbox: Sandbox, journey: Journey) -> None:
    assert journey("faults_and_reset") == {
        "faulty": "Okta unavailable",
        "gone": True,
        "dropped": "Accepted",
        "reset": "Everything is back at the start.",
    }
    assert (sandbox.org.calls, sandbox.invocations.dropped) == ([], 0)
