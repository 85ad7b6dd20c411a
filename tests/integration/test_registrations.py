"""Registrations' rows: one request at a time asks for an email's user."""

from __future__ import annotations

import pytest

from tests.integration.account import Account, Unreliable
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws.registrations import KEPT_SECONDS, RegistrationRows
from verification.aws.store import Store

LATER = NOW + policy.CREATION_SECONDS


@pytest.fixture
def rows(store: Store) -> RegistrationRows:
    return store.registrations


@pytest.fixture
def asked(rows: RegistrationRows) -> RegistrationRows:
    """By a request whose outcome is not known."""
    rows.ask("e1", "mine", NOW)
    return rows


def test_a_request_knows_when_it_has_asked(asked: RegistrationRows) -> None:
    assert asked.asked_at("e1", "mine") == NOW
    assert asked.asked_at("e1", "another") == 0
    assert asked.asked_at("e2", "mine") == 0


def test_another_request_waits_until_the_outcome_must_be_known(asked: RegistrationRows) -> None:
    for now, wait in ((NOW, policy.CREATION_SECONDS), (LATER - 1, 1)):
        with pytest.raises(errors.RequestInProgress) as refused:
            asked.ask("e1", "another", now)
        assert refused.value.retry_after == wait
    asked.ask("e2", "another", NOW)
    asked.ask("e1", "another", LATER)
    assert asked.asked_at("e1", "another") == LATER
    assert asked.asked_at("e1", "mine") == 0


def test_the_same_request_asks_again_at_once(asked: RegistrationRows) -> None:
    asked.ask("e1", "mine", NOW + 1)
    assert asked.asked_at("e1", "mine") == NOW + 1


def test_a_request_that_came_to_nothing_is_in_nobodys_way(asked: RegistrationRows) -> None:
    asked.drop("e1", "mine")
    assert asked.asked_at("e1", "mine") == 0
    asked.ask("e1", "another", NOW)


def test_nobody_drops_what_is_anothers(asked: RegistrationRows) -> None:
    asked.drop("e1", "another")
    asked.drop("e2", "another")
    assert asked.asked_at("e1", "mine") == NOW


def test_an_own_write_sent_twice_is_one(rows: RegistrationRows, dynamodb: Unreliable) -> None:
    dynamodb.repeats = True
    rows.ask("e1", "mine", NOW)
    assert rows.asked_at("e1", "mine") == NOW


def test_a_row_is_kept_for_a_day(asked: RegistrationRows, account: Account) -> None:
    assert asked.asked_at("e1", "mine")
    [row] = account.rows()
    assert row["pk"]["S"] == "registration#e1"
    assert int(row["ttl"]["N"]) == NOW + KEPT_SECONDS
