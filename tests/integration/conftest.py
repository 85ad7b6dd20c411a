"""Fixtures of the integration tests: an AWS account in memory, an Okta org, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
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
def emails(table: Table) -> EmailRows:
    return EmailRows(table, 3)


@pytest.fixture
def customers(table: Table) -> CustomerRows:
    return CustomerRows(table)


@pytest.fixture
def attempts(table: Table, emails: EmailRows) -> AttemptRows:
    return AttemptRows(table, emails)


@pytest.fixture
def budgets(table: Table) -> BudgetRows:
    return BudgetRows(table)


@pytest.fixture
def vault(account: Account) -> Unreliable:
    """Secrets Manager behind a network that can fail."""
    return Unreliable(account.secrets_manager)


@pytest.fixture
def secrets(vault: Unreliable, clock: Clock) -> Secrets:
    client: Any = vault
    return Secrets(client, TOKEN_SECRET, KEYS_SECRET, clock)


@pytest.fixture
def okta(account: Account, clock: Clock) -> Iterator[OktaOrg]:  # noqa: ARG001 - AWS first
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield OktaOrg(mock, clock)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> LambdaQueue:
    """Lambda, which has the asynchronous invocations wait."""
    queue = LambdaQueue()
    monkeypatch.setattr(clients, "aws_lambda", lambda: queue)
    return queue


@pytest.fixture
def functions(
    okta: OktaOrg,
    queue: LambdaQueue,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Functions:
    """The functions, called without a key. Waiting advances the clock and takes no time."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    # Powertools keeps a logger and its stream by the service's name.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.nodeid)
    return Functions(partial(container.build, clock, clock.advance, clock), queue, okta)


@pytest.fixture
def shop(functions: Functions, okta: OktaOrg, queue: LambdaQueue, clock: Clock) -> Functions:  # noqa: ARG001
    """Another environment of the same account, called by a client with all scopes."""
    return Functions(partial(container.build, clock, clock.advance, clock), queue, okta, CLIENT_KEY)
