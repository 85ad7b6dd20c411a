"""Compares every answer of the API with the contract."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from tests.sandbox import contract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

BAD_REQUEST = 400
OF_SOME_ANSWERS = {"WWW-Authenticate", "Retry-After", "X-Outcome"}
"""Headers that a status has with some of its outcomes only."""


class Witness:
    """Collects what is not as documented; it may be called by several threads."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def __call__(self, route: contract.Route, response: Response) -> None:
        """Look at an answer of a route."""
        if route.method != "OPTIONS":
            fault = undocumented(route.method, route.path, response)
            if fault:
                self.faults.append(f"{route.method} {route.path} {response.status_code}: {fault}")


def undocumented(method: str, path: str, response: Response) -> str:
    """What is not documented of an answer; an empty text if everything is."""
    documented = contract.published()["paths"][path][method.lower()]["responses"]
    described = documented.get(str(response.status_code))
    if described is None:
        return "the status"
    missing = described["headers"].keys() - OF_SOME_ANSWERS
    if any(name not in response.headers for name in missing):
        return "a header is missing"
    if "content" not in described:
        return "a body" if response.get_data() else ""
    content = described["content"].get(response.mimetype)
    if content is None:
        return f"the type {response.mimetype}"
    text = response.get_data(as_text=True)
    body = text if response.mimetype == "text/plain" else json.loads(text)
    wrong = next(iter(_validator(json.dumps(content["schema"])).iter_errors(body)), None)
    if wrong is not None:
        return f"{wrong.json_path}: {wrong.message}"
    return _undocumented_code(content, body, response)


def _undocumented_code(content: Mapping[str, Any], body: object, response: Response) -> str:
    """The outcome, if it is none of those that are documented for this status."""
    if "X-Outcome" in response.headers:
        outcome = response.headers["X-Outcome"]
        return "" if outcome in content["examples"] else f"the outcome {outcome}"
    if response.status_code < BAD_REQUEST or not isinstance(body, dict) or "code" not in body:
        return ""  # a success, or an error of Okta's, whose own codes are passed on
    known = contract.published()["components"]["examples"]
    names = [example["$ref"].rpartition("/")[2] for example in content["examples"].values()]
    codes = {known[name]["value"].get("code") for name in names}
    return "" if body["code"] in {*content["examples"], *codes} else f"the code {body['code']}"


@cache
def _validator(schema: str) -> Draft202012Validator:
    components = contract.published()["components"]
    return Draft202012Validator({**json.loads(schema), "components": components})
