"""The route table and the WSGI application that serves an org.

A request is counted, carried out and added to `org.calls` at once, under the org's lock. The org's
latency and the delay of a fault come after that and before the answer, so that nothing happens to an
org that was reset in between. The kinds of calls are `lookup`, `create`, `factors`,
`send`, `check`, `authn` and `other`. Assumed: the rate limit is checked before the token, and both
before the path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from tests.sandbox.okta import (
    authn,
    factors,
    lifecycle,
    push,
    responses,
    sessions,
    sms_templates,
    users,
    wire,
)
from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.faults import DELAY_SECONDS, Kind, On
from tests.sandbox.okta.limits import Bucket, Quota
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import Call
from tests.sandbox.okta.responses import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True)
class Route:
    """An operation of the org: `handler(org, request, **path)` answers it.

    `operation` is its name for faults; None: only faults on any request concern it. A public one
    may be called without an API token.
    """

    bucket: Bucket
    operation: On | None
    handler: Callable[..., Answer]
    is_public: bool = False


def _token(org: Org, request: Request) -> Answer:
    return org.oauth.token(request)


_Table = Mapping[tuple[Bucket, On | None], Mapping[str, Callable[..., Answer]]]

ROUTES: _Table = {
    (Bucket.LIST_USERS, On.LOOKUP): {"GET /api/v1/users": users.list_all},
    (Bucket.ONE_USER, On.LOOKUP): {"GET /api/v1/users/<id_or_login>": users.read},
    (Bucket.OTHER, On.CREATE): {"POST /api/v1/users": users.create},
    (Bucket.OTHER, None): {
        "PUT /api/v1/users/<id_or_login>": users.replace,
        "POST /api/v1/users/<id_or_login>": users.update,
        "DELETE /api/v1/users/<id_or_login>": users.delete,
        "POST /api/v1/users/<id_or_login>/lifecycle/activate": lifecycle.activate,
        "POST /api/v1/users/<id_or_login>/lifecycle/reactivate": lifecycle.reactivate,
        "POST /api/v1/users/<id_or_login>/lifecycle/deactivate": lifecycle.deactivate,
        "POST /api/v1/users/<id_or_login>/lifecycle/unlock": lifecycle.unlock,
        "POST /api/v1/users/<id_or_login>/lifecycle/reset_factors": lifecycle.reset_factors,
        "POST /api/v1/users/<id_or_login>/lifecycle/expire_password": lifecycle.expire_password,
        "POST /api/v1/users/<user_id>/credentials/change_password": lifecycle.change_password,
        "POST /api/v1/users/<user_id>/credentials/forgot_password": lifecycle.forgot_password,
        "POST /api/v1/users/<user_id>/credentials/forgot_password_recovery_question": (
            lifecycle.recover_password
        ),
        "GET /api/v1/templates/sms": sms_templates.list_all,
        "POST /api/v1/templates/sms": sms_templates.create,
    },
    (Bucket.FACTORS, On.FACTORS): {
        "GET /api/v1/users/<user_id>/factors": factors.list_all,
        "POST /api/v1/users/<user_id>/factors": factors.enrol,
        "GET /api/v1/users/<user_id>/factors/catalog": factors.catalog,
        "GET /api/v1/users/<user_id>/factors/questions": factors.questions,
        "GET /api/v1/users/<user_id>/factors/<factor_id>": factors.read,
        "DELETE /api/v1/users/<user_id>/factors/<factor_id>": factors.remove,
        "POST /api/v1/users/<user_id>/factors/<factor_id>/resend": factors.resend,
        "POST /api/v1/users/<user_id>/factors/<factor_id>/lifecycle/activate": factors.activate,
    },
    (Bucket.FACTORS, On.VERIFY): {
        "POST /api/v1/users/<user_id>/factors/<factor_id>/verify": factors.verify,
        "GET /api/v1/users/<user_id>/factors/<factor_id>/transactions/<transaction>": push.read,
        "DELETE /api/v1/users/<user_id>/factors/<factor_id>/transactions/<transaction>": push.cancel,
    },
    (Bucket.SESSIONS, None): {
        "POST /api/v1/sessions": sessions.create,
        "GET /api/v1/sessions/<session_id>": sessions.read,
        "DELETE /api/v1/sessions/<session_id>": sessions.close,
        "POST /api/v1/sessions/<session_id>/lifecycle/refresh": sessions.refresh,
    },
}
PUBLIC_ROUTES: _Table = {
    (Bucket.SESSIONS, None): {
        "GET /api/v1/sessions/me": sessions.read,
        "DELETE /api/v1/sessions/me": sessions.close,
        "POST /api/v1/sessions/me/lifecycle/refresh": sessions.refresh,
        "GET /login/sessionCookieRedirect": sessions.redirect_with_cookie,
    },
    (Bucket.OTHER, None): {"POST /oauth2/v1/token": _token},
    (Bucket.AUTHN, On.AUTHN): {
        "POST /api/v1/authn": authn.sign_in,
        "POST /api/v1/authn/introspect": authn.introspect,
        "POST /api/v1/authn/cancel": authn.cancel,
        "POST /api/v1/authn/previous": authn.go_back,
        "POST /api/v1/authn/skip": authn.skip,
        "POST /api/v1/authn/factors": authn.enrol,
        "POST /api/v1/authn/factors/<factor_id>/verify": authn.verify,
        "POST /api/v1/authn/factors/<factor_id>/verify/resend": authn.resend,
        "POST /api/v1/authn/factors/<factor_id>/lifecycle/activate": authn.activate,
        "POST /api/v1/authn/factors/<factor_id>/lifecycle/resend": authn.resend_activation,
    },
}

_URLS = Map(
    [
        Rule(path, methods=[method], endpoint=Route(bucket, operation, handler, is_public))
        for is_public, table in ((False, ROUTES), (True, PUBLIC_ROUTES))
        for (bucket, operation), handlers in table.items()
        for (method, path), handler in ((name.split(), each) for name, each in handlers.items())
    ],
    merge_slashes=False,
)
_TOKEN_SCHEME = "SSWS"
_KEPT_HEADERS = ("User-Agent", "Accept-Language", "X-Forwarded-For", "X-Device-Fingerprint")


def create_app(org: Org) -> WSGIApplication:
    """Serve the org; thread-safe."""
    return _OktaApp(org)


class _OktaApp:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._urls = _URLS.bind("")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        org, request, path = self._org, Request(environ), _path(environ)
        request.get_data()
        route, arguments = self._match(request.method, path)
        kind, kept = _kind(request, route), _kept_headers(request)
        with org.lock:
            fault = org.faults.take(route.operation)
            response = self._respond(request, route, arguments, fault)
            status = 0 if response is None else response.status_code
            org.calls.append(Call(request.method, path, status, kept, kind, org.clock()))
            until_interrupted = org.until_interrupted
        latency = (
            org.latency_seconds(kind) if callable(org.latency_seconds) else org.latency_seconds
        )
        until_interrupted.wait(latency + DELAY_SECONDS.get(fault, 0.0))
        if response is None:
            wire.cut_connection(environ)
        response.headers["Date"] = formatdate(org.clock(), usegmt=True)
        return response(environ, start_response)

    def _match(self, method: str, path: str) -> tuple[Route, dict[str, Any]]:
        try:
            # As the vendor's older Python SDK writes it before a query.
            route, arguments = self._urls.match(path.removesuffix("/"), method)
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
            _require_access(self._org, request, is_public=route.is_public)
            return route.handler(self._org, request, **_records(self._org, arguments))
        except OktaError as refused:
            return responses.error(refused, self._org.transient_ids.error())


def _require_access(org: Org, request: Request, *, is_public: bool) -> None:
    """A token that is sent must be valid, even where none is needed."""
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith(_TOKEN_SCHEME):
        # The vendor's own Python SDK puts no space between the two.
        if authorization.removeprefix(_TOKEN_SCHEME).strip() not in org.api_tokens:
            raise OktaError(Refusal.INVALID_TOKEN)
        if not org.policy.token_is_permitted:
            raise OktaError(Refusal.ACCESS_DENIED)
    elif authorization.startswith("DPoP "):
        org.oauth.authorise(request)
    elif not is_public:
        raise OktaError(Refusal.INVALID_TOKEN if authorization else Refusal.INVALID_SESSION)


def _records(org: Org, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a path, with the user and the user's factor in place of their ids."""
    if "id_or_login" in arguments:
        return {"user": org.directory.user_by_id_or_login(arguments["id_or_login"])}
    if "user_id" not in arguments:
        return arguments
    user = org.directory.user(arguments["user_id"])
    if "factor_id" not in arguments:
        return {"user": user}
    more = {name: value for name, value in arguments.items() if name == "transaction"}
    return {"user": user, "factor": org.directory.factor(user, arguments["factor_id"]), **more}


def _kind(request: Request, route: Route) -> str:
    if route.operation is On.VERIFY and request.method == "POST":
        body = request.get_data()
        return "check" if b'"passCode"' in body or b'"answer"' in body else "send"
    return route.operation or "other"


def _kept_headers(request: Request) -> dict[str, str]:
    """The headers that describe the caller; of a token only its scheme."""
    kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    scheme = request.headers.get("Authorization", "")[:4]
    if scheme in (_TOKEN_SCHEME, "DPoP"):
        kept["Authorization"] = scheme
    return kept


def _path(environ: WSGIEnvironment) -> str:
    """The decoded path, except for encoded slashes, which belong to a segment.

    So a login with a slash in it is not found, as on the real service.
    """
    encoded = str(environ["RAW_URI"]).partition("?")[0]
    return unquote(encoded.replace("%2F", "%252F").replace("%2f", "%252F"))


def _refused(_org: Org, _request: Request, refusal: Refusal) -> Answer:
    raise OktaError(refusal)


_REFUSED = Route(Bucket.OTHER, None, _refused)
