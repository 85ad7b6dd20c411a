"""Games that random sequences of moves must not win, and how to play them.

In the first, strangers try to tell a customer from nobody, or what others do. In the second, they try to lock
the customer out, or to use up what a client and the customer's device may do. The others have modules of
their own. For longer, by hand: `PYTHONPATH=shared python -m tests.proof.games 20000`, and `interleavings` for
all of those.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import (
    interleavings,
    moves,
    receipt_game,
    registration_game,
    rotation_game,
    sequences,
    verification_game,
)
from tests.proof.moves import (
    Act,
    ChallengeFactor,
    ClientSend,
    ClientVerify,
    DeviceSend,
    DeviceVerify,
    Enroll,
    Move,
    UseRelease,
    VerifyFactor,
)
from tests.proof.over_http import over_http
from tests.proof.section import Section
from tests.proof.sequences import Turn
from tests.proof.world import EMAIL, HOME, PHONE, SOURCES, Answer, Delivery, Person, World, watched
from tests.sandbox.okta.pushes import SUCCESS, Push
from tests.sandbox.okta.records import FactorStatus, UserStatus
from verification.errors import SendLimited
from verification.rules import SENDING_SECONDS, UNAPPROVED_PUSHES

Settings = Mapping[str, str]

_HOUR, _DAY = 3600, 86_400

# ---- First game: is there such a customer? -------------------------------------------------------

_PUBLIC = (
    *(moves.Send, moves.Guess, moves.Ask),
    *(moves.WrongPassword, moves.InventedSignIn, moves.OpenPage),
)
_PROBES = [
    Turn(moves.WrongPassword(SOURCES[0])),
    Turn(moves.Guess(SOURCES[1])),
    Turn(moves.Wait(_HOUR)),
    Turn(moves.Send(SOURCES[2])),
    Turn(moves.Guess(SOURCES[2])),
    Turn(moves.WrongPassword(SOURCES[2])),
]
"""At the end of every sequence strangers try everything once more."""


def tell_apart(person: Person, settings: Settings, turns: Sequence[Turn]) -> None:
    """Play the same moves against a customer and against nobody. Strangers see the same."""
    customer, nobody = World(person, settings), World(Person.NOBODY, settings)
    moves.meet_device(customer)
    nobody.clock.now, nobody.login = customer.clock.now, customer.login
    for turn in (*turns, *_PROBES):
        sign_in = turn.move if isinstance(turn.move, moves.SignIn) else None
        if sign_in and _can_more(sign_in, nobody) > _can_more(sign_in, customer):
            continue  # somebody was registered meanwhile: what a right password is told may differ
        has_device = bool(sign_in) and _is_known(turn.move, customer)
        seen_of_customer = _seen(turn, customer)
        if sign_in and (has_device or (seen_of_customer and seen_of_customer[0] == 200)):
            # Nobody has no device and no right password. Strangers may see no more of these than that
            # somebody has signed in.
            nobody.sign_ins.pop(sign_in.source, None)
            replace(turn, move=moves.OtherSignIn()).play(nobody)
        else:
            seen = seen_of_customer, _seen(turn, nobody)
        if isinstance(turn.move, _PUBLIC):
            assert seen[0] == seen[1], f"{turn.move} tells {person} from nobody: {seen}"
        # Clients and devices may wait differently; the next move begins at the same time.
        customer.clock.now = nobody.clock.now = max(customer.clock.now, nobody.clock.now)


def _can_more(sign_in: moves.SignIn, world: World) -> tuple[bool, bool]:
    """Whether this is a known device, and whether its password can be right."""
    return _is_known(sign_in, world), _can_sign_in(world)


def _can_sign_in(world: World) -> bool:
    """Whether somebody has the email, and the right password is one at Okta."""
    return world.user is not None and world.user.status is UserStatus.ACTIVE


def _seen(turn: Turn, world: World) -> tuple[object, ...] | None:
    """What a caller sees of a move: the answer but for its ids, and how long it took."""
    started = world.clock.now
    answer = turn.play(world)
    if answer is None:
        return None
    body: Any = answer.body
    if answer.document is not None:
        body = {name: value for name, value in answer.document.items() if name != "errorId"}
        if body.get("challenge_id") in world.public_ids:
            body["challenge_id"] = world.public_ids.index(body["challenge_id"])
    return answer.status, answer.headers, body, world.clock.now - started


# ---- The same game: what do others do? -----------------------------------------------------------


def tell_others(person: Person, settings: Settings, turns: Sequence[Turn]) -> None:
    """Play moves with and without those of clients, the device and administrators. Strangers see the same,
    whenever it is: they are told what follows from what the public does.
    """
    busy, quiet = World(person, settings), World(person, settings)
    for world in (busy, quiet):
        moves.meet_device(world)
    for turn in (*turns, *_PROBES):
        if isinstance(turn.move, moves.SignIn | moves.SignInStep):
            continue  # of the public, where the device is not known
        random.seed(0)  # waits for a turn are drawn
        seen = _seen(turn, busy)
        if isinstance(turn.move, (*_PUBLIC, moves.Wait, moves.Happens)):
            random.seed(0)
            alone = _seen(turn, quiet)
            assert seen == alone, f"{turn.move} tells what others did: {(seen, alone)}"
        busy.clock.now = quiet.clock.now = max(busy.clock.now, quiet.clock.now)


# ---- Second game: can strangers shut the customer out? -------------------------------------------

KNOWN_MAY_REACH = 4
"""Wrong codes in a row after which clients and devices stop: Okta locks at the fifth."""

_DESTINATION_SENDS, _PASSWORDS_AN_HOUR = 10, 5
_OKTA_PAUSE = {"email": 5, "sms": 30, "call": 30}
_ADDRESS = {"email": EMAIL, "sms": PHONE, "call": PHONE}
_TRIED_AT_LAST = [
    Turn(moves.Wait(31)),  # or Okta refuses another message to the same address
    Turn(moves.SignIn(HOME, has_device=True)),
    Turn(moves.SignInStep(HOME, Act.CHALLENGE, has_device=True)),
    Turn(DeviceSend("sms")),
    Turn(moves.Wait(31)),
    Turn(ClientSend()),
]


@dataclass
class Siege:
    """What must hold, whatever strangers do.

    - Strangers add no wrong code to three, clients and devices none to four: the fifth in a row is
      the customer's own, on a release. For passwords there is no release, and no fifth.
    - A client or a device is held only by wrong codes, or passwords, of its own kind.
    - A client's send is refused only because of clients' sends, a device's only because of devices'
      sends, or for the seconds that Okta wants between two messages to one address.
    - A client's right code is right, and a device's send is sent, whatever strangers tried.
    - No stranger sends a push, and whoever does, few stay without approval. Each approved push
      proves the customer once at most.
    """

    person: Person
    settings: Settings
    world: World = field(init=False)
    strangers_may_reach: int = field(init=False)
    known_wrong: int = 0
    known_wrong_passwords: int = 0
    failed_passwords_at: list[float] = field(default_factory=list)
    sends: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    right: tuple[str, str, bool, float] | None = None
    unsure_until: float = 0.0
    pushes: dict[str, tuple[float, Push]] = field(default_factory=dict)
    faults_at_pushes: list[float] = field(default_factory=list)
    proved_by_push: int = 0

    def __post_init__(self) -> None:
        self.world = World(self.person, self.settings)
        self.strangers_may_reach = int(self.settings["STRANGER_ATTEMPTS"])
        self.world.add_neighbours()
        moves.meet_device(self.world)

    def play(self, turns: Sequence[Turn]) -> None:
        """All turns, and everything once more that strangers might have used up; after them the
        customer still gets through.
        """
        for turn in (*turns, *_TRIED_AT_LAST):
            self.take(turn)
        self.get_through()

    def take(self, turn: Turn) -> Answer:
        """One turn, and what must hold after it."""
        user, move = self.world.user, turn.move
        assert user is not None
        before, messages = user.failed_factor_attempts, len(self.world.org.inbox)
        before_pushes = len(self.pushes)
        before_passwords = user.failed_passwords
        waits = {channel: self._okta_waits(channel) for channel in _ADDRESS}
        must_be_right, is_known = self._must_be_right(turn), _is_known(move, self.world)
        answer = turn.play(self.world) or Answer(0, {}, "", None)
        self._check_pushes(move, answer)
        if turn.fault is not None and isinstance(move, _SENDS_PUSH):
            self.faults_at_pushes.append(self.world.clock.now)
        is_sent = len(self.world.org.inbox) > messages or len(self.pushes) > before_pushes
        rises = user.failed_factor_attempts > before
        limit = KNOWN_MAY_REACH if is_known else self.strangers_may_reach
        if rises and not isinstance(move, UseRelease):
            assert before < limit, f"{move} was wrong code {before + 1} in a row"
        if user.failed_passwords > before_passwords:
            assert before_passwords < limit, f"{move} was wrong password {before_passwords + 1}"
        if is_known and isinstance(move, _PASSWORDS):
            self._check_password(turn, answer)
        if is_known:
            self._check_attempts(turn, answer, rises=rises)
            self._check_sends(turn, answer, waits, sent=is_sent)
        assert not must_be_right or answer.status == 200, f"{move} was right: {answer}"
        if answer["status"] in ("verified", "SUCCESS") and answer["channel"] != "push":
            self.known_wrong = 0  # a push does not end the count
        self._note_right_code(turn, answer)
        return answer

    @property
    def may_be_held(self) -> bool:
        """Whether clients and devices have made wrong codes enough to be held."""
        return self.known_wrong >= KNOWN_MAY_REACH - self.strangers_may_reach

    def get_through(self) -> None:
        """Two days later a client proves the customer; support helps if that is held."""
        world, user = self.world, self.world.user
        assert user is not None
        if user.status is not UserStatus.ACTIVE:
            world.org.verification.unlock(user)
        world.queue.clear()
        world.clock.now += 2 * _DAY
        if self.take(Turn(ClientSend())).outcome == "attempts_held":
            assert self.take(Turn(ClientSend(releases=True))).status == 202
            assert self.take(Turn(UseRelease(is_right=True))).status == 200
            world.clock.now += 60
            assert self.take(Turn(ClientSend())).status == 202
        assert self.take(Turn(ClientVerify(is_right=True))).status == 200

    # ---- Attempts --------------------------------------------------------------------------------

    def _check_password(self, turn: Turn, answer: Answer) -> None:
        """A right one is right, unless known callers hold themselves or have used up an hour."""
        is_right, now = answer.status == 200, self.world.clock.now
        user = self.world.user
        can = turn.fault is None and user is not None and user.status is UserStatus.ACTIVE
        if can and isinstance(turn.move, moves.SignIn):
            may_fail = self.known_wrong_passwords >= KNOWN_MAY_REACH - self.strangers_may_reach
            has_spent = (
                sum(at > now - _HOUR for at in self.failed_passwords_at) >= _PASSWORDS_AN_HOUR
            )
            assert is_right or may_fail or has_spent, f"{turn.move} by strangers: {answer}"
        self.known_wrong_passwords = 0 if is_right else self.known_wrong_passwords + 1
        self.failed_passwords_at += [] if is_right else [now]

    def _check_attempts(self, turn: Turn, answer: Answer, *, rises: bool) -> None:
        if answer.outcome == "attempts_held":
            assert self.may_be_held, f"{turn.move} is held by strangers"
        if isinstance(turn.move, ClientSend) and answer["attempts_remaining"] is not None:
            left = KNOWN_MAY_REACH - self.strangers_may_reach - self.known_wrong
            assert turn.move.releases or answer["attempts_remaining"] >= left
        # Where Okta's answer was lost, or a factor is activated, the count here is the higher one.
        if rises or turn.fault is not None or isinstance(turn.move, VerifyFactor):
            self.known_wrong += isinstance(turn.move, _TRIES)

    def _note_right_code(self, turn: Turn, answer: Answer) -> None:
        """Remember for which code the client's newest challenge waits, if that is certain."""
        move = turn.move
        if isinstance(move, ClientSend) and answer.status == 202 and not move.releases:
            channel, until = answer["channel"], self.world.clock.now + 300
            self.right = None
            if channel in _ADDRESS:
                code = self.world.code(_ADDRESS[channel])
                self.right = (code, channel, move.has_purpose, until)
        replaces = isinstance(move, Enroll | ChallengeFactor | ClientVerify)
        now = self.world.clock.now
        if turn.fault is not None:
            self.unsure_until = now + SENDING_SECONDS  # Okta may carry out a send as late as that
        if (
            now < self.unsure_until
            or turn.fault is not None
            or turn.delivery is Delivery.LATER
            or replaces
        ):
            self.right = None

    def _must_be_right(self, turn: Turn) -> bool:
        move, user = turn.move, self.world.user
        if not isinstance(move, ClientVerify) or not move.is_right or self.right is None:
            return False
        code, channel, has_purpose, until = self.right
        return (
            not self.may_be_held
            and turn.fault is None
            and user is not None
            and user.status is UserStatus.ACTIVE
            and self.world.clock.now < until
            and (move.channel, move.has_purpose) == (channel, has_purpose)
            and self.world.code(_ADDRESS[channel]) == code
        )

    # ---- Pushes ----------------------------------------------------------------------------------

    def _check_pushes(self, move: Move, answer: Answer) -> None:
        now = self.world.clock.now
        for push in self.world.org.pushes.sent:
            if push.transaction not in self.pushes:
                assert isinstance(move, _SENDS_PUSH), f"{move} has sent a push"
                self.pushes[push.transaction] = now, push
        approved = [push.answer == SUCCESS for _, push in self.pushes.values()]
        asked_in_vain = [at for at, push in self.pushes.values() if push.answer != SUCCESS]
        for window in UNAPPROVED_PUSHES:
            assert sum(at > now - window.seconds for at in asked_in_vain) <= window.count
        self.proved_by_push += (answer["status"], answer["channel"]) == ("verified", "push")
        assert self.proved_by_push <= sum(approved), f"{move} was verified by no push"

    # ---- Sends -----------------------------------------------------------------------------------

    def _check_sends(
        self, turn: Turn, answer: Answer, waits: Mapping[str, bool], *, sent: bool
    ) -> None:
        kind, channel = _kind_of_send(turn.move)
        if not channel:
            return
        now = self.world.clock.now
        own = self.sends.setdefault(kind, [])
        all_known = [each for sends in self.sends.values() for each in sends]
        is_full = _count(all_known, channel, now - _DAY) >= _DESTINATION_SENDS or any(
            waits[each] for each in waits if _may_reach_one(each, channel)
        )
        is_full |= channel in ("push", "any") and self._pushes_are_full(now)
        is_limited = answer["errorSummary"] == SendLimited.title
        if is_limited or answer.outcome in ("send_limited", "rate_limit_exceeded"):
            assert is_full or _is_limited(kind, own, channel, now), f"{turn.move} by strangers"
        elif answer.status in (200, 201, 202) or turn.fault is not None:
            own.append((now, channel))
        if kind == "device" and answer.status == 202 and turn.fault is None:
            is_now = turn.delivery in (Delivery.AT_ONCE, Delivery.TWICE)
            may_fail = is_full or self.may_be_held or not is_now
            can_be_sent = channel != "any" and _has_factor(self.world, channel)
            assert sent or may_fail or not can_be_sent, f"{turn.move} was not sent"

    def _pushes_are_full(self, now: float) -> bool:
        """Whether another push may be refused. One that is not asked about stays unapproved here, and
        so do those of which it is not known whether they were sent.
        """
        if any(at > now - _DAY for at in self.faults_at_pushes):
            return True
        return any(
            sum(at > now - window.seconds for at, _ in self.pushes.values()) >= window.count
            for window in UNAPPROVED_PUSHES
        )

    def _okta_waits(self, channel: str) -> bool:
        """Whether Okta would refuse another message over this channel now."""
        inbox, now = reversed(self.world.org.inbox), self.world.clock.now
        to, pause = _ADDRESS[channel], _OKTA_PAUSE[channel]
        return any(
            (each.to, each.channel) == (to, channel) and now - each.sent_at < pause
            for each in inbox
        )


