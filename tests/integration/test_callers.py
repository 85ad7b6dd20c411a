"""Callers' rows: a budget for an hour that begins with the first count."""

from __future__ import annotations

import pytest

from tests.integration.account import Account, Unreliable
from tests.unit.examples import NOW
from verification import errors
from verification.aws import callers
from verification.aws.callers import CallerRows
from verification.aws.store import Store

SENDS = "sends"


@pytest.fixture
def rows(store: Store) -> CallerRows:
    return store.callers


def wait(rows: CallerRows, now: int, budget: int = 3, name: str = "shop", kind: str = SENDS) -> int:
    """For how long the next count is refused; 0 if it is counted."""
    try:
        rows.spend(kind, name, budget, now)
    except errors.RateLimited as refused:
        return refused.retry_after
    return 0


def wait_if_asked(store: Store, now: int, budget: int) -> int:
    """The same, only asked."""
    [row] = store.table.get(callers.key_of(SENDS, "shop"), attributes=callers.BUDGET)
    try:
        callers.require_left(row, budget, now)
    except errors.RateLimited as refused:
        return refused.retry_after
    return 0


class TestHours:
    def test_a_budget_is_for_an_hour_from_the_first_count(self, rows: CallerRows) -> None:
        assert [wait(rows, NOW + at) for at in (0, 10, 3000)] == [0, 0, 0]
        assert wait(rows, NOW + 3010) == 590
        assert wait(rows, NOW + 3599) == 1
        assert [wait(rows, NOW + 3600) for _ in range(3)] == [0, 0, 0]
        assert wait(rows, NOW + 3600) == 3600

    def test_a_refusal_has_a_code(self, rows: CallerRows) -> None:
        wait(rows, NOW)
        with pytest.raises(errors.RateLimited) as refused:
            rows.spend(SENDS, "shop", 0, NOW)
        assert refused.value.code == "rate_limited"

    def test_an_hour_begins_when_something_is_counted(self, rows: CallerRows) -> None:
        for at in (0, 0, 0, 9000, 9000, 9000):
            assert wait(rows, NOW + at) == 0
        assert wait(rows, NOW + 9001) == 3599

    def test_a_refused_count_is_not_counted(self, rows: CallerRows, account: Account) -> None:
        for _ in range(9):
            wait(rows, NOW)
        [row] = account.rows()
        assert row["spent"] == {"N": "3"}

    def test_names_and_kinds_have_nothing_to_do_with_each_other(self, rows: CallerRows) -> None:
        for name, kind in (("shop", "a"), ("desk", "a"), ("shop", "b")):
            assert [wait(rows, NOW, 1, name, kind) for _ in range(2)] == [0, 3600]

    def test_a_budget_that_is_raised_or_lowered_counts_at_once(self, rows: CallerRows) -> None:
        assert [wait(rows, NOW, 1) for _ in range(2)] == [0, 3600]
        assert [wait(rows, NOW, 3) for _ in range(3)] == [0, 0, 3600]
        assert wait(rows, NOW, 2) == 3600

    def test_a_row_is_gone_when_its_hour_is(self, rows: CallerRows, account: Account) -> None:
        wait(rows, NOW)
        [row] = account.rows()
        assert row["ttl"] == row["ends_at"] == {"N": str(NOW + 3600)}

    def test_a_count_in_a_running_hour_is_one_call(
        self, rows: CallerRows, dynamodb: Unreliable
    ) -> None:
        wait(rows, NOW)
        dynamodb.calls.clear()
        wait(rows, NOW)
        assert len(dynamodb.calls) == 1


class TestRefunds:
    def test_what_is_given_back_may_be_spent_again(self, rows: CallerRows) -> None:
        assert [wait(rows, NOW) for _ in range(4)] == [0, 0, 0, 3600]
        rows.refund(SENDS, "shop", NOW + 10)
        assert [wait(rows, NOW + 20) for _ in range(2)] == [0, 3580]

    def test_no_more_is_given_back_than_was_spent(self, rows: CallerRows) -> None:
        wait(rows, NOW)
        for _ in range(5):
            rows.refund(SENDS, "shop", NOW)
        assert [wait(rows, NOW) for _ in range(4)] == [0, 0, 0, 3600]

    def test_nothing_is_given_back_of_an_hour_that_is_over(
        self, rows: CallerRows, account: Account
    ) -> None:
        wait(rows, NOW)
        before = account.rows()
        rows.refund(SENDS, "shop", NOW + 3600)
        rows.refund(SENDS, "desk", NOW)
        assert account.rows() == before


class TestAsking:
    def test_asking_says_what_counting_would(self, rows: CallerRows, store: Store) -> None:
        assert wait_if_asked(store, NOW, 3) == 0
        for _ in range(3):
            assert wait_if_asked(store, NOW, 3) == 0
            wait(rows, NOW)
        assert wait_if_asked(store, NOW + 100, 3) == wait(rows, NOW + 100) == 3500
        assert wait_if_asked(store, NOW + 100, 4) == 0
        assert wait_if_asked(store, NOW + 3600, 3) == 0


class TestRaces:
    @pytest.mark.parametrize("began", [0, 3600], ids=["first hour", "next hour"])
    @pytest.mark.parametrize(("budget", "expected"), [(3, 0), (2, 0), (1, 3600)])
    def test_two_begin_an_hour_and_both_are_counted_in_it(
        self, store: Store, dynamodb: Unreliable, began: int, budget: int, expected: int
    ) -> None:
        rows = store.callers
        now = NOW + began
        if began:
            wait(rows, NOW, budget)
        # Another call begins the hour between our finding none and our beginning one.
        dynamodb.before.extend((None, lambda: wait(rows, now, budget)))
        assert wait(rows, now, budget) == expected
        [row] = store.table.get(callers.key_of(SENDS, "shop"), attributes=callers.BUDGET)
        assert row["spent"] == {"N": str(min(2, budget))}
        assert row["ends_at"] == {"N": str(now + 3600)}
