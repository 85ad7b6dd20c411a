"""The audit stream: what the pipe of the template makes of the table's changes.

moto has the stream and the patterns of EventBridge; the pipe's two kinds of path are done here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.events.models import EventPattern

from tests.contract.stack import created, deploy
from tests.integration.challenge_rows import ADA, BOB, HOLD, begin, sent
from tests.unit.examples import NOW
from verification import errors
from verification.aws.customers import CustomerRows
from verification.aws.emails import EmailRows
from verification.aws.table import Table
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.integration.account import Account


class Stream:
    """The table with its stream, and the events that the pipe makes of it."""

    def __init__(self, client: DynamoDBClient) -> None:
        stack = created(deploy(), AuditStream="true")
        table = stack["ChallengeTable"]["Properties"]
        stream: Any = {"StreamEnabled": True, **table["StreamSpecification"]}
        made = client.create_table(
            TableName="audited",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=table["AttributeDefinitions"],
            KeySchema=table["KeySchema"],
            StreamSpecification=stream,
        )
        self._arn = made["TableDescription"]["LatestStreamArn"]
        self._pipe = stack["AuditPipe"]["Properties"]
        self.table = Table(client, "audited", Meter())

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and detail of every event, oldest first."""
        filters = self._pipe["SourceParameters"]["FilterCriteria"]["Filters"]
        patterns = [EventPattern.load(each["Pattern"]) for each in filters]
        target = self._pipe["TargetParameters"]
        name = target["EventBridgeEventBusParameters"]["DetailType"]
        return [
            (at(record, name), json.loads(rendered(target["InputTemplate"], record)))
            for record in self._records()
            if any(pattern.matches_event(record) for pattern in patterns)
        ]

    def _records(self) -> list[Any]:
        client = boto3.client("dynamodbstreams")
        (shard,) = client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        iterator = client.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[Any] = client.get_records(ShardIterator=iterator)["Records"]
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] = NOW
        return records


def at(record: Any, path: str) -> str:
    """What is at a path such as `$.dynamodb.Keys.pk.S`; empty if nothing is."""
    for name in path.split(".")[1:]:
        record = record.get(name, {})
    return str(record) if record != {} else ""


def rendered(template: str, record: Any) -> str:
    return re.sub(r"<(\$[\w.]+)>", lambda path: at(record, path[1]), template)


@pytest.fixture
def stream(account: Account) -> Stream:
    return Stream(account.dynamodb)


@pytest.fixture
def rows(stream: Stream) -> CustomerRows:
    return CustomerRows(stream.table, HOLD)


def names(stream: Stream) -> list[str]:
    return [name for name, _ in stream.events()]


def test_a_verification_is_three_events(stream: Stream, rows: CustomerRows) -> None:
    begin(rows, sent("one"))
    rows.reserve(ADA, None, "a", NOW)
    rows.verified(ADA, "a", NOW)
    assert names(stream) == ["sending", "pending", "verified"]
    _, detail = stream.events()[-1]
    assert (detail["customer"], detail["challenge_id"]) == (f"customer#{ADA}", "ch_one")
    assert (detail["failures"], detail["before"]["failures"]) == ("0", "1")
    assert (detail["checking_until"], detail["before"]["status"]) == ("", "pending")


def test_a_wrong_code_is_a_check_that_ends_with_its_failure_still_counted(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one"))
    rows.reserve(ADA, None, "a", NOW)
    rows.rejected(ADA, "a")
    (_, checking), (_, wrong) = stream.events()[1:]
    assert names(stream)[1:] == ["pending", "pending"]
    assert checking["checking_until"]
    assert (wrong["checking_until"], wrong["failures"]) == ("", "1")
    assert wrong["before"]["failures"] == "1"


def test_a_check_that_never_reached_okta_is_counted_no_more(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one"))
    rows.reserve(ADA, None, "a", NOW)
    rows.released(ADA, "a", NOW)
    _, detail = stream.events()[-1]
    assert (detail["failures"], detail["before"]["failures"]) == ("0", "1")


def test_a_hold_and_its_release_are_told_apart_by_its_end(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one"))
    for attempt in "abcd":
        rows.reserve(ADA, None, attempt, NOW)
        settle = rows.exhausted if attempt == "d" else rows.rejected
        settle(ADA, attempt)
    rows.release_hold(ADA, NOW + 60)
    (held, hold), (released, release) = stream.events()[-2:]
    assert (held, released) == ("exhausted", "exhausted")
    assert (hold["failures"], hold["held_until"]) == ("4", str(NOW + HOLD))
    assert (release["held_until"], release["before"]["held_until"]) == (
        str(NOW + 60),
        str(NOW + HOLD),
    )


def test_what_is_tried_in_a_sign_in_is_no_second_verification(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one"))
    rows.reserve(ADA, None, "a", NOW)
    rows.verified(ADA, "a", NOW)
    for attempt in "bcde":
        state = rows.reserve_step(ADA, attempt, NOW + 60)
        rows.count(ADA, attempt, state)
    rows.release_hold(ADA, NOW + 120)
    assert names(stream) == ["sending", "pending", "verified"]


def test_what_is_tried_in_a_sign_in_leaves_the_challenge_in_its_state(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one"))
    rows.reserve_step(ADA, "a", NOW)
    rows.succeeded(ADA, "a")
    assert names(stream) == ["sending"] * 3
    _, detail = stream.events()[-1]
    assert (detail["challenge_id"], detail["before"]["challenge_id"]) == ("ch_one", "ch_one")
    assert (detail["failures"], detail["before"]["failures"]) == ("0", "1")


def test_a_code_that_was_not_sent_is_told(stream: Stream, rows: CustomerRows) -> None:
    begin(rows, sent("one"))
    rows.withdraw(ADA, "ch_one")
    assert names(stream) == ["sending", "failed"]


def test_a_refused_call_changes_nothing_and_is_no_event(stream: Stream, rows: CustomerRows) -> None:
    begin(rows, sent("one"))
    with pytest.raises(errors.ChallengeNotFound):
        rows.reserve(ADA, "ch_other", "a", NOW)
    assert names(stream) == ["sending"]


def test_nobody_and_what_else_is_in_the_table_make_no_events(
    stream: Stream, rows: CustomerRows
) -> None:
    rows.open(BOB, sent("decoy"), NOW, is_nobody=True)
    EmailRows(stream.table).reserve_send("0e" * 16, "token", NOW)
    assert stream.events() == []


def test_an_event_has_nothing_of_what_the_row_knows_of_a_person(
    stream: Stream, rows: CustomerRows
) -> None:
    begin(rows, sent("one", purpose="pick-up", client="shop"))
    ((_, detail),) = stream.events()
    text = json.dumps(detail)
    opened = sent("one")
    for secret in (opened.identity, opened.user_id, opened.factor_id, opened.destination):
        assert secret
        assert secret not in text