_PASSWORDS = (moves.SignIn, moves.DevicePassword, moves.ClientPassword)
_SENDS_PUSH = (ClientSend, DeviceSend, moves.Happens)
_TRIES = (ClientVerify, VerifyFactor, UseRelease, DeviceVerify, moves.SignInStep)


def _is_known(move: Move, world: World) -> bool:
    """Whether a client or the customer's device makes this move."""
    if isinstance(move, moves.SignIn | moves.SignInStep):
        return move.has_device and bool(world.device_token)
    if isinstance(move, moves.DevicePassword):
        return bool(world.device_token)
    client = (ClientSend, ClientVerify, moves.ClientAsk, moves.ClientPassword)
    with_factors = (Enroll, ChallengeFactor, VerifyFactor)
    device = (UseRelease, DeviceSend, DeviceVerify, moves.DeviceAsk)
    return isinstance(move, (*client, *with_factors, *device))


def _has_factor(world: World, channel: str) -> bool:
    """Whether Okta would send a code or a push over this channel."""
    user = world.user
    return (
        channel != "totp"
        and user is not None
        and user.status is UserStatus.ACTIVE
        and any((each.type, each.status) == (channel, FactorStatus.ACTIVE) for each in user.factors)
    )


def _kind_of_send(move: Move) -> tuple[str, str]:
    """Whose sends this one counts with, and its channel: `any` where the service chooses it."""
    match move:
        case ClientSend():
            kind = "release" if move.releases else "client"
            return kind, "any" if move.falls_back else move.channel
        case DeviceSend():
            return "device", "any" if move.falls_back else move.channel
        case Enroll(kind) if kind != "totp":
            return "client", kind
        case moves.SignInStep(act=Act.CHALLENGE | Act.AGAIN, type=factor_type):
            return "sign-in", factor_type if factor_type in _ADDRESS else ""
    return "", ""


