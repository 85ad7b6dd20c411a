"""Plays calls of the service beside each other, one step at a time, in every order up to a bound.

A step is a call to Okta or AWS with all that follows until the next one. Each player runs in a thread of
its own, but only while it has the turn, so that the same choices give the same run. Orders that differ in
steps alone that do not concern the same row, or both Okta, are the same order: one of them is played.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.proof.interference import Upstream
from tests.proof.world import Clock

Work = Callable[[], None]

_OKTA = "okta"


@dataclass(frozen=True, slots=True)
class Step:
    """What a player did in its turn: what it read and wrote, if it did not only wake up. `options` has
    all who could have had the turn, and whether that would have interrupted another.
    """

    player: int
    keys: tuple[str, ...]
    is_write: bool
    options: dict[int, bool]

    def conflicts(self, other: Step) -> bool:
        """Whether their order may matter."""
        is_same = not set(self.keys).isdisjoint(other.keys)
        return is_same and self.player != other.player and (self.is_write or other.is_write)


Run = Sequence[Step]


@dataclass
class _Player:
    number: int
    work: Work
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    call: Upstream | None = None
    wakes_at: float = 0.0
    is_over: bool = False
    failure: BaseException | None = None


class Stage(Clock):
    """The clock of a world, and the way of its calls to Okta and AWS (`through`)."""

    def __init__(self) -> None:
        super().__init__()
        self._playing: _Player | None = None
        self._paused = threading.Semaphore(0)

    def through(self, call: Upstream, carry_out: Callable[[], Any]) -> Any:
        """Carry a call out when its player has the turn."""
        if self._playing is not None:
            self._playing.call = call
            self._pause(self._playing)
        return carry_out()

    def sleep(self, seconds: float) -> None:
        """Wait; others may have many turns meanwhile, or none."""
        if self._playing is None:
            super().sleep(seconds)
            return
        self._playing.wakes_at = self.now + seconds
        self._pause(self._playing)

    def play(self, works: Sequence[Work], chosen: Sequence[int]) -> Run:
        """Play to the end: the first turns as chosen, and then nobody is interrupted who need not be."""
        players, steps = [_Player(*each) for each in enumerate(works)], list[Step]()
        for player in players:
            threading.Thread(target=self._run, args=(player,), daemon=True).start()
            self._resume(player)
        last: _Player | None = None
        while living := {each.number: each for each in players if not each.is_over}:
            options = self._options(list(living.values()), last)
            if len(steps) < len(chosen):
                last = living[chosen[len(steps)]]
            else:
                awake = {number: each for number, each in living.items() if not options[number]}
                if last is None or last.number not in awake:
                    last = min(awake.values(), key=lambda each: (each.wakes_at, each.number))
            steps.append(_step(last, options))
            self.now = max(self.now, last.wakes_at)
            self._resume(last)
        for player in players:
            if player.failure is not None:
                raise player.failure
        return steps

    def _options(self, living: Sequence[_Player], last: _Player | None) -> dict[int, bool]:
        """Who can have the turn, and whether that interrupts somebody: `last`, if it could go on, or
        whoever is awake, by a sleep that is over too early for them.
        """
        awake = [each for each in living if each.wakes_at <= self.now]
        goes_on = last in awake
        return {
            each.number: bool(awake) if each not in awake else goes_on and each is not last
            for each in living
        }

    def _run(self, player: _Player) -> None:
        player.turn.acquire()
        try:
            player.work()
        except BaseException as failure:
            player.failure = failure
        player.is_over = True
        self._paused.release()

    def _resume(self, player: _Player) -> None:
        """Let a player go on until it pauses."""
        player.call, self._playing = None, player
        player.turn.release()
        self._paused.acquire()
        self._playing = None

    def _pause(self, player: _Player) -> None:
        self._paused.release()
        player.turn.acquire()


def _step(player: _Player, options: dict[int, bool]) -> Step:
    call = player.call
    if call is None:
        return Step(player.number, (), is_write=False, options=options)
    is_okta = call.system == _OKTA
    is_read = call.name.startswith("GET") if is_okta else call.name == "get_item"
    return Step(player.number, (_OKTA,) if is_okta else call.keys, not is_read, options)


def runs(play: Callable[[Sequence[int]], Run], most_interruptions: int) -> Iterator[Run]:
    """Every run with at most so many interruptions. `play` plays one from the start."""
    waiting: list[list[int]] = [[]]
    seen: dict[object, int] = {}
    while waiting:
        chosen = waiting.pop()
        run = play(chosen)
        yield run
        cost, order = _interruptions(run, len(run)), _order(run)
        if seen.get(order, cost + 1) <= cost:
            continue
        seen[order] = cost
        for at in range(len(chosen), len(run)):
            before = [each.player for each in run[:at]]
            spent = _interruptions(run, at)
            waiting += [
                [*before, number]
                for number, interrupts in run[at].options.items()
                if spent + interrupts <= most_interruptions and _may_matter(run, at, number)
            ]


def _may_matter(run: Run, at: int, number: int) -> bool:
    """Whether a step that this player took later could have come before the step there."""
    return any(later.player == number and later.conflicts(run[at]) for later in run[at + 1 :])


def _interruptions(run: Run, until: int) -> int:
    return sum(step.options[step.player] for step in run[:until])


def _order(run: Run) -> object:
    """For every row the order in which it was used: what makes runs different."""
    used: dict[str, list[tuple[int, bool]]] = {}
    for step in run:
        for key in step.keys:
            used.setdefault(key, []).append((step.player, step.is_write))
    return frozenset((key, tuple(order)) for key, order in used.items())
