"""Registration: a new customer with factors in one call, which can be repeated until it is done."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import WAIT, Caller, Response, code_of, user
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

EMAIL = "joan@example.com"
PHONE = "+15005550009"
PASSWORD = "Canary-Horse-9"
PROFILE = {
    "email": "Joan@Example.com ",
    "firstName": "Joan",
    "lastName": "Clarke",
    "mobilePhone": "+1 500 555-0009",
    "nickName": "Jo",
}
KEY = {"Idempotency_Key": "8f14e45f-ceea-467f-a8f0-1c2d3e4f5a6b"}
FACTORS = [
    {"channel": "email", "status": "ACTIVE", "destination": "j•••@example.com"},
    {"channel": "sms", "status": "ACTIVE", "destination": "•••0009"},
]


def register(client: Caller, *, headers: dict[str, str] | None = None, **more: object) -> Response:
    body = {"profile": PROFILE, "password": PASSWORD, "enroll": ["email", "sms"], **more}
    return client.post("/customers", body, **(headers or {}))


def creations(client: Caller) -> list[int]:
    """The statuses of Okta's answers to requests that create users."""
    calls = list(client.sandbox.org.calls)
    return [each.status for each in calls if (each.method, each.path) == ("POST", "/api/v1/users")]


@pytest.mark.in_process
def test_a_customer_is_created_with_all_factors_and_can_be_verified_at_once(
    client: Caller, public: Caller
) -> None:
    assert code_of(client.post("/challenge", {"email": EMAIL})) == "customer_not_found"
    public.challenge(EMAIL)
    response = register(client, groups=[CUSTOMERS_GROUP])
    assert response.status_code == 201
    created = user(client.sandbox, EMAIL)
    assert response.json() == {"customer_id": created.id, "status": "ACTIVE", "factors": FACTORS}
    assert (created.email, created.mobile_phone, created.first_name) == (EMAIL, PHONE, "Joan")
    assert (created.attributes, created.group_ids) == ({"nickName": "Jo"}, [CUSTOMERS_GROUP])
    assert not client.sandbox.org.inbox
    for caller, channel, address in ((client, "email", EMAIL), (public, "sms", PHONE)):
        client.sandbox.advance += WAIT
        challenge = caller.challenge(EMAIL, channel=channel)
        body = {"challenge_id": challenge["challenge_id"], "code": caller.code(address)}
        assert caller.post("/verify", body).json()["status"] == "verified"
    credentials = {"username": EMAIL, "password": PASSWORD}
    assert public.post("/api/v1/authn", credentials).json()["status"] == "MFA_REQUIRED"


@pytest.mark.in_process
def test_a_registration_that_okta_refuses_creates_nobody(client: Caller) -> None:
    for refused in (
        {"password": "short"},
        {"groups": ["00gnobodys00000000000"]},
        {"profile": {**PROFILE, "shoeSize": 38}},
        {"profile": {**PROFILE, "manager": 38}},
    ):
        response = register(client, **refused)
        assert (response.status_code, code_of(response)) == (422, "customer_invalid"), refused
        assert response.json()["detail"] not in ("", response.json()["title"])  # Okta's own words
    assert client.sandbox.org.directory.find_login(EMAIL) is None
    assert register(client).status_code == 201  # and no other registration has to wait


@pytest.mark.in_process
def test_an_existing_user_is_not_changed(client: Caller) -> None:
    before = client.sandbox.org.customers()
    for taken in (
        {"email": "ada@example.com"},
        {"email": "ada@example.com", "login": "another.ada"},
        {"email": "another@example.com", "login": "GRACE.hopper"},
        {"email": "katherine@example.com"},
    ):
        response = register(client, profile={**PROFILE, **taken}, groups=[CUSTOMERS_GROUP])
        assert (response.status_code, code_of(response)) == (409, "customer_exists"), taken
    assert client.sandbox.org.customers() == before
    assert not creations(client)


def test_registrations_at_the_same_time_create_one_customer(client: Caller) -> None:
    answers = client.at_once(8, lambda: register(client))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert creations(client).count(200) == 1


@pytest.mark.in_process
def test_a_repeated_request_finds_the_user_whose_creation_was_not_answered(client: Caller) -> None:
    client.sandbox.org.faults.add("create", "timeout", 1)
    failed = register(client, headers=KEY)
    assert (failed.status_code, code_of(failed)) == (503, "okta_unavailable")
    assert "customer" not in failed.json()
    client.sandbox.advance += 3600
    done = register(client, headers=KEY)
    assert (done.status_code, done.json()["factors"]) == (201, FACTORS)
    assert done.json()["customer_id"] == user(client.sandbox, EMAIL).id
    assert creations(client) == [0]


def test_a_request_can_be_repeated_after_a_crash(client: Caller) -> None:
    client.sandbox.org.faults.add("create", "slow", 1)
    crashed = client.crashed(
        "IssueChallengeFunction",
        lambda: register(client, headers=KEY),
        lambda: bool(creations(client)),
    )
    assert crashed.status_code == 502
    client.sandbox.advance += 13
    done = register(client, headers=KEY)
    assert (done.status_code, done.json()["factors"]) == (201, FACTORS)
    assert creations(client) == [200]
