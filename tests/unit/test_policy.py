"""Which customer, which factor, and what a customer's state allows."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW, challenge, factor, state, user
from verification import errors, policy
from verification.models import (
    ChallengeStatus,
    Channel,
    Code,
    CustomerState,
    Email,
    Factor,
    Registration,
    User,
    VerifyRequest,
)

ADA = Email("ada@example.com")
OTHER = user(id="00u0000000000000eve0", login="eve@example.com", email="eve@example.com")
TWIN = user(id="00u000000000000twin0", login="twin.two")
BUSY = {"attempt": "another", "attempt_until": NOW + 1}
HELD = {"failures": 4, "held_until": NOW + 60}


class TestChooseCustomer:
    @pytest.mark.parametrize(
        "found",
        [
            [user()],
            [user(login="ada.l")],
            [OTHER, user(email="ADA@EXAMPLE.COM")],
            [user(), user()],  # found by login and by email
            [user(), user(id="00u000000000000old00", status="DEPROVISIONED")],
            [user(id="00u000000000000old00", status="LOCKED_OUT"), user()],
        ],
    )
    def test_the_one_active_user_is_the_customer(self, found: list[User]) -> None:
        chosen = policy.choose_customer(found, ADA)
        assert (chosen.id, chosen.status) == (user().id, "ACTIVE")

    @pytest.mark.parametrize(
        ("found", "code"),
        [
            ([], "customer_not_found"),
            ([OTHER], "customer_not_found"),
            ([user(login="ADA@Example.com", email="work@example.com")], "customer_not_found"),
            ([user(email="adá@example.com", login="adá@example.com")], "customer_not_found"),
            ([user(email="ada@example.com.evil.example", login="ada")], "customer_not_found"),
            ([user(status="SUSPENDED")], "customer_inactive"),
            ([user(status="DEPROVISIONED")], "customer_inactive"),
            ([user(status="PASSWORD_EXPIRED")], "customer_inactive"),
            ([user(status="active")], "customer_inactive"),
            ([user(status="")], "customer_inactive"),
            ([user(status="LOCKED_OUT")], "customer_locked"),
            ([user(status="SUSPENDED"), user(id="x", status="LOCKED_OUT")], "customer_locked"),
            ([user(), TWIN], "customer_ambiguous"),
            ([TWIN, user()], "customer_ambiguous"),
        ],
    )
    def test_nobody_is_taken_for_another(self, found: list[User], code: str) -> None:
        with pytest.raises(errors.CustomerRefused) as refused:
            policy.choose_customer(found, ADA)
        assert refused.value.code == code


class TestChooseFactor:
    @pytest.mark.parametrize("channel", Channel)
    def test_the_active_factor_of_the_channel_is_chosen(self, channel: Channel) -> None:
        factors = [
            factor("push"),
            factor("token:software:totp"),
            factor(channel, "EXPIRED"),
            *(factor(each) for each in Channel),
        ]
        chosen = policy.choose_factor(factors, channel)
        assert (chosen.type, chosen.status) == (channel, "ACTIVE")

    @pytest.mark.parametrize("status", ["PENDING_ACTIVATION", "INACTIVE", "NOT_SETUP", "active"])
    def test_a_factor_that_is_not_active_is_not_challenged(self, status: str) -> None:
        with pytest.raises(errors.CustomerRefused) as refused:
            policy.choose_factor([factor("sms"), factor("email", status)], Channel.EMAIL)
        assert refused.value.code == "factor_not_active"

    def test_no_factor_stands_in_for_another(self) -> None:
        with pytest.raises(errors.CustomerRefused) as refused:
            policy.choose_factor([factor("sms"), factor("question")], Channel.EMAIL)
        assert refused.value.code == "factor_not_enrolled"


class TestAttempts:
    @pytest.mark.parametrize(
        ("failures", "held_until", "remaining"),
        [
            (0, 0, 4),
            (1, NOW + 60, 3),
            (3, NOW + 60, 1),
            (4, NOW + 60, 0),
            (4, NOW + 1, 0),
            (4, NOW, 1),
            (4, NOW - 60, 1),
            (9, NOW + 60, 0),
            (9, NOW, 1),
        ],
    )
    def test_four_in_a_row_then_a_hold_then_one_at_a_time(
        self, failures: int, held_until: int, remaining: int
    ) -> None:
        customer = CustomerState(failures=failures, held_until=held_until)
        assert policy.attempts_remaining(customer, NOW) == remaining
        assert policy.is_held(customer, NOW) is (remaining == 0)

    def test_the_hold_begins_one_failure_before_okta_locks_the_account(self) -> None:
        assert policy.MAX_CONSECUTIVE_FAILURES == 5 - 1


class TestWhyNotOpen:
    def test_a_customer_on_hold_is_told_for_how_long(self) -> None:
        refusal = policy.why_not_open(state(**HELD), NOW)
        assert isinstance(refusal, errors.AttemptsHeld)
        assert (refusal.code, refusal.retry_after) == ("attempts_held", 60)

    def test_an_attempt_that_is_not_over_comes_first(self) -> None:
        refusal = policy.why_not_open(state(**HELD, **BUSY), NOW)
        assert isinstance(refusal, errors.RequestInProgress)
        assert (refusal.code, refusal.retry_after) == ("request_in_progress", 1)

    def test_an_attempt_that_crashed_keeps_nobody_waiting(self) -> None:
        crashed = {"attempt": "another", "attempt_until": NOW}
        assert policy.why_not_open(state(**HELD, **crashed), NOW).code == "attempts_held"


OPEN = challenge()
OLD = challenge(id="ch_old", sent_at=NOW - 250, expires_at=NOW + 50)
OLDER = challenge(id="ch_older", sent_at=NOW - 400, expires_at=NOW - 100)
EXPIRED = challenge(expires_at=NOW)
VERIFIED = challenge(status=ChallengeStatus.VERIFIED, verified_at=NOW - 5)
EXHAUSTED = challenge(status=ChallengeStatus.EXHAUSTED)
FAILED = challenge(status=ChallengeStatus.FAILED)


class TestWhyRefused:
    @pytest.mark.parametrize(
        ("customer", "challenge_id", "code"),
        [
            (state(), None, "challenge_not_found"),
            (state(), "ch_one", "challenge_not_found"),
            (state(OPEN), "ch_unknown", "challenge_not_found"),
            (state(FAILED), "ch_one", "challenge_not_found"),
            (state(EXPIRED), None, "challenge_expired"),
            (state(EXPIRED), "ch_one", "challenge_expired"),
            (
                state(challenge(status=ChallengeStatus.SENDING, expires_at=NOW)),
                None,
                "challenge_expired",
            ),
            (state(VERIFIED), "ch_one", "challenge_already_verified"),
            (state(VERIFIED, **HELD), "ch_one", "challenge_already_verified"),
            (state(VERIFIED, **BUSY), "ch_one", "challenge_already_verified"),
            (state(OLD, VERIFIED), "ch_one", "challenge_already_verified"),
            (state(OPEN, OLD), "ch_old", "challenge_superseded"),
            (state(OPEN, OLD, **HELD), "ch_old", "attempts_held"),
            (state(OPEN, OLD, **BUSY), "ch_old", "challenge_superseded"),
            (state(OPEN, **BUSY), "ch_one", "request_in_progress"),
            (state(EXPIRED, **BUSY), None, "request_in_progress"),
            (state(OPEN, **HELD), "ch_one", "attempts_held"),
            (state(OPEN, **HELD, **BUSY), "ch_one", "request_in_progress"),
            (state(EXHAUSTED, **HELD), "ch_one", "attempts_held"),
            (state(EXHAUSTED), "ch_one", "challenge_exhausted"),
            (state(EXHAUSTED, failures=4, held_until=NOW), None, "challenge_exhausted"),
        ],
    )
    def test_every_state_says_what_to_do_next(
        self, customer: CustomerState, challenge_id: str | None, code: str
    ) -> None:
        assert policy.why_refused(customer, challenge_id, NOW).code == code

    def test_an_old_id_is_told_when_its_successor_was_sent(self) -> None:
        customer = state(OPEN, OLD, OLDER)
        for challenge_id, superseded_at in (("ch_old", OPEN.sent_at), ("ch_older", OLD.sent_at)):
            refusal = policy.why_refused(customer, challenge_id, NOW)
            assert isinstance(refusal, errors.ChallengeSuperseded)
            assert refusal.superseded_at == superseded_at

    def test_a_hold_is_told_with_its_end(self) -> None:
        refusal = policy.why_refused(state(OPEN, **HELD), "ch_one", NOW)
        assert isinstance(refusal, errors.AttemptsHeld)
        assert refusal.retry_after == 60

    def test_without_an_id_the_newest_challenge_is_meant(self) -> None:
        assert policy.why_refused(state(VERIFIED, OLD), None, NOW).code == (
            "challenge_already_verified"
        )


class TestMatches:
    @pytest.mark.parametrize(
        ("asked", "used", "matching"),
        [
            ((None, None), (None, None), True),
            (("refund", "1001"), (None, None), True),
            (("refund", "1001"), ("refund", None), True),
            (("refund", "1001"), (None, "1001"), True),
            (("refund", "1001"), ("refund", "1001"), True),
            (("refund", "1001"), ("pick-up", "1001"), False),
            (("refund", "1001"), ("refund", "1002"), False),
            (("refund", "1001"), ("Refund", "1001"), False),
            (("refund", "1001"), ("1001", "refund"), False),
            ((None, None), ("refund", None), False),
            ((None, None), (None, "1001"), False),
            (("refund", None), ("refund", "1001"), False),
        ],
    )
    def test_a_code_is_good_for_what_it_was_asked_for(
        self, asked: tuple[str | None, ...], used: tuple[str | None, ...], matching: bool
    ) -> None:
        request = VerifyRequest(Code("123456"), purpose=used[0], reference=used[1])
        subject = challenge(purpose=asked[0], reference=asked[1])
        assert policy.matches(subject, request) is matching


class TestRegistration:
    WANTED = Registration(ADA, "Ada@example.com", {})
    MADE = user(created="2025-06-15T15:06:40.500Z")

    @pytest.mark.parametrize("asked_at", [NOW, NOW - 60, NOW + 60])
    def test_a_user_made_when_asked_for_is_the_one(self, asked_at: int) -> None:
        assert policy.was_made_for(self.WANTED, asked_at, self.MADE)

    @pytest.mark.parametrize(
        ("made", "asked_at"),
        [
            (MADE, NOW + 61),  # who was there before
            (MADE, NOW - 61),  # whom somebody else made later
            (MADE, 0),
            (user(created=""), NOW),
            (user(created=""), 0),
            (user(created="1970-01-01T00:00:00.000Z"), 0),
            (user(created="yesterday"), NOW),
            (user(created=MADE.created, email="eve@example.com"), NOW),
            (user(created=MADE.created, login="another.ada"), NOW),
        ],
    )
    def test_nobody_else_is(self, made: User, asked_at: int) -> None:
        assert not policy.was_made_for(self.WANTED, asked_at, made)

    @pytest.mark.parametrize(
        ("there", "is_enrolled"),
        [
            (factor(destination="Ada@Example.com"), True),
            (factor(destination="eve@example.com"), False),
            (factor(status="PENDING_ACTIVATION", destination=ADA), False),
            (factor("sms", destination=ADA), False),
        ],
    )
    def test_a_factor_is_enrolled_if_it_is_active_and_goes_there(
        self, there: Factor, is_enrolled: bool
    ) -> None:
        wanted = factor(status="", destination=ADA)
        assert policy.is_enrolled([factor("question"), there], wanted) is is_enrolled


class TestRedirects:
    ORIGINS = ("https://app.example.com", "http://127.0.0.1:3000")

    @pytest.mark.parametrize(
        "url",
        [
            "https://app.example.com",
            "https://app.example.com/",
            "https://APP.example.com/a/b.html?c=d&e=%20#f",
            "https://app.example.com?a=b@c",
            "https://app.example.com/@evil.example//evil.example",
            "http://127.0.0.1:3000/",
        ],
    )
    def test_a_page_of_an_allowed_origin_may_be_returned_to(self, url: str) -> None:
        policy.require_redirect(url, self.ORIGINS)

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/",
            "https://app.example.com@evil.example/",
            "https://app.example.com:443@evil.example/",
            "https://app.example.com:x@evil.example/",
            "https://evil.example/https://app.example.com/",
            "https://evil.example\\@app.example.com/",
            "https://app.example.com\\.evil.example/",
            "https://app.example.com/\\evil.example",
            "https://app.example.com.evil.example/",
            "https://app.example.comevil.example/",
            "https://evil-app.example.com/",
            "https://sub.app.example.com/",
            "https://app.example.com./",
            "https://app.example.com:8443/",
            "https://app.example.com#@evil.example",
            "http://app.example.com/",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "//app.example.com/",
            "///app.example.com/",
            "https:app.example.com/",
            "https:/app.example.com/",
            "https:///app.example.com/",
            "https://",
            "/welcome",
            "app.example.com",
            " https://app.example.com/",
            "https://app.example.com/ ",
            "https://app.example.com/\n",
            "https://app.example.com/\r\nSet-Cookie: sid=1",
            "https://app.example.com/\tx",
            "https://app.ex\tample.com/",
            "https://app.example.com/\0",
            "https://app.ex\u00e4mple.com/",
            "https://app\u3002example.com/",
            "https://app.example.com\uff0fevil.example/",
            "https://app.example.com/\u00e4",
            "https://\u24d0pp.example.com/",
            "https://127.0.0.1:3000/",
            "http://127.0.0.1/",
            "https://app.example.com/" + "a" * 1801,
        ],
    )
    def test_any_other_is_refused(self, url: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            policy.require_redirect(url, self.ORIGINS)
        assert url not in str(refused.value)

    def test_without_an_origin_none_is_allowed(self) -> None:
        with pytest.raises(errors.MalformedBody):
            policy.require_redirect("https://app.example.com/", ())


class TestIsOpen:
    @pytest.mark.parametrize("status", ChallengeStatus)
    def test_until_it_ends(self, status: ChallengeStatus) -> None:
        expected = status in (ChallengeStatus.SENDING, ChallengeStatus.PENDING)
        assert policy.is_open(state(challenge(status=status), OLD)) is expected

    def test_where_there_is_none(self) -> None:
        assert policy.is_open(state()) is False
