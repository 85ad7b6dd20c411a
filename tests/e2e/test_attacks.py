"""Attacks on the service, each carried out as an attacker would: none of them succeeds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.e2e.conftest import Caller
from tests.e2e.sign_in import DEAD_TOKEN, LIMITED, SignIn, outcome
from tests.sandbox.aws import CLIENT_KEY, SHOP_KEY
from tests.sandbox.okta.records import FactorType, User
from tests.sandbox.okta.seed import ADA_PHONE, EVE_PASSWORD, MARY_OLD_EMAIL
from tests.sandbox.template import PREFIX

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

ADA, GRACE, MARY = "ada@example.com", "grace@example.com", "mary@example.com"
TABLE = f"{PREFIX}ChallengeTable"
REFUND = {"purpose": "refund", "reference": "order-1001"}
WAIT = 31
"""After so many seconds the next code may be sent."""


def elsewhere(sandbox: Sandbox, number: int = 7) -> Caller:
    """A public caller at a source address of its own."""
    return Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.100.{number}"})


def shop(sandbox: Sandbox) -> Caller:
    """A client with the scope `verify` alone."""
    return Caller(sandbox, {"Authorization": f"Bearer {SHOP_KEY}"})


def user(sandbox: Sandbox, email: str = ADA) -> User:
    """A customer as Okta has it."""
    return next(each for each in sandbox.org.directory if each.email == email)


def code_of(response: requests.Response) -> str:
    """The outcome in a problem document."""
    code: str = response.json()["code"]
    return code


def guess(caller: Caller, email: str = ADA) -> str:
    """Try a wrong code for the newest challenge of an email; the outcome."""
    return code_of(caller.post("/verify", {"email": email, "code": caller.wrong_code(email)}))


def hold_strangers(public: Caller) -> None:
    """Three wrong codes of the public for ada."""
    public.challenge()
    assert [guess(public) for _ in range(3)] == ["invalid_code"] * 3


def verify_as_mfa(caller: Caller, challenge_id: str, code: str) -> requests.Response:
    """Verify a challenge in the MFA dialect, with that dialect's prefix."""
    opaque = challenge_id.removeprefix("ch_")
    return caller.post(f"/auth/challenges/auth_challenge_{opaque}/verify", {"code": code})


class TestLockingACustomerOut:
    def test_waiting_for_a_hold_to_end_gives_strangers_no_further_attempt(
        self, public: Caller
    ) -> None:
        hold_strangers(public)
        for seconds in (3601, 86401):
            public.sandbox.advance += seconds
            public.challenge()
            assert guess(elsewhere(public.sandbox)) == "invalid_code"
        assert user(public.sandbox).most_failed_factor_attempts == 3

    def test_guesses_beside_a_release_do_not_reach_okta(
        self, public: Caller, client: Caller
    ) -> None:
        client.challenge()
        assert guess(client) == "invalid_code"
        public.sandbox.advance += WAIT
        public.challenge()
        assert [guess(public) for _ in range(2)] == ["invalid_code"] * 2
        public.sandbox.advance += WAIT
        release = client.challenge(release_hold=True)
        code = client.code()
        stranger = elsewhere(public.sandbox)
        public.sandbox.advance += WAIT
        stranger.challenge()
        for body in ({"email": ADA, "code": "000000"}, {"email": ADA, "otp": code}):
            assert stranger.post("/verify", body).status_code != 200
        assert stranger.get("/verify", email=ADA, otp=code).status_code != 200
        assert user(public.sandbox).most_failed_factor_attempts == 3
        body = {"challenge_id": release["challenge_id"], "code": code}
        assert public.post("/verify", body).status_code == 200

    def test_a_release_gives_one_attempt_to_whoever_has_its_id(
        self, public: Caller, client: Caller
    ) -> None:
        hold_strangers(public)
        public.sandbox.advance += WAIT
        client.challenge()
        assert guess(client) == "invalid_code"
        assert guess(client) == "attempts_held"
        public.sandbox.advance += WAIT
        body = {"challenge_id": client.challenge(release_hold=True)["challenge_id"]}
        wrong = public.post("/verify", {**body, "code": client.wrong_code()})
        assert code_of(wrong) == "invalid_code"
        assert user(public.sandbox).failed_factor_attempts == 5
        right = public.post("/verify", {**body, "code": client.code()})
        assert code_of(right) == "challenge_expired"
        assert user(public.sandbox).failed_factor_attempts == 5

    def test_only_a_client_with_the_scope_opens_releases(
        self, public: Caller, sandbox: Sandbox
    ) -> None:
        body = {"email": ADA, "release_hold": True}
        assert public.post("/challenge", body).status_code == 401
        assert code_of(shop(sandbox).post("/challenge", body)) == "forbidden"


