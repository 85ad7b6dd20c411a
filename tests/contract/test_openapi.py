"""The contract: API Gateway can import it, and it says what the functions do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
from werkzeug.wrappers import Response

from tests.contract import reference
from tests.integration.functions import router_of
from tests.sandbox import contract
from tests.sandbox.witness import undocumented
from verification import errors
from verification.http.messages import PROBLEM_JSON, Request
from verification.http.statuses import STATUS
from verification.models.callers import Scope
from verification.parsing import parse_email

FUNCTIONS = {
    "IssueChallengeFunction": "issue_challenge",
    "VerifyChallengeFunction": "verify_challenge",
}
SERVED = {
    name: (function, route)
    for function, folder in FUNCTIONS.items()
    for name, route in router_of(folder).routes.items()
}
"""The routes of the functions, by their names."""

KNOWN_TO_API_GATEWAY = {
    *("openapi", "info", "paths", "components"),
    *("operationId", "summary", "parameters", "requestBody", "responses"),
}
OPERATIONS = {f"{method} {path}": each for method, path, each in contract.operations()}
BODIES = {name: each for name, each in OPERATIONS.items() if "requestBody" in each}
OPTIONAL_BODIES = ("POST /auth/factors/{id}/challenge",)
"""Operations whose body may be absent, so that the function alone checks it."""

Tree = dict[str, Any]


def nodes(tree: object, where: str = "") -> Iterator[tuple[str, object]]:
    """Every node, with the path to it."""
    yield where, tree
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for name, value in items:
        yield from nodes(value, f"{where}/{name}")


FORMATS = FormatChecker(formats=())


@FORMATS.checks("email", raises=errors.BadRequest)
def is_email(value: object) -> bool:
    """What this service takes for an address; JSON Schema leaves it open."""
    return not isinstance(value, str) or bool(parse_email(value))


def validator(schema: Tree) -> Draft202012Validator:
    return _validator(json.dumps(schema))


@cache
def _validator(schema: str) -> Draft202012Validator:
    components = {"schemas": contract.published()["components"]["schemas"]}
    whole = {**json.loads(schema), "components": components}
    return Draft202012Validator(whole, format_checker=FORMATS)


def examples(content: Tree) -> Iterator[object]:
    """The bodies in a media type."""
    for example in content["examples"].values():
        name = example.get("$ref", "").rpartition("/")[2]
        yield (contract.published()["components"]["examples"][name] if name else example)["value"]


class TestImport:
    def test_it_is_openapi_3_0_as_api_gateway_needs(self) -> None:
        assert [*OpenAPIV30SpecValidator(contract.source()).iter_errors()] == []

    def test_it_has_no_null_which_cloudformation_rejects(self) -> None:
        assert [where for where, node in nodes(contract.source()) if node is None] == []

    def test_it_has_no_alias_and_no_short_form_which_an_include_does_not_read(self) -> None:
        text = contract.PATH.read_text()
        assert re.findall(r"^[^#'\"]*[:\[,{]\s[&*!]\w", text, re.MULTILINE) == []

    def test_nothing_that_api_gateway_would_have_to_understand_is_outside_of_extensions(
        self,
    ) -> None:
        source = contract.source()
        assert {each for each in source if not each.startswith("x-")} <= KNOWN_TO_API_GATEWAY
        assert {each for each in source["components"] if not each.startswith("x-")} == {"schemas"}
        assert source["components"]["schemas"] == {"JsonObject": {"type": "object"}}
        for item in source["paths"].values():
            for operation in item.values():
                assert {
                    each for each in operation if not each.startswith("x-")
                } <= KNOWN_TO_API_GATEWAY
                for response in operation["responses"].values():
                    assert response.keys() == {"description"}

    def test_every_body_that_is_needed_is_an_object_and_no_field_is_checked(self) -> None:
        """The functions check fields: their errors name them, API Gateway's cannot."""
        source = contract.source()
        validators = source["x-amazon-apigateway-request-validators"]
        assert validators[source["x-amazon-apigateway-request-validator"]] == {
            "validateRequestBody": True,
            "validateRequestParameters": False,
        }
        needed = {name for name, each in BODIES.items() if each["requestBody"].get("required")}
        assert [*OPTIONAL_BODIES] == sorted(BODIES.keys() - needed)
        for route in contract.routes():
            is_needed = f"{route.method} {route.path}" in needed
            assert route.model == ({"type": "object"} if is_needed else None)

    @pytest.mark.parametrize("kind", contract.gateway_responses())
    def test_a_browser_may_read_what_api_gateway_refuses(self, kind: str) -> None:
        headers = contract.gateway_responses()[kind].headers
        assert headers["Access-Control-Allow-Origin"] == "method.request.header.Origin"
        assert headers["Access-Control-Allow-Credentials"] == "'true'"
        assert "Retry-After" in headers["Access-Control-Expose-Headers"]
        assert headers["Vary"] == "'Origin'"


