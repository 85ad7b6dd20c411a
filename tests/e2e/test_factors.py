"""Factors of the MFA routes, over HTTP, where clients and Okta do what is easily forgotten."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import ADA, WAIT, user
from tests.sandbox.okta.enrollment import remove
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.seed import ADA_PHONE

if TYPE_CHECKING:
    from tests.e2e.conftest import Caller

pytestmark = pytest.mark.in_process

OTHER_PHONE = "+15005550042"


def enrolled(client: Caller, phone: str) -> dict[str, Any]:
    body = {"type": "sms", "phone_number": phone, "user_id": ADA}
    response = client.post("/auth/factors/enroll", body)
    assert response.status_code == 201, response.text
    factor: dict[str, Any] = response.json()
    return factor


def proves(client: Caller, factor: dict[str, Any], phone: str) -> None:
    """Challenge the factor, and send the newest code."""
    challenge = client.post(f"/auth/factors/{factor['id']}/challenge", {}).json()
    body = {"code": client.code(phone)}
    answer = client.post(f"/auth/challenges/{challenge['id']}/verify", body).json()
    assert answer["valid"] is True


def test_a_phone_that_was_deleted_is_sent_a_code_when_it_is_enrolled_again(client: Caller) -> None:
    old = enrolled(client, ADA_PHONE)
    assert client.delete(f"/auth/factors/{old['id']}").status_code == 204
    again = enrolled(client, ADA_PHONE)
    assert len(client.sandbox.org.inbox.to(ADA_PHONE)) == 1
    proves(client, again, ADA_PHONE)


def remove_elsewhere(client: Caller) -> None:
    """Remove the phone with Okta's defaults, which keep its number."""
    ada = user(client.sandbox)
    (phone,) = (each for each in ada.factors if each.type is FactorType.SMS)
    remove(ada, phone)


def test_a_phone_takes_the_place_of_one_that_okta_has_kept(client: Caller) -> None:
    remove_elsewhere(client)
    new = enrolled(client, OTHER_PHONE)
    proves(client, new, OTHER_PHONE)
    client.sandbox.advance += WAIT
    proves(client, new, OTHER_PHONE)


def test_a_phone_that_okta_has_kept_is_active_without_a_code_and_can_be_sent_one_at_once(
    client: Caller,
) -> None:
    remove_elsewhere(client)
    again = enrolled(client, ADA_PHONE)
    assert client.sandbox.org.inbox.to(ADA_PHONE) == []
    proves(client, again, ADA_PHONE)


def test_a_client_that_makes_its_keys_of_the_request_is_sent_a_code_each_time(
    client: Caller,
) -> None:
    phone = enrolled(client, ADA_PHONE)
    key = f"retry-{hashlib.sha256(phone['id'].encode()).hexdigest()}"
    challenges = set()
    for _ in range(2):
        client.sandbox.advance += WAIT
        path = f"/auth/factors/{phone['id']}/challenge"
        challenge, retried = (client.post(path, {}, Idempotency_Key=key).json() for _ in range(2))
        assert retried == challenge
        verify = f"/auth/challenges/{challenge['id']}/verify"
        assert client.post(verify, {"code": client.code(ADA_PHONE)}).json()["valid"] is True
        challenges.add(challenge["id"])
    assert len(challenges) == 2


def test_a_client_that_makes_its_keys_of_the_request_enrolls_anew_after_a_removal(
    client: Caller,
) -> None:
    asked = {"type": "totp", "totp_issuer": "Shop", "totp_user": "grace@example.com"}
    key = f"retry-{hashlib.sha256(repr(asked).encode()).hexdigest()}"
    secrets = set()
    for _ in range(2):
        factor = client.post("/auth/factors/enroll", asked, Idempotency_Key=key).json()
        path = f"/auth/factors/{factor['id']}"
        assert client.get(path).status_code == 200
        assert client.delete(path).status_code == 204
        secrets.add(factor["totp"]["secret"])
    assert len(secrets) == 2
