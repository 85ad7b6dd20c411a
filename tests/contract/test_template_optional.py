"""The optional stacks in deploy/: what they take from the core, alarms, dashboard and firewall."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.stack import (
    CORE,
    OPTIONAL,
    Tree,
    deploy,
    imports,
    of_type,
    only,
    optional,
    parse,
)
from tests.sandbox.template import ROOT
from verification.http import json_api

OPERATIONS, FIREWALL, AUDIT = (
    f"deploy/{name}.yaml" for name in ("operations", "firewall", "audit")
)
TOPIC = {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:pager"}
NAMESPACE = "CustomerVerification"
ALARM = "AWS::CloudWatch::Alarm"

CORE_ALARMS = {
    name: each["Properties"]
    for name, each in parse(CORE)["Resources"].items()
    if each["Type"] == ALARM
}
OWN_ALARMS = {
    **of_type(optional(OPERATIONS, **TOPIC), ALARM),
    **of_type(optional(AUDIT, **TOPIC), ALARM),
}
ALARMS = {**CORE_ALARMS, **OWN_ALARMS}


def metrics_of(alarm: Tree) -> list[Tree]:
    """Namespace, name and dimensions of every metric of an alarm."""
    if "Metrics" in alarm:
        return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return [alarm]


def widgets() -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    text, _ = optional(OPERATIONS)["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


def shown(namespace: str) -> set[str]:
    """The metrics of a namespace that the dashboard shows. A "." repeats the row before."""
    found = set()
    for widget in widgets():
        current = ["", ""]
        for row in widget["properties"].get("metrics", []):
            if row[0] != "...":
                pairs = zip(current, row, strict=False)
                current = [old if new == "." else new for old, new in pairs]
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


@pytest.mark.parametrize("file", OPTIONAL)
class TestEveryStack:
    def test_it_imports_what_the_core_exports(self, file: str) -> None:
        outputs = parse(CORE)["Outputs"]
        exported = {name for name, each in outputs.items() if "Export" in each}
        for name in exported:
            assert outputs[name]["Export"]["Name"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
        assert set(imports(parse(file))) <= exported

    def test_it_deploys_with_one_line_that_it_shows(self, file: str) -> None:
        text = (ROOT / file).read_text()
        ((options),) = re.findall(r"^# aws cloudformation deploy(.*(?:\n#   .*)*)", text, re.M)
        assert f"--template-file {file}" in options
        needed = {
            name
            for name, each in parse(file).get("Parameters", {}).items()
            if "Default" not in each
        }
        assert needed <= set(re.findall(r"(\w+)=", options))
        makes_roles = "AWS::IAM::Role" in text
        assert ("--capabilities CAPABILITY_IAM" in options) is makes_roles


class TestAlarms:
    def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm(self) -> None:
        pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        parts = [page.read_text().partition("\n## Runbooks\n")[2] for page in pages]
        headings = re.findall(r"^### (\w+)$", "".join(p.partition("\n## ")[0] for p in parts), re.M)
        assert sorted(headings) == sorted(ALARMS)
        for name, alarm in ALARMS.items():
            assert f'docs/operate.md, "{name}".' in alarm["AlarmDescription"]

    def test_start_and_end_of_every_alarm_are_sent_to_the_topic(self) -> None:
        core = only(optional(OPERATIONS, **TOPIC), "AWS::CloudWatch::CompositeAlarm")
        for alarm in (core, *OWN_ALARMS.values()):
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopicArn"}]
        rule, arns = core["AlarmRule"]["Fn::Sub"]
        assert set(re.findall(r'ALARM\("\$\{(\w+)\}"\)', rule)) == set(arns) == set(CORE_ALARMS)
        assert "AlarmActions" not in json.dumps([optional(OPERATIONS), optional(AUDIT)])

    def test_missing_data_sets_off_no_alarm(self) -> None:
        assert {alarm["TreatMissingData"] for alarm in ALARMS.values()} == {"notBreaching"}

    def test_every_own_metric_exists_in_the_code(self) -> None:
        watched = [metric for alarm in ALARMS.values() for metric in metrics_of(alarm)]
        own = [metric for metric in watched if metric["Namespace"] == NAMESPACE]
        assert {metric["MetricName"] for metric in own} | shown(NAMESPACE) <= texts_in_the_code()
        for metric in own:
            (dimension,) = metric["Dimensions"]
            stack = {"Ref": "CoreStack"}, {"Ref": "AWS::StackName"}
            assert dimension["Name"] == "service"
            assert dimension["Value"] in stack
        for function in of_type(deploy(), "AWS::Lambda::Function").values():
            variables = function["Environment"]["Variables"]
            assert variables["POWERTOOLS_METRICS_NAMESPACE"] == NAMESPACE
            assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}

    def test_dashboard_shows_every_alarm(self) -> None:
        (widget,) = (each for each in widgets() if each["type"] == "alarm")
        named = {re.sub(r"\W|Arn\b", "", each) for each in widget["properties"]["alarms"]}
        assert named == set(ALARMS) - {"AuditEventsAreLost"}

    @pytest.mark.parametrize(
        "name", ["HoldsRise", "WrongPasswordsRise", "SendLimitsRise", "DeliveriesFail"]
    )
    def test_alarms_on_a_share_need_enough_calls(self, name: str) -> None:
        (value,) = (each for each in ALARMS[name]["Metrics"] if "Expression" in each)
        assert re.match(r"IF\(.* >= \d+, .*, 0\)", value["Expression"])


WEB_ACL = only(optional(FIREWALL), "AWS::WAFv2::WebACL")
RULES = {rule["Name"]: rule for rule in WEB_ACL["Rules"]}


class TestFirewall:
    def test_own_web_acl_replaces_that_of_the_stack(self) -> None:
        stack = optional(FIREWALL, WebAclArn="arn:own")
        assert list(stack) == ["FirewallOfStage"]
        assert stack["FirewallOfStage"]["Properties"]["WebACLArn"] == {"Ref": "WebAclArn"}

    @pytest.mark.parametrize(
        ("method", "headers", "is_counted"),
        [
            ("GET", {}, True),
            ("POST", {"authorization": ""}, True),
            ("POST", {"authorization": "x"}, False),
            ("OPTIONS", {}, False),
        ],
    )
    def test_public_calls_are_counted_without_preflights(
        self, method: str, headers: dict[str, str], is_counted: bool
    ) -> None:
        rate = RULES["PublicCallsPerAddress"]["Statement"]["RateBasedStatement"]
        assert matches(rate["ScopeDownStatement"], method, headers) is is_counted

    def test_no_call_escapes_the_second_limit(self) -> None:
        names = ("PublicCallsPerAddress", "CallsPerAddress")
        first, second = (RULES[n]["Statement"]["RateBasedStatement"] for n in names)
        assert "ScopeDownStatement" not in second
        parameters = parse(FIREWALL)["Parameters"]
        lower, higher = (parameters[rate["Limit"]["Ref"]]["Default"] for rate in (first, second))
        assert lower < higher

    def test_every_body_that_a_function_reads_is_allowed(self) -> None:
        longest = RULES["LongBodies"]["Statement"]["SizeConstraintStatement"]
        assert longest["ComparisonOperator"] == "GT"
        assert longest["Size"] >= json_api.MAX_BODY

    def test_requests_are_not_sampled(self) -> None:
        """Samples would hold codes and client keys."""
        shown = [each["VisibilityConfig"] for each in (WEB_ACL, *WEB_ACL["Rules"])]
        assert not any(each["SampledRequestsEnabled"] for each in shown)

    def test_refusals_look_like_the_service_and_a_browser_may_read_them(self) -> None:
        for rule in WEB_ACL["Rules"][:3]:
            response = rule["Action"]["Block"]["CustomResponse"]
            content = WEB_ACL["CustomResponseBodies"][response["CustomResponseBodyKey"]]
            body = json.loads(content["Content"])
            headers = {each["Name"]: each["Value"] for each in response["ResponseHeaders"]}
            assert {"type", "title", "code", "message", "errorCode"} <= set(body)
            assert body["status"] == response["ResponseCode"]
            assert headers["Strict-Transport-Security"] == "max-age=31536000"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Access-Control-Allow-Origin"] == {"Ref": "Origin"}
            assert headers.get("Retry-After", "") == str(body.get("retry_after", ""))
            exposed = headers.get("Access-Control-Expose-Headers", "")
            assert ("Retry-After" in headers) is ("Retry-After" in exposed)


def matches(statement: Tree, method: str, headers: Mapping[str, str]) -> bool:
    """Whether WAF's statement matches a request, for the kinds of statement in use."""
    ((kind, content),) = statement.items()
    match kind:
        case "AndStatement":
            return all(matches(each, method, headers) for each in content["Statements"])
        case "NotStatement":
            return not matches(content["Statement"], method, headers)
        case "ByteMatchStatement":
            assert content["FieldToMatch"] == {"Method": {}}
            assert content["PositionalConstraint"] == "EXACTLY"
            return bool(method == content["SearchString"])
        case "SizeConstraintStatement":
            assert content["ComparisonOperator"] == "GT"
            name = content["FieldToMatch"]["SingleHeader"]["Name"]
            return name in headers and len(headers[name]) > content["Size"]
    raise AssertionError(f"no kind of statement in use: {kind}")
