"""The arithmetic of costs, by cases that were computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests import cost
from tests.cost import Load, Options, Stack

STACK = Stack(
    memory_gb=1.0,
    functions=2,
    secrets=2,
    alarm_metrics=8,
    dashboards=1,
    waf_rules=3,
    is_traced=True,
    has_method_metrics=True,
)
NEITHER = Options("neither")
BOTH = Options("both", waf=True, snapstart=True)
LOAD = Load(1800, 0.01, 2)


def test_a_price_is_for_so_many_units() -> None:
    assert cost.REST_CALL.of(2_000_000) == 7.0
    assert cost.SECRET_READ.of(20_000) == pytest.approx(0.10)


def test_every_price_names_its_list_and_where_it_was_read() -> None:
    prices = [each for each in vars(cost).values() if isinstance(each, cost.Price)]
    assert len(prices) == 21
    for price in prices:
        assert price.usd > 0
        assert price.units in (1, 10_000, 1_000_000)
        assert price.source.startswith("https://aws.amazon.com/")
        assert price.seen


def test_what_is_paid_for_nothing_but_being_there() -> None:
    assert cost.fixed(STACK, NEITHER) == pytest.approx(
        {
            "CloudWatch": 15 * 0.30 + 8 * 0.10 + 3.00,
            "Secrets Manager": 0.80,
            "DynamoDB": 0.2 * 0.45,
        }
    )


def test_snapshots_and_the_firewall_are_paid_for_by_the_month() -> None:
    amounts = cost.fixed(STACK, BOTH)
    assert amounts["Lambda"] == pytest.approx(7.908, abs=0.001)
    assert amounts["WAF"] == 8.00


def test_a_thousand_verifications() -> None:
    assert cost.per_thousand(STACK, LOAD, NEITHER) == pytest.approx(
        {
            "API Gateway": 0.0070,
            # 2,000 invocations; 750 and 166.5 s of work and 20 s of cold starts, of 1 GB each.
            "Lambda": 0.0004 + 936.5 * 0.0000133334,
            "DynamoDB": 0.0075 + 0.000125,
            "CloudWatch": 2000 * 1640e-9 * 0.53,
            # Two secrets, two functions, 24 times an hour in which there are 1,800.
            "Secrets Manager": 1000 * 96 / 1800 * 0.000005,
            "X-Ray": 0.0100,
        }
    )


def test_a_thousand_verifications_with_snapshots_and_the_firewall() -> None:
    amounts = cost.per_thousand(STACK, LOAD, BOTH)
    # Of the 20 cold starts 4 s and 20 GB are left.
    lambdas = 0.0004 + 920.5 * 0.0000133334 + 20 * 0.0001397998
    assert amounts["Lambda"] == pytest.approx(lambdas)
    assert amounts["WAF"] == pytest.approx(0.0012)


def test_a_month_is_730_hours_of_it() -> None:
    whole = sum(cost.fixed(STACK, BOTH).values())
    whole += 1314 * sum(cost.per_thousand(STACK, LOAD, BOTH).values())
    assert cost.month(STACK, LOAD, BOTH) == pytest.approx(whole)


@pytest.mark.parametrize(("an_hour", "share"), [(1, 1.0), (1800, 1.0), (18_000, 0.145)])
def test_one_call_a_second_is_traced_and_a_twentieth_of_the_rest(
    an_hour: int, share: float
) -> None:
    assert cost.traced_share(Load(an_hour, 0.0, 1)) == pytest.approx(share)


@pytest.mark.parametrize(("load", "reads"), [(Load(1, 1, 1), 1), (Load(10_000, 0, 8), 96)])
def test_secrets_are_read_every_five_minutes_but_not_without_a_call(
    load: Load, reads: float
) -> None:
    assert cost.secret_reads_an_hour(load) == reads


def test_a_preflight_is_a_call_and_hardly_any_work() -> None:
    assert cost.preflights(STACK) == pytest.approx(0.0070 + 0.0004 + 10 * 0.0000133334)


def test_what_a_template_declares_is_counted() -> None:
    def resource(kind: str, **properties: Any) -> dict[str, Any]:
        return {"Type": kind, "Properties": properties}

    queries = [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "m1 / m2"}]
    template = {
        "Globals": {"Function": {"MemorySize": 512, "Tracing": "Active"}},
        "Resources": {
            "Api": resource("AWS::Serverless::Api", MethodSettings=[{"MetricsEnabled": True}]),
            "Function": resource("AWS::Serverless::Function"),
            "Secret": resource("AWS::SecretsManager::Secret"),
            "Alarm": resource("AWS::CloudWatch::Alarm", MetricName="Errors"),
            "Ratio": resource("AWS::CloudWatch::Alarm", Metrics=queries),
            "Dashboard": resource("AWS::CloudWatch::Dashboard"),
            "Firewall": resource("AWS::WAFv2::WebACL", Rules=[{}, {}]),
            "Table": resource("AWS::DynamoDB::Table"),
        },
    }
    assert Stack.of(template) == Stack(0.5, 1, 1, 3, 1, 2, True, True)


def test_a_template_that_declares_little_costs_little() -> None:
    template: dict[str, Any] = {"Globals": {"Function": {"MemorySize": 1024}}, "Resources": {}}
    assert Stack.of(template) == Stack(1.0, 0, 0, 0, 0, 0, False, False)
