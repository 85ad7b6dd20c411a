"""The transport over TLS: which certificates it accepts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.util.ssl_ import create_urllib3_context
from werkzeug.serving import make_ssl_devcert

from tests.integration.loopback import LoopbackServer, says
from tests.integration.okta_client import okta_client
from tests.integration.rows import refusal
from verification import errors
from verification.okta import wire


class TlsServer(LoopbackServer):
    """A server with the certificate in this file."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(says([]), says([]))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)

    def get_request(self) -> Any:
        connection, address = super().get_request()
        return self._tls.wrap_socket(connection, server_side=True), address

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of `localhost`, signed with it."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    signed, key = make_ssl_devcert(str(path), host="localhost")
    path.write_text(Path(key).read_text() + Path(signed).read_text())
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[TlsServer]:
    with TlsServer(certificate) as server:
        yield server


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The transport's context, as if it trusted the certificate's issuer."""
    context = create_urllib3_context()
    context.load_verify_locations(certificate)
    monkeypatch.setattr(wire, "tls_context", lambda: context)
    return context


def assert_no_request(server: TlsServer, url: str) -> None:
    with okta_client(url) as okta:
        assert isinstance(refusal(okta.post), errors.OktaOutcomeUnknown)
    assert server.received == []


def test_server_of_an_unknown_authority_gets_no_request(server: TlsServer) -> None:
    assert_no_request(server, server.url)


def test_server_with_the_certificate_of_another_host_gets_no_request(
    server: TlsServer, trusted: ssl.SSLContext
) -> None:
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert_no_request(server, server.url.replace("localhost", "127.0.0.1"))


@pytest.mark.usefixtures("trusted")
def test_calls_of_a_process_share_one_handshake(server: TlsServer) -> None:
    with okta_client(server.url) as okta:
        for _ in range(2):
            assert okta.get() == []
        assert [each.connection for each in server.received] == [1, 1]


def test_authorities_are_read_once_for_all_connections(
    server: TlsServer, trusted: ssl.SSLContext
) -> None:
    with okta_client(server.url) as okta:
        assert okta.get() == []
        okta.wire.disconnect()
        assert okta.get() == []
        assert [each.connection for each in server.received] == [1, 2]
    assert trusted.cert_store_stats()["x509"] == 1


def test_authorities_are_those_of_requests() -> None:
    context = wire.tls_context()
    assert context.cert_store_stats()["x509_ca"] > 100
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
