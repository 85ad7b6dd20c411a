"""What customers and clients do, with an OAuth service app as Okta's credential. All other tests have an
API token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from tests.e2e.conftest import ADA, GRACE, WAIT, Caller, user
from tests.e2e.sign_in import SignIn, outcome
from tests.e2e.test_registration import EMAIL, register
from tests.sandbox import service_app
from verification.okta.credentials import TEMPLATE_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.sandbox import Sandbox

PHONE = "+15005550042"


@pytest.fixture
def authorised(sandbox: Sandbox) -> Iterator[None]:
    """Only the app may call Okta, and every call that needs a credential is allowed."""
    service_app.use(sandbox, *TEMPLATE_SCOPES)
    sandbox.org.accept_tokens([])
    yield
    calls = [each for each in sandbox.org.calls if not each.path.startswith("/oauth2/")]
    assert {each.headers.get("Authorization") for each in calls} == {"DPoP", None}
    assert [each for each in calls if each.status in (401, 403)] == []


@pytest.mark.usefixtures("authorised")
def test_every_journey_passes(client: Caller, public: Caller) -> None:
    verifies(client, ADA)
    verifies(public, GRACE)
    enrols_and_proves_factors(client)
    assert register(client).status_code == 201
    client.sandbox.advance += WAIT
    verifies(client, EMAIL)
    sign_in = SignIn(public)
    assert outcome(sign_in.verify("sms")) == (200, "MFA_CHALLENGE")
    assert outcome(sign_in.verify("sms", **sign_in.proof("sms"))) == (200, "SUCCESS")


def verifies(caller: Caller, email: str) -> None:
    """The main job."""
    challenge_id = caller.challenge(email)["challenge_id"]
    body = {"challenge_id": challenge_id, "code": caller.code(email)}
    assert caller.post("/verify", body).json()["status"] == "verified"


def enrols_and_proves_factors(client: Caller) -> None:
    """The MFA routes. The second text to a phone is of a template."""
    app = enrols(client, type="totp", totp_user=GRACE)
    secret = pyotp.TOTP(app["totp"]["secret"])
    proves(client, app, lambda: secret.at(int(client.sandbox.now())))
    grace = user(client.sandbox, GRACE).id
    phone = enrols(client, type="sms", phone_number=PHONE, user_id=grace)
    proves(client, phone, lambda: client.code(PHONE))
    client.sandbox.advance += WAIT
    proves(client, phone, lambda: client.code(PHONE), sms_template="Pick-up code {{code}}")
    for factor in (app, phone):
        assert client.get(f"/auth/factors/{factor['id']}").json()["type"] == factor["type"]
        assert client.delete(f"/auth/factors/{factor['id']}").status_code == 204


def enrols(client: Caller, **body: str) -> dict[str, Any]:
    response = client.post("/auth/factors/enroll", body)
    assert response.status_code == 201, response.text
    factor: dict[str, Any] = response.json()
    return factor


def proves(client: Caller, factor: dict[str, Any], code: Callable[[], str], **more: str) -> None:
    challenge = client.post(f"/auth/factors/{factor['id']}/challenge", more).json()
    path = f"/auth/challenges/{challenge['id']}/verify"
    assert client.post(path, {"code": code()}).json()["valid"] is True
