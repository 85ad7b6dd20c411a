"""Between API Gateway and the use cases: who calls, until when, and what they are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from verification import errors, policy, snapshot, wiring
from verification.aws.answers import Answer
from verification.dialects import json_api
from verification.models import Call, Caller, Deadline
from verification.observability import Meter, Observer
from verification.settings import Settings, on_lambda

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
    from aws_lambda_powertools.utilities.typing import LambdaContext

LONGEST_CALL = 8.0
"""Seconds that a call may take, whatever the function's own timeout is."""

TIME_TO_ANSWER = 0.5
"""Seconds that are kept back for the answer itself."""

MAX_IDEMPOTENCY_KEY = 255

_NOT_FINAL = (
    errors.TryLater,
    errors.OktaCredentialsRejected,
    errors.OktaUnexpectedResponse,
    errors.DeadlineExceeded,
    errors.InternalError,
)
"""Outcomes that the same request may not have when it comes again: no answer to keep, unless it may
have been carried out. Under one key nothing is to happen twice. Nor is what was half done an answer
to keep: the same request goes on with it."""


class Dialect(Protocol):
    """A wire protocol, as far as the edge needs to know it."""

    NAME: str

    def admit(self, settings: Settings) -> None:
        """Raise if the stack does not speak it."""

    def error(self, error: errors.VerificationError, event: APIGatewayProxyEvent) -> Response[str]:
        """An outcome that is not a success."""


class Edge(APIGatewayRouter):
    """The routes of one function, with what their handlers ask for."""

    def __init__(self) -> None:
        APIGatewayRouter.__init__(self)

    @property
    def event(self) -> APIGatewayProxyEvent:
        """The request as API Gateway hands it over."""
        return self.current_event

    @property
    def service(self) -> wiring.Service:
        """The use cases."""
        return cast("wiring.Service", self.context["service"])

    @property
    def call(self) -> Call:
        """The authenticated caller and the deadline."""
        return cast("Call", self.context["call"])


