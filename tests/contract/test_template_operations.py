"""Alarms, their runbooks, and the dashboard."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from tests.contract.stack import Tree, created, deploy, of_type
from tests.sandbox.template import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:pager"


@pytest.fixture(scope="module")
def stack() -> Tree:
    """The stack with every alarm."""
    return created(deploy(), AuditStream="true", AlarmTopicArn=TOPIC)


@pytest.fixture(scope="module")
def alarms(stack: Tree) -> dict[str, Tree]:
    return of_type(stack, "AWS::CloudWatch::Alarm")


def runbooks() -> set[str]:
    """The headings of the runbooks in docs/operate.md."""
    part = (
        (ROOT / "docs" / "operate.md")
        .read_text()
        .partition("\n## Runbooks\n")[2]
        .partition("\n## ")[0]
    )
    return set(re.findall(r"^### (\w+)$", part, flags=re.MULTILINE))


def metrics_of(alarm: Tree) -> list[Tree]:
    """Namespace, name and dimensions of every metric of an alarm."""
    if "Metrics" in alarm:
        return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return [alarm]


def widgets_of(stack: Tree) -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    body = stack["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def shown(stack: Tree, namespace: str) -> set[str]:
    """The metrics of a namespace that the dashboard shows. A "." repeats the row before."""
    found = set()
    for widget in widgets_of(stack):
        current = ["", ""]
        for row in widget["properties"].get("metrics", []):
            if row[0] != "...":
                current = [
                    old if new == "." else new for old, new in zip(current, row, strict=False)
                ]
            if current[0] == namespace:
                found.add(current[1])
    return found


def texts_in_the_code() -> set[str]:
    """Every string literal of the product. The name of a metric is one of them."""
    return {
        node.value
        for folder in ("shared", "functions")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm(alarms: dict[str, Tree]) -> None:
    assert set(alarms) == runbooks()
    for name, alarm in alarms.items():
        assert f'README, "{name}".' in alarm["AlarmDescription"]


def test_start_and_end_of_every_alarm_are_sent_to_the_topic(alarms: dict[str, Tree]) -> None:
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopicArn"}]
    for alarm in of_type(created(deploy()), "AWS::CloudWatch::Alarm").values():
        assert "AlarmActions" not in alarm


def test_missing_data_sets_off_no_alarm(alarms: dict[str, Tree]) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}


def test_every_own_metric_exists_in_the_code(stack: Tree, alarms: dict[str, Tree]) -> None:
    namespace = "CustomerVerification"
    watched = [metric for alarm in alarms.values() for metric in metrics_of(alarm)]
    own = [metric for metric in watched if metric["Namespace"] == namespace]
    names = {metric["MetricName"] for metric in own} | shown(stack, namespace)
    assert names <= texts_in_the_code()
    for metric in own:
        assert metric["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    for function in of_type(stack, "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == namespace
        assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_dashboard_shows_every_alarm_that_always_exists(stack: Tree) -> None:
    (widget,) = (each for each in widgets_of(stack) if each["type"] == "alarm")
    always = of_type(created(deploy()), "AWS::CloudWatch::Alarm")
    assert set(widget["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in always}


def test_alarms_on_a_share_need_enough_calls(alarms: dict[str, Tree]) -> None:
    for name in ("HoldsRise", "SendLimitsRise", "DeliveriesFail"):
        (value,) = (each for each in alarms[name]["Metrics"] if "Expression" in each)
        assert re.match(r"IF\(.* >= \d+, .*, 0\)", value["Expression"])
