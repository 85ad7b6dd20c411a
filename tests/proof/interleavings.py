"""Two calls at the same time: whatever the order of their steps, they are like one after the other.

Moves are played beside each other (`steps`) in every order of their calls to Okta and the store, up to a few
interruptions, and compared with the same moves one after the other: what the callers are told, what Okta has
done, and what may still be done must be the same. A call may be told instead that it should come again, or
that its code is no longer good, if all is then as if it had not been made.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement, count, permutations
from typing import Any
from unittest.mock import patch

from tests.proof import moves
from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.moves import (
    Act,
    ClientSend,
    ClientVerify,
    DeviceSend,
    DeviceVerify,
    Move,
    UseRelease,
)
from tests.proof.steps import Run, Stage, runs
from tests.proof.world import (
    EMAIL,
    HOME,
    OWNER,
    ROOT_KEY,
    SOURCES,
    Answer,
    Delivery,
    Person,
    World,
)
from tests.sandbox.okta.records import FactorType
from verification.aws.customer_rows import CustomerRows
from verification.aws.table import Table
from verification.crypto import Keyring
from verification.observability import Meter

Told = tuple[int, str]
"""What a move was told: the status, and the code of a problem or the status in the body."""

AS_IF_NOT_MADE = {
    (409, "request_in_progress"),  # come again
    (202, "pending"),  # another call has just asked Okta about the push
    # While another code is on its way, none is good; strangers are told that it is wrong.
    *((410, "challenge_expired"), (410, "challenge_superseded"), (403, "invalid_code")),
    *((429, "send_limited"), (429, "E0000047")),  # another send counts until it has failed
}
"""What a call may be told because of another at the same time, if nothing came of it."""

LEASE_SECONDS = 13
"""After that nothing waits for a call that has ended."""

Store = Callable[[], Any]
"""Makes an empty table."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of moves: what each of them was told, and the facts."""

    told: tuple[Told, ...]
    facts: tuple[tuple[str, object], ...]

    def without(self, number: int) -> Outcome:
        """The same, but for what this move was told."""
        told = (*self.told[:number], (0, "not made"), *self.told[number + 1 :])
        return Outcome(told, self.facts)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Moves at the same time, each by a player of its own, after a preparation. `after`: what is tried
    when all is over.
    """

    name: str
    before: Sequence[Callable[[World], object]]
    moves: Sequence[Move]
    after: Sequence[Move]

    def __str__(self) -> str:
        return self.name


def played(scenario: Scenario, most_interruptions: int = 2, store: Store = MemoryDynamoDB) -> int:
    """How many orders of steps there are. Raises AssertionError if one is like no order of calls."""
    orders = list(permutations(range(len(scenario.moves))))
    possible = {_in_turn(scenario, order, store) for order in orders}
    without: dict[int, set[Outcome]] = {}

    def is_possible(outcome: Outcome) -> bool:
        if outcome in possible:
            return True
        refused = [n for n, told in enumerate(outcome.told) if told in AS_IF_NOT_MADE]
        for number in refused:
            if number not in without:
                others = {tuple(each for each in order if each != number) for order in orders}
                without[number] = {_in_turn(scenario, order, store) for order in others}
            if outcome.without(number) in without[number]:
                return True
        return False

    number = 0
    for run, outcome in _beside(scenario, most_interruptions, store):
        number += 1
        order = [step.player for step in run]
        assert is_possible(outcome), f"{scenario}: {outcome} after {order}, not one of {possible}"
    return number


def _in_turn(scenario: Scenario, order: Sequence[int], store: Store) -> Outcome:
    """What comes of some of the moves, one after the other."""
    world, players = _prepared(scenario, Stage(), store)
    told = dict.fromkeys(range(len(scenario.moves)), (0, "not made"))
    for number in order:
        told[number] = _told(scenario.moves[number].play(players[number]))
    return _outcome(scenario, world, players, told)


def _beside(
    scenario: Scenario, most_interruptions: int, store: Store
) -> Iterator[tuple[Run, Outcome]]:
    """What comes of the moves in every order of their steps."""
    outcomes: list[Outcome] = []

    def play(chosen: Sequence[int]) -> Run:
        stage = Stage()
        world, players = _prepared(scenario, stage, store)
        told: dict[int, Told] = {}

        def make(number: int, move: Move) -> None:
            told[number] = _told(move.play(players[number]))

        run = stage.play([partial(make, *each) for each in enumerate(scenario.moves)], chosen)
        outcomes.append(_outcome(scenario, world, players, told))
        return run

    for run in runs(play, most_interruptions):
        yield run, outcomes[-1]


def _prepared(scenario: Scenario, stage: Stage, store: Store) -> tuple[World, list[World]]:
    """The world before the moves, and the players, who have read the messages that have come."""
    world = World(
        *(Person.CUSTOMER, {}, store()),
        clock=stage,
        through=stage.through,
        delivery=Delivery.LATER,
    )
    for step in scenario.before:
        step(world)
    players = [world.beside() for _ in scenario.moves]
    for player in players:
        player.has_read = len(world.org.inbox)
    return world, players


def _outcome(
    scenario: Scenario, world: World, players: Sequence[World], told: Mapping[int, Told]
) -> Outcome:
    """What can be seen in the end, and what the last moves are told."""
    world.deliver()
    found: list[tuple[str, object]] = [*_counts(world)]
    for move in scenario.after:
        world.clock.now += LEASE_SECONDS
        found.append((str(move), _told(move.play(world))))
    found += _counts(world)
    found += [("token", _is_known(each)) for each in players]
    return Outcome(tuple(told[number] for number in sorted(told)), tuple(found))


def _told(answer: Answer | None) -> Told:
    if answer is None:
        return 0, ""
    return answer.status, answer.outcome or str(answer["errorCode"] or answer["status"] or "")


def _counts(world: World) -> Iterator[tuple[str, object]]:
    """What Okta has done, and how many wrong codes in a row it and this service know."""
    user = world.user
    assert user is not None
    rows = CustomerRows(Table(world.store, "table", Meter()))
    here = len(rows.get(Keyring(ROOT_KEY).customer_key(user.id)).wrong_codes)
    assert user.failed_factor_attempts <= here, "more wrong codes at Okta than here"
    yield "sent", tuple(sorted(Counter(each.channel for each in world.org.inbox).items()))
    yield "pushes", len(world.org.pushes.sent)
    yield "wrong codes", (user.failed_factor_attempts, here)
    yield "factors", tuple(sorted((each.type, each.status) for each in user.factors))
    yield "users", len(list(world.org.directory))


def _is_known(player: World) -> bool:
    """Whether the device of this player is known: strangers may not let the service choose."""
    body = {"email": EMAIL, "device_token": player.device_token, "fallback": True}
    return player.call("POST /challenge", body=body, source=OWNER).status != 401


@contextmanager
def repeatable() -> Iterator[None]:
    """Names of rows are the same in every run."""
    numbers = count()

    def numbered(size: int = 32) -> str:
        return f"{next(numbers):0{2 * size}x}"[-2 * size :]

    with (
        patch.object(secrets, "token_hex", numbered),
        patch.object(secrets, "token_urlsafe", numbered),
    ):
        yield


# ---- Scenarios -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Post:
    """A client's request, with an Idempotency-Key if there is one."""

    route: str
    body: Mapping[str, object]
    key: str = ""

    def play(self, world: World) -> Answer:
        headers = {"Idempotency-Key": self.key} if self.key else {}
        return world.call(self.route, body=dict(self.body), client=True, headers=headers)