def speaks(
    dialect: Dialect, success: str, *, clients_only: bool = False
) -> Callable[..., Response[str]]:
    """A middleware: admit the caller, and answer whatever happens in this dialect.

    `success` is the outcome that a call which raises nothing has in the log.
    """

    def answer(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[str]:
        event = app.current_event
        observer: Observer = app.context["observer"]
        request_id = event.request_context.request_id or ""
        meter = Meter()

        def refuse(error: errors.VerificationError) -> Response[str]:
            meter.note(outcome=error.code)
            return dialect.error(error, event)

        def carry_out() -> Response[str]:
            meter.note(outcome=success)
            try:
                return next_middleware(app)
            except errors.VerificationError as error:
                if error.half_done or (isinstance(error, _NOT_FINAL) and not error.may_have_acted):
                    raise
                return refuse(error)

        try:
            service: wiring.Service = app.context["build"]()
            meter = service.meter
            meter.start()
            call = _call(event, app.lambda_context, service)
            dialect.admit(service.settings)
            if clients_only and call.caller.is_public:
                raise errors.Unauthorized
            meter.note(caller=call.caller.client or "public")
            app.append_context(service=service, call=call)
            response = _once(event, call, service, carry_out)
        except errors.VerificationError as error:
            if isinstance(error, errors.ConfigurationError):
                observer.misconfigured(error.problem, request_id)
            response = refuse(error)
        except Exception as error:
            observer.fault(error, request_id)
            response = refuse(errors.InternalError())
        route = f"{event.http_method} {event.resource}"
        try:
            observer.outcome(dialect.NAME, request_id, route, meter)
        except Exception as error:
            observer.fault(error, request_id)
        return _traceable(response, request_id)

    return answer


def _once(
    event: APIGatewayProxyEvent,
    call: Call,
    service: wiring.Service,
    work: Callable[[], Response[str]],
) -> Response[str]:
    """The work's answer, or the one that the same request under the same key had before."""
    keyed = _keyed(event, call.caller)
    if keyed is None:
        return work()

    def answer() -> Answer:
        response = work()
        headers = {name: str(value) for name, value in response.headers.items()}
        return Answer(
            response.status_code, response.content_type or "", response.body or "", headers
        )

    service.meter.note(outcome="replayed")
    kept = service.idempotency.once(*keyed, answer)
    return Response(kept.status, kept.content_type, kept.body, {**kept.headers})


def _keyed(event: APIGatewayProxyEvent, caller: Caller) -> tuple[str, str, str] | None:
    """Where an Idempotency-Key counts (for one caller on one route), the key, and what it is for;
    nothing if there is none, or none is heeded.
    """
    key = event.headers.get("idempotency-key", "")
    if not key or event.http_method != "POST":
        return None
    if len(key) > MAX_IDEMPOTENCY_KEY:
        raise errors.MalformedBody("The Idempotency-Key is too long.")
    name = caller.client or policy.source_network(caller.source_ip)
    scope = f"{caller.is_public} {name} {event.http_method} {event.path}"
    return scope, key, event.body or ""


def _call(event: APIGatewayProxyEvent, context: LambdaContext, service: wiring.Service) -> Call:
    headers = event.headers
    remaining = context.get_remaining_time_in_millis() / 1000 - TIME_TO_ANSWER
    deadline = Deadline(time.monotonic() + min(LONGEST_CALL, remaining))
    caller = Caller(
        client=_client(headers.get("authorization"), service),
        source_ip=event.request_context.identity.source_ip,
        user_agent=headers.get("user-agent", ""),
        accept_language=headers.get("accept-language", ""),
        device_fingerprint=headers.get("x-device-fingerprint", ""),
    )
    keyed = _keyed(event, caller)
    if keyed is None:
        return Call(caller, deadline)
    return Call(caller, deadline, service.keys.identities().of_request("whole", *keyed))


def _client(authorization: str | None, service: wiring.Service) -> str | None:
    """The client's name. A key that is wrong is never taken for no key at all."""
    if authorization is None:
        return None
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise errors.Unauthorized
    return service.keys.client_of(key.strip())


def handler_of(
    edge: Edge, build: Callable[[], wiring.Service] = wiring.build
) -> Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]:
    """The Lambda handler for these routes.

    The service is built once: on Lambda while the environment starts, when the processor is
    fastest and nobody waits; elsewhere at the first call.
    """
    service, observer = cache(build), cache(Observer)

    @cache
    def app(origins: tuple[str, ...]) -> APIGatewayRestResolver:
        app = APIGatewayRestResolver(cors=_cors(origins), debug=False)
        app.include_router(edge)
        app.not_found(lambda _: _no_route(app.current_event.request_context.request_id or ""))
        return app

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        try:
            origins = service().settings.allowed_origins
        except Exception:
            origins = ()
        try:
            resolver = app(origins)
            resolver.append_context(build=service, observer=observer())
            return resolver.resolve(event, context)
        except Exception as error:
            observer().fault(error, context.aws_request_id)
            response = json_api.problem(errors.InternalError(), context.aws_request_id)
            return {
                "statusCode": response.status_code,
                "headers": _traceable(response, context.aws_request_id).headers
                | {"Content-Type": json_api.PROBLEM_JSON},
                "body": response.body,
            }

    if on_lambda():
        with suppress(Exception):  # the first call meets it again, and can say so
            snapshot.register(service())
    return lambda_handler


def _no_route(request_id: str) -> Response[str]:
    return _traceable(json_api.problem(errors.RouteNotFound(), request_id), request_id)


def _traceable(response: Response[str], request_id: str) -> Response[str]:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-ID"] = request_id
    return response


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origin=origins[0],
        extra_origins=list(origins[1:]),
        allow_headers=[
            "Accept-Language",
            "Idempotency-Key",
            "X-Device-Fingerprint",
            "X-Okta-User-Agent-Extended",
        ],
        expose_headers=["Retry-After", "X-Outcome", "X-Request-ID"],
        max_age=600,
        # There are no cookies here, but Okta's client asks for answers with them.
        allow_credentials=True,
    )
