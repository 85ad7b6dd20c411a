"""The sandbox with an Okta that answers at the right moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from tests.bench.server import SECONDS, PunctualServer
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BenchSandbox(Sandbox):
    """A context manager. Every answer of Okta takes `okta_seconds`."""

    def __init__(self, log: IO[str], *, okta_seconds: float, dynamodb_url: str) -> None:
        self.okta_seconds = okta_seconds
        super().__init__(log, dynamodb_url=dynamodb_url)

    def okta_server(self, app: WSGIApplication, port: int, bridge: str | None) -> Server:
        """Serves Okta."""

        def punctual(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            environ[SECONDS] = self.okta_seconds
            return app(environ, start_response)

        return PunctualServer(punctual, port, bridge)
