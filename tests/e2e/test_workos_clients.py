"""WorkOS's own client libraries, unmodified, enrol, challenge and verify.

They do so once more while each of their checks asks for a receipt, which they ignore.
"""

from __future__ import annotations

import base64
import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import zxingcpp
from PIL import Image
from werkzeug.wrappers import Request, Response

from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.server import Server
from tests.unit.forgeries import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.sandbox import Sandbox

    Journey = Callable[[str, str], dict[str, Any]]

JOURNEY = Path(__file__).with_name("clients") / "workos_journey.py"
RELEASE_5 = Path(sys.prefix) / "workos5"
"""Where set-up puts release 5, which the newest cannot share a folder with."""


class AsksForReceipts:
    """A WSGI app before the service that adds `"receipt": true` to each check of a code."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.receipts: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        asked = Request(environ)
        body = asked.get_data()
        is_check = asked.path.endswith("/verify")
        if is_check:
            body = json.dumps({**json.loads(body), "receipt": True}).encode()
        headers = {name: value for name, value in asked.headers if name != "Content-Length"}
        answer = requests.request(
            asked.method, self._url + asked.full_path, data=body, headers=headers, timeout=30
        )
        if is_check and "receipt" in answer.json():
            self.receipts.append(answer.json()["receipt"])
        kept = {name: answer.headers.get(name, "") for name in ("Content-Type", "X-Request-ID")}
        return Response(answer.content, answer.status_code, kept)(environ, start_response)


def of_release_5(url: str) -> dict[str, Any]:
    """What the journey saw with release 5."""
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, JOURNEY, url, CLIENT_KEY],
        env={**os.environ, "PYTHONPATH": str(RELEASE_5)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


@pytest.fixture(scope="module")
def journey() -> Journey:
    """The journey with the newest release, which takes long to be imported."""
    taken: Journey = runpy.run_path(str(JOURNEY))["journey"]
    return taken


@pytest.fixture(scope="module", params=["newest", "release 5", "newest with receipts"])
def seen(request: pytest.FixtureRequest, running: Sandbox, journey: Journey) -> dict[str, Any]:
    """What the journey saw, with the receipts that came beside it checked."""
    running.reset()
    if request.param == "release 5":
        return of_release_5(running.url)
    if request.param == "newest":
        return journey(running.url, CLIENT_KEY)
    asking = AsksForReceipts(running.url)
    with Server(asking) as server:
        told = journey(server.url, CLIENT_KEY)
    methods = {read(each.split(".")[1])["acr"].rpartition(":")[2] for each in asking.receipts}
    assert methods == {"authenticator-app", "phone"}
    return told


def test_an_authenticator_app_is_enrolled_and_its_secret_told_once(seen: dict[str, Any]) -> None:
    *told, uri = seen["totp"]
    assert told == ["authentication_factor", "totp", "Shop & Co", "grace@example.com"]
    assert uri.startswith("otpauth://totp/Shop%20%26%20Co:grace@example.com?secret=")
    assert uri.endswith("&issuer=Shop%20%26%20Co")
    assert seen["get"] == [True, "totp", "Shop & Co", None]


def test_a_phone_can_scan_the_qr_code(seen: dict[str, Any]) -> None:
    kind, _, data = seen["qr_code"].partition(";base64,")
    assert kind == "data:image/png"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    (code,) = zxingcpp.read_barcodes(picture)
    assert code.text == seen["totp"][-1]


def test_every_step_is_told_as_workos_tells_it(seen: dict[str, Any]) -> None:
    steps = {
        "challenge": ["authentication_challenge", True, None],  # of an app: without an expiry
        "wrong": [False, True],
        "right": [True, True],
        "sms": ["sms", True],
        "sms_verified": [True, True],
        "sms_again": True,
        "sms_text": ["Pick-up code CODE for order 1001", 2],
        "sms_active": True,
        "again": [422, "authentication_challenge_previously_verified", True],
        "expired": [422, "authentication_challenge_expired", True],
        "bad_phone": [422, "invalid_phone_number", True],
        "bad_template": [422, "invalid_request_parameters", True],
        "bad_type": [422, "invalid_request_parameters", True],
        "bad_key": [401, "unauthorized", True],
        "forged": [404, "entity_not_found", True],
        "deleted": [404, "entity_not_found", True],
        "deleted_again": [404, "entity_not_found", True],
    }
    assert {name: seen[name] for name in steps} == steps
