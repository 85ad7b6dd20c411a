"""The core template: its API, parameters and limits, and when a version of a function is published."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from cfnlint.api import ManualArgs, lint_by_config
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from tests.contract.stack import (
    CORE,
    FUNCTIONS,
    ISSUE,
    OPTIONAL,
    VERIFY,
    Tree,
    created,
    deploy,
    of_type,
    only,
    parse,
    references,
    routes,
    template,
    translated,
)
from tests.sandbox import contract
from tests.sandbox.template import ROOT, Template
from verification.settings import Settings

PARAMETERS = parse()["Parameters"]
LIMITS = parse()["Mappings"]["Limits"]
ORDER = ("strict", "standard", "relaxed")

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:okta/token-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = "arn:aws:kms:eu-west-1:123456789012:alias/mine"

VALUES = {
    "OktaOrgUrl": (
        "https://example.okta.com https://login.example.co.uk",
        "http://example.okta.com https://user@example.okta.com https://10.0.0.1 https://example.okta.com/",
    ),
    "OktaCustomDomain": ("login.example.com", "https://login.example.com"),
    "OktaCredential": ("token prepare 0oa1bcdEFG", "Token 0oa okta_token"),
    "OktaTokenSecretArn": (SECRET, "okta/token"),
    "ServiceKeysSecretArn": (SECRET, "service/keys"),
    "KmsKeyArn": (KEY, ALIAS),
    "ReceiptKeyArn": (KEY, ALIAS),
    "ReceiptOtherKeyArn": (KEY, ALIAS),
    "ReceiptAudiences": ("shop shop,https://bank.example", "* shop,"),
    "StartUp": ("SnapStart None 1 250", "0 Provisioned -1"),
    "ReservedConcurrency": ("100", "0"),
    "AllowedOrigins": (
        "https://shop.example.com,https://www.example.com:8443",
        "* https://shop.example.com/ http://shop.example.com http://localhost:3000 capacitor://localhost",
    ),
    "RedirectOrigins": ("https://shop.example.com", "* http://shop.example.com"),
}
"""Values that a parameter accepts, and values that it refuses."""

UNTHROTTLED = re.compile(
    r"/verify|.*/(activate|cancel|introspect|previous|skip|redeem)|/auth/challenges/\{id\}/verify"
    r"|/api/v1/authn/(recovery|credentials)/.*"
)
"""POST routes that neither send a code nor check a password."""


class Environ(dict[str, str]):
    """Remembers which variables were read."""

    names: set[str]

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names = {*getattr(self, "names", ()), key}
        return super().get(key, default)


def environ(**parameters: str) -> Environ:
    """The environment of a function with these parameters."""
    org = {"OktaOrgUrl": "https://example.okta.com"}
    return Environ(Template({**org, **parameters}).functions[0].environment)


@cache
def without_ready_instances() -> Tree:
    """The resources if the template said nothing of ready instances."""
    source = deepcopy(parse())
    assert source["Globals"]["Function"].pop("ProvisionedConcurrencyConfig")
    resources: Tree = translated(source=source)["Resources"]
    return resources


def version_of(function: str, resources: Tree) -> str:
    """The logical id of its version. Another one is another version."""
    names = of_type(resources, "AWS::Lambda::Version")
    (name,) = (name for name in names if name.startswith(f"{function}Version"))
    return name


def test_optional_templates_and_what_sam_makes_of_the_core_have_no_lint(tmp_path: Path) -> None:
    """What cfn-lint says, in one call, which reads its rules once. `make test` has the core itself linted
    by SAM. It sees references that a condition leaves dangling.
    """
    made = tmp_path / "translated.json"
    made.write_text(json.dumps(template()))
    files = [*(ROOT / name for name in OPTIONAL), made]
    assert lint_by_config(ManualArgs(templates=[str(each) for each in files])) == []


class TestParameters:
    def test_a_first_deployment_needs_one(self) -> None:
        assert [name for name, each in PARAMETERS.items() if "Default" not in each] == [
            "OktaOrgUrl"
        ]
        assert len(PARAMETERS) <= 24

    def test_each_has_a_description_and_bounds(self) -> None:
        for parameter in PARAMETERS.values():
            assert parameter["Description"]
            assert {"AllowedPattern", "AllowedValues"} & set(parameter)

    @pytest.mark.parametrize("name", VALUES)
    def test_invalid_values_are_refused(self, name: str) -> None:
        accepted, refused = VALUES[name]
        pattern = PARAMETERS[name]["AllowedPattern"]
        assert all(re.fullmatch(pattern, value) for value in accepted.split())
        assert not any(re.fullmatch(pattern, value) for value in refused.split())

    @pytest.mark.parametrize(
        ("choice", "snapshot", "ready"),
        [("SnapStart", "PublishedVersions", False), ("None", "None", False), ("5", "None", True)],
    )
    def test_start_up_is_a_snapshot_or_ready_instances_or_neither(
        self, choice: str, snapshot: str, ready: bool
    ) -> None:
        stack = created(deploy(), StartUp=choice)
        for function in FUNCTIONS:
            alias = stack[f"{function}Aliaslive"]["Properties"]
            assert stack[function]["Properties"]["SnapStart"] == {"ApplyOn": snapshot}
            assert ("ProvisionedConcurrencyConfig" in alias) is ready


class TestSettings:
    """The environment that the template declares is the one that `Settings` reads."""

    @pytest.mark.parametrize("preset", ORDER)
    def test_every_preset_of_limits_is_valid(self, preset: str) -> None:
        settings = Settings.from_environ(environ(Limits=preset))
        assert settings.stranger_attempts == LIMITS["StrangerAttempts"][preset]
        # Strangers must leave known devices and clients an attempt before Okta's lock at the fifth.
        assert settings.stranger_attempts <= 3
        # The public and clients have as many each. Okta locks a user out at the tenth by default.
        assert 2 * settings.password_failures <= 10

    @pytest.mark.parametrize("name", LIMITS)
    def test_strict_allows_no_more_and_relaxed_no_less(self, name: str) -> None:
        numbers = [LIMITS[name][preset] for preset in ORDER]
        assert numbers == sorted(numbers)

    def test_variables_are_those_that_are_read(self) -> None:
        variables = environ()
        Settings.from_environ(variables)
        libraries = {name for name in variables if name.startswith(("POWERTOOLS_", "AWS_"))}
        assert variables.names == set(variables) - libraries

    def test_pages_of_this_machine_may_call_only_a_stack_for_development(self) -> None:
        shop = {"AllowedOrigins": "https://shop.example"}
        assert Settings.from_environ(environ(**shop)).allowed_origins == ("https://shop.example",)
        development = Settings.from_environ(environ(**shop, Development="true"))
        local = ("http://localhost:*", "capacitor://localhost")
        assert development.allowed_origins == ("https://shop.example", *local)
        assert Settings.from_environ(environ(Development="true")).allowed_origins == local

    def test_sandbox_file_sets_only_declared_variables(self) -> None:
        file = json.loads((ROOT / "events/sandbox-env.json").read_text())
        assert set(file) == {"Parameters"}
        assert set(file["Parameters"]) <= set(environ())

    def test_secrets_start_in_the_shape_that_the_service_reads(self) -> None:
        token = parse()["Resources"]["OktaTokenSecret"]["Properties"]
        keys = parse()["Resources"]["ServiceKeysSecret"]["Properties"]["GenerateSecretString"]
        assert set(json.loads(token["SecretString"])) == {"okta_api_token"}
        assert json.loads(keys["SecretStringTemplate"]) == {"clients": {}}
        assert keys["GenerateStringKey"] == "root_key"


class TestApi:
    def test_every_route_invokes_an_alias_that_lets_it(self) -> None:
        paths = only(deploy(), "AWS::ApiGateway::RestApi")["Body"]["paths"]
        aliases = {
            found[1]
            for item in paths.values()
            for operation in item.values()
            for uri in [operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]]
            for found in [re.search(r"/functions/\$\{(\w+)\}/invocations$", uri)]
            if found
        }
        assert aliases == {f"{function}Aliaslive" for function in FUNCTIONS}
        permissions = of_type(deploy(), "AWS::Lambda::Permission").values()
        assert {each["FunctionName"]["Ref"] for each in permissions} == aliases
        for each in permissions:
            assert each["Principal"] == "apigateway.amazonaws.com"
            assert each["SourceArn"]["Fn::Sub"].endswith(":${Api}/${ApiprodStage}/*")

    # SAM calls what it and jsonschema will remove.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_sam_local_knows_the_function_of_every_route(self) -> None:
        stacks, _ = SamLocalStackProvider.get_stacks(str(ROOT / CORE))
        read = {
            (method, each.path, each.function_name)
            for each in ApiProvider(stacks, cwd=str(ROOT)).api.routes
            for method in each.methods
        }
        assert read == {(each.method, each.path, each.function) for each in contract.routes()}

    def test_every_route_that_sends_or_checks_a_password_has_a_lower_limit(self) -> None:
        limits = {}
        for each in only(deploy(), "AWS::ApiGateway::Stage")["MethodSettings"]:
            route = each["HttpMethod"], each["ResourcePath"].replace("~1", "/").removeprefix("/")
            assert each["ThrottlingRateLimit"] == each["ThrottlingBurstLimit"]
            limits[route] = each["ThrottlingRateLimit"]["Fn::FindInMap"][1]
        assert limits.pop(("*", "*")) == "CallsPerSecond"
        posts = {route for route in routes() if route[0] == "POST"}
        sending = {route for route in posts if not UNTHROTTLED.fullmatch(route[1])}
        assert limits == dict.fromkeys(sending | {("GET", "/challenge")}, "SendsPerSecond")

    def test_nothing_is_paid_for_each_method(self) -> None:
        for each in only(deploy(), "AWS::ApiGateway::Stage")["MethodSettings"]:
            assert not each.get("MetricsEnabled", False)


def test_asynchronous_sends_are_neither_retried_nor_late() -> None:
    config = only(deploy(), "AWS::Lambda::EventInvokeConfig")
    assert config["FunctionName"] == {"Ref": ISSUE}
    assert config["Qualifier"] == deploy()[f"{ISSUE}Aliaslive"]["Properties"]["Name"]
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


@pytest.mark.parametrize("function", FUNCTIONS)
class TestVersions:
    """When a version is published, and how it is rolled out."""

    def test_changed_layer_publishes_a_version(self, function: str) -> None:
        assert version_of(function, deploy()) != version_of(function, deploy("s3://bucket/other"))

    def test_changed_value_publishes_a_version(self, function: str) -> None:
        """SAM does not see values. Every one that a function depends on is in Settings, whose number
        is in the descriptions of function and version.
        """
        conditions = parse()["Conditions"]
        used: set[str] = set()
        for name, value in deploy()[function]["Properties"].items():
            if name != "ReservedConcurrentExecutions":  # it applies at once, to all versions
                used |= set(references(value)) & set(PARAMETERS)
                for condition in re.findall(r'"Fn::If": \["(\w+)"', json.dumps(value)):
                    used |= set(references(conditions[condition]))
        content = json.dumps(deploy()["Settings"]["Properties"]["Content"])
        in_settings = set(references(json.loads(content)))
        assert '"Fn::If": ["SnapStarts"' in content
        assert used == {*in_settings, "StartUp"}
        limits = set(re.findall(r'"Fn::FindInMap": \["Limits", "(\w+)"', content))
        variables = json.dumps(deploy()[function]["Properties"]["Environment"])
        assert limits == set(re.findall(r'"Fn::FindInMap": \["Limits", "(\w+)"', variables))

    def test_new_number_of_settings_replaces_the_version(self, function: str) -> None:
        version = deploy()[version_of(function, deploy())]["Properties"]
        assert version["Description"] == {"Fn::Sub": "Settings ${Settings.VersionNumber}"}
        # Lambda publishes no version of an unchanged function, and the deployment would fail.
        assert "Settings" in set(references(deploy()[function]["Properties"]["Description"]))
        for kind, changed in (
            ("AppConfig::HostedConfigurationVersion", "Content"),
            ("Lambda::Version", "Description"),
        ):
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", f"AWS::{kind}").schema
            assert f"/properties/{changed}" in schema["createOnlyProperties"]

    def test_ready_instances_publish_no_version(self, function: str) -> None:
        """A version comes with weights of the alias, with which Lambda removes none: so they are added
        and removed in an update of their own (docs/deploy.md, "Switching StartUp").
        """
        assert version_of(function, without_ready_instances()) == version_of(function, deploy())

    @pytest.mark.parametrize(("rollout", "gradual"), [("Canary", True), ("AllAtOnce", False)])
    def test_alarm_rolls_a_version_back_unless_a_repair_ignores_it(
        self, function: str, rollout: str, gradual: bool
    ) -> None:
        canary = {ISSUE: "IssueCanaryFails", VERIFY: "VerifyCanaryFails"}[function]
        group = created(deploy(), Rollout=rollout)[f"{function}DeploymentGroup"]["Properties"]
        watched = {canary, "ServiceFaults"} if gradual else set()
        assert set(references(group["AlarmConfiguration"])) == watched
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        assert ("AllAtOnce" in json.dumps(group["DeploymentConfigName"])) is not gradual
        dimensions = deploy()[canary]["Properties"]["Dimensions"]
        (executed,) = (d["Value"] for d in dimensions if d["Name"] == "ExecutedVersion")
        assert executed["Fn::GetAtt"][0] == version_of(function, deploy())
