"""Holds, and the end of an attempt."""

from __future__ import annotations

import pytest

from tests.integration.account import Account, Unreliable
from tests.integration.challenge_rows import (
    ADA,
    HOLD,
    begin,
    fail_times,
    found,
    look,
    old,
    refused,
    sent,
)
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws.customers import CustomerRows
from verification.models import ChallengeStatus

ENDS = {"verified": 0, "activated": 2, "rejected": 3, "exhausted": 3, "released": 2}
"""How an attempt ends, and what is left of three failures, of which it was the last."""

TIMED = ("verified", "activated", "released")


class TestHold:
    def test_the_fifth_wrong_code_in_a_row_is_never_forwarded(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        with pytest.raises(errors.AttemptsHeld) as refusal:
            rows.reserve(ADA, "ch_one", "fifth", NOW)
        assert (refusal.value.code, refusal.value.retry_after) == ("attempts_held", HOLD)
        assert refused(rows, None, NOW + HOLD - 1) == "attempts_held"

    def test_after_the_hold_one_attempt_at_a_time_is_allowed(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        over = NOW + HOLD
        begin(rows, sent("two", over))
        assert rows.reserve(ADA, "ch_two", "a", over).failures == 5
        rows.exhausted(ADA, "a")
        assert refused(rows, "ch_two", over + HOLD - 1) == "attempts_held"
        assert refused(rows, "ch_two", over + HOLD) == "challenge_exhausted"

    def test_the_hold_begins_with_the_last_failure(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 3)
        rows.reserve(ADA, "ch_one", "last", NOW + 200)
        rows.exhausted(ADA, "last")
        assert refused(rows, "ch_one", NOW + HOLD + 199) == "attempts_held"
        assert refused(rows, "ch_one", NOW + HOLD + 200) == "challenge_exhausted"

    def test_a_release_allows_one_attempt_and_forgets_no_failure(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        rows.release_hold(ADA, NOW + 10)
        begin(rows, sent("two", NOW + 10))
        assert rows.reserve(ADA, "ch_two", "a", NOW + 10).failures == 5
        rows.exhausted(ADA, "a")
        assert refused(rows, "ch_two", NOW + 10) == "attempts_held"

    @pytest.mark.parametrize("failures", [0, 3])
    def test_a_release_changes_nothing_for_whoever_is_not_held(
        self, rows: CustomerRows, failures: int
    ) -> None:
        begin(rows, sent("one"))
        fail_times(rows, failures)
        rows.release_hold(ADA, NOW)
        assert look(rows).failures == failures

    @pytest.mark.parametrize("failures", [0, 3, 4])
    def test_a_release_waits_for_an_attempt_that_may_begin_a_hold(
        self, rows: CustomerRows, failures: int
    ) -> None:
        begin(rows, sent("one"))
        fail_times(rows, failures)
        over = NOW + (HOLD if failures == policy.MAX_CONSECUTIVE_FAILURES else 0)
        begin(rows, sent("two", over))
        rows.reserve(ADA, "ch_two", "a", over)
        with pytest.raises(errors.RequestInProgress) as refusal:
            rows.release_hold(ADA, over)
        assert refusal.value.code == "request_in_progress"
        rows.release_hold(ADA, over + policy.ATTEMPT_SECONDS)

    def test_a_release_makes_no_row(self, rows: CustomerRows, account: Account) -> None:
        rows.release_hold(ADA, NOW)
        assert account.rows() == []

    def test_a_release_sent_twice_is_one(self, rows: CustomerRows, dynamodb: Unreliable) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        dynamodb.repeats = True
        rows.release_hold(ADA, NOW)
        assert rows.reserve(ADA, "ch_one", "a", NOW).failures == 5


class TestSettle:
    @pytest.fixture
    def reserved(self, rows: CustomerRows) -> CustomerRows:
        begin(rows, sent("one"))
        fail_times(rows, 2)
        rows.reserve(ADA, "ch_one", "mine", NOW)
        return rows

    def test_a_right_code_verifies_once_and_forgets_the_failures(
        self, reserved: CustomerRows
    ) -> None:
        reserved.verified(ADA, "mine", NOW + 1)
        assert refused(reserved, "ch_one") == "challenge_already_verified"
        state = found(look(reserved))
        verified = old("one", status=ChallengeStatus.VERIFIED, verified_at=NOW + 1)
        assert (state.failures, state.attempt, state.challenges) == (0, "", (verified,))

    def test_a_right_code_that_activates_forgets_no_failures(self, reserved: CustomerRows) -> None:
        """At Okta an activation is no verification: those before it stay counted."""
        reserved.activated(ADA, "mine", NOW + 1)
        assert refused(reserved, "ch_one") == "challenge_already_verified"
        state = found(look(reserved))
        verified = old("one", status=ChallengeStatus.VERIFIED, verified_at=NOW + 1)
        assert (state.failures, state.attempt, state.challenges) == (2, "", (verified,))

    def test_a_wrong_code_stays_counted_and_may_be_followed_by_another(
        self, reserved: CustomerRows
    ) -> None:
        reserved.rejected(ADA, "mine")
        state = reserved.reserve(ADA, "ch_one", "next", NOW)
        assert (state.failures, state.challenges[0].status) == (4, ChallengeStatus.PENDING)

    def test_the_last_wrong_code_closes_the_challenge(self, reserved: CustomerRows) -> None:
        reserved.rejected(ADA, "mine")
        reserved.reserve(ADA, "ch_one", "last", NOW)
        reserved.exhausted(ADA, "last")
        assert refused(reserved, "ch_one") == "attempts_held"

    def test_an_attempt_that_never_reached_okta_is_given_back(self, reserved: CustomerRows) -> None:
        reserved.released(ADA, "mine", NOW)
        assert reserved.reserve(ADA, "ch_one", "next", NOW).failures == 3

    def test_the_fourth_attempt_given_back_starts_no_hold(self, reserved: CustomerRows) -> None:
        reserved.rejected(ADA, "mine")
        reserved.reserve(ADA, "ch_one", "fourth", NOW)
        reserved.released(ADA, "fourth", NOW)
        assert reserved.reserve(ADA, "ch_one", "again", NOW).failures == 4

    def test_an_attempt_given_back_after_a_hold_may_be_made_again(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        over = NOW + HOLD
        begin(rows, sent("two", over))
        rows.reserve(ADA, "ch_two", "a", over)
        rows.released(ADA, "a", over)
        assert rows.reserve(ADA, "ch_two", "b", over).failures == 5

    EVERY_END = pytest.mark.parametrize("settle", ENDS)

    @EVERY_END
    def test_a_reservation_that_is_no_longer_ours_settles_nothing(
        self, reserved: CustomerRows, settle: str
    ) -> None:
        later = NOW + policy.ATTEMPT_SECONDS
        reserved.reserve(ADA, "ch_one", "theirs", later)
        for attempt in ("mine", "nobody's"):
            with pytest.raises(errors.StoreUnavailable) as refusal:
                self._settle(reserved, settle, attempt)
            assert (refusal.value.code, refusal.value.retry_after) == ("store_unavailable", 1)
        reserved.rejected(ADA, "theirs")
        state = look(reserved, later + HOLD)
        assert (state.failures, state.challenges[1].status) == (4, ChallengeStatus.PENDING)

    @EVERY_END
    def test_an_own_write_sent_twice_settles_once(
        self, reserved: CustomerRows, dynamodb: Unreliable, settle: str
    ) -> None:
        dynamodb.repeats = True
        self._settle(reserved, settle, "mine")
        dynamodb.repeats = False
        state = look(reserved)
        assert (state.failures, state.attempt) == (ENDS[settle], "")

    @EVERY_END
    def test_a_customer_without_a_row_is_not_settled(
        self, rows: CustomerRows, account: Account, settle: str
    ) -> None:
        with pytest.raises(errors.StoreUnavailable):
            self._settle(rows, settle, "mine")
        assert account.rows() == []

    @staticmethod
    def _settle(rows: CustomerRows, settle: str, attempt: str) -> None:
        timed = (NOW,) if settle in TIMED else ()
        getattr(rows, settle)(ADA, attempt, *timed)
