"""Permissions, encryption, and what is written to logs."""

from __future__ import annotations

import ast
import json
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from tests.contract.stack import (
    FUNCTIONS,
    ISSUE,
    OPTIONAL,
    VERIFY,
    Tree,
    created,
    deploy,
    of_type,
    only,
    optional,
    statements,
)
from tests.sandbox.template import ROOT

KEY = {"KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234"}

PERMISSIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    # Its members need their own permissions, and all of them are updates.
    "dynamodb:TransactWriteItems": "dynamodb:UpdateItem",
}
"""The permission for an API operation, where it is not called like the operation."""

NO_CALLS = {"kms:Verify"}
"""Operations whose names are words of the code: `verify` is a scope."""


@cache
def core() -> Tree:
    """The core with default parameters."""
    return created(deploy())


def allowed(stack: Tree, role: str) -> dict[str, str]:
    """The resource of every action that a role allows."""
    found = {}
    for statement in statements(stack, role):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            found[action] = json.dumps(statement["Resource"])
    return found


def permissions_used() -> set[str]:
    """The permissions for the AWS operations that the code names, such as `update_item`."""
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.value
        for file in (ROOT / "shared/verification/aws").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute | ast.Constant)
    }
    session = botocore.session.get_session()
    operations = {
        f"{service}:{operation}"
        for service in ("dynamodb", "secretsmanager", "lambda", "kms")
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in names
    }
    return {PERMISSIONS.get(operation, operation) for operation in operations - NO_CALLS}


def test_functions_are_allowed_exactly_the_calls_that_they_make() -> None:
    every_function = {"logs:CreateLogStream", "logs:PutLogEvents"}
    every_function |= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    own = {ISSUE: {"lambda:InvokeFunction"}, VERIFY: {"kms:Sign", "kms:GetPublicKey"}}
    data = permissions_used() - own[ISSUE] - own[VERIFY]
    for function, role in FUNCTIONS.items():
        assert core()[function]["Properties"]["Role"] == {"Fn::GetAtt": [role, "Arn"]}
        assert set(allowed(core(), role)) == data | every_function | own[function]
        assert own[function] <= permissions_used()


