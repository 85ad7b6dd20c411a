"""The request pipeline: authentication, scope, parsing, budget, idempotency, errors, logging.

A route declares what it needs; `_Pipeline` does it, in that order, for every route. A handler gets
the parsed request, makes one call into a use case, and renders the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from verification import container, errors, rules
from verification.container import Container
from verification.frozen import Frozen
from verification.http import json_api, snapshot
from verification.http.cors import cors_headers, preflight
from verification.http.idempotency import REPLAYED, is_made_of_the_request
from verification.http.messages import Reply, Request
from verification.limits import Budget
from verification.models.callers import Call, Caller, Client, Deadline, Scope, Spent
from verification.observability import Meter, Observer
from verification.settings import Settings, on_lambda

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LONGEST_CALL = 8.0
"""Seconds that a call may take, whatever the function's own timeout is."""

TIME_TO_ANSWER = 0.5
"""Seconds that are kept for the answer itself."""

MAX_IDEMPOTENCY_KEY = 255

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}

_NOT_STORED = (
    errors.TryLater,
    errors.OktaCredentialsRejected,
    errors.OktaUnexpectedResponse,
    errors.DeadlineExceeded,
    errors.InternalError,
    errors.ReceiptNotYetValid,
    errors.RegistrationStopped,
)
"""Outcomes that are not stored under an Idempotency-Key: a repeat may end differently."""

_COSTS_A_FAILURE = (
    errors.ChallengeRefused,
    errors.AttemptsHeld,
    errors.RateLimited,
    errors.ReceiptUnavailable,  # it was given back when the code was right
    errors.IdempotencyKeyReused,  # or the body of an answered request could be guessed for nothing
)
"""Outcomes for which a source does not get its spent failure back."""

_NOT_DELIVERED = (errors.CustomerRefused, errors.AttemptsHeld, errors.SendLimited)
"""Ends of a public send that are no fault: there is nobody to send to, or a limit is reached."""

_Parsed = TypeVar("_Parsed")


class Dialect(Protocol):
    """A wire protocol, as far as the pipeline needs to know it."""

    NAME: str

    def admit(self, settings: Settings) -> None:
        """Raise if the stack has its routes turned off."""

    def error(self, error: errors.VerificationError, request: Request) -> Reply:
        """Render an outcome that is not a success."""


class Context(Frozen):
    """What a handler gets beside the parsed request."""

    service: Container
    call: Call
    request: Request


class Route(Frozen):
    """What a route declares. `scope` is what a client key needs; `is_public` routes may be called
    without a key. `pays` is the budget that pays for a call before it is carried out.
    """

    dialect: Dialect
    scope: Scope
    is_public: bool
    pays: Budget
    parse: Callable[[Request], Any]
    handle: Callable[[Any, Context], Reply]


Task = Callable[[str, Container, Call], bool]