def _is_limited(kind: str, own: Sequence[tuple[float, str]], channel: str, now: float) -> bool:
    windows = {
        "client": ((_HOUR, 5), (_DAY, 10)),
        "sign-in": ((_HOUR, 5), (_DAY, 10)),
        "device": ((_HOUR, 3),),
        "release": ((30, 1), (_DAY, 3)),
    }
    is_full = any(
        sum(at > now - seconds for at, _ in own) >= count for seconds, count in windows[kind]
    )
    return is_full or _count(own, channel, now - 30) > 0


def _count(sends: Sequence[tuple[float, str]], channel: str, since: float) -> int:
    return sum(at > since and _may_reach_one(over, channel) for at, over in sends)


def _may_reach_one(channel: str, other: str) -> bool:
    """Whether sends over these channels may share a pause, or the day of an address."""
    address = {_ADDRESS.get(each, each) for each in (channel, other)}
    return "any" in address or len(address) == 1


# ---- For longer ----------------------------------------------------------------------------------


def _besiege(person: Person, settings: Settings, turns: Sequence[Turn]) -> None:
    Siege(person, settings).play(turns)


def _siege(*, knows_password: bool) -> SearchStrategy[Any]:
    attacks = sequences.attacks(knows_password=knows_password)
    return st.tuples(sequences.BESIEGED, sequences.SIEGE_SETTINGS, attacks)