def test_nothing_is_allowed_on_every_resource_except_traces() -> None:
    """X-Ray has no resources to name."""
    stacks = [created(deploy(), **KEY), *(optional(file) for file in OPTIONAL)]
    stacks.append(optional("deploy/audit.yaml", **KEY))
    for statement in (each for stack in stacks for each in statements(stack)):
        assert statement["Effect"] == "Allow"
        assert "*" not in json.dumps(statement["Action"])
        if "*" in json.dumps(statement["Resource"]):
            assert statement["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


def test_issue_function_may_invoke_only_itself() -> None:
    may_invoke = json.loads(allowed(core(), FUNCTIONS[ISSUE])["lambda:InvokeFunction"])
    assert may_invoke == [{"Fn::GetAtt": [ISSUE, "Arn"]}, {"Ref": f"{ISSUE}Aliaslive"}]


def test_own_secrets_replace_those_of_the_stack() -> None:
    given = {"OktaTokenSecretArn": "arn:token", "ServiceKeysSecretArn": "arn:keys"}
    for parameters in ({}, given):
        stack = created(deploy(), **parameters)
        made = [] if parameters else ["OktaTokenSecret", "ServiceKeysSecret"]
        assert sorted(of_type(stack, "AWS::SecretsManager::Secret")) == made
        readable = json.dumps([{"Ref": name} for name in parameters or made])
        for role in FUNCTIONS.values():
            assert allowed(stack, role)["secretsmanager:GetSecretValue"] == readable


@pytest.mark.parametrize("given", [KEY, {}], ids=["own key", "AWS's keys"])
def test_own_key_encrypts_all_stored_data(given: dict[str, str]) -> None:
    ref = {"Ref": "KmsKeyArn"} if given else None
    stack = created(deploy(), **given)
    for kind in ("SecretsManager::Secret", "Logs::LogGroup"):
        for properties in of_type(stack, f"AWS::{kind}").values():
            assert properties.get("KmsKeyId") == ref
    table = only(stack, "AWS::DynamoDB::Table")["SSESpecification"]
    assert (table["SSEEnabled"], table.get("KMSMasterKeyId")) == (True, ref)
    for function, role in FUNCTIONS.items():
        assert stack[function]["Properties"].get("KmsKeyArn") == ref
        assert allowed(stack, role).get("kms:Decrypt") == (json.dumps(ref) if ref else None)


def test_only_the_verify_function_signs_with_the_key_of_receipts() -> None:
    key = core()["ReceiptKey"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["KeySpec"] == "ECC_NIST_P256"
    administration, signing = key["Properties"]["KeyPolicy"]["Statement"]
    assert not {"kms:*", "kms:Sign"} & set(administration["Action"])
    assert signing["Action"] == "kms:Sign"
    signer = {"Fn::GetAtt": [FUNCTIONS[VERIFY], "Arn"]}
    assert signing["Condition"] == {"ArnEquals": {"aws:PrincipalArn": signer}}


@pytest.mark.parametrize(("credential", "client"), [("prepare", ""), ("0oa1", "0oa1")])
def test_both_functions_alone_sign_for_the_service_app_that_is_prepared_or_used(
    credential: str, client: str
) -> None:
    stack, key = created(deploy(), OktaCredential=credential), {"Fn::GetAtt": ["OktaAppKey", "Arn"]}
    _, signing = stack["OktaAppKey"]["Properties"]["KeyPolicy"]["Statement"]
    roles = [{"Fn::GetAtt": [role, "Arn"]} for role in FUNCTIONS.values()]
    assert signing["Condition"] == {"ArnEquals": {"aws:PrincipalArn": roles}}
    assert "OktaAppKey" not in created(deploy())
    for function, role in FUNCTIONS.items():
        signs = [each for each in statements(stack, role) if each["Resource"] == key]
        assert [each["Action"] for each in signs] == [["kms:Sign", "kms:GetPublicKey"]]
        variables = stack[function]["Properties"]["Environment"]["Variables"]
        assert variables["OKTA_APP_KEY"] == key
        assert variables["OKTA_CLIENT_ID"] == ({"Ref": "OktaCredential"} if client else "")


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, {"Fn::GetAtt": ["ReceiptKey", "Arn"]}),
        ({"ReceiptKeyArn": "arn:own"}, {"Ref": "ReceiptKeyArn"}),
    ],
)
def test_verify_function_may_use_both_keys_while_one_replaces_the_other(
    given: dict[str, str], key: Tree
) -> None:
    stack = created(deploy(), ReceiptOtherKeyArn="arn:other", **given)
    assert ("ReceiptKey" in stack) is not bool(given)
    may_sign = json.loads(allowed(stack, FUNCTIONS[VERIFY])["kms:Sign"])
    assert may_sign == [key, {"Ref": "ReceiptOtherKeyArn"}]


def test_logs_hold_no_personal_data() -> None:
    """Execution logs would hold query strings and bodies, and traces of the stage hold URLs."""
    stage = only(deploy(), "AWS::ApiGateway::Stage")
    line = json.loads(stage["AccessLogSetting"]["Format"])
    private = ("identity", "path.", "$context.path", "requestOverride")
    for value in line.values():
        assert value.startswith("$context.")
        assert not any(word in value for word in private)
    assert not stage.get("TracingEnabled", False)
    for method in stage["MethodSettings"]:
        assert method.get("LoggingLevel", "OFF") == "OFF"
        assert not method.get("DataTraceEnabled", False)


def test_functions_log_into_groups_with_a_retention_and_leave_the_format_to_powertools() -> None:
    """Lambda's JSON format sets the level of the root logger: DEBUG would log URLs and tokens."""
    logging = [deploy()[function]["Properties"]["LoggingConfig"] for function in FUNCTIONS]
    assert all(set(each) == {"LogGroup"} for each in logging)
    groups = of_type(deploy(), "AWS::Logs::LogGroup")
    assert {each["LogGroup"]["Ref"] for each in logging} | {"ApiAccessLogs"} == set(groups)
    assert all(g["RetentionInDays"] == {"Ref": "LogRetentionDays"} for g in groups.values())
