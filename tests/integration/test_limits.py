"""Limits: clients by their name, the public by its source address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.account import Account
from tests.integration.functions import ENVIRON
from tests.unit.examples import NOW
from verification.aws import callers
from verification.aws.secrets import Secrets
from verification.aws.store import Store
from verification.errors import RateLimited
from verification.limits import Limits
from verification.models import Caller
from verification.settings import Settings

BUDGETS = {
    "SENDS_PER_SOURCE_HOUR": "2",
    "SENDS_PER_CLIENT_HOUR": "3",
    "FAILURES_PER_SOURCE_HOUR": "2",
}
PUBLIC = Caller(None, "203.0.113.7")
ELSEWHERE = Caller(None, "203.0.113.8")
SHOP = Caller("shop", "203.0.113.7")
DESK = Caller("desk", "203.0.113.7")


@pytest.fixture
def limits(store: Store, secrets: Secrets) -> Limits:
    return Limits(store.callers, secrets, Settings.from_environ({**ENVIRON, **BUDGETS}))


def sends(limits: Limits, caller: Caller) -> int:
    """How many sends a caller still has; none after this."""
    for count in range(9):
        try:
            limits.spend_send(caller, NOW)
        except RateLimited:
            return count
    raise AssertionError("no limit")


def is_out_of_failures(limits: Limits, store: Store, caller: Caller) -> bool:
    key = limits.failures_row(caller)
    assert key
    [row] = store.table.get(key, attributes=callers.BUDGET)
    try:
        limits.require_failures_left(row, NOW)
    except RateLimited:
        return True
    return False


class TestSends:
    def test_a_source_has_a_budget(self, limits: Limits) -> None:
        assert [sends(limits, each) for each in (PUBLIC, ELSEWHERE, PUBLIC)] == [2, 2, 0]

    def test_a_client_has_one_from_wherever_it_calls(self, limits: Limits) -> None:
        limits.spend_send(SHOP, NOW)
        moved = replace(SHOP, source_ip="192.0.2.9")
        assert [sends(limits, each) for each in (moved, SHOP, DESK)] == [2, 0, 3]

    def test_a_client_and_the_public_at_one_address_have_a_budget_each(
        self, limits: Limits
    ) -> None:
        assert [sends(limits, each) for each in (SHOP, PUBLIC)] == [3, 2]

    def test_a_subscriber_of_ipv6_is_one_source(self, limits: Limits) -> None:
        addresses = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1")
        assert [sends(limits, Caller(None, each)) for each in addresses] == [2, 0, 2]

    def test_a_source_named_like_a_client_is_another(self, limits: Limits) -> None:
        assert [sends(limits, each) for each in (SHOP, Caller(None, "shop"))] == [3, 2]


class TestFailures:
    def test_a_source_has_a_budget(self, limits: Limits, store: Store) -> None:
        for expected in (False, False, True):
            assert is_out_of_failures(limits, store, PUBLIC) is expected
            limits.count_failure(PUBLIC, NOW)
        assert not is_out_of_failures(limits, store, ELSEWHERE)

    def test_counting_beyond_it_is_no_error(self, limits: Limits) -> None:
        """Calls that were let in together are all answered with what Okta said."""
        for _ in range(5):
            limits.count_failure(PUBLIC, NOW)

    def test_a_client_has_none(self, limits: Limits, account: Account) -> None:
        limits.count_failure(SHOP, NOW)
        assert limits.failures_row(SHOP) is None
        assert account.rows() == []

    def test_sends_and_failures_are_counted_apart(self, limits: Limits, store: Store) -> None:
        sends(limits, PUBLIC)
        assert not is_out_of_failures(limits, store, PUBLIC)


def test_no_address_is_kept(limits: Limits, account: Account) -> None:
    limits.spend_send(PUBLIC, NOW)
    limits.count_failure(PUBLIC, NOW)
    rows = account.rows()
    assert len(rows) == 2
    assert PUBLIC.source_ip not in str(rows)
