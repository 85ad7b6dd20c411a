"""Who may call the simulated org, how often, what it remembers of a call, and its seed."""

import json

import pytest

from tests.contract.okta_org import OktaOrg, outcome
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.seed import ADA_ANSWER, ADA_TOTP_SECRET, SANDBOX_API_TOKEN

ADA = "ada@example.com"
EMAIL, QUESTION = FactorType.EMAIL, FactorType.QUESTION


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def fail(okta: OktaOrg, times: int) -> None:
    for _ in range(times):
        assert outcome(okta.check(ADA, QUESTION, "salad")) == (403, "E0000068")


class TestAccess:
    def test_a_replaced_token_is_refused(self, okta: OktaOrg) -> None:
        okta.org.accept_tokens(["00" + "x" * 40])
        assert outcome(okta.get(f"/api/v1/users/{ADA}")) == (401, "E0000011")
        assert okta.get(f"/api/v1/users/{ADA}", api_token="00" + "x" * 40).status_code == 200

    def test_a_refused_token_does_nothing(self, okta: OktaOrg) -> None:
        response = okta.post(okta.verify_path(ADA, EMAIL), api_token="wrong")
        assert response.headers["www-authenticate"] == "SSWS"
        assert okta.org.inbox == []

    def test_without_a_token_there_is_no_session(self, okta: OktaOrg) -> None:
        path = f"/api/v1/users/{ADA}"
        assert outcome(okta.get(path, api_token=None)) == (403, "E0000005")
        basic = okta.send("GET", path, api_token=None, headers={"Authorization": "Basic YTpi"})
        assert outcome(basic) == (401, "E0000011")

    def test_a_token_may_follow_its_scheme_without_a_space(self, okta: OktaOrg) -> None:
        authorization = {"Authorization": f"SSWS{SANDBOX_API_TOKEN}"}
        response = okta.send("GET", f"/api/v1/users/{ADA}", api_token=None, headers=authorization)
        assert response.status_code == 200
        assert okta.org.calls[0].headers["Authorization"] == "SSWS"

    def test_a_token_may_lack_rights(self, okta: OktaOrg) -> None:
        okta.org.policy.token_is_permitted = False
        assert outcome(okta.challenge(ADA, EMAIL)) == (403, "E0000006")
        assert okta.org.inbox == []
        okta.org.reset()
        assert okta.challenge(ADA, EMAIL).status_code == 200

    def test_an_unknown_path_is_not_found(self, okta: OktaOrg) -> None:
        assert outcome(okta.get("/api/v1/groups")) == (404, "E0000022")

    def test_another_method_is_not_supported(self, okta: OktaOrg) -> None:
        assert outcome(okta.put(f"/api/v1/users/{ADA}")) == (405, "E0000022")

    @pytest.mark.parametrize(
        ("path", "bucket"),
        [
            ("/api/v1/users/00unobody", Bucket.ONE_USER),
            ("/api/v1/sessions/102nobody", Bucket.SESSIONS),
            ("/elsewhere", Bucket.OTHER),
        ],
    )
    def test_a_bucket_is_used_up_and_filled_again(
        self, path: str, bucket: Bucket, okta: OktaOrg
    ) -> None:
        first = okta.get(path)
        assert first.headers["x-rate-limit-limit"] == str(bucket.limit)
        assert first.headers["x-rate-limit-remaining"] == str(bucket.limit - 1)
        assert first.headers["x-rate-limit-reset"] == str(int(okta.clock()) + 60)
        for _ in range(bucket.limit - 1):
            okta.org.limits.count(bucket, okta.clock())
        limited = okta.get(path)
        assert outcome(limited) == (429, "E0000047")
        assert limited.headers["x-rate-limit-remaining"] == "0"
        assert "retry-after" not in limited.headers
        assert okta.get(okta.factors_path(ADA)).status_code == 200
        okta.clock.advance(60)
        assert okta.get(path).status_code == 404

    def test_sign_ins_have_a_bucket(self, okta: OktaOrg) -> None:
        for _ in range(Bucket.AUTHN.limit):
            okta.org.limits.count(Bucket.AUTHN, okta.clock())
        assert outcome(okta.sign_in(ADA)) == (429, "E0000047")


