"""Attacks on the service, each carried out as an attacker would: none of them succeeds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.e2e.conftest import ADA, GRACE, WAIT, Caller, code_of, elsewhere, user
from tests.e2e.receipts import shop
from tests.e2e.sign_in import DEAD_TOKEN, LIMITED, SignIn, outcome
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_PHONE, EVE_PASSWORD, MARY_OLD_EMAIL

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.in_process

EVE, MARY = "eve@example.com", "mary@example.com"
REFUND = {"purpose": "refund", "reference": "order-1001"}
HOUR, DAY = 3600, 86400


def guess(caller: Caller, times: int = 1) -> list[str]:
    """Try a wrong code for ada's newest challenge, so many times; the outcomes."""
    body = {"email": ADA, "code": caller.wrong_code()}
    return [code_of(caller.post("/verify", body)) for _ in range(times)]


def verify_as_mfa(caller: Caller, challenge_id: str, code: str) -> requests.Response:
    """Verify a challenge in the MFA dialect, with that dialect's prefix."""
    opaque = challenge_id.removeprefix("ch_")
    return caller.post(f"/auth/challenges/auth_challenge_{opaque}/verify", {"code": code})


def rows(sandbox: Any) -> list[Any]:
    """The content of the table."""
    return list(sandbox.store.rows.values())


class TestLockingACustomerOut:
    def test_guesses_beside_a_release_do_not_reach_okta(
        self, public: Caller, client: Caller
    ) -> None:
        client.challenge()
        assert guess(client) == ["invalid_code"]
        public.sandbox.advance += WAIT
        public.challenge()
        assert guess(public, 2) == ["invalid_code"] * 2
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
        code, sign_in = client.code(), SignIn(client)
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
        for tried in {code, client.code()}:
            assert outcome(sign_in.verify("email", passCode=tried)) == (403, "E0000068")
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
        for tried in (code, client.code()):
            assert outcome(sign_in.verify("email", passCode=tried)) == (403, "E0000068")


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

    @pytest.mark.parametrize("is_release", [False, True], ids=["challenge", "release"])
    def test_a_challenge_of_a_client_convinces_no_other_client_and_no_other_dialect(
        self, public: Caller, client: Caller, is_release: bool
    ) -> None:
        """A release may be verified by whoever has its id, but not by another client."""
        challenge = client.challenge(GRACE, release_hold=is_release)
        body = {"challenge_id": challenge["challenge_id"], "code": client.code(GRACE)}
        assert code_of(shop(public.sandbox).post("/verify", body)) == "challenge_not_found"
        assert verify_as_mfa(client, **body).status_code == 404
        assert verify_as_mfa(public, **body).status_code == 401
        if not is_release:
            assert code_of(public.post("/verify", body)) == "challenge_not_found"
        assert code_of(client.post("/verify", {**body, "email": ADA})) == "challenge_not_found"
        told = client.post("/verify", {**body, "email": GRACE}).json()
        assert told["customer_id"] == user(public.sandbox, GRACE).id

    def test_a_challenge_of_the_mfa_dialect_is_verified_in_no_other(self, client: Caller) -> None:
        sms = {"type": "sms", "phone_number": ADA_PHONE, "user_id": ADA}
        factor = client.post("/auth/factors/enroll", sms).json()
        started = client.post(f"/auth/factors/{factor['id']}/challenge", {}).json()
        challenge_id = "ch_" + started["id"].removeprefix("auth_challenge_")
        body = {"challenge_id": challenge_id, "code": client.code(ADA_PHONE)}
        assert code_of(client.post("/verify", body)) == "challenge_not_found"
        assert verify_as_mfa(client, **body).json()["valid"] is True


class TestAnotherMailbox:
    def test_a_code_goes_to_the_address_in_the_profile_or_nowhere(
        self, client: Caller, public: Caller
    ) -> None:
        assert code_of(client.post("/challenge", {"email": MARY})) == "factor_not_enrolled"
        assert code_of(client.post("/challenge", {"email": MARY_OLD_EMAIL})) == "customer_not_found"
        public.challenge(MARY)
        public.challenge(MARY_OLD_EMAIL)
        assert not public.sandbox.org.inbox

    def test_a_factor_whose_address_has_left_the_profile_is_sent_no_code(
        self, client: Caller
    ) -> None:
        enrolled = client.post("/auth/factors/enroll", {"type": "email", "email": GRACE}).json()
        user(client.sandbox, GRACE).email = "grace.new@example.com"
        told = client.post(f"/auth/factors/{enrolled['id']}/challenge", {})
        assert (told.status_code, told.json().get("code")) == (404, "entity_not_found")
        assert not client.sandbox.org.inbox

    def test_a_login_that_is_another_address_proves_nothing(self, client: Caller) -> None:
        ada, eve = user(client.sandbox), user(client.sandbox, EVE)
        eve.email = "attacker@example.com"
        client.sandbox.org.directory.add_factor(eve, FactorType.EMAIL, eve.email)
        ada.email, ada.status = "ada.new@example.com", UserStatus.ACTIVE
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
        assert [(each.path.rpartition("/")[2], each.forwarded_for) for each in calls] == [
            (ADA, None),
            ("factors", None),
            ("verify", "198.51.0.7"),
            ("verify", "198.51.0.7"),
        ]


