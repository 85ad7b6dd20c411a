"""Reads functions/openapi.yaml: the routes, API Gateway's own responses, and the published document."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse

from verification import errors
from verification.http import invoke_url, json_api, okta_authn, workos
from verification.http.messages import JSON, TEXT, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

PATH = Path(__file__).parents[2] / "functions" / "openapi.yaml"
GATEWAY = "x-amazon-apigateway-gateway-responses"
INTEGRATION = "x-amazon-apigateway-integration"

DIALECTS: Mapping[str, tuple[ModuleType, str]] = {
    "JSON": (json_api, "Problem"),
    "Invoke URLs": (invoke_url, "Number"),
    "MFA": (workos, "MfaError"),
    "Sign-in": (okta_authn, "OktaError"),
}
"""The dialect of each tag, and the schema of its errors."""

_OF_EVERY_CALL = ("WAF_FILTERED", "THROTTLED", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT")
_OF_A_BODY = ("BAD_REQUEST_BODY", "REQUEST_TOO_LARGE")
"""What API Gateway may answer by itself on a route that exists."""

_REQUEST_ID = "8f0a7c4e-2d9b-4a52-8b1e-0f3d7c2a6e11"
_EPOCH = 1795558506
SCHEMAS = "#/components/schemas/"

Tree = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """A method and path of the API, the function behind it, and API Gateway's model of its body."""

    method: str
    path: str
    function: str
    model: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class GatewayResponse:
    """A response that API Gateway makes itself; body and headers may hold variables."""

    status: int
    body: str
    headers: Mapping[str, str]


@cache
def source() -> Tree:
    """The file as written. Do not change what it returns."""
    document: Tree = yaml_parse(PATH.read_text())
    return document


def routes() -> list[Route]:
    """Every route, with its CORS preflight."""
    return [
        Route(method.upper(), path, _function(operation), _model(operation))
        for path, item in source()["paths"].items()
        for method, operation in item.items()
    ]


def gateway_responses() -> dict[str, GatewayResponse]:
    """The responses of API Gateway itself, by the kind of refusal."""
    return {
        kind: GatewayResponse(
            int(response.get("statusCode", 500 if kind.endswith("5XX") else 400)),
            response["responseTemplates"]["application/json"],
            {
                name.removeprefix("gatewayresponse.header."): value
                for name, value in response["responseParameters"].items()
            },
        )
        for kind, response in source()[GATEWAY].items()
    }


@cache
def published() -> Tree:
    """The contract as plain OpenAPI 3.1, with every outcome of every operation.

    The examples of errors are what the dialects render. Do not change what it returns.
    """
    document: Tree = _merged(deepcopy(source()))
    document["openapi"] = "3.1.0"
    groups, refusals = document.pop("x-outcome-groups"), document.pop(GATEWAY)
    del document["components"]["schemas"]["JsonObject"]
    examples: Tree = {}
    document["components"]["examples"] = examples
    for item in document["paths"].values():
        item.pop("options", None)
        for operation in item.values():
            outcomes = [
                each
                for name in operation.pop("x-outcomes")
                for code in groups.get(name, [name])
                for each in _outcomes(operation["tags"][0], code)
            ]
            for kind in _OF_EVERY_CALL + (_OF_A_BODY if "requestBody" in operation else ()):
                outcomes.append(_refusal(operation["tags"][0], refusals[kind]))
            for outcome in outcomes:
                _add(operation["responses"], outcome, examples)
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-ID"] = {"schema": {"type": "string"}}
            operation["responses"] = dict(sorted(operation["responses"].items()))
    plain: Tree = _plain(document)
    return plain


def operations() -> Iterator[tuple[str, str, Tree]]:
    """Method, path and operation of the published document."""
    for path, item in published()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _merged(node: Any) -> Any:
    """The tree with every `x-publish` merged into the object that holds it."""
    if isinstance(node, list):
        return [_merged(each) for each in node]
    if not isinstance(node, dict):
        return node
    more = node.pop("x-publish", {})
    return {name: _merged(value) for name, value in _joined(node, more).items()}


def _joined(node: Tree, more: Tree) -> Tree:
    joined = dict(node)
    for name, value in more.items():
        match joined.get(name), value:
            case dict(old), dict(new):
                joined[name] = _joined(old, new)
            case list(old), list(new):
                joined[name] = [*old, *new]
            case _:
                joined[name] = value
    return joined


