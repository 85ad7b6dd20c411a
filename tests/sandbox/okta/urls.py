"""The route table and the WSGI application that serves an org.

A request is counted, carried out and written to `org.calls` at once, under the org's lock. The
org's latency and the delay of a fault come after that and before the answer: nothing happens to
an org that was reset in between. Assumed: the rate limit is checked before the token, and both
before an unknown path is.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
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
from tests.sandbox.okta.exceptions import (
    AccessDeniedError,
    InvalidSessionError,
    InvalidTokenError,
    MethodNotSupportedError,
    OktaError,
    RateLimitedError,
    UnknownEndpointError,
)
from tests.sandbox.okta.faults import DELAY_SECONDS, Kind
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

_TOKEN_SCHEME = "SSWS"
_TOLD_HEADERS = ("User-Agent", "Accept-Language", "X-Forwarded-For", "X-Device-Fingerprint")


def create_app(org: Org) -> "WSGIApplication":
    """Serve the org; safe to serve from several threads."""
    return _OktaApp(org)


class _OktaApp:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._urls = Map(
            [Rule(route.path, methods=[route.method], endpoint=route) for route in ROUTES],
            merge_slashes=False,
        ).bind("")

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
            self._org.calls.append(Call(request.method, path, status, _told_headers(request)))
            until_reset = self._org.until_reset
        until_reset.wait(self._org.latency_seconds + DELAY_SECONDS.get(fault, 0.0))
        if response is None:
            wire.cut_connection(environ)
        return response(environ, start_response)

    def _match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        try:
            route, arguments = self._urls.match(path, method)
        except MethodNotAllowed:
            return _METHOD_NOT_SUPPORTED, {}
        except NotFound:
            return _UNKNOWN_ENDPOINT, {}
        return route, dict(arguments)

    def _respond(
        self,
        request: Request,
        route: Route,
        arguments: dict[str, str],
        fault: Kind | None,
    ) -> Response | None:
        """The answer, or None when the connection is to end without one."""
        org = self._org
        now = org.clock()
        quota = org.limits.count(route.bucket, now)
        if fault is Kind.RESET:
            return None
        if fault not in (None, Kind.SLOW, Kind.TIMEOUT):
            return wire.broken_answer(fault, quota, org.transient_ids, now)
        answer = self._carry_out(request, route, arguments, quota)
        if fault is Kind.TIMEOUT:
            return None
        return responses.on_the_wire(answer, quota, org.transient_ids.request())

    def _carry_out(
        self, request: Request, route: Route, arguments: dict[str, str], quota: Quota
    ) -> Answer:
        try:
            if quota.exceeded:
                raise RateLimitedError
            _require_access(self._org, request, route.access)
            return route.carry_out(self._org, request, **arguments)
        except OktaError as refusal:
            return responses.error(refusal, self._org.transient_ids.error())


def _require_access(org: Org, request: Request, access: Access) -> None:
    """A token that is sent must be good, even where none is needed."""
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith(_TOKEN_SCHEME):
        # The vendor's own Python SDK puts no space between the two.
        if authorization.removeprefix(_TOKEN_SCHEME).strip() not in org.api_tokens:
            raise InvalidTokenError
        if not org.policy.token_is_permitted:
            raise AccessDeniedError
    elif access is Access.API_TOKEN:
        raise InvalidTokenError if authorization else InvalidSessionError


def _told_headers(request: Request) -> dict[str, str]:
    """What a request says of its caller: never a token, only that there was one."""
    told = {name: request.headers[name] for name in _TOLD_HEADERS if name in request.headers}
    if request.headers.get("Authorization", "").startswith(_TOKEN_SCHEME):
        told["Authorization"] = _TOKEN_SCHEME
    return told


def _path(environ: "WSGIEnvironment") -> str:
    """The path with all but its encoded slashes decoded: those belong to a segment.

    Hence a login that holds a slash is found by nobody, as on the real service.
    """
    encoded = str(environ["RAW_URI"]).partition("?")[0]
    return unquote(encoded.replace("%2F", "%252F").replace("%2f", "%252F"))


def _refuse_path(*_: object) -> Answer:
    raise UnknownEndpointError


def _refuse_method(*_: object) -> Answer:
    raise MethodNotSupportedError


_UNKNOWN_ENDPOINT = Route("", "", Bucket.OTHER, None, _refuse_path)
_METHOD_NOT_SUPPORTED = Route("", "", Bucket.OTHER, None, _refuse_method)
