"""A WSGI app on a loopback port, in threads, with kept connections."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, *_: Any) -> None:
        """Keep addresses and codes, which are in URLs here, out of the terminal."""


class Server:
    """A context manager: listening when entered, closed when left.

    `bridge` is a second address at the same port, under which containers reach this machine.
    """

    def __init__(self, app: WSGIApplication, port: int = 0, bridge: str | None = None) -> None:
        self._servers = [_server(app, HOST, port)]
        self._port = self._servers[0].server_port
        if bridge is not None:
            self._servers.append(_server(app, bridge, self._port))
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
            for server in self._servers
        ]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Server:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _server(app: WSGIApplication, host: str, port: int) -> BaseWSGIServer:
    return make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
