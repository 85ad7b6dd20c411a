"""The stack: what it deploys, what it allows, and what it tells the functions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]

FUNCTIONS = {"IssueChallengeFunction", "VerifyChallengeFunction"}

ROUTES = {
    ("GET", "/challenge"): "IssueChallengeFunction",
    ("POST", "/challenge"): "IssueChallengeFunction",
    ("OPTIONS", "/challenge"): "IssueChallengeFunction",
    ("POST", "/customers"): "IssueChallengeFunction",
    ("POST", "/auth/factors/enroll"): "IssueChallengeFunction",
    ("GET", "/auth/factors/{id}"): "IssueChallengeFunction",
    ("DELETE", "/auth/factors/{id}"): "IssueChallengeFunction",
    ("POST", "/auth/factors/{id}/challenge"): "IssueChallengeFunction",
    ("POST", "/auth/challenges/{id}/verify"): "VerifyChallengeFunction",
    ("POST", "/api/v1/authn"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/factors"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/factors"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/factors/{id}/lifecycle/resend"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/factors/{id}/lifecycle/resend"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/previous"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/previous"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/skip"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/skip"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/cancel"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/cancel"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/factors/{id}/verify/resend"): "IssueChallengeFunction",
    ("OPTIONS", "/api/v1/authn/factors/{id}/verify/resend"): "IssueChallengeFunction",
    ("POST", "/api/v1/authn/factors/{id}/verify"): "VerifyChallengeFunction",
    ("OPTIONS", "/api/v1/authn/factors/{id}/verify"): "VerifyChallengeFunction",
    ("POST", "/api/v1/authn/factors/{id}/lifecycle/activate"): "VerifyChallengeFunction",
    ("OPTIONS", "/api/v1/authn/factors/{id}/lifecycle/activate"): "VerifyChallengeFunction",
    ("DELETE", "/holds/{email}"): "IssueChallengeFunction",
    ("GET", "/verify"): "VerifyChallengeFunction",
    ("POST", "/verify"): "VerifyChallengeFunction",
    ("OPTIONS", "/verify"): "VerifyChallengeFunction",
}

LIBRARY_SETTINGS = {
    "AWS_ENDPOINT_URL",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}

VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z]+)*")

Tree = dict[str, Any]


class NoManagedPolicies:
    """What SAM would ask IAM for; the template names no managed policy for a function."""

    def load(self) -> dict[str, str]:
        return {}


def parse() -> Tree:
    tree: Tree = yaml_parse((ROOT / "template.yaml").read_text())
    return tree


@pytest.fixture(scope="module")
def template() -> Tree:
    """The template as written; `!Ref X` reads {"Ref": "X"}."""
    return parse()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Tree:
    return deploy(monkeypatch)


def deploy(monkeypatch: pytest.MonkeyPatch, layer: str = "s3://bucket/layer") -> Tree:
    """The resources that SAM makes of the template, once `sam deploy` has uploaded the code."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    source = parse()
    for resource in source["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    source["Resources"]["VerificationLayer"]["Properties"]["ContentUri"] = layer
    resources: Tree = transform(source, {}, NoManagedPolicies())["Resources"]
    return resources


def of_type(resources: Tree, kind: str) -> dict[str, Tree]:
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def references(node: object) -> Iterator[str]:
    """Every name that a `Ref` or the text of a `Sub` in this part of the tree refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::Sub" and isinstance(value, str):
                yield from re.findall(r"\$\{([^}]+)\}", value)
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{([^}]+)\}", value[0])
                yield from references(value[1])
            else:
                yield from references(value)


def statements(deployed: Tree, role: str) -> list[Tree]:
    (policy,) = of_type(deployed, "AWS::IAM::Role")[role]["Policies"]
    found: list[Tree] = policy["PolicyDocument"]["Statement"]
    return found


def test_there_are_two_functions(deployed: Tree) -> None:
    assert set(of_type(deployed, "AWS::Lambda::Function")) == FUNCTIONS


def test_every_route_goes_to_its_function(template: Tree) -> None:
    routes = {
        (event["Properties"]["Method"], event["Properties"]["Path"]): name
        for name in FUNCTIONS
        for event in template["Resources"][name]["Properties"]["Events"].values()
    }
    assert routes == ROUTES


def test_routes_call_the_alias_and_not_the_newest_code(deployed: Tree) -> None:
    (api,) = of_type(deployed, "AWS::ApiGateway::RestApi").values()
    for (method, path), function in ROUTES.items():
        integration = api["Body"]["paths"][path][method.lower()]["x-amazon-apigateway-integration"]
        assert f"${{{function}Alias" in integration["uri"]["Fn::Sub"]


def test_the_api_has_the_one_stage_that_is_named(deployed: Tree) -> None:
    (stage,) = of_type(deployed, "AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == {"Ref": "StageName"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_functions_run_on_one_runtime_behind_a_live_alias(deployed: Tree, function: str) -> None:
    properties = deployed[function]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == ["arm64"]
    assert properties["Handler"] == "app.lambda_handler"
    assert properties["Timeout"] > 8, "a call's own deadline is 8 s"
    assert deployed[f"{function}Aliaslive"]["Properties"]["Name"] == "live"


def settings_read() -> set[str]:
    """The variables that the code reads; Lambda itself sets the one that begins with AWS."""
    module = ast.parse((ROOT / "shared/verification/settings.py").read_text())
    literals = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant)]
    names = {text for text in literals if isinstance(text, str) and VARIABLE.fullmatch(text)}
    return {name for name in names if not name.startswith("AWS_")}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_the_environment_is_what_the_settings_read(deployed: Tree, function: str) -> None:
    variables = deployed[function]["Properties"]["Environment"]["Variables"]
    assert set(variables) == settings_read() | LIBRARY_SETTINGS
    assert variables["SANDBOX"] == "false"
    assert variables["AWS_ENDPOINT_URL"] == ""


def test_the_sandbox_file_overrides_only_what_is_declared(template: Tree) -> None:
    file = json.loads((ROOT / "events/sandbox-env.json").read_text())
    declared = template["Globals"]["Function"]["Environment"]["Variables"]
    assert set(file) == {"Parameters"}
    assert set(file["Parameters"]) <= set(declared)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_changed_parameter_publishes_a_version(template: Tree, function: str) -> None:
    """SAM leaves the alias on the old settings, unless the version's description changes."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    passed_on = set(references(variables)) & set(template["Parameters"])
    description = template["Resources"][function]["Properties"]["VersionDescription"]
    assert passed_on
    assert passed_on <= set(references(description))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_changed_layer_publishes_a_version(
    monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def version(resources: Tree) -> str:
        names = of_type(resources, "AWS::Lambda::Version")
        (name,) = (n for n in names if n.startswith(f"{function}Version"))
        return name

    before = version(deploy(monkeypatch))
    after = version(deploy(monkeypatch, layer="s3://bucket/another"))
    assert before != after


def test_no_permission_has_a_wildcard(deployed: Tree) -> None:
    for function in FUNCTIONS:
        for statement in statements(deployed, f"{function}Role"):
            assert statement["Effect"] == "Allow"
            assert "*" not in json.dumps([statement["Action"], statement["Resource"]])


def test_functions_may_do_only_what_they_do(deployed: Tree) -> None:
    allowed = {
        function: {
            action
            for statement in statements(deployed, f"{function}Role")
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            )
        }
        for function in FUNCTIONS
    }
    issue = {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "secretsmanager:GetSecretValue",
    }
    assert allowed == {
        "IssueChallengeFunction": issue,
        "VerifyChallengeFunction": issue | {"dynamodb:BatchGetItem"},
    }


def test_logs_are_the_only_thing_that_a_managed_policy_allows(deployed: Tree) -> None:
    for function in FUNCTIONS:
        (managed,) = of_type(deployed, "AWS::IAM::Role")[f"{function}Role"]["ManagedPolicyArns"]
        assert managed.endswith(":policy/service-role/AWSLambdaBasicExecutionRole")


def test_the_access_log_says_nothing_about_a_person(deployed: Tree) -> None:
    (stage,) = of_type(deployed, "AWS::ApiGateway::Stage").values()
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert set(line.values()) <= {
        "$context.error.responseType",
        "$context.httpMethod",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.resourcePath",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.status",
    }


def test_api_gateway_logs_no_requests_of_its_own(deployed: Tree) -> None:
    """Execution logs hold query strings and bodies."""
    (stage,) = of_type(deployed, "AWS::ApiGateway::Stage").values()
    for method in stage["MethodSettings"]:
        assert method["LoggingLevel"] == "OFF"
        assert method["DataTraceEnabled"] is False


def test_every_log_ends(deployed: Tree) -> None:
    groups = of_type(deployed, "AWS::Logs::LogGroup")
    used = {deployed[f]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for f in FUNCTIONS}
    assert used | {"ApiAccessLogs"} == set(groups)
    assert all(g["RetentionInDays"] == {"Ref": "LogRetentionDays"} for g in groups.values())


def test_lambda_leaves_the_log_format_to_powertools(deployed: Tree) -> None:
    """Lambda's JSON format sets the root logger's level: DEBUG would log URLs and tokens."""
    for function in FUNCTIONS:
        assert set(deployed[function]["Properties"]["LoggingConfig"]) == {"LogGroup"}


def test_the_table_is_kept_and_cleans_itself(deployed: Tree) -> None:
    table = deployed["ChallengeTable"]
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "ttl",
        "Enabled": True,
    }


