"""What limits a sign-in: passwords, codes that are sent, and the customer's wrong codes in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
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
    enroll_app,
    must_enrol,
    outcome,
)
from tests.sandbox.okta.seed import ADA_PASSWORD

if TYPE_CHECKING:
    from tests.sandbox.okta.records import User
    from tests.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.in_process

RIGHT_PASSWORD = (200, "MFA_REQUIRED")
WAIT = 31


def elsewhere(sandbox: Sandbox, number: int) -> Caller:
    """A public caller at a source address of its own."""
    return Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.100.{number}"})


def begun_at_okta(sandbox: Sandbox) -> str:
    """The token of a sign-in of ada's that began at Okta itself."""
    body = {"username": ADA, "password": ADA_PASSWORD}
    begun = requests.post(f"{sandbox.okta_url}/api/v1/authn", json=body, timeout=30)
    token: str = begun.json()["stateToken"]
    return token


def ada_in(sandbox: Sandbox) -> User:
    """Ada as Okta has her."""
    ada = sandbox.org.directory.find_login(ADA)
    assert ada is not None
    return ada


def asked_about_passwords(sandbox: Sandbox) -> int:
    """How many sign-ins Okta was asked to begin; whether it answers at all is asked for nobody."""
    return sum(
        call.path == "/api/v1/authn" and "X-Forwarded-For" in call.headers
        for call in sandbox.org.calls
    )


class TestPasswords:
    def test_okta_never_sees_the_fifth_in_a_row_however_long_it_goes_on(
        self, sandbox: Sandbox, client: Caller
    ) -> None:
        """All spellings of a login that Okta knows are one."""
        spellings = (
            ADA,
            "\u00e0da@example.com",
            "\u00e1da@EXAMPLE.com",
            "a\u0301\u0323da@example.com",
            "  \uff41da@example.com\u00a0",
            "ada\u200b@example.com",
            "a\u20ddda@example.com",
            "ada",
            "\u00e0DA",
        )
        for number, username in enumerate(spellings):
            begin(elsewhere(sandbox, number), username, "x")
            begin(client, username, "x")
            sandbox.advance += 1801
        assert ada_in(sandbox).failed_passwords == 4
        for username in spellings:
            assert outcome(begin(client, username)) == LIMITED
        sandbox.advance += 3601
        assert "X-Device-Token" in begin(client).json()["errorSummary"]

    @pytest.mark.parametrize("username", ["me", "..", "ada/x"])
    def test_okta_is_not_asked_about_a_short_login_that_cannot_be_looked_up(
        self, client: Caller, username: str
    ) -> None:
        for _ in range(6):
            assert outcome(begin(client, username, "x")) == WRONG_PASSWORD
        assert asked_about_passwords(client.sandbox) == 0

    def test_a_users_id_is_no_login(self, client: Caller) -> None:
        assert outcome(begin(client, ada_in(client.sandbox).id)) == WRONG_PASSWORD

    def test_a_short_login_signs_in(self, public: Caller) -> None:
        assert outcome(begin(public, "ada")) == RIGHT_PASSWORD
        assert outcome(begin(public, "grace.hopper", "x")) == WRONG_PASSWORD

    def test_wrong_passwords_and_codes_of_a_source_are_one_budget(
        self, small_budgets: Sandbox
    ) -> None:
        source = elsewhere(small_budgets, 1)
        sign_in = SignIn(source)
        assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        for name in ("user-1", "user-2"):
            assert outcome(begin(source, f"{name}@example.com", "x")) == WRONG_PASSWORD
        for response in (
            begin(source),
            sign_in.verify(TOTP, passCode=WRONG),
            sign_in.verify("email"),
            source.post("/verify", {"email": ADA, "otp": "000000"}),
        ):
            assert response.status_code == 429
        assert outcome(begin(elsewhere(small_budgets, 2))) == RIGHT_PASSWORD

    def test_right_ones_and_those_that_okta_has_not_seen_use_nothing_up(
        self, client: Caller
    ) -> None:
        client.sandbox.org.faults.add("authn", "rate_limited", 6)
        for _ in range(6):
            assert outcome(begin(client, password="x")) == LIMITED
        for password in ["x"] * 3 + [ADA_PASSWORD] * 8 + ["x"]:
            client.sandbox.advance += 1
            begin(client, password=password)
        assert outcome(begin(client, password="x")) == WRONG_PASSWORD
        assert outcome(begin(client, password="x")) == LIMITED


