"""The examples of docs/examples run, and what follows them cannot be deceived."""

from __future__ import annotations

import json
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

from tests.e2e.conftest import Caller, Response
from tests.e2e.receipts import (
    ADA,
    GRACE,
    ISSUER,
    PICKUP,
    customer_id,
    forger,
    receipt_of,
    redeem,
    shop,
    verified,
)
from tests.sandbox.aws import SHOP_KEY
from tests.sandbox.template import ROOT
from tests.unit.forgeries import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.sandbox import Sandbox

EXAMPLES = ROOT / "docs" / "examples"
CLIENTS = Path(__file__).with_name("clients")
JOSE = CLIENTS / "jose" / "node_modules"
ORDER = PICKUP["reference"]
MINE = {"purpose": "pickup", "reference": "order-1002"}

Refused = (
    jwt.PyJWTError,
    joserfc_errors.JoseError,
    ValueError,
    SystemExit,
    subprocess.CalledProcessError,
)

needs_jose = pytest.mark.skipif(
    "CI" not in os.environ and not JOSE.exists(),
    reason="jose is not installed: set-up found no npm",
)

Check = Callable[["Sandbox", str, str, str, str], dict[str, Any]]
"""Checks a receipt against a customer, a purpose and a reference: its claims, or one of Refused."""


# ---- Offline, by the address of the JWKS alone ---------------------------------------------------


def jwks_url(sandbox: Sandbox) -> str:
    return f"{sandbox.url}/.well-known/jwks.json"


def by_pyjwt(sandbox: Sandbox, receipt: str, *expected: str) -> dict[str, Any]:
    arguments = ["check_receipt.py", receipt, jwks_url(sandbox), ISSUER, "shop", *expected]
    with patch.object(sys, "argv", arguments):
        claims: dict[str, Any] = runpy.run_path(str(EXAMPLES / "check_receipt.py"))["claims"]
    return claims


