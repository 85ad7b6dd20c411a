"""The template: routes, gateway, firewall, functions, versions, parameters."""

from __future__ import annotations

import graphlib
import json
import re
import runpy
from collections.abc import Mapping
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.contract.stack import (
    FUNCTIONS,
    ISSUE,
    VERIFY,
    Tree,
    created,
    deploy,
    of_type,
    only,
    parse,
    references,
    routes,
)
from tests.sandbox.template import ROOT
from verification.errors import ConfigurationError
from verification.http import json_api
from verification.http.pipeline import Router
from verification.issue import TASK
from verification.settings import Settings

UNTHROTTLED = re.compile(
    r"/verify|.*/(activate|cancel|previous|skip|redeem)|/auth/challenges/\{id\}/verify"
)
"""POST routes that neither send a code nor check a password."""

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:okta/token-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = "arn:aws:kms:eu-west-1:123456789012:alias/mine"

OWN_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""Security headers of every response that does not come from a function."""


@pytest.fixture(scope="module")
def template() -> Tree:
    return parse()


@pytest.fixture(scope="module")
def deployed() -> Tree:
    return deploy()


@pytest.fixture(scope="module")
def parameters(template: Tree) -> Tree:
    declared: Tree = template["Parameters"]
    return declared


def routers() -> dict[str, Router]:
    """The routes that each function serves."""
    folders = {ISSUE: "issue_challenge", VERIFY: "verify_challenge"}
    return {
        name: runpy.run_path(str(ROOT / "functions" / folder / "app.py"))["router"]
        for name, folder in folders.items()
    }


class TestRoutes:
    def test_functions_serve_the_routes_of_the_template(self) -> None:
        served = {
            (*route.split(" "), function)
            for function, router in routers().items()
            for route in router.routes
        }
        declared = {(method, path, route["function"]) for (method, path), route in routes().items()}
        assert served == {each for each in declared if each[0] != "OPTIONS"}

    def test_browsers_may_ask_before_they_call_a_public_route(self) -> None:
        public = {
            route.split(" ")[1]
            for router in routers().values()
            for route, declared in router.routes.items()
            if declared.is_public
        }
        assert {path for method, path in routes() if method == "OPTIONS"} == public

    def test_functions_handle_the_event_that_they_send(self) -> None:
        event = json.loads((ROOT / "events/deliver.json").read_text())
        assert set(routers()[ISSUE].tasks) == {event["task"]} == {TASK}

    def test_every_route_invokes_the_alias_of_its_function(self, deployed: Tree) -> None:
        paths = only(deployed, "AWS::ApiGateway::RestApi")["Body"]["paths"]
        for (method, path), route in routes().items():
            operation = paths[path][method.lower()]
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            assert f"${{{route['function']}Alias" in uri

    def test_every_post_body_is_validated_and_no_query_parameter_is(self, deployed: Tree) -> None:
        """The invoke URLs have their own texts for a missing parameter."""
        body = only(deployed, "AWS::ApiGateway::RestApi")["Body"]
        validators = body["x-amazon-apigateway-request-validators"]
        for method, path in routes():
            name = body["paths"][path][method.lower()].get("x-amazon-apigateway-request-validator")
            assert (name is not None) == (method == "POST")
            assert not name or validators[name] == {
                "validateRequestBody": True,
                "validateRequestParameters": False,
            }

    def test_every_route_that_sends_or_checks_a_password_has_a_lower_limit(
        self, deployed: Tree
    ) -> None:
        settings = only(deployed, "AWS::ApiGateway::Stage")["MethodSettings"]
        limits = {
            (each["HttpMethod"], each["ResourcePath"].replace("~1", "/").removeprefix("/")): (
                each["ThrottlingRateLimit"]["Ref"],
                each["ThrottlingBurstLimit"]["Ref"],
            )
            for each in settings
        }
        assert limits.pop(("*", "*")) == ("CallsPerSecond", "CallsPerSecond")
        posts = {route for route in routes() if route[0] == "POST"}
        sending = {route for route in posts if not UNTHROTTLED.fullmatch(route[1])}
        assert limits == dict.fromkeys(
            sending | {("GET", "/challenge")}, ("SendsPerSecond", "SendsPerSecond")
        )


class TestFirewall:
    @pytest.fixture
    def rules(self, deployed: Tree) -> dict[str, Tree]:
        rules = only(created(deployed), "AWS::WAFv2::WebACL")["Rules"]
        return {rule["Name"]: rule for rule in rules}

    def test_firewall_parameter_removes_all_of_it(self, deployed: Tree) -> None:
        stack = created(deployed, Firewall="false")
        assert not [name for name, each in stack.items() if "WAF" in each["Type"]]

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
        self, rules: dict[str, Tree], method: str, headers: dict[str, str], is_counted: bool
    ) -> None:
        rate = rules["PublicCallsPerAddress"]["Statement"]["RateBasedStatement"]
        assert matches(rate["ScopeDownStatement"], method, headers) is is_counted

    def test_no_call_escapes_the_second_limit(
        self, rules: dict[str, Tree], parameters: Tree
    ) -> None:
        first, second = (
            rules[name]["Statement"]["RateBasedStatement"]
            for name in ("PublicCallsPerAddress", "CallsPerAddress")
        )
        assert "ScopeDownStatement" not in second
        lower, higher = (parameters[rate["Limit"]["Ref"]]["Default"] for rate in (first, second))
        assert lower < higher

    def test_every_body_that_a_function_reads_is_allowed(self, rules: dict[str, Tree]) -> None:
        longest = rules["LongBodies"]["Statement"]["SizeConstraintStatement"]
        assert longest["ComparisonOperator"] == "GT"
        assert longest["Size"] >= json_api.MAX_BODY

    def test_requests_are_not_sampled(self, deployed: Tree) -> None:
        acl = only(created(deployed), "AWS::WAFv2::WebACL")
        for each in (acl, *acl["Rules"]):
            assert each["VisibilityConfig"]["SampledRequestsEnabled"] is False


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


class TestGatewayResponses:
    @pytest.fixture
    def responses(self, template: Tree) -> dict[str, tuple[Tree, Tree, int | None]]:
        """Body, headers and status, by the kind of error."""
        api = template["Resources"]["Api"]["Properties"]
        return {
            kind: (
                json.loads(each["ResponseTemplates"]["application/json"]),
                each["ResponseParameters"]["Headers"],
                each.get("StatusCode"),
            )
            for kind, each in api["GatewayResponses"].items()
        }

    def test_errors_have_the_members_of_every_dialect(
        self, responses: dict[str, tuple[Tree, Tree, int | None]]
    ) -> None:
        for body, _, status in responses.values():
            assert body["type"] == f"urn:customer-verification:{body['code']}"
            assert body["title"] == body["message"] == body["errorSummary"]
            assert re.fullmatch(r"E\d{7}", body["errorCode"])
            assert body.get("status") == status
            assert body["request_id"] == "$context.requestId"

    def test_errors_have_security_headers_and_a_request_id(
        self, responses: dict[str, tuple[Tree, Tree, int | None]]
    ) -> None:
        quoted = {name: f"'{value}'" for name, value in OWN_HEADERS.items()}
        expected = {**quoted, "Cache-Control": "'no-store'", "X-Request-ID": "context.requestId"}
        for body, headers, _ in responses.values():
            assert headers.items() >= expected.items()
            assert headers.get("Retry-After", "''").strip("'") == str(body.get("retry_after", ""))

    def test_errors_do_not_quote_the_request(self, template: Tree) -> None:
        api = template["Resources"]["Api"]["Properties"]
        assert "$context.error" not in json.dumps(api["GatewayResponses"])

    def test_errors_of_the_firewall_look_the_same(self, deployed: Tree) -> None:
        acl = only(created(deployed), "AWS::WAFv2::WebACL")
        custom = [each["Action"]["Block"]["CustomResponse"] for each in acl["Rules"][:3]]
        for response in custom:
            body = json.loads(
                acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]["Content"]
            )
            headers = {each["Name"]: each["Value"] for each in response["ResponseHeaders"]}
            assert {"type", "title", "code", "message", "errorCode"} <= set(body)
            assert body["status"] == response["ResponseCode"]
            assert headers.items() >= OWN_HEADERS.items()
            assert headers.get("Retry-After", "") == str(body.get("retry_after", ""))


class TestSettings:
    """The environment that the template declares is the one that `Settings` reads."""

    class Environ(dict[str, str]):
        """Remembers which variables were read."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.names: set[str] = set()

        def get(self, key: str, default: Any = None) -> Any:
            self.names.add(key)
            return super().get(key, default)

    @pytest.fixture
    def declared(self, template: Tree) -> Tree:
        variables: Tree = template["Globals"]["Function"]["Environment"]["Variables"]
        return variables

    @pytest.fixture
    def environ(self, declared: Tree, parameters: Tree) -> Environ:
        """The environment with default parameters."""
        environ = self.Environ({name: f"value of {name}" for name in declared})
        environ["OKTA_ORG_URL"] = "https://example.okta.com"
        environ["SANDBOX"] = declared["SANDBOX"]
        for name, value in declared.items():
            if isinstance(value, dict) and "Default" in parameters.get(str(value.get("Ref")), ()):
                environ[name] = str(parameters[value["Ref"]]["Default"])
        return environ

    def test_default_parameters_are_valid_settings(self, environ: Environ) -> None:
        Settings.from_environ(environ)

    def test_variables_are_those_that_are_read(self, environ: Environ, declared: Tree) -> None:
        Settings.from_environ(environ)
        libraries = {name for name in declared if name.startswith(("POWERTOOLS_", "AWS_"))}
        assert environ.names == set(declared) - libraries

    def test_numbers_have_the_same_bounds(
        self, environ: Environ, declared: Tree, parameters: Tree
    ) -> None:
        numbers = {
            variable: parameters[value["Ref"]]
            for variable, value in declared.items()
            if isinstance(value, dict)
            and parameters.get(str(value.get("Ref")), {}).get("Type") == "Number"
        }
        assert "STRANGER_ATTEMPTS" in numbers
        for name, parameter in numbers.items():
            low, high = parameter["MinValue"], parameter["MaxValue"]
            for value in (low, high):
                Settings.from_environ({**environ, name: str(value)})
            for value in (low - 1, high + 1):
                with pytest.raises(ConfigurationError) as refused:
                    Settings.from_environ({**environ, name: str(value)})
                assert name in refused.value.problem

    def test_sandbox_file_sets_only_declared_variables(self, declared: Tree) -> None:
        file = json.loads((ROOT / "events/sandbox-env.json").read_text())
        assert set(file) == {"Parameters"}
        assert set(file["Parameters"]) <= set(declared)

    def test_secrets_start_in_the_shape_that_the_service_reads(self, template: Tree) -> None:
        token = template["Resources"]["OktaTokenSecret"]["Properties"]
        keys = template["Resources"]["ServiceKeysSecret"]["Properties"]["GenerateSecretString"]
        assert set(json.loads(token["SecretString"])) == {"okta_api_token"}
        assert json.loads(keys["SecretStringTemplate"]) == {"clients": {}}
        assert keys["GenerateStringKey"] == "root_key"


