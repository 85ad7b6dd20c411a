"""What happened in the sandbox lately, for the timeline of its page."""

from __future__ import annotations

import itertools
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 60
"""Entries; the oldest is forgotten."""


@dataclass
class Entry:
    """An API request, an asynchronous task, or a use of a control.

    Times are epoch seconds by the sandbox's clock; `ended_at` is None while it runs. `status` is the
    HTTP status, `outcome` a code such as `verified` or `invalid_code`.
    """

    number: int
    kind: str
    what: str
    at: float
    caller: str = ""
    ended_at: float | None = None
    status: int | None = None
    outcome: str = ""


class Journal:
    """The last entries; thread-safe."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def entries(self) -> list[dict[str, object]]:
        """Oldest first."""
        with self._lock:
            return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def note(self, what: str) -> None:
        """Record the use of a control."""
        entry = self._begin("control", what)
        entry.ended_at = entry.at

    @contextmanager
    def invocation(self, event: Any) -> Iterator[Entry]:
        """Record an invocation of a function; `answered` adds what it returned."""
        is_request = isinstance(event, dict) and "httpMethod" in event
        if is_request:
            entry = self._begin("request", f"{event['httpMethod']} {event['path']}")
            entry.caller = "client" if _has_key(event) else "public"
        else:
            entry = self._begin("task", "asynchronous send")
        try:
            yield entry
        finally:
            entry.ended_at = self._now()

    def _begin(self, kind: str, what: str) -> Entry:
        with self._lock:
            entry = Entry(next(self._numbers), kind, what, self._now())
            self._entries.append(entry)
        return entry


def answered(entry: Entry, result: Any) -> None:
    """Add the status and the outcome of a function's result."""
    if not isinstance(result, dict):
        return
    entry.status = result["statusCode"]
    try:
        body = json.loads(result.get("body") or "{}")
    except ValueError:
        return
    if isinstance(body, dict):
        entry.outcome = str(body.get("code") or body.get("errorCode") or body.get("status") or "")


def _has_key(event: dict[str, Any]) -> bool:
    return any(name.lower() == "authorization" for name in event.get("headers") or {})
