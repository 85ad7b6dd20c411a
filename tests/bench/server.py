"""A server for the bench: it keeps connections, as Okta and AWS do, and takes the time that an app
names. werkzeug's own work, and the app's, are part of that time, so that neither is measured.
"""

from __future__ import annotations

import io
import time
from typing import Any

from tests.sandbox.server import QuietHandler, Server

SECONDS = "bench.seconds"
"""What an app adds to the environ: after so many seconds from the request's arrival the answer leaves."""


class _PunctualHandler(QuietHandler):
    _arrived_at = 0.0

    def parse_request(self) -> bool:
        """Note when the request came; its first line has just been read."""
        self._arrived_at = time.perf_counter()
        return super().parse_request()

    def run_wsgi(self) -> None:
        """Answer one request, in one packet."""
        environ = self.make_environ()
        length = int(environ.get("CONTENT_LENGTH") or 0)
        sent = self.rfile.read(length)
        if len(sent) < length:  # the caller has ended inside its request
            self.close_connection = True
            return
        environ["wsgi.input"] = io.BytesIO(sent)
        lines: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            lines.append(f"{self.protocol_version} {status}")
            lines.extend(f"{name}: {value}" for name, value in headers)

        body = b"".join(self.server.app(environ, start_response))
        packet = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        leaves_at = self._arrived_at + environ.get(SECONDS, 0.0)
        time.sleep(max(0.0, leaves_at - time.perf_counter()))
        self.wfile.write(packet)


class PunctualServer(Server):
    """An app must not write to the socket itself."""

    handler = _PunctualHandler
