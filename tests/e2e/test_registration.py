"""Registration: a new customer with factors in one call, which can be repeated until it is done."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Caller, Response
from tests.sandbox.okta.records import User, UserStatus
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.sandbox import Sandbox

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
WITHOUT_PASSWORD = {"profile": PROFILE, "enroll": ["email"]}
BOTH = {"profile": PROFILE, "password": PASSWORD, "enroll": ["email", "sms"]}
KEY = {"Idempotency_Key": "8f14e45f-ceea-467f-a8f0-1c2d3e4f5a6b"}
FACTORS = [
    {"channel": "email", "status": "ACTIVE", "destination": "j•••@example.com"},
    {"channel": "sms", "status": "ACTIVE", "destination": "•••0009"},
]


def register(client: Caller, body: object = BOTH, **headers: str) -> Response:
    return client.post("/customers", body, **headers)


def outcome(response: Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def user(client: Caller) -> User:
    found = client.sandbox.org.directory.find_login(EMAIL)
    assert found is not None
    return found


def creations(client: Caller, *path: str) -> list[int]:
    """The statuses of Okta's answers to requests that create users or, with a path, factors."""
    wanted = "/".join(("/api/v1/users", *path))
    calls = list(client.sandbox.org.calls)
    return [call.status for call in calls if (call.method, call.path) == ("POST", wanted)]


def test_a_customer_is_created_with_all_factors_and_can_be_verified_at_once(
    client: Caller, public: Caller
) -> None:
    assert outcome(client.post("/challenge", {"email": EMAIL})) == (404, "customer_not_found")
    public.challenge(EMAIL)
    response = register(client, {**BOTH, "groups": [CUSTOMERS_GROUP]})
    assert response.status_code == 201
    created = user(client)
    assert response.json() == {"customer_id": created.id, "status": "ACTIVE", "factors": FACTORS}
    assert (created.email, created.mobile_phone, created.first_name) == (EMAIL, PHONE, "Joan")
    assert (created.attributes, created.group_ids) == ({"nickName": "Jo"}, [CUSTOMERS_GROUP])
    assert not client.sandbox.org.inbox
    for caller, channel, address in ((client, "email", EMAIL), (public, "sms", PHONE)):
        client.sandbox.advance += 31
        challenge = caller.challenge(EMAIL, channel=channel)
        body = {"challenge_id": challenge["challenge_id"], "code": caller.code(address)}
        assert caller.post("/verify", body).json()["status"] == "verified"
    credentials = {"username": EMAIL, "password": PASSWORD}
    assert public.post("/api/v1/authn", credentials).json()["status"] == "MFA_REQUIRED"


def test_a_customer_without_a_password_is_invited_by_okta(client: Caller) -> None:
    response = register(client, {"profile": PROFILE})
    assert response.status_code == 201
    expected = {"customer_id": user(client).id, "status": "PROVISIONED", "factors": []}
    assert response.json() == expected


@pytest.mark.parametrize(
    "body",
    [
        {**BOTH, "password": "short"},
        {**BOTH, "groups": ["00gnobodys00000000000"]},
        {**BOTH, "profile": {**PROFILE, "shoeSize": 38}},
        {**BOTH, "profile": {**PROFILE, "manager": 38}},
    ],
)
def test_a_registration_that_okta_refuses_creates_nobody(client: Caller, body: object) -> None:
    refused = register(client, body, **KEY)
    assert outcome(refused) == (422, "customer_invalid")
    assert refused.json()["detail"] not in ("", refused.json()["title"])  # Okta's own words
    assert client.sandbox.org.directory.find_login(EMAIL) is None
    assert register(client).status_code == 201  # and no other registration has to wait


@pytest.mark.parametrize(
    "profile",
    [
        {"email": "ada@example.com"},
        {"email": "grace@example.com"},
        {"email": "ada@example.com", "login": "another.ada"},
        {"email": "another@example.com", "login": "GRACE.hopper"},
        {"email": "katherine@example.com"},
    ],
)
def test_an_existing_user_is_not_changed(client: Caller, profile: dict[str, str]) -> None:
    before = client.sandbox.org.customers()
    body = {**BOTH, "profile": {**PROFILE, **profile}, "groups": [CUSTOMERS_GROUP]}
    for _ in range(2):
        assert outcome(register(client, body)) == (409, "customer_exists")
    assert client.sandbox.org.customers() == before
    assert not creations(client)


def test_registrations_of_one_client_have_a_budget(small_budgets: Sandbox, client: Caller) -> None:
    limited = Caller(small_budgets, client.headers)
    for number in range(3):
        profile = {**PROFILE, "email": f"joan{number}@example.com"}
        assert register(limited, {"profile": profile}).status_code == 201
    assert outcome(register(limited)) == (429, "rate_limited")


def test_registrations_at_the_same_time_create_one_customer(client: Caller) -> None:
    answers = client.at_once(8, lambda: register(client))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert creations(client).count(200) == 1


def test_a_repeated_request_enrolls_the_factor_that_okta_refused_before(client: Caller) -> None:
    """Okta enrolls no factor for a user who has not chosen a password yet."""
    refused = register(client, WITHOUT_PASSWORD, **KEY)
    assert outcome(refused) == (409, "customer_inactive")
    created = user(client)
    customer = {"customer_id": created.id, "status": "PROVISIONED", "factors": []}
    assert refused.json()["customer"] == customer
    created.status = UserStatus.ACTIVE
    done = register(client, WITHOUT_PASSWORD, **KEY)
    assert done.status_code == 201
    assert done.json() == {**customer, "status": "ACTIVE", "factors": FACTORS[:1]}
    assert creations(client) == [200]


def test_a_repeated_request_finds_the_user_whose_creation_was_not_answered(client: Caller) -> None:
    client.sandbox.org.faults.add("create", "timeout", 1)
    failed = register(client, **KEY)
    assert outcome(failed) == (503, "okta_unavailable")
    assert "customer" not in failed.json()
    created = user(client)
    client.sandbox.advance += 3600
    done = register(client, **KEY)
    assert (done.status_code, done.json()["customer_id"]) == (201, created.id)
    assert done.json()["factors"] == FACTORS
    assert creations(client) == [0]


def test_a_request_can_be_repeated_after_a_crash(client: Caller) -> None:
    client.sandbox.org.faults.add("create", "slow", 1)
    answers: list[Response] = []
    crashing = threading.Thread(target=lambda: answers.append(register(client, **KEY)))
    crashing.start()
    deadline = time.monotonic() + 15
    while not creations(client) and time.monotonic() < deadline:
        time.sleep(0.01)
    client.sandbox.crash("IssueChallengeFunction")
    crashing.join()
    assert answers[0].status_code == 502
    client.sandbox.advance += 13
    done = register(client, **KEY)
    assert (done.status_code, done.json()["factors"]) == (201, FACTORS)
    assert creations(client) == [200]


def test_nothing_about_the_customer_is_in_the_table_or_the_log(client: Caller, log: Path) -> None:
    client.sandbox.org.faults.add("create", "timeout", 1)
    for _ in range(2):
        register(client, **KEY)
    register(client)
    register(client, {**BOTH, "password": f"{PASSWORD}\n" * 40})
    rows = client.sandbox.aws.client("dynamodb").scan(TableName="sandbox-ChallengeTable")["Items"]
    assert {row["pk"]["S"].partition("#")[0] for row in rows} >= {"registration", "response"}
    written = f"{rows}{log.read_text()}".lower()
    for secret in (PASSWORD, EMAIL, "Clarke", PHONE[1:], KEY["Idempotency_Key"]):
        assert secret.lower() not in written
