"""The guard that keeps every test on this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
import requests

from tests.integration.loopback import LoopbackServer, says


@pytest.mark.parametrize(
    "reach",
    [
        lambda connection: connection.connect(("203.0.113.1", 443)),
        lambda connection: connection.connect_ex(("10.0.0.1", 443)),
        lambda connection: connection.sendto(b"?", ("169.254.169.254", 53)),
        lambda _: socket.gethostbyname("example.okta.com"),
        lambda _: socket.getaddrinfo("secretsmanager.us-east-1.amazonaws.com", 443),
        # The refusal is no exception that a client takes for a broken network.
        lambda _: requests.get("https://example.okta.com", timeout=1),
    ],
)
def test_other_machine_is_refused(reach: Callable[[socket.socket], object]) -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as connection,
        pytest.raises(pytest.fail.Exception, match="only loopback is allowed"),
    ):
        reach(connection)


def test_loopback_is_allowed() -> None:
    with LoopbackServer(says([])) as server:
        assert requests.get(server.url, timeout=1).json() == []
    assert socket.getaddrinfo("localhost", 80)


def test_environment_is_scrubbed() -> None:
    assert os.environ["AWS_REGION"] == "us-east-1"
    assert {name for name in os.environ if name.startswith("OKTA_")} <= {"OKTA_RECORDINGS"}
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
