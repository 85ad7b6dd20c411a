"""The programs of docs/examples run as they are, and what follows them cannot be deceived."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import jwt
import pytest
import requests
from joserfc import errors as joserfc_errors
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from tests.e2e.clients.program import Client as Program
from tests.e2e.conftest import Caller, Response, free_ports
from tests.e2e.receipts import ADA, GRACE, ISSUER, PICKUP, customer_id, forger, receipt_of, verified
from tests.e2e.test_page import CLIENT, why_not
from tests.sandbox.aws import SHOP_KEY
from tests.sandbox.template import ROOT
from tests.unit.forgeries import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.sandbox import Sandbox

EXAMPLES = ROOT / "docs" / "examples"
JOSE = Path(__file__).with_name("clients") / "jose" / "node_modules"
ORDER = PICKUP["reference"]
RUN = {"verify.sh", "verify.mjs", "redeem.sh", "check_receipt.py", "check_receipt.mjs"}
RUN |= {"shop.py", "shop.html"}
READ_ONLY = {"Verify.swift", "Verify.kt"}

Refused = (
    jwt.PyJWTError,
    joserfc_errors.JoseError,
    ValueError,
    SystemExit,
)

needs_jose = pytest.mark.skipif(
    "CI" not in os.environ and not JOSE.exists(),
    reason="jose is not installed: set-up found no npm",
)

Check = Callable[["Sandbox", str, str, str, str], dict[str, Any]]
"""Checks a receipt against a customer, a purpose and a reference: its claims, or one of Refused."""


class Shop:
    """The running example, as somebody in a browser sees it, at an origin that may call the sandbox."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://localhost:{port}"

    def pick_up(self, receipt: str | None, order: str = ORDER) -> Response:
        headers = {"Authorization": f"Bearer {receipt}"} if receipt is not None else {}
        return requests.post(f"{self.url}/orders/{order}/pickup", headers=headers, timeout=30)

    def gives(self, receipt: str | None, order: str = ORDER) -> bool:
        return self.pick_up(receipt, order).text == "Here you are."


@pytest.fixture
def running_shop(sandbox: Sandbox) -> Iterator[Shop]:
    shop = Shop(*free_ports(1))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, EXAMPLES / "shop.py"],
        env={**environment(sandbox), "PORT": str(shop.port)},
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(shop.url)
        yield shop
        process.terminate()


def environment(sandbox: Sandbox) -> dict[str, str]:
    return {**os.environ, "URL": sandbox.url, "KEY": SHOP_KEY}


def wait_for(url: str) -> None:
    for _ in range(100):
        with suppress(requests.ConnectionError):
            requests.get(url, timeout=5)
            return
        time.sleep(0.05)
    raise TimeoutError(url)


def test_every_example_is_run_here_or_says_that_it_is_not() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == RUN | READ_ONLY
    for name in READ_ONLY:
        first_line = (EXAMPLES / name).read_text().partition("\n")[0]
        assert "to be read, not run by the tests" in first_line


# ---- Verifying, as a backend ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [["/bin/sh", str(EXAMPLES / "verify.sh")], ["node", str(EXAMPLES / "verify.mjs")]],
    ids=["curl", "node"],
)
def test_backend_verifies_a_customer(client: Caller, command: list[str]) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, ADA, *PICKUP.values()],
        env=environment(client.sandbox),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        assert program.stderr.readline().startswith("The code that was sent")
        output, _ = program.communicate(f"{client.code()}\n", timeout=30)
    answer = json.loads(output)
    assert (program.returncode, answer["status"]) == (0, "verified")
    assert answer["customer_id"] == customer_id(client.sandbox)
    assert {name: answer[name] for name in PICKUP} == PICKUP


# ---- Receipts ------------------------------------------------------------------------------------


def by_pyjwt(sandbox: Sandbox, receipt: str, *expected: str) -> dict[str, Any]:
    arguments = ["check_receipt.py", receipt, jwks_url(sandbox), ISSUER, "shop", *expected]
    with patch.object(sys, "argv", arguments):
        claims: dict[str, Any] = runpy.run_path(str(EXAMPLES / "check_receipt.py"))["claims"]
    return claims


CHECKS_BY_JOSE = """
import { createInterface } from "node:readline";
let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  process.argv.splice(2, Infinity, ...JSON.parse(line));
  const check = import(`./check_receipt.mjs?${number++}`); // each runs the program once more
  await check.catch((error) => console.log(JSON.stringify({ refused: error.message })));
}
"""


@pytest.fixture(scope="module")
def by_jose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    folder = tmp_path_factory.mktemp("jose")
    (folder / "node_modules").symlink_to(JOSE.resolve())
    shutil.copy(EXAMPLES / "check_receipt.mjs", folder)
    (folder / "checks.mjs").write_text(CHECKS_BY_JOSE)
    with Program([folder / "checks.mjs"]) as program:

        def check(sandbox: Sandbox, receipt: str, *expected: str) -> dict[str, Any]:
            arguments = [receipt, jwks_url(sandbox), ISSUER, "shop", *expected]
            claims = program.take(json.dumps(arguments))
            if "refused" in claims:
                raise ValueError(claims["refused"])
            return claims

        yield check


