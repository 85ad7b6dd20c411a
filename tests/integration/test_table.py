"""The table: conditional writes of one row and several, and what can go wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.account import Unreliable, client_error
from tests.integration.rows import refusal, told
from verification import errors
from verification.aws.table import ConditionFailed, Table, Update, int_attribute, number, string
from verification.observability import Meter


def put(key: str, value: int, expected: int | None = None) -> Update:
    """Set a row's value, if it is the expected one (None: if there is no row)."""
    values = {":value": number(value)}
    condition = "attribute_not_exists(pk)"
    if expected is not None:
        condition, values[":expected"] = "spent = :expected", number(expected)
    return Update(key, "SET spent = :value", condition, values)


CALLS: dict[str, Callable[[Table], object]] = {
    "get": lambda table: table.get("one"),
    "update": lambda table: table.update(put("one", 1)),
    "transact": lambda table: table.transact(put("one", 1), put("two", 2), token="token"),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def spent(table: Table, *keys: str) -> list[int]:
    return [int_attribute(table.get(key), "spent") for key in keys]


class TestGet:
    def test_row_has_the_attributes_that_were_asked_for(self, table: Table) -> None:
        table.update(put("one", 1))
        assert table.get("one") == {"pk": string("one"), "spent": number(1)}
        assert table.get("one", "spent", "ends_at") == {"spent": number(1)}
        assert table.get("two") == {}

    def test_rows_are_read_consistently(self, table: Table, dynamodb: Unreliable) -> None:
        table.get("one")
        assert dynamodb.calls[0]["ConsistentRead"] is True


class TestUpdate:
    def test_row_is_returned_as_it_is_after_the_change(self, table: Table, meter: Meter) -> None:
        assert table.update(put("one", 1)) == {"pk": string("one"), "spent": number(1)}
        assert table.update(put("one", 2, expected=1), returns=False) == {}
        assert meter.calls == {"store": 2}

    def test_failed_condition_has_the_row_as_it_is(self, table: Table) -> None:
        table.update(put("one", 1))
        with pytest.raises(ConditionFailed) as failed:
            table.update(put("one", 2))
        assert int_attribute(failed.value.item, "spent") == 1
        assert spent(table, "one") == [1]

    def test_failed_condition_without_a_row(self, table: Table) -> None:
        with pytest.raises(ConditionFailed) as failed:
            table.update(put("one", 2, expected=1))
        assert failed.value.item == {}


class TestTransact:
    def test_all_rows_change_or_none(self, table: Table) -> None:
        table.transact(put("one", 1), put("two", 2), token="a")
        assert spent(table, "one", "two") == [1, 2]
        with pytest.raises(ConditionFailed):
            table.transact(put("one", 5, expected=1), put("two", 6, expected=7), token="b")
        assert spent(table, "one", "two") == [1, 2]

    def test_failure_says_which_conditions_failed_and_how_those_rows_are(
        self, table: Table
    ) -> None:
        table.update(put("two", 2))
        with pytest.raises(ConditionFailed) as failed:
            table.transact(put("one", 1), put("two", 3), put("three", 3, expected=3), token="a")
        assert failed.value.failed == {1, 2}
        assert [int_attribute(row, "spent") for row in failed.value.items] == [0, 2, 0]

    def test_one_change_alone_is_a_plain_update(self, table: Table, dynamodb: Unreliable) -> None:
        table.transact(put("one", 1), token="a")
        assert "ClientRequestToken" not in dynamodb.calls[0]

    def test_token_goes_with_every_try(self, table: Table, dynamodb: Unreliable) -> None:
        dynamodb.failures.append(
            client_error("TransactionCanceledException", CancellationReasons=[{"Code": "None"}])
        )
        table.transact(put("one", 1), put("two", 2), token="a")
        assert [each["ClientRequestToken"] for each in dynamodb.calls] == ["a", "a"]


CONFLICTS = {
    "update": client_error("TransactionConflictException"),
    "transact": client_error(
        "TransactionCanceledException",
        CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}],
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
class TestConflicts:
    def test_write_that_meets_a_transaction_is_tried_again(
        self, table: Table, dynamodb: Unreliable, name: str
    ) -> None:
        dynamodb.failures.extend([CONFLICTS[name]] * 4)
        CALLS[name](table)
        assert spent(table, "one") == [1]

    def test_write_that_meets_one_every_time_is_given_up(
        self, table: Table, dynamodb: Unreliable, name: str
    ) -> None:
        dynamodb.failure = CONFLICTS[name]
        assert told(lambda: CALLS[name](table)) == "store_unavailable"
        assert len(dynamodb.calls) == 5


@EVERY_CALL
@pytest.mark.parametrize(
    "failure",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com"),
    ],
)
def test_store_that_is_down(
    table: Table,
    dynamodb: Unreliable,
    meter: Meter,
    call: Callable[[Table], object],
    failure: Exception,
) -> None:
    dynamodb.failure = failure
    refused = refusal(lambda: call(table))
    assert isinstance(refused, errors.StoreUnavailable)
    assert (refused.code, refused.retry_after) == ("store_unavailable", 1)
    assert refused.__suppress_context__
    assert meter.calls == {"store": 1}


@EVERY_CALL
@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_table_that_is_missing_is_an_operator_s_to_correct(
    table: Table, dynamodb: Unreliable, call: Callable[[Table], object], code: str
) -> None:
    dynamodb.failure = client_error(code)
    refused = refusal(lambda: call(table))
    assert isinstance(refused, errors.ConfigurationError)
    assert refused.problem == "the table is missing or may not be used"
