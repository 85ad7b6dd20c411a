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

from tests.proof import games, interleavings, moves, sequences
from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.over_http import over_http
from tests.proof.sampling import every
from tests.proof.sequences import Turn
from tests.proof.world import TABLE, InProcess, Person, World, watched
from tests.sandbox import dynamodb_local
from verification import rules
from verification.aws import customer_rows, email_rows, secrets
from verification.aws.receipt_rows import ReceiptRows

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def played(name: str, count: int) -> None:
    """Play a game so many times, and find the shortest sequence that wins it."""
    phases = (Phase.generate, Phase.shrink)
    hypothesis.settings(max_examples=count, phases=phases, suppress_health_check=SLOW)(
        games.game(name)
    )()


def test_strangers_cannot_tell_a_customer_from_nobody() -> None:
    played("indistinguishability", 500)


def test_strangers_are_not_told_what_others_do() -> None:
    played("others", 60)


def test_strangers_cannot_shut_the_customer_out() -> None:
    played("siege", 50)


def test_strangers_with_the_password_cannot_shut_the_customer_out() -> None:
    played("siege_with_password", 50)


@pytest.mark.parametrize(
    ("game", "count"),
    [("verification", 30), ("receipts", 20), ("registration", 40), ("rotation", 40)],
)
def test_no_sequence_wins(game: str, count: int) -> None:
    played(game, count)


@pytest.mark.parametrize(
    ("game", "owner", "name", "broken"),
    [
        ("others", email_rows, "_remembered", lambda challenges, _: challenges),
        ("verification", rules, "matches", lambda *_: True),
        ("verification", rules, "is_newest", lambda *_: True),
        ("receipts", ReceiptRows, "redeem", lambda *_: None),
        ("registration", rules, "was_created_for", lambda *_: True),
        ("rotation", secrets, "MAX_AGE", 10**9),
    ],
)
def test_a_broken_rule_loses_the_game(
    monkeypatch: pytest.MonkeyPatch, game: str, owner: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(owner, name, broken)
    settings = hypothesis.settings(
        max_examples=300, phases=[Phase.generate], suppress_health_check=SLOW
    )
    with pytest.raises(AssertionError):
        settings(games.game(game))()


def test_a_game_over_http_goes_through_sockets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((World, "exchange"), (InProcess, "answered")):
        monkeypatch.setattr(owner, name, None)
    with over_http():
        assert not games.play("verification", 2).finding


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

    @hypothesis.settings(max_examples=20, phases=[Phase.generate], suppress_health_check=SLOW)
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