def by_jose(sandbox: Sandbox, receipt: str, *expected: str) -> dict[str, Any]:
    arguments = [receipt, jwks_url(sandbox), ISSUER, "shop", *expected]
    run = subprocess.run(  # noqa: S603 - our own program
        ["node", "--input-type=module", "-", *arguments],  # noqa: S607
        input=(EXAMPLES / "check_receipt.mjs").read_text(),
        cwd=JOSE.parent,  # where a program on standard input looks for modules
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    claims: dict[str, Any] = json.loads(run.stdout)
    return claims


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


LIBRARIES = [by_pyjwt, by_joserfc, pytest.param(by_jose, marks=needs_jose)]


@pytest.mark.parametrize("check", LIBRARIES)
class TestOffline:
    def test_a_library_verifies_a_receipt_by_the_address_of_the_jwks_alone(
        self, public: Caller, check: Check
    ) -> None:
        customer = customer_id(public.sandbox)
        claims = check(public.sandbox, receipt_of(public, **PICKUP), customer, "pickup", ORDER)
        assert (claims["sub"], claims["amr"], claims["lane"]) == (customer, ["otp"], "stranger")

    def test_a_forged_receipt_is_refused(self, public: Caller, check: Check) -> None:
        customer = customer_id(public.sandbox)
        forge = forger(public.sandbox, receipt_of(public, **PICKUP))
        accepted = []
        for name, (_, make) in SHARED.items():
            with suppress(*Refused):
                check(public.sandbox, make(forge), customer, "pickup", ORDER)
                accepted.append(name)
        assert accepted == []

    @pytest.mark.parametrize("position", [0, 1, 2], ids=["customer", "purpose", "reference"])
    def test_a_receipt_for_something_else_is_refused(
        self, public: Caller, check: Check, position: int
    ) -> None:
        expected = [customer_id(public.sandbox), "pickup", ORDER]
        expected[position] = "another"
        with pytest.raises(Refused):
            check(public.sandbox, receipt_of(public, **PICKUP), *expected)


# ---- Over HTTP -----------------------------------------------------------------------------------


def test_curl_redeems_once(public: Caller) -> None:
    receipt = receipt_of(public, **PICKUP)
    arguments = ["/bin/sh", str(EXAMPLES / "redeem.sh"), receipt, ADA, "pickup", ORDER]
    environment = {**os.environ, "URL": public.sandbox.url, "KEY": SHOP_KEY}

    def run() -> tuple[int, dict[str, Any]]:
        done = subprocess.run(  # noqa: S603 - our own program
            arguments, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, json.loads(done.stdout)

    code, told = run()
    assert (code, told["status"]) == (0, "redeemed")
    code, told = run()
    assert (code, told["code"]) == (22, "receipt_already_redeemed")


class Shop:
    """The running example, as somebody in a browser sees it."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        self.url = url
        self.sandbox = sandbox

    def pick_up(self, receipt: str | None, order: str = ORDER) -> Response:
        headers = {"Authorization": f"Bearer {receipt}"} if receipt is not None else {}
        return requests.post(f"{self.url}/orders/{order}/pickup", headers=headers, timeout=30)

    def gives(self, receipt: str | None, order: str = ORDER) -> bool:
        return self.pick_up(receipt, order).text == "Here you are."


@pytest.fixture
def running_shop(sandbox: Sandbox) -> Iterator[Shop]:
    port = free_port()
    environment = {**os.environ, "URL": sandbox.url, "KEY": SHOP_KEY, "PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, EXAMPLES / "shop.py"], env=environment, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(url)
        yield Shop(url, sandbox)
        process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_for(url: str) -> None:
    for _ in range(100):
        with suppress(requests.ConnectionError):
            requests.get(url, timeout=5)
            return
        time.sleep(0.05)
    raise TimeoutError(url)


@needs_jose
def test_a_customer_picks_an_order_up_on_the_shop_s_page(
    running_shop: Shop, public: Caller
) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        ["node", CLIENTS / "shop_page.mjs", running_shop.url],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as page:
        assert page.stdin is not None
        assert page.stdout is not None

        def submit(code: str = "") -> str:
            assert page.stdin is not None
            assert page.stdout is not None
            fields = {"order": ORDER, "email": ADA, "code": code}
            page.stdin.write(json.dumps(fields) + "\n")
            page.stdin.flush()
            return page.stdout.readline().strip()

        assert submit() == "Type the code that was sent to a•••@example.com."
        public.sandbox.settle()
        assert submit(public.wrong_code()) == "The verification code is wrong."
        assert submit(public.code()) == "Here you are."
        page.stdin.close()


class TestDeceivingAShop:
    """A stranger's challenge convinces no backend that follows the README, in any form."""

    def test_without_a_receipt_the_shop_says_what_it_needs(self, running_shop: Shop) -> None:
        refused = running_shop.pick_up(None)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == (
            'Bearer error="insufficient_user_authentication", '
            'acr_values="urn:customer-verification:acr:mailbox"'
        )

    def test_a_stranger_s_own_success_does_not_fetch_another_s_order(
        self, running_shop: Shop, public: Caller
    ) -> None:
        """Grace is a customer, and names Ada's order when she begins."""
        stranger = receipt_of(public, GRACE, **PICKUP)
        assert not running_shop.gives(stranger)
        assert running_shop.gives(receipt_of(public, **PICKUP))

    def test_what_else_a_stranger_has_is_no_receipt(
        self, running_shop: Shop, public: Caller
    ) -> None:
        success = verified(public, GRACE, **PICKUP).json()
        others = [success["challenge_id"], success["device_token"], json.dumps(success), "", "a.b."]
        assert not any(running_shop.gives(each) for each in others)

    def test_an_edited_or_forged_receipt_is_none(self, running_shop: Shop, public: Caller) -> None:
        own = forger(public.sandbox, receipt_of(public, GRACE, **PICKUP))
        ada = customer_id(public.sandbox)
        assert not running_shop.gives(own.edit(sub=ada))
        own.claims["sub"] = ada
        assert not running_shop.gives(own.sign_with_own_key(jwk=own.own_jwk()))
        assert not running_shop.gives(own.unsigned({**own.header, "alg": "none"}))

    def test_a_receipt_of_the_customer_for_something_else_is_none(
        self, running_shop: Shop, public: Caller, client: Caller
    ) -> None:
        for fields in ({}, {"purpose": "newsletter"}, MINE, {**PICKUP, "channel": "sms"}):
            address = "+15005550006" if "channel" in fields else ADA
            challenge = public.challenge(ADA, **fields)
            labels = {name: fields[name] for name in PICKUP if name in fields}
            body = {"challenge_id": challenge["challenge_id"], "code": public.code(address)}
            receipt = public.post("/verify", {**body, **labels}).json()["receipt"]
            assert not running_shop.gives(receipt)
            public.sandbox.advance += 31
        other_audience = receipt_of(client, receipt=True, audience="sandbox", **PICKUP)
        assert not running_shop.gives(other_audience)

    def test_a_receipt_is_taken_once_however_often_and_fast_it_is_shown(
        self, running_shop: Shop, public: Caller
    ) -> None:
        receipt = receipt_of(public, **PICKUP)
        with ThreadPoolExecutor(10) as pool:
            given = list(pool.map(lambda _: running_shop.gives(receipt), range(10)))
        assert given.count(True) == 1
        assert not running_shop.gives(receipt)

    def test_a_late_receipt_is_none(self, running_shop: Shop, public: Caller) -> None:
        receipt = receipt_of(public, **PICKUP)
        public.sandbox.advance += 120
        assert not running_shop.gives(receipt)

    def test_a_code_that_the_customer_was_sent_for_a_stranger_s_challenge_gives_none(
        self, public: Caller
    ) -> None:
        """The stranger asks for a code for Ada's email while she is at the shop, for another purpose,
        and she types the newest code that she finds.
        """
        hers = public.challenge(ADA, **PICKUP)
        public.sandbox.advance += 31
        stranger = public.challenge(ADA, **MINE)
        code = public.code()
        for body in (
            {"challenge_id": hers["challenge_id"], **PICKUP},
            {"email": ADA, **PICKUP},
            {"challenge_id": stranger["challenge_id"], **PICKUP},
        ):
            answer = public.post("/verify", {**body, "code": code})
            assert answer.status_code != 200
            assert "receipt" not in answer.json()

    def test_a_backend_that_redeems_for_its_own_record_is_not_told_whom_to_believe(
        self, public: Caller
    ) -> None:
        """The customer of the request and of the receipt agree, and the order is another's."""
        receipt = receipt_of(public, GRACE, **PICKUP)
        desk = shop(public.sandbox)
        wrong = redeem(desk, receipt, ADA, customer_id=customer_id(desk.sandbox, GRACE), **PICKUP)
        assert wrong.json()["code"] == "receipt_wrong_customer"
