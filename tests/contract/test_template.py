"""The stack: its routes, its two functions, and what they are told."""

from __future__ import annotations

import ast
import json
import re

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.contract.stack import (
    FUNCTIONS,
    Tree,
    created,
    deploy,
    of_type,
    parse,
    references,
    routes,
)
from tests.sandbox.template import ROOT
from verification.dialects import json_api

ISSUE, VERIFY = "IssueChallengeFunction", "VerifyChallengeFunction"

ROUTES = {
    ("GET", "/challenge"): (ISSUE, None),
    ("POST", "/challenge"): (ISSUE, "ChallengeRequest"),
    ("OPTIONS", "/challenge"): (ISSUE, None),
    ("POST", "/auth/factors/enroll"): (ISSUE, "JsonObject"),
    ("GET", "/auth/factors/{id}"): (ISSUE, None),
    ("DELETE", "/auth/factors/{id}"): (ISSUE, None),
    ("POST", "/auth/factors/{id}/challenge"): (ISSUE, "JsonObject"),
    ("POST", "/customers"): (ISSUE, "JsonObject"),
    ("POST", "/api/v1/authn"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn"): (ISSUE, None),
    ("POST", "/api/v1/authn/factors"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/factors"): (ISSUE, None),
    ("POST", "/api/v1/authn/factors/{id}/lifecycle/resend"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/factors/{id}/lifecycle/resend"): (ISSUE, None),
    ("POST", "/api/v1/authn/factors/{id}/verify/resend"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/factors/{id}/verify/resend"): (ISSUE, None),
    ("POST", "/api/v1/authn/previous"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/previous"): (ISSUE, None),
    ("POST", "/api/v1/authn/skip"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/skip"): (ISSUE, None),
    ("POST", "/api/v1/authn/cancel"): (ISSUE, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/cancel"): (ISSUE, None),
    ("POST", "/api/v1/authn/factors/{id}/verify"): (VERIFY, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/factors/{id}/verify"): (VERIFY, None),
    ("POST", "/api/v1/authn/factors/{id}/lifecycle/activate"): (VERIFY, "JsonObject"),
    ("OPTIONS", "/api/v1/authn/factors/{id}/lifecycle/activate"): (VERIFY, None),
    ("DELETE", "/holds/{email}"): (ISSUE, None),
    ("GET", "/verify"): (VERIFY, None),
    ("POST", "/verify"): (VERIFY, "VerifyRequest"),
    ("OPTIONS", "/verify"): (VERIFY, None),
    ("POST", "/auth/challenges/{id}/verify"): (VERIFY, "JsonObject"),
}
"""The function behind a route, and the model that a body must fit, where it has one."""

SENDING = {
    ("GET", "/challenge"),
    ("POST", "/challenge"),
    ("POST", "/auth/factors/enroll"),
    ("POST", "/auth/factors/{id}/challenge"),
    ("POST", "/customers"),
    ("POST", "/api/v1/authn"),
    ("POST", "/api/v1/authn/factors"),
    ("POST", "/api/v1/authn/factors/{id}/lifecycle/resend"),
    ("POST", "/api/v1/authn/factors/{id}/verify"),
    ("POST", "/api/v1/authn/factors/{id}/verify/resend"),
}
"""The routes that make Okta send something, or try a password."""

LIBRARY_SETTINGS = {
    "AWS_ENDPOINT_URL",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}

VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z]+)*")

NOT_OF_A_VERSION = {"ReservedConcurrentExecutions"}
"""Properties of a function that hold at once, for all its versions."""

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:okta/token-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def template() -> Tree:
    return parse()


@pytest.fixture(scope="module")
def deployed() -> Tree:
    return deploy()


@pytest.fixture(scope="module")
def stage(deployed: Tree) -> Tree:
    (stage,) = of_type(deployed, "AWS::ApiGateway::Stage").values()
    return stage


@pytest.fixture(scope="module")
def rules(deployed: Tree) -> dict[str, Tree]:
    """The firewall's, by their names."""
    (acl,) = of_type(created(deployed), "AWS::WAFv2::WebACL").values()
    return {rule["Name"]: rule for rule in acl["Rules"]}


@pytest.fixture(scope="module")
def answers(template: Tree) -> dict[str, tuple[Tree, Tree, int | None]]:
    """Body, headers and status of what API Gateway itself says."""
    api = template["Resources"]["Api"]["Properties"]
    return {
        kind: (
            json.loads(each["ResponseTemplates"]["application/json"]),
            each["ResponseParameters"]["Headers"],
            each.get("StatusCode"),
        )
        for kind, each in api["GatewayResponses"].items()
    }


class TestRoutes:
    def test_there_are_two_functions(self, deployed: Tree) -> None:
        assert set(of_type(deployed, "AWS::Lambda::Function")) == FUNCTIONS

    def test_every_route_has_its_function_and_its_model(self) -> None:
        found = {
            route: (event["function"], event.get("RequestModel", {}).get("Model"))
            for route, event in routes().items()
        }
        assert found == ROUTES

    def test_every_body_is_validated(self, deployed: Tree) -> None:
        (api,) = of_type(deployed, "AWS::ApiGateway::RestApi").values()
        validators = api["Body"]["x-amazon-apigateway-request-validators"]
        for method, path in routes():
            operation = api["Body"]["paths"][path][method.lower()]
            validator = operation.get("x-amazon-apigateway-request-validator")
            assert (validator is not None) == (method == "POST")
            if validator:
                assert validators[validator]["validateRequestBody"] is True
                assert "application/json" in operation["requestBody"]["content"]

    def test_no_parameter_is_required(self, deployed: Tree) -> None:
        """The invoke URLs have texts of their own for what is missing."""
        (api,) = of_type(deployed, "AWS::ApiGateway::RestApi").values()
        for validator in api["Body"]["x-amazon-apigateway-request-validators"].values():
            assert validator["validateRequestParameters"] is False

    def test_every_route_is_throttled_and_those_that_send_more_tightly(self, stage: Tree) -> None:
        limits = {
            (each["HttpMethod"], each["ResourcePath"].replace("~1", "/").removeprefix("/")): (
                each["ThrottlingRateLimit"],
                each["ThrottlingBurstLimit"],
            )
            for each in stage["MethodSettings"]
        }
        assert limits.pop(("*", "*")) == ({"Ref": "CallsPerSecond"},) * 2
        assert set(limits) == SENDING
        assert set(map(str, limits.values())) == {str(({"Ref": "SendsPerSecond"},) * 2)}

    def test_routes_call_the_alias_and_not_the_newest_code(self, deployed: Tree) -> None:
        (api,) = of_type(deployed, "AWS::ApiGateway::RestApi").values()
        for (method, path), (function, _) in ROUTES.items():
            operation = api["Body"]["paths"][path][method.lower()]
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            assert f"${{{function}Alias" in uri

    def test_the_api_has_the_one_stage_that_is_named(self, stage: Tree) -> None:
        assert stage["StageName"] == {"Ref": "StageName"}

    def test_a_domain_has_the_api_at_its_root(self, deployed: Tree) -> None:
        assert not of_type(created(deployed), "AWS::ApiGateway::BasePathMapping")
        stack = created(deployed, DomainName="verify.example.com", CertificateArn="arn")
        (mapping,) = of_type(stack, "AWS::ApiGateway::BasePathMapping").values()
        assert "BasePath" not in mapping
        assert mapping["Stage"] == {"Ref": "ApiStage"}


class TestFirewall:
    def test_it_stands_before_the_stage_unless_it_is_turned_off(self, deployed: Tree) -> None:
        (link,) = of_type(created(deployed), "AWS::WAFv2::WebACLAssociation").values()
        assert link["ResourceArn"]["Fn::Sub"].endswith("/restapis/${Api}/stages/${ApiStage}")
        assert link["WebACLArn"] == {"Fn::GetAtt": ["WebAcl", "Arn"]}
        without = {each["Type"] for each in created(deployed, Firewall="false").values()}
        assert not [kind for kind in without if "WAF" in kind]

    def test_it_has_the_vendors_rules(self, rules: dict[str, Tree]) -> None:
        groups = {
            rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
            for rule in rules.values()
            if "ManagedRuleGroupStatement" in rule["Statement"]
        }
        assert groups == {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}

    @pytest.mark.parametrize("base", ["", "/prod"])
    def test_its_rate_is_of_the_routes_that_send(self, rules: dict[str, Tree], base: str) -> None:
        scope = rules["SendsPerAddress"]["Statement"]["RateBasedStatement"]["ScopeDownStatement"]
        path, _ = scope["AndStatement"]["Statements"]
        pattern = re.compile(path["RegexMatchStatement"]["RegexString"])
        limited = {(m, p) for m, p in routes() if pattern.search(base + p.replace("{id}", "x"))}
        assert limited - {("OPTIONS", path) for _, path in SENDING} == SENDING

    def test_it_lets_through_every_body_that_a_function_reads(self, rules: dict[str, Tree]) -> None:
        longest = rules["LongBodies"]["Statement"]["SizeConstraintStatement"]
        assert (longest["ComparisonOperator"], longest["Size"]) == ("GT", 2 * json_api.MAX_BODY)

    def test_it_keeps_no_samples_of_requests(self, deployed: Tree) -> None:
        (acl,) = of_type(created(deployed), "AWS::WAFv2::WebACL").values()
        for each in (acl, *acl["Rules"]):
            assert each["VisibilityConfig"]["SampledRequestsEnabled"] is False


class TestGatewayResponses:
    def test_every_refusal_has_the_services_shape(
        self, template: Tree, answers: dict[str, tuple[Tree, Tree, int | None]]
    ) -> None:
        for body, headers, status in answers.values():
            assert body["type"] == f"urn:customer-verification:{body['code']}"
            assert body["title"] == body["message"] == body["errorSummary"]
            assert re.fullmatch(r"E\d{7}", body["errorCode"])
            assert body.get("status") == status
            assert body["request_id"] == "$context.requestId"
            assert headers["X-Request-ID"] == "context.requestId"
            assert headers["Cache-Control"] == "'no-store'"
        acl = template["Resources"]["WebAcl"]["Properties"]
        for own in acl["CustomResponseBodies"].values():
            body = json.loads(own["Content"])
            assert {"type", "title", "status", "code", "message", "errorCode"} <= set(body)

    def test_what_may_pass_says_when(
        self, answers: dict[str, tuple[Tree, Tree, int | None]]
    ) -> None:
        passing = {"THROTTLED", "QUOTA_EXCEEDED"}
        passing |= {"INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE", "DEFAULT_5XX"}
        assert {kind for kind, (body, _, _) in answers.items() if "retry_after" in body} == passing
        for kind in passing:
            body, headers, _ = answers[kind]
            assert headers["Retry-After"] == f"'{body['retry_after']}'"

    def test_no_refusal_quotes_the_request(self, template: Tree) -> None:
        api = template["Resources"]["Api"]["Properties"]
        assert "$context.error" not in json.dumps(api["GatewayResponses"])


def settings_read() -> set[str]:
    """The variables that the code reads; Lambda itself sets the one that begins with AWS."""
    module = ast.parse((ROOT / "shared/verification/settings.py").read_text())
    literals = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant)]
    names = {text for text in literals if isinstance(text, str) and VARIABLE.fullmatch(text)}
    return {name for name in names if not name.startswith("AWS_")}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
class TestFunctions:
    def test_they_run_on_one_runtime_behind_a_live_alias(
        self, deployed: Tree, function: str
    ) -> None:
        properties = deployed[function]["Properties"]
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["Handler"] == "app.lambda_handler"
        assert properties["Timeout"] > 8, "a call's own deadline is 8 s"
        assert deployed[f"{function}Aliaslive"]["Properties"]["Name"] == "live"

    def test_the_environment_is_what_the_settings_read(self, deployed: Tree, function: str) -> None:
        variables = deployed[function]["Properties"]["Environment"]["Variables"]
        assert set(variables) == settings_read() | LIBRARY_SETTINGS
        assert variables["SANDBOX"] == "false"
        assert variables["AWS_ENDPOINT_URL"] == ""

    def test_a_start_is_from_a_snapshot_or_provisioned_or_neither(
        self, deployed: Tree, function: str
    ) -> None:
        for start, snapshot, ready in (
            ("SnapStart", "PublishedVersions", None),
            ("Provisioned", "None", {"ProvisionedConcurrentExecutions": 1}),
            ("None", "None", None),
        ):
            stack = created(deployed, StartUp=start)
            alias = stack[f"{function}Aliaslive"]["Properties"]
            assert stack[function]["Properties"]["SnapStart"] == {"ApplyOn": snapshot}
            assert ("ProvisionedConcurrencyConfig" in alias) is (ready is not None)

    def test_concurrency_is_reserved_only_where_a_number_is_given(
        self, deployed: Tree, function: str
    ) -> None:
        assert "ReservedConcurrentExecutions" not in created(deployed)[function]["Properties"]
        reserved = created(deployed, ReservedConcurrency="50")[function]["Properties"]
        assert reserved["ReservedConcurrentExecutions"] == {"Ref": "ReservedConcurrency"}

    def test_it_is_traced(self, deployed: Tree, function: str) -> None:
        assert deployed[function]["Properties"]["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
class TestVersions:
    """What is published, when, and how it takes over."""

    def test_a_changed_layer_publishes_one(self, function: str) -> None:
        def version(resources: Tree) -> str:
            names = of_type(resources, "AWS::Lambda::Version")
            (name,) = (n for n in names if n.startswith(f"{function}Version"))
            return name

        before, after = version(deploy()), version(deploy(layer="s3://bucket/another"))
        assert before != after

    def test_a_changed_parameter_publishes_one(
        self, template: Tree, deployed: Tree, function: str
    ) -> None:
        """SAM does not see values. But every parameter that a function depends on is in Settings,
        whose number the version's description has; CloudFormation replaces both.
        """
        properties = deployed[function]["Properties"]
        holds = {
            name: set(references(rule)) & set(template["Parameters"])
            for name, rule in template["Conditions"].items()
        }
        told: set[str] = set()
        for name, value in properties.items():
            if name not in NOT_OF_A_VERSION:
                used = re.findall(r'"Fn::If": \["(\w+)"', json.dumps(value))
                told |= set(references(value)) & set(template["Parameters"])
                told |= {parameter for condition in used for parameter in holds[condition]}
        content = deployed["Settings"]["Properties"]["Content"]
        assert "StartUp" in told
        assert told == set(references(content))

    def test_another_number_of_settings_is_another_version(
        self, deployed: Tree, function: str
    ) -> None:
        (version,) = (
            properties
            for name, properties in of_type(deployed, "AWS::Lambda::Version").items()
            if name.startswith(f"{function}Version")
        )
        assert version["Description"] == {"Fn::Sub": "Settings ${Settings.VersionNumber}"}
        replaced = {
            "AWS::AppConfig::HostedConfigurationVersion": "/properties/Content",
            "AWS::Lambda::Version": "/properties/Description",
        }
        for kind, changed in replaced.items():
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
            assert changed in schema["createOnlyProperties"]

    def test_a_version_is_never_asked_for_where_nothing_changed(
        self, deployed: Tree, function: str
    ) -> None:
        """Lambda publishes none then, and the deployment would fail."""
        assert "Settings" in set(references(deployed[function]["Properties"]["Description"]))

    def test_a_new_one_goes_back_when_an_alarm_rings(self, deployed: Tree, function: str) -> None:
        canary = "IssueCanaryFails" if function == ISSUE else "VerifyCanaryFails"
        group = created(deployed)[f"{function}DeploymentGroup"]["Properties"]
        assert set(references(group["AlarmConfiguration"])) == {canary, "ServiceFaults"}
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        assert "Canary10Percent5Minutes" in json.dumps(group["DeploymentConfigName"])
        dimensions = deployed[canary]["Properties"]["Dimensions"]
        (executed,) = (d["Value"] for d in dimensions if d["Name"] == "ExecutedVersion")
        assert executed["Fn::GetAtt"][0].startswith(f"{function}Version")

    def test_a_repair_need_not_wait_for_the_alarm_to_end(
        self, deployed: Tree, function: str
    ) -> None:
        group = created(deployed, Rollout="AllAtOnce")[f"{function}DeploymentGroup"]["Properties"]
        assert group["AlarmConfiguration"] == {}
        assert "AllAtOnce" in json.dumps(group["DeploymentConfigName"])


def test_the_settings_are_json_whatever_the_parameters_are(template: Tree) -> None:
    content = template["Resources"]["Settings"]["Properties"]["Content"]["Fn::Sub"]
    assert set(json.loads(content)) == set(references({"Fn::Sub": content}))


def test_the_sandbox_file_overrides_only_what_is_declared(template: Tree) -> None:
    file = json.loads((ROOT / "events/sandbox-env.json").read_text())
    declared = template["Globals"]["Function"]["Environment"]["Variables"]
    assert set(file) == {"Parameters"}
    assert set(file["Parameters"]) <= set(declared)


def test_the_table_is_kept_and_cleans_itself(deployed: Tree) -> None:
    table = deployed["ChallengeTable"]
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_secrets_begin_with_the_shape_that_the_service_reads(template: Tree) -> None:
    token = template["Resources"]["OktaTokenSecret"]["Properties"]
    keys = template["Resources"]["ServiceKeysSecret"]["Properties"]["GenerateSecretString"]
    assert set(json.loads(token["SecretString"])) == {"okta_api_token"}
    assert json.loads(keys["SecretStringTemplate"]) == {"clients": {}}
    assert keys["GenerateStringKey"] == "root_key"


ALL_ON = {
    "OktaTokenSecretArn": SECRET,
    "ServiceKeysSecretArn": SECRET,
    "KmsKeyArn": KEY,
    "DomainName": "verify.example.com",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x",
    "ReservedConcurrency": "50",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:pager",
    "AuditStream": "true",
    "CreateApiLogRole": "true",
}
ALL_OFF = {"Firewall": "false", "StartUp": "None", "Rollout": "AllAtOnce"}
CHOICES = [{}, ALL_ON, ALL_OFF, {**ALL_ON, **ALL_OFF}, {"StartUp": "Provisioned"}]
CHOICES += [{name: value} for name, value in {**ALL_ON, **ALL_OFF}.items()]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "+".join(choice) or "defaults")
def test_whatever_is_chosen_nothing_refers_to_what_is_not_there(
    template: Tree, deployed: Tree, choice: dict[str, str]
) -> None:
    stack = created(deployed, **choice)
    there = set(stack) | set(template["Parameters"])
    for name, resource in stack.items():
        missing = {each for each in references(resource) if "::" not in each} - there
        assert not missing, name
    assert "Fn::If" not in json.dumps(stack)


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
        ("OktaTokenSecretArn", SECRET, True),
        ("OktaTokenSecretArn", "okta/token", False),
        ("ServiceKeysSecretArn", SECRET, True),
        ("ServiceKeysSecretArn", "service/keys", False),
        ("KmsKeyArn", KEY, True),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:alias/mine", False),
        ("DomainName", "verify.example.com", True),
        ("DomainName", "https://verify.example.com", False),
        ("ReservedConcurrency", "", True),
        ("ReservedConcurrency", "100", True),
        ("ReservedConcurrency", "0", False),
        ("AllowedOrigins", "", True),
        ("AllowedOrigins", "https://shop.example.com,https://www.example.com:8443", True),
        ("AllowedOrigins", "*", False),
        ("AllowedOrigins", "https://shop.example.com/", False),
        ("AllowedOrigins", "http://shop.example.com", False),
    ],
)
def test_parameters_refuse_what_could_not_work(
    template: Tree, parameter: str, value: str, accepted: bool
) -> None:
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is accepted


def test_every_parameter_is_described_bounded_and_in_a_group(template: Tree) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert grouped == list(template["Parameters"])
    for parameter in template["Parameters"].values():
        assert parameter["Description"]
        assert {"AllowedPattern", "AllowedValues", "MaxValue"} & set(parameter)
