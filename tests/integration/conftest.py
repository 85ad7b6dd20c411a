"""Fixtures of the integration tests: an AWS account in memory, an Okta org, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import responses
from moto import mock_aws

from tests.integration.account import KEYS_SECRET, TABLE, TOKEN_SECRET, Account, Unreliable
from tests.integration.functions import ENVIRON, Clock, LambdaQueue, World
from tests.integration.rows import Rows
from tests.proof.dynamodb import MemoryDynamoDB
from verification.aws import clients
from verification.aws.attempt_rows import AttemptRows
from verification.aws.budget_rows import BudgetRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.secrets import Secrets
from verification.aws.table import Table
from verification.observability import Meter


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def _account() -> Iterator[Account]:
    """One account and one boto3 client of each kind for all tests: making them is slow.

    It begins before anything that replaces HTTP, or its calls would leave this machine.
    """
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for make in (clients.dynamodb, clients.secrets_manager, clients.kms):
            patch.setattr(clients, make.__name__, cache(make))
        yield Account()


@pytest.fixture
def account(_account: Account) -> Account:
    """The account as it is right after a deployment."""
    _account.reset()
    return _account


@pytest.fixture
def dynamodb(account: Account) -> Unreliable:
    """DynamoDB behind a network that can fail."""
    return Unreliable(account.dynamodb)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def table(dynamodb: Unreliable, meter: Meter) -> Table:
    client: Any = dynamodb
    return Table(client, TABLE, meter)


@pytest.fixture
def rows(table: Table, dynamodb: Unreliable, account: Account) -> Rows:
    emails = EmailRows(table, 3)
    attempts = AttemptRows(table, emails)
    return Rows(emails, CustomerRows(table), attempts, BudgetRows(table), dynamodb, account)


@pytest.fixture
def vault(account: Account) -> Unreliable:
    """Secrets Manager behind a network that can fail."""
    return Unreliable(account.secrets_manager)


@pytest.fixture
def secrets(vault: Unreliable, clock: Clock) -> Secrets:
    client: Any = vault
    return Secrets(client, TOKEN_SECRET, KEYS_SECRET, clock)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The functions' settings."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    # Powertools keeps a logger and its stream by the service's name.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.nodeid)


@pytest.fixture
def world(
    account: Account,
    clock: Clock,
    environ: None,  # noqa: ARG001 - the functions read it
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    queue, store = LambdaQueue(), MemoryDynamoDB()  # like moto's, and a hundred times as fast
    monkeypatch.setattr(clients, "aws_lambda", lambda: queue)
    monkeypatch.setattr(clients, "dynamodb", lambda: store)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield World(mock, queue, clock, account, store)
