"""The examples of the contract are what the service answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from tests.e2e.sign_in import SignIn, links
from tests.sandbox import contract
from tests.sandbox.okta.seed import EVE_PASSWORD

if TYPE_CHECKING:
    from tests.e2e.conftest import Caller, Response

ADA, GRACE = "ada@example.com", "grace@example.com"
ORDER = {"purpose": "pick-up", "reference": "order-1001"}
EVE, DOROTHY = "eve@example.com", "dorothy@example.com"
PHONE = "+15005550077"
AGENT = {"context": {"kind": "agent", "id": "agent 7"}, "receipt": True}


def shape(value: object) -> object:
    """The names and types of a document. A list is as its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def contains(real: object, example: object) -> bool:
    """Whether an example is a document of Okta's with parts left out."""
    if isinstance(real, dict) and isinstance(example, dict):
        return all(name in real and contains(real[name], each) for name, each in example.items())
    if isinstance(real, list) and isinstance(example, list):
        return all(contains(real[0], each) for each in example)
    return real == example


def documented() -> dict[tuple[str, str], Any]:
    """The body of every example of a success, by operation and name."""
    return {
        (operation["operationId"], name): example["value"]
        for _, _, operation in contract.operations()
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        for name, example in content["examples"].items()
        if status.startswith("2")
    }


def pushes(client: Caller) -> dict[tuple[str, str], Response]:
    """A push that is waited for, and approved."""
    sent = client.post("/challenge", {"email": DOROTHY, "channel": "any", "fallback": False})
    challenge_id, number = sent.json()["challenge_id"], sent.json()["number"]
    seen = {("sendChallenge", "push"): sent}
    seen["readChallenge", "waiting"] = client.get(f"/challenge/{challenge_id}")
    seen["verifyChallenge", "waiting"] = client.post("/verify", {"challenge_id": challenge_id})
    client.sandbox.org.pushes.answer("approve", number)
    client.sandbox.advance += 2
    seen["readChallenge", "approved"] = client.get(f"/challenge/{challenge_id}")
    return seen


def journey(client: Caller, public: Caller) -> dict[tuple[str, str], Response]:
    """Real answers, by the operation and the name of the example."""
    seen: dict[tuple[str, str], Response] = {}
    seen["sendByUrl", "sent"] = public.get("/challenge", email=ADA)
    seen["verifyByUrl", "verified"] = public.get("/verify", email=ADA, otp=public.code())
    seen["sendChallenge", "public"] = public.post("/challenge", {"email": GRACE})
    body = {**seen["sendChallenge", "public"].json(), "code": public.code(GRACE)}
    seen["verifyChallenge", "public"] = public.post("/verify", body)
    receipt = seen["verifyChallenge", "public"].json()["receipt"]
    shop = type(client)(client.sandbox, {"Authorization": "Bearer sk_shop_00000000000000000"})
    seen["redeemReceipt", "public"] = shop.post(
        "/receipts/redeem", {"receipt": receipt, "email": GRACE}
    )
    seen["getReceiptKeys", "keys"] = public.get("/.well-known/jwks.json")
    client.sandbox.advance += 31
    seen |= pushes(client)
    seen["sendChallenge", "client"] = client.post("/challenge", {"email": ADA, **ORDER, **AGENT})
    challenge_id = seen["sendChallenge", "client"].json()["challenge_id"]
    body = {"challenge_id": challenge_id, "code": client.code(), **ORDER}
    seen["verifyChallenge", "client"] = client.post("/verify", body)
    registration = next(iter(_bodies("registerCustomer")))
    seen["registerCustomer", "customer"] = client.post("/customers", registration)
    seen |= factors(client) | sign_ins(public)
    seen["getHold", "free"] = client.get(f"/holds/{GRACE}")
    wrong = {"email": GRACE, "code": "000000"}
    client.sandbox.advance += 31
    client.challenge(GRACE)
    while client.post("/verify", wrong).json()["code"] == "invalid_code":
        pass
    seen["getHold", "held"] = client.get(f"/holds/{GRACE}")
    return seen


