"""The pushes of an org, and the phone that answers them.

Assumed, because no source says it: choosing another number than the right one rejects the push; an
answered push is told again and again; a push that was cancelled, like one that never was, is not
found; a newer push does not end the older one; no push counts as a wrong code; a push lives five
minutes.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.okta.exceptions import not_found
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import Factor

PUSH_SECONDS = 300
WAITING, SUCCESS, REJECTED, TIMEOUT = "WAITING", "SUCCESS", "REJECTED", "TIMEOUT"
_PREFIX, _ID_LENGTH = "v2mst.", 28


@dataclass
class Push:
    """A push to a phone. `number` is the one to choose, None if none is asked for; `expires_at` in
    epoch seconds.
    """

    transaction: str
    factor: Factor
    number: int | None
    expires_at: float
    answer: str = WAITING


class Pushes:
    """The pushes of an org, oldest first."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._ids = Ids(rng)
        self.sent: list[Push] = []

    def send(self, factor: Factor, *, with_number: bool) -> Push:
        transaction = self._ids.token(_PREFIX, _ID_LENGTH)
        number = self._rng.randrange(10, 100) if with_number else None
        push = Push(transaction, factor, number, self._clock() + PUSH_SECONDS)
        self.sent.append(push)
        return push

    def find(self, factor: Factor, transaction: str) -> Push:
        """The push with this transaction; its time may have run out."""
        for push in self.sent:
            if push.transaction == transaction and push.factor is factor:
                if push.answer == WAITING and self._clock() >= push.expires_at:
                    push.answer = TIMEOUT
                return push
        raise not_found(transaction, "FactorTransaction")

    def cancel(self, push: Push) -> None:
        self.sent.remove(push)

    def answer(self, answer: object, number: object = None) -> str:
        """Approve or reject the newest push that waits, with the number that the phone's owner chooses;
        what has become of it. Raises ValueError.
        """
        waiting = [each for each in self.sent if self.find(each.factor, each.transaction) is each]
        waiting = [each for each in waiting if each.answer == WAITING]
        if not waiting:
            raise ValueError("no push is waiting")
        if answer not in ("approve", "reject"):
            raise ValueError("answer must be approve or reject")
        push = waiting[-1]
        push.answer = SUCCESS if answer == "approve" and number == push.number else REJECTED
        return push.answer