class TestUsingACodeForSomethingElse:
    def test_a_code_for_a_refund_signs_nobody_in(self, client: Caller) -> None:
        client.challenge(**REFUND)
        sign_in = SignIn(client)
        assert outcome(sign_in.verify("sms")) == (200, "MFA_CHALLENGE")
        assert outcome(sign_in.post("/previous")) == (200, "MFA_REQUIRED")
        assert outcome(sign_in.verify("email", passCode=client.code())) == (403, "E0000068")
        assert client.verifies_seen_by_okta(200) == 2

    @pytest.mark.parametrize("kind", ["http_500", "timeout"])
    def test_a_send_of_unknown_outcome_makes_no_older_code_prove_it(
        self, client: Caller, kind: str
    ) -> None:
        older = client.challenge(purpose="newsletter")
        code = client.code()
        client.sandbox.advance += WAIT
        client.sandbox.org.faults.add("verify", kind, 1)
        assert client.post("/challenge", {"email": ADA, **REFUND}).status_code == 503
        for body in (
            {"email": ADA, **REFUND},
            {"email": ADA, "purpose": "newsletter"},
            {"challenge_id": older["challenge_id"], "purpose": "newsletter"},
        ):
            for tried in {code, client.code()}:
                assert client.post("/verify", {**body, "code": tried}).status_code != 200
        assert user(client.sandbox).failed_factor_attempts == 0

    @pytest.mark.parametrize("kind", ["http_500", "timeout"])
    def test_a_sign_in_whose_send_has_an_unknown_outcome_takes_no_older_code(
        self, client: Caller, kind: str
    ) -> None:
        client.challenge(purpose="newsletter")
        code, sign_in = client.code(), SignIn(client)
        client.sandbox.advance += WAIT
        client.sandbox.org.faults.add("authn", kind, 1)
        assert sign_in.verify("email").status_code >= 500
        assert outcome(sign_in.verify("email", passCode=code)) == (403, "E0000068")
        assert outcome(sign_in.verify("email", passCode=client.code())) == (403, "E0000068")

    def test_a_code_is_good_for_its_own_purpose_and_reference_alone(self, public: Caller) -> None:
        challenge = public.challenge(**REFUND)
        body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
        assert public.get("/verify", email=ADA, otp=public.code()).status_code == 403
        assert code_of(public.post("/verify", {**body, "purpose": "newsletter"})) == "invalid_code"
        assert user(public.sandbox).failed_factor_attempts == 0
        verified = public.post("/verify", {**body, **REFUND}).json()
        assert {name: verified[name] for name in REFUND} == REFUND

    def test_an_id_proves_nothing_for_another_email(self, client: Caller) -> None:
        challenge = client.challenge(GRACE)
        body = {"challenge_id": challenge["challenge_id"], "code": client.code(GRACE)}
        assert client.post("/verify", {**body, "email": ADA}).status_code == 404
        assert client.post("/verify", {**body, "email": GRACE}).status_code == 200


