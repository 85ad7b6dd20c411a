"""That calls cost the same where more is stored, and what Okta's limits allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.proof import scale
from tests.proof.scale import Cost, Scale
from tests.sandbox.okta.limits import Bucket
from verification.aws.table import Item, Table


@pytest.fixture(autouse=True)
def few_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "CUSTOMERS", 10)


def counted(stored: int) -> dict[str, Cost]:
    """Without times, which other work on the machine falsifies."""
    return {kind: replace(cost, milliseconds=1.0) for kind, cost in scale.costs(stored).items()}


def test_calls_cost_the_same_where_more_is_stored() -> None:
    costs = {stored: counted(stored) for stored in (100, 1000)}
    assert Scale(costs, []).broken == []
    assert costs[100]["client: check by id"].calls == 2


def test_a_call_that_reads_more_where_more_is_stored_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    get = Table.get

    def get_often(table: Table, *given: str) -> Item:
        store: Any = table._client
        for _ in range(len(store.rows) // 2000):
            get(table, *given)
        return get(table, *given)

    monkeypatch.setattr(Table, "get", get_often)
    broken = Scale({stored: counted(stored) for stored in (100, 1000)}, []).broken
    assert any(each.startswith("client: read a hold") for each in broken)


def test_a_call_that_takes_longer_is_noticed() -> None:
    few, many = (
        {"check": Cost(2, 1, milliseconds, {})} for milliseconds in (1.0, 1.1 * scale.MOST_TIME)
    )
    assert Scale({1: few, 2: many}, []).broken
    assert not Scale({1: many, 2: few}, []).broken


def test_oktas_limits_allow_twice_the_returning_customers() -> None:
    allowed = scale.allowed(10)
    assert [each.verified for each in allowed] == [15, 20, 30]
    assert [each.calls[Bucket.FACTORS] for each in allowed] == [4, 3, 2]