class TestOrg:
    def test_links_name_the_org_as_the_request_did(self, okta: OktaOrg) -> None:
        user = okta.get(f"/api/v1/users/{ADA}").get_json()
        assert user["_links"]["self"]["href"] == f"http://localhost/api/v1/users/{user['id']}"

    def test_calls_are_kept_without_their_query(self, okta: OktaOrg) -> None:
        okta.search('profile.email eq "ada@example.com"')
        okta.get("/api/v1/users/nobody@example.com")
        calls = [(call.method, call.path, call.status) for call in okta.org.calls]
        assert calls == [
            ("GET", "/api/v1/users", 200),
            ("GET", "/api/v1/users/nobody@example.com", 404),
        ]

    def test_calls_say_who_asked_and_for_whom(self, okta: OktaOrg) -> None:
        told = {
            "User-Agent": "Shop/1.0",
            "Accept-Language": "fr",
            "X-Forwarded-For": "203.0.113.7",
            "X-Device-Fingerprint": "device-1",
        }
        path = f"/api/v1/users/{ADA}"
        okta.send("GET", path, headers={**told, "Cookie": "sid=secret", "X-Other": "other"})
        okta.send("GET", path, api_token=None, headers={"User-Agent": "Shop/1.0"})
        trusted, public = okta.org.calls
        assert trusted.headers == {**told, "Authorization": "SSWS"}
        assert public.headers == {"User-Agent": "Shop/1.0"}

    def test_a_reset_leads_back_to_the_seed(self, okta: OktaOrg) -> None:
        seeded = okta.org.customers()
        fail(okta, 5)
        okta.challenge("grace.hopper", EMAIL)
        okta.org.populate(1)
        okta.org.accept_tokens(["rotated"])
        okta.org.faults.add("any", "http_500", 1)
        okta.org.reset()
        assert okta.org.customers() == seeded
        assert (okta.org.inbox, okta.org.calls) == ([], [])
        assert okta.org.api_tokens == [SANDBOX_API_TOKEN]
        response = okta.challenge("grace.hopper", EMAIL)
        assert response.status_code == 200
        assert response.headers["x-rate-limit-remaining"] == str(Bucket.FACTORS.limit - 1)

    def test_the_seed_is_the_documented_one(self, okta: OktaOrg) -> None:
        customers = json.loads(json.dumps(okta.org.customers()))
        assert [
            (each["email"], each["login"], each["status"], [f["type"] for f in each["factors"]])
            for each in customers
        ] == [
            (
                "ada@example.com",
                "ada@example.com",
                "ACTIVE",
                ["email", "sms", "call", "token:software:totp", "question"],
            ),
            ("grace@example.com", "grace.hopper", "ACTIVE", ["email"]),
            ("alan@example.com", "alan@example.com", "ACTIVE", []),
            ("katherine@example.com", "katherine@example.com", "SUSPENDED", ["email"]),
            ("twin@example.com", "twin.one", "ACTIVE", ["email"]),
            ("twin@example.com", "twin.two", "ACTIVE", ["email"]),
        ]
        secrets = [(f.get("shared_secret"), f.get("answer")) for f in customers[0]["factors"]]
        assert secrets[3:] == [(ADA_TOTP_SECRET, None), (None, ADA_ANSWER)]

    def test_failed_attempts_are_listed(self, okta: OktaOrg) -> None:
        fail(okta, 2)
        assert okta.org.customers()[0]["failed_attempts"] == 2

    def test_quiet_customers_come_when_asked_for(self, okta: OktaOrg) -> None:
        okta.org.populate(200)
        assert okta.challenge("customer-199@example.com", EMAIL).status_code == 200
        assert okta.org.inbox.to("customer-199@example.com")
