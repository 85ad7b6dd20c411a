"""The table: reading several rows at once, and a store that is out of reach."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.account import TABLE, Account, Unreliable, client_error
from tests.integration.challenge_rows import ADA, sent
from tests.unit.examples import NOW, lookup
from verification import errors
from verification.aws.answers import Answer
from verification.aws.store import Store
from verification.aws.table import Table, number, text, whole
from verification.observability import Meter

CALLS: dict[str, tuple[str, str, tuple[object, ...], dict[str, Any]]] = {
    "one row": ("table", "get", ("email#e1",), {"attributes": ("lookup",)}),
    "two rows": ("table", "get", ("email#e1", "email#e2"), {"attributes": ("lookup",)}),
    "reserve_send": ("emails", "reserve_send", ("e1", "token", NOW), {}),
    "refund_send": ("emails", "refund_send", ("e1", "token"), {}),
    "remember": ("emails", "remember", ("e1", lookup()), {}),
    "forget": ("emails", "forget", ("e1",), {}),
    "spend": ("callers", "spend", ("sends", "shop", 5, NOW), {}),
    "claim": ("answers", "claim", ("name", "content", "claim", NOW), {}),
    "keep": ("answers", "keep", ("name", "claim", Answer(200, "", "")), {}),
    "drop": ("answers", "drop", ("name", "claim"), {}),
    "asked_at": ("registrations", "asked_at", ("e1", "request"), {}),
    "ask": ("registrations", "ask", ("e1", "request", NOW), {}),
    "registrations.drop": ("registrations", "drop", ("e1", "request"), {}),
    "open": ("customers", "open", (ADA, sent("one"), NOW), {"is_nobody": False}),
    "withdraw": ("customers", "withdraw", (ADA, "ch_one"), {}),
    "reserve": ("customers", "reserve", (ADA, None, "a", NOW), {}),
    "verified": ("customers", "verified", (ADA, "a", NOW), {}),
    "activated": ("customers", "activated", (ADA, "a", NOW), {}),
    "rejected": ("customers", "rejected", (ADA, "a"), {}),
    "exhausted": ("customers", "exhausted", (ADA, "a"), {}),
    "released": ("customers", "released", (ADA, "a", NOW), {}),
    "release_hold": ("customers", "release_hold", (ADA, NOW), {}),
}
EVERY_CALL = pytest.mark.parametrize("name", CALLS)


def make(store: Store, name: str) -> None:
    kind, method, arguments, more = CALLS[name]
    getattr(getattr(store, kind), method)(*arguments, **more)


class TestGet:
    @pytest.fixture
    def table(self, store: Store) -> Table:
        for name, value in (("one", 1), ("two", 2)):
            values = {":value": number(value)}
            store.table.update(
                name, "SET spent = :value, ends_at = :value", "attribute_not_exists(pk)", values
            )
        return store.table

    @pytest.mark.parametrize("keys", [("one",), ("one", "two"), ("two", "none", "one")])
    def test_rows_come_in_the_order_that_was_asked_for_in_one_call(
        self, table: Table, meter: Meter, keys: tuple[str, ...]
    ) -> None:
        meter.start()
        rows = table.get(*keys, attributes=("spent",))
        assert [whole(row, "spent") for row in rows] == [
            {"one": 1, "two": 2, "none": 0}[key] for key in keys
        ]
        assert meter.calls == {"store": 1}

    def test_a_row_that_is_not_there_is_empty(self, table: Table) -> None:
        assert table.get("none", attributes=("spent",)) == [{}]
        assert table.get("none", "nothing", attributes=("spent",)) == [{}, {}]

    def test_nothing_comes_that_was_not_asked_for(self, table: Table) -> None:
        for rows in (
            table.get("one", attributes=("spent",)),
            table.get("one", "two", attributes=("spent",)),
        ):
            assert all(row.keys() <= {"pk", "spent"} for row in rows)

    def test_rows_are_read_as_they_are_now(self, table: Table, dynamodb: Unreliable) -> None:
        dynamodb.calls.clear()
        table.get("one", attributes=("spent",))
        table.get("one", "two", attributes=("spent",))
        one, both = dynamodb.calls
        assert one["ConsistentRead"] is True
        assert both["RequestItems"][TABLE]["ConsistentRead"] is True

    def test_a_row_that_was_not_read_is_not_taken_for_an_empty_one(self, meter: Meter) -> None:
        class Busy:
            @staticmethod
            def batch_get_item(**_: object) -> dict[str, Any]:
                return {"Responses": {TABLE: []}, "UnprocessedKeys": {TABLE: {"Keys": [{}]}}}

        client: Any = Busy()
        with pytest.raises(errors.StoreUnavailable):
            Table(client, TABLE, meter).get("one", "two", attributes=("spent",))

    def test_an_attribute_that_is_not_there_is_nothing(self) -> None:
        assert (whole({}, "spent"), text({}, "claim")) == (0, "")


class TestFaults:
    @pytest.fixture
    def dynamodb(self) -> Unreliable:
        """No call gets as far as the table."""
        return Unreliable(None)

    @EVERY_CALL
    @pytest.mark.parametrize(
        "failure",
        [
            client_error("ProvisionedThroughputExceededException"),
            client_error("InternalServerError"),
            client_error("TransactionConflictException"),
            ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com"),
        ],
    )
    def test_a_store_that_is_down_says_so(
        self,
        store: Store,
        dynamodb: Unreliable,
        meter: Meter,
        name: str,
        failure: Exception,
    ) -> None:
        dynamodb.failure = failure
        with pytest.raises(errors.StoreUnavailable) as refusal:
            make(store, name)
        assert (refusal.value.code, refusal.value.retry_after) == ("store_unavailable", 1)
        assert refusal.value.__suppress_context__
        assert meter.calls == {"store": 1}

    @EVERY_CALL
    @pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
    def test_a_store_that_is_not_there_is_for_an_operator_to_mend(
        self, store: Store, dynamodb: Unreliable, name: str, code: str
    ) -> None:
        dynamodb.failure = client_error(code)
        with pytest.raises(errors.ConfigurationError) as refusal:
            make(store, name)
        assert refusal.value.problem == "the table is missing or may not be used"

    def test_a_table_of_another_name_is_not_there(self, account: Account, meter: Meter) -> None:
        table = Table(account.dynamodb, "another", meter)
        with pytest.raises(errors.ConfigurationError):
            table.get("one", attributes=("spent",))