class TestCodes:
    def test_three_in_public_sign_ins_hold_strangers_and_the_fourth_is_a_clients(
        self, public: Caller, client: Caller
    ) -> None:
        sign_in = SignIn(public)
        tried = [outcome(sign_in.verify(TOTP, passCode=WRONG)) for _ in range(3)]
        assert tried == [WRONG_CODE] * 3
        for response in (
            sign_in.verify(TOTP, **sign_in.proof(TOTP)),
            sign_in.verify("question", **sign_in.proof("question")),
            sign_in.verify("email"),
            sign_in.resend("sms"),
        ):
            assert outcome(response) == LIMITED
        assert not public.sandbox.org.inbox
        assert attempts_remaining(client) == 1
        of_client = SignIn(client)
        assert outcome(of_client.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(of_client.verify(TOTP, **of_client.proof(TOTP))) == LIMITED
        assert ada_in(public.sandbox).most_failed_factor_attempts == 4

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
        public.sandbox.advance += WAIT
        factor = client.post("/auth/factors/enroll", sms).json()
        started = client.post(f"/auth/factors/{factor['id']}/challenge", {}).json()
        path = f"/auth/challenges/{started['id']}/verify"
        wrong = client.wrong_code("+15005550006")
        assert client.post(path, {"code": wrong}).json()["valid"] is False
        assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == LIMITED
        assert attempts_remaining(client) == 1
        assert ada_in(public.sandbox).most_failed_factor_attempts == 3

    def test_a_code_of_another_sign_in_or_challenge_does_not_sign_in(self, client: Caller) -> None:
        first, second = SignIn(client), SignIn(client)
        first.verify("email")
        assert outcome(second.verify("email", passCode=client.code())) == WRONG_CODE
        client.sandbox.advance += WAIT
        client.challenge(purpose="pick-up")
        assert outcome(first.verify("email", passCode=client.code())) == WRONG_CODE
        client.sandbox.advance += WAIT
        assert outcome(first.resend("email")) == (200, "MFA_CHALLENGE")
        assert outcome(first.verify("email", passCode=client.code())) == (200, "SUCCESS")

    def test_a_code_of_a_sign_in_verifies_nothing_else(self, client: Caller) -> None:
        challenge = client.challenge()
        client.sandbox.advance += WAIT
        sign_in = SignIn(client)
        sign_in.verify("email")
        seen = client.verifies_seen_by_okta()
        body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
        assert client.post("/verify", body).json()["code"] == "challenge_expired"
        assert client.get("/verify", email=ADA, otp=client.code()).status_code == 410
        assert client.verifies_seen_by_okta() == seen
        assert outcome(sign_in.verify("email", **sign_in.proof("email"))) == (200, "SUCCESS")

    def test_a_success_forgets_those_before_it_and_a_right_password_none(
        self, client: Caller
    ) -> None:
        for _ in range(3):
            SignIn(client).verify(TOTP, passCode=WRONG)
        assert attempts_remaining(client) == 1
        sign_in = SignIn(client)
        assert outcome(sign_in.verify("question", **sign_in.proof("question"))) == (200, "SUCCESS")
        assert attempts_remaining(client) == 4

    def test_those_of_an_activation_count_and_its_right_one_forgets_none(
        self, client: Caller
    ) -> None:
        must_enrol(client.sandbox)
        alan = SignIn(client, "alan@example.com")
        app = enroll_app(alan)
        path = f"/factors/{app.factor_id}/lifecycle/activate"
        for _ in range(3):
            assert outcome(alan.post(path, passCode=WRONG)) == WRONG_CODE
        assert outcome(alan.post(path, passCode=app.code())) == (200, "SUCCESS")
        again = SignIn(client, "alan@example.com")
        assert outcome(again.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(again.verify(TOTP, passCode=WRONG)) == LIMITED

    def test_what_okta_has_not_compared_is_not_counted(self, client: Caller) -> None:
        sign_in = SignIn(client)
        for _ in range(5):
            made_up = sign_in.post("/factors/emf1/verify", passCode=WRONG)
            assert outcome(made_up) == (404, "E0000007")
        sign_in.verify("sms")
        for _ in range(5):
            assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == (403, "E0000079")
        assert attempts_remaining(client) == 4

    def test_a_sign_in_that_began_at_okta_is_guarded_too(self, public: Caller) -> None:
        here, there = SignIn(public), SignIn(public)
        there.token = begun_at_okta(public.sandbox)
        for sign_in in (here, there, here):
            assert outcome(sign_in.verify(TOTP, passCode=WRONG)) == WRONG_CODE
        assert outcome(there.verify(TOTP, **there.proof(TOTP))) == LIMITED
        assert outcome(there.verify("email")) == LIMITED

    def test_a_sign_in_that_went_on_at_okta_can_use_each_of_its_factors(
        self, client: Caller
    ) -> None:
        sign_in = SignIn(client)
        sign_in.token = begun_at_okta(client.sandbox)
        url = f"{client.sandbox.okta_url}/api/v1/authn"
        body = {"stateToken": sign_in.token}
        requests.post(f"{url}/factors/{sign_in.factor('sms')}/verify", json=body, timeout=30)
        assert outcome(sign_in.verify("sms", passCode=WRONG)) == WRONG_CODE
        requests.post(f"{url}/previous", json=body, timeout=30)
        assert outcome(sign_in.verify("question", **sign_in.proof("question"))) == (200, "SUCCESS")


class TestSends:
    def test_one_in_thirty_seconds_on_each_channel_over_all_sign_ins(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("email")
        for response in (
            sign_in.verify("email"),
            sign_in.resend("email"),
            SignIn(public).verify("email"),
        ):
            assert outcome(response) == LIMITED
            assert 0 < int(response.headers["Retry-After"]) <= 30
        assert len(public.sandbox.org.inbox) == 1