class Router:
    """The routes and tasks of one function."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.tasks: dict[str, Task] = {}

    def route(
        self,
        *names: str,
        dialect: Dialect,
        scope: Scope,
        is_public: bool,
        pays: Budget,
        parse: Callable[[Request], _Parsed],
    ) -> Callable[[Callable[[_Parsed, Context], Reply]], Callable[[_Parsed, Context], Reply]]:
        """Declare routes, such as `POST /challenge`, and their handler."""

        def declare(
            handle: Callable[[_Parsed, Context], Reply],
        ) -> Callable[[_Parsed, Context], Reply]:
            for name in names:
                self.routes[name] = Route(dialect, scope, is_public, pays, parse, handle)
            return handle

        return declare

    def task(self, name: str) -> Callable[[Task], Task]:
        """Declare the handler of an asynchronous event."""

        def declare(handle: Task) -> Task:
            self.tasks[name] = handle
            return handle

        return declare


def handler_of(
    router: Router,
    build: Callable[[], Container] = container.build,
    observer: Callable[[], Observer] = Observer,
) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any] | None]:
    """The Lambda handler for these routes.

    The container is built once: on Lambda while the environment starts, when the processor is
    fastest and nobody waits; elsewhere at the first call.
    """
    pipeline = _Pipeline(router, cache(build), cache(observer))

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any] | None:
        return pipeline.handle(event, context)

    if on_lambda():
        with suppress(Exception):  # the first call fails in the same way, and can say so
            snapshot.register(pipeline.build())
    return lambda_handler


class _Pipeline:
    def __init__(
        self, router: Router, build: Callable[[], Container], observer: Callable[[], Observer]
    ) -> None:
        self.build = build
        self._router = router
        self._observer = observer

    def handle(self, event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any] | None:
        """Answer a request, or run a task."""
        try:
            if "task" in event:
                self._run_task(event, context)
                return None
            request = Request.of(event)
            route = self._router.routes.get(request.route)
            if request.method == "OPTIONS":
                reply = preflight(request.resource, self._router.routes)
            elif route is None:
                reply = json_api.problem(errors.RouteNotFound(), request.request_id)
            else:
                reply = self._answer(route, request, context)
        except Exception as error:
            self._observer().fault(error, context.aws_request_id)
            reply = json_api.problem(errors.InternalError(), context.aws_request_id)
            return reply.event({**SECURITY_HEADERS, "X-Request-ID": context.aws_request_id})
        headers = {**SECURITY_HEADERS, **reply.headers, "X-Request-ID": request.request_id}
        return reply.event(headers | cors_headers(request, self._origins()))

    def _answer(self, route: Route, request: Request, context: LambdaContext) -> Reply:
        """The reply, whatever happens; the outcome is logged once, at the end."""
        meter = Meter()
        spent: Spent | None = None
        service: Container | None = None
        try:
            service = self.build()
            meter = service.meter
            meter.start()
            route.dialect.admit(service.settings)
            meter.note(source=service.limits.source_hash(request.source_ip))
            client = _client(request.headers.get("authorization"), service)
            meter.note(caller=client.name if client else "public")
            caller = _allowed(client, route, request)
            parsed = route.parse(request)
            spent = service.limits.spend(route.pays, caller)
            keyed = _keyed(request, caller, route)
            call = Call(
                caller,
                _deadline(context, service.monotonic),
                service.secrets.keyring().request_hash("whole", *keyed) if keyed else "",
                context.invoked_function_arn,
                spent,
            )
            handler_context = Context(service, call, request)

            def work() -> Reply:
                try:
                    return route.handle(parsed, handler_context)
                except errors.VerificationError as error:
                    if isinstance(error, _NOT_STORED) and not errors.may_have_acted(error):
                        raise
                    return self._refused(route, request, service, spent, error)

            reply = service.idempotency.once(*keyed, work) if keyed else work()
            if reply.outcome == REPLAYED:
                service.limits.refund(spent)
        except errors.VerificationError as error:
            reply = self._refused(route, request, service, spent, error)
        except Exception as error:
            self._observer().fault(error, request.request_id)
            reply = route.dialect.error(errors.InternalError(), request)
        self._finish(service, request.request_id)
        self._log(route.dialect.NAME, request.route, request.request_id, reply.outcome, meter)
        return reply

    def _refused(
        self,
        route: Route,
        request: Request,
        service: Container | None,
        spent: Spent | None,
        error: errors.VerificationError,
    ) -> Reply:
        """The rendered error. A source gets its failure back if the call was honest."""
        cause = error.failure if isinstance(error, errors.RegistrationStopped) else error
        if isinstance(cause, errors.ConfigurationError):
            self._observer().misconfigured(cause.problem, request.request_id)
        is_honest = route.pays is Budget.FAILURES and not isinstance(error, _COSTS_A_FAILURE)
        if is_honest and service is not None:
            with suppress(errors.VerificationError):
                service.limits.refund(spent)
        return route.dialect.error(error, request)

    def _run_task(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Run the task of an asynchronous event. It is not tried again: a code must not be sent twice."""
        meter, task = Meter(), str(event["task"])
        outcome = "sent"
        service: Container | None = None
        try:
            service = self.build()
            meter = service.meter
            meter.start()
            caller = Caller(None, "")
            call = Call(
                caller, _deadline(context, service.monotonic), function=context.invoked_function_arn
            )
            handle = self._router.tasks.get(task)
            if handle is None:
                raise errors.RouteNotFound
            if not handle(str(event.get("sealed")), service, call):
                outcome = "not_sent"
        except errors.VerificationError as error:
            outcome = "not_sent"
            meter.note(reason=error.code)
            if not isinstance(error, _NOT_DELIVERED):
                meter.note(delivery_failed=True)
            if isinstance(error, errors.ConfigurationError):
                self._observer().misconfigured(error.problem, context.aws_request_id)
        except Exception as error:
            outcome = "not_sent"
            meter.note(reason=errors.InternalError.code, delivery_failed=True)
            self._observer().fault(error, context.aws_request_id)
        self._finish(service, context.aws_request_id)
        self._log("task", task, context.aws_request_id, outcome, meter)

    def _finish(self, service: Container | None, request_id: str) -> None:
        """Wait for what still runs beside the call: after it the environment stands still."""
        try:
            if service is not None:
                service.beside.finish()
        except Exception as error:
            self._observer().fault(error, request_id)

    def _log(self, dialect: str, route: str, request_id: str, outcome: str, meter: Meter) -> None:
        try:
            self._observer().outcome(dialect, request_id, route, outcome, meter)
        except Exception as error:
            self._observer().fault(error, request_id)

    def _origins(self) -> tuple[str, ...]:
        try:
            return self.build().settings.allowed_origins
        except Exception:
            return ()


