"""Calls at the same time, in all orders, over three kinds of stores; and that the first of them, which all
games use, is like DynamoDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase
from moto import mock_aws

from tests.proof import games, interleavings, moves, sequences
from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.sampling import every
from tests.proof.sequences import Turn
from tests.proof.world import TABLE, Person, World, watched
from tests.sandbox import dynamodb_local
from verification.aws import customer_rows


def test_calls_at_the_same_time_that_do_not_wait_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(customer_rows, "_NOT_SENDING", "NOT send = :token")
    assert games.play_scenario("Okta refuses: release | sign-in sends").finding


@pytest.mark.parametrize("name", every(80, [*interleavings.SCENARIOS], "interleavings"))
def test_calls_at_the_same_time_are_like_one_after_the_other(name: str) -> None:
    assert not games.play_scenario(name, 2).finding


class Both:
    """Does everything in memory, and the first call of each kind in moto too, where the rows are the
    same: both answer and store the same. Of one kind are calls with the same expressions and outcome.
    """

    def __init__(self, moto: Any, compared: set[str]) -> None:
        self._memory, self._moto, self._compared = MemoryDynamoDB(), moto, compared
        self.expire = self._memory.expire

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            parts = [each["Update"] for each in request.get("TransactItems", [])] or [request]
            before = {key: self._memory.rows.get(key) for key in map(_key, parts)}
            answer = _answer(getattr(self._memory, operation), request)
            kind = str((operation, [each.get(name) for each in parts for name in _EXPRESSIONS]))
            kind += str(_told(answer)[0])
            if kind not in self._compared:
                self._compared.add(kind)
                self._compare(operation, request, before, answer)
            if isinstance(answer, ClientError):
                raise answer
            return answer

        return ask

    def _compare(self, operation: str, request: Any, before: Any, answer: Any) -> None:
        for key, row in before.items():
            if row:
                self._moto.put_item(TableName=TABLE, Item=row)
            else:
                self._moto.delete_item(TableName=TABLE, Key={"pk": {"S": key}})
        assert _told(answer) == _told(_answer(getattr(self._moto, operation), request)), request
        for key in before:
            stored = self._moto.get_item(TableName=TABLE, Key={"pk": {"S": key}}).get("Item", {})
            assert self._memory.rows.get(key, {}) == stored, request


_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression")


def _key(request: Any) -> str:
    return str(request["Key"]["pk"]["S"])


def _answer(operation: Any, request: Any) -> Any:
    try:
        return operation(**request)
    except ClientError as error:
        return error


def _told(answer: Any) -> tuple[object, ...]:
    """What the service reads of an answer: the outcome, and rows."""
    response = answer.response if isinstance(answer, ClientError) else answer
    reasons = response.get("CancellationReasons", [])
    outcome = response.get("Error", {}).get("Code"), [each["Code"] for each in reasons]
    items = [each.get("Item", {}) for each in (response, *reasons)]
    return outcome, items, response.get("Attributes", {})


def created(client: Any) -> Any:
    """The client, with the table."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return client


def emptied(client: Any) -> Any:
    """The client, with an empty table."""
    for page in client.get_paginator("scan").paginate(TableName=TABLE):
        for row in page["Items"]:
            client.delete_item(TableName=TABLE, Key={"pk": row["pk"]})
    return client


@pytest.fixture
def moto() -> Iterator[Any]:
    with mock_aws():
        yield created(boto3.client("dynamodb"))


@pytest.fixture
def local() -> Iterator[Any]:
    """Amazon's own DynamoDB Local, where it is installed."""
    if missing := dynamodb_local.why_not():
        pytest.skip(missing)
    with dynamodb_local.dynamodb_local() as url:
        yield created(boto3.client("dynamodb", endpoint_url=url))


def test_store_of_the_games_is_like_moto(moto: Any) -> None:
    compared: set[str] = set()

    @hypothesis.settings(
        max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(sequences.attacks(knows_password=True))
    def play(turns: list[Turn]) -> None:
        with watched():
            world = World(Person.CUSTOMER, {}, store=Both(moto, compared))
            moves.meet_device(world)
            for turn in turns:
                turn.play(world)

    play()
    assert len(compared) > 80


@pytest.mark.parametrize("store", ["moto", "local"])
def test_calls_at_the_same_time_are_alike_on_other_stores(
    request: pytest.FixtureRequest, store: str
) -> None:
    client = request.getfixturevalue(store)
    scenario = interleavings.SCENARIOS["factors: wrong | wrong"]
    with watched(), interleavings.repeatable():
        assert interleavings.played(scenario, 1, lambda: emptied(client)) > 1
