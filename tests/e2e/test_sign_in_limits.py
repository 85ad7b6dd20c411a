"""What limits a sign-in: passwords, codes sent and codes tried, the last two with all dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from tests.e2e.conftest import Caller
from tests.e2e.sign_in import (
    ADA,
    LIMITED,
    TOTP,
    WRONG,
    WRONG_CODE,
    WRONG_PASSWORD,
    SignIn,
    attempts_remaining,
    begin,
    enrol_app,
    must_enrol,
    outcome,
)
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.okta.seed import ADA_PASSWORD

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

RIGHT_PASSWORD = (200, "MFA_REQUIRED")


def elsewhere(sandbox: Sandbox, number: int) -> Caller:
    """Somebody at a source address of their own."""
    return Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.100.{number}"})


def begun_at_okta(sandbox: Sandbox) -> str:
    """The token of a sign-in of ada's that this service has not seen begin."""
    body = {"username": ADA, "password": ADA_PASSWORD}
    begun = requests.post(f"{sandbox.okta_url}/api/v1/authn", json=body, timeout=30)
    token: str = begun.json()["stateToken"]
    return token


def is_held(client: Caller) -> bool:
    """Whether another dialect sends ada no code."""
    client.sandbox.advance += 31
    response = client.post("/challenge", {"email": ADA})
    return response.status_code == 429 and response.json()["code"] == "attempts_held"


