"""SnapStart's hooks, run as the runtime runs them: what a copy shares with its snapshot."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
import snapshot_restore_py

from tests.integration.account import (
    KEYS_SECRET,
    RENEWED_TOKEN,
    SECRETS,
    TABLE,
    TOKEN,
    TOKEN_SECRET,
    Account,
)
from tests.integration.functions import ARN, World
from tests.integration.loopback import message, says
from tests.integration.okta_client import connected
from tests.sandbox.template import ROOT
from verification import container
from verification.aws import clients
from verification.aws.invocation import AsyncInvocation
from verification.aws.secrets import Secrets
from verification.aws.table import Table
from verification.container import Container
from verification.frozen import replace
from verification.http import snapshot
from verification.observability import Meter

runtime = pytest.importorskip("awslambdaric.lambda_runtime_hooks_runner", reason="Linux only")


@pytest.fixture(autouse=True)
def hooks() -> Iterator[list[Any]]:
    """What is registered to run after a restore."""
    after = snapshot_restore_py.get_after_restore()
    yield after
    after.clear()
    snapshot_restore_py.get_before_snapshot().clear()


@pytest.fixture
def service(account: Account, environ: None) -> Container:  # noqa: ARG001 - `build` reads them
    service = container.build()
    snapshot.register(service)
    return service


def test_function_that_starts_on_lambda_registers_its_hooks(
    world: World, hooks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.public.send().status == 202
    assert hooks == []
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    world.start()
    assert {hook for hook, *_ in hooks} == {snapshot.renew}
    runtime.run_before_snapshot()
    runtime.run_after_restore()
    world.clock.advance(60)
    assert world.public.send().status == 202


PROGRAM = """
import sys
from unittest.mock import Mock
from verification.http import snapshot
def print_loaded():
    modules = "segno", "cryptography.hazmat.primitives.ciphers.aead"
    print(*(each in sys.modules for each in modules), snapshot.tls_context.cache_info().currsize)
print_loaded()
service = Mock()
snapshot.warm(service)
service.invocation.prepare.assert_called_once_with()
print_loaded()
"""


def test_snapshot_contains_what_the_first_call_would_load() -> None:
    environ = {"PYTHONPATH": str(ROOT / "shared")}
    done = subprocess.run(  # noqa: S603 - our own program, in a process that has loaded nothing
        [sys.executable, "-c", PROGRAM], env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.splitlines() == ["False False 0", "True True 1"]


def test_nothing_is_asked_before_the_snapshot(service: Container) -> None:
    asked: list[object] = []

    def note(**call: object) -> None:
        asked.append(call)

    for client in (clients.dynamodb(), clients.secrets_manager()):
        client.meta.events.register("before-call", note, unique_id="asked")
    runtime.run_before_snapshot()
    assert asked == []
    service.secrets.okta_token()
    assert len(asked) == 2


def test_copy_reads_the_secrets_again(service: Container, account: Account) -> None:
    assert service.secrets.okta_token() == TOKEN
    account.put_secret(TOKEN_SECRET, {"okta_api_token": RENEWED_TOKEN})
    assert service.secrets.okta_token() == TOKEN
    runtime.run_after_restore()
    assert service.secrets.okta_token() == RENEWED_TOKEN


def test_copy_makes_its_own_connections(service: Container) -> None:
    def secret(name: str) -> Any:
        return says({"Name": name, "SecretString": json.dumps(SECRETS[name])})

    secrets = [secret(TOKEN_SECRET), secret(KEYS_SECRET)]
    others = [says([]), says({}), message(b"", 202)]  # Okta, the table and Lambda
    with connected(*others, *secrets, *others, *others, *secrets) as (okta, server):
        client: Any = partial(boto3.client, endpoint_url=server.url)
        service = replace(
            service,
            secrets=Secrets(client("secretsmanager"), TOKEN_SECRET, KEYS_SECRET),
            table=Table(client("dynamodb"), TABLE, Meter()),
            invocation=AsyncInvocation(partial(client, "lambda"), Meter()),
            wire=okta.wire,
        )
        snapshot.register(service)

        def ask_everybody() -> None:
            assert okta.get() == []
            assert service.table.get("pk", "status") == {}
            service.invocation.invoke(ARN, "{}")
            assert service.secrets.okta_token() == TOKEN

        ask_everybody()
        ask_everybody()
        runtime.run_after_restore()
        ask_everybody()
        connections = [each.connection for each in server.received]
        service.invocation.disconnect()
    assert connections == [1, 2, 3, 4, 4, 1, 2, 3, 5, 6, 7, 8, 8]


@pytest.mark.usefixtures("service")
def test_copies_draw_different_waits() -> None:
    state = random.getstate()
    draws = []
    for is_restored in (False, False, True, True):
        random.setstate(state)
        if is_restored:
            runtime.run_after_restore()
        draws.append(random.uniform(0, 1))  # noqa: S311 - as waits are drawn
    assert draws[0] == draws[1]
    assert draws[2] != draws[3]