class TestConvincingABackend:
    def test_a_public_challenge_convinces_no_client(self, public: Caller, client: Caller) -> None:
        challenge_id = public.challenge(GRACE, **REFUND)["challenge_id"]
        code = public.code(GRACE)
        body = {"challenge_id": challenge_id, "code": code}
        for backend in (client, shop(public.sandbox)):
            for more in ({}, REFUND, {"email": GRACE, **REFUND}, {"email": ADA, **REFUND}):
                told = backend.post("/verify", {**body, **more})
                assert code_of(told) == "challenge_not_found", more
            by_email = {"email": GRACE, "code": code, **REFUND}
            assert backend.post("/verify", by_email).status_code == 404
            assert backend.get("/verify", email=GRACE, otp=code).status_code == 404
            assert verify_as_mfa(backend, challenge_id, code).status_code == 404
        assert public.post("/verify", {**body, **REFUND}).status_code == 200

    def test_a_challenge_of_one_client_convinces_no_other(
        self, public: Caller, client: Caller
    ) -> None:
        challenge = shop(public.sandbox).challenge(GRACE)
        body = {"challenge_id": challenge["challenge_id"], "code": client.code(GRACE)}
        for caller in (client, public):
            assert code_of(caller.post("/verify", body)) == "challenge_not_found"
            assert verify_as_mfa(caller, body["challenge_id"], body["code"]).status_code in (
                401,
                404,
            )
        verified = shop(public.sandbox).post("/verify", body).json()
        assert verified["customer_id"] == user(public.sandbox, GRACE).id

    def test_a_challenge_of_the_same_client_is_not_valid_in_another_dialect(
        self, client: Caller
    ) -> None:
        challenge = client.challenge(GRACE)
        code = client.code(GRACE)
        assert verify_as_mfa(client, challenge["challenge_id"], code).status_code == 404
        sms = {"type": "sms", "phone_number": ADA_PHONE, "user_id": ADA}
        factor = client.post("/auth/factors/enroll", sms).json()
        started = client.post(f"/auth/factors/{factor['id']}/challenge", {}).json()
        challenge_id = "ch_" + started["id"].removeprefix("auth_challenge_")
        body = {"challenge_id": challenge_id, "code": client.code(ADA_PHONE)}
        assert code_of(client.post("/verify", body)) == "challenge_not_found"
        assert verify_as_mfa(client, challenge_id, body["code"]).json()["valid"] is True

    def test_a_release_convinces_the_client_that_opened_it_and_the_public_alone(
        self, client: Caller
    ) -> None:
        challenge = client.challenge(GRACE, release_hold=True)
        body = {"challenge_id": challenge["challenge_id"], "code": client.code(GRACE)}
        assert verify_as_mfa(client, body["challenge_id"], body["code"]).status_code == 404
        assert shop(client.sandbox).post("/verify", body).status_code == 404
        assert client.post("/verify", body).json()["customer_id"] == user(client.sandbox, GRACE).id


class TestAnotherMailbox:
    def test_a_code_goes_to_the_address_in_the_profile_or_nowhere(
        self, client: Caller, public: Caller
    ) -> None:
        assert code_of(client.post("/challenge", {"email": MARY})) == "factor_not_enrolled"
        assert code_of(client.post("/challenge", {"email": MARY_OLD_EMAIL})) == "customer_not_found"
        public.challenge(MARY)
        public.challenge(MARY_OLD_EMAIL)
        assert not public.sandbox.org.inbox

    def test_a_login_that_is_another_address_proves_nothing(self, client: Caller) -> None:
        ada, eve = user(client.sandbox), user(client.sandbox, "eve@example.com")
        eve.email = "attacker@example.com"
        client.sandbox.org.directory.add_factor(eve, FactorType.EMAIL, eve.email)
        ada.email, ada.status = "ada.new@example.com", type(ada.status)("ACTIVE")
        assert code_of(client.post("/challenge", {"email": eve.login})) == "customer_not_found"
        assert code_of(client.post("/challenge", {"email": ada.login})) == "customer_not_found"

    def test_a_mailbox_with_other_letters_is_another_mailbox(self, client: Caller) -> None:
        """Folded by case, `\u00df` and `ss` would be the same."""
        grace = user(client.sandbox, GRACE)
        grace.email = "grosse@example.com"
        grace.factors[0].destination = "gro\u00dfe@example.com"
        assert code_of(client.post("/challenge", {"email": grace.email})) == "factor_not_enrolled"
        assert not client.sandbox.org.inbox

    def test_another_spelling_of_an_address_reaches_nobody(self, client: Caller) -> None:
        """Okta finds a login whatever its marks are; an address with marks is another one."""
        for email in ("\u00e0da@example.com", "\uff41da@example.com", "ada@ex\u00e4mple.com"):
            assert client.post("/challenge", {"email": email}).status_code in (400, 404), email
        assert not client.sandbox.org.inbox

    def test_a_look_up_does_not_depend_on_who_asks(self, public: Caller) -> None:
        """Sends and checks are made with the customer's address, look-ups without it."""
        caller = elsewhere(public.sandbox)
        caller.challenge()
        caller.post("/verify", {"email": ADA, "code": caller.code()})
        calls = public.sandbox.org.calls
        forwarded = [(each.path.rpartition("/")[2], each.forwarded_for) for each in calls]
        assert forwarded == [
            (ADA, None),
            ("factors", None),
            ("verify", "198.51.100.7"),
            ("verify", "198.51.100.7"),
        ]


