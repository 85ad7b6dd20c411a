"""What an operator sees: alarms, their runbooks, the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.stack import Tree, created, deploy, of_type
from tests.sandbox.template import ROOT
from verification.dialects.outcomes import STATUS

SUCCESSES = {"sent", "signed_in", "verified"}
MEASURES = {"okta_latency", "okta_quota_remaining"}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:pager"


@pytest.fixture(scope="module")
def stack() -> Tree:
    """The stack with everything in it that can ring."""
    return created(deploy(), AuditStream="true", AlarmTopicArn=TOPIC)


@pytest.fixture(scope="module")
def alarms(stack: Tree) -> dict[str, Tree]:
    return of_type(stack, "AWS::CloudWatch::Alarm")


def runbooks() -> dict[str, str]:
    """Heading and text of every runbook in the README."""
    readme = (ROOT / "README.md").read_text()
    part = readme.partition("\n## Runbooks\n")[2].partition("\n## ")[0]
    texts = re.split(r"^### ", part, flags=re.MULTILINE)[1:]
    return {text.partition("\n")[0]: text.partition("\n")[2] for text in texts}


def metrics_of(alarm: Tree) -> list[Tree]:
    """Namespace, name and dimensions of all that an alarm looks at."""
    if "Metrics" in alarm:
        return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return [alarm]


def test_every_alarm_has_its_runbook_and_every_runbook_its_alarm(alarms: dict[str, Tree]) -> None:
    assert set(alarms) == set(runbooks())
    for name, alarm in alarms.items():
        assert f'README, "{name}".' in alarm["AlarmDescription"]


def test_every_alarm_is_sent_to_the_topic_and_its_end_too(alarms: dict[str, Tree]) -> None:
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopicArn"}]
    for alarm in of_type(created(deploy()), "AWS::CloudWatch::Alarm").values():
        assert "AlarmActions" not in alarm


def test_silence_rings_no_alarm(alarms: dict[str, Tree]) -> None:
    for alarm in alarms.values():
        assert alarm["TreatMissingData"] == "notBreaching"


def test_every_own_metric_is_one_that_the_functions_emit(
    stack: Tree, alarms: dict[str, Tree]
) -> None:
    emitted = set(STATUS) | SUCCESSES | MEASURES
    watched = [metric for alarm in alarms.values() for metric in metrics_of(alarm)]
    own = [metric for metric in watched if metric["Namespace"] == "CustomerVerification"]
    service = [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    assert {metric["MetricName"] for metric in own} <= emitted
    assert all(metric["Dimensions"] == service for metric in own)
    for function in of_type(stack, "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "CustomerVerification"
        assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert shown(stack, "CustomerVerification") <= emitted


def shown(stack: Tree, namespace: str) -> set[str]:
    """The metrics of a namespace that the dashboard shows."""
    found = set()
    for widget in dashboard(stack):
        current = ["", ""]
        for row in widget["properties"].get("metrics", []):
            if row[0] != "...":
                current = [
                    old if new == "." else new for old, new in zip(current, row, strict=False)
                ]
            if current[0] == namespace:
                found.add(current[1])
    return found


def dashboard(stack: Tree) -> list[dict[str, Any]]:
    body = stack["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def test_the_dashboard_answers_questions(stack: Tree) -> None:
    titles = [widget["properties"]["title"] for widget in dashboard(stack)]
    assert all(title.endswith("?") for title in titles)
    assert "Are customers getting through?" in titles
    assert "Is somebody attacking?" in titles


def test_the_dashboard_shows_every_alarm_that_is_always_there(stack: Tree) -> None:
    (widget,) = (each for each in dashboard(stack) if each["type"] == "alarm")
    always = of_type(created(deploy()), "AWS::CloudWatch::Alarm")
    assert set(widget["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in always}


def test_a_share_is_one_of_enough_calls(alarms: dict[str, Tree]) -> None:
    """A single refusal in a quiet hour wakes nobody."""
    for name in ("HoldsRise", "SendLimitsRise"):
        (value,) = (each for each in alarms[name]["Metrics"] if "Expression" in each)
        assert re.match(r"IF\(.* >= \d+, .*, 0\)", value["Expression"])
