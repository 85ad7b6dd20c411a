"""WorkOS's own client libraries, unmodified, enrol, challenge and verify."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zxingcpp
from PIL import Image

from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

RELEASE_5 = Path(sys.prefix) / "workos5"
"""Where set-up puts release 5, which the newest cannot share a folder with."""


@pytest.fixture(scope="module", params=["newest", "release 5"])
def seen(request: pytest.FixtureRequest, running: Sandbox) -> dict[str, Any]:
    """What the journey saw."""
    running.reset()
    paths = [str(RELEASE_5)] if request.param == "release 5" else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    program = ROOT / "tests" / "e2e" / "clients" / "workos_journey.py"
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, program, running.url, CLIENT_KEY],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_an_authenticator_app_is_enrolled(seen: dict[str, Any]) -> None:
    *told, uri = seen["totp"]
    assert told == ["authentication_factor", "totp", "Shop & Co", "grace@example.com"]
    assert uri.startswith("otpauth://totp/Shop%20%26%20Co:grace@example.com?secret=")
    assert uri.endswith("&issuer=Shop%20%26%20Co")


def test_a_phone_can_scan_the_qr_code(seen: dict[str, Any]) -> None:
    kind, _, data = seen["qr_code"].partition(";base64,")
    assert kind == "data:image/png"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    (code,) = zxingcpp.read_barcodes(picture)
    assert code.text == seen["totp"][-1]


def test_the_secret_is_told_once(seen: dict[str, Any]) -> None:
    assert seen["get"] == [True, "totp", "Shop & Co", None]


def test_an_app_is_challenged_without_an_expiry(seen: dict[str, Any]) -> None:
    assert seen["challenge"] == ["authentication_challenge", True, None]


def test_a_wrong_code_is_an_answer_and_the_right_one_activates(seen: dict[str, Any]) -> None:
    assert seen["wrong"] == [False, True]
    assert seen["right"] == [True, True]


def test_a_phone_is_enrolled_with_its_first_code_and_only_once(seen: dict[str, Any]) -> None:
    assert seen["sms"] == ["sms", True]
    assert seen["sms_verified"] == [True, True]
    assert seen["sms_again"] is True


def test_an_sms_has_the_text_that_was_asked_for(seen: dict[str, Any]) -> None:
    assert seen["sms_text"] == ["Pick-up code CODE for order 1001", 2]
    assert seen["sms_active"] is True


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ("again", 422, "authentication_challenge_previously_verified"),
        ("expired", 422, "authentication_challenge_expired"),
        ("bad_phone", 422, "invalid_phone_number"),
        ("bad_template", 422, "invalid_request_parameters"),
        ("bad_type", 422, "invalid_request_parameters"),
        ("bad_key", 401, "unauthorized"),
        ("forged", 404, "entity_not_found"),
        ("deleted", 404, "entity_not_found"),
        ("deleted_again", 404, "entity_not_found"),
    ],
)
def test_an_error_is_told_in_the_client_s_own_terms(
    seen: dict[str, Any], step: str, status: int, code: str
) -> None:
    assert seen[step] == [status, code, True]
