"""Registration: a new customer with factors in one call, which can be repeated until it is done."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.e2e.conftest import Caller, Response
from tests.sandbox.okta.records import User, UserStatus
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = "mary@example.com"
PHONE = "+15005550009"
PASSWORD = "Canary-Horse-9"
PROFILE = {
    "email": "Mary@Example.com ",
    "firstName": "Mary",
    "lastName": "Jackson",
    "mobilePhone": "+1 500 555-0009",
    "nickName": "Em",
}
BOTH = {"profile": PROFILE, "password": PASSWORD, "enroll": ["email", "sms"]}
KEY = {"Idempotency_Key": "8f14e45f-ceea-467f-a8f0-1c2d3e4f5a6b"}
FACTORS = [
    {"channel": "email", "status": "ACTIVE", "destination": "m•••@example.com"},
    {"channel": "sms", "status": "ACTIVE", "destination": "•••0009"},
]


def register(client: Caller, body: object = BOTH, **headers: str) -> Response:
    return client.post("/customers", body, **headers)


def user(client: Caller, login: str = EMAIL) -> User:
    found = client.sandbox.org.directory.find_login(login)
    assert found is not None
    return found


def sign_in(client: Caller, password: str) -> Response:
    return requests.post(
        f"{client.sandbox.okta_url}/api/v1/authn",
        json={"username": EMAIL, "password": password},
        timeout=30,
    )


def posts_to_okta(client: Caller, *path: str) -> list[int]:
    """The statuses of what was made at Okta: users, or with a path factors."""
    wanted = "/".join(("/api/v1/users", *path))
    calls = list(client.sandbox.org.calls)
    return [call.status for call in calls if (call.method, call.path) == ("POST", wanted)]


def test_a_customer_is_made_with_all_factors_at_once(client: Caller) -> None:
    response = register(client)
    assert response.status_code == 201
    made = user(client)
    assert response.json() == {"customer_id": made.id, "status": "ACTIVE", "factors": FACTORS}
    assert (made.email, made.mobile_phone, made.first_name) == (EMAIL, PHONE, "Mary")
    assert made.attributes == {"nickName": "Em"}
    assert not client.sandbox.org.inbox


def test_the_new_customer_is_verified_at_once(client: Caller) -> None:
    assert client.post("/challenge", {"email": EMAIL}).json()["code"] == "customer_not_found"
    register(client)
    client.sandbox.advance += 31
    for channel, address in (("email", EMAIL), ("sms", PHONE)):
        challenge = client.challenge(EMAIL, channel=channel)
        body = {"challenge_id": challenge["challenge_id"], "code": client.code(address)}
        assert client.post("/verify", body).json()["status"] == "verified"
        client.sandbox.advance += 31


def test_what_the_public_was_told_of_the_email_is_forgotten(client: Caller, public: Caller) -> None:
    public.challenge(EMAIL)
    register(client)
    client.sandbox.advance += 31
    public.challenge(EMAIL)
    assert len(client.sandbox.org.inbox.to(EMAIL)) == 1


def test_the_password_opens_the_new_account(client: Caller) -> None:
    register(client)
    assert sign_in(client, PASSWORD).json()["status"] == "MFA_REQUIRED"
    assert sign_in(client, "Another-Horse-9").status_code == 401


def test_a_customer_without_a_password_is_invited_by_okta(client: Caller) -> None:
    response = register(client, {"profile": PROFILE})
    assert response.status_code == 201
    assert response.json() == {
        "customer_id": user(client).id,
        "status": "PROVISIONED",
        "factors": [],
    }


def test_groups_are_those_that_are_named(client: Caller) -> None:
    register(client, {**BOTH, "groups": [CUSTOMERS_GROUP]})
    assert user(client).group_ids == [CUSTOMERS_GROUP]


def test_a_login_of_its_own_is_kept(client: Caller) -> None:
    register(client, {"profile": {**PROFILE, "login": "Mary.Jackson"}, "password": PASSWORD})
    assert (user(client, "mary.jackson").login, user(client, "mary.jackson").email) == (
        "Mary.Jackson",
        EMAIL,
    )


@pytest.mark.parametrize(
    "body",
    [
        {**BOTH, "password": "short"},
        {**BOTH, "groups": ["00gnobodys00000000000"]},
        {**BOTH, "profile": {**PROFILE, "shoeSize": 38}},
        {**BOTH, "profile": {**PROFILE, "manager": 38}},
    ],
)
def test_what_okta_does_not_accept_makes_nobody(client: Caller, body: object) -> None:
    refused = register(client, body, **KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "customer_invalid")
    assert client.sandbox.org.directory.find_login(EMAIL) is None
    assert register(client).status_code == 201  # nothing waits for the refused one


@pytest.mark.parametrize("headers", [{}, KEY])
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
def test_who_was_there_before_is_left_alone(
    client: Caller, profile: dict[str, str], headers: dict[str, str]
) -> None:
    before = client.sandbox.org.customers()
    body = {**BOTH, "profile": {**PROFILE, **profile}, "groups": [CUSTOMERS_GROUP]}
    for _ in range(2):
        refused = register(client, body, **headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "customer_exists")
    assert client.sandbox.org.customers() == before
    assert not posts_to_okta(client)


def test_the_public_registers_nobody(public: Caller) -> None:
    refused = register(public)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert not public.sandbox.org.calls


def test_registrations_count_as_sends(small_budgets: Any, client: Caller) -> None:
    limited = Caller(small_budgets, client.headers)
    for number in range(3):
        profile = {**PROFILE, "email": f"mary{number}@example.com"}
        assert register(limited, {"profile": profile}).status_code == 201
    refused = register(limited)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")


class TestRepeated:
    def test_the_same_request_has_the_same_answer(self, client: Caller) -> None:
        first, again = (register(client, **KEY) for _ in range(2))
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert posts_to_okta(client) == [200]

    def test_another_body_under_the_key_is_refused(self, client: Caller) -> None:
        register(client, **KEY)
        refused = register(client, {**BOTH, "password": "Another-Horse-9"}, **KEY)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")

    def test_without_the_key_the_customer_exists(self, client: Caller) -> None:
        assert register(client, **KEY).status_code == 201
        for headers in ({}, {"Idempotency_Key": "another"}):
            refused = register(client, **headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "customer_exists")

    def test_calls_at_the_same_time_make_one_customer(self, client: Caller) -> None:
        answers = client.at_once(8, lambda: register(client))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert posts_to_okta(client).count(200) == 1


class TestHalfDone:
    def test_a_refused_factor_says_what_exists_and_is_made_up_for(self, client: Caller) -> None:
        """Okta enrols nothing for a customer who has not chosen a password yet."""
        body = {"profile": PROFILE, "enroll": ["email"]}
        refused = register(client, body, **KEY)
        assert (refused.status_code, refused.json()["code"]) == (409, "customer_inactive")
        made = user(client)
        half = {"customer_id": made.id, "status": "PROVISIONED", "factors": []}
        assert refused.json()["customer"] == half
        assert register(client, body, **KEY).json()["customer"] == half
        made.status = UserStatus.ACTIVE
        done = register(client, body, **KEY)
        assert done.status_code == 201
        assert done.json() == {**half, "status": "ACTIVE", "factors": FACTORS[:1]}
        assert posts_to_okta(client) == [200]

    def test_the_factors_before_the_refused_one_are_told(self, client: Caller) -> None:
        body = {**BOTH, "profile": {**PROFILE, "mobilePhone": "+1500555"}}
        refused = register(client, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "enrollment_refused")
        assert refused.json()["customer"]["factors"] == FACTORS[:1]
        assert register(client, body).json()["code"] == "customer_exists"

    def test_an_org_that_verifies_addresses_first(self, client: Caller) -> None:
        org = client.sandbox.org
        org.policy.trusts_new_emails = False
        body = {**BOTH, "enroll": ["email"]}
        refused = register(client, body, **KEY)
        assert (refused.status_code, refused.json()["code"]) == (409, "enrollment_refused")
        assert refused.json()["customer"]["factors"] == []
        user(client).email_is_verified = True
        assert register(client, body, **KEY).json()["factors"] == FACTORS[:1]

    def test_factors_that_nobody_knows_are_not_told(self, client: Caller) -> None:
        client.sandbox.org.faults.add("factors", "http_500", 4)
        failed = register(client, **KEY)
        assert (failed.status_code, failed.json()["code"]) == (503, "okta_unavailable")
        assert failed.json()["customer"] == {"customer_id": user(client).id, "status": "ACTIVE"}
        assert "Retry-After" in failed.headers
        assert register(client, **KEY).json()["factors"] == FACTORS

    def test_an_enrolment_whose_answer_is_lost_is_looked_up(self, client: Caller) -> None:
        faults = client.sandbox.org.faults
        faults.add("factors", "slow", 1)
        faults.add("factors", "timeout", 1)
        failed = register(client, **KEY)
        assert (failed.status_code, failed.json()["code"]) == (503, "okta_unavailable")
        assert failed.json()["customer"]["factors"] == FACTORS[:1]
        assert register(client, **KEY).json()["factors"] == FACTORS
        assert posts_to_okta(client, user(client).id, "factors") == [0, 200]

    def test_another_client_or_body_does_not_go_on_with_it(self, client: Caller) -> None:
        body = {"profile": PROFILE, "enroll": ["email"]}
        register(client, body, **KEY)
        user(client).status = UserStatus.ACTIVE
        refused = register(client, body, Idempotency_Key="another")
        assert refused.json()["code"] == "customer_exists"
        assert user(client).factors == []
        refused = register(client, {**body, "enroll": ["sms"]}, **KEY)
        assert refused.json()["code"] == "idempotency_key_reused"
        assert user(client).factors == []


class TestLostCustomer:
    def test_the_same_request_finds_the_customer_that_it_has_made(self, client: Caller) -> None:
        client.sandbox.org.faults.add("create", "timeout", 1)
        failed = register(client, **KEY)
        assert (failed.status_code, failed.json()["code"]) == (503, "okta_unavailable")
        assert "customer" not in failed.json()
        made = user(client)
        client.sandbox.advance += 3600
        done = register(client, **KEY)
        assert (done.status_code, done.json()["customer_id"]) == (201, made.id)
        assert done.json()["factors"] == FACTORS
        assert posts_to_okta(client) == [0]

    def test_a_crash_leaves_no_dead_end(self, client: Caller) -> None:
        client.sandbox.org.faults.add("create", "slow", 1)
        answers: list[Response] = []
        crashing = threading.Thread(target=lambda: answers.append(register(client, **KEY)))
        crashing.start()
        deadline = time.monotonic() + 15
        while not posts_to_okta(client) and time.monotonic() < deadline:
            time.sleep(0.01)
        client.sandbox.crash("IssueChallengeFunction")
        crashing.join()
        assert answers[0].status_code == 502
        client.sandbox.advance += 13
        done = register(client, **KEY)
        assert (done.status_code, done.json()["factors"]) == (201, FACTORS)
        assert posts_to_okta(client) == [200]

    def test_a_request_that_came_to_nothing_is_made_again(self, client: Caller) -> None:
        client.sandbox.org.faults.add("create", "reset", 1)
        assert register(client, **KEY).status_code == 503
        assert register(client, **KEY).status_code == 201

    def test_another_request_waits_until_it_is_known(self, client: Caller) -> None:
        client.sandbox.org.faults.add("create", "reset", 1)
        register(client, **KEY)
        refused = register(client)
        assert (refused.status_code, refused.json()["code"]) == (409, "request_in_progress")
        client.sandbox.advance += int(refused.headers["Retry-After"])
        assert register(client).status_code == 201
        assert register(client, **KEY).json()["code"] == "customer_exists"

    def test_whom_somebody_else_makes_later_is_left_alone(self, client: Caller) -> None:
        client.sandbox.org.faults.add("create", "reset", 1)
        register(client, **KEY)
        client.sandbox.advance += 61
        okta = f"{client.sandbox.okta_url}/api/v1/users"
        theirs = {"profile": {"login": EMAIL, "email": EMAIL, "firstName": "M", "lastName": "J"}}
        headers = {"Authorization": f"SSWS {client.sandbox.org.api_tokens[0]}"}
        requests.post(okta, json=theirs, headers=headers, timeout=30).raise_for_status()
        assert register(client, **KEY).json()["code"] == "customer_exists"
        assert user(client).factors == []


def test_nothing_secret_is_kept_or_logged(client: Caller, log: Path) -> None:
    client.sandbox.org.faults.add("create", "timeout", 1)
    for _ in range(2):
        register(client, **KEY)
    register(client)
    register(client, {**BOTH, "password": f"{PASSWORD}\n" * 40})
    rows = client.sandbox.aws.client("dynamodb").scan(TableName="sandbox-ChallengeTable")["Items"]
    assert {row["pk"]["S"].partition("#")[0] for row in rows} >= {"registration", "answer"}
    seen = f"{rows}{log.read_text()}"
    for secret in (PASSWORD, EMAIL, "Jackson", PHONE[1:], KEY["Idempotency_Key"]):
        assert secret.lower() not in seen.lower()
