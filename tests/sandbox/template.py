"""Reads template.yaml: the functions, their routes and settings, the table and the secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
PREFIX = "sandbox-"


@dataclass(frozen=True)
class Function:
    """One Lambda function as the template declares it."""

    name: str
    code: Path
    timeout: float
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """A method and a path of the API, such as `POST /challenge`, and the function behind it.

    `model` is the JSON schema that a body must fit before the function sees it.
    """

    method: str
    path: str
    function: str
    model: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class GatewayResponse:
    """An answer of API Gateway's own: a body and headers with `$context.` or `context.` in them."""

    status: int
    body: str
    headers: Mapping[str, str]


class Template:
    """The stack as it would be deployed with these parameters, every name prefixed."""

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

    @cached_property
    def routes(self) -> list[Route]:
        """Every Api event of every function."""
        (api,) = self.resources("AWS::Serverless::Api").values()
        return [
            Route(
                route["Method"].upper(),
                route["Path"],
                name,
                api["Models"][route["RequestModel"]["Model"]] if "RequestModel" in route else None,
            )
            for name, properties in self.resources("AWS::Serverless::Function").items()
            for event in properties["Events"].values()
            if event["Type"] == "Api"
            for route in [event["Properties"]]
        ]

    def actions_of(self, function: str) -> set[str]:
        """What the role of a function allows, such as `dynamodb:GetItem`; none by a condition."""
        name, _ = self.resources("AWS::Serverless::Function")[function]["Role"]["Fn::GetAtt"]
        role = self.resources("AWS::IAM::Role")[name]
        found = [
            statement.get("Action", [])
            for policy in role["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        return {one for each in found for one in ([each] if isinstance(each, str) else each)}

    @cached_property
    def gateway_responses(self) -> dict[str, GatewayResponse]:
        """What API Gateway itself answers, by the kind of refusal."""
        (api,) = self.resources("AWS::Serverless::Api").values()
        return {
            kind: GatewayResponse(
                response.get("StatusCode", 500 if kind.endswith("5XX") else 400),
                response["ResponseTemplates"]["application/json"],
                response["ResponseParameters"]["Headers"],
            )
            for kind, response in api["GatewayResponses"].items()
        }

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id and properties of the resources of a type that the stack would have."""
        return {
            name: resource["Properties"]
            for name, resource in self._source["Resources"].items()
            if resource["Type"] == kind and self._holds(resource.get("Condition"))
        }

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._resolved(self._source["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        """The value with its intrinsic functions carried out, as far as settings use them."""
        match value:
            case {"Ref": str(name)}:
                return self._parameters.get(name, PREFIX + name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self._resolved(then if self._holds(condition) else otherwise)
            case {"Fn::Equals": [left, right]}:
                return self._resolved(left) == self._resolved(right)
            case dict():
                raise ValueError(f"the sandbox does not know {next(iter(value))}")
        return value
