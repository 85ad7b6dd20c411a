"""Rate limits: requests a minute by bucket, and smaller limits by key."""

import math
from dataclasses import dataclass
from enum import Enum

from tests.sandbox.okta.exceptions import OktaError, Refusal

WINDOW_SECONDS = 60


class Bucket(Enum):
    """Endpoints that share a limit: a name and the requests a minute. OTHER is assumed."""

    LIST_USERS = ("list users", 600)
    ONE_USER = ("a user by id or login", 1000)
    FACTORS = ("factors", 600)
    AUTHN = ("authn", 600)
    SESSIONS = ("sessions", 600)
    OTHER = ("other", 600)

    @property
    def limit(self) -> int:
        return self.value[1]


@dataclass(frozen=True)
class Quota:
    """The rest of a bucket; `reset` is the epoch second in which its window ends."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False


class RateLimits:
    """The windows of all buckets. A window opens with its first request, as the recordings show."""

    def __init__(self) -> None:
        self._windows: dict[Bucket, tuple[float, int]] = {}

    def count(self, bucket: Bucket, now: float) -> Quota:
        """Count a request, also one that exceeds the limit."""
        ends_at, used = self._windows.get(bucket, (now, 0))
        if now >= ends_at:
            ends_at, used = now + WINDOW_SECONDS, 0
        used += 1
        self._windows[bucket] = (ends_at, used)
        remaining = max(0, bucket.limit - used)
        return Quota(bucket.limit, remaining, math.ceil(ends_at), exceeded=used > bucket.limit)


class Throttle:
    """At most `limit` events in `seconds` seconds for each key."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._events: dict[str, list[float]] = {}

    def used_up(self, key: str, now: float) -> bool:
        recent = [at for at in self._events.get(key, []) if now - at < self._seconds]
        self._events[key] = recent
        return len(recent) >= self._limit

    def admit(self, key: str, now: float) -> None:
        """Count an event, or refuse it without counting."""
        if self.used_up(key, now):
            raise OktaError(Refusal.RATE_LIMITED)
        self._events[key].append(now)
