"""Who may call the simulated org and how often, its records of calls, its seed and its reset."""

import json
import random
from typing import Any

import pytest

from tests.contract.okta_org import OktaOrg
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.seed import (
    ADA_ANSWER,
    ADA_PHONE,
    ADA_TOTP_SECRET,
    MARY_OLD_EMAIL,
    SANDBOX_API_TOKEN,
)

USER = "users/ada@example.com"
CALLER = {
    "User-Agent": "Shop/1.0",
    "Accept-Language": "fr",
    "X-Forwarded-For": "203.0.113.7",
    "X-Device-Fingerprint": "device-1",
}

JOURNEYS = {
    "a call needs a token of the scheme SSWS": f"""
        call GET {USER} Authorization: -> INVALID_SESSION
        call GET {USER} "Authorization:Basic YTpi" -> INVALID_TOKEN
        call GET {USER} Authorization:SSWS{SANDBOX_API_TOKEN} -> ACTIVE
    """,
    "an unknown path and another method are refused": f"""
        call GET groups -> UNKNOWN_PATH
        call PATCH {USER} -> WRONG_METHOD
        call GET sessions/ -> WRONG_METHOD
    """,
    "a token without the right is refused": """
        weaken_token; send email -> ACCESS_DENIED
        inbox -> 0
    """,
    "sign-ins have a bucket": "use_up AUTHN; sign_in -> RATE_LIMITED",
    "a path may end with a slash": f"""
        call GET {USER}/ -> ACTIVE
        call GET users/{{user}}/factors/ limit==1 -> 200
        call GET users// -> UNKNOWN_PATH
    """,
    "a code goes to the address of the factor, not of the profile": """
        login mary@example.com; send email; check email right -> SUCCESS
    """,
}


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_access(journey: str, okta: OktaOrg) -> None:
    okta.play(journey)


def test_a_replaced_token_is_refused_and_does_nothing(okta: OktaOrg) -> None:
    okta.org.accept_tokens(["rotated"])
    refused = okta.play("send email -> INVALID_TOKEN")
    assert refused.headers["www-authenticate"] == "SSWS"
    assert okta.org.inbox == []
    okta.play(f"call GET {USER} 'Authorization:SSWS rotated' -> ACTIVE")


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("users/00unobody", Bucket.ONE_USER),
        ("sessions/102nobody", Bucket.SESSIONS),
        ("elsewhere", Bucket.OTHER),
    ],
)
def test_a_bucket_is_used_up_for_the_rest_of_its_minute(
    path: str, bucket: Bucket, okta: OktaOrg
) -> None:
    first = okta.call("GET", path).headers
    assert first["x-rate-limit-limit"] == str(bucket.limit)
    assert first["x-rate-limit-remaining"] == str(bucket.limit - 1)
    assert first["x-rate-limit-reset"] == str(int(okta.clock()) + 60)
    limited = okta.play(f"use_up {bucket.name}; call GET {path} -> RATE_LIMITED").headers
    assert limited["x-rate-limit-remaining"] == "0"
    assert "retry-after" not in limited
    okta.play(f"list -> 200; wait 60; call GET {path} -> 404")


def test_the_latency_may_depend_on_the_kind_of_call() -> None:
    kinds: list[str] = []

    def log_normal(kind: str) -> float:
        kinds.append(str(kind))
        return random.Random(1).lognormvariate(-9, 0.4)  # noqa: S311 - a delay

    OktaOrg(log_normal).play("""
        account; list; send email; check email wrong; check question wrong; sign_in
        call GET sessions/102nobody
    """)
    assert kinds == ["lookup", "factors", "send", "check", "check", "authn", "other"]


def test_links_have_the_host_of_the_request(okta: OktaOrg) -> None:
    user = okta.account().get_json()
    assert user["_links"]["self"]["href"] == f"http://localhost/api/v1/users/{user['id']}"


def test_calls_are_recorded_without_their_query(okta: OktaOrg) -> None:
    okta.play("search ada@example.com; call GET users/nobody@example.com")
    assert [(call.method, call.path, call.status) for call in okta.org.calls] == [
        ("GET", "/api/v1/users", 200),
        ("GET", "/api/v1/users/nobody@example.com", 404),
    ]


