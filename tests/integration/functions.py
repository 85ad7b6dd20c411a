"""Both functions as Lambda runs them, over AWS in memory and the sandbox's Okta org."""

from __future__ import annotations

import importlib.util
import io
import json
import random
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import pytest
import responses
from requests import PreparedRequest
from werkzeug.test import Client

from tests.integration.account import (
    CLIENT_KEY,
    KEYS_SECRET,
    RECEIPT_KEY,
    TABLE,
    TOKEN,
    TOKEN_SECRET,
    Account,
)
from tests.proof.dynamodb import MemoryDynamoDB
from tests.sandbox.arns import function_arn
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.urls import create_app
from tests.sandbox.template import ROOT, Template
from tests.unit.events import proxy_event
from tests.unit.examples import NOW
from verification import container
from verification.http.pipeline import Router, handler_of

ORG_URL = "https://example.okta.com"
ADA = "ada@example.com"
ENVIRON = {
    **Template({"OktaOrgUrl": ORG_URL}).functions[0].environment,
    "OKTA_TOKEN_SECRET": TOKEN_SECRET,
    "SERVICE_KEYS_SECRET": KEYS_SECRET,
    "TABLE_NAME": TABLE,
    "RECEIPT_KEY": RECEIPT_KEY,
}
ISSUE, VERIFY = "issue_challenge", "verify_challenge"
ARN = function_arn(ISSUE, "live")

OktaAnswer = tuple[int, Mapping[str, str], str]


class Clock:
    """Epoch seconds that a test advances."""

    now = float(NOW)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class LambdaQueue:
    """Lambda's asynchronous invocations: events wait until a test has them carried out."""

    failure: Exception | None = None

    def __init__(self) -> None:
        self.events: deque[bytes] = deque()

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Accept an event, or fail."""
        assert (request["InvocationType"], request["FunctionName"]) == ("Event", ARN)
        if self.failure:
            raise self.failure
        self.events.append(request["Payload"])
        return {"StatusCode": 202, "Payload": io.BytesIO()}

    def close(self) -> None:
        """Nothing is open."""


class OktaOrg:
    """The org without a socket. `instead` has what the next calls of a kind are answered or raise:
    `lookup`, `factors`, `create`, `send` or `check`.
    """

    def __init__(self, mock: responses.RequestsMock, clock: Clock) -> None:
        self.org = Org(clock, random.Random(20))  # noqa: S311 - no secrets
        self.org.accept_tokens([TOKEN])
        self.instead: dict[str, deque[OktaAnswer | BaseException]] = defaultdict(deque)
        self._client = Client(create_app(self.org))
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, re.compile(re.escape(ORG_URL) + "/.*"), self._answer)

    def _answer(self, request: PreparedRequest) -> OktaAnswer:
        if instead := self.instead[_kind(request)]:
            answer = instead.popleft()
            if isinstance(answer, BaseException):
                raise answer
            return answer
        url, method, headers = request.path_url, request.method or "", dict(request.headers)
        done = self._client.open(url, method=method, data=request.body, headers=headers)
        return done.status_code, dict(done.headers), done.get_data(as_text=True)


def _kind(request: PreparedRequest) -> str:
    if request.path_url.endswith("/verify") or "/verify?" in request.path_url:
        return "check" if "passCode" in str(request.body) else "send"
    if request.method != "GET":
        return "create"
    return "factors" if request.path_url.endswith("/factors") else "lookup"


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


class World:
    """Both functions in an execution environment each, and what they talk to.

    `public` and `shop` call them without a key and with one that has all scopes. Waiting advances
    the clock and takes no time.
    """

    def __init__(
        self,
        mock: responses.RequestsMock,
        queue: LambdaQueue,
        clock: Clock,
        account: Account,
        store: MemoryDynamoDB,
    ) -> None:
        self.okta = OktaOrg(mock, clock)
        self.queue, self.clock, self.account, self.store = queue, clock, account, store
        self.bodies: list[str] = []
        self.start()
        self.public, self.shop = Caller(self, ""), Caller(self, CLIENT_KEY)

    def start(self) -> None:
        """Use another environment from now on."""
        build = partial(container.build, self.clock, self.clock.advance, self.clock)
        self._handlers = {name: handler_of(router_of(name), build) for name in (ISSUE, VERIFY)}

    def invoke(self, function: str, event: Any) -> Any:
        """Any event to a function."""
        context: Any = SimpleNamespace(
            aws_request_id="a-lambda-request",
            invoked_function_arn=ARN,
            get_remaining_time_in_millis=lambda: 10_000,
        )
        return self._handlers[function](event, context)

    def deliver(self) -> None:
        """Carry out all queued events, as Lambda does a moment later."""
        while self.queue.events:
            assert self.invoke(ISSUE, json.loads(self.queue.events.popleft())) is None


class Caller:
    """Calls routes. `key` is the client's, if it is one."""

    def __init__(self, world: World, key: str) -> None:
        self._world = world
        self._key = key

    def send(
        self, email: str = ADA, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Reply:
        """POST /challenge, and what it leaves to be done later."""
        reply = self.post("/challenge", {"email": email, **body}, headers)
        self._world.deliver()
        return reply

    def check(self, challenge_id: str) -> Reply:
        """POST /verify with the code that Ada was sent."""
        code = self._world.okta.org.inbox.to(ADA)[0].code
        return self.post("/verify", {"challenge_id": challenge_id, "code": code})

    def get(
        self, path: str, *query: tuple[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        return self._call("GET", path, query, None, headers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        """`body` as JSON, or text as it is."""
        return self._call("POST", path, (), body, headers)

    def _call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: object,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        given = {"Content-Type": "application/json", **(headers or {})}
        if self._key:
            given["Authorization"] = f"Bearer {self._key}"
        event = proxy_event(method, path, query=query, body=body, headers=given)
        is_check = path.endswith(("/verify", "/redeem", "/jwks.json"))
        result = self._world.invoke(VERIFY if is_check else ISSUE, event)
        self._world.bodies.append(result["body"])
        return Reply(result["statusCode"], result["headers"], result["body"])


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