_Game = tuple[Callable[..., None], SearchStrategy[Any]]
GAMES: Mapping[str, _Game] = {
    "indistinguishability": (
        tell_apart,
        st.tuples(sequences.PERSONS, sequences.SETTINGS, sequences.indistinguishable()),
    ),
    "others": (
        tell_others,
        st.tuples(sequences.PERSONS, sequences.SETTINGS, sequences.of_others()),
    ),
    "siege": (_besiege, _siege(knows_password=False)),
    "siege_with_password": (_besiege, _siege(knows_password=True)),
    "verification": (
        lambda turns: verification_game.Game().play(turns),
        st.tuples(verification_game.turns()),
    ),
    "receipts": (lambda turns: receipt_game.Game().play(turns), st.tuples(receipt_game.turns())),
    "registration": (
        lambda turns: registration_game.Game().play(turns),
        st.tuples(registration_game.turns()),
    ),
    "rotation": (lambda turns: rotation_game.Game().play(turns), st.tuples(rotation_game.turns())),
}
"""How a sequence of each game is played, and what is drawn for it."""


def game(name: str) -> Callable[[], None]:
    """A test of hypothesis, which can be given settings once."""
    play_sequence, drawn = GAMES[name]

    @hypothesis.given(drawn)
    def sequence(given: Any) -> None:
        with watched():
            play_sequence(*given)

    return sequence