def _plain(node: Any) -> Any:
    """The tree without extensions."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name: _plain(value) for name, value in node.items() if not name.startswith("x-")}


@dataclass(frozen=True)
class _Outcome:
    """An answer that is no success. `example` is a whole body."""

    code: str
    name: str
    status: int
    content_type: str
    schema: Mapping[str, str]
    example: object
    headers: Iterable[str]


def _outcomes(tag: str, code: str) -> Iterator[_Outcome]:
    """What an outcome looks like in the dialect of the tag: one answer for each of its statuses."""
    dialect, schema = DIALECTS[tag]
    for error in _errors(code):
        reply: Reply = dialect.error(error, _REQUEST)
        is_text = reply.content_type == TEXT
        yield _Outcome(
            code,
            f"{dialect.NAME}-{code}-{reply.status}",
            reply.status,
            reply.content_type,
            {"type": "string"} if is_text else {"$ref": SCHEMAS + schema},
            reply.body if is_text else json.loads(reply.body),
            reply.headers,
        )


def _refusal(tag: str, refusal: Tree) -> _Outcome:
    """An answer of API Gateway or the firewall. It has the members of every dialect."""
    text = refusal["responseTemplates"]["application/json"]
    body = json.loads(text.replace("$context.requestId", _REQUEST_ID))
    code, status = body["code"], int(refusal["statusCode"])
    _, schema = DIALECTS[tag]
    reference = {"$ref": SCHEMAS + schema.replace("Number", "Problem")}
    return _Outcome(code, f"gateway-{code}-{status}", status, JSON, reference, body, ())


def _add(responses: Tree, outcome: _Outcome, examples: Tree) -> None:
    examples[outcome.name] = {"value": outcome.example}
    response = responses.setdefault(str(outcome.status), {"description": ""})
    content = response.setdefault("content", {}).setdefault(outcome.content_type, {})
    schema = content.setdefault("schema", outcome.schema)
    if outcome.schema not in (schema, *schema.get("anyOf", [])):
        content["schema"] = {"anyOf": [*schema.get("anyOf", [schema]), outcome.schema]}
    reference = {"$ref": f"#/components/examples/{outcome.name}"}
    content.setdefault("examples", {}).setdefault(outcome.code, reference)
    codes = dict.fromkeys(
        code for each in response["content"].values() for code in each["examples"]
    )
    response["description"] = ", ".join(f"`{code}`" for code in codes)
    for name in outcome.headers:
        number = {"type": "integer", "minimum": 1}
        header = {"schema": number if name == "Retry-After" else {"type": "string"}}
        response.setdefault("headers", {})[name] = header


def _errors(code: str) -> Iterator[errors.VerificationError]:
    """One error of every class that has this code."""
    for kind in _classes(errors.VerificationError):
        if getattr(kind, "code", "") != code or kind is errors.ConfigurationError:
            continue
        if issubclass(kind, errors.ChallengeSuperseded):
            yield kind(superseded_at=_EPOCH)
        elif issubclass(kind, errors.ReceiptAlreadyRedeemed):
            yield kind(redeemed_at=_EPOCH)
        elif issubclass(kind, errors.InvalidCode):
            yield kind(attempts_remaining=3)
        elif issubclass(kind, errors.SendLimited):
            yield kind(retry_after=28, limit="resend")
        elif issubclass(kind, errors.TryLater):
            yield kind(retry_after=30)
        else:
            yield kind()


def _classes(kind: type[errors.VerificationError]) -> Iterator[type[errors.VerificationError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _classes(each)


def _function(operation: Tree) -> str:
    uri = operation[INTEGRATION]["uri"]["Fn::Sub"]
    found = re.search(r"/functions/\$\{(\w+)\.Alias\}/invocations$", uri)
    assert found, uri
    return found[1]


def _model(operation: Tree) -> Mapping[str, Any] | None:
    match operation.get("requestBody"):
        case {"content": {"application/json": {"schema": {"$ref": str(reference)}}}}:
            model: Tree = source()["components"]["schemas"][reference.rpartition("/")[2]]
            return model
    return None


_REQUEST = Request(
    method="POST",
    resource="/",
    path="/",
    path_parameters={"id": "auth_factor_x"},
    headers={},
    query={},
    raw_body="",
    is_base64=False,
    source_ip="",
    request_id=_REQUEST_ID,
    base="",
)
