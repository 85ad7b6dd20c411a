"""Who may do what: roles, keys, and what is written where."""

from __future__ import annotations

import json

import pytest

from tests.contract.stack import FUNCTIONS, Tree, created, deploy, of_type, statements

ROLES = {
    "IssueChallengeFunction": "IssueChallengeRole",
    "VerifyChallengeFunction": "VerifyChallengeRole",
}
KEY = {"KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234"}
EVERYTHING = {**KEY, "AuditStream": "true", "CreateApiLogRole": "true"}


@pytest.fixture(scope="module")
def deployed() -> Tree:
    return deploy()


def allowed(stack: Tree, role: str) -> dict[str, str]:
    """The resource of every action that a role may carry out."""
    found = {}
    for statement in statements({role: stack[role]}):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            found[action] = json.dumps(statement["Resource"])
    return found


def test_nothing_is_allowed_on_everything_but_to_trace(deployed: Tree) -> None:
    """X-Ray has no resources that could be named."""
    for statement in statements(created(deployed, **EVERYTHING)):
        assert statement["Effect"] == "Allow"
        assert "*" not in json.dumps(statement["Action"])
        if "*" in json.dumps(statement["Resource"]):
            assert statement["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_functions_may_do_only_what_they_do(deployed: Tree, function: str) -> None:
    assert deployed[function]["Properties"]["Role"] == {"Fn::GetAtt": [ROLES[function], "Arn"]}
    table = '{"Fn::GetAtt": ["ChallengeTable", "Arn"]}'
    logs = deployed[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    expected = {
        "dynamodb:BatchGetItem": table,
        "dynamodb:GetItem": table,
        "dynamodb:UpdateItem": table,
        "secretsmanager:GetSecretValue": '[{"Ref": "OktaTokenSecret"}, {"Ref": "ServiceKeysSecret"}]',
        "logs:CreateLogStream": f'{{"Fn::GetAtt": ["{logs}", "Arn"]}}',
        "logs:PutLogEvents": f'{{"Fn::GetAtt": ["{logs}", "Arn"]}}',
        "xray:PutTraceSegments": '"*"',
        "xray:PutTelemetryRecords": '"*"',
    }
    stack = created(deployed)
    assert allowed(stack, ROLES[function]) == expected
    assert "ManagedPolicyArns" not in stack[ROLES[function]]["Properties"]


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_secrets_of_the_customers_own_take_the_place_of_the_stacks(
    deployed: Tree, function: str
) -> None:
    given = {"OktaTokenSecretArn": "arn:token", "ServiceKeysSecretArn": "arn:keys"}
    stack = created(deployed, **given)
    readable = '[{"Ref": "OktaTokenSecretArn"}, {"Ref": "ServiceKeysSecretArn"}]'
    assert allowed(stack, ROLES[function])["secretsmanager:GetSecretValue"] == readable
    assert not of_type(stack, "AWS::SecretsManager::Secret")


def test_a_key_of_the_customers_own_encrypts_everything_that_is_kept(deployed: Tree) -> None:
    ref = {"Ref": "KmsKeyArn"}
    stack = created(deployed, **KEY)
    for kind in ("AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"):
        for properties in of_type(stack, kind).values():
            assert properties["KmsKeyId"] == ref
    (table,) = of_type(stack, "AWS::DynamoDB::Table").values()
    assert table["SSESpecification"]["KMSMasterKeyId"] == ref
    for function, role in ROLES.items():
        assert stack[function]["Properties"]["KmsKeyArn"] == ref
        assert allowed(stack, role)["kms:Decrypt"] == json.dumps(ref)


def test_without_it_nothing_may_use_a_key(deployed: Tree) -> None:
    stack = created(deployed)
    del stack["Settings"]  # which name the parameter, whatever its value is
    assert "KmsKeyArn" not in json.dumps(list(stack.values()))
    assert "kms:" not in json.dumps(statements(stack))
    (table,) = of_type(stack, "AWS::DynamoDB::Table").values()
    assert table["SSESpecification"]["SSEEnabled"] is True


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
        "$context.wafResponseCode",
    }


def test_api_gateway_keeps_no_requests_of_its_own(deployed: Tree) -> None:
    """Execution logs hold query strings and bodies, and traces of the stage hold URLs."""
    (stage,) = of_type(deployed, "AWS::ApiGateway::Stage").values()
    assert not stage.get("TracingEnabled", False)
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
