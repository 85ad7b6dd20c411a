"""How a row counts sends: the times of the last ones, newest first, in numbered attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verification import rules
from verification.aws.table import Item, int_attribute, number
from verification.errors import SendLimited


class SendSlots:
    """The sends that `windows` limit, in attributes that begin with `prefix`.

    `push`, `pop` and `fits` are parts of DynamoDB expressions; `values` has what `push` and `fits`
    need, and `pop` needs `:never` alone. A channel's cool-down has an attribute of its own.
    """

    def __init__(self, prefix: str, windows: Sequence[rules.Window]) -> None:
        self.windows = windows
        self._prefix = prefix
        names = [f"{prefix}{n}" for n in range(max(each.count for each in windows))]
        self._names = names
        # From the oldest to the newest, so that each takes the value its neighbour had before.
        shifted = [
            f"{names[n]} = if_not_exists({names[n - 1]}, :never)"
            for n in range(len(names) - 1, 0, -1)
        ]
        self.push = ", ".join([*shifted, f"{names[0]} = :now"])
        # The last slot then has what was before all windows, or nothing.
        unshifted = [f"{names[n]} = {names[n + 1]}" for n in range(len(names) - 1)]
        self.pop = ", ".join([*unshifted, f"{names[-1]} = :never"])
        fits = [f"{names[each.count - 1]} <= :{prefix}{each.seconds}" for each in windows]
        self.fits = f"(attribute_not_exists({names[0]}) OR ({' AND '.join(fits)}))"

    def values(self, now: int) -> dict[str, Any]:
        """The values that `push` and `fits` need."""
        edges = {
            f":{self._prefix}{each.seconds}": number(now - each.seconds) for each in self.windows
        }
        return {":now": number(now), ":never": number(0), **edges}

    def last(self, channel: str) -> str:
        """The attribute with the time of the channel's last send."""
        return f"{self._prefix}_{channel}"

    def cooled(self, channel: str) -> str:
        """The condition that the channel's cool-down is over; needs `cooled_value`."""
        return f"NOT {self.last(channel)} > :cooled"

    def cooled_value(self, now: int) -> dict[str, Any]:
        """The value that `cooled` needs."""
        return {":cooled": number(now - rules.RESEND_SECONDS)}

    def sends(self, row: Item) -> tuple[int, ...]:
        """The times in a row, newest first, 0 for none."""
        return tuple(int_attribute(row, name) for name in self._names)

    def limited(self, row: Item, channel: str, now: int) -> SendLimited:
        """Which limit refuses a send over this channel, and for how long."""
        channel_wait = int_attribute(row, self.last(channel)) + rules.RESEND_SECONDS - now
        sends = self.sends(row)
        window_wait = rules.send_wait(sends, self.windows, now)
        if window_wait <= channel_wait:
            return SendLimited(retry_after=channel_wait, limit="resend")
        limit = rules.window_name(sends, self.windows, now)
        return SendLimited(retry_after=window_wait, limit=limit)