@dataclass(frozen=True)
class Deliver:
    """The oldest asynchronous invocation runs, if another player's does not already."""

    def play(self, world: World) -> None:
        if world.queue:
            world.run_next()


@dataclass(frozen=True)
class Redeem:
    """A client redeems the receipt, with an Idempotency-Key if there is one."""

    key: str = ""

    def play(self, world: World) -> Answer:
        body = {"receipt": world.receipt, "email": EMAIL}
        return Post("POST /receipts/redeem", body, self.key).play(world)


def _get_receipt(world: World) -> None:
    ClientSend().play(world)
    body = {"email": EMAIL, "code": world.code(EMAIL), "receipt": True}
    world.receipt = world.ask("POST /verify", body)["receipt"]


_STRANGER, _OTHER = SOURCES[:2]
_SMS, _CALL, _PUSH = "sms", "call", "push"
_AGAIN = [moves.Wait(31).play]
_SENT = [
    *(moves.meet_device, ClientSend().play, moves.Send(_STRANGER, _SMS).play),
    *(DeviceSend(_CALL).play, moves.Happens("deliver").play, moves.SignIn(HOME).play),
]
_RIGHT: Mapping[str, Move] = {
    "client, right": ClientVerify(is_right=True),
    "stranger, right": moves.Guess(_OTHER, right=_SMS),
    "device, right": DeviceVerify(is_right=True, channel=_CALL, by_id=True),
    "sign-in, right": moves.SignInStep(HOME, Act.RIGHT, FactorType.TOTP),
}
_WRONG: Mapping[str, Move] = {
    "client, wrong": ClientVerify(is_right=False),
    "stranger, wrong": moves.Guess(_OTHER),
    "device, wrong": DeviceVerify(is_right=False),
    "sign-in, wrong": moves.SignInStep(HOME, Act.WRONG, FactorType.TOTP),
}
_SENDS: Mapping[str, Move] = {
    "client sends": ClientSend(),
    "client, SMS": ClientSend(_SMS),
    "client, app": ClientSend("totp"),
    "client, push": ClientSend(_PUSH),
    "release": ClientSend(releases=True),
    "stranger sends": moves.Send(_OTHER),
    "device sends": DeviceSend(),
    "sign-in sends": moves.SignInStep(HOME, Act.CHALLENGE, FactorType.SMS),
}
_DEVICES: Mapping[str, Move] = {"ends devices": moves.EndDevices()}
_STILL = (
    ClientVerify(is_right=True, by_email=True),
    moves.Guess(_STRANGER, right=_SMS),
    DeviceVerify(is_right=True, channel=_CALL),
    moves.Wait(31),
    ClientSend(),
    ClientVerify(is_right=True, by_email=True),
)
_HELD = [
    *[ClientSend().play, *[ClientVerify(is_right=False).play] * 4],
    *(moves.Wait(31).play, ClientSend(releases=True).play, *_AGAIN),
]
_PUSHED = [moves.meet_device, ClientSend(_PUSH).play, moves.AnswerPush(is_approved=True).play]
_PUSHED_TO_DEVICE = [
    *(moves.meet_device, moves.Send(_STRANGER, _SMS).play, DeviceSend(_PUSH).play),
    *(moves.Happens("deliver").play, moves.AnswerPush(is_approved=True).play),
]
_ENROLLED = [moves.Enroll("email").play, moves.ChallengeFactor().play]
_GROUPS: Mapping[str, tuple[Any, Mapping[str, Move], Sequence[Move]]] = {
    "codes": ([*_SENT, *_AGAIN], {**_RIGHT, **_WRONG, **_SENDS, **_DEVICES}, _STILL),
    "Okta refuses": (_SENT, {**_RIGHT, **_SENDS}, _STILL),
    "delivery": (
        [*_SENT, *_AGAIN, moves.Send(_OTHER).play],
        {"is sent": Deliver(), **_RIGHT, **_SENDS},
        (moves.Guess(_STRANGER, right="email"), *_STILL),
    ),
    "held": (
        _HELD,
        {
            "release, right": UseRelease(is_right=True),
            "release, wrong": UseRelease(is_right=False),
            "client, wrong": ClientVerify(is_right=False),
            "another release": ClientSend(releases=True),
            "client sends": ClientSend(),
        },
        (UseRelease(is_right=True), ClientSend()),
    ),
    "client's push": (
        _PUSHED,
        {
            "look": moves.ClientAsk(),
            "ask": moves.ClientAsk(by_look=False),
            "another push": ClientSend(_PUSH),
            "device's push": DeviceSend(_PUSH),
            "client sends": ClientSend(),
            **_DEVICES,
        },
        (moves.ClientAsk(), moves.DeviceAsk(), ClientSend()),
    ),
    "device's push": (
        _PUSHED_TO_DEVICE,
        {
            "look": moves.DeviceAsk(),
            "another push": DeviceSend(_PUSH),
            "client's push": ClientSend(_PUSH),
            "stranger, right": _RIGHT["stranger, right"],
            **_DEVICES,
        },
        (moves.DeviceAsk(), moves.ClientAsk(), DeviceSend("totp")),
    ),
    "factors": (
        _ENROLLED,
        {
            "right": moves.VerifyFactor(is_right=True),
            "wrong": moves.VerifyFactor(is_right=False),
            "challenge": moves.ChallengeFactor(),
            "enroll": moves.Enroll("email"),
            "client sends": ClientSend(),
            "client, app": ClientSend("totp"),
        },
        (moves.VerifyFactor(is_right=True), moves.Wait(31), moves.ChallengeFactor()),
    ),
    "passwords": (
        [moves.meet_device, moves.WrongPassword(_STRANGER).play],
        {
            "stranger, wrong": moves.WrongPassword(_OTHER),
            "device, wrong": moves.DevicePassword(),
            "client, wrong": moves.ClientPassword(is_right=False),
            "client, right": moves.ClientPassword(is_right=True),
            "stranger, right": moves.SignIn(HOME),
        },
        (moves.WrongPassword(_OTHER), moves.WrongPassword(_OTHER), moves.SignIn(HOME, True)),
    ),
    "receipts": (
        [_get_receipt],
        {"redeems": Redeem(), "redeems with a key": Redeem("key"), "with another": Redeem("other")},
        (Redeem(),),
    ),
    "keys": (
        [ClientSend().play, *_AGAIN],
        {
            "sends": Post("POST /challenge", {"email": EMAIL}, "key"),
            "sends, other body": Post("POST /challenge", {"email": EMAIL, "channel": _SMS}, "key"),
            "stranger sends": moves.Send(_STRANGER, key="key"),
            "stranger, right": moves.Guess(_STRANGER, key="key"),
            "registers": moves.Register(is_other=True),
        },
        (),
    ),
}


def _scenarios() -> Iterator[Scenario]:
    for group, (before, own, after) in _GROUPS.items():
        for pair in combinations_with_replacement(own, 2):
            name = f"{group}: {' | '.join(pair)}"
            yield Scenario(name, before, [own[each] for each in pair], after)


SCENARIOS = {each.name: each for each in _scenarios()}
"""All pairs of the moves of each group."""
