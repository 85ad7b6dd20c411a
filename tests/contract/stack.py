"""The stack as SAM makes it of the template, and as CloudFormation would with some parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.sandbox.template import ROOT

FUNCTIONS = {"IssueChallengeFunction", "VerifyChallengeFunction"}

Tree = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}


class NoManagedPolicies:
    """What SAM would ask IAM for; the template names no managed policy for a function."""

    def load(self) -> dict[str, str]:
        return {}


@cache
def parse() -> Tree:
    """The template as written; `!Ref X` reads {"Ref": "X"}."""
    tree: Tree = yaml_parse((ROOT / "template.yaml").read_text())
    return tree


@cache
def deploy(layer: str = "s3://bucket/layer") -> Tree:
    """The resources that SAM makes of the template, once `sam deploy` has uploaded the code."""
    source = deepcopy(parse())
    for resource in source["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    source["Resources"]["VerificationLayer"]["Properties"]["ContentUri"] = layer
    resources: Tree = transform(source, {}, NoManagedPolicies())["Resources"]
    return resources


def created(deployed: Tree, **parameters: str) -> Tree:
    """The resources that exist with these parameters, with every condition decided."""
    template = parse()
    values = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}
    values.update(parameters)
    holds = {name: _decided(rule, values) for name, rule in template["Conditions"].items()}
    return {
        name: _chosen(resource, holds)
        for name, resource in deployed.items()
        if holds.get(resource.get("Condition"), True)
    }


def _decided(rule: Tree, values: Mapping[str, str]) -> bool:
    match rule:
        case {"Fn::Equals": [{"Ref": parameter}, value]}:
            return values[parameter] == str(value)
        case {"Fn::Not": [inner]}:
            return not _decided(inner, values)
    raise AssertionError(f"no condition of this template: {rule}")


def _chosen(node: Any, holds: Mapping[str, bool]) -> Any:
    match node:
        case {"Fn::If": [condition, then, otherwise]}:
            return _chosen(then if holds[condition] else otherwise, holds)
        case dict():
            chosen = {key: _chosen(value, holds) for key, value in node.items()}
            return {key: value for key, value in chosen.items() if value != NO_VALUE}
        case list():
            return [each for each in (_chosen(item, holds) for item in node) if each != NO_VALUE]
    return node


def of_type(resources: Tree, kind: str) -> dict[str, Tree]:
    """Properties of all resources of a type, by their names."""
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def references(node: object) -> Iterator[str]:
    """Every parameter or resource that this part of the tree refers to."""
    match node:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [name, *_]} | {"Fn::GetAtt": str(name)}:
            yield name.partition(".")[0]
        case {"Fn::Sub": text}:
            template, variables = (text, {}) if isinstance(text, str) else text
            named = {name.partition(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", template)}
            yield from named - set(variables)
            yield from references(variables)
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for item in node:
                yield from references(item)


def statements(resources: Tree) -> list[Tree]:
    """What all roles of the stack's own allow."""
    return [
        statement
        for role in of_type(resources, "AWS::IAM::Role").values()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def routes() -> dict[tuple[str, str], Tree]:
    """Properties of every Api event, and its function's name, by method and path."""
    return {
        (event["Properties"]["Method"], event["Properties"]["Path"]): {
            **event["Properties"],
            "function": name,
        }
        for name in sorted(FUNCTIONS)
        for event in parse()["Resources"][name]["Properties"]["Events"].values()
    }
