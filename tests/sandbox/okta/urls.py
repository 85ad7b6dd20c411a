"""The route table and the WSGI application that serves an org.

A request is counted, carried out and added to `org.calls` at once, under the org's lock. The org's
latency and the delay of a fault come after that and before the answer, so that nothing happens to an
org that was reset in between. The kinds of calls are `lookup`, `create`, `factors`,
`send`, `check`, `authn` and `other`. Assumed: the rate limit is checked before the token, and both
before the path.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from tests.sandbox.okta import (
    authn,
    factor_enrollment,
    factors,
    responses,
    sessions,
    templates,
    user_lifecycle,
    users,
    wire,
)
from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.faults import DELAY_SECONDS, Kind, On
from tests.sandbox.okta.limits import Bucket, Quota
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import Call
from tests.sandbox.okta.responses import Answer
from tests.sandbox.okta.routing import Access, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTES = (
    *users.ROUTES,
    *user_lifecycle.ROUTES,
    *factors.ROUTES,
    *factor_enrollment.ROUTES,
    *authn.ROUTES,
    *sessions.ROUTES,
    *templates.ROUTES,
)

_URLS = Map(
    [Rule(route.path, methods=[route.method], endpoint=route) for route in ROUTES],
    merge_slashes=False,
)
_TOKEN_SCHEME = "SSWS"
_KEPT_HEADERS = ("User-Agent", "Accept-Language", "X-Forwarded-For", "X-Device-Fingerprint")


def create_app(org: Org) -> "WSGIApplication":
    """Serve the org; thread-safe."""
    return _OktaApp(org)


class _OktaApp:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._urls = _URLS.bind("")

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        request.get_data()
        path = _path(environ)
        route, arguments = self._match(request.method, path)
        with self._org.lock:
            fault = self._org.faults.take(route.operation)
            response = self._respond(request, route, arguments, fault)
            status = 0 if response is None else response.status_code
            kind, kept = _kind(request, route), _kept_headers(request)
            self._org.calls.append(
                Call(request.method, path, status, kept, kind, self._org.clock())
            )
            until_interrupted = self._org.until_interrupted
        until_interrupted.wait(self._latency(kind) + DELAY_SECONDS.get(fault, 0.0))
        if response is None:
            wire.cut_connection(environ)
        return response(environ, start_response)

    def _latency(self, kind: str) -> float:
        latency = self._org.latency_seconds
        return latency(kind) if callable(latency) else latency

    def _match(self, method: str, path: str) -> tuple[Route, dict[str, Any]]:
        try:
            route, arguments = self._urls.match(path, method)
        except MethodNotAllowed:
            return _REFUSED, {"refusal": Refusal.WRONG_METHOD}
        except NotFound:
            return _REFUSED, {"refusal": Refusal.UNKNOWN_PATH}
        return route, dict(arguments)

    def _respond(
        self, request: Request, route: Route, arguments: dict[str, Any], fault: Kind | None
    ) -> Response | None:
        """The answer, or None if the connection is to end without one."""
        org = self._org
        now = org.clock()
        quota = org.limits.count(route.bucket, now)
        if fault is Kind.RESET:
            return None
        if fault not in (None, Kind.SLOW, Kind.TIMEOUT):
            return wire.broken_answer(fault, quota, org.transient_ids, now)
        answer = self._handle(request, route, arguments, quota)
        if fault is Kind.TIMEOUT:
            return None
        return responses.on_the_wire(answer, quota, org.transient_ids.request())

    def _handle(
        self, request: Request, route: Route, arguments: dict[str, Any], quota: Quota
    ) -> Answer:
        try:
            if quota.exceeded:
                raise OktaError(Refusal.RATE_LIMITED)
            _require_access(self._org, request, route.access)
            return route.handler(self._org, request, **arguments)
        except OktaError as refusal:
            return responses.error(refusal, self._org.transient_ids.error())


def _require_access(org: Org, request: Request, access: Access) -> None:
    """A token that is sent must be valid, even where none is needed."""
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith(_TOKEN_SCHEME):
        # The vendor's own Python SDK puts no space between the two.
        if authorization.removeprefix(_TOKEN_SCHEME).strip() not in org.api_tokens:
            raise OktaError(Refusal.INVALID_TOKEN)
        if not org.policy.token_is_permitted:
            raise OktaError(Refusal.ACCESS_DENIED)
    elif access is Access.API_TOKEN:
        raise OktaError(Refusal.INVALID_TOKEN if authorization else Refusal.INVALID_SESSION)


def _kind(request: Request, route: Route) -> str:
    if route.operation is On.VERIFY:
        return "check" if _has_code(request) else "send"
    return route.operation or "other"


def _kept_headers(request: Request) -> dict[str, str]:
    """The headers that describe the caller; of a token only its scheme."""
    kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    if request.headers.get("Authorization", "").startswith(_TOKEN_SCHEME):
        kept["Authorization"] = _TOKEN_SCHEME
    return kept


def _has_code(request: Request) -> bool:
    return b'"passCode"' in request.get_data() or b'"answer"' in request.get_data()


def _path(environ: "WSGIEnvironment") -> str:
    """The decoded path, except for encoded slashes, which belong to a segment.

    So a login with a slash in it is not found, as on the real service.
    """
    encoded = str(environ["RAW_URI"]).partition("?")[0]
    return unquote(encoded.replace("%2F", "%252F").replace("%2f", "%252F"))


def _refused(_org: Org, _request: Request, refusal: Refusal) -> Answer:
    raise OktaError(refusal)


_REFUSED = Route("", "", Bucket.OTHER, None, _refused)
