"""`make cost`: what the stack costs at list prices in us-east-1, with no free tier, as README has it.

What there is to count comes from template.yaml. What a verification uses is named below, and held
against the sandbox by tests/e2e/test_cost.py; what nobody here can measure says that it is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from samtranslator.yaml_helper import yaml_parse

from tests.sandbox.template import ROOT
from verification import pace

Amounts = dict[str, float]
"""Dollars by the service that asks for them."""

MILLION = 1e6
GB = 1e9
HOURS = 730
"""In a month, as AWS counts."""


class Price(NamedTuple):
    """So many dollars for so many units. `source` is the list, `seen` where the figure was read."""

    usd: float
    units: float
    unit: str
    source: str
    seen: str

    def of(self, units: float) -> float:
        """Dollars."""
        return self.usd * units / self.units


_GATEWAY = "https://aws.amazon.com/api-gateway/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"
_WAF = "https://aws.amazon.com/waf/pricing/"
_XRAY = "https://aws.amazon.com/xray/pricing/"
_KMS = "https://aws.amazon.com/kms/pricing/"
NOT_SEEN = "nowhere but in memory: check it"

REST_CALL = Price(3.50, MILLION, "call", _GATEWAY, "AWS whitepaper on private APIs, table 4")
INVOCATION = Price(0.20, MILLION, "invocation", _LAMBDA, "cloudchipr.com, 2024")
ARM_GB_SECOND = Price(0.0000133334, 1, "GB-second", _LAMBDA, "cloudchipr.com, 2024")
SNAPSHOT_GB_SECOND = Price(0.0000015046, 1, "GB-second", _LAMBDA, "awsnegotiations.com, 2026-05")
RESTORED_GB = Price(0.0001397998, 1, "GB", _LAMBDA, "awsnegotiations.com, 2026-05")
WRITE_UNIT = Price(0.625, MILLION, "write of 1 KB", _DYNAMODB, "airbyte.com, 2025-07")
READ_UNIT = Price(0.125, MILLION, "consistent read of 4 KB", _DYNAMODB, "airbyte.com, 2025-07")
TABLE_GB = Price(0.25, 1, "GB-month", _DYNAMODB, "the list, undated copy")
RECOVERY_GB = Price(0.20, 1, "GB-month", _DYNAMODB, "finops.com.py, undated")
LOGGED_GB = Price(0.50, 1, "GB", _CLOUDWATCH, "factualminds.com, 2026-06")
KEPT_LOG_GB = Price(0.03, 1, "GB-month", _CLOUDWATCH, NOT_SEEN)
METRIC = Price(0.30, 1, "metric and month", _CLOUDWATCH, "signoz.io, 2026-02")
ALARM_METRIC = Price(0.10, 1, "alarm's metric and month", _CLOUDWATCH, "c3x.dev, undated")
DASHBOARD = Price(3.00, 1, "month", _CLOUDWATCH, "factualminds.com, 2026-06")
TRACE = Price(5.00, MILLION, "trace recorded", _XRAY, "the list, undated copy")
SECRET = Price(0.40, 1, "month", _SECRETS, "hivebook.wiki, undated")
SECRET_READ = Price(0.05, 10_000, "call", _SECRETS, "hivebook.wiki, undated")
WEB_ACL = Price(5.00, 1, "month", _WAF, "c3x.dev, undated")
WAF_RULE = Price(1.00, 1, "rule and month", _WAF, "c3x.dev, undated")
INSPECTED_CALL = Price(0.60, MILLION, "call", _WAF, "c3x.dev, undated")
CUSTOMER_KEY = Price(1.00, 1, "month", _KMS, NOT_SEEN)

# A verification is two calls of the public, a code sent and a code checked: the dearest kind,
# because what is sent to the public is held back.
CALLS = 2
OKTA_SECONDS = 0.15
"""Assumed of one call to Okta: by far the greatest part of what is paid for as computing."""

STORE_SECONDS = 0.005
"""Assumed of one call to DynamoDB."""

OWN_SECONDS = 0.0015
"""README, Measured: a warm check."""

STORE_CALLS_TO_SEND, STORE_CALLS_TO_CHECK = 5, 3
SEND_SECONDS = (
    max(pace.LEAST, pace.ISSUE_CALLS * OKTA_SECONDS + pace.STORE_SECONDS) + pace.SPREAD / 2
)
CHECK_SECONDS = OKTA_SECONDS * pace.CHECK_CALLS + STORE_SECONDS * STORE_CALLS_TO_CHECK + OWN_SECONDS

WRITE_UNITS = 12
"""Two writes of the caller's row, the first of which fails in a new hour and is paid for as well;
two of the email's and three of the customer's, which grow to between 1 and 2 KB.
"""

READ_UNITS = 1

LINE_BYTES = 500
METRICS_BYTES = 390
ACCESS_BYTES = 350
LAMBDA_BYTES = 400
"""Assumed of what Lambda itself logs of a call: START, END, REPORT."""

METRICS = ("sent", "verified", "invalid_code", "okta_latency", "okta_quota_remaining")
"""Those that are there in every hour; any other outcome is one more in the hours that have it."""

METHOD_METRICS = 5
"""Count, latency, integration latency, 4XX and 5XX of each method that is called, where the stage
has MetricsEnabled: they are charged like metrics of our own.
"""

CUSTOMERS = 100_000
ROW_BYTES = 2000
INIT_SECONDS = 1.0
"""Assumed of a cold start, which is paid for; of one from a snapshot, a fifth."""

RESTORE_SECONDS = 0.2
PREFLIGHT_SECONDS = 0.005

SECRETS_ARE_KEPT = 300
TRACES_PER_SECOND, TRACED_SHARE = 1, 0.05
"""X-Ray's default rule: the first call of a second, and a part of the others."""