def _allowed(client: Client | None, route: Route, request: Request) -> Caller:
    """The caller, who may use the route. Raises Unauthorized, Forbidden."""
    headers = request.headers
    if client is None and not route.is_public:
        raise errors.Unauthorized
    if client is not None and route.scope not in client.scopes:
        raise errors.Forbidden
    return Caller(
        client=client,
        source_ip=request.source_ip,
        user_agent=headers.get("user-agent", ""),
        accept_language=headers.get("accept-language", ""),
        device_fingerprint=headers.get("x-device-fingerprint", ""),
        device_token=headers.get("x-device-token", ""),
    )


def _client(authorization: str | None, service: Container) -> Client | None:
    """The client. A wrong key is never treated as no key."""
    if authorization is None:
        return None
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise errors.Unauthorized
    return service.secrets.client_with(key.strip())


def _keyed(request: Request, caller: Caller, route: Route) -> tuple[str, str, str] | None:
    """Where an Idempotency-Key counts (one caller, one route), the key, and the content it is for, with
    its query; None without a key. A device is a caller of its own: what it is told is for nobody else
    behind the same address.
    """
    key = request.headers.get("idempotency-key", "")
    if not key or request.method != "POST":
        return None
    if route.scope is Scope.ENROLL and is_made_of_the_request(key):
        return None  # A factor that was removed may be enrolled again at once.
    if len(key) > MAX_IDEMPOTENCY_KEY:
        raise errors.MalformedBody("The Idempotency-Key is too long.")
    name = caller.name or f"{rules.source_network(caller.source_ip)} {caller.device_token}"
    scope = f"{caller.is_public} {name} {request.method} {request.path}"
    return scope, key, json.dumps([sorted(request.query.items()), request.raw_body])


def _deadline(context: LambdaContext, monotonic: Callable[[], float]) -> Deadline:
    remaining = context.get_remaining_time_in_millis() / 1000 - TIME_TO_ANSWER
    return Deadline(monotonic() + min(LONGEST_CALL, remaining), monotonic)
