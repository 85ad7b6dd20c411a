"""Who may call the simulated org and how often, its records of calls, its seed and its reset."""

import json
import random

import pytest

from tests.contract.okta_org import (
    ADA,
    ALAN,
    DEAD_TOKEN,
    FORBIDDEN,
    GRACE,
    NO_SESSION,
    NOT_FOUND,
    RATE_LIMITED,
    WRONG_CODE,
    OktaOrg,
    outcome,
)
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.seed import (
    ADA_ANSWER,
    ADA_PHONE,
    ADA_TOTP_SECRET,
    MARY_OLD_EMAIL,
    SANDBOX_API_TOKEN,
)

EMAIL, QUESTION = FactorType.EMAIL, FactorType.QUESTION
USER = f"/api/v1/users/{ADA}"


class TestAccess:
    def test_a_replaced_or_wrong_token_is_refused_and_does_nothing(self, okta: OktaOrg) -> None:
        okta.org.accept_tokens(["00" + "x" * 40])
        response = okta.challenge(ADA, EMAIL)
        assert outcome(response) == DEAD_TOKEN
        assert response.headers["www-authenticate"] == "SSWS"
        assert okta.org.inbox == []
        assert okta.get(USER, api_token="00" + "x" * 40).status_code == 200

    @pytest.mark.parametrize(
        ("authorization", "answer"),
        [
            ({}, NO_SESSION),
            ({"Authorization": "Basic YTpi"}, DEAD_TOKEN),
            # The vendor's own Python SDK puts no space between the two.
            ({"Authorization": f"SSWS{SANDBOX_API_TOKEN}"}, (200, None)),
        ],
    )
    def test_a_call_needs_a_token_of_the_scheme_ssws(
        self, authorization: dict[str, str], answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        response = okta.send("GET", USER, api_token=None, headers=authorization)
        assert outcome(response) == answer

    def test_a_token_without_the_right_is_refused_until_a_reset(self, okta: OktaOrg) -> None:
        okta.org.policy.token_is_permitted = False
        assert outcome(okta.challenge(ADA, EMAIL)) == FORBIDDEN
        assert okta.org.inbox == []
        okta.org.reset()
        assert okta.challenge(ADA, EMAIL).status_code == 200

    def test_an_unknown_path_and_another_method_are_refused(self, okta: OktaOrg) -> None:
        assert outcome(okta.get("/api/v1/groups")) == (404, "E0000022")
        assert outcome(okta.put(USER)) == (405, "E0000022")


class TestRateLimits:
    @pytest.mark.parametrize(
        ("path", "bucket"),
        [
            ("/api/v1/users/00unobody", Bucket.ONE_USER),
            ("/api/v1/sessions/102nobody", Bucket.SESSIONS),
            ("/elsewhere", Bucket.OTHER),
        ],
    )
    def test_a_bucket_is_used_up_for_the_rest_of_its_minute(
        self, path: str, bucket: Bucket, okta: OktaOrg
    ) -> None:
        first = okta.get(path)
        assert first.headers["x-rate-limit-limit"] == str(bucket.limit)
        assert first.headers["x-rate-limit-remaining"] == str(bucket.limit - 1)
        assert first.headers["x-rate-limit-reset"] == str(int(okta.clock()) + 60)
        for _ in range(bucket.limit - 1):
            okta.org.limits.count(bucket, okta.clock())
        limited = okta.get(path)
        assert outcome(limited) == RATE_LIMITED
        assert limited.headers["x-rate-limit-remaining"] == "0"
        assert "retry-after" not in limited.headers
        assert okta.get(okta.factors_path(ADA)).status_code == 200
        okta.clock.advance(60)
        assert okta.get(path).status_code == 404

    def test_sign_ins_have_a_bucket(self, okta: OktaOrg) -> None:
        for _ in range(Bucket.AUTHN.limit):
            okta.org.limits.count(Bucket.AUTHN, okta.clock())
        assert outcome(okta.sign_in(ADA)) == RATE_LIMITED


class TestLatency:
    def test_it_may_depend_on_the_kind_of_call(self) -> None:
        kinds: list[str] = []

        def log_normal(kind: str) -> float:
            kinds.append(str(kind))
            return random.Random(1).lognormvariate(-9, 0.4)  # noqa: S311 - a delay

        okta = OktaOrg(log_normal)
        okta.get(USER)
        okta.get(okta.factors_path(ADA))
        okta.challenge(ADA, EMAIL)
        okta.check(ADA, EMAIL, "wrong")
        okta.check(ADA, QUESTION, "wrong")
        okta.sign_in(ADA)
        okta.get("/api/v1/sessions/102nobody")
        assert kinds == ["lookup", "factors", "send", "check", "check", "authn", "other"]


class TestOrg:
    def test_links_have_the_host_of_the_request(self, okta: OktaOrg) -> None:
        user = okta.get(USER).get_json()
        assert user["_links"]["self"]["href"] == f"http://localhost/api/v1/users/{user['id']}"

    def test_calls_are_recorded_without_their_query(self, okta: OktaOrg) -> None:
        okta.search('profile.email eq "ada@example.com"')
        okta.get("/api/v1/users/nobody@example.com")
        calls = [(call.method, call.path, call.status) for call in okta.org.calls]
        assert calls == [
            ("GET", "/api/v1/users", 200),
            ("GET", "/api/v1/users/nobody@example.com", 404),
        ]

    def test_calls_are_recorded_with_the_headers_that_describe_the_caller(
        self, okta: OktaOrg
    ) -> None:
        headers = {
            "User-Agent": "Shop/1.0",
            "Accept-Language": "fr",
            "X-Forwarded-For": "203.0.113.7",
            "X-Device-Fingerprint": "device-1",
        }
        okta.send("GET", USER, headers={**headers, "Cookie": "sid=secret", "X-Other": "other"})
        okta.send("GET", USER, api_token=None)
        trusted, public = okta.org.calls
        assert trusted.headers == {**headers, "Authorization": "SSWS"}
        assert (trusted.forwarded_for, trusted.user_agent) == ("203.0.113.7", "Shop/1.0")
        assert "Authorization" not in public.headers
        assert public.forwarded_for is None

    def test_a_reset_restores_the_seed(self, okta: OktaOrg) -> None:
        seeded = okta.org.customers()
        profile = {"login": "new@example.com", "email": "new@example.com"}
        new = okta.post("/api/v1/users", {"profile": profile}).get_json()["id"]
        template = {"name": "a", "type": "SMS_VERIFY_CODE", "template": "${code}"}
        okta.post("/api/v1/templates/sms", template)
        sms = okta.enrol_phone(ALAN, "sms", "+16134561234").get_json()["id"]
        for _ in range(5):
            okta.activate(ALAN, sms, "wrong")
        state = okta.sign_in(ADA).get_json()
        for _ in range(5):
            assert outcome(okta.check(ADA, QUESTION, "salad")) == WRONG_CODE
        okta.challenge(GRACE, EMAIL)
        okta.org.populate(1)
        okta.org.accept_tokens(["rotated"])
        okta.org.faults.add("any", "http_500", 1)
        okta.org.policy.shows_lockout = False
        okta.org.reset()
        assert okta.org.customers() == seeded
        assert (okta.org.inbox, okta.org.calls) == ([], [])
        assert okta.org.api_tokens == [SANDBOX_API_TOKEN]
        assert okta.org.policy.shows_lockout
        assert okta.get("/api/v1/templates/sms").get_json() == []
        assert outcome(okta.follow("", state)) == DEAD_TOKEN
        assert outcome(okta.get(f"/api/v1/users/{new}")) == NOT_FOUND
        assert okta.post("/api/v1/users", {"profile": profile}).get_json()["id"] == new
        response = okta.challenge(GRACE, EMAIL)
        assert response.headers["x-rate-limit-remaining"] == str(Bucket.FACTORS.limit - 1)
        sms = okta.enrol_phone(ALAN, "sms", "+16134561234").get_json()["id"]
        assert outcome(okta.activate(ALAN, sms, "wrong")) == WRONG_CODE

    def test_the_seed_is_the_documented_one(self, okta: OktaOrg) -> None:
        customers = json.loads(json.dumps(okta.org.customers()))
        factors = [[each["type"] for each in user["factors"]] for user in customers]
        assert [(each["email"], each["login"], each["status"]) for each in customers] == [
            ("ada@example.com", "ada@example.com", "ACTIVE"),
            ("grace@example.com", "grace.hopper", "ACTIVE"),
            ("alan@example.com", "alan@example.com", "ACTIVE"),
            ("katherine@example.com", "katherine@example.com", "SUSPENDED"),
            ("twin@example.com", "twin.one", "ACTIVE"),
            ("twin@example.com", "twin.two", "ACTIVE"),
            ("dorothy@example.com", "dorothy@example.com", "ACTIVE"),
            ("mary@example.com", "mary@example.com", "ACTIVE"),
            ("eve@example.com", "eve@example.com", "ACTIVE"),
        ]
        assert factors == [
            ["email", "sms", "call", "token:software:totp", "question"],
            *(["email"], [], ["email"], ["email"], ["email"], ["email", "push"], ["email"], []),
        ]
        ada, mary = customers[0]["factors"], customers[7]["factors"]
        assert [each.get("shared_secret") or each.get("answer") for each in ada[3:]] == [
            ADA_TOTP_SECRET,
            ADA_ANSWER,
        ]
        assert okta.user(ADA).mobile_phone == ADA_PHONE
        assert mary[0]["destination"] == MARY_OLD_EMAIL
        assert okta.sign_in("eve@example.com", "D3m0demo1").get_json()["status"] == "MFA_ENROLL"

    def test_a_code_goes_to_the_address_of_the_factor_not_of_the_profile(
        self, okta: OktaOrg
    ) -> None:
        okta.challenge("mary@example.com", EMAIL)
        assert [message.to for message in okta.org.inbox] == [MARY_OLD_EMAIL]

    def test_customers_for_load_tests_are_added_on_request(self, okta: OktaOrg) -> None:
        okta.org.populate(200)
        assert okta.challenge("customer-199@example.com", EMAIL).status_code == 200
        assert okta.org.inbox.to("customer-199@example.com")