class TestRoutes:
    def test_the_functions_serve_the_routes(self) -> None:
        declared = {
            (f"{route.method} {route.path}", route.function)
            for route in contract.routes()
            if route.method != "OPTIONS"
        }
        assert declared == {(name, function) for name, (function, _) in SERVED.items()}

    def test_browsers_may_ask_before_they_call_a_public_route(self) -> None:
        public = {
            (name.split(" ")[1], function)
            for name, (function, route) in SERVED.items()
            if route.is_public
        }
        preflights = [each for each in contract.routes() if each.method == "OPTIONS"]
        assert {(each.path, each.function) for each in preflights} == public

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_tag_and_security_are_the_route_s(self, name: str) -> None:
        route, operation = SERVED[name][1], OPERATIONS[name]
        dialect, _ = contract.DIALECTS[operation["tags"][0]]
        assert dialect is route.dialect
        security: list[Tree] = [{"clientKey": []}, *([{}] if route.is_public else [])]
        assert operation["security"] == security
        if route.scope is not Scope.VERIFY:
            assert f'scope "{route.scope}"' in operation["description"]


class TestPublished:
    def test_it_is_openapi_3_1_without_extensions(self) -> None:
        document = contract.published()
        assert [*OpenAPIV31SpecValidator(document).iter_errors()] == []
        assert document["openapi"] == "3.1.0"
        assert not [where for where, _ in nodes(document) if re.search(r"/x-", where)]

    def test_every_outcome_is_documented(self) -> None:
        told = {
            code
            for operation in OPERATIONS.values()
            for response in operation["responses"].values()
            for code in re.findall(r"`(\w+)`", response["description"])
        }
        assert told - STATUS.keys() == {"request_blocked"}  # the firewall's
        assert told >= STATUS.keys()

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_examples_fit_their_schemas(self, name: str) -> None:
        operation = OPERATIONS[name]
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                for example in examples(content):
                    validator(content["schema"]).validate(example)

    def test_files_are_up_to_date(self) -> None:
        """Run `make openapi`."""
        for path, text in reference.files().items():
            assert path.read_text() == text, path


VALUES: list[object] = [
    *(None, True, 0, 1, -1, 900, 1.5, "", "a", "\0", "a" * 64, "a" * 65, "a" * 512),
    *("totp", "sms", "email", "ada@example.com", "pt-BR", "123456", "123 456", "+44 20 7946 0123"),
    *([], [""], [1], {}, {"kind": "agent"}, {"kind": "agent", "id": ""}, {"kind": 1, "id": "a"}),
]
"""What a field may hold, and may not."""


def properties(schema: Tree) -> Iterator[str]:
    """The fields that a schema names."""
    name = schema.get("$ref", "").rpartition("/")[2]
    yield from schema.get("properties", {})
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from properties(part)
    if name:
        yield from properties(contract.published()["components"]["schemas"][name])


def changed(content: Tree) -> Iterator[Tree]:
    """The examples of a body, each with one field that is missing or has another value."""
    for example in examples(content):
        assert isinstance(example, dict)
        for field in properties(content["schema"]):
            others = {name: value for name, value in example.items() if name != field}
            yield from (others, *({**others, field: value} for value in VALUES))


def refusal(name: str, body: object) -> errors.VerificationError | None:
    """What the function's parser has against a body."""
    path = name.split(" ")[1]
    request = Request(
        method="POST",
        resource=path,
        path=path,
        path_parameters={"id": "emf1"},
        headers={"content-type": "application/json"},
        query={},
        raw_body=json.dumps(body),
        is_base64=False,
        source_ip="203.0.113.7",
        request_id="request-1",
        base="localhost",
    )
    try:
        SERVED[name][1].parse(request)
    except errors.VerificationError as error:
        return error
    return None


@pytest.mark.parametrize("name", BODIES)
class TestBodies:
    def test_the_examples_are_accepted(self, name: str) -> None:
        content = BODIES[name]["requestBody"]["content"]["application/json"]
        for example in examples(content):
            assert refusal(name, example) is None

    def test_what_fits_the_schema_is_accepted_and_a_refusal_is_documented(self, name: str) -> None:
        operation = BODIES[name]
        content = operation["requestBody"]["content"]["application/json"]
        told = " ".join(each["description"] for each in operation["responses"].values())
        for body in changed(content):
            if refused := refusal(name, body):
                assert not validator(content["schema"]).is_valid(body), (body, refused.detail)
                assert f"`{refused.code}`" in told


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (400, {"type": "x", "title": "x", "code": "missing_email"}, ""),
        (
            400,
            {"type": "x", "title": "x", "code": "challenge_expired"},
            "the code challenge_expired",
        ),
        (400, {"type": "x", "title": "x"}, "$: 'code' is a required property"),
        (418, {"type": "x", "title": "x", "code": "missing_email"}, "the status"),
    ],
)
def test_an_answer_that_is_not_documented_is_noticed(status: int, body: Tree, fault: str) -> None:
    headers = {"X-Request-ID": "request-1"}
    response = Response(json.dumps(body), status, headers, content_type=PROBLEM_JSON)
    assert undocumented("POST", "/challenge", response) == fault
    response.content_type = "text/html"
    assert undocumented("POST", "/challenge", response)