def test_asynchronous_sends_are_neither_retried_nor_late(deployed: Tree) -> None:
    config = only(deployed, "AWS::Lambda::EventInvokeConfig")
    assert config["FunctionName"] == {"Ref": ISSUE}
    assert config["Qualifier"] == deployed[f"{ISSUE}Aliaslive"]["Properties"]["Name"]
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


@pytest.mark.parametrize("function", FUNCTIONS)
class TestVersions:
    """When a version is published, and how it is rolled out."""

    def test_changed_layer_publishes_a_version(self, function: str) -> None:
        def version(resources: Tree) -> str:
            names = of_type(resources, "AWS::Lambda::Version")
            (name,) = (n for n in names if n.startswith(f"{function}Version"))
            return name

        assert version(deploy()) != version(deploy(layer="s3://bucket/another"))

    def test_changed_parameter_publishes_a_version(
        self, template: Tree, deployed: Tree, function: str
    ) -> None:
        """SAM does not see values. Every parameter that a function depends on is in Settings, whose
        number is in the description of the version.
        """
        conditions = {
            name: set(references(rule)) & set(template["Parameters"])
            for name, rule in template["Conditions"].items()
        }
        used: set[str] = set()
        for name, value in deployed[function]["Properties"].items():
            if name != "ReservedConcurrentExecutions":  # it applies at once, to all versions
                used |= set(references(value)) & set(template["Parameters"])
                for condition in re.findall(r'"Fn::If": \["(\w+)"', json.dumps(value)):
                    used |= conditions[condition]
        assert "StartUp" in used
        assert used == set(references(deployed["Settings"]["Properties"]["Content"]))

    def test_new_number_of_settings_replaces_the_version(
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

    def test_new_version_comes_with_a_changed_function(self, deployed: Tree, function: str) -> None:
        """Lambda publishes no version of an unchanged function, and the deployment would fail."""
        assert "Settings" in set(references(deployed[function]["Properties"]["Description"]))

    def test_new_version_is_rolled_back_when_an_alarm_goes_off(
        self, deployed: Tree, function: str
    ) -> None:
        canary = "IssueCanaryFails" if function == ISSUE else "VerifyCanaryFails"
        group = created(deployed)[f"{function}DeploymentGroup"]["Properties"]
        assert set(references(group["AlarmConfiguration"])) == {canary, "ServiceFaults"}
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        dimensions = deployed[canary]["Properties"]["Dimensions"]
        (executed,) = (d["Value"] for d in dimensions if d["Name"] == "ExecutedVersion")
        assert executed["Fn::GetAtt"][0].startswith(f"{function}Version")

    def test_repair_can_be_rolled_out_during_an_alarm(self, deployed: Tree, function: str) -> None:
        group = created(deployed, Rollout="AllAtOnce")[f"{function}DeploymentGroup"]["Properties"]
        assert group["AlarmConfiguration"] == {}
        assert "AllAtOnce" in json.dumps(group["DeploymentConfigName"])


ALL_ON = {
    "OktaTokenSecretArn": SECRET,
    "ServiceKeysSecretArn": SECRET,
    "KmsKeyArn": KEY,
    "ReceiptKeyArn": KEY,
    "ReceiptOtherKeyArn": KEY,
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

VALUES = {
    "OktaOrgUrl": (
        ["https://example.okta.com", "https://login.example.co.uk"],
        [
            *("http://example.okta.com", "https://user@example.okta.com", "https://10.0.0.1"),
            *("https://example.okta.com/", "https://example.okta.com:8443"),
        ],
    ),
    "OktaCustomDomain": (["", "login.example.com"], ["https://login.example.com"]),
    "OktaTokenSecretArn": (["", SECRET], ["okta/token"]),
    "ServiceKeysSecretArn": (["", SECRET], ["service/keys"]),
    "KmsKeyArn": (["", KEY], [ALIAS]),
    "ReceiptKeyArn": (["", KEY], [ALIAS]),
    "ReceiptOtherKeyArn": (["", KEY], [ALIAS]),
    "ReceiptAudiences": (["shop", "shop,https://bank.example"], ["", "shop, bank", "*"]),
    "DomainName": (["verify.example.com"], ["https://verify.example.com"]),
    "ReservedConcurrency": (["", "100"], ["0"]),
    "AllowedOrigins": (
        ["", "https://shop.example.com,https://www.example.com:8443"],
        ["*", "https://shop.example.com/", "http://shop.example.com"],
    ),
}
"""Values that a parameter accepts, and values that it refuses."""


class TestParameters:
    @pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "+".join(choice) or "defaults")
    def test_no_choice_leaves_a_dangling_reference(
        self, parameters: Tree, deployed: Tree, choice: dict[str, str]
    ) -> None:
        stack = created(deployed, **choice)
        known = set(stack) | set(parameters)
        for name, resource in stack.items():
            assert not {each for each in references(resource) if "::" not in each} - known, name
        assert "Fn::If" not in json.dumps(stack)

    def test_no_resource_depends_on_itself(self, deployed: Tree) -> None:
        graph = {}
        for name, resource in deployed.items():
            explicit = resource.get("DependsOn", [])
            graph[name] = {
                *references(resource),
                *([explicit] if isinstance(explicit, str) else explicit),
            }
        graphlib.TopologicalSorter(graph).prepare()  # raises CycleError

    def test_start_up_is_a_snapshot_or_provisioned_or_neither(self, deployed: Tree) -> None:
        for choice, snapshot, is_provisioned in (
            ("SnapStart", "PublishedVersions", False),
            ("Provisioned", "None", True),
            ("None", "None", False),
        ):
            stack = created(deployed, StartUp=choice)
            for function in FUNCTIONS:
                alias = stack[f"{function}Aliaslive"]["Properties"]
                assert stack[function]["Properties"]["SnapStart"] == {"ApplyOn": snapshot}
                assert ("ProvisionedConcurrencyConfig" in alias) is is_provisioned

    def test_invalid_values_are_refused(self, parameters: Tree) -> None:
        for name, (accepted, refused) in VALUES.items():
            pattern = parameters[name]["AllowedPattern"]
            assert all(re.fullmatch(pattern, value) for value in accepted), name
            assert not any(re.fullmatch(pattern, value) for value in refused), name

    def test_every_parameter_has_a_description_bounds_and_a_group(
        self, template: Tree, parameters: Tree
    ) -> None:
        interface = template["Metadata"]["AWS::CloudFormation::Interface"]
        grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
        assert grouped == list(parameters)
        for parameter in parameters.values():
            assert parameter["Description"]
            assert {"AllowedPattern", "AllowedValues", "MaxValue"} & set(parameter)
