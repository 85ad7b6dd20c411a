"""Customers' rows: what each write allows, what it refuses, and what it does when sent twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.account import Account, Unreliable
from tests.integration.challenge_rows import (
    ADA,
    BOB,
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
from verification.aws.customers import SLOTS, CustomerRows
from verification.models import ChallengeStatus, Channel, CustomerState


class TestOpen:
    def test_the_newest_challenge_is_kept_whole(self, rows: CustomerRows) -> None:
        full = sent(
            "one",
            channel=Channel.SMS,
            client="shop",
            destination="•••0006",
            purpose="pick-up",
            reference="order:1001",
        )
        assert begin(rows, full) == CustomerState((full,))
        newest = rows.reserve(ADA, None, "a", NOW).newest
        assert newest == replace(full, status=ChallengeStatus.PENDING)

    def test_of_an_older_one_is_kept_what_its_id_is_answered_with(self, rows: CustomerRows) -> None:
        begin(rows, sent("one", channel=Channel.SMS, client="shop", purpose="pick-up"))
        assert look(rows).challenges[1] == old("one")

    def test_a_decoy_stays_a_decoy(self, rows: CustomerRows) -> None:
        decoy = sent("one", user_id="", factor_id="")
        rows.open(ADA, decoy, NOW, is_nobody=True)
        newest = rows.reserve(ADA, None, "a", NOW).newest
        assert newest is not None
        assert newest.is_decoy

    def test_a_newer_challenge_supersedes_the_older(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        begin(rows, sent("two", NOW + 40))
        with pytest.raises(errors.ChallengeSuperseded) as refusal:
            rows.reserve(ADA, "ch_one", "a", NOW + 50)
        assert refusal.value.superseded_at == NOW + 40
        assert rows.reserve(ADA, "ch_two", "b", NOW + 50).failures == 1

    def test_five_challenges_are_remembered_and_older_ones_forgotten(
        self, rows: CustomerRows
    ) -> None:
        """No more than five can be sent in an hour, which is longer than any lives."""
        assert (3600, SLOTS) in policy.SEND_WINDOWS
        for n in range(SLOTS + 2):
            state = begin(rows, sent(str(n)))
        assert [each.id for each in state.challenges] == [f"ch_{n}" for n in (6, 5, 4, 3, 2)]
        assert refused(rows, "ch_2") == "challenge_superseded"
        assert refused(rows, "ch_1") == "challenge_not_found"

    def test_customers_have_nothing_to_do_with_each_other(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        assert begin(rows, sent("two"), BOB) == CustomerState((sent("two"),))
        assert refused(rows, "ch_two") == "challenge_not_found"

    def test_failures_are_counted_across_challenges(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 2)
        assert begin(rows, sent("two", channel=Channel.SMS)).failures == 2

    def test_no_challenge_begins_during_an_attempt(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        rows.reserve(ADA, "ch_one", "a", NOW)
        with pytest.raises(errors.RequestInProgress) as refusal:
            look(rows, NOW + policy.ATTEMPT_SECONDS - 1)
        assert (refusal.value.code, refusal.value.retry_after) == ("request_in_progress", 1)

    def test_no_challenge_begins_during_a_hold(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 4)
        with pytest.raises(errors.AttemptsHeld) as refusal:
            look(rows, NOW + 100)
        assert (refusal.value.code, refusal.value.retry_after) == ("attempts_held", HOLD - 100)

    def test_an_own_write_sent_twice_takes_one_slot(
        self, rows: CustomerRows, dynamodb: Unreliable
    ) -> None:
        dynamodb.repeats = True
        assert begin(rows, sent("one")).challenges == (sent("one"),)
        assert begin(rows, sent("two")).challenges == (sent("two"), old("one"))

    @pytest.mark.parametrize("is_nobody", [True, False])
    def test_a_row_that_stands_for_nobody_is_not_kept_for_ever(
        self, rows: CustomerRows, account: Account, is_nobody: bool
    ) -> None:
        rows.open(ADA, sent("one"), NOW, is_nobody=is_nobody)
        [row] = account.rows()
        expected = {"N": str(NOW + policy.DECOY_SECONDS)} if is_nobody else None
        assert row.get("ttl") == expected


class TestWithdraw:
    def test_the_code_before_it_can_still_be_used(self, rows: CustomerRows) -> None:
        first = sent("one", channel=Channel.SMS, purpose="pick-up")
        begin(rows, first)
        begin(rows, sent("two"))
        rows.withdraw(ADA, "ch_two")
        assert refused(rows, "ch_two") == "challenge_not_found"
        newest = rows.reserve(ADA, "ch_one", "a", NOW).newest
        assert newest == replace(first, status=ChallengeStatus.PENDING)

    def test_those_further_back_stay_where_they_were(self, rows: CustomerRows) -> None:
        for n in range(SLOTS):
            begin(rows, sent(str(n), NOW + n))
        rows.withdraw(ADA, "ch_4")
        state = found(look(rows, NOW + 9))
        assert [each.id for each in state.challenges] == ["ch_3", "ch_2", "ch_1", "ch_0"]

    def test_the_first_of_all_is_said_not_to_have_been_sent(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        rows.withdraw(ADA, "ch_one")
        for challenge_id in ("ch_one", None):
            with pytest.raises(errors.ChallengeNotFound) as refusal:
                rows.reserve(ADA, challenge_id, "a", NOW)
            assert refusal.value.detail == "Its code could not be sent."
        assert found(look(rows)).challenges == (old("one", status=ChallengeStatus.FAILED),)

    def test_only_the_newest_challenge_is_withdrawn(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        begin(rows, sent("two"))
        rows.withdraw(ADA, "ch_one")
        assert found(look(rows)).challenges == (old("two"), old("one"))

    def test_a_customer_without_challenges_has_none_withdrawn(
        self, rows: CustomerRows, account: Account
    ) -> None:
        rows.withdraw(ADA, "ch_one")
        assert account.rows() == []

    @pytest.mark.parametrize("earlier", [1, 0])
    def test_an_own_write_sent_twice_withdraws_one(
        self, rows: CustomerRows, dynamodb: Unreliable, earlier: int
    ) -> None:
        for n in range(earlier + 1):
            begin(rows, sent(str(n)))
        dynamodb.repeats = True
        rows.withdraw(ADA, f"ch_{earlier}")
        dynamodb.repeats = False
        [left] = found(look(rows)).challenges
        expected = ChallengeStatus.SENDING if earlier else ChallengeStatus.FAILED
        assert (left.id, left.status) == ("ch_0", expected)

    def test_failures_are_not_withdrawn(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 2)
        begin(rows, sent("two"))
        rows.withdraw(ADA, "ch_two")
        assert look(rows).failures == 2


class TestReserve:
    @pytest.mark.parametrize("challenge_id", ["ch_one", None])
    @pytest.mark.parametrize("status", [ChallengeStatus.SENDING, ChallengeStatus.PENDING])
    def test_an_attempt_counts_before_it_is_made(
        self, rows: CustomerRows, challenge_id: str | None, status: ChallengeStatus
    ) -> None:
        begin(rows, sent("one", status=status))
        state = rows.reserve(ADA, challenge_id, "a", NOW + 10)
        assert state == CustomerState(
            challenges=(sent("one", status=ChallengeStatus.PENDING),),
            failures=1,
            held_until=NOW + 10 + HOLD,
            attempt="a",
            attempt_until=NOW + 10 + policy.ATTEMPT_SECONDS,
        )

    def test_attempts_are_made_one_at_a_time(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        rows.reserve(ADA, "ch_one", "a", NOW)
        assert refused(rows, "ch_one") == "request_in_progress"
        assert refused(rows, None, NOW + policy.ATTEMPT_SECONDS - 1) == "request_in_progress"

    def test_an_attempt_that_crashed_stays_counted_and_blocks_nobody_for_long(
        self, rows: CustomerRows
    ) -> None:
        begin(rows, sent("one"))
        rows.reserve(ADA, "ch_one", "crashed", NOW)
        assert rows.reserve(ADA, "ch_one", "a", NOW + policy.ATTEMPT_SECONDS).failures == 2

    @pytest.mark.parametrize("now", [NOW + 300, NOW + 3000])
    def test_a_code_expires(self, rows: CustomerRows, now: int) -> None:
        begin(rows, sent("one"))
        assert refused(rows, "ch_one", now) == "challenge_expired"
        assert rows.reserve(ADA, "ch_one", "a", NOW + 299).failures == 1

    @pytest.mark.parametrize("challenge_id", ["ch_other", ""])
    def test_an_id_that_is_not_the_customer_s_is_not_found(
        self, rows: CustomerRows, challenge_id: str
    ) -> None:
        begin(rows, sent("one"))
        assert refused(rows, challenge_id) == "challenge_not_found"

    def test_a_customer_without_a_row_is_not_found_and_gets_none(
        self, rows: CustomerRows, account: Account
    ) -> None:
        assert refused(rows, None) == "challenge_not_found"
        assert account.rows() == []

    def test_a_refused_attempt_counts_for_nothing(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        begin(rows, sent("two"))
        for challenge_id in ("ch_one", "ch_other"):
            refused(rows, challenge_id)
        refused(rows, "ch_two", NOW + 300)
        assert look(rows).failures == 0

    def test_an_own_write_sent_twice_counts_once(
        self, rows: CustomerRows, dynamodb: Unreliable
    ) -> None:
        begin(rows, sent("one"))
        dynamodb.repeats = True
        assert rows.reserve(ADA, "ch_one", "a", NOW).failures == 1
        dynamodb.repeats = False
        rows.rejected(ADA, "a")
        assert look(rows).failures == 1
