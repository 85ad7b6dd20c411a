"""What every test runs in: no network but this machine's own, and an environment that is given."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import hypothesis
import pytest
from botocore.loaders import JSONFileLoader

hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("repeatable")

FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
KEPT = {"OKTA_RECORDINGS"}
"""Where the contract tests find what they compare with."""


@pytest.fixture(scope="session", autouse=True)
def scrubbed_environment() -> Iterator[None]:
    """Nothing of the machine's own accounts, orgs and proxies reaches a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - KEPT:
            foreign = name.startswith(("AWS_", "OKTA_", "POWERTOOLS_"))
            if foreign or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in FAKE_AWS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Fail a test that asks for another machine, by address or by name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name), -1))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, _guarded(getattr(socket, name), 0))
        yield


@pytest.fixture(scope="session", autouse=True)
def descriptions_of_aws_read_once() -> Iterator[None]:
    """The descriptions of AWS's services, which botocore reads anew for every session."""
    loader = JSONFileLoader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(cache(loader.load_file)))
        yield


def _guarded(original: Callable[..., Any], position: int) -> Callable[..., Any]:
    """The same function, for loopback alone. `position` is that of the address or name."""

    def guarded(*args: Any, **kwargs: Any) -> Any:
        address = args[position] if args else kwargs.get("host")
        if not _is_loopback(address[0] if isinstance(address, tuple) else address):
            # Not an Exception, so that no code under test takes it for a broken network.
            pytest.fail(f"{original.__name__} to {address!r}: only loopback is allowed")
        return original(*args, **kwargs)

    return guarded


def _is_loopback(host: object) -> bool:
    """Whether a host is this machine; so are an empty one and the path of a Unix socket."""
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in ("", "localhost") or name.startswith(("/", "\0")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
