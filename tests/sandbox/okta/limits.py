"""Rate limits: how many requests each bucket takes in a minute, and smaller ones by the key."""

import math
from dataclasses import dataclass
from enum import Enum

from tests.sandbox.okta.exceptions import RateLimitedError

WINDOW_SECONDS = 60


class Bucket(Enum):
    """A group of endpoints that share one limit: its name and the requests it takes a minute.

    OTHER, for what the published limits do not single out, is assumed.
    """

    LIST_USERS = ("list users", 600)
    ONE_USER = ("a user by id or login", 1000)
    FACTORS = ("factors", 600)
    AUTHN = ("authn", 600)
    SESSIONS = ("sessions", 600)
    OTHER = ("other", 600)

    @property
    def limit(self) -> int:
        """Requests in one window."""
        return self.value[1]


@dataclass(frozen=True)
class Quota:
    """What is left of a bucket; `reset` is the epoch second in which its window ends."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False


@dataclass(frozen=True)
class _Window:
    ends_at: float
    used: int


class RateLimits:
    """The windows of all buckets; one opens with the first request, as the recordings show."""

    def __init__(self) -> None:
        self._windows: dict[Bucket, _Window] = {}

    def count(self, bucket: Bucket, now: float) -> Quota:
        """Count one request, also one that is over the limit."""
        window = self._windows.get(bucket)
        if window is None or now >= window.ends_at:
            window = _Window(now + WINDOW_SECONDS, 0)
        window = _Window(window.ends_at, window.used + 1)
        self._windows[bucket] = window
        return Quota(
            limit=bucket.limit,
            remaining=max(0, bucket.limit - window.used),
            reset=math.ceil(window.ends_at),
            exceeded=window.used > bucket.limit,
        )


class Throttle:
    """So many events within so many seconds, for each key of its own."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._events: dict[str, list[float]] = {}

    def used_up(self, key: str, now: float) -> bool:
        """Whether the next event would be one too many."""
        recent = [at for at in self._events.get(key, []) if now - at < self._seconds]
        self._events[key] = recent
        return len(recent) >= self._limit

    def admit(self, key: str, now: float) -> None:
        """Count an event, or refuse it without counting."""
        if self.used_up(key, now):
            raise RateLimitedError
        self._events[key].append(now)
