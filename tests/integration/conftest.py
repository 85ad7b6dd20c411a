"""Fixtures of the integration tests: an AWS account in memory, an Okta org, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest
import responses
from moto import mock_aws

from tests.integration.account import (
    CLIENT_KEY,
    KEYS_SECRET,
    TABLE,
    TOKEN_SECRET,
    Account,
    LambdaQueue,
    Unreliable,
)
from tests.integration.functions import ENVIRON, Functions
from tests.integration.okta_org import OktaOrg
from tests.integration.rows import Rows
from tests.unit.examples import NOW
from verification import container
from verification.aws import clients
from verification.aws.attempt_rows import AttemptRows
from verification.aws.budget_rows import BudgetRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.secrets import Secrets
from verification.aws.table import Table
from verification.observability import Meter


class Clock:
    """Epoch seconds that a test advances."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def _one_client_for_all() -> Iterator[None]:
    """Share the boto3 clients: making one is slow, and each works in every later `mock_aws`."""
    with pytest.MonkeyPatch.context() as patch:
        for make in (clients.dynamodb, clients.secrets_manager, clients.kms):
            patch.setattr(clients, make.__name__, cache(make))
        yield


@pytest.fixture
def account() -> Iterator[Account]:
    """Requested before anything that replaces HTTP, or its calls would leave this machine."""
    with mock_aws():
        yield Account()


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


@dataclass
class World:
    """The functions as the public and as a client with all scopes call them, in two environments,
    and what they talk to.
    """

    public: Functions
    shop: Functions
    okta: OktaOrg
    queue: LambdaQueue
    clock: Clock
    account: Account

    def environment(self, key: str = "") -> Functions:
        """Another environment. Waiting advances the clock and takes no time."""
        build = partial(container.build, self.clock, self.clock.advance, self.clock)
        return Functions(build, self.queue, self.okta, key)


@pytest.fixture
def world(
    account: Account,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[World]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    # Powertools keeps a logger and its stream by the service's name.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.nodeid)
    queue = LambdaQueue()
    monkeypatch.setattr(clients, "aws_lambda", lambda: queue)
    nobody: Any = None
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        world = World(nobody, nobody, OktaOrg(mock, clock), queue, clock, account)
        world.public, world.shop = world.environment(), world.environment(CLIENT_KEY)
        yield world
