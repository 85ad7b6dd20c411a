"""The games over HTTP: callers reach the gateway, and the service reaches Okta, through sockets."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote

import requests

from tests.proof import world
from tests.proof.interference import Answered
from tests.proof.world import Asked, InProcess, World
from tests.sandbox import contract, gateway
from tests.sandbox.gateway import SOURCE_IP_HEADER, Gateway
from tests.sandbox.server import Server
from verification.okta.wire import READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE = 30
"""Seconds until a caller gives up."""


class _Okta:
    """The app of the org that is asked just now: each world has its own."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start)


@contextmanager
def over_http() -> Iterator[None]:
    """Everything that worlds exchange goes through sockets; one call at a time."""
    asked: list[tuple[World, str]] = []
    okta = _Okta()

    def invoke(_: str, event: Mapping[str, Any]) -> Any:
        called, route = asked[-1]
        return called.invoke(route, event)

    def exchange(called: World, request: Asked) -> tuple[int, Mapping[str, str], str]:
        asked.append((called, request.route))
        answer = callers.request(
            request.method,
            served.url + quote(request.url, safe="/%"),
            params=list(request.query),
            data=None if request.body is None else json.dumps(request.body),
            headers={**request.headers, SOURCE_IP_HEADER: request.source},
            timeout=PATIENCE,
            allow_redirects=False,
        )
        asked.pop()
        return answer.status_code, dict(answer.headers), answer.text

    class Session(InProcess):
        """Reaches the org through a socket."""

        def answered(self, request: requests.PreparedRequest) -> Answered:
            okta.app = self.app
            url = org.url + request.path_url
            answer = services.request(
                str(request.method),
                url,
                data=request.body,
                headers=dict(request.headers),
                timeout=READ_TIMEOUT,
                allow_redirects=False,
            )
            whole = io.BytesIO(answer.content)
            return Answered(answer.status_code, dict(answer.headers), lambda _: whole.read())

    routes = Gateway(contract.routes(), invoke, _nothing, contract.gateway_responses())
    same_ids = SimpleNamespace(uuid4=lambda: uuid.UUID(int=0))
    with (
        Server(routes) as served,
        Server(okta) as org,
        requests.Session() as callers,
        requests.Session() as services,
        patch.object(World, "exchange", exchange),
        patch.object(world, "InProcess", Session),
        patch.object(gateway, "uuid", same_ids),
    ):
        yield


def _nothing(_: object) -> None:
    """There is no page and there are no controls."""