INVENTED: tuple[tuple[str, dict[str, str]], ...] = (
    ("", {}),
    ("/previous", {}),
    ("/skip", {}),
    ("/cancel", {}),
    ("/factors", {"factorType": "question"}),
    ("/factors/emf1/verify", {}),
    ("/factors/emf1/verify", {"passCode": "123456"}),
    ("/factors/emf1/verify/resend", {}),
    ("/factors/emf1/lifecycle/activate", {"passCode": "123456"}),
    ("/factors/emf1/lifecycle/resend", {}),
)
"""Steps of a sign-in."""


class TestUsingUpOktasLimits:
    def test_invented_state_tokens_cost_their_source(self, public: Caller) -> None:
        attacker, told = elsewhere(public.sandbox), []
        for number in range(150):
            path, body = INVENTED[number % len(INVENTED)]
            body = {"stateToken": f"00invented{number}", **body}
            told.append(outcome(attacker.post(f"/api/v1/authn{path}", body)))
        assert told == [DEAD_TOKEN] * 20 + [LIMITED] * 130
        assert len(public.sandbox.org.calls) == 20
        assert outcome(SignIn(public).post("/cancel"))[0] == 200

    def test_look_ups_cost_the_source_which_is_not_what_the_caller_says(
        self, small_budgets: Sandbox
    ) -> None:
        told = []
        for number in range(4):
            forged = f"203.0.113.{number}"
            headers = {"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"}
            caller = Caller(small_budgets, {**elsewhere(small_budgets).headers, **headers})
            told.append(caller.post("/challenge", {"email": f"n{number}@example.com"}).status_code)
        assert told == [202] * 3 + [429]

    def test_an_ipv6_subscriber_is_one_source(self, small_budgets: Sandbox) -> None:
        def guess_at(address: str) -> int:
            body = {"email": "nobody@example.com", "code": "000000"}
            caller = Caller(small_budgets, {"X-Sandbox-Source-Ip": address})
            return caller.post("/verify", body).status_code

        told = [guess_at(f"2001:db8:1:2::{number:x}") for number in range(4)]
        assert told == [404] * 3 + [429]
        assert guess_at("2001:db8:1:3::1") == 404


class TestClientKeys:
    def test_a_key_does_what_its_scopes_say_and_no_more(self, sandbox: Sandbox) -> None:
        caller = shop(sandbox)
        for response in (
            caller.post("/auth/factors/enroll", {"type": "totp", "totp_user": ADA}),
            caller.post("/auth/factors/enroll", {"type": "sms", "phone_number": ADA_PHONE}),
            caller.get("/auth/factors/auth_factor_x"),
            caller.delete("/auth/factors/auth_factor_x"),
            caller.post("/customers", {"profile": {}}),
            caller.delete("/customers/00u1/devices"),
            caller.get(f"/holds/{ADA}"),
        ):
            assert (response.status_code, code_of(response)) == (403, "forbidden"), response.url
        assert not sandbox.org.calls

    def test_changes_have_a_budget(self, small_budgets: Sandbox) -> None:
        client = Caller(small_budgets, {"Authorization": f"Bearer {CLIENT_KEY}"})
        totp = {"type": "totp", "totp_user": GRACE}
        told = [client.post("/auth/factors/enroll", totp).status_code for _ in range(4)]
        assert told == [201] * 3 + [429]
        seen = len(small_budgets.org.calls)
        assert client.delete("/auth/factors/auth_factor_x").status_code == 429
        assert client.delete("/customers/00u1/devices").status_code == 429
        assert client.post("/customers", registration()).status_code == 429
        assert len(small_budgets.org.calls) == seen

    def test_a_registration_does_not_take_the_address_of_somebody_else(
        self, client: Caller
    ) -> None:
        for login in (ADA, "ADA@example.com", "ceo@example.com", "ceo@"):
            told = client.post("/customers", registration(login=login))
            assert code_of(told) == "malformed_body", login
        assert not client.sandbox.org.calls


def registration(**profile: str) -> dict[str, Any]:
    """The body of a registration."""
    new = {"firstName": "A", "lastName": "B", "email": "new@example.com"}
    return {"profile": {**new, **profile}}


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
        begin_a_day(client.sandbox)
        assert use_up_phone(client) == 20
        told = client.post("/challenge", {"email": MARY, "channel": "sms"})
        assert code_of(told) == "send_limited"
        begin_a_day(client.sandbox)
        client.challenge(channel="sms")

    def test_enrollments_in_sign_ins_count_for_the_phone_too(
        self, client: Caller, public: Caller
    ) -> None:
        begin_a_day(client.sandbox)
        waiting = SignIn(public, EVE, EVE_PASSWORD)
        sms = {"factorType": "sms", "provider": "OKTA"}
        enrolled = waiting.post("/factors", **sms, profile={"phoneNumber": ADA_PHONE})
        assert outcome(enrolled) == (200, "MFA_ENROLL_ACTIVATE")
        factor_id = enrolled.json()["_embedded"]["factor"]["id"]
        public.sandbox.advance += WAIT
        assert use_up_phone(client) == 19
        began = SignIn(public, EVE, EVE_PASSWORD)
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
        for number in range(5):
            path = f"/factors/made-up-{number}"
            assert outcome(sign_in.post(f"{path}/verify")) == (404, "E0000007")
            assert outcome(sign_in.post(f"{path}/verify/resend")) == (404, "E0000007")
            assert outcome(sign_in.post(f"{path}/verify", passCode="123456")) == (404, "E0000007")
        assert "made-up" not in json.dumps(rows(client.sandbox))


def begin_a_day(sandbox: Sandbox) -> None:
    """Advance to the next day of the clock, in which the sends to a destination are counted."""
    sandbox.advance += DAY - sandbox.now() % DAY


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