def factors(client: Caller) -> dict[tuple[str, str], Response]:
    """Answers of the MFA routes."""
    seen: dict[tuple[str, str], Response] = {}
    for body in _bodies("enrollFactor"):
        seen["enrollFactor", body["type"]] = client.post("/auth/factors/enroll", body)
    app = seen["enrollFactor", "totp"].json()
    phone = seen["enrollFactor", "sms"].json()["id"]
    seen["getFactor", "totp"] = client.get(f"/auth/factors/{app['id']}")
    client.sandbox.advance += 31
    challenged = client.post(f"/auth/factors/{app['id']}/challenge", {})
    path = f"/auth/challenges/{challenged.json()['id']}/verify"
    seen["challengeFactor", "totp"] = challenged
    seen["verifyFactorChallenge", "wrong"] = client.post(path, {"code": "000000"})
    right = pyotp.TOTP(app["totp"]["secret"]).at(int(client.sandbox.now()))
    seen["verifyFactorChallenge", "right"] = client.post(path, {"code": right})
    seen["challengeFactor", "sms"] = client.post(f"/auth/factors/{phone}/challenge", {})
    return seen


def sign_ins(public: Caller) -> dict[tuple[str, str], Response]:
    """Answers of the sign-in routes."""
    seen: dict[tuple[str, str], Response] = {}
    public.sandbox.advance += 600
    credentials = next(iter(_bodies("signIn")))
    seen["signIn", "password"] = public.post("/api/v1/authn", credentials)
    ada = SignIn(public)
    seen["signInVerifyFactor", "state"] = ada.verify("sms")
    public.sandbox.advance += 31
    seen["signInResendCode", "state"] = ada.resend("sms")
    seen["signInPrevious", "state"] = ada.post("/previous")
    seen["signInIntrospect", "state"] = ada.post("/introspect")
    seen["signInCancel", "state"] = ada.post("/cancel")
    eve = SignIn(public, EVE, EVE_PASSWORD, options={"multiOptionalFactorEnroll": True})
    question = next(each for each in links(eve.began) if "questions" in each)
    seen["listQuestions", "questions"] = public.get(question.removeprefix(public.sandbox.url))
    enrolled_and_activated(eve)
    seen["signInSkip", "state"] = eve.post("/skip")
    public.sandbox.reset()
    return seen | enrolled_and_activated(SignIn(public, EVE, EVE_PASSWORD))


def enrolled_and_activated(eve: SignIn) -> dict[tuple[str, str], Response]:
    """Answers while a phone is enrolled in a sign-in."""
    sms = {"factorType": "sms", "provider": "OKTA", "profile": {"phoneNumber": PHONE}}
    enrolled = eve.post("/factors", **sms)
    path = f"/factors/{enrolled.json()['_embedded']['factor']['id']}/lifecycle"
    eve.caller.sandbox.advance += 31
    resent = eve.post(f"{path}/resend")
    activated = eve.post(f"{path}/activate", passCode=eve.caller.code(PHONE))
    return {
        ("signInEnrollFactor", "state"): enrolled,
        ("signInResendActivation", "state"): resent,
        ("signInActivateFactor", "state"): activated,
    }


def _bodies(operation_id: str) -> list[dict[str, Any]]:
    """The examples of an operation's body."""
    return [
        example["value"]
        for _, _, operation in contract.operations()
        if operation["operationId"] == operation_id
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values()
    ]


@pytest.mark.in_process
def test_every_example_is_as_a_real_answer(client: Caller, public: Caller) -> None:
    seen, examples = journey(client, public), documented()
    assert seen.keys() == examples.keys()
    for name, example in examples.items():
        real = shape(seen[name].json())
        is_same = (
            contains(real, shape(example))
            if name[0].startswith("signIn")
            else real == shape(example)
        )
        assert is_same, (name, seen[name].text, shape(example))


@pytest.mark.in_process
def test_the_next_send_is_as_late_as_the_latest_of_all_limits(client: Caller) -> None:
    for _ in range(4):
        assert client.challenge()["resend_in"] == 30
        client.sandbox.advance += 31
    fifth = client.challenge()
    client.sandbox.advance += 31
    refused = client.post("/challenge", {"email": ADA}).json()
    assert (refused["code"], refused["limit"]) == ("send_limited", "hour")
    assert 0 <= fifth["resend_in"] - 31 - refused["retry_after"] <= 5  # the calls' own seconds
