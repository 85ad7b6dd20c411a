"""The vendor's own Python SDK, unmodified, with the simulated org over a real connection."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pyotp
import pytest

from tests.contract.okta_org import OktaOrg, served, wrong
from tests.sandbox.okta.seed import CUSTOMERS_GROUP, SANDBOX_API_TOKEN

MARY = "mary.jackson@example.com"


@dataclass(frozen=True)
class Sdk:
    """The SDK, whose modules take seconds to import: no other test should wait for them."""

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

    def with_code(self, model: Any, code: str) -> Any:
        """A request body with a code: the generated models know only the field of push factors."""
        pydantic = import_module("pydantic")
        alias = pydantic.Field(alias="passCode")
        with_code = pydantic.create_model("WithCode", __base__=model, pass_code=(str, alias))
        return with_code(passCode=code)

    def activation(self, code: str) -> Any:
        return self.with_code(self.models.UserFactorActivateRequest, code)

    def verification(self, code: str) -> Any:
        return self.with_code(self.models.UserFactorVerifyRequest, code)


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


@pytest.fixture
def sdk(okta: OktaOrg, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    client, models = import_module("okta.client"), import_module("okta.models")
    # The one way to plain http: this is not among what the client takes as an argument.
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    with served(okta.org) as (host, port):
        url = f"http://{host}:{port}"
        yield Sdk(client.Client({"orgUrl": url, "token": SANDBOX_API_TOKEN}), models)


def run(journey: Callable[[], Awaitable[None]]) -> None:
    async def whole_journey() -> None:
        await journey()

    asyncio.run(whole_journey())


async def done(call: Awaitable[tuple[Any, Any, Any]]) -> Any:
    """What a call gives when nothing goes wrong."""
    result, _, error = await call
    assert error is None
    return result


def test_a_customer_is_created_and_enrols_totp(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        client = sdk.client
        user = await done(client.create_user(sdk.new_user(), activate=True))
        assert (user.status, user.profile.login) == ("ACTIVE", MARY)
        assert await done(client.list_factors(user.id)) == []

        wish = sdk.models.UserFactorTokenSoftwareTOTP(
            factorType="token:software:totp", provider="GOOGLE"
        )
        factor = await done(client.enroll_factor(user.id, wish))
        assert factor.status == "PENDING_ACTIVATION"
        secret = pyotp.TOTP(factor.embedded["activation"]["sharedSecret"])

        code = sdk.activation(secret.at(okta.clock()))
        await done(client.activate_factor(user.id, factor.id, code))
        [active] = await done(client.list_factors(user.id))
        assert (active.id, active.status) == (factor.id, "ACTIVE")

        okta.clock.advance(30)
        code = sdk.verification(secret.at(okta.clock()))
        result = await done(client.verify_factor(user.id, factor.id, body=code))
        assert result.factor_result == "SUCCESS"

        await done(client.unenroll_factor(user.id, factor.id))
        assert await done(client.list_factors(user.id)) == []

    run(journey)


# Of the challenges, the SDK reads that of an email alone: its models have no room for the list of
# links and for the number that the service answers with for a phone.
def test_a_code_is_sent_and_checked(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        client = sdk.client
        user = await done(client.create_user(sdk.new_user()))
        wish = sdk.models.UserFactorEmail(factorType="email", provider="OKTA")
        factor = await done(client.enroll_factor(user.id, wish, activate=True))
        sent = await done(client.verify_factor(user.id, factor.id, token_lifetime_seconds=60))
        assert sent.factor_result == "CHALLENGE"
        code = okta.sent_code(MARY)
        _, _, error = await client.verify_factor(
            user.id, factor.id, body=sdk.verification(wrong(code))
        )
        assert (error.status, error.error_code) == (403, "E0000068")
        result = await done(client.verify_factor(user.id, factor.id, body=sdk.verification(code)))
        assert result.factor_result == "SUCCESS"

    run(journey)


def test_a_template_is_kept(sdk: Sdk) -> None:
    async def journey() -> None:
        wording = sdk.models.SmsTemplate(
            name="Pick-up", type="SMS_VERIFY_CODE", template="Show ${code}"
        )
        template = await done(sdk.client.create_sms_template(wording))
        [kept] = await done(sdk.client.list_sms_templates())
        assert (kept.id, kept.template) == (template.id, "Show ${code}")

    run(journey)


def test_the_org_is_told_who_calls(okta: OktaOrg, sdk: Sdk) -> None:
    async def journey() -> None:
        found = await done(sdk.client.list_users(search='profile.email eq "ada@example.com"'))
        assert [user.profile.login for user in found] == ["ada@example.com"]

    run(journey)
    [call] = okta.org.calls
    assert call.headers["Authorization"] == "SSWS"
    assert "User-Agent" in call.headers
