"""The vendor's own SDKs, unmodified, against the simulated org over a real connection."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.contract.okta_org import OktaOrg, served, wrong
from tests.sandbox.okta.seed import CUSTOMERS_GROUP, SANDBOX_API_TOKEN
from tests.sandbox.template import ROOT

MARY = "mary.jackson@example.com"

CLIENTS = ROOT / "tests" / "e2e" / "clients"
NODE = CLIENTS / "okta_management"
PYTHON_2 = Path(sys.prefix) / "okta2"
"""Where set-up puts release 2, which the newest cannot share a folder with."""

needs_node = pytest.mark.skipif(
    "CI" not in os.environ and not (NODE / "node_modules").exists(),
    reason="Okta's SDK for Node is not installed: set-up found no npm",
)


@dataclass(frozen=True)
class Sdk:
    """The SDK. Its modules take seconds to import, so only these tests do it."""

    client: Any
    models: Any

    def new_user(self) -> Any:
        return self.models.CreateUserRequest.from_dict(
            {
                "profile": {"login": MARY, "email": MARY, "firstName": "Mary"},
                "credentials": {"password": {"value": "Battery-Staple-9"}},
                "groupIds": [CUSTOMERS_GROUP],
            }
        )

    def body(self, step: str, code: str) -> Any:
        """The body of a step with a code, for which the generated models have no field."""
        pydantic = import_module("pydantic")
        base = getattr(self.models, f"UserFactor{step}Request")
        field = (str, pydantic.Field(alias="passCode"))
        return pydantic.create_model("WithCode", __base__=base, pass_code=field)(passCode=code)


@pytest.fixture
def sdk(okta: OktaOrg, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    pydantic = import_module("pydantic")
    # What checks the arguments is made at a method's first call: for all methods it took seconds.
    lazily = partial(pydantic.validate_call, config={"defer_build": True})
    monkeypatch.setattr(pydantic, "validate_call", lazily)
    client, models = import_module("okta.client"), import_module("okta.models")
    # The only way to use plain http: the client has no argument for it.
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    with served(okta.org) as (host, port):
        url = f"http://{host}:{port}"
        yield Sdk(client.Client({"orgUrl": url, "token": SANDBOX_API_TOKEN}), models)


async def done(call: Awaitable[tuple[Any, Any, Any]]) -> Any:
    """The result of a call that must succeed."""
    result, _, error = await call
    assert error is None
    return result


def test_it_creates_a_customer_and_enrols_totp(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        client = sdk.client
        user = await done(client.create_user(sdk.new_user(), activate=True))
        assert (user.status, user.profile.login) == ("ACTIVE", MARY)
        assert await done(client.list_factors(user.id)) == []

        new = sdk.models.UserFactorTokenSoftwareTOTP(
            factorType="token:software:totp", provider="GOOGLE"
        )
        factor = await done(client.enroll_factor(user.id, new))
        assert factor.status == "PENDING_ACTIVATION"
        secret = pyotp.TOTP(factor.embedded["activation"]["sharedSecret"])

        code = sdk.body("Activate", secret.at(okta.clock()))
        await done(client.activate_factor(user.id, factor.id, code))
        [active] = await done(client.list_factors(user.id))
        assert (active.id, active.status) == (factor.id, "ACTIVE")

        okta.clock.advance(30)
        code = sdk.body("Verify", secret.at(okta.clock()))
        result = await done(client.verify_factor(user.id, factor.id, body=code))
        assert result.factor_result == "SUCCESS"

        await done(client.unenroll_factor(user.id, factor.id))
        assert await done(client.list_factors(user.id)) == []

    asyncio.run(journey())


# The SDK can read only the challenge of an email: its models have no fields for the list of links
# and the number in the challenge of a phone.
def test_it_sends_a_code_and_checks_it(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        client = sdk.client
        user = await done(client.create_user(sdk.new_user()))
        new = sdk.models.UserFactorEmail(factorType="email", provider="OKTA")
        factor = await done(client.enroll_factor(user.id, new, activate=True))
        sent = await done(client.verify_factor(user.id, factor.id, token_lifetime_seconds=60))
        assert sent.factor_result == "CHALLENGE"
        code = okta.org.inbox.to(MARY)[0].code
        body = sdk.body("Verify", wrong(code))
        _, _, error = await client.verify_factor(user.id, factor.id, body=body)
        assert (error.status, error.error_code) == (403, "E0000068")
        body = sdk.body("Verify", code)
        result = await done(client.verify_factor(user.id, factor.id, body=body))
        assert result.factor_result == "SUCCESS"

    asyncio.run(journey())


def test_it_creates_and_lists_a_template(sdk: Sdk) -> None:
    async def journey() -> None:
        template = sdk.models.SmsTemplate(
            name="Pick-up", type="SMS_VERIFY_CODE", template="Show ${code}"
        )
        created = await done(sdk.client.create_sms_template(template))
        [kept] = await done(sdk.client.list_sms_templates())
        assert (kept.id, kept.template) == (created.id, "Show ${code}")

    asyncio.run(journey())


def test_its_calls_carry_a_token_and_a_user_agent(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        found = await done(sdk.client.list_users(search='profile.email eq "ada@example.com"'))
        assert [user.profile.login for user in found] == ["ada@example.com"]

    asyncio.run(journey())
    [call] = okta.org.calls
    assert call.headers["Authorization"] == "SSWS"
    assert call.user_agent


def judge(seen: dict[str, Any], release: str, okta: OktaOrg) -> None:
    """Compare what a program of this release saw with what it must have seen."""
    everybody = sorted([*(each.login for each in okta.org.directory), MARY])
    pages = seen.pop("pages")
    assert sorted(login for page in pages for login in page) == everybody
    assert {len(page) for page in pages[:-1]} == {4}
    assert seen == {
        "release": release,
        "created": ["ACTIVE", MARY],
        "found": [True],
        "update_user": ["Mary", "Mac"],
        "replace_user": ["Maria", None],
        "expired": "PASSWORD_EXPIRED",
        "changed": "ACTIVE",
        "forgotten": "/signin/reset-password",
        "deactivated": "DEPROVISIONED",
        "deleted": [404, "E0000007"],
    }


def test_users_are_created_listed_changed_and_deleted(okta: OktaOrg, sdk: Sdk) -> None:
    program = import_module("tests.e2e.clients.okta_users")
    judge(asyncio.run(program.journey(program.Users(sdk.client))), "3", okta)


@pytest.mark.parametrize(
    ("program", "more", "release"),
    [
        pytest.param(
            [sys.executable, CLIENTS / "okta_users.py"],
            {"PYTHONPATH": str(PYTHON_2), "OKTA_TESTING_TESTINGDISABLEHTTPSCHECK": "true"},
            "2",
            id="Python 2",
        ),
        pytest.param(["node", NODE / "users.js"], {}, "8", id="Node 8", marks=needs_node),
    ],
)
def test_other_sdks_do_the_same(
    program: list[str | Path], more: dict[str, str], release: str, okta: OktaOrg
) -> None:
    with served(okta.org) as (host, port):
        run = subprocess.run(  # noqa: S603 - our own program
            [*program, f"http://{host}:{port}", SANDBOX_API_TOKEN],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    judge(json.loads(run.stdout), release, okta)
