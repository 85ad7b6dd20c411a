"""The stack as SAM translates the template, and as CloudFormation creates it for given parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.sandbox.template import ROOT

ISSUE, VERIFY = "IssueChallengeFunction", "VerifyChallengeFunction"
FUNCTIONS = {ISSUE: "IssueChallengeRole", VERIFY: "VerifyChallengeRole"}
"""The role of each function."""

CORE = "template.yaml"
OPTIONAL = sorted(f"deploy/{file.name}" for file in (ROOT / "deploy").glob("*.yaml"))
"""The stacks that are not the core."""

Tree = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}


class NoManagedPolicies:
    """Stands for IAM, which SAM asks only about managed policies. The template names none."""

    def load(self) -> dict[str, str]:
        return {}


@cache
def parse(file: str = CORE) -> Tree:
    """A template as written. `!Ref X` is {"Ref": "X"}."""
    tree: Tree = yaml_parse((ROOT / file).read_text())
    return tree


@cache
def routes() -> dict[tuple[str, str], Tree]:
    """The operation of each route of the API, by method and path."""
    paths = yaml_parse((ROOT / "functions/openapi.yaml").read_text())["paths"]
    return {
        (method.upper(), path): operation
        for path, item in paths.items()
        for method, operation in item.items()
    }


def translated(layer: str = "s3://bucket/layer", source: Tree | None = None) -> Tree:
    """What SAM makes of the template when `sam deploy` has uploaded the code. CloudFormation has
    included the API's document by then: it evaluates macros from the inside outwards.
    """
    tree = deepcopy(source or parse())
    for resource in tree["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    tree["Resources"]["VerificationLayer"]["Properties"]["ContentUri"] = layer
    api = tree["Resources"]["Api"]["Properties"]
    included = api["DefinitionBody"]["Fn::Transform"]
    assert included["Name"] == "AWS::Include"
    api["DefinitionBody"] = yaml_parse((ROOT / included["Parameters"]["Location"]).read_text())
    result: Tree = transform(tree, {}, NoManagedPolicies())
    return result


@cache
def template(layer: str = "s3://bucket/layer") -> Tree:
    """The translated template, made once. It is not to be changed."""
    return translated(layer)


def deploy(layer: str = "s3://bucket/layer") -> Tree:
    """The resources of the translated template."""
    resources: Tree = template(layer)["Resources"]
    return resources


def created(deployed: Tree, file: str = CORE, **parameters: str) -> Tree:
    """The resources that exist with these parameters. Every condition is evaluated."""
    template = parse(file)
    declared = template.get("Parameters", {})
    values = {name: str(each.get("Default", "")) for name, each in declared.items()}
    values.update(parameters)
    conditions = template.get("Conditions", {})
    holds = {name: _evaluate(rule, values) for name, rule in conditions.items()}
    return {
        name: _choose(resource, holds)
        for name, resource in deployed.items()
        if holds.get(resource.get("Condition"), True)
    }


def optional(file: str, **parameters: str) -> Tree:
    """The resources of one of the optional stacks."""
    return created(parse(file)["Resources"], file, **parameters)


def _evaluate(rule: Tree, values: Mapping[str, str]) -> bool:
    match rule:
        case {"Fn::Equals": [{"Ref": parameter}, value]}:
            return values[parameter] == str(value)
        case {"Fn::Not": [inner]}:
            return not _evaluate(inner, values)
        case {"Fn::Or": list(inner)}:
            return any(_evaluate(each, values) for each in inner)
    raise AssertionError(f"no condition of this template: {rule}")


def _choose(node: Any, holds: Mapping[str, bool]) -> Any:
    match node:
        case {"Fn::If": [condition, then, otherwise]}:
            return _choose(then if holds[condition] else otherwise, holds)
        case dict():
            chosen = {key: _choose(value, holds) for key, value in node.items()}
            return {key: value for key, value in chosen.items() if value != NO_VALUE}
        case list():
            return [each for each in (_choose(item, holds) for item in node) if each != NO_VALUE]
    return node


def of_type(resources: Tree, kind: str) -> dict[str, Tree]:
    """Properties of all resources of a type, by their names."""
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def only(resources: Tree, kind: str) -> Tree:
    """Properties of the one resource of a type."""
    (properties,) = of_type(resources, kind).values()
    return properties


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


def imports(node: object) -> Iterator[str]:
    """What this part of the tree imports from the core: `ApiId` for `${CoreStack}-ApiId`."""
    match node:
        case {"Fn::ImportValue": {"Fn::Sub": str(name)}}:
            yield name.removeprefix("${CoreStack}-")
        case dict():
            for value in node.values():
                yield from imports(value)
        case list():
            for item in node:
                yield from imports(item)


def statements(resources: Tree, role: str | None = None) -> list[Tree]:
    """What all roles allow, or one of them: their own policies and AWS::IAM::Policy resources."""
    documents = [
        policy["PolicyDocument"]
        for name, properties in of_type(resources, "AWS::IAM::Role").items()
        if role in (None, name)
        for policy in properties.get("Policies", [])
    ]
    documents += [
        policy["PolicyDocument"]
        for policy in of_type(resources, "AWS::IAM::Policy").values()
        if role is None or {"Ref": role} in policy["Roles"]
    ]
    return [statement for document in documents for statement in document["Statement"]]
