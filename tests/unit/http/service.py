"""A function over a service in memory: real pipeline, limits and idempotency, one kind of route
for each rule, and a trace of what was done in which order.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger, Metrics

from tests.unit.events import proxy_event
from tests.unit.examples import NOW, settings
from verification import errors
from verification.container import Container
from verification.crypto import Keyring
from verification.http import invoke_url, json_api, okta_authn
from verification.http.idempotency import Idempotency
from verification.http.messages import Reply, Request
from verification.http.pipeline import Context, Router, handler_of
from verification.limits import Budget, Limits
from verification.models import Call, Client, Scope, Spent
from verification.observability import Meter, Observer
from verification.ports import StoredResponse

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SHOP, DESK = "sk_shop_0000000000000000", "sk_desk_0000000000000000"
CLIENTS = {
    SHOP: Client("shop", frozenset({Scope.VERIFY})),
    DESK: Client("desk", frozenset(Scope)),
}
KEYRING = Keyring("a root key of the tests")
ORIGIN = "https://shop.example"
LAMBDA_REQUEST_ID = "a-lambda-request"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:issue:live"

_names = (f"unit-{number}" for number in count())
"""Powertools configures a logger once for each name."""


class FakeResponses:
    """Stored responses. The methods named in `broken` cannot reach the table."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, str, StoredResponse | None]] = {}
        self.broken: set[str] = set()

    def claim(self, name: str, content: str, claim: str, now: int) -> StoredResponse | None:
        assert now == NOW
        self._reach("claim")
        known, _, response = self.rows.get(name, (content, "", None))
        if known != content:
            raise errors.IdempotencyKeyReused
        if response is None and name in self.rows:
            raise errors.RequestInProgress
        if response is None:
            self.rows[name] = (content, claim, None)
        return response

    def keep(self, name: str, claim: str, response: StoredResponse) -> None:
        self._reach("keep")
        content, claimed_by, _ = self.rows[name]
        assert claimed_by == claim
        self.rows[name] = (content, claim, response)

    def drop(self, name: str, claim: str) -> None:
        self._reach("drop")
        assert self.rows.pop(name)[1] == claim

    def _reach(self, method: str) -> None:
        if method in self.broken:
            raise errors.StoreUnavailable


class _Budgets:
    def __init__(self, trace: list[str]) -> None:
        self.spent: Counter[Spent] = Counter()
        self._trace = trace

    def spend(self, spent: Spent, limit: int, now: int) -> None:
        assert now == NOW
        self._trace.append("spend")
        if self.spent[spent] >= limit:
            raise errors.RateLimited(retry_after=60)
        self.spent[spent] += 1

    def refund(self, spent: Spent, now: int) -> None:
        assert now == NOW
        self._trace.append("refund")
        self.spent[spent] -= 1


class _LambdaContext:
    aws_request_id = LAMBDA_REQUEST_ID
    invoked_function_arn = ARN

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


class Function:
    """`happens` is what the handlers and the task do; `trace` has the steps of the last call."""

    def __init__(self, broken: Exception | None = None, **changes: Any) -> None:
        self.trace: list[str] = []
        self.calls: list[Call] = []
        self.happens: Callable[[], object] = lambda: True
        self.budgets = _Budgets(self.trace)
        self.responses = FakeResponses()
        self.log = io.StringIO()
        self._broken = broken
        self._service = self._built(settings(allowed_origins=(ORIGIN,), **changes))
        self._handler = handler_of(self._router(), self._build, self.observer)

    def observer(self) -> Observer:
        return Observer(*self.outputs())

    def outputs(self) -> tuple[Logger, Metrics]:
        logger = Logger(service=next(_names), stream=self.log)
        return logger, Metrics(namespace="Tests", service="unit")

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
        return self._handler(event, cast("LambdaContext", _LambdaContext(seconds)))

    def lines(self) -> list[dict[str, Any]]:
        """What was logged since the last time."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        self.log.seek(0)
        self.log.truncate()
        return lines

    def _build(self) -> Container:
        if self._broken:
            raise self._broken
        return cast("Container", self._service)

    def _built(self, given: Any) -> SimpleNamespace:
        def client_with(key: str) -> Client:
            self.trace.append("authenticate")
            if key not in CLIENTS:
                raise errors.Unauthorized
            return CLIENTS[key]

        def clock() -> float:
            return NOW

        def keys() -> Keyring:
            return KEYRING

        meter = Meter()
        budgets: Any = self.budgets
        return SimpleNamespace(
            settings=given,
            secrets=SimpleNamespace(client_with=client_with, keyring=keys),
            limits=Limits(budgets, keys, given, meter, clock),
            idempotency=Idempotency(self.responses, keys, clock),
            meter=meter,
            monotonic=lambda: 100.0,
        )

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
