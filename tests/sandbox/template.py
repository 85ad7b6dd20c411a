"""Reads template.yaml: functions, settings, permissions, tables and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.sandbox.arns import ACCOUNT_ID, ALIAS, REGION, arn, function_arn, key_arn

ROOT = Path(__file__).parents[2]
PREFIX = "sandbox-"

_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "sandbox",
}


@dataclass(frozen=True)
class Function:
    """One Lambda function as the template declares it."""

    name: str
    code: Path
    timeout: float
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Statement:
    """An Allow statement of an IAM policy; both lists are patterns."""

    actions: list[str]
    resources: list[str]

    def allows(self, action: str, resource: str | None) -> bool:
        """Whether it allows the action, on the resource if one is named."""
        return any(fnmatchcase(action, each) for each in self.actions) and (
            resource is None or any(fnmatchcase(resource, each) for each in self.resources)
        )


class Template:
    """The stack as it would be deployed with these parameters."""

    def __init__(self, parameters: Mapping[str, str], path: Path = ROOT / "template.yaml") -> None:
        self._source = yaml_parse(path.read_text())
        declared = self._source["Parameters"]
        self._parameters = {name: str(each.get("Default", "")) for name, each in declared.items()}
        self._parameters.update(parameters)

    @cached_property
    def functions(self) -> list[Function]:
        """Every AWS::Serverless::Function."""
        shared = self._source["Globals"]["Function"]
        return [
            Function(
                name,
                ROOT / properties["CodeUri"],
                float(properties.get("Timeout", shared["Timeout"])),
                {
                    key: str(self._resolved(value))
                    for source in (shared, properties)
                    for key, value in source.get("Environment", {}).get("Variables", {}).items()
                },
            )
            for name, properties in self.resources("AWS::Serverless::Function").items()
        ]

    def statements_of(self, function: str) -> list[Statement]:
        """What a function's role allows: its own policies and the AWS::IAM::Policy resources."""
        name, _ = self.resources("AWS::Serverless::Function")[function]["Role"]["Fn::GetAtt"]
        role = self.resources("AWS::IAM::Role")[name]
        policies = [*role.get("Policies", [])]
        for policy in self.resources("AWS::IAM::Policy").values():
            if {"Ref": name} in policy["Roles"]:
                policies.append(policy)
        return [
            Statement(_listed(statement["Action"]), _listed(statement["Resource"]))
            for policy in policies
            for statement in _listed(self._resolved(policy["PolicyDocument"]["Statement"]))
            if statement["Effect"] == "Allow"
        ]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id and properties of the resources of a type, without those of a false condition."""
        return {
            name: resource["Properties"]
            for name, resource in self._source["Resources"].items()
            if resource["Type"] == kind and self._holds(resource.get("Condition"))
        }

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._resolved(self._source["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        """The value with its intrinsic functions evaluated; None stands for AWS::NoValue."""
        match value:
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^!}]+)\}", lambda found: self._substitute(found[1]), text)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self._resolved(part) for part in parts)
            case {"Fn::FindInMap": [str(table), row, column]}:
                return self._source["Mappings"][table][self._resolved(row)][self._resolved(column)]
            case {"Fn::If": [condition, then, otherwise]}:
                return self._resolved(then if self._holds(condition) else otherwise)
            case {"Fn::Equals": [left, right]}:
                return self._resolved(left) == self._resolved(right)
            case {"Fn::Or": list(rules)}:
                return any(map(self._resolved, rules))
            case {"Fn::Not": [negated]}:
                return not self._resolved(negated)
            case dict() if any(key.startswith("Fn::") for key in value):
                raise ValueError(f"the sandbox cannot evaluate {next(iter(value))}")
            case dict():
                return {key: self._resolved(each) for key, each in value.items()}
            case list():
                return [each for each in map(self._resolved, value) if each is not None]
        return value

    def _reference(self, name: str) -> str | None:
        if name in _PSEUDO_PARAMETERS:
            return _PSEUDO_PARAMETERS[name]
        if name in self._parameters:
            return self._parameters[name]
        if self._is_function(name.removesuffix(".Alias")):
            function, _, alias = name.partition(".")
            return function_arn(function, ALIAS) if alias else function
        return PREFIX + name

    def _attribute(self, name: str, attribute: str) -> str:
        if self._is_function(name):
            return function_arn(name)
        if self._source["Resources"][name]["Type"] == "AWS::KMS::Key":
            return key_arn(PREFIX + name)
        return arn("sandbox", f"{PREFIX}{name}.{attribute}")

    def _substitute(self, expression: str) -> str:
        name, _, attribute = expression.partition(".")
        if attribute and attribute != "Alias":
            return self._attribute(name, attribute)
        return str(self._reference(expression))

    def _is_function(self, name: str) -> bool:
        resource = self._source["Resources"].get(name, {})
        return bool(resource.get("Type") == "AWS::Serverless::Function")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
