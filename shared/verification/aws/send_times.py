"""How a row counts sends: a list of the times of the last ones, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verification import rules
from verification.aws.table import Item, Update, int_attribute, number, string, text_attribute
from verification.errors import SendLimited

MOST_REMOVED = 100
"""Times that one change takes off a list: an expression has at most 4 KB."""


class SendTimes:
    """The sends that `windows` limit, in the list `name` of a row.

    `add` (of SET), `take_back` (of REMOVE) and `fits` are parts of DynamoDB expressions; `values` has what
    `add` and `fits` need. A channel's cool-down has an attribute of its own, and where it is known
    one for the mailbox or phone (a hash): another one may be sent a code at once.
    """

    def __init__(self, name: str, windows: Sequence[rules.Window]) -> None:
        self.windows = windows
        self._name = name
        self._most = max(each.count for each in windows)
        self.add = f"{name} = list_append(:sent_now, if_not_exists({name}, :unsent))"
        self.take_back = f"{name}[0]"
        # A comparison with a missing element is false, so its negation holds.
        fits = [f"NOT {name}[{each.count - 1}] > :since_{each.seconds}" for each in windows]
        self.fits = " AND ".join(fits)

    def values(self, now: int) -> dict[str, Any]:
        """The values that `add` and `fits` need."""
        since = {f":since_{each.seconds}": number(now - each.seconds) for each in self.windows}
        return {":sent_now": {"L": [number(now)]}, ":unsent": {"L": []}, **since}

    def last(self, channel: str) -> str:
        """The attribute with the time of the channel's last send."""
        return f"{self._name}_{channel}"

    def last_to(self, channel: str) -> str:
        """The attribute with the destination of that send; an empty text if it was not known."""
        return f"{self._name}_{channel}_to"

    def cooled(self, channel: str, to: str = "") -> str:
        """The condition that the channel's cool-down is over, or was another destination's; needs
        `cooled_values`.
        """
        is_over = f"NOT {self.last(channel)} > :cooled"
        return f"({is_over} OR NOT {self.last_to(channel)} IN (:to, :unknown))" if to else is_over

    def cooled_values(self, now: int, to: str = "") -> dict[str, Any]:
        """The values that `cooled` needs."""
        destination = {":to": string(to), ":unknown": string("")} if to else {}
        return {":cooled": number(now - rules.RESEND_SECONDS), **destination}

    def sends(self, row: Item) -> tuple[int, ...]:
        """The times in a row that a window can still count, newest first."""
        return tuple(int(each["N"]) for each in self._times(row)[: self._most])

    def excess(self, key: str, row: Item) -> Update | None:
        """What takes off the sends that no window counts, once as many have gathered as the longest
        one holds: an expression cannot append to a list and shorten it.
        """
        length = len(self._times(row))
        if length < 2 * self._most:
            return None
        end = min(length, self._most + MOST_REMOVED)
        old = ", ".join(f"{self._name}[{n}]" for n in range(self._most, end))
        condition = f"size({self._name}) = :length"
        return Update(key, f"REMOVE {old}", condition, {":length": number(length)})

    def limited(self, row: Item, channel: str, now: int, to: str = "") -> SendLimited:
        """Which limit refuses a send over this channel to this destination, and for how long."""
        channel_wait = int_attribute(row, self.last(channel)) + rules.RESEND_SECONDS - now
        if to and text_attribute(row, self.last_to(channel)) not in ("", to):
            channel_wait = 0
        sends = self.sends(row)
        window_wait = rules.send_wait(sends, self.windows, now)
        if window_wait <= channel_wait:
            return SendLimited(retry_after=channel_wait, limit="resend")
        limit = rules.window_name(sends, self.windows, now)
        return SendLimited(retry_after=window_wait, limit=limit)

    def _times(self, row: Item) -> list[Item]:
        times: list[Item] = row.get(self._name, {}).get("L", [])
        return times
