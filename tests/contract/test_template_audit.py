"""The audit events that the pipe of deploy/audit.yaml makes of changes of the table.

moto has the table's stream and EventBridge's patterns. Reading paths and filling in the template of
an event, which pipes do, is done here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.events.models import EventPattern

from tests.contract.stack import Tree, deploy, optional
from verification.aws.attempt_rows import AttemptRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.table import Table
from verification.crypto import Place, Row
from verification.models import (
    Attempt,
    Challenge,
    ChallengeStatus,
    Channel,
    Conductor,
    ConductorKind,
    CustomerKey,
    EmailHash,
    Lane,
    Slot,
    Target,
)
from verification.observability import Meter
from verification.ports import Result, SendPlan, Settlement

NOW = 1_795_262_400
CUSTOMER, EMAIL = CustomerKey("c" * 32), EmailHash("e" * 32)
PUBLIC = Place(Row.EMAIL, EMAIL)
BOT = Conductor(ConductorKind.IVR, "line 2")
TARGET = Target(CUSTOMER, "00u1", "emf1")


class Stream:
    """The table with its stream, and the events that the pipe makes of it."""

    def __init__(self) -> None:
        client = boto3.client("dynamodb")
        declared: Any = deploy()["ChallengeTable"]["Properties"]
        stream: Any = {"StreamEnabled": True, **declared["StreamSpecification"]}
        made = client.create_table(
            TableName="audited",
            BillingMode=declared["BillingMode"],
            AttributeDefinitions=declared["AttributeDefinitions"],
            KeySchema=declared["KeySchema"],
            StreamSpecification=stream,
        )
        self._arn = made["TableDescription"]["LatestStreamArn"]
        self._pipe = optional("deploy/audit.yaml")["AuditPipe"]["Properties"]
        table = Table(client, "audited", Meter())
        self.emails, self.customers = EmailRows(table, 3), CustomerRows(table)
        self.attempts = AttemptRows(table, self.emails)

    def events(self) -> list[Tree]:
        """The content of every event, oldest first."""
        filters = self._pipe["SourceParameters"]["FilterCriteria"]["Filters"]
        patterns = [EventPattern.load(each["Pattern"]) for each in filters]
        template = self._pipe["TargetParameters"]["InputTemplate"]
        return [
            rendered(template, record)
            for record in self._records()
            if any(pattern.matches_event(record) for pattern in patterns)
        ]

    def statuses(self, name: str = "status") -> list[str]:
        return [event[name] for event in self.events()]

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


def rendered(template: str, record: Any) -> Tree:
    """The event for a record."""
    content: Tree = json.loads(
        re.sub(r"<(\$[\w.]+)>", lambda path: value(record, path[1]), template)
    )
    return content


def value(record: Any, path: str) -> str:
    """The value at a path such as `$.dynamodb.Keys.pk.S`, or an empty string."""
    for name in path.split(".")[1:]:
        record = record.get(name, {})
    return str(record) if record != {} else ""


@pytest.fixture
def stream() -> Iterator[Stream]:
    with mock_aws():
        yield Stream()


def challenge(name: str, lane: Lane) -> Challenge:
    return Challenge(
        id=f"ch_{name}",
        status=ChallengeStatus.SENDING,
        channel=Channel.EMAIL,
        lane=lane,
        email_hash=EMAIL,
        destination="a•••@example.com",
        sent_at=NOW,
        expires_at=NOW + 300,
        target=None if lane is Lane.STRANGER else TARGET,
        client=None if lane is Lane.STRANGER else "shop",
        purpose="pick-up",
        conductor=BOT,
    )


def send(stream: Stream, name: str, lane: Lane) -> SendPlan:
    """A code for a challenge that is stored with the customer."""
    plan = SendPlan(CUSTOMER, f"ch_{name}", name, NOW, 4, "emf1", "d", challenge(name, lane))
    stream.customers.begin_send(plan)
    return plan


def attempt(stream: Stream, slot: Slot, result: Result, *, closes: bool = False) -> None:
    """An attempt at a challenge that is stored with the customer."""
    allowed = None if slot is Slot.RELEASE else 4
    lane = Lane.RELEASE if slot is Slot.RELEASE else Lane.CLIENT
    stream.attempts.reserve(CUSTOMER, Attempt("try", lane, allowed, NOW, slot=slot))
    stream.attempts.settle(
        Settlement("try", NOW, result, CUSTOMER, 1, slot=slot, closes_customer=closes)
    )


def test_challenge_of_a_client(stream: Stream) -> None:
    send(stream, "one", Lane.CLIENT)
    attempt(stream, Slot.NEWEST, Result.WRONG)
    attempt(stream, Slot.NEWEST, Result.RIGHT)
    *_, tried, verified = stream.events()
    assert stream.statuses() == ["sending", "pending", "pending", "pending", "verified"]
    assert [bool(event["attempt"]) for event in stream.events()] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert verified["row"] == f"customer#{CUSTOMER}"
    assert verified["context"] == {"kind": "ivr", "id": "line 2"}
    assert verified["challenge_id"] == "ch_one"
    assert verified["before"]["attempt"] == tried["attempt"]


def test_verification_is_one_event(stream: Stream) -> None:
    send(stream, "one", Lane.CLIENT)
    attempt(stream, Slot.NEWEST, Result.RIGHT)
    stream.customers.end_devices(CUSTOMER, NOW)
    assert stream.statuses().count("verified") == 1


def test_code_that_was_not_sent(stream: Stream) -> None:
    stream.customers.withdraw_send(send(stream, "one", Lane.CLIENT))
    assert stream.statuses() == ["sending", "failed"]


def test_last_allowed_wrong_code(stream: Stream) -> None:
    send(stream, "one", Lane.CLIENT)
    attempt(stream, Slot.NEWEST, Result.WRONG, closes=True)
    assert stream.statuses()[-1] == "exhausted"


def test_release_that_fails(stream: Stream) -> None:
    send(stream, "one", Lane.RELEASE)
    attempt(stream, Slot.RELEASE, Result.WRONG, closes=True)
    stream.customers.end_devices(CUSTOMER, NOW)
    assert stream.statuses("release_status") == ["sending", "pending", "exhausted"]
    assert stream.events()[-1]["before"]["release_id"] == "ch_one"
    assert stream.events()[-1]["release_context"] == {"kind": "ivr", "id": "line 2"}


def test_public_challenge_has_events_once_a_customer_was_sent_its_code(stream: Stream) -> None:
    opened = challenge("one", Lane.STRANGER)
    stream.emails.open_challenge(PUBLIC, opened)
    assert stream.events() == []
    stream.emails.attach(PUBLIC, opened, TARGET)
    stream.attempts.reserve_public(PUBLIC, opened.id, "try", NOW)
    stream.attempts.settle(Settlement("try", NOW, place=PUBLIC, public_result=Result.RIGHT))
    assert stream.statuses() == ["sending", "pending", "verified"]
    assert {event["row"] for event in stream.events()} == {f"email#{EMAIL}"}


def test_events_hold_no_personal_data(stream: Stream) -> None:
    send(stream, "one", Lane.CLIENT)
    send(stream, "two", Lane.RELEASE)
    text = json.dumps(stream.events(), ensure_ascii=False)
    for private in (TARGET.user_id, TARGET.factor_id, "example.com", "pick-up", "shop"):
        assert private not in text
