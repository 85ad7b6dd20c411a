"""Rows of budgets, stored responses, registrations, sign-ins and SMS templates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.account import Account, Unreliable
from tests.integration.rows import EMAIL, Rows, refusal, told
from tests.unit.examples import NOW
from verification import errors, rules
from verification.aws import template_rows
from verification.aws.budget_rows import WINDOW_SECONDS
from verification.aws.password_rows import PasswordRows
from verification.aws.registration_rows import RegistrationRows
from verification.aws.response_rows import ResponseRows
from verification.aws.sign_in_rows import SignInRows
from verification.aws.table import Table
from verification.aws.template_rows import TemplateRows
from verification.models.callers import Spent
from verification.models.customers import EmailHash, LoginHash
from verification.models.states import PasswordState
from verification.ports import Result, StoredResponse

SENDS, OTHER = Spent("source-sends", "source"), Spent("source-failures", "source")
LOCKED = rules.ATTEMPT_SECONDS
LOGIN = LoginHash("1a" * 16)

Claim = Callable[..., StoredResponse | None]


class TestBudgets:
    def test_budget_lasts_an_hour_from_its_first_unit(self, rows: Rows) -> None:
        for n in range(3):
            rows.budgets.spend(SENDS, 1, 3, NOW + n)
        limited = refusal(lambda: rows.budgets.spend(SENDS, 1, 3, NOW + 10))
        assert isinstance(limited, errors.RateLimited)
        assert limited.retry_after == WINDOW_SECONDS - 10
        rows.budgets.spend(OTHER, 1, 1, NOW)
        rows.budgets.spend(SENDS, 1, 1, NOW + WINDOW_SECONDS)

    def test_refund_gives_one_unit_back_in_the_same_hour(self, rows: Rows) -> None:
        rows.budgets.refund(SENDS, NOW)
        rows.budgets.spend(SENDS, 1, 1, NOW)
        rows.budgets.refund(SENDS, NOW)
        rows.budgets.refund(SENDS, NOW)
        rows.budgets.spend(SENDS, 1, 1, NOW)
        rows.budgets.refund(SENDS, NOW + WINDOW_SECONDS)
        assert told(lambda: rows.budgets.spend(SENDS, 1, 1, NOW + 1)) == "rate_limited"

    def test_hour_that_another_call_has_just_begun_is_used(self, rows: Rows) -> None:
        rows.budgets.spend(SENDS, 1, 2, NOW - WINDOW_SECONDS)
        rows.dynamodb.before.extend([None, lambda: rows.budgets.spend(SENDS, 1, 2, NOW)])
        rows.budgets.spend(SENDS, 1, 2, NOW)
        assert told(lambda: rows.budgets.spend(SENDS, 1, 2, NOW)) == "rate_limited"

    def test_last_unit_is_spent_once(self, rows: Rows) -> None:
        rows.budgets.spend(SENDS, 1, 2, NOW)
        rows.dynamodb.before.append(lambda: rows.budgets.spend(SENDS, 1, 2, NOW))
        assert told(lambda: rows.budgets.spend(SENDS, 1, 2, NOW)) == "rate_limited"


STORED = StoredResponse(202, "application/json", "sealed")


class TestResponses:
    @pytest.fixture
    def stored(self, table: Table) -> ResponseRows:
        return ResponseRows(table)

    @pytest.fixture
    def claim(self, stored: ResponseRows) -> Callable[..., StoredResponse | None]:
        """Claim the response of one request."""

        def claim(by: str = "one", content: str = "body", now: int = NOW) -> StoredResponse | None:
            return stored.claim("name", content, by, now, now + 600)

        return claim

    def test_response_is_stored_for_its_time(
        self, stored: ResponseRows, claim: Claim, dynamodb: Unreliable, account: Account
    ) -> None:
        assert dynamodb.repeat(claim) is None
        dynamodb.repeat(lambda: stored.keep("name", "one", STORED))
        assert claim("two", now=NOW + 599) == STORED
        [row] = account.rows().values()
        over = NOW + 600
        assert int(row["ttl"]["N"]) == over
        assert claim("two", "another", over) is None  # DynamoDB deletes rows late

    def test_one_call_at_a_time_does_the_work(
        self, stored: ResponseRows, claim: Claim, dynamodb: Unreliable
    ) -> None:
        dynamodb.before.append(lambda: claim("other"))
        busy = refusal(claim)
        assert isinstance(busy, errors.RequestInProgress)
        assert busy.retry_after == LOCKED
        stored.drop("name", "one")  # is not its own
        assert told(claim) == "request_in_progress"
        stored.drop("name", "other")
        assert claim() is None

    def test_claim_of_a_crashed_call_expires(self, stored: ResponseRows, claim: Claim) -> None:
        assert claim("crashed") is None
        assert claim("two", now=NOW + LOCKED) is None
        stored.keep("name", "crashed", STORED)
        assert told(lambda: claim("three", now=NOW + LOCKED)) == "request_in_progress"

    def test_key_belongs_to_one_content(self, stored: ResponseRows, claim: Claim) -> None:
        claim()
        assert told(lambda: claim("two", "other")) == "idempotency_key_reused"
        stored.keep("name", "one", STORED)
        assert told(lambda: claim("two", "other")) == "idempotency_key_reused"


def test_registration_waits_until_the_outcome_of_another_must_be_known(
    table: Table, dynamodb: Unreliable
) -> None:
    rows = RegistrationRows(table)
    dynamodb.repeat(lambda: rows.ask(EMAIL, "mine", NOW))
    assert rows.asked_at(EMAIL, "mine") == NOW
    assert rows.asked_at(EMAIL, "another") == rows.asked_at(EmailHash("0f" * 16), "mine") == 0
    for now, wait in ((NOW, rules.CREATION_SECONDS), (NOW + rules.CREATION_SECONDS - 1, 1)):
        busy = refusal(lambda at=now: rows.ask(EMAIL, "another", at))  # type: ignore[misc]
        assert isinstance(busy, errors.RequestInProgress)
        assert busy.retry_after == wait
    rows.ask(EMAIL, "another", NOW + rules.CREATION_SECONDS)
    assert rows.asked_at(EMAIL, "mine") == 0


def test_registration_that_created_nobody_is_dropped_by_itself_alone(table: Table) -> None:
    rows = RegistrationRows(table)
    rows.ask(EMAIL, "mine", NOW)
    rows.drop(EMAIL, "another")
    assert rows.asked_at(EMAIL, "mine") == NOW
    rows.drop(EMAIL, "mine")
    rows.ask(EMAIL, "another", NOW)
    assert rows.asked_at(EMAIL, "another") == NOW


class TestSignIns:
    def test_what_is_known_of_a_sign_in_is_kept(self, table: Table, dynamodb: Unreliable) -> None:
        rows = SignInRows(table)
        assert rows.take_step("key", NOW) is None
        dynamodb.repeat(lambda: rows.keep("key", "sealed", NOW))
        assert rows.take_step("key", NOW) == "sealed"
        assert rows.take_step("other", NOW) is None

    def test_steps_are_counted_from_the_first_on(self, table: Table) -> None:
        rows = SignInRows(table)
        for _ in range(rules.SIGN_IN_STEPS - 1):
            rows.keep("key", "sealed", NOW)
            rows.take_step("key", NOW)
        limited = refusal(lambda: rows.take_step("key", NOW + 600))
        assert isinstance(limited, errors.RateLimited)
        assert limited.retry_after == 3000

    def test_later_step_is_not_replaced_by_an_earlier_one(self, table: Table) -> None:
        rows = SignInRows(table)
        rows.keep("key", "later", NOW + 1)
        rows.keep("key", "earlier", NOW)
        assert rows.take_step("key", NOW) == "later"


class TestPasswords:
    @pytest.fixture
    def counts(self, table: Table) -> PasswordRows:
        return PasswordRows(table)

    def test_one_at_a_time_is_counted_while_there_are_fewer(
        self, counts: PasswordRows, dynamodb: Unreliable
    ) -> None:
        done = dynamodb.repeat(lambda: counts.reserve(LOGIN, "one", 2, NOW))
        assert done == (True, PasswordState(1, NOW + LOCKED, NOW + LOCKED))
        assert counts.reserve(LOGIN, "two", 2, NOW + LOCKED - 1)[0] is False
        dynamodb.repeat(lambda: counts.settle(LOGIN, "one", Result.WRONG, NOW + 1))
        assert counts.reserve(LOGIN, "two", 2, NOW + 1)[0] is True
        counts.settle(LOGIN, "two", Result.WRONG, NOW + 2)
        held = False, PasswordState(2, NOW + 2)
        assert counts.reserve(LOGIN, "three", 2, NOW + 10**8) == held
        assert counts.reserve(LoginHash("0f" * 16), "three", 2, NOW)[0] is True

    def test_one_that_was_not_checked_leaves_nothing(self, counts: PasswordRows) -> None:
        counts.reserve(LOGIN, "wrong", 3, NOW)
        counts.settle(LOGIN, "wrong", Result.WRONG, NOW + 1)
        counts.reserve(LOGIN, "undone", 3, NOW + 5)
        counts.settle(LOGIN, "undone", Result.UNDONE, NOW + 6)
        assert counts.reserve(LOGIN, "held", 1, NOW + 7) == (False, PasswordState(1, NOW + 1))

    def test_right_one_ends_the_count(self, counts: PasswordRows) -> None:
        for token, result in (("a", Result.WRONG), ("b", Result.RIGHT)):
            counts.reserve(LOGIN, token, 3, NOW)
            counts.settle(LOGIN, token, result, NOW)
        assert counts.reserve(LOGIN, "c", 3, NOW)[1].wrong == 1

    def test_one_whose_turn_was_over_stays_counted(self, counts: PasswordRows) -> None:
        counts.reserve(LOGIN, "slow", 3, NOW)
        counts.reserve(LOGIN, "next", 3, NOW + LOCKED)
        counts.settle(LOGIN, "slow", Result.RIGHT, NOW + LOCKED)
        counts.settle(LOGIN, "next", Result.WRONG, NOW + LOCKED)
        assert counts.reserve(LOGIN, "held", 2, NOW + LOCKED)[1].wrong == 2

    def test_only_the_wrong_ones_that_were_read_are_forgotten(self, counts: PasswordRows) -> None:
        counts.reserve(LOGIN, "one", 3, NOW)
        counts.settle(LOGIN, "one", Result.WRONG, NOW)
        read = PasswordState(1, NOW)
        for stale in (PasswordState(2, NOW), PasswordState(1, NOW - 1)):
            counts.forget(LOGIN, stale, NOW)
        assert counts.reserve(LOGIN, "two", 1, NOW) == (False, read)
        counts.forget(LOGIN, read, NOW)
        assert counts.reserve(LOGIN, "two", 1, NOW)[0] is True
        counts.forget(LOGIN, PasswordState(1, NOW + LOCKED), NOW)  # it is being checked
        counts.settle(LOGIN, "two", Result.WRONG, NOW)
        assert counts.reserve(LOGIN, "three", 1, NOW)[0] is False


def test_template_id_is_kept_for_a_day(table: Table) -> None:
    rows, later = TemplateRows(table), NOW + template_rows.KEPT_SECONDS
    assert rows.find("name", NOW) is None
    rows.keep("name", "one", NOW)
    rows.keep("name", "two", NOW + 1)
    assert rows.find("name", later - 1) == "one"
    assert rows.find("name", later) is None
    rows.keep("name", "two", later)
    assert rows.find("name", later) == "two"
