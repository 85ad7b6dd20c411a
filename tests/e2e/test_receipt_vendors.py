"""Vendors' client libraries, unmodified, ignore a receipt in the answers of their protocols."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from werkzeug.wrappers import Request, Response

from tests.e2e.receipts import ADA, customer_id, redeem, shop
from tests.e2e.test_workos_clients import RELEASE_5
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.okta.seed import ADA_PASSWORD
from tests.sandbox.server import Server
from tests.unit.forgeries import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.sandbox import Sandbox

CLIENTS = Path(__file__).with_name("clients")
OKTA_AUTH_JS = CLIENTS / "okta_auth_js"


class AsksForReceipts:
    """A server before the service that adds `"receipt": true` to each check of a code."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.receipts: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        asked = Request(environ)
        body = asked.get_data()
        if asked.path.endswith("/verify"):
            body = json.dumps({**json.loads(body), "receipt": True}).encode()
        headers = {name: value for name, value in asked.headers if name != "Content-Length"}
        answer = requests.request(
            asked.method, self._url + asked.full_path, data=body, headers=headers, timeout=30
        )
        if asked.path.endswith("/verify") and "receipt" in answer.json():
            self.receipts.append(answer.json()["receipt"])
        kind = answer.headers.get("Content-Type")
        response = Response(answer.content, answer.status_code, content_type=kind)
        response.headers["X-Request-ID"] = answer.headers.get("X-Request-ID", "")
        return response(environ, start_response)


@pytest.fixture
def asking(sandbox: Sandbox) -> Iterator[tuple[str, AsksForReceipts]]:
    """Its URL and the server."""
    app = AsksForReceipts(sandbox.url)
    with Server(app) as server:
        yield server.url, app


@pytest.mark.parametrize("path", ["", str(RELEASE_5)], ids=["newest", "release 5"])
def test_workos_clients_verify_as_without_it(
    asking: tuple[str, AsksForReceipts], path: str
) -> None:
    url, app = asking
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, CLIENTS / "workos_journey.py", url, CLIENT_KEY],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    assert seen["wrong"] == [False, True]
    assert seen["right"] == seen["sms_verified"] == [True, True]
    assert len(app.receipts) >= 2
    claims = [read(each.split(".")[1]) for each in app.receipts]
    assert {each["acr"].rpartition(":")[2] for each in claims} == {"authenticator-app", "phone"}
    assert {each["client"] for each in claims} == {"sandbox"}


@pytest.mark.skipif(
    "CI" not in os.environ and not (OKTA_AUTH_JS / "node_modules").exists(),
    reason="Okta's JavaScript client is not installed: set-up found no npm",
)
def test_okta_s_client_signs_in_and_hands_the_receipt_out(sandbox: Sandbox) -> None:
    run = subprocess.run(  # noqa: S603 - our own program
        [
            *("node", OKTA_AUTH_JS / "sign_in.js", "receipt"),
            *(sandbox.url, ADA_PASSWORD, sandbox.url),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    assert (seen["password"], seen["sent"], seen["right"]) == (
        *("MFA_REQUIRED", "MFA_CHALLENGE"),
        "SUCCESS",
    )
    claims = read(seen["receipt"].split(".")[1])
    assert (claims["sub"], claims["amr"]) == (customer_id(sandbox), ["pwd", "otp", "mfa"])
    assert redeem(shop(sandbox), seen["receipt"], ADA).status_code == 200
