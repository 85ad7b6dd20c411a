"""SnapStart's hooks, run as the runtime runs them: what a copy shares with its snapshot, and what not."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import pytest
import snapshot_restore_py

from tests.integration.account import KEYS_SECRET, SECRETS, TABLE, TOKEN, TOKEN_SECRET, Account
from tests.integration.conftest import Clock
from tests.integration.functions import ENVIRON, Functions
from tests.integration.loopback import Answer, LoopbackServer, says
from tests.integration.okta_client import RENEWED_TOKEN, OktaClient, okta_client
from tests.integration.okta_org import OktaOrg
from tests.sandbox.template import ROOT
from verification import snapshot, wiring
from verification.aws import clients
from verification.aws.secrets import Secrets
from verification.aws.table import Table
from verification.models import Deadline
from verification.observability import Meter
from verification.pace import Pace
from verification.wiring import Service

runtime = pytest.importorskip("awslambdaric.lambda_runtime_hooks_runner", reason="Linux only")


@pytest.fixture(autouse=True)
def hooks() -> Iterator[list[Any]]:
    """What is registered to run after a restore: nothing, at first."""
    after = snapshot_restore_py.get_after_restore()
    yield after
    after.clear()
    snapshot_restore_py.get_before_snapshot().clear()


@pytest.fixture
def service(functions: Functions, clock: Clock) -> Service:  # noqa: ARG001 - for its environment
    service = wiring.build(clock)
    snapshot.register(service)
    return service


@pytest.mark.usefixtures("functions")  # for their environment
class TestRegistration:
    def test_a_function_that_starts_on_lambda_registers_its_hooks(
        self, clock: Clock, hooks: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Functions(clock)
        assert hooks == []
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
        Functions(clock)
        assert {hook for hook, *_ in hooks} == {snapshot.renew}

    def test_a_copy_answers(
        self, okta: OktaOrg, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        okta.add("ada@example.com")
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
        copy = Functions(clock)
        runtime.run_before_snapshot()
        runtime.run_after_restore()
        assert copy.ask("POST /challenge").status == 202


class TestWarming:
    def test_the_snapshot_has_what_a_plain_start_leaves_to_the_first_call(self) -> None:
        program = (
            "import sys; from verification import snapshot; loaded = lambda: ("
            "'segno' in sys.modules, snapshot.tls_context.cache_info().currsize); "
            "print(loaded()); snapshot.warm(); print(loaded())"
        )
        done = subprocess.run(  # noqa: S603 - our own program, in a process that has loaded nothing
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(ROOT / "shared")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines() == ["(False, 0)", "(True, 1)"]


class TestSecrets:
    def test_nothing_is_asked_before_the_snapshot(self, service: Service, okta: OktaOrg) -> None:
        asked: list[object] = []
        for client in (clients.dynamodb(), clients.secrets_manager()):
            client.meta.events.register("before-call", partial(_note, asked), unique_id="asked")
        runtime.run_before_snapshot()
        assert (asked, okta.calls) == ([], [])
        service.keys.okta_token()
        assert len(asked) == 2

    def test_a_copy_reads_them_again(self, service: Service, account: Account) -> None:
        assert service.keys.okta_token() == TOKEN
        account.put_token({"okta_api_token": RENEWED_TOKEN})
        assert service.keys.okta_token() == TOKEN
        runtime.run_after_restore()
        assert service.keys.okta_token() == RENEWED_TOKEN


class TestConnections:
    def test_a_copy_makes_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in ENVIRON.items():
            monkeypatch.setenv(name, value)
        secrets = [_secret(TOKEN_SECRET), _secret(KEYS_SECRET)]
        okta_and_table = [says([]), says({})]
        answers = [*okta_and_table, *secrets, *okta_and_table, *okta_and_table, *secrets]
        with LoopbackServer(*answers) as server, okta_client(server.url) as okta:
            keys = Secrets(_client("secretsmanager", server.url), TOKEN_SECRET, KEYS_SECRET)
            table = Table(_client("dynamodb", server.url), TABLE, Meter())
            snapshot.register(
                replace(wiring.build(), keys=keys, table=table, transport=okta.transport)
            )
            _ask_everybody(okta, table, keys)
            _ask_everybody(okta, table, keys)
            runtime.run_after_restore()
            _ask_everybody(okta, table, keys)
            connections = [each.connection for each in server.received]
        assert connections == [1, 2, 3, 3, 1, 2, 4, 5, 6, 6]


@pytest.mark.usefixtures("service")
class TestRandomness:
    def test_two_copies_wait_differently(self) -> None:
        state = random.getstate()

        def waits(*, restored: bool) -> list[float]:
            random.setstate(state)
            if restored:
                runtime.run_after_restore()
            slept: list[float] = []
            pace = Pace(Meter(), clock=lambda: 0.0, sleep=slept.append)
            for _ in range(3):
                pace.hold_back(0.0, 1, Deadline(8.0, lambda: 0.0))
            return slept

        assert waits(restored=False) == waits(restored=False)
        assert waits(restored=True) != waits(restored=True)


def _note(asked: list[object], **call: object) -> None:
    asked.append(call)


def _secret(name: str) -> Answer:
    return says({"Name": name, "SecretString": json.dumps(SECRETS[name])})


def _client(service: Any, url: str) -> Any:
    return boto3.client(service, endpoint_url=url)


def _ask_everybody(okta: OktaClient, table: Table, keys: Secrets) -> None:
    assert okta.get() == []
    assert table.get("pk", attributes=["status"]) == [{}]
    assert keys.okta_token() == TOKEN