class TestPasswords:
    def test_five_wrong_ones_an_hour_for_one_username_wherever_they_come_from(
        self, sandbox: Sandbox
    ) -> None:
        for number in range(5):
            assert outcome(begin(elsewhere(sandbox, number), password="x")) == WRONG_PASSWORD
        seen = len(sandbox.org.calls)
        limited = begin(elsewhere(sandbox, 9))
        assert outcome(limited) == LIMITED
        assert 3500 < int(limited.headers["Retry-After"]) <= 3600
        assert outcome(begin(Caller(sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"}))) == LIMITED
        assert len(sandbox.org.calls) == seen
        sandbox.advance += 3601
        assert outcome(begin(elsewhere(sandbox, 9))) == RIGHT_PASSWORD

    def test_another_spelling_of_a_username_is_no_other_username(self, client: Caller) -> None:
        spellings = (ADA, "ADA@Example.com", "  ada@example.com\u00a0", "\uff41da@example.com")
        for username in (*spellings, ADA):
            assert outcome(begin(client, username, "x")) == WRONG_PASSWORD
            client.sandbox.advance += 1
        assert [outcome(begin(client, username)) for username in spellings] == [LIMITED] * 4

    def test_nobody_has_the_same_budget(self, client: Caller) -> None:
        for _ in range(5):
            assert outcome(begin(client, "nobody@example.com", "x")) == WRONG_PASSWORD
            client.sandbox.advance += 1
        assert outcome(begin(client, "nobody@example.com", "x")) == LIMITED

    def test_one_source_has_a_budget_over_all_usernames(self, small_budgets: Sandbox) -> None:
        source = elsewhere(small_budgets, 1)
        tried = [outcome(begin(source, f"user-{n}@example.com", "x")) for n in range(4)]
        assert tried == [WRONG_PASSWORD] * 3 + [LIMITED]
        assert outcome(begin(source)) == LIMITED
        assert outcome(begin(elsewhere(small_budgets, 2))) == RIGHT_PASSWORD

    def test_wrong_codes_and_wrong_passwords_of_a_source_are_one_budget(
        self, small_budgets: Sandbox
    ) -> None:
        source = elsewhere(small_budgets, 1)
        sign_in = SignIn(source)
        for _ in range(2):
            sign_in.verify(TOTP, passCode=WRONG)
        assert outcome(begin(source, password="x")) == WRONG_PASSWORD
        for response in (
            begin(source),
            sign_in.verify(TOTP, passCode=WRONG),
            sign_in.verify("email"),
            source.post("/verify", {"email": ADA, "otp": "000000"}),
        ):
            assert response.status_code == 429

    def test_right_ones_use_nothing_up(self, client: Caller) -> None:
        for password in ["x"] * 4 + [ADA_PASSWORD] * 8:
            client.sandbox.advance += 1
            begin(client, password=password)
        assert outcome(begin(client, password="x")) == WRONG_PASSWORD
        assert outcome(begin(client, password="x")) == LIMITED

    def test_what_okta_has_not_seen_uses_nothing_up(self, client: Caller) -> None:
        client.sandbox.org.faults.add("authn", "rate_limited", 6)
        for _ in range(6):
            assert outcome(begin(client, password="x")) == LIMITED
        assert outcome(begin(client)) == RIGHT_PASSWORD

    def test_many_at_once_are_no_more_than_in_turn(self, sandbox: Sandbox) -> None:
        caller = elsewhere(sandbox, 1)
        tried = caller.at_once(8, lambda: begin(caller, password="x"))
        assert sum(outcome(each) == WRONG_PASSWORD for each in tried) <= 5
        ada = sandbox.org.directory.find_login(ADA)
        assert ada is not None
        assert ada.failed_passwords <= 5


class TestCodes:
    def test_four_in_a_sign_in_and_one_at_verify_the_fifth_is_not_forwarded(
        self, public: Caller
    ) -> None:
        challenge = public.challenge()
        sign_in = SignIn(public)
        for _ in range(4):
            assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
        assert public.post("/verify", body).json()["code"] == "attempts_held"
        assert public.verifies_seen_by_okta(403) == 4
        assert public.status_in_okta(ADA) == "ACTIVE"

    def test_a_code_that_was_sent_for_something_else_does_not_sign_in(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("email")
        public.sandbox.advance += 31
        public.challenge(purpose="pick-up")
        refused = sign_in.verify("email", passCode=public.code())
        assert outcome(refused) == WRONG_CODE
        assert public.verifies_seen_by_okta() == 2
        public.sandbox.advance += 31
        assert outcome(sign_in.resend("email")) == (200, "MFA_CHALLENGE")
        assert outcome(sign_in.verify("email", passCode=public.code())) == (200, "SUCCESS")

    def test_a_code_of_another_sign_in_does_not_sign_in(self, public: Caller) -> None:
        first, second = SignIn(public), SignIn(public)
        first.verify("email")
        assert outcome(second.verify("email", passCode=public.code())) == WRONG_CODE
        assert outcome(first.verify("email", passCode=public.code())) == (200, "SUCCESS")

    def test_four_at_verify_and_one_in_a_sign_in_the_fifth_is_not_forwarded(
        self, public: Caller
    ) -> None:
        public.challenge()
        for _ in range(4):
            public.post("/verify", {"email": ADA, "otp": public.wrong_code()})
        sign_in = SignIn(public)
        held = sign_in.verify(TOTP, **sign_in.proof(TOTP))
        assert outcome(held) == LIMITED
        assert 86000 < int(held.headers["Retry-After"]) <= 86400
        for response in (
            sign_in.verify("question", **sign_in.proof("question")),
            sign_in.verify("email"),
            sign_in.resend("sms"),
        ):
            assert outcome(response) == LIMITED
        assert public.verifies_seen_by_okta(403) == 4
        assert len(public.sandbox.org.inbox) == 1

    def test_they_are_counted_over_all_factors_sign_ins_sources_and_dialects(
        self, client: Caller, public: Caller
    ) -> None:
        sign_in = SignIn(public)
        assert outcome(sign_in.verify("question", answer="custard")) == WRONG_CODE
        other = SignIn(elsewhere(public.sandbox, 7))
        other.verify("email")
        assert outcome(other.verify("email", passCode=WRONG)) == WRONG_CODE
        assert attempts_remaining(client) == 2
        sms = {"type": "sms", "phone_number": "+15005550006", "user_id": ADA}
        public.sandbox.advance += 31
        factor = client.post("/auth/factors/enroll", sms).json()
        started = client.post(f"/auth/factors/{factor['id']}/challenge", {}).json()
        path = f"/auth/challenges/{started['id']}/verify"
        wrong = client.wrong_code("+15005550006")
        assert client.post(path, {"code": wrong}).json()["valid"] is False
        assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(other.verify(TOTP, passCode=WRONG)) == LIMITED
        assert public.verifies_seen_by_okta(403) == 4
        assert public.status_in_okta(ADA) == "ACTIVE"

    def test_they_are_four_for_okta_however_many_sign_ins_try_at_once(
        self, sandbox: Sandbox
    ) -> None:
        callers = [elsewhere(sandbox, number) for number in range(3)]
        left = iter([SignIn(caller) for caller in callers] * 2)
        tried = callers[0].at_once(6, lambda: next(left).verify(TOTP, passCode=WRONG))
        assert not any(response.ok for response in tried)
        assert callers[0].verifies_seen_by_okta(403) == 4
        assert callers[0].status_in_okta(ADA) == "ACTIVE"

    def test_a_client_releases_a_hold_for_one_more(self, client: Caller, public: Caller) -> None:
        sign_in = SignIn(public)
        for _ in range(4):
            sign_in.verify(TOTP, passCode=WRONG)
        assert is_held(client)
        assert client.delete(f"/holds/{ADA}").status_code == 204
        assert outcome(sign_in.verify(TOTP, **sign_in.proof(TOTP))) == (200, "SUCCESS")
        assert attempts_remaining(client) == 4

    def test_a_success_forgets_those_before_it(self, client: Caller, public: Caller) -> None:
        sign_in = SignIn(public)
        for _ in range(3):
            sign_in.verify(TOTP, passCode=WRONG)
        assert attempts_remaining(client) == 1
        assert outcome(sign_in.verify("question", **sign_in.proof("question"))) == (200, "SUCCESS")
        assert attempts_remaining(client) == 4

    def test_a_right_password_forgets_none(self, client: Caller, public: Caller) -> None:
        SignIn(public).verify(TOTP, passCode=WRONG)
        SignIn(public)
        assert attempts_remaining(client) == 3

    def test_the_last_closes_the_challenge_that_is_open(
        self, client: Caller, public: Caller
    ) -> None:
        challenge = client.challenge()
        sign_in = SignIn(public)
        for _ in range(4):
            sign_in.verify(TOTP, passCode=WRONG)
        client.delete(f"/holds/{ADA}")
        body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
        assert client.post("/verify", body).json()["code"] == "challenge_exhausted"

    def test_those_of_an_activation_count_and_its_right_one_forgets_none(
        self, public: Caller
    ) -> None:
        must_enrol(public.sandbox)
        alan = SignIn(public, "alan@example.com")
        app = enrol_app(alan)
        path = f"/factors/{app.factor_id}/lifecycle/activate"
        for _ in range(3):
            assert outcome(alan.post(path, passCode=WRONG)) == WRONG_CODE
        assert outcome(alan.post(path, passCode=app.code())) == (200, "SUCCESS")
        again = SignIn(public, "alan@example.com")
        assert outcome(again.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(again.verify(TOTP, passCode=WRONG)) == LIMITED

    def test_what_okta_has_not_compared_is_not_counted(
        self, client: Caller, public: Caller
    ) -> None:
        sign_in = SignIn(public)
        for _ in range(5):
            assert outcome(sign_in.post("/factors/emf1/verify", passCode=WRONG)) == (
                404,
                "E0000007",
            )
        sign_in.verify("sms")
        for _ in range(5):
            assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == (403, "E0000079")
        assert attempts_remaining(client) == 4

    def test_a_sign_in_that_began_at_okta_is_guarded_too(self, public: Caller) -> None:
        here, there = SignIn(public), SignIn(public)
        there.token = begun_at_okta(public.sandbox)
        for sign_in in (here, there, here, there):
            assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(there.verify(TOTP, **there.proof(TOTP))) == LIMITED
        assert outcome(there.verify("email")) == LIMITED
        assert public.verifies_seen_by_okta(403) == 4

    def test_a_sign_in_that_began_at_okta_can_change_its_factor(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.token = begun_at_okta(public.sandbox)
        url = f"{public.sandbox.okta_url}/api/v1/authn/factors/{sign_in.factor('sms')}/verify"
        requests.post(url, json={"stateToken": sign_in.token}, timeout=30)
        assert outcome(sign_in.verify("sms", passCode=WRONG)) == WRONG_CODE
        assert outcome(sign_in.post("/previous")) == (200, "MFA_REQUIRED")
        assert outcome(sign_in.verify("question", **sign_in.proof("question"))) == (200, "SUCCESS")


class TestSends:
    def test_one_in_thirty_seconds_with_every_other_dialect(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("email")
        for response in (
            sign_in.verify("email"),
            sign_in.resend("email"),
            SignIn(public).verify("sms"),
        ):
            assert outcome(response) == LIMITED
            assert 0 < int(response.headers["Retry-After"]) <= 30
        assert public.post("/challenge", {"email": ADA}).json()["code"] == "send_limited"
        assert len(public.sandbox.org.inbox) == 1
        public.sandbox.advance += 31
        public.challenge()
        assert outcome(sign_in.resend("email")) == LIMITED

    def test_five_an_hour_with_every_other_dialect(self, public: Caller) -> None:
        for number in range(5):
            if number % 2:
                public.challenge()
            else:
                SignIn(public).verify("sms")
            public.sandbox.advance += 31
        assert outcome(SignIn(public).verify("call")) == LIMITED
        assert len(public.sandbox.org.inbox) == 5

    def test_a_customer_whose_login_is_no_email_has_one_limit_too(self, public: Caller) -> None:
        grace = public.sandbox.org.directory.find_login("grace.hopper")
        assert grace is not None
        grace.password = "Correct-Horse-8"
        sign_in = SignIn(public, "grace.hopper", password=grace.password)
        sign_in.verify("email")
        refused = public.post("/challenge", {"email": "grace@example.com"})
        assert refused.json()["code"] == "send_limited"

    def test_what_okta_did_not_send_is_not_counted(self, public: Caller) -> None:
        sign_in = SignIn(public)
        assert outcome(sign_in.post("/factors/emf1/verify")) == (404, "E0000007")
        assert outcome(sign_in.verify("email")) == (200, "MFA_CHALLENGE")

    def test_one_source_has_a_budget_over_all_customers(self, small_budgets: Sandbox) -> None:
        source = elsewhere(small_budgets, 1)
        sign_in = SignIn(source)
        for _ in range(3):
            assert outcome(sign_in.verify("email")) == (200, "MFA_CHALLENGE")
            small_budgets.advance += 31
        assert outcome(sign_in.verify("email")) == LIMITED

    def test_a_newer_code_ends_the_open_challenge(self, client: Caller, public: Caller) -> None:
        challenge = client.challenge()
        code = client.code()
        client.sandbox.advance += 31
        SignIn(public).verify("sms")
        body = {"challenge_id": challenge["challenge_id"], "code": code}
        assert client.post("/verify", body).json()["code"] == "challenge_superseded"

    def test_a_code_of_a_sign_in_verifies_nothing_else(self, client: Caller) -> None:
        sign_in = SignIn(client)
        sign_in.verify("email")
        seen = client.verifies_seen_by_okta()
        by_email = {"email": ADA, "otp": client.code()}
        assert client.post("/verify", by_email).status_code in (403, 404)
        assert client.get("/verify", email=ADA, otp=client.code()).status_code in (403, 404)
        assert client.verifies_seen_by_okta() == seen
        assert outcome(sign_in.verify("email", **sign_in.proof("email"))) == (200, "SUCCESS")
