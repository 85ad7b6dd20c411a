"""The guard that keeps every test on this machine."""

from __future__ import annotations

import os
import socket

import pytest
import requests

from tests.integration.loopback import LoopbackServer, says


@pytest.mark.parametrize("host", ["203.0.113.1", "8.8.8.8", "169.254.169.254", "10.0.0.1"])
def test_other_address_is_refused(host: str) -> None:
    with socket.socket() as connection:
        for connect in (connection.connect, connection.connect_ex):
            with pytest.raises(pytest.fail.Exception, match="only loopback is allowed"):
                connect((host, 443))


def test_datagram_to_another_address_is_refused() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        pytest.raises(pytest.fail.Exception, match="only loopback is allowed"),
    ):
        datagrams.sendto(b"?", ("203.0.113.1", 53))


@pytest.mark.parametrize("name", ["example.okta.com", "secretsmanager.us-east-1.amazonaws.com"])
def test_other_name_is_not_resolved(name: str) -> None:
    for lookup in (socket.gethostbyname, lambda host: socket.getaddrinfo(host, 443)):
        with pytest.raises(pytest.fail.Exception, match="only loopback is allowed"):
            lookup(name)


def test_refusal_is_not_an_exception_that_clients_catch() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"example\.okta\.com"):
        requests.get("https://example.okta.com", timeout=1)


def test_loopback_is_allowed() -> None:
    with LoopbackServer(says([])) as server:
        assert requests.get(server.url, timeout=1).json() == []
    assert socket.getaddrinfo("localhost", 80)


def test_environment_is_scrubbed() -> None:
    assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
    assert os.environ["AWS_REGION"] == "us-east-1"
    names = {name for name in os.environ if name.startswith("OKTA_")}
    assert names <= {"OKTA_RECORDINGS"}
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
