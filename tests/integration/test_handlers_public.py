"""A caller without a key: told the same of a customer and of anybody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Clock
from tests.integration.functions import Functions, Reply, log_lines
from tests.integration.nobodies import ADA, EVE, EVERY_NOBODY, invent
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, Answer, OktaOrg, refusal


def face(reply: Reply, email: str) -> tuple[object, ...]:
    """An answer without what tells any two challenges apart."""
    body: Any = reply.body
    if body.startswith("{"):
        body = reply.json
        assert len(body.pop("challenge_id", "x" * 47)) == 47
        if "destination" in body:
            assert body["destination"] == f"{email[0]}•••@example.com"
            body["destination"] = ""
    return reply.status, dict(reply.headers), body


class TestConcealed:
    def test_nobody_is_answered_like_a_customer_for_a_whole_life(
        self, public: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA)

        def life(email: str) -> list[tuple[object, ...]]:
            """Sent, resent, superseded, wrong, expired, held, and held no more."""
            began, ids, replies = clock.now, [], []

            def send() -> None:
                replies.append(public.post("/challenge", {"email": email}))
                if replies[-1].status == 202:
                    ids.append(replies[-1].json["challenge_id"])

            def guess(number: int) -> None:
                replies.append(public.verify(ids[number], WRONG_CODE))

            def guess_by_email() -> None:
                replies.append(public.post("/verify", {"email": email, "otp": WRONG_CODE}))

            guess_by_email()
            send()
            send()
            guess(0)
            clock.advance(31)
            replies.append(public.get("/challenge", ("email", email)))
            guess(0)
            guess_by_email()
            clock.advance(300)
            guess_by_email()
            send()
            guess(1)
            replies.append(public.get("/verify", ("email", email), ("otp", WRONG_CODE)))
            guess(1)
            clock.advance(31)
            send()
            clock.advance(24 * 3600)
            send()
            guess(2)
            clock.now = began
            return [face(reply, email) for reply in replies]

        as_customer = life(ADA)
        okta.calls.clear()
        assert life(EVE) == as_customer
        assert {status for status, *_ in as_customer} == {200, 202, 403, 404, 410, 429}
        assert okta.counts("send") == okta.counts("check") == 0

    @EVERY_NOBODY
    def test_no_code_is_right_whoever_it_is(
        self, public: Functions, okta: OktaOrg, nobody: str
    ) -> None:
        okta.add(ADA)
        invent(nobody, okta)
        replies = [public.post("/challenge", {"email": email}) for email in (ADA, EVE)]
        assert face(replies[0], ADA) == face(replies[1], EVE)
        wrong = public.verify(replies[0].json["challenge_id"], WRONG_CODE)
        right = public.verify(replies[1].json["challenge_id"], CODE)
        assert face(wrong, ADA) == face(right, EVE)
        assert (right.status, right.code) == (403, "invalid_code")
        assert public.post("/verify", {"email": EVE, "otp": CODE}).json["attempts_remaining"] == 2
        assert (okta.counts("send"), okta.counts("check")) == (1, 1)

    @EVERY_NOBODY
    def test_a_phone_is_shown_to_nobody(
        self, public: Functions, okta: OktaOrg, nobody: str
    ) -> None:
        okta.add(ADA, ("sms", "ACTIVE", "+15005550006"))
        invent(nobody, okta)
        shown = [
            public.post("/challenge", {"email": email, "channel": "sms"}).json
            for email in (ADA, EVE)
        ]
        assert [(each["channel"], each["destination"]) for each in shown] == [("sms", "•••")] * 2
        assert okta.counts("send") == 1

    def test_the_public_is_shown_its_own_words_and_a_client_okta_s(
        self, public: Functions, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA, ("email", "ACTIVE", "lovelace@work.example"))
        assert public.post("/challenge", {"email": ADA}).json["destination"] == "a•••@example.com"
        clock.advance(31)
        reply = functions.post("/challenge", {"email": ADA})
        assert reply.json["destination"] == "l•••@work.example"

    REFUSED = pytest.mark.parametrize(
        ("refused", "code"),
        [
            (refusal(403, "E0000038"), "customer_inactive"),
            (refusal(403, "E0000069"), "customer_locked"),
            (refusal(404, "E0000007"), "factor_not_enrolled"),
            (refusal(410, "E0000154"), "factor_not_active"),
        ],
    )

    @REFUSED
    def test_what_okta_refuses_at_the_last_moment_is_not_told_either(
        self,
        public: Functions,
        okta: OktaOrg,
        capsys: pytest.CaptureFixture[str],
        refused: Answer,
        code: str,
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", refused)
        assert public.post("/challenge", {"email": ADA}).status == 202
        assert log_lines(capsys)[-1]["concealed"] == code

    @REFUSED
    @pytest.mark.usefixtures("challenge_id")
    def test_nor_when_a_code_is_checked(
        self, public: Functions, okta: OktaOrg, refused: Answer, code: str
    ) -> None:
        okta.answers_instead("check", refused)
        reply = public.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.code, reply.json["attempts_remaining"]) == ("invalid_code", 3)
        assert code not in reply.body

    def test_a_number_that_okta_cannot_use_is_not_told(
        self, public: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA, ("sms", "ACTIVE", "+15005550006"))
        okta.answers_instead("send", refusal(400, "E0000098"))
        assert public.post("/challenge", {"email": ADA, "channel": "sms"}).status == 202

    def test_that_somebody_was_verified_is_told_to_whoever_knows_the_id(
        self, public: Functions, challenge_id: str
    ) -> None:
        """No decoy is ever verified, so the email alone is not enough to ask with."""
        assert public.verify(challenge_id).status == 200
        by_email = [
            public.post("/verify", {"email": ADA, "otp": CODE}),
            public.get("/verify", ("email", ADA), ("otp", CODE)),
        ]
        assert [reply.code for reply in by_email] == ["challenge_not_found"] * 2
        assert public.verify(challenge_id).code == "challenge_already_verified"

    def test_a_customer_gets_through(
        self, public: Functions, okta: OktaOrg, sleeps: list[float]
    ) -> None:
        okta.add(ADA)
        challenge_id = public.issue()
        assert (okta.counts("send"), len(sleeps)) == (1, 1)
        assert public.verify(challenge_id).status == 200


class TestNotConcealed:
    @pytest.fixture
    def told(self, public: Functions, monkeypatch: pytest.MonkeyPatch) -> Functions:
        monkeypatch.setenv("CONCEAL_UNKNOWN_CUSTOMERS", "false")
        return public

    @EVERY_NOBODY
    def test_the_public_is_told_where_the_stack_says_so(
        self, told: Functions, okta: OktaOrg, sleeps: list[float], nobody: str
    ) -> None:
        code = invent(nobody, okta)
        reply = told.post("/challenge", {"email": EVE})
        assert (reply.status, reply.code) == (404 if nobody == "unknown" else 409, code)
        assert told.get("/challenge", ("email", EVE)).code == code
        assert sleeps == []

    def test_so_it_is_when_nothing_was_sent(self, told: Functions) -> None:
        reply = told.post("/verify", {"email": EVE, "otp": CODE})
        assert (reply.status, reply.code) == (404, "customer_not_found")

    @EVERY_NOBODY
    def test_a_client_is_told_in_any_case(
        self,
        functions: Functions,
        public: Functions,
        okta: OktaOrg,
        clock: Clock,
        nobody: str,
    ) -> None:
        code = invent(nobody, okta)
        public.issue(EVE)
        clock.advance(31)
        assert functions.post("/challenge", {"email": EVE}).code == code
