"""Receipts over HTTP: redeemed once, handed over, made while KMS fails, and signed by the next key."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Caller, code_of
from tests.e2e.receipts import KEY, PICKUP, customer_id, receipt_of, redeem, shop, verified
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import PREFIX
from tests.unit.forgeries import read

LONGEST_CALL = 9.0
"""Seconds: the deadline of a call, and time for the rest."""

PARALLEL = 50


@pytest.fixture
def desk(sandbox: Sandbox) -> Caller:
    """The client `shop`."""
    return shop(sandbox)


def keys_of(sandbox: Sandbox) -> list[str]:
    """The names of the published keys."""
    document = requests.get(f"{sandbox.url}/.well-known/jwks.json", timeout=30).json()
    return [each["kid"] for each in document["keys"]]


def test_a_public_success_convinces_a_backend_once_however_many_try_at_once(
    public: Caller, desk: Caller
) -> None:
    receipt = receipt_of(public, **PICKUP)
    answers = desk.at_once(PARALLEL, lambda: redeem(desk, receipt, **PICKUP))
    refused = [each for each in answers if each.status_code == 409]
    assert [code_of(each) for each in refused] == ["receipt_already_redeemed"] * (PARALLEL - 1)
    assert len({each.json()["redeemed_at"] for each in refused}) == 1
    (first,) = [each for each in answers if each.status_code == 200]
    told = first.json()
    assert told.pop("verified_at").endswith("Z")
    assert told.pop("challenge_id").startswith("ch_")
    assert told == {
        "status": "redeemed",
        "customer_id": customer_id(public.sandbox),
        "amr": ["otp"],
        "acr": "urn:customer-verification:acr:mailbox",
        "channel": "email",
        "lane": "stranger",
        **PICKUP,
    }


def test_a_voice_bot_hands_a_verified_caller_over_to_a_person_in_time(
    client: Caller, desk: Caller
) -> None:
    context = {"kind": "ivr", "id": "line 2"}
    asked: dict[str, Any] = {"receipt": True, "receipt_seconds": 900, "audience": "shop"}
    receipt = receipt_of(client, context=context, **asked)
    client.sandbox.advance += 850
    told = redeem(desk, receipt, "", customer_id=customer_id(client.sandbox)).json()
    assert (told["context"], told["client"], told["lane"]) == (context, "sandbox", "client")
    receipt = receipt_of(client, **asked)
    client.sandbox.advance += 900
    late = redeem(desk, receipt)
    assert (late.status_code, code_of(late)) == (410, "receipt_expired")


@pytest.mark.parametrize("fault", ["reset", "http_500", "slow", "throttle", "disabled"])
def test_without_kms_the_customer_is_verified_without_a_receipt_in_time(
    public: Caller, fault: str
) -> None:
    public.sandbox.org.faults.add("kms", fault, 2)
    started = time.monotonic()
    response = verified(public)
    assert time.monotonic() - started < LONGEST_CALL
    assert (response.status_code, response.json()["status"]) == (200, "verified")
    assert response.json()["receipt_unavailable"] is True
    assert "receipt" not in response.json()


def test_one_failed_call_of_kms_is_repeated(public: Caller) -> None:
    public.sandbox.org.faults.add("kms", "throttle", 1)
    assert receipt_of(public)


def test_a_slow_okta_and_a_slow_kms_together_end_in_time(public: Caller) -> None:
    body = {"challenge_id": public.challenge()["challenge_id"], "code": public.code()}
    public.sandbox.org.faults.add("verify", "slow", 1)
    public.sandbox.org.faults.add("kms", "slow", 2)
    started = time.monotonic()
    response = public.post("/verify", body)
    assert time.monotonic() - started < LONGEST_CALL
    assert (response.status_code, response.json()["receipt_unavailable"]) == (200, True)


def test_the_key_is_replaced_in_the_readme_s_steps_with_receipts_in_flight(
    public: Caller, desk: Caller
) -> None:
    sandbox = public.sandbox
    next_key = sandbox.aws.put_key(f"{PREFIX}NextReceiptKey")
    (old,) = keys_of(sandbox)
    first = receipt_of(public)

    sandbox.redeploy(ReceiptOtherKeyArn=next_key)
    _, new = keys_of(sandbox)
    assert keys_of(sandbox) == [old, new]
    assert redeem(desk, first).status_code == 200
    second = receipt_of(public)

    sandbox.redeploy(ReceiptKeyArn=next_key, ReceiptOtherKeyArn=KEY)
    assert keys_of(sandbox) == [new, old]
    third = receipt_of(public)
    kids = [read(each.split(".")[0])["kid"] for each in (first, second, third)]
    assert kids == [old, old, new]
    assert redeem(desk, second).status_code == 200

    sandbox.redeploy(ReceiptKeyArn=next_key)
    assert keys_of(sandbox) == [new]
    assert redeem(desk, third).status_code == 200
    # Too early a step would cost a customer another code, and nothing worse.
    assert code_of(redeem(desk, second)) == "receipt_invalid"