def by_joserfc(
    sandbox: Sandbox, receipt: str, customer: str, purpose: str, reference: str
) -> dict[str, Any]:
    document = requests.get(jwks_url(sandbox), timeout=30).json()
    keys = joserfc_jwk.KeySet.import_key_set(document)
    token = joserfc_jwt.decode(receipt, keys, algorithms=["ES256"])
    if token.header.get("typ") != "verification-receipt+jwt":
        raise ValueError("no receipt")
    registry = joserfc_jwt.JWTClaimsRegistry(
        leeway=5,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": "shop"},
        sub={"essential": True, "value": customer},
        purpose={"essential": True, "value": purpose},
        reference={"essential": True, "value": reference},
        exp={"essential": True},
        iat={"essential": True},
    )
    registry.validate(token.claims)
    return token.claims


def jwks_url(sandbox: Sandbox) -> str:
    return f"{sandbox.url}/.well-known/jwks.json"


@pytest.fixture(params=["pyjwt", "joserfc", pytest.param("jose", marks=needs_jose)])
def check(request: pytest.FixtureRequest) -> Check:
    """The check by each library."""
    if request.param == "jose":
        by_jose: Check = request.getfixturevalue("by_jose")
        return by_jose
    return by_pyjwt if request.param == "pyjwt" else by_joserfc


class TestOffline:
    def test_receipt_is_verified_by_the_address_of_the_jwks_alone(
        self, public: Caller, check: Check
    ) -> None:
        customer = customer_id(public.sandbox)
        claims = check(public.sandbox, receipt_of(public, **PICKUP), customer, "pickup", ORDER)
        assert (claims["sub"], claims["amr"], claims["lane"]) == (customer, ["otp"], "stranger")

    def test_forged_receipt_is_refused(self, public: Caller, check: Check) -> None:
        customer = customer_id(public.sandbox)
        forge = forger(public.sandbox, receipt_of(public, **PICKUP))
        accepted = []
        for name, (_, make) in SHARED.items():
            with suppress(*Refused):
                check(public.sandbox, make(forge), customer, "pickup", ORDER)
                accepted.append(name)
        assert accepted == []

    def test_receipt_for_something_else_is_refused(self, public: Caller, check: Check) -> None:
        receipt = receipt_of(public, **PICKUP)
        for position in range(3):
            expected = [customer_id(public.sandbox), "pickup", ORDER]
            expected[position] = "another"
            with pytest.raises(Refused):
                check(public.sandbox, receipt, *expected)


def test_curl_redeems_once(public: Caller) -> None:
    receipt = receipt_of(public, **PICKUP)
    arguments = ["/bin/sh", str(EXAMPLES / "redeem.sh"), receipt, ADA, "pickup", ORDER]

    def run() -> tuple[int, dict[str, Any]]:
        done = subprocess.run(  # noqa: S603 - our own program
            arguments,
            env=environment(public.sandbox),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    code, told = run()
    assert (code, told["status"]) == (0, "redeemed")
    code, told = run()
    assert (code, told["code"]) == (22, "receipt_already_redeemed")


# ---- The shop ------------------------------------------------------------------------------------


TOLD = {
    "en-GB": (
        "Pick up an order",
        [
            "If the order is yours, a code is on its way. Type it here.",
            "The code is wrong. Look at the newest message.",
            "Here you are.",
        ],
        "Send another code",
    ),
    "de-DE": (
        "Bestellung abholen",
        [
            "Wenn es Ihre Bestellung ist, ist ein Code unterwegs. Geben Sie ihn hier ein.",
            "Der Code ist falsch. Sehen Sie in der neuesten Nachricht nach.",
            "Bitte sehr.",
        ],
        "Neuen Code senden",
    ),
}
"""The title of the page, its answers, and its button for another code, in each language."""


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_customer_picks_an_order_up_in_a_browser(running_shop: Shop, sandbox: Sandbox) -> None:
    run = subprocess.run(  # noqa: S603 - our own program
        ["node", CLIENT / "shop.js", running_shop.url, sandbox.url, *TOLD],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    for language, (title, told, again) in TOLD.items():
        is_disabled, text = seen[language].pop("again")
        assert is_disabled
        assert text.startswith(f"{again} (")
        assert seen[language] == {"title": title, "told": told, "device": True}


class TestDeceivingTheShop:
    """A stranger's challenge convinces no backend that follows the documents, in any form."""

    def test_without_a_receipt_the_shop_says_what_it_needs(self, running_shop: Shop) -> None:
        refused = running_shop.pick_up(None)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == (
            'Bearer error="insufficient_user_authentication", '
            'acr_values="urn:customer-verification:acr:mailbox"'
        )

    def test_strangers_own_success_does_not_fetch_anothers_order(
        self, running_shop: Shop, public: Caller
    ) -> None:
        """Grace is a customer, and names Ada's order when she begins."""
        success = verified(public, GRACE, **PICKUP).json()
        own = forger(public.sandbox, success["receipt"])
        others = [success["challenge_id"], success["device_token"], json.dumps(success), "", "a.b."]
        edited = [own.edit(sub=customer_id(public.sandbox)), own.unsigned({**own.header})]
        assert not any(map(running_shop.gives, [success["receipt"], *others, *edited]))
        receipt = receipt_of(public, **PICKUP)
        assert running_shop.gives(receipt)
        assert not running_shop.gives(receipt)

    def test_code_by_sms_is_not_what_the_shop_asked_for(
        self, running_shop: Shop, public: Caller
    ) -> None:
        challenge = public.challenge(ADA, channel="sms", **PICKUP)
        code = public.code("+15005550006")
        body = {"challenge_id": challenge["challenge_id"], "code": code, **PICKUP}
        assert not running_shop.gives(public.post("/verify", body).json()["receipt"])
