"""The games, as often as a suite has time for; and that the store of the games is like DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase
from moto import mock_aws

from tests.proof import games, sequences
from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.sequences import Turn
from tests.proof.world import TABLE, Person, World, watched

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def played(game: Any, count: int) -> None:
    """Play a game so many times, and find the shortest sequence that wins it."""
    phases = (Phase.generate, Phase.shrink)
    hypothesis.settings(max_examples=count, phases=phases, suppress_health_check=SLOW)(game)()


def test_strangers_cannot_tell_a_customer_from_nobody() -> None:
    played(games.indistinguishability, 500)


def test_strangers_cannot_shut_the_customer_out() -> None:
    played(games.siege, 70)


def test_strangers_with_the_password_cannot_shut_the_customer_out() -> None:
    played(games.siege_with_password, 70)


class Both:
    """Does everything in memory and in moto, and compares what they answer."""

    def __init__(self, moto: Any) -> None:
        self._memory, self._moto = MemoryDynamoDB(), moto

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            answers = [
                _answer(getattr(store, operation), request) for store in (self._memory, self._moto)
            ]
            assert _told(answers[0]) == _told(answers[1]), request
            if isinstance(answers[0], ClientError):
                raise answers[0]
            return answers[0]

        return ask

    def expire(self, now: float) -> None:
        """Delete the same rows in both."""
        before = set(self._memory.rows)
        self._memory.expire(now)
        for key in before - set(self._memory.rows):
            self._moto.delete_item(TableName=TABLE, Key={"pk": {"S": key}})


def _answer(operation: Any, request: Any) -> Any:
    try:
        return operation(**request)
    except ClientError as error:
        return error


def _told(answer: Any) -> object:
    """What the service reads of an answer."""
    response = answer.response if isinstance(answer, ClientError) else answer
    reasons = [
        (reason["Code"], reason.get("Item", {}))
        for reason in response.get("CancellationReasons", [])
    ]
    error = response.get("Error", {}).get("Code")
    return error, response.get("Item", {}), response.get("Attributes", {}), reasons


@pytest.fixture
def moto() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield client


@hypothesis.settings(max_examples=4, suppress_health_check=SLOW)
@hypothesis.given(turns=sequences.attacks(knows_password=True))
def test_store_of_the_games_is_like_moto(moto: Any, turns: list[Turn]) -> None:
    for page in moto.get_paginator("scan").paginate(TableName=TABLE):
        for row in page["Items"]:
            moto.delete_item(TableName=TABLE, Key={"pk": row["pk"]})
    with watched():
        world = World(Person.CUSTOMER, {}, store=Both(moto))
        games.meet_device(world)
        for turn in turns:
            turn.play(world)
