"""How often a code is sent, what gives a send back, and how long a lookup is believed."""

from __future__ import annotations

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions, log_lines
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, Answer, OktaOrg, answer, refusal
from tests.unit.examples import NOW
from verification import policy

RESEND = policy.RESEND_SECONDS
GRACE = "grace@example.com"
LIMITED = refusal(429, "E0000047", X_Rate_Limit_Limit="600", X_Rate_Limit_Reset=str(NOW + 50))


class TestLimits:
    def test_a_second_code_within_thirty_seconds_is_refused(
        self, functions: Functions, okta: OktaOrg, clock: Clock, challenge_id: str
    ) -> None:
        clock.advance(RESEND - 1)
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (429, "send_limited")
        assert reply.json["retry_after"] == int(reply.headers["Retry-After"]) == 1
        assert okta.counts("send") == 1
        assert functions.verify(challenge_id).status == 200
        clock.advance(1)
        assert functions.post("/challenge", {"email": ADA}).status == 202

    @pytest.mark.usefixtures("challenge_id")
    def test_no_dialect_channel_or_spelling_has_a_limit_of_its_own(
        self, functions: Functions, public: Functions, okta: OktaOrg
    ) -> None:
        for reply in (
            functions.get("/challenge", ("email", ADA)),
            functions.post("/challenge", {"email": ADA, "channel": "sms"}),
            functions.post("/challenge", {"email": " ADA@Example.com "}),
            public.post("/challenge", {"email": ADA}),
        ):
            assert (reply.status, reply.code) == (429, "send_limited")
        assert okta.counts("send") == 1

    @pytest.mark.parametrize("setting", ["SENDS_PER_CLIENT_HOUR", "SENDS_PER_SOURCE_HOUR"])
    def test_a_caller_has_a_budget_whomever_it_asks_about(
        self,
        functions: Functions,
        public: Functions,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        setting: str,
    ) -> None:
        monkeypatch.setenv(setting, "2")
        caller = functions if "CLIENT" in setting else public
        for n in range(2):
            assert caller.post("/challenge", {"email": f"{n}@example.com"}).status != 429
        reply = caller.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (429, "rate_limited")
        assert int(reply.headers["Retry-After"]) == 3600
        clock.advance(3600)
        assert caller.post("/challenge", {"email": ADA}).status != 429

    def test_a_source_has_a_budget_of_wrong_codes(
        self, public: Functions, okta: OktaOrg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAILURES_PER_SOURCE_HOUR", "3")
        codes = []
        for email in (ADA, GRACE):
            okta.add(email)
            challenge_id = public.issue(email)
            codes += [public.verify(challenge_id, WRONG_CODE).code for _ in range(2)]
        assert codes == ["invalid_code"] * 3 + ["rate_limited"]
        assert okta.counts("check") == 3
        assert public.verify(challenge_id, CODE, source_ip="203.0.113.99").status == 200


class TestGivenBack:
    @pytest.mark.parametrize(
        ("what", "answers"),
        [
            ("user", [ReadTimeout()] * 2),
            ("user", [LIMITED]),
            ("user", [refusal(401, "E0000011")]),
            ("factors", [answer({})]),
            ("send", [ConnectTimeout()] * 2),
            ("send", [LIMITED]),
            ("send", [refusal(403, "E0000006")]),
            ("send", [refusal(429, "E0000118")]),
            ("send", [refusal(400, "E0000140")]),
            ("send", [refusal(403, "E0000038")]),
        ],
    )
    def test_a_code_that_certainly_was_not_sent_may_be_asked_for_at_once(
        self, functions: Functions, okta: OktaOrg, what: str, answers: list[Answer | Exception]
    ) -> None:
        okta.add(ADA)
        okta.answers_instead(what, *answers)
        assert functions.post("/challenge", {"email": ADA}).status >= 400
        assert functions.post("/challenge", {"email": ADA}).status == 202

    def test_a_call_without_time_costs_nothing(self, functions: Functions, okta: OktaOrg) -> None:
        okta.add(ADA)
        reply = functions.post("/challenge", {"email": ADA}, remaining=0.5)
        assert reply.code == "deadline_exceeded"
        assert functions.post("/challenge", {"email": ADA}).status == 202

    @pytest.mark.parametrize(
        "lost", [ReadTimeout(), answer("<html>", 503), answer({}), answer({"factorResult": "X"})]
    )
    def test_a_code_that_may_have_been_sent_counts(
        self, functions: Functions, okta: OktaOrg, lost: Answer | Exception
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", lost)
        functions.post("/challenge", {"email": ADA})
        assert functions.post("/challenge", {"email": ADA}).code == "send_limited"
        assert okta.counts("send") == 1

    def test_a_client_that_is_refused_a_customer_may_ask_again_at_once(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        assert functions.post("/challenge", {"email": ADA}).code == "customer_not_found"
        okta.add(ADA)
        assert functions.post("/challenge", {"email": ADA}).status == 202


class TestLookups:
    def test_a_customer_who_is_known_is_one_call_for_a_quarter_of_an_hour(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA)
        calls = []
        for seconds in (0, 60, 839, 1):
            clock.advance(seconds)
            okta.calls.clear()
            functions.issue()
            calls.append(len(okta.calls))
            clock.advance(RESEND)
        assert calls == [3, 1, 3, 1]

    @pytest.mark.parametrize(
        ("refused", "code"),
        [
            (refusal(403, "E0000038"), "customer_inactive"),
            (refusal(403, "E0000069"), "customer_locked"),
            (refusal(404, "E0000007"), "factor_not_enrolled"),
            (refusal(410, "E0000154"), "factor_not_active"),
            (refusal(400, "E0000098"), "invalid_phone_number"),
        ],
    )
    @pytest.mark.usefixtures("challenge_id")
    def test_a_lookup_is_dropped_as_soon_as_okta_disagrees(
        self, functions: Functions, okta: OktaOrg, clock: Clock, refused: Answer, code: str
    ) -> None:
        clock.advance(RESEND)
        okta.answers_instead("send", refused)
        assert functions.post("/challenge", {"email": ADA}).code == code
        okta.calls.clear()
        functions.issue()
        assert [okta.counts(what) for what in ("user", "factors", "send")] == [1, 1, 1]

    @pytest.mark.usefixtures("challenge_id")
    def test_so_it_is_when_a_code_is_checked(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.answers_instead("check", refusal(423, "E0000155"))
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.status, reply.code) == (409, "customer_inactive")
        clock.advance(RESEND)
        functions.issue()
        assert okta.counts("user") == 2

    def test_the_public_asks_about_nobody_once_a_minute(
        self, public: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        calls = []
        for _ in range(3):
            okta.calls.clear()
            public.issue()
            calls.append(len(okta.calls))
            clock.advance(RESEND)
        assert calls == [2, 0, 2]

    def test_a_client_is_never_told_what_was_so_a_minute_ago(
        self, functions: Functions, public: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        public.issue()
        okta.add(ADA)
        clock.advance(RESEND)
        assert functions.post("/challenge", {"email": ADA}).status == 202
        clock.advance(RESEND)
        okta.calls.clear()
        public.issue()
        assert okta.counts("send") == 1


class TestBudget:
    """Every call to the store is a few milliseconds of somebody's wait, and is paid for."""

    @staticmethod
    def calls(capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
        line = log_lines(capsys)[-1]
        return line["store_calls"], line["okta_calls"]

    def test_a_client_s_resend(
        self,
        functions: Functions,
        okta: OktaOrg,
        clock: Clock,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        okta.add(ADA)
        functions.issue()
        store, okta_calls = self.calls(capsys)
        assert (store <= 5, okta_calls) == (True, 3)
        clock.advance(RESEND)
        functions.issue()
        store, okta_calls = self.calls(capsys)
        assert (store <= 3, okta_calls) == (True, 1)

    @pytest.mark.parametrize(
        ("by", "code", "expected"),
        [
            ("id", CODE, (2, 1)),
            ("email", CODE, (3, 1)),
            ("id", WRONG_CODE, (2, 1)),
            ("email", WRONG_CODE, (3, 1)),
        ],
    )
    def test_a_client_s_verification(
        self,
        functions: Functions,
        okta: OktaOrg,
        capsys: pytest.CaptureFixture[str],
        by: str,
        code: str,
        expected: tuple[int, int],
    ) -> None:
        okta.add(ADA)
        bodies = {"id": {"challenge_id": functions.issue(), "code": code}}
        bodies["email"] = {"email": ADA, "otp": code}
        assert functions.post("/verify", bodies[by]).status in (200, 403)
        assert self.calls(capsys) == expected

    @pytest.mark.parametrize("by", ["id", "email"])
    def test_the_public_s_verification(
        self, public: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str], by: str
    ) -> None:
        """It has a budget of wrong codes to be looked at, in the same call as the email."""
        okta.add(ADA)
        bodies = {"id": {"challenge_id": public.issue(), "code": CODE}}
        bodies["email"] = {"email": ADA, "otp": CODE}
        assert public.post("/verify", bodies[by]).status == 200
        assert self.calls(capsys) == (3, 1)