def test_secrets_begin_with_the_shape_that_the_service_reads(template: Tree) -> None:
    token = template["Resources"]["OktaTokenSecret"]["Properties"]
    keys = template["Resources"]["ServiceKeysSecret"]["Properties"]["GenerateSecretString"]
    assert set(json.loads(token["SecretString"])) == {"okta_api_token"}
    assert json.loads(keys["SecretStringTemplate"]) == {"clients": {}}
    assert keys["GenerateStringKey"] == "root_key"


@pytest.mark.parametrize(
    ("parameter", "value", "accepted"),
    [
        ("OktaOrgUrl", "https://example.okta.com", True),
        ("OktaOrgUrl", "https://login.example.co.uk", True),
        ("OktaOrgUrl", "http://example.okta.com", False),
        ("OktaOrgUrl", "https://user@example.okta.com", False),
        ("OktaOrgUrl", "https://example.okta.com/", False),
        ("OktaOrgUrl", "https://10.0.0.1", False),
        ("OktaOrgUrl", "https://example.okta.com:8443", False),
        ("OktaCustomDomain", "", True),
        ("OktaCustomDomain", "login.example.com", True),
        ("OktaCustomDomain", "https://login.example.com", False),
        ("OktaTokenSecretArn", "", True),
        (
            "OktaTokenSecretArn",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:okta/token-AbCdEf",
            True,
        ),
        ("OktaTokenSecretArn", "okta/token", False),
        ("AllowedOrigins", "", True),
        ("AllowedOrigins", "https://shop.example.com,https://www.example.com:8443", True),
        ("AllowedOrigins", "*", False),
        ("AllowedOrigins", "https://shop.example.com/", False),
        ("AllowedOrigins", "http://shop.example.com", False),
    ],
)
def test_parameters_refuse_what_the_settings_would(
    template: Tree, parameter: str, value: str, accepted: bool
) -> None:
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is accepted
