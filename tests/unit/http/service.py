"""A function over a service in memory: real pipeline, limits and idempotency, one kind of route
for each rule, and a trace of what was done in which order.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger, Metrics

from tests.unit.events import proxy_event
from tests.unit.fakes import AtOnce
from tests.unit.world import World
from verification import errors
from verification.aws.response_rows import ResponseRows
from verification.container import Container
from verification.http import invoke_url, json_api, okta_authn
from verification.http.idempotency import Idempotency
from verification.http.messages import Reply, Request
from verification.http.pipeline import Context, Router, handler_of
from verification.limits import Budget
from verification.models.callers import Call, Client, Scope
from verification.observability import Observer
from verification.ports import Beside

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SHOP, DESK = "sk_shop_0000000000000000", "sk_desk_0000000000000000"
CLIENTS = {SHOP: Client("shop", frozenset({Scope.VERIFY})), DESK: Client("desk", frozenset(Scope))}
ORIGIN = "https://shop.example"
LAMBDA_REQUEST_ID = "a-lambda-request"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:issue:live"

_names = (f"unit-{number}" for number in count())
"""Powertools configures a logger once for each name."""


class Log:
    """The outputs of a function, which a test can read."""

    def __init__(self, observer: type[Observer] = Observer) -> None:
        self._stream = io.StringIO()
        logger = Logger(service=next(_names), stream=self._stream)
        self.observer = observer(logger, Metrics(namespace="Tests", service="unit"))

    def lines(self) -> list[dict[str, Any]]:
        """What was logged since the last time."""
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        self._stream.seek(0)
        self._stream.truncate()
        return lines


class Function:
    """`happens` is what the handlers and the task do; `trace` has the steps of the last call."""

    def __init__(
        self, broken: Exception | None = None, observer: type[Observer] = Observer, **changes: Any
    ) -> None:
        self.world = World(allowed_origins=(ORIGIN,), **changes)
        self.trace: list[str] = []
        self.calls: list[Call] = []
        self.happens: Callable[[], object] = lambda: True
        self.log = Log(observer)
        self._broken = broken
        world = self.world
        self._service = SimpleNamespace(
            settings=world.settings,
            secrets=SimpleNamespace(client_with=self._client_with, keyring=lambda: world.keys),
            limits=world.limits,
            idempotency=Idempotency(ResponseRows(world.table), lambda: world.keys, world.clock),
            meter=world.meter,
            monotonic=world.clock,
            beside=AtOnce(),
        )
        self._handler = handler_of(self._router(), self._build, lambda: self.log.observer)

    @property
    def beside(self) -> Beside:
        """What runs work beside the calls."""
        beside: Beside = self._service.beside
        return beside

    @beside.setter
    def beside(self, beside: Beside) -> None:
        self._service.beside = beside

    def post(
        self, path: str, body: object = "{}", key: str = "", idempotency_key: str = "", **more: Any
    ) -> dict[str, Any]:
        """The reply to a POST; `headers` replaces the usual ones."""
        headers = {"Content-Type": "application/json", "Origin": ORIGIN}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return self.reply(proxy_event("POST", path, body=body, **{"headers": headers, **more}))

    def reply(self, event: Any, seconds: float = 10.0) -> dict[str, Any]:
        reply = self.invoke(event, seconds)
        assert reply is not None
        return {**reply}

    def invoke(self, event: Any, seconds: float = 10.0) -> Mapping[str, Any] | None:
        self.trace.clear()
        context = SimpleNamespace(
            aws_request_id=LAMBDA_REQUEST_ID,
            invoked_function_arn=ARN,
            get_remaining_time_in_millis=lambda: round(seconds * 1000),
        )
        return self._handler(event, cast("LambdaContext", context))

    @property
    def units(self) -> int:
        """What is spent of all budgets."""
        return sum(self.world.budgets.spent.values())

    def _build(self) -> Container:
        if self._broken:
            raise self._broken
        return cast("Container", self._service)

    def _client_with(self, key: str) -> Client:
        self.trace.append("authenticate")
        if key not in CLIENTS:
            raise errors.Unauthorized
        return CLIENTS[key]

    def _router(self) -> Router:
        router = Router()

        def parse(request: Request) -> object:
            self.trace.append("parse")
            return json_api.parse_object(request)

        def handle(_: object, context: Context) -> Reply:
            self.trace.append("handle")
            self.calls.append(context.call)
            self.happens()
            return json_api.answer(201, {"number": len(self.calls)}, "done")

        def task(sealed: str, service: Container, call: Call) -> bool:
            assert service is cast("Container", self._service)
            self.trace.append(f"task {sealed}")
            self.calls.append(call)
            return bool(self.happens())

        for route, dialect, scope, is_public, pays in (
            ("POST /send", json_api, Scope.VERIFY, True, Budget.SENDS),
            ("POST /check", json_api, Scope.VERIFY, True, Budget.FAILURES),
            ("POST /authn", okta_authn, Scope.VERIFY, True, Budget.FAILURES),
            ("POST /change", json_api, Scope.REGISTER, False, Budget.CHANGES),
            ("POST /enroll", json_api, Scope.ENROLL, False, Budget.CHANGES),
            ("GET /by-url", invoke_url, Scope.VERIFY, True, Budget.NONE),
        ):
            declare = router.route(
                route, dialect=dialect, scope=scope, is_public=is_public, pays=pays, parse=parse
            )
            declare(handle)
        router.task("deliver")(task)
        return router


def fails(error: BaseException) -> Callable[[], object]:
    """What a handler does that raises this."""

    def happens() -> object:
        raise error

    return happens


def code_of(reply: Mapping[str, Any]) -> tuple[int, str]:
    """Status and outcome of a JSON reply."""
    return reply["statusCode"], json.loads(reply["body"]).get("code", "")
