"""Rows of sign-ins, and what a code of a sign-in does to its customer's row."""

from __future__ import annotations

import pytest

from tests.integration.account import Account, Unreliable
from tests.integration.challenge_rows import ADA, BOB, HOLD, begin, fail_times, look, refused, sent
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws import sign_ins
from verification.aws.customers import CustomerRows
from verification.aws.sign_ins import SignInRows
from verification.aws.store import Store
from verification.models import ChallengeStatus


def step(rows: CustomerRows, attempt: str = "step", now: int = NOW) -> int:
    """Reserve an attempt of a sign-in; the failures with it."""
    return rows.reserve_step(ADA, attempt, now).failures


class TestReservation:
    def test_it_needs_no_challenge(self, rows: CustomerRows) -> None:
        assert step(rows) == 1

    def test_it_counts_with_those_of_challenges(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_times(rows, 3)
        assert step(rows) == 4
        rows.rejected(ADA, "step")
        with pytest.raises(errors.AttemptsHeld) as held:
            step(rows, "fifth", NOW + 10)
        assert (held.value.code, held.value.retry_after) == ("attempts_held", HOLD - 10)
        assert refused(rows, "ch_one") == "attempts_held"

    def test_an_open_challenge_stays_open(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        step(rows)
        rows.rejected(ADA, "step")
        assert rows.reserve(ADA, "ch_one", "next", NOW).failures == 2

    def test_one_at_a_time_with_those_of_challenges(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        step(rows)
        for reserve in (
            lambda: rows.reserve(ADA, "ch_one", "other", NOW),
            lambda: step(rows, "other"),
            lambda: look(rows),
        ):
            with pytest.raises(errors.RequestInProgress) as busy:
                reserve()
            assert busy.value.code == "request_in_progress"
        assert step(rows, "other", NOW + policy.ATTEMPT_SECONDS) == 2

    def test_customers_have_nothing_to_do_with_each_other(self, rows: CustomerRows) -> None:
        step(rows)
        assert rows.reserve_step(BOB, "step", NOW).failures == 1

    def test_an_own_write_sent_twice_counts_once(
        self, rows: CustomerRows, dynamodb: Unreliable
    ) -> None:
        dynamodb.repeats = True
        assert step(rows) == 1
        rows.rejected(ADA, "step")
        assert step(rows, "next") == 2


class TestSettling:
    def test_a_success_forgets_the_failures(self, rows: CustomerRows) -> None:
        fail_in_sign_ins(rows, 3)
        step(rows)
        rows.succeeded(ADA, "step")
        assert step(rows, "next") == 1

    def test_an_activation_forgets_none(self, rows: CustomerRows) -> None:
        fail_in_sign_ins(rows, 2)
        step(rows)
        rows.step_activated(ADA, "step")
        assert step(rows, "next") == 3

    def test_a_wrong_code_says_how_many_remain(self, rows: CustomerRows) -> None:
        for remaining in (3, 2, 1, 0):
            state = rows.reserve_step(ADA, "step", NOW)
            assert rows.count(ADA, "step", state) == remaining

    def test_the_last_closes_the_open_challenge(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        fail_in_sign_ins(rows, 4)
        rows.release_hold(ADA, NOW)
        assert refused(rows, "ch_one") == "challenge_exhausted"

    def test_the_last_leaves_a_verified_challenge_as_it_is(self, rows: CustomerRows) -> None:
        begin(rows, sent("one"))
        rows.reserve(ADA, "ch_one", "right", NOW)
        rows.verified(ADA, "right", NOW)
        fail_in_sign_ins(rows, 4)
        assert refused(rows, "ch_one") == "challenge_already_verified"

    def test_after_a_release_it_is_one_at_a_time(self, rows: CustomerRows) -> None:
        fail_in_sign_ins(rows, 4)
        rows.release_hold(ADA, NOW)
        state = rows.reserve_step(ADA, "step", NOW)
        assert rows.count(ADA, "step", state) == 0
        with pytest.raises(errors.AttemptsHeld):
            step(rows, "next")

    @pytest.mark.parametrize("settle", ["succeeded", "step_activated"])
    def test_it_is_settled_once(
        self, rows: CustomerRows, dynamodb: Unreliable, settle: str
    ) -> None:
        step(rows)
        dynamodb.repeats = True
        getattr(rows, settle)(ADA, "step")
        assert step(rows, "next") == 1
        with pytest.raises(errors.StoreUnavailable):
            getattr(rows, settle)(ADA, "another")


def fail_in_sign_ins(rows: CustomerRows, times: int) -> None:
    """So many wrong codes in a row, none of a challenge."""
    for n in range(times):
        rows.count(ADA, f"wrong-{n}", rows.reserve_step(ADA, f"wrong-{n}", NOW))


class TestKnown:
    @pytest.fixture
    def known(self, store: Store) -> SignInRows:
        return store.sign_ins

    @staticmethod
    def look(store: Store, name: str) -> str | None:
        [row] = store.table.get(sign_ins.key_of(name), attributes=sign_ins.SEALED)
        return sign_ins.sealed_of(row)

    def test_the_latest_is_kept(self, known: SignInRows, store: Store) -> None:
        assert self.look(store, "one") is None
        known.keep("one", "first", NOW)
        known.keep("one", "second", NOW)
        assert self.look(store, "one") == "second"
        assert self.look(store, "other") is None

    def test_a_later_step_is_not_overwritten(self, known: SignInRows, store: Store) -> None:
        known.keep("one", "later", NOW + 1)
        known.keep("one", "earlier", NOW)
        assert self.look(store, "one") == "later"

    def test_it_is_gone_after_a_while(self, known: SignInRows, account: Account) -> None:
        known.keep("one", "sealed", NOW)
        [row] = account.rows()
        assert row["ttl"] == {"N": str(NOW + sign_ins.KEPT_SECONDS)}
        assert row.keys() == {"pk", "sealed", "ttl"}

    def test_a_write_sent_twice_is_one(
        self, known: SignInRows, store: Store, dynamodb: Unreliable
    ) -> None:
        dynamodb.repeats = True
        known.keep("one", "sealed", NOW)
        assert self.look(store, "one") == "sealed"


def test_a_closed_challenge_is_not_opened_by_a_sign_in(rows: CustomerRows) -> None:
    begin(rows, sent("one"))
    fail_times(rows, 3)
    state = rows.reserve(ADA, "ch_one", "last", NOW)
    rows.count(ADA, "last", state)
    rows.release_hold(ADA, NOW)
    step(rows)
    rows.succeeded(ADA, "step")
    newest = look(rows).challenges[1]
    assert newest.status is ChallengeStatus.EXHAUSTED
