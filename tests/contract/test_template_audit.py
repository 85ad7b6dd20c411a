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
from tests.integration.rows import ADA, EMAIL, STRANGERS, TARGET, of_client, opened, plan_of
from tests.unit.examples import NOW
from verification.aws.attempt_rows import AttemptRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.table import Table
from verification.models.callers import Lane
from verification.models.challenges import Conductor, ConductorKind
from verification.models.states import Attempt, Slot
from verification.observability import Meter
from verification.ports import Result, SendPlan, Settlement

BOT = Conductor(ConductorKind.IVR, "line 2")


class Stream:
    """The table with its stream, and the events that the pipe makes of it."""

    def __init__(self) -> None:
        client = boto3.client("dynamodb")
        declared: Any = deploy()["ChallengeTable"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        stream: Any = {"StreamEnabled": True, **declared["StreamSpecification"]}
        given: Any = {name: declared[name] for name in names}
        made = client.create_table(TableName="audited", StreamSpecification=stream, **given)
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
            json.loads(re.sub(r"<(\$[\w.]+)>", lambda path: value(record, path[1]), template))  # noqa: B023
            for record in self._records()
            if any(pattern.matches_event(record) for pattern in patterns)
        ]

    def told(self, name: str = "status") -> list[str]:
        return [event[name] for event in self.events()]

    def send(self, lane: Lane = Lane.CLIENT) -> SendPlan:
        """A code for a challenge that is stored with the customer."""
        plan = plan_of(of_client("one", lane=lane, purpose="pick-up", conductor=BOT))
        self.customers.begin_send(plan)
        return plan

    def attempt(self, result: Result, slot: Slot = Slot.NEWEST, *, closes: bool = False) -> None:
        """An attempt at that challenge."""
        lane, allowed = (Lane.RELEASE, None) if slot is Slot.RELEASE else (Lane.CLIENT, 4)
        self.attempts.reserve(ADA, Attempt("try", lane, allowed, NOW, slot=slot))
        settled = Settlement("try", NOW, result, ADA, 1, slot=slot, closes_customer=closes)
        self.attempts.settle(settled)

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


def value(record: Any, path: str) -> str:
    """The value at a path such as `$.dynamodb.Keys.pk.S`, or an empty string."""
    for name in path.split(".")[1:]:
        record = record.get(name, {})
    return str(record) if record != {} else ""


@pytest.fixture
def stream() -> Iterator[Stream]:
    with mock_aws():
        yield Stream()


def test_challenge_of_a_client(stream: Stream) -> None:
    stream.send()
    stream.attempt(Result.WRONG)
    stream.attempt(Result.RIGHT)
    *_, tried, verified = stream.events()
    assert stream.told() == ["sending", "pending", "pending", "pending", "verified"]
    assert [bool(each) for each in stream.told("attempt")] == [False, True, False, True, False]
    assert verified["row"] == f"customer#{ADA}"
    assert verified["context"] == {"kind": "ivr", "id": "line 2"}
    assert verified["challenge_id"] == "ch_one"
    assert verified["before"]["attempt"] == tried["attempt"]
    stream.customers.end_devices(ADA, NOW)
    assert stream.told().count("verified") == 1


def test_challenge_that_fails_or_is_exhausted(stream: Stream) -> None:
    stream.customers.withdraw_send(stream.send())
    assert stream.told() == ["sending", "failed"]
    stream.send()
    stream.attempt(Result.WRONG, closes=True)
    assert stream.told()[-1] == "exhausted"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (Result.WRONG, ["sending", "exhausted"]),
        (Result.RIGHT, ["sending", "exhausted", "verified"]),
        (Result.UNDONE, ["sending", "exhausted", "pending"]),
    ],
)
def test_release_is_used_up_when_its_attempt_begins(
    stream: Stream, result: Result, told: list[str]
) -> None:
    stream.send(Lane.RELEASE)
    stream.attempt(result, Slot.RELEASE)
    assert stream.told("release_status") == told


def test_release_that_fails(stream: Stream) -> None:
    stream.send(Lane.RELEASE)
    stream.attempt(Result.WRONG, Slot.RELEASE)
    stream.customers.end_devices(ADA, NOW)
    assert stream.told("release_status") == ["sending", "exhausted"]
    assert stream.events()[-1]["before"]["release_id"] == "ch_one"
    assert stream.events()[-1]["release_context"] == {"kind": "ivr", "id": "line 2"}


def test_public_challenge_has_events_once_a_customer_was_sent_its_code(stream: Stream) -> None:
    challenge = opened("one")
    stream.emails.open_challenge(STRANGERS, challenge)
    assert stream.events() == []
    stream.emails.attach(STRANGERS, challenge, TARGET)
    stream.attempts.reserve_public(STRANGERS, challenge.id, "try", NOW)
    stream.attempts.settle(Settlement("try", NOW, place=STRANGERS, public_result=Result.RIGHT))
    assert stream.told() == ["sending", "pending", "verified"]
    assert set(stream.told("row")) == {f"email#{EMAIL}"}


def test_events_hold_no_personal_data(stream: Stream) -> None:
    stream.send(Lane.RELEASE)
    text = json.dumps(stream.events(), ensure_ascii=False)
    for private in (TARGET.user_id, TARGET.factor_id, "example.com", "pick-up", "shop"):
        assert private not in text