def test_calls_are_recorded_with_the_headers_that_describe_the_caller(okta: OktaOrg) -> None:
    headers = [f"{name}:{value}" for name, value in CALLER.items()]
    okta.call("GET", USER, *headers, "Cookie:sid=secret", "X-Other:other")
    okta.call("GET", USER, "Authorization:")
    trusted, public = okta.org.calls
    assert trusted.headers == {**CALLER, "Authorization": "SSWS"}
    assert (trusted.forwarded_for, trusted.user_agent) == ("203.0.113.7", "Shop/1.0")
    assert "Authorization" not in public.headers
    assert public.forwarded_for is None


def test_a_reset_restores_the_seed(okta: OktaOrg) -> None:
    seeded = okta.org.customers()
    register = "call POST users profile.login=new@example.com profile.email=new@example.com"
    new = okta.play(register).get_json()["id"]
    used = """
        sign_in; 5x check question salad; login grace.hopper; send email
        login alan@example.com; enrol_phone sms +16134561234; 5x activate wrong
        call POST templates/sms name=a type=SMS_VERIFY_CODE template=${code}
    """
    okta.play(used)
    okta.org.populate(1)
    okta.org.accept_tokens(["rotated"])
    okta.org.faults.add("any", "http_500", 1)
    okta.org.policy.shows_lockout = False
    okta.org.reset()
    assert okta.org.customers() == seeded
    assert (okta.org.inbox, okta.org.calls) == ([], [])
    assert okta.org.api_tokens == [SANDBOX_API_TOKEN]
    assert okta.org.policy.shows_lockout
    assert okta.call("GET", "templates/sms").get_json() == []
    okta.play(f"follow -> INVALID_TOKEN; call GET users/{new} -> NOT_FOUND")
    assert okta.play(register).get_json()["id"] == new
    response = okta.play("login grace.hopper; send email -> CHALLENGE")
    assert response.headers["x-rate-limit-remaining"] == str(Bucket.FACTORS.limit - 1)
    okta.play("login alan@example.com; enrol_phone sms +16134561234; activate wrong -> WRONG_CODE")


def test_the_seed_is_the_documented_one(okta: OktaOrg) -> None:
    customers: list[Any] = json.loads(json.dumps(okta.org.customers()))
    assert [
        (
            each["email"],
            each["login"],
            each["status"],
            [factor["type"] for factor in each["factors"]],
        )
        for each in customers
    ] == [
        (
            *("ada@example.com", "ada@example.com", "ACTIVE"),
            ["email", "sms", "call", "token:software:totp", "question"],
        ),
        ("grace@example.com", "grace.hopper", "ACTIVE", ["email"]),
        ("alan@example.com", "alan@example.com", "ACTIVE", []),
        ("katherine@example.com", "katherine@example.com", "SUSPENDED", ["email"]),
        ("twin@example.com", "twin.one", "ACTIVE", ["email"]),
        ("twin@example.com", "twin.two", "ACTIVE", ["email"]),
        ("dorothy@example.com", "dorothy@example.com", "ACTIVE", ["email", "push"]),
        ("mary@example.com", "mary@example.com", "ACTIVE", ["email"]),
        ("eve@example.com", "eve@example.com", "ACTIVE", []),
    ]
    ada, mary = customers[0]["factors"], customers[7]["factors"]
    secrets = [each.get("shared_secret") or each.get("answer") for each in ada[3:]]
    assert secrets == [ADA_TOTP_SECRET, ADA_ANSWER]
    assert okta.user.mobile_phone == ADA_PHONE
    assert mary[0]["destination"] == MARY_OLD_EMAIL
    okta.play("login eve@example.com; sign_in D3m0demo1 -> MFA_ENROLL")


def test_customers_for_load_tests_are_added_on_request(okta: OktaOrg) -> None:
    okta.org.populate(200)
    okta.play("login customer-199@example.com; send email -> CHALLENGE")
