"""The table: what each write allows, what it refuses, and what it does when it is sent twice."""

from __future__ import annotations

import pytest

from tests.integration.account import TABLE, Account, Unreliable
from tests.integration.challenge_rows import ADA, BOB, HOLD, fail_times, look, refused, sent
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws.table import SLOTS, ChallengeTable
from verification.models import ChallengeStatus, Channel, CustomerState


class TestIdentities:
    def test_an_email_that_was_never_seen_leads_nowhere(self, table: ChallengeTable) -> None:
        assert table.customer_of("e1") is None

    def test_an_email_is_looked_up_as_it_was_last_written(
        self, table: ChallengeTable, store: Unreliable
    ) -> None:
        table.customer_of("e1")
        assert store.calls[0]["ConsistentRead"] is True

    def test_an_email_leads_to_the_customer_it_led_to_last(self, table: ChallengeTable) -> None:
        table.remember("e1", ADA)
        table.remember("e2", BOB)
        table.remember("e1", BOB)
        assert (table.customer_of("e1"), table.customer_of("e2")) == (BOB, BOB)

    def test_an_email_s_row_is_no_customer_s_row(self, table: ChallengeTable) -> None:
        table.remember(ADA, BOB)
        assert refused(table, None) == "challenge_not_found"


class TestOpen:
    def test_the_first_challenge_is_kept_whole(self, table: ChallengeTable) -> None:
        full = sent("one", channel=Channel.SMS, client="shop", destination="•••0006")
        state = table.open(ADA, full, NOW)
        assert state == CustomerState((full,))
        assert look(table).challenges[1] == full

    def test_a_newer_challenge_supersedes_the_older(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.open(ADA, sent("two", NOW + 40), NOW + 40)
        with pytest.raises(errors.ChallengeSuperseded) as refusal:
            table.reserve(ADA, "ch_one", "a", NOW + 50)
        assert refusal.value.superseded_at == NOW + 40
        assert table.reserve(ADA, "ch_two", "b", NOW + 50).failures == 1

    def test_six_challenges_are_remembered_and_older_ones_forgotten(
        self, table: ChallengeTable
    ) -> None:
        for n in range(SLOTS + 2):
            state = table.open(ADA, sent(str(n)), NOW)
        assert [each.id for each in state.challenges] == [f"ch_{n}" for n in (7, 6, 5, 4, 3, 2)]
        assert refused(table, "ch_2") == "challenge_superseded"
        assert refused(table, "ch_1") == "challenge_not_found"

    def test_customers_have_nothing_to_do_with_each_other(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 4)
        assert table.open(BOB, sent("two"), NOW) == CustomerState((sent("two"),))
        assert refused(table, "ch_two") == "challenge_not_found"

    def test_failures_are_counted_across_challenges(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 2)
        assert table.open(ADA, sent("two", channel=Channel.SMS), NOW).failures == 2

    def test_no_challenge_begins_during_an_attempt(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.reserve(ADA, "ch_one", "a", NOW)
        with pytest.raises(errors.RequestInProgress) as refusal:
            look(table, NOW + policy.ATTEMPT_SECONDS - 1)
        assert (refusal.value.code, refusal.value.retry_after) == ("request_in_progress", 1)

    def test_no_challenge_begins_during_a_hold(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 4)
        with pytest.raises(errors.AttemptsHeld) as refusal:
            look(table, NOW + 100)
        assert (refusal.value.code, refusal.value.retry_after) == ("attempts_held", HOLD - 100)

    def test_an_own_write_sent_twice_is_no_refusal(
        self, table: ChallengeTable, store: Unreliable
    ) -> None:
        store.repeats = True
        assert table.open(ADA, sent("one"), NOW).newest == sent("one")
        assert table.reserve(ADA, "ch_one", "a", NOW).failures == 1

    @pytest.mark.xfail(reason="nothing keeps a write that is sent twice from shifting twice")
    def test_an_own_write_sent_twice_takes_one_slot(
        self, table: ChallengeTable, store: Unreliable
    ) -> None:
        store.repeats = True
        assert table.open(ADA, sent("one"), NOW).challenges == (sent("one"),)


class TestFail:
    def test_a_challenge_that_was_not_sent_cannot_be_verified(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.fail(ADA, "ch_one")
        with pytest.raises(errors.ChallengeNotFound) as refusal:
            table.reserve(ADA, "ch_one", "a", NOW)
        assert refusal.value.detail == "Its code could not be sent."

    def test_only_the_newest_challenge_fails(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.open(ADA, sent("two"), NOW)
        table.fail(ADA, "ch_one")
        statuses = [each.status for each in look(table).challenges[1:]]
        assert statuses == [ChallengeStatus.SENDING, ChallengeStatus.SENDING]

    def test_a_customer_without_challenges_fails_at_nothing(self, table: ChallengeTable) -> None:
        table.fail(ADA, "ch_one")
        assert look(table) == CustomerState((sent("look"),))

    def test_twice_is_once(self, table: ChallengeTable, store: Unreliable) -> None:
        table.open(ADA, sent("one"), NOW)
        store.repeats = True
        table.fail(ADA, "ch_one")
        store.repeats = False
        assert look(table).challenges[1].status is ChallengeStatus.FAILED


class TestReserve:
    @pytest.mark.parametrize("challenge_id", ["ch_one", None])
    @pytest.mark.parametrize("status", [ChallengeStatus.SENDING, ChallengeStatus.PENDING])
    def test_an_attempt_counts_before_it_is_made(
        self, table: ChallengeTable, challenge_id: str | None, status: ChallengeStatus
    ) -> None:
        table.open(ADA, sent("one", status=status), NOW)
        state = table.reserve(ADA, challenge_id, "a", NOW + 10)
        assert state == CustomerState(
            challenges=(sent("one", status=status),),
            failures=1,
            held_until=NOW + 10 + HOLD,
            attempt="a",
            attempt_until=NOW + 10 + policy.ATTEMPT_SECONDS,
        )

    def test_attempts_are_made_one_at_a_time(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.reserve(ADA, "ch_one", "a", NOW)
        assert refused(table, "ch_one") == "request_in_progress"
        assert refused(table, None, NOW + policy.ATTEMPT_SECONDS - 1) == "request_in_progress"

    def test_an_attempt_that_crashed_stays_counted_and_blocks_nobody_for_long(
        self, table: ChallengeTable
    ) -> None:
        table.open(ADA, sent("one"), NOW)
        table.reserve(ADA, "ch_one", "crashed", NOW)
        assert table.reserve(ADA, "ch_one", "a", NOW + policy.ATTEMPT_SECONDS).failures == 2

    @pytest.mark.parametrize(
        ("now", "code"), [(NOW + 300, "challenge_expired"), (NOW + 3000, "challenge_expired")]
    )
    def test_a_code_expires(self, table: ChallengeTable, now: int, code: str) -> None:
        table.open(ADA, sent("one"), NOW)
        assert refused(table, "ch_one", now) == code
        assert table.reserve(ADA, "ch_one", "a", NOW + 299).failures == 1

    @pytest.mark.parametrize("challenge_id", ["ch_other", ""])
    def test_an_id_that_is_not_the_customer_s_is_not_found(
        self, table: ChallengeTable, challenge_id: str
    ) -> None:
        table.open(ADA, sent("one"), NOW)
        assert refused(table, challenge_id) == "challenge_not_found"

    def test_a_customer_without_a_row_is_not_found_and_gets_none(
        self, table: ChallengeTable, account: Account
    ) -> None:
        assert refused(table, None) == "challenge_not_found"
        assert account.dynamodb.scan(TableName=TABLE)["Count"] == 0

    def test_a_refused_attempt_counts_for_nothing(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        table.open(ADA, sent("two"), NOW)
        for challenge_id in ("ch_one", "ch_other"):
            refused(table, challenge_id)
        refused(table, "ch_two", NOW + 300)
        assert look(table).failures == 0

    def test_an_own_write_sent_twice_counts_once(
        self, table: ChallengeTable, store: Unreliable
    ) -> None:
        table.open(ADA, sent("one"), NOW)
        store.repeats = True
        assert table.reserve(ADA, "ch_one", "a", NOW).failures == 1
        store.repeats = False
        table.rejected(ADA, "a")
        assert look(table).failures == 1


class TestHold:
    def test_the_fifth_wrong_code_in_a_row_is_never_forwarded(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 4)
        with pytest.raises(errors.AttemptsHeld) as refusal:
            table.reserve(ADA, "ch_one", "fifth", NOW)
        assert (refusal.value.code, refusal.value.retry_after) == ("attempts_held", HOLD)
        assert refused(table, None, NOW + HOLD - 1) == "attempts_held"

    def test_after_the_hold_one_attempt_at_a_time_is_allowed(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 4)
        over = NOW + HOLD
        table.open(ADA, sent("two", over), over)
        assert table.reserve(ADA, "ch_two", "a", over).failures == 5
        table.exhausted(ADA, "a")
        assert refused(table, "ch_two", over + HOLD - 1) == "attempts_held"
        assert refused(table, "ch_two", over + HOLD) == "challenge_exhausted"

    def test_the_hold_begins_with_the_last_failure(self, table: ChallengeTable) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 3)
        table.reserve(ADA, "ch_one", "last", NOW + 200)
        table.exhausted(ADA, "last")
        assert refused(table, "ch_one", NOW + HOLD + 199) == "attempts_held"
        assert refused(table, "ch_one", NOW + HOLD + 200) == "challenge_exhausted"
