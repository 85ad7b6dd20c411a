"""The sixth game: every key is rotated, step by step, while calls are in flight.

Customers are verified by two environments, of which each has read the secrets at another time. A step of a
rotation (docs/operate.md) comes between two calls, or between two calls to Okta or AWS of one call. Nobody
who has a valid key is refused, and a key is of no use five minutes after it was removed. The root key must
not be rotated: if it is, what was begun before may be lost, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves
from tests.proof.interference import Upstream
from tests.proof.world import CLIENT_KEY, ROOT_KEY, Answer, Person, World
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN

CACHED_SECONDS = 300
CUSTOMERS = 25


@dataclass(frozen=True)
class Flow:
    """Another customer is verified: who sends, who checks, and at which calls to Okta or AWS of these two the
    rotations take their next step, each of the rotation with this number.
    """

    workers: tuple[int, int]
    steps: dict[int, int]


@dataclass(frozen=True)
class OldKey:
    """Somebody uses a key that was removed, or will be."""

    worker: int


Turn = Flow | OldKey | moves.Wait


@dataclass
class Game:
    """One sequence. `removed`: client keys and when they were."""

    world: World = field(init=False)
    workers: list[World] = field(init=False)
    key: str = CLIENT_KEY
    removed: dict[str, float] = field(default_factory=dict)
    root_changed_at: float = 0.0
    calls: int = 0
    steps: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(Person.NOBODY, {}, through=self._through)
        directory = self.world.org.directory
        emails = [f"customer-{n}@shop.example" for n in range(CUSTOMERS)]
        for email in emails:
            user = directory.add_user(login=email, email=email, first_name="C", last_name="S")
            directory.add_factor(user, FactorType.EMAIL, email)
        self.customers = iter(emails)
        self.workers = [self.world.beside(), self.world.beside()]
        self.rotations = [self._client_keys(), self._tokens(), self._roots()]
        self.due_at = [0.0] * len(self.rotations)

    def play(self, turns: Sequence[Turn]) -> None:
        """All turns; after them all is as it was."""
        for turn in turns:
            match turn:
                case Flow():
                    self._verify(turn)
                case OldKey(worker):
                    self._use_removed_key(self.workers[worker])
                case wait:
                    wait.play(self.world)
        self.world.clock.now += 3600
        self._verify(Flow((0, 1), {}))

    # ---- What must hold --------------------------------------------------------------------------

    def _verify(self, flow: Flow) -> None:
        self.calls, self.steps = 0, flow.steps
        began, email = self.world.clock.now, next(self.customers)
        sender, checker = (self.workers[each] for each in flow.workers)
        sent = self._ask(sender, "POST /challenge", {"email": email})
        body = {"challenge_id": sent["challenge_id"], "code": self.world.code(email)}
        checked = self._ask(checker, "POST /verify", body) if sent["challenge_id"] else sent
        self.steps = {}
        has_new_root = self.root_changed_at > began - CACHED_SECONDS
        answers = [each.status for each in (sent, checked)]
        assert answers == [202, 200] or has_new_root, f"{flow}: {sent}, {checked}"
        assert all(each < 500 for each in answers), f"{flow}: {sent}, {checked}"

    def _use_removed_key(self, worker: World) -> None:
        now = self.world.clock.now
        for key, removed_at in self.removed.items():
            answer = worker.call("POST /challenge", body={}, client=True, key=key)
            if now >= removed_at + CACHED_SECONDS:
                assert answer.status == 401, f"a key that was removed: {answer}"

    def _ask(self, worker: World, route: str, body: dict[str, Any]) -> Answer:
        return worker.call(route, body=body, client=True, key=self.key)

    # ---- Rotations -------------------------------------------------------------------------------

    def _through(self, _: Upstream, carry_out: Callable[[], Any]) -> Any:
        """Take the next step of a rotation before this call, if one is planned and its wait is over."""
        number = self.steps.get(self.calls)
        self.calls += 1
        if number is not None and self.world.clock.now >= self.due_at[number]:
            self.due_at[number] = self.world.clock.now + next(self.rotations[number])
        return carry_out()

    def _client_keys(self) -> Iterator[float]:
        """A second key; its use; the end of the first. Yields the seconds until the next step."""
        keys = self.world.secrets["service-keys"]["clients"]["shop"]["keys"]
        for n in range(1, 1000):
            new, old = f"sk_game_{n:016}", keys[0]
            keys[:] = [new, old]
            yield CACHED_SECONDS
            self.key = new
            yield 60  # as long as calls with the old one may be on their way
            keys[:] = [new]
            self.removed[old] = self.world.clock.now
            yield 0

    def _tokens(self) -> Iterator[float]:
        """A second token; its secret; the end of the first, at once or after five minutes."""
        org, secret, old = self.world.org, self.world.secrets["okta-token"], SANDBOX_API_TOKEN
        for n in range(1, 1000):
            new = f"00token-{n:032}"
            org.accept_tokens([old, new])
            secret["okta_api_token"] = new
            yield CACHED_SECONDS * (n % 2)
            org.accept_tokens([new])
            old = new
            yield 0

    def _roots(self) -> Iterator[float]:
        """Another root key."""
        for n in range(1, 1000):
            self.world.secrets["service-keys"]["root_key"] = f"{ROOT_KEY}-{n}"
            self.root_changed_at = self.world.clock.now
            yield 3600


def turns() -> SearchStrategy[list[Turn]]:
    """Verifications with a step or two of rotations in them, and waits."""
    worker = st.integers(0, 1)
    rotation = st.sampled_from((0, 0, 0, 1, 1, 1, 2))
    steps = st.dictionaries(st.integers(0, 30), rotation, max_size=3)
    flow = st.builds(Flow, st.tuples(worker, worker), steps)
    wait = st.builds(moves.Wait, st.sampled_from((1, 60, 299, 300, 301, 3600)))
    return st.lists(flow | flow | wait | st.builds(OldKey, worker), max_size=CUSTOMERS - 1)
