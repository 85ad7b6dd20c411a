"""A caller without a key: how long it waits, and what an operator sees of it."""

from __future__ import annotations

import pytest

from tests.integration.canaries import EMAIL, IDEMPOTENCY_KEY, LOCALE, USER_AGENT, leaks
from tests.integration.functions import Functions, lines_of, log_lines
from tests.integration.nobodies import ADA, EVE, EVERY_NOBODY, invent
from tests.integration.okta_org import WRONG_CODE, OktaOrg, refusal
from verification.pace import LEAST, SPREAD


class TestPace:
    def test_a_customer_s_answer_and_a_decoy_s_are_held_back(
        self, public: Functions, okta: OktaOrg, sleeps: list[float]
    ) -> None:
        okta.add(ADA)
        ids = [public.issue(email) for email in (ADA, EVE)]
        assert len(sleeps) == 2
        for challenge_id in ids:
            public.verify(challenge_id, WRONG_CODE)
        assert len(sleeps) == 4
        assert all(0 < seconds <= LEAST + SPREAD for seconds in sleeps)

    def test_an_error_is_held_back_too(
        self, public: Functions, okta: OktaOrg, sleeps: list[float]
    ) -> None:
        okta.answers_instead("user", refusal(401, "E0000011"))
        assert public.post("/challenge", {"email": ADA}).status == 502
        assert len(sleeps) == 1

    def test_what_tells_nothing_is_not(
        self, public: Functions, functions: Functions, okta: OktaOrg, sleeps: list[float]
    ) -> None:
        okta.add(ADA)
        challenge_id = functions.issue()
        for reply in (
            public.post("/challenge", {"email": "ada"}),
            public.post("/challenge", {"email": ADA}),  # send_limited
            public.post("/verify", {"email": ADA}),
            functions.verify(challenge_id, WRONG_CODE),
            public.verify(challenge_id),
        ):
            assert reply.status in (200, 400, 403, 429)
        assert sleeps == []

    def test_nothing_is_held_back_beyond_its_time(
        self, public: Functions, okta: OktaOrg, sleeps: list[float]
    ) -> None:
        okta.add(ADA)
        public.post("/challenge", {"email": ADA}, remaining=0.7)
        [seconds] = sleeps
        assert 0 <= seconds <= 0.2


class TestLog:
    @EVERY_NOBODY
    def test_an_operator_sees_what_was_concealed_and_of_whom_only_the_hash(
        self,
        public: Functions,
        okta: OktaOrg,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        nobody: str,
    ) -> None:
        code = invent(nobody, okta, EMAIL)
        headers = {
            "User-Agent": USER_AGENT,
            "Accept-Language": LOCALE,
            "Idempotency-Key": IDEMPOTENCY_KEY,
        }
        body = {"email": EMAIL, "purpose": "pick-up"}
        for _ in range(2):
            challenge_id = public.post("/challenge", body, headers=headers).json["challenge_id"]
        public.verify(challenge_id, WRONG_CODE, headers=headers)
        captured = capsys.readouterr()
        assert leaks(captured.out, captured.err, caplog) == []
        sent, replayed, wrong = lines_of(captured.out)
        assert (sent["outcome"], sent["concealed"], sent["caller"]) == ("sent", code, "public")
        assert (replayed["outcome"], "concealed" in replayed) == ("replayed", False)
        assert (wrong["outcome"], wrong["okta_calls"]) == ("invalid_code", 0)
        assert len(sent["identity"]) == 32
        assert sent["identity"] == wrong["identity"]

    def test_of_a_customer_nothing_is_concealed(
        self, public: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str]
    ) -> None:
        okta.add(ADA)
        public.issue()
        assert "concealed" not in log_lines(capsys)[-1]
