"""Both functions as Lambda runs them: events in, replies out, lines in the log."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.integration.account import (
    KEYS_SECRET,
    RECEIPT_KEY,
    TABLE,
    TOKEN_SECRET,
    LambdaQueue,
)
from tests.integration.okta_client import ORG_URL
from tests.integration.okta_org import ADA, OktaOrg
from tests.sandbox.template import ROOT
from tests.unit.events import SOURCE_IP, proxy_event
from verification.container import Container
from verification.http.pipeline import Router, handler_of

ENVIRON = {
    "OKTA_ORG_URL": ORG_URL,
    "OKTA_TOKEN_SECRET": TOKEN_SECRET,
    "SERVICE_KEYS_SECRET": KEYS_SECRET,
    "TABLE_NAME": TABLE,
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "STRANGER_ATTEMPTS": "3",
    "STRANGER_FAILURES_HOUR": "1000",
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "6000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
    "CHANGES_PER_CLIENT_HOUR": "600",
    "CONCEAL_UNKNOWN_CUSTOMERS": "true",
    "INVOKE_URL_ROUTES": "true",
    "RECEIPT_KEY": RECEIPT_KEY,
    "RECEIPT_ISSUER": "urn:customer-verification:tests",
    "RECEIPT_AUDIENCES": "shop",
    "RECEIPT_MAX_SECONDS": "1800",
    "ALLOWED_ORIGINS": "https://shop.example https://www.example",
    "POWERTOOLS_METRICS_NAMESPACE": "CustomerVerification",
}

WRONG_CODE = "000000"
"""A code that the simulated org never sends."""

ISSUE, VERIFY = "issue_challenge", "verify_challenge"
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{ISSUE}:live"


@dataclass
class Context:
    """What Lambda tells a function about a call; `remaining` is in seconds."""

    remaining: float = 10.0
    function_name: str = "testing"
    aws_request_id: str = "a-lambda-request"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = ARN

    def get_remaining_time_in_millis(self) -> int:
        return round(self.remaining * 1000)


@dataclass(frozen=True)
class Reply:
    """A reply as API Gateway would pass it on."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def code(self) -> str:
        """The outcome of a call that was refused, in the JSON and invoke-URL dialects."""
        return self.headers.get("X-Outcome") or str(self.json.get("code", ""))


class Functions:
    """One execution environment of each function. Callers are public unless `key` is given.

    `bodies` has the body of every reply.
    """

    def __init__(
        self, build: Callable[[], Container], queue: LambdaQueue, okta: OktaOrg, key: str = ""
    ) -> None:
        self.bodies: list[str] = []
        self._key = key
        self._queue = queue
        self._okta = okta
        self._handlers = {name: handler_of(router_of(name), build) for name in (ISSUE, VERIFY)}

    def send(self, email: str = ADA, **more: Any) -> Reply:
        """POST /challenge, and what it leaves to be done later."""
        reply = self.post("/challenge", {"email": email, **more.pop("body", {})}, **more)
        self.deliver()
        return reply

    def check(self, challenge_id: str, code: str = "", **more: Any) -> Reply:
        """POST /verify with this code or, without one, the code that Ada was sent."""
        body = {"challenge_id": challenge_id, "code": code or self._okta.code()}
        return self.post("/verify", {**body, **more.pop("body", {})}, **more)

    def deliver(self) -> None:
        """Carry out all queued events, as Lambda does a moment later."""
        while self._queue.events:
            event = json.loads(self._queue.events.popleft())
            assert self.invoke(ISSUE, event) is None

    def get(self, path: str, *query: tuple[str, str], **more: Any) -> Reply:
        """`query` has pairs, because a name may come twice."""
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
        """Call a route without path parameters."""
        given = {"Content-Type": "application/json"} if body is not None else {}
        if key or self._key:
            given["Authorization"] = f"Bearer {key or self._key}"
        event = proxy_event(
            method,
            path,
            query=query,
            body=body,
            headers={**given, **(headers or {})},
            source_ip=source_ip,
        )
        return self.reply(event, remaining)

    def reply(self, event: dict[str, Any], remaining: float = 10.0) -> Reply:
        """The reply to an event of API Gateway."""
        path = event.get("resource", "")
        is_check = path.endswith(("/verify", "/activate", "/redeem", "/jwks.json"))
        result = self.invoke(VERIFY if is_check else ISSUE, event, remaining)
        assert result is not None
        self.bodies.append(result["body"])
        return Reply(result["statusCode"], result["headers"], result["body"])

    def invoke(self, function: str, event: Any, remaining: float = 10.0) -> Any:
        """Any event to a function."""
        context: Any = Context(remaining)
        return self._handlers[function](event, context)


@cache
def router_of(function: str) -> Router:
    """The routes of a function. Both modules are named app.py, so they get names of their own."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    router: Router = module.router
    return router


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged since the last time, without the metrics."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" not in line]
