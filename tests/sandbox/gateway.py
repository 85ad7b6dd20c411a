"""API Gateway: turns requests into proxy events and the functions' results into responses."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from tests.sandbox.workers import FunctionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from tests.sandbox.contract import GatewayResponse, Route

SOURCE_IP_HEADER = "X-Sandbox-Source-Ip"
STAGE = "sandbox"


class Gateway:
    """A WSGI app for the contract's routes.

    `invoke` runs a function by name. `controls` answers requests that are not for the API: the page
    and the `/sandbox/` controls. `own_responses` are those of API Gateway itself. `witness` sees
    every answer of a route.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        invoke: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
        controls: Callable[[Request], Response | None],
        own_responses: Mapping[str, GatewayResponse],
    ) -> None:
        self._routes = [(route, _pattern(route.path)) for route in routes]
        self._invoke = invoke
        self._controls = controls
        self._own_responses = own_responses
        self.witness: Callable[[Route, Response], None] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self._controls(request) or self._answer(request)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        for route, pattern in self._routes:
            match = pattern.fullmatch(request.path)
            if match and route.method == request.method:
                response = self._call(request, route, match.groupdict())
                if self.witness is not None:
                    self.witness(route, response)
                return response
        # API Gateway's name for an unknown path or method.
        return self._own(request, "MISSING_AUTHENTICATION_TOKEN")

    def _call(self, request: Request, route: Route, path_parameters: Mapping[str, str]) -> Response:
        if not _fits(request, route):
            return self._own(request, "BAD_REQUEST_BODY")
        event = proxy_event(request, route, path_parameters)
        try:
            return _response(self._invoke(route.function, event))
        except FunctionFailed:
            return self._own(request, "DEFAULT_5XX", status=502)

    def _own(self, request: Request, kind: str, status: int | None = None) -> Response:
        own = self._own_responses[kind]
        request_id = str(uuid.uuid4())
        values = {
            "context.requestId": request_id,
            "method.request.header.Origin": request.headers.get("Origin", ""),
        }
        headers = {name: values.get(value, value.strip("'")) for name, value in own.headers.items()}
        body = own.body.replace("$context.requestId", request_id)
        present = {name: value for name, value in headers.items() if value}
        return Response(body, status or own.status, present, content_type="application/json")


def proxy_event(
    request: Request, route: Route, path_parameters: Mapping[str, str]
) -> dict[str, Any]:
    """The event of a REST API's Lambda proxy integration (payload format 1.0)."""
    now = time.time()
    source_ip = request.headers.get(SOURCE_IP_HEADER) or request.remote_addr or "127.0.0.1"
    headers = [(name, value) for name, value in request.headers if name != SOURCE_IP_HEADER]
    body = request.get_data()
    text, is_base64 = _body(body)
    return {
        "resource": route.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(request.args.items(multi=True)) or None,
        "multiValueQueryStringParameters": _grouped(request.args.items(multi=True)),
        "pathParameters": dict(path_parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "sandbox",
            "domainName": request.host,
            "domainPrefix": "sandbox",
            "extendedRequestId": uuid.uuid4().hex,
            "httpMethod": request.method,
            "identity": {"sourceIp": source_ip, "userAgent": request.headers.get("User-Agent")},
            # As on a custom domain: without the stage.
            "path": request.path,
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": "sandbox",
            "resourcePath": route.path,
            "stage": STAGE,
        },
        "body": text,
        "isBase64Encoded": is_base64,
    }


def _fits(request: Request, route: Route) -> bool:
    """Whether the body fits the route's model. A body without a type counts as JSON; a body of
    another type is not checked.
    """
    if route.model is None or (request.mimetype or "application/json") != "application/json":
        return True
    try:
        return Draft4Validator(route.model).is_valid(json.loads(request.get_data()))
    except (ValueError, RecursionError):
        return False


def _pattern(path: str) -> re.Pattern[str]:
    """A path template such as `/factors/{id}` as an expression; a parameter is one segment."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]] | None:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped or None


def _body(body: bytes) -> tuple[str | None, bool]:
    try:
        return body.decode() or None, False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _response(result: Mapping[str, Any]) -> Response:
    headers = Headers()
    for name, value in (result.get("headers") or {}).items():
        headers.add(name, value)
    for name, values in (result.get("multiValueHeaders") or {}).items():
        for value in values:
            headers.add(name, value)
    body = result.get("body") or ""
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body
    response = Response(content, status=result["statusCode"], headers=headers)
    if not content:
        response.headers.pop("Content-Type", None)
    return response