INVENTED: tuple[tuple[str, dict[str, str]], ...] = (
    ("/api/v1/authn", {}),
    ("/api/v1/authn/previous", {}),
    ("/api/v1/authn/skip", {}),
    ("/api/v1/authn/cancel", {}),
    ("/api/v1/authn/factors", {"factorType": "question"}),
    ("/api/v1/authn/factors/emf1/verify", {}),
    ("/api/v1/authn/factors/emf1/verify", {"passCode": "123456"}),
    ("/api/v1/authn/factors/emf1/verify/resend", {}),
    ("/api/v1/authn/factors/emf1/lifecycle/activate", {"passCode": "123456"}),
    ("/api/v1/authn/factors/emf1/lifecycle/resend", {}),
)
"""Steps of a sign-in."""


class TestUsingUpOktasLimits:
    def test_invented_state_tokens_cost_their_source(self, public: Caller) -> None:
        attacker = elsewhere(public.sandbox)
        told = []
        for number in range(150):
            path, body = INVENTED[number % len(INVENTED)]
            told.append(outcome(attacker.post(path, {"stateToken": f"00invented{number}", **body})))
        assert told == [DEAD_TOKEN] * 20 + [(429, "E0000047")] * 130
        assert len(public.sandbox.org.calls) == 20
        assert outcome(SignIn(public).post("/cancel"))[0] == 200

    def test_look_ups_of_strangers_cost_a_send(self, public: Caller) -> None:
        attacker = elsewhere(public.sandbox)
        told = [
            attacker.post("/challenge", {"email": f"nobody-{number}@example.com"}).status_code
            for number in range(62)
        ]
        assert told == [202] * 60 + [429] * 2

    def test_a_source_is_not_what_the_caller_says(self, small_budgets: Sandbox) -> None:
        told = []
        for number in range(4):
            forged = f"203.0.113.{number}"
            headers = {"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"}
            caller = Caller(small_budgets, {"X-Sandbox-Source-Ip": "198.51.100.7", **headers})
            told.append(caller.post("/challenge", {"email": f"n{number}@example.com"}).status_code)
        assert told == [202] * 3 + [429]

    def test_an_ipv6_subscriber_is_one_source(self, small_budgets: Sandbox) -> None:
        body = {"email": "nobody@example.com", "code": "000000"}
        told = []
        for number in range(4):
            caller = Caller(small_budgets, {"X-Sandbox-Source-Ip": f"2001:db8:1:2::{number:x}"})
            told.append(caller.post("/verify", body).status_code)
        assert told == [404] * 3 + [429]
        neighbour = Caller(small_budgets, {"X-Sandbox-Source-Ip": "2001:db8:1:3::1"})
        assert neighbour.post("/verify", body).status_code == 404


class TestClientKeys:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/auth/factors/enroll", {"type": "totp", "totp_user": ADA}),
            ("POST", "/auth/factors/enroll", {"type": "sms", "phone_number": ADA_PHONE}),
            ("GET", "/auth/factors/auth_factor_x", None),
            ("DELETE", "/auth/factors/auth_factor_x", None),
            ("POST", "/customers", {"profile": {}}),
            ("DELETE", "/customers/00u1/devices", None),
            ("GET", f"/holds/{ADA}", None),
        ],
    )
    def test_a_key_does_what_its_scopes_say_and_no_more(
        self, sandbox: Sandbox, method: str, path: str, body: object
    ) -> None:
        headers = shop(sandbox).headers
        told = requests.request(method, sandbox.url + path, json=body, headers=headers, timeout=30)
        assert (told.status_code, told.json()["code"]) == (403, "forbidden")
        assert not sandbox.org.calls

    def test_changes_have_a_budget(self, small_budgets: Sandbox) -> None:
        client = Caller(small_budgets, {"Authorization": f"Bearer {CLIENT_KEY}"})
        totp = {"type": "totp", "totp_user": GRACE}
        told = [client.post("/auth/factors/enroll", totp).status_code for _ in range(3)]
        assert told == [201] * 3
        seen = len(small_budgets.org.calls)
        assert client.post("/auth/factors/enroll", totp).status_code == 429
        assert client.delete("/auth/factors/auth_factor_x").status_code == 429
        assert client.delete("/customers/00u1/devices").status_code == 429
        assert client.post("/customers", registration("new@example.com")).status_code == 429
        assert len(small_budgets.org.calls) == seen

    @pytest.mark.parametrize("login", [ADA, "ADA@example.com", "ceo@example.com", "ceo@"])
    def test_a_registration_does_not_take_the_address_of_somebody_else(
        self, client: Caller, login: str
    ) -> None:
        wanted = registration("new@example.com", login=login)
        assert code_of(client.post("/customers", wanted)) == "malformed_body"
        assert not client.sandbox.org.calls