@dataclass(frozen=True, slots=True)
class Played:
    """How a game ended: somebody has won it if there is a finding. `count` is of `what`."""

    kind: str
    name: str
    what: str
    count: int
    finding: str = ""


def section(played: Sequence[Played]) -> Section:
    """How all of them ended."""
    found = [f"{each.name}: {each.finding}" for each in played if each.finding]
    lines = ["| games | played | findings |\n|---|---|---|"]
    for kind, what in dict.fromkeys((each.kind, each.what) for each in played):
        own = [each for each in played if each.kind == kind]
        lost = sum(bool(each.finding) for each in own)
        lines.append(f"| {kind} | {sum(each.count for each in own)} {what} | {lost} |")
    summary = ", ".join(
        f"{sum(each.count for each in played if each.what == what)} {what}"
        for what in dict.fromkeys(each.what for each in played)
    )
    return Section("Games", f"{summary}, {len(found)} findings", found, lines)


def play(name: str, sequences: int) -> Played:
    """Play a game with new sequences, or find the shortest one that wins it."""
    phases = (hypothesis.Phase.generate, hypothesis.Phase.shrink)
    settings = hypothesis.settings(
        max_examples=sequences,
        database=None,
        deadline=None,
        derandomize=False,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    finding = ""
    try:
        settings(game(name))()
    except Exception as lost:  # of whatever kind: the report has it
        finding = "\n".join([f"{type(lost).__name__}: {lost}", *getattr(lost, "__notes__", [])])
    return Played(name, name, "sequences", sequences, finding)


def play_scenario(name: str, most_interruptions: int = 1) -> Played:
    """Play a scenario of interleavings in all orders."""
    count, finding = 0, ""
    try:
        with watched(), interleavings.repeatable():
            count = interleavings.played(interleavings.SCENARIOS[name], most_interruptions)
    except Exception as lost:
        finding = f"{type(lost).__name__}: {lost}"
    return Played("interleavings", name, "orders of steps", count, finding)


def main() -> int:
    """Play games, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="sequences, or interruptions of interleavings")
    parser.add_argument("game", nargs="?", choices=[*GAMES, "interleavings"])
    parser.add_argument("--http", action="store_true", help="through sockets")
    given = parser.parse_args()
    with over_http() if given.http else nullcontext():
        return _played(given.count, given.game)


def _played(count: int, game: str | None) -> int:
    found = 0
    if game == "interleavings":
        results = (play_scenario(name, count) for name in interleavings.SCENARIOS)
    else:
        results = (play(name, count) for name in ([game] if game else GAMES))
    for each in results:
        found += bool(each.finding)
        # Somebody waits for it.
        print(f"{each.name}: {each.count} {each.what}{each.finding and f', {each.finding}'}")  # noqa: T201
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
