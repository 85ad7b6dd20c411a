"""A WSGI server on a loopback port: threads, no access log."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"


class PortUnavailable(Exception):
    """The port cannot be listened on: another program has it, or this user may not use it."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}")
        self.port = port


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without a date of this machine: an app that has a clock of its own sends that."""
        self.send_response_only(code, message)

    def handle_expect_100(self) -> bool:
        """Leave the answer to werkzeug, which sends "100 Continue" too: Java's client takes a second
        one for the response.
        """
        return True

    def log_request(self, *_: Any) -> None:
        """Log nothing: URLs hold email addresses and codes here."""


class Server:
    """A context manager. The port is bound by the constructor; requests are served inside `with`.

    `bridge` is a second address with the same port, at which containers reach this machine.
    """

    handler: type[WSGIRequestHandler] = QuietHandler

    def __init__(
        self,
        app: WSGIApplication,
        port: int = 0,
        bridge: str | None = None,
    ) -> None:
        self._servers = [_server(app, HOST, port, self.handler)]
        self._port = self._servers[0].port
        if bridge is not None:
            self._servers.append(_server(app, bridge, self._port, self.handler))
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
            for server in self._servers
        ]

    @property
    def url(self) -> str:
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


def _server(
    app: WSGIApplication, host: str, port: int, handler: type[WSGIRequestHandler]
) -> BaseWSGIServer:
    # werkzeug prints its own message and exits when it cannot bind.
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PortUnavailable(host, port, reason) from error
    with listener:
        return make_server(
            host, port, app, threaded=True, request_handler=handler, fd=listener.fileno()
        )