def registration(email: str, **profile: str) -> dict[str, Any]:
    """The body of a registration."""
    return {"profile": {"firstName": "A", "lastName": "B", "email": email, **profile}}


class TestFillingTheTableAndThePhone:
    def test_refused_calls_with_an_idempotency_key_leave_no_row(
        self, small_budgets: Sandbox
    ) -> None:
        attacker = elsewhere(small_budgets)
        for number in range(4):
            attacker.post("/challenge", {"email": f"nobody-{number}@example.com"})
        small_budgets.settle()
        before = rows(small_budgets)
        for number in range(20):
            told = attacker.post("/challenge", {"email": ADA}, Idempotency_Key=f"key-{number}")
            assert told.status_code == 429
        assert rows(small_budgets) == before

    def test_a_phone_gets_twenty_codes_a_day_over_all_users(self, client: Caller) -> None:
        assert use_up_phone(client) == 20
        assert code_of(client.post("/challenge", {"email": MARY, "channel": "sms"})) == (
            "send_limited"
        )
        client.sandbox.advance += 86401
        client.challenge(channel="sms")

    def test_enrollments_in_sign_ins_count_for_the_phone_too(
        self, client: Caller, public: Caller
    ) -> None:
        waiting = SignIn(public, "eve@example.com", EVE_PASSWORD)
        sms = {"factorType": "sms", "provider": "OKTA"}
        enrolled = waiting.post("/factors", **sms, profile={"phoneNumber": ADA_PHONE})
        assert outcome(enrolled) == (200, "MFA_ENROLL_ACTIVATE")
        factor_id = enrolled.json()["_embedded"]["factor"]["id"]
        public.sandbox.advance += WAIT
        assert use_up_phone(client) == 19
        began = SignIn(public, "eve@example.com", EVE_PASSWORD)
        for spelling in (ADA_PHONE, "+1 (500) 555-0006", "1-500-555-0006"):
            told = began.post("/factors", **sms, profile={"phoneNumber": spelling})
            assert outcome(told) == LIMITED, spelling
        assert len(public.sandbox.org.inbox.to(ADA_PHONE)) == 20
        waiting.post(f"/factors/{factor_id}/lifecycle/resend")
        assert len(public.sandbox.org.inbox.to(ADA_PHONE)) == 20

    def test_made_up_factors_in_a_sign_in_leave_nothing_on_the_customers_row(
        self, client: Caller
    ) -> None:
        sign_in = SignIn(client)
        for number in range(19):  # a sign-in has sixty steps
            path = f"/factors/made-up-{number}"
            assert outcome(sign_in.post(f"{path}/verify")) == (404, "E0000007")
            assert outcome(sign_in.post(f"{path}/verify/resend")) == (404, "E0000007")
            assert outcome(sign_in.post(f"{path}/verify", passCode="123456")) == (404, "E0000007")
        assert "made-up" not in json.dumps(rows(client.sandbox))


def use_up_phone(client: Caller) -> int:
    """Have codes sent to ada's phone, through three users who share it, until no more are sent."""
    emails = [ADA, GRACE, MARY]
    for email in emails[1:]:
        customer = user(client.sandbox, email)
        client.sandbox.org.directory.add_factor(customer, FactorType.SMS, ADA_PHONE)
    sent = 0
    while True:
        client.sandbox.advance += 300
        body = {"email": emails[sent % len(emails)], "channel": "sms"}
        if client.post("/challenge", body).status_code != 202:
            return sent
        sent += 1


def rows(sandbox: Sandbox) -> list[Any]:
    """The content of the table."""
    found: list[Any] = sandbox.aws.client("dynamodb").scan(TableName=TABLE)["Items"]
    return found
