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


def failed(work: Callable[[], object]) -> ConditionFailed:
    with pytest.raises(ConditionFailed) as failed:
        work()
    return failed.value


def spent(table: Table, *keys: str) -> list[int]:
    return [int_attribute(table.get(key), "spent") for key in keys]


CALLS: dict[str, Callable[[Table], object]] = {
    "get": lambda table: table.get("one"),
    "update": lambda table: table.update(put("one", 1)),
    "transact": lambda table: table.transact(put("one", 1), put("two", 2), token="token"),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def test_row_is_read_as_it_is_now_with_what_was_asked_for(
    table: Table, dynamodb: Unreliable
) -> None:
    table.update(put("one", 1))
    assert table.get("one") == {"pk": string("one"), "spent": number(1)}
    assert table.get("one", "spent", "ends_at") == {"spent": number(1)}
    assert table.get("two") == {}
    assert {each["ConsistentRead"] for each in dynamodb.calls[1:]} == {True}


def test_updated_row_is_returned_as_it_is_after_the_change(table: Table, meter: Meter) -> None:
    assert table.update(put("one", 1)) == {"pk": string("one"), "spent": number(1)}
    assert table.update(put("one", 2, expected=1), returns=False) == {}
    assert meter.calls == {"store": 2}


def test_failed_condition_has_the_row_as_it_is(table: Table) -> None:
    assert failed(lambda: table.update(put("one", 2, expected=1))).item == {}
    table.update(put("one", 1))
    assert int_attribute(failed(lambda: table.update(put("one", 2))).item, "spent") == 1
    assert spent(table, "one") == [1]


class TestTransact:
    def test_all_rows_change_or_none(self, table: Table) -> None:
        table.transact(put("one", 1), put("two", 2), token="a")
        work = lambda: table.transact(  # noqa: E731
            put("one", 5, expected=1), put("two", 6, expected=7), put("three", 8, 9), token="b"
        )
        failure = failed(work)
        assert failure.failed == {1, 2}
        assert [int_attribute(row, "spent") for row in failure.items] == [0, 2, 0]
        assert spent(table, "one", "two") == [1, 2]

    def test_one_change_alone_is_a_plain_update(self, table: Table, dynamodb: Unreliable) -> None:
        table.transact(put("one", 1), token="a")
        assert "ClientRequestToken" not in dynamodb.calls[0]

    def test_token_goes_with_every_try(self, table: Table, dynamodb: Unreliable) -> None:
        dynamodb.failures.append(
            client_error("TransactionCanceledException", CancellationReasons=[{"Code": "None"}])
        )
        table.transact(put("one", 1), put("two", 2), token="a")
        assert [each["ClientRequestToken"] for each in dynamodb.calls] == ["a", "a"]


REASONS = [{"Code": "None"}, {"Code": "TransactionConflict"}]
CONFLICTS = {
    "update": client_error("TransactionConflictException"),
    "transact": client_error("TransactionCanceledException", CancellationReasons=REASONS),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_write_that_meets_a_transaction_is_tried_five_times(
    table: Table, dynamodb: Unreliable, name: str
) -> None:
    dynamodb.failures.extend([CONFLICTS[name]] * 9)
    assert told(lambda: CALLS[name](table)) == "store_unavailable"
    assert len(dynamodb.calls) == 5
    CALLS[name](table)
    assert spent(table, "one") == [1]


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
