"""A verification uses no more than costs are computed from, and not much less."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests import cost
from tests.sandbox.template import PREFIX
from verification.aws.customers import SLOTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Caller

EMAIL = "ada@example.com"


def verify(public: Caller) -> None:
    """A code is sent and checked."""
    body = {"challenge_id": public.challenge(EMAIL)["challenge_id"], "code": public.code(EMAIL)}
    assert public.post("/verify", body).status_code == 200


def test_a_verification_logs_what_is_paid_for(public: Caller, log: Path) -> None:
    before = len(log.read_text())
    verify(public)
    lines = log.read_text()[before:].splitlines()
    metrics = [line for line in lines if "_aws" in line]
    assert (len(lines), len(metrics)) == (2 * cost.CALLS, cost.CALLS)
    for line in lines:
        paid_for = cost.METRICS_BYTES if line in metrics else cost.LINE_BYTES
        assert 0.9 * paid_for < len(line) <= paid_for
    names = {
        metric["Name"]
        for line in metrics
        for metric in json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert names == {*cost.METRICS} - {"invalid_code"}


def test_a_verification_stores_what_is_paid_for(public: Caller, log: Path) -> None:
    before = len(log.read_text())
    verify(public)
    told = [json.loads(line) for line in log.read_text()[before:].splitlines()]
    calls = [each["store_calls"] for each in told if "outcome" in each]
    assert calls == [cost.STORE_CALLS_TO_SEND, cost.STORE_CALLS_TO_CHECK]


def test_rows_are_as_long_as_they_are_paid_for(public: Caller) -> None:
    for _ in range(SLOTS):
        verify(public)
        public.sandbox.advance += 31
    table = public.sandbox.aws.client("dynamodb")
    rows = table.scan(TableName=f"{PREFIX}ChallengeTable")["Items"]
    sizes = {row["pk"]["S"].partition("#")[0]: size_of({"M": row}) for row in rows}
    assert sizes["caller"] < 1024
    assert 1024 < sizes["email"] < 2048
    assert 1024 < sizes["customer"] < cost.ROW_BYTES


def size_of(value: dict[str, Any]) -> int:
    """Bytes of a value as DynamoDB counts them, or a few more."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(len(name) + 1 + size_of(item) for name, item in content.items())
    return 1 if kind == "NULL" else len(str(content).encode())