@dataclass(frozen=True, slots=True)
class Load:
    """Verifications an hour, evenly spread. How many calls meet a cold start and how many
    environments each function has is assumed: Lambda promises neither.
    """

    an_hour: int
    cold_share: float
    environments: int


LOADS = (Load(1, 1.0, 1), Load(100, 0.01, 2), Load(10_000, 0.001, 8))


@dataclass(frozen=True, slots=True)
class Stack:
    """What the template declares that is paid for."""

    memory_gb: float
    functions: int
    secrets: int
    alarm_metrics: int
    dashboards: int
    waf_rules: int
    is_traced: bool
    has_method_metrics: bool

    @classmethod
    def of(cls, template: Mapping[str, Any]) -> Stack:
        """Count. A rule that is there on a condition counts."""

        def declared(kind: str) -> list[Any]:
            return [each for each in template["Resources"].values() if each["Type"] == kind]

        shared = template["Globals"]["Function"]
        alarms = [alarm["Properties"] for alarm in declared("AWS::CloudWatch::Alarm")]
        return cls(
            memory_gb=shared["MemorySize"] / 1024,
            functions=len(declared("AWS::Serverless::Function")),
            secrets=len(declared("AWS::SecretsManager::Secret")),
            alarm_metrics=sum(
                sum("MetricStat" in query for query in alarm["Metrics"])
                if "Metrics" in alarm
                else 1
                for alarm in alarms
            ),
            dashboards=len(declared("AWS::CloudWatch::Dashboard")),
            waf_rules=sum(
                len(acl["Properties"]["Rules"]) for acl in declared("AWS::WAFv2::WebACL")
            ),
            is_traced=shared.get("Tracing") == "Active",
            has_method_metrics=any(
                setting.get("MetricsEnabled")
                for api in declared("AWS::Serverless::Api")
                for setting in api["Properties"].get("MethodSettings", [])
            ),
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What a deployment chooses."""

    name: str
    waf: bool = False
    snapstart: bool = False


OPTIONS = (
    Options("neither"),
    Options("SnapStart", snapstart=True),
    Options("WAF", waf=True),
    Options("SnapStart and WAF", waf=True, snapstart=True),
)


def fixed(stack: Stack, options: Options) -> Amounts:
    """Dollars a month, whatever is called."""
    metrics = len(METRICS) + stack.has_method_metrics * METHOD_METRICS * CALLS
    table_gb = CUSTOMERS * ROW_BYTES / GB
    amounts = {
        "CloudWatch": METRIC.of(metrics)
        + ALARM_METRIC.of(stack.alarm_metrics)
        + DASHBOARD.of(stack.dashboards),
        "Secrets Manager": SECRET.of(stack.secrets),
        "DynamoDB": TABLE_GB.of(table_gb) + RECOVERY_GB.of(table_gb),
    }
    if options.snapstart:
        amounts["Lambda"] = stack.functions * kept_version(stack)
    if options.waf:
        amounts["WAF"] = WEB_ACL.of(1) + WAF_RULE.of(stack.waf_rules)
    return amounts


def kept_version(stack: Stack) -> float:
    """Dollars a month for the snapshot of one published version, the live one or an old one."""
    return SNAPSHOT_GB_SECOND.of(stack.memory_gb * HOURS * 3600)


def per_thousand(stack: Stack, load: Load, options: Options) -> Amounts:
    """Dollars for 1,000 verifications under this load."""
    calls = 1000 * CALLS
    cold = calls * load.cold_share
    seconds = 1000 * (SEND_SECONDS + CHECK_SECONDS)
    seconds += cold * (RESTORE_SECONDS if options.snapstart else INIT_SECONDS)
    restored_gb = cold * stack.memory_gb if options.snapstart else 0
    log_gb = calls * (LINE_BYTES + METRICS_BYTES + ACCESS_BYTES + LAMBDA_BYTES) / GB
    reads = stack.secrets * stack.functions * secret_reads_an_hour(load) / load.an_hour
    amounts = {
        "API Gateway": REST_CALL.of(calls),
        "Lambda": INVOCATION.of(calls)
        + ARM_GB_SECOND.of(seconds * stack.memory_gb)
        + RESTORED_GB.of(restored_gb),
        "DynamoDB": WRITE_UNIT.of(1000 * WRITE_UNITS) + READ_UNIT.of(1000 * READ_UNITS),
        "CloudWatch": LOGGED_GB.of(log_gb) + KEPT_LOG_GB.of(log_gb),
        "Secrets Manager": SECRET_READ.of(1000 * reads),
    }
    if stack.is_traced:
        amounts["X-Ray"] = TRACE.of(calls * traced_share(load))
    if options.waf:
        amounts["WAF"] = INSPECTED_CALL.of(calls)
    return amounts


def secret_reads_an_hour(load: Load) -> float:
    """Of one secret by one function: no more than there are calls."""
    return min(load.an_hour, load.environments * 3600 / SECRETS_ARE_KEPT)


def traced_share(load: Load) -> float:
    """The part of the calls of which a trace is recorded."""
    calls_a_second = CALLS * load.an_hour / 3600
    first = min(calls_a_second, TRACES_PER_SECOND)
    return (first + TRACED_SHARE * (calls_a_second - first)) / calls_a_second


def month(stack: Stack, load: Load, options: Options) -> float:
    """Dollars for all of it."""
    thousands = load.an_hour * HOURS / 1000
    return _sum(fixed(stack, options)) + thousands * _sum(per_thousand(stack, load, options))


def preflights(stack: Stack) -> float:
    """Dollars that a browser adds to 1,000 verifications by asking before each call."""
    calls = 1000 * CALLS
    compute = ARM_GB_SECOND.of(calls * PREFLIGHT_SECONDS * stack.memory_gb)
    return REST_CALL.of(calls) + INVOCATION.of(calls) + compute


def report(stack: Stack) -> str:
    """README's tables."""
    return "\n".join([*_totals(stack), "", *_parts(stack), "", *_remarks(stack)])


def _totals(stack: Stack) -> Iterator[str]:
    yield _row("USD", "fixed a month", *_heads("1,000 at"), *_heads("month at"))
    yield _row(*["---"] * (2 + 2 * len(LOADS)))
    for options in OPTIONS:
        thousands = (_sum(per_thousand(stack, load, options)) for load in LOADS)
        months = (month(stack, load, options) for load in LOADS)
        yield _row(
            options.name,
            f"{_sum(fixed(stack, options)):.2f}",
            *(f"{amount:.3f}" for amount in thousands),
            *(f"{amount:,.2f}" for amount in months),
        )


def _parts(stack: Stack) -> Iterator[str]:
    options = OPTIONS[-1]
    monthly = fixed(stack, options)
    thousands = [per_thousand(stack, load, options) for load in LOADS]
    yield _row(f"{options.name}, by service", "fixed a month", *_heads("1,000 at"))
    yield _row(*["---"] * (2 + len(LOADS)))
    for service in thousands[0]:
        amounts = (f"{amounts[service]:.4f}" for amounts in thousands)
        yield _row(service, f"{monthly.get(service, 0):.2f}", *amounts)


def _remarks(stack: Stack) -> Iterator[str]:
    yield f"- A browser's preflights add {preflights(stack):.3f} to 1,000."
    yield (
        "- Every older version of a function that is left published with a snapshot costs "
        f"{kept_version(stack):.2f} a month."
    )
    yield f"- A KMS key of one's own costs {CUSTOMER_KEY.of(1):.2f} a month."


def _heads(what: str) -> list[str]:
    return [f"{what} {load.an_hour:,}/h" for load in LOADS]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _sum(amounts: Amounts) -> float:
    return sum(amounts.values())


def declared() -> Stack:
    """What template.yaml declares."""
    return Stack.of(yaml_parse((ROOT / "template.yaml").read_text()))


if __name__ == "__main__":
    print(report(declared()))
