"""Whether a call takes longer where more is stored, and how many customers Okta's limits allow.

The store is DynamoDB in memory, with rows for so many customers. It has no Scan and no Query, and a call
that would list rows fails in it. So it shows which rows a call reads and writes, by their whole keys, and
what the service's own code takes. It does not show what DynamoDB takes for them, which AWS promises to be
the same at any size as long as no single row is asked for too often; rows that several customers share are
counted for that reason.

`PYTHONPATH=shared python -m tests.proof.scale` ends with 1 if something is not flat.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from werkzeug.test import Client

from tests.proof.dynamodb import MemoryDynamoDB, Row
from tests.proof.section import Section
from tests.proof.world import PASSWORD, Answer, Person, World, watched
from tests.sandbox.okta.limits import Bucket, Quota, RateLimits
from tests.sandbox.okta.records import FactorType, User
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app

SIZES = (100, 10_000, 1_000_000)
"""Stored customers, each with a challenge."""

CUSTOMERS = 40
"""Whose calls are measured."""

MOST_TIME = 3.0
"""How much longer a call may take with ten thousand times the rows: the processor has other work too."""

_AUTHN = "/api/v1/authn"


class CountingStore(MemoryDynamoDB):
    """Counts the calls, and remembers the keys that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.keys: list[str] = []

    def fill(self, customers: int) -> None:
        """Copy each row to as many keys, which share what the row says."""
        copied: Mapping[str, Row] = {**self.rows}
        for key, row in copied.items():
            prefix = key.rpartition("#")[0]
            for number in range(customers):
                self.rows[f"{prefix}#{number:032x}"] = row

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._count(request)
        return super().get_item(**request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._count(request)
        return super().update_item(**request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        self._count(*(each["Update"] for each in request["TransactItems"]))
        return super().transact_write_items(**request)

    def _count(self, *requests: Mapping[str, Any]) -> None:
        self.calls += 1
        self.keys += [each["Key"]["pk"]["S"] for each in requests]


@dataclass(frozen=True)
class Cost:
    """What one kind of call costs: calls of the store and rows in them, at most, and the median of the
    processor's milliseconds. `shared`: rows of more than one customer, by prefix, and how many calls of
    a hundred ask for one.
    """

    calls: int
    rows: int
    milliseconds: float
    shared: Mapping[str, int]


@dataclass
class _Meter:
    """Measures calls of several kinds, for one customer after the other."""

    store: CountingStore

    def __post_init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._calls: dict[str, list[int]] = defaultdict(list)
        self._keys: dict[str, list[set[str]]] = defaultdict(list)

    def call(self, kind: str, world: World, *given: Any, **more: Any) -> Answer:
        """The answer to a measured call, which must be a success."""
        self.store.calls, self.store.keys = 0, []
        began = time.process_time()
        answer = world.call(*given, **more)
        self._seconds[kind].append(time.process_time() - began)
        self._calls[kind].append(self.store.calls)
        self._keys[kind].append({*self.store.keys})
        assert answer.status < 300, (kind, answer)
        return answer

    def costs(self) -> Iterator[tuple[str, Cost]]:
        """By kind."""
        by_customer = [set().union(*each) for each in zip(*self._keys.values(), strict=True)]
        customers = Counter(key for keys in by_customer for key in keys)
        for kind, seconds in self._seconds.items():
            shared = Counter(
                key.partition("#")[0]
                for keys in self._keys[kind]
                for key in keys
                if customers[key] > 1
            )
            yield (
                kind,
                Cost(
                    max(self._calls[kind]),
                    max(map(len, self._keys[kind])),
                    median(seconds) * 1000,
                    {name: round(100 * count / len(seconds)) for name, count in shared.items()},
                ),
            )


def costs(stored: int) -> dict[str, Cost]:
    """What calls cost where so many customers are stored."""
    with watched():
        world = World(Person.CUSTOMER, {}, store=CountingStore())
        _play(_Meter(world.store), world, ["template@shop.example"])
        world.store.fill(stored)
        meter = _Meter(world.store)
        _play(meter, world, [f"customer-{number}@shop.example" for number in range(CUSTOMERS)])
        return dict(meter.costs())


def _play(meter: _Meter, world: World, emails: Sequence[str]) -> None:
    """All customers side by side, with half a minute between their steps."""
    users = [_customer(world, email) for email in emails]
    steps = [_journey(meter, world, user, f"198.51.100.{n}") for n, user in enumerate(users)]
    for _ in zip(*steps, strict=True):
        world.clock.now += 31
        world.org.inbox.clear()


def _customer(world: World, email: str) -> User:
    user = world.org.directory.add_user(login=email, email=email, first_name="A", last_name="B")
    user.password = PASSWORD
    world.org.directory.add_factor(user, FactorType.EMAIL, email)
    return user


def _journey(meter: _Meter, world: World, user: User, source: str) -> Iterator[None]:
    """Every kind of call for one customer."""
    email: dict[str, Any] = {"email": user.email}
    public: dict[str, Any] = {"source": source}

    sent = meter.call("client: send", world, "POST /challenge", body=email, client=True)
    by_id = {"challenge_id": sent["challenge_id"], "code": world.code(user.email)}
    meter.call("client: check by id", world, "POST /verify", body=by_id, client=True)
    yield
    meter.call("client: next send", world, "POST /challenge", body=email, client=True)
    by_email = {**email, "code": world.code(user.email)}
    meter.call("client: check by email", world, "POST /verify", body=by_email, client=True)
    yield
    sent = meter.call(
        "stranger: send, and its mail", world, "POST /challenge", body=email, **public
    )
    by_id = {"challenge_id": sent["challenge_id"], "code": world.code(user.email)}
    meter.call("stranger: check by id", world, "POST /verify", body=by_id, **public)
    yield
    credentials = {"username": user.login, "password": PASSWORD}
    began = meter.call("sign-in: password", world, f"POST {_AUTHN}", body=credentials, **public)
    step = f"POST {_AUTHN}/factors/{{id}}/verify"
    state, path = {"stateToken": began["stateToken"]}, {"id": user.factors[0].id}
    meter.call("sign-in: send", world, step, body=state, path=path, **public)
    body = {**state, "passCode": world.code(user.email)}
    meter.call("sign-in: check", world, step, body=body, path=path, **public)
    meter.call("client: read a hold", world, "GET /holds/{email}", path=email, client=True)
    yield


# ---- Okta's limits ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Allowed:
    """Customers who were verified in one minute before Okta refused a call for its limit, and calls for
    one of them by the limit that they count for.
    """

    name: str
    verified: int
    calls: Mapping[Bucket, float]


def allowed(weight: int = 1) -> list[Allowed]:
    """For three calls of Okta to send and three to check, and for this service: customers whom it has
    never met, and those whom it has met in the last quarter of an hour. Each call counts as so many.
    """
    with watched():
        return [
            _by_three_calls(weight),
            _by_this_service(weight, is_new=True),
            _by_this_service(weight, is_new=False),
        ]


_MORE = 310
"""More customers than any limit allows."""


def _by_three_calls(weight: int) -> Allowed:
    """As the hosted flows: search the user, list the factors, challenge; and all again to check."""
    world = World(Person.CUSTOMER, {})
    users = _customers(world, weight)
    okta = Client(create_app(world.org))

    def ask(method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"SSWS {SANDBOX_API_TOKEN}"}
        return okta.open(path, method=method, headers=headers, **more)

    def flow(user: User, **code: str) -> bool:
        query = {"search": f'profile.email eq "{user.email}"'}
        found = ask("GET", "/api/v1/users", query_string=query)
        factors = f"/api/v1/users/{user.id}/factors"
        listed = ask("GET", factors)
        checked = ask("POST", f"{factors}/{user.factors[0].id}/verify", json=code)
        return all(each.status_code == 200 for each in (found, listed, checked))

    def verify(user: User) -> bool:
        return flow(user) and flow(user, passCode=world.code(user.email))

    return _in_a_minute("three calls of Okta", world, users, verify, weight)


def _by_this_service(weight: int, *, is_new: bool) -> Allowed:
    world = World(Person.CUSTOMER, {})
    users = _customers(world, weight)

    def verify(user: User) -> bool:
        sent = world.ask("POST /challenge", {"email": user.email})
        body = {"challenge_id": sent["challenge_id"] or "-", "code": world.code(user.email)}
        return sent.status == 202 and world.ask("POST /verify", body).status == 200

    if not is_new:
        for number, user in enumerate(users):
            assert world.ask("POST /challenge", {"email": user.email}).status == 202
            world.clock.now += 61 if number % 100 == 99 else 0
    name = (
        "this service, customers it has not met" if is_new else "this service, returning customers"
    )
    return _in_a_minute(name, world, users, verify, weight)


def _customers(world: World, weight: int) -> list[User]:
    return [_customer(world, f"customer-{n}@shop.example") for n in range(_MORE // weight)]


def _in_a_minute(
    name: str, world: World, users: Sequence[User], verify: Callable[[User], bool], weight: int
) -> Allowed:
    world.clock.now += 61
    world.org.limits = limits = CountedLimits(weight)
    for verified, user in enumerate(users):
        before = limits.asked.copy()
        is_verified = verify(user)
        if limits.is_exceeded:
            calls = {bucket: count / verified for bucket, count in before.items()}
            return Allowed(name, verified, calls)
        assert is_verified
    raise AssertionError("no limit was reached")


class CountedLimits(RateLimits):
    """Okta's limits, and what was asked. Each call counts as so many."""

    def __init__(self, weight: int) -> None:
        super().__init__()
        self._weight = weight
        self.asked: Counter[Bucket] = Counter()
        self.is_exceeded = False

    def count(self, bucket: Bucket, now: float) -> Quota:
        for _ in range(self._weight):
            quota = super().count(bucket, now)
        self.asked[bucket] += 1
        self.is_exceeded |= quota.exceeded
        return quota


# ---- The program -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """The costs of calls by the number of stored customers, and what Okta allows."""

    costs: Mapping[int, Mapping[str, Cost]]
    allowed: Sequence[Allowed]

    @property
    def broken(self) -> list[str]:
        """The kinds of calls that cost more where more is stored."""
        few, many = self.costs[min(self.costs)], self.costs[max(self.costs)]
        return [
            f"{kind}: {few[kind]} with few rows, {many[kind]} with many"
            for kind in few
            if replace(few[kind], milliseconds=0) != replace(many[kind], milliseconds=0)
            or many[kind].milliseconds > MOST_TIME * few[kind].milliseconds
        ]

    @property
    def section(self) -> Section:
        """All of it, for the report."""
        summary = f"{len(self.broken)} kinds of calls cost more where more is stored"
        return Section("Scale", summary, self.broken, [*self.table()])

    def table(self) -> Iterator[str]:
        """The figures, as tables of Markdown."""
        sizes = " | ".join(f"ms, {size:,} stored" for size in self.costs)
        yield f"| call | store calls | rows | {sizes} | rows of several customers, calls of 100 |"
        yield f"|{'---|' * (len(self.costs) + 4)}"
        for kind, cost in self.costs[max(self.costs)].items():
            times = " | ".join(f"{each[kind].milliseconds:.2f}" for each in self.costs.values())
            shared = ", ".join(f"{name} {count}" for name, count in sorted(cost.shared.items()))
            yield f"| {kind} | {cost.calls} | {cost.rows} | {times} | {shared} |"
        buckets = [each for each in Bucket if any(each in one.calls for one in self.allowed)]
        names = " | ".join(
            f"{name}, of {limit} a minute" for name, limit in (b.value for b in buckets)
        )
        yield f"\n| calls of Okta for one customer | {names} | verified in a minute | ratio |"
        yield f"|{'---|' * (len(buckets) + 3)}"
        for one in self.allowed:
            calls = " | ".join(f"{one.calls.get(bucket, 0):g}" for bucket in buckets)
            ratio = one.verified / self.allowed[0].verified
            yield f"| {one.name} | {calls} | {one.verified} | {ratio:.2f} |"


def measure(sizes: Sequence[int] = SIZES) -> Scale:
    """Takes half a minute, and two gigabytes for a moment."""
    return Scale({size: costs(size) for size in sizes}, allowed())


def main() -> int:
    """Print figures, and what is not flat."""
    scale = measure()
    sys.stdout.write("\n".join([*scale.table(), *scale.broken, ""]))
    return bool(scale.broken)


if __name__ == "__main__":
    sys.exit(main())
