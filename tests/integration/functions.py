"""Both functions as Lambda runs them: proxy events in, answers out, lines in the log."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.integration.account import CLIENT_KEY, KEYS_SECRET, TABLE, TOKEN_SECRET
from tests.integration.challenge_rows import HOLD
from tests.integration.okta_client import CODE, ORG_URL
from tests.sandbox.template import ROOT
from tests.unit.events import SOURCE_IP, proxy_event
from verification import wiring
from verification.edge import Edge, handler_of

ENVIRON = {
    "OKTA_ORG_URL": ORG_URL,
    "OKTA_TOKEN_SECRET": TOKEN_SECRET,
    "SERVICE_KEYS_SECRET": KEYS_SECRET,
    "TABLE_NAME": TABLE,
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "HOLD_SECONDS": str(HOLD),
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "20000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
    "CONCEAL_UNKNOWN_CUSTOMERS": "true",
    "INVOKE_URL_ROUTES": "true",
    "ALLOWED_ORIGINS": "https://shop.example https://www.example",
    "POWERTOOLS_METRICS_NAMESPACE": "CustomerVerification",
}

ADA = "ada@example.com"
PROFILE = {"email": "mary@example.com", "firstName": "Mary", "lastName": "Jackson"}

GOOD_REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "GET /challenge": {"query": [("email", ADA)]},
    "POST /challenge": {"body": {"email": ADA}},
    "GET /verify": {"query": [("email", ADA), ("otp", CODE)]},
    "POST /verify": {"body": {"email": ADA, "otp": CODE}},
    f"DELETE /holds/{ADA}": {},
    "POST /customers": {"body": {"profile": PROFILE}},
}
EVERY_ROUTE = pytest.mark.parametrize("route", GOOD_REQUESTS)

_FOLDER = ROOT / "functions"
_FUNCTIONS = {
    "challenge": "issue_challenge",
    "customers": "issue_challenge",
    "holds": "issue_challenge",
    "verify": "verify_challenge",
}


@dataclass
class Context:
    """What Lambda tells a function about a call."""

    remaining: float = 10.0
    function_name: str = "testing"
    aws_request_id: str = "a-lambda-request"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:testing"

    def get_remaining_time_in_millis(self) -> int:
        return round(self.remaining * 1000)


@dataclass(frozen=True)
class Reply:
    """An answer as API Gateway would send it on."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def code(self) -> str:
        """The outcome, in whatever dialect it is told."""
        outcome = self.headers.get("X-Outcome") or self.json.get("code", "")
        return str(outcome)


class Functions:
    """One execution environment of each function; who calls has a client key unless told otherwise."""

    def __init__(
        self,
        clock: Callable[[], float],
        build: Callable[..., wiring.Service] = wiring.build,
        key: str | None = CLIENT_KEY,
    ) -> None:
        self._key = key
        self._handlers = {
            name: handler_of(edge_of(name), build=partial(build, clock=clock))
            for name in set(_FUNCTIONS.values())
        }

    def ask(self, route: str, **more: Any) -> Reply:
        """A good request on a route, but for what `more` changes about it."""
        method, _, path = route.partition(" ")
        return self.call(method, path, **{**GOOD_REQUESTS[route], **more})

    def issue(self, email: str = ADA) -> str:
        """Send a code: the challenge's id."""
        challenge_id: str = self.post("/challenge", {"email": email}).json["challenge_id"]
        return challenge_id

    def verify(self, challenge_id: str, code: str = CODE, **more: Any) -> Reply:
        """Check a code."""
        return self.post("/verify", {"challenge_id": challenge_id, "code": code}, **more)

    def release(self, email: str = ADA, **more: Any) -> Reply:
        """End a hold."""
        return self.call("DELETE", f"/holds/{email}", **more)

    def get(self, path: str, *query: tuple[str, str], **more: Any) -> Reply:
        """`query` holds pairs, since a name may come twice."""
        return self.call("GET", path, query=query, **more)

    def post(self, path: str, body: object = None, **more: Any) -> Reply:
        """`body` as JSON, or text as it is."""
        return self.call("POST", path, body=body, **more)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        key: str = "",
        source_ip: str = SOURCE_IP,
        remaining: float = 10.0,
    ) -> Reply:
        """A request on a route; `headers` come beside those that a body needs."""
        given = {"Content-Type": "application/json"} if body is not None else {}
        if key or self._key:
            given["authorization"] = f"Bearer {key or self._key}"
        for name, value in (headers or {}).items():
            given = {each: given[each] for each in given if each.lower() != name.lower()}
            given[name] = value
        event = event_for(method, path, query=query, body=body, headers=given, source_ip=source_ip)
        return self.invoke(function_for(path), event, remaining)

    def invoke(self, function: str, event: Any, remaining: float = 10.0) -> Reply:
        """Any event, on a function by name."""
        context: Any = Context(remaining)
        result = self._handlers[function](event, context)
        several = result.get("multiValueHeaders") or {}
        headers = {name: ", ".join(values) for name, values in several.items()}
        return Reply(
            result["statusCode"], {**headers, **(result.get("headers") or {})}, result["body"]
        )


def event_for(method: str, path: str, **more: Any) -> dict[str, Any]:
    """The event of a request for a path."""
    resource = "/holds/{email}" if path.startswith("/holds/") else path
    return proxy_event(method, resource, path=path, **more)


def function_for(path: str) -> str:
    """The name of the function that answers for a path."""
    return _FUNCTIONS[path.split("/")[1]]


def edge_of(function: str) -> Edge:
    """The routes of one function, anew: they belong to one execution environment. Both modules are
    named app.py, so each gets a name of its own.
    """
    path = _FOLDER / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    edge: Edge = module.edge
    return edge


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged since the last look, without the metrics."""
    return lines_of(capsys.readouterr().out)


def lines_of(out: str) -> list[dict[str, Any]]:
    """The log lines in an output, without the metrics."""
    lines = [json.loads(line) for line in out.splitlines()]
    return [line for line in lines if "_aws" not in line]
