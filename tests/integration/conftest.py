"""What the integration tests share: an AWS account in memory, and time that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest
import responses
from moto import mock_aws

from tests.integration.account import KEYS_SECRET, TABLE, TOKEN_SECRET, Account, Row, Unreliable
from tests.integration.challenge_rows import HOLD
from tests.integration.functions import ADA, ENVIRON, Functions
from tests.integration.okta_org import OktaCall, OktaOrg
from tests.unit.examples import NOW
from verification import wiring
from verification.aws import clients
from verification.aws.customers import CustomerRows
from verification.aws.secrets import Secrets
from verification.aws.store import Store
from verification.aws.table import Table
from verification.observability import Meter


class Clock:
    """Epoch seconds that pass only when a test says so."""

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
def one_client_for_all() -> Iterator[None]:
    """Making a client of AWS is slow, and one works in every `mock_aws` that comes after."""
    with pytest.MonkeyPatch.context() as patch:
        for make in (clients.dynamodb, clients.secrets_manager):
            patch.setattr(clients, make.__name__, cache(make))
        yield


@pytest.fixture
def account() -> Iterator[Account]:
    """Starts before anything that stands in for HTTP, else its calls would leave this machine."""
    with mock_aws():
        yield Account()


@pytest.fixture
def okta(account: Account) -> Iterator[OktaOrg]:  # noqa: ARG001 - AWS first
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield OktaOrg(mock)


@pytest.fixture
def functions(
    okta: OktaOrg,  # noqa: ARG001 - nothing is called before it stands
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Functions:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    # Powertools keeps a logger and its stream by the service's name.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", request.node.nodeid)
    return Functions(clock, build=partial(wiring.build, sleep=lambda _: None))


@dataclass(frozen=True)
class Issued:
    """What a challenge of Ada's at the start of a test leaves behind."""

    challenge_id: str
    rows: Sequence[Row]
    okta_calls: tuple[OktaCall, ...]


@pytest.fixture(scope="session")
def issued() -> list[Issued]:
    """The challenge that the first test has issued, for those after it."""
    return []


@pytest.fixture
def sleeps() -> list[float]:
    """How long answers to the public were held back."""
    return []


@pytest.fixture
def public(functions: Functions, clock: Clock, sleeps: list[float]) -> Functions:  # noqa: ARG001
    """Another environment over the same account, called without a key. Its sleeps take no time."""
    return Functions(clock, build=partial(wiring.build, sleep=sleeps.append), key=None)


@pytest.fixture
def challenge_id(
    functions: Functions, okta: OktaOrg, account: Account, issued: list[Issued]
) -> str:
    """A challenge of Ada's that is waiting for its code."""
    okta.add(ADA)
    if not issued:
        issued.append(Issued(functions.issue(), account.rows(), tuple(okta.calls)))
        return issued[0].challenge_id
    # The same again: moto takes its time over what `issue` writes.
    account.put_rows(issued[0].rows)
    okta.calls.extend(issued[0].okta_calls)
    return issued[0].challenge_id


@pytest.fixture
def dynamodb(account: Account) -> Unreliable:
    """DynamoDB, behind a network."""
    return Unreliable(account.dynamodb)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def store(dynamodb: Unreliable, meter: Meter) -> Store:
    client: Any = dynamodb
    return Store(Table(client, TABLE, meter), HOLD)


@pytest.fixture
def rows(store: Store) -> CustomerRows:
    return store.customers


@pytest.fixture
def vault(account: Account) -> Unreliable:
    """Secrets Manager, behind a network."""
    return Unreliable(account.secrets_manager)


@pytest.fixture
def secrets(vault: Unreliable, clock: Clock) -> Secrets:
    client: Any = vault
    return Secrets(client, TOKEN_SECRET, KEYS_SECRET, clock)
