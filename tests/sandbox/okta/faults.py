"""Switches that make the next requests of a kind fail.

| kind | what the caller sees | request carried out |
|---|---|---|
| timeout | no answer for 10 seconds, then a closed connection | yes, at once |
| reset | the connection is reset without an answer | no |
| http_500, http_503 | an Okta error | no |
| rate_limited | 429 with a reset 30 seconds away and no Retry-After | no |
| html | 200 with a web page | no |
| truncated | 200 and fewer bytes than Content-Length says | no |
| redirect | 302 to another host | no |
| slow | the normal answer, 2 seconds late | yes, at once |

A timeout is carried out because that is the dangerous case: a mail was sent or a code was used, and
the caller cannot know. Asynchronous invocations of Lambda have two faults of their own: `throttle`
(429) and `drop` (accepted and never run). KMS has `reset`, `http_500`, `slow`, `throttle` and
`disabled` (the key is).
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

MAX_TIMES = 1000

Word = TypeVar("Word", bound=StrEnum)


class On(StrEnum):
    """The requests that a fault waits for.

    `verify` sends or checks a code, or is about a push, `lookup` reads or searches users, `create` makes a user,
    `factors` reads or changes factors, `authn` is the Authentication API, `any` is every request to
    the org, `invoke` is an asynchronous invocation of a function, `kms` is a call of KMS.
    """

    VERIFY = "verify"
    LOOKUP = "lookup"
    CREATE = "create"
    FACTORS = "factors"
    AUTHN = "authn"
    ANY = "any"
    INVOKE = "invoke"
    KMS = "kms"


class Kind(StrEnum):
    """What goes wrong."""

    TIMEOUT = "timeout"
    RESET = "reset"
    HTTP_500 = "http_500"
    HTTP_503 = "http_503"
    RATE_LIMITED = "rate_limited"
    HTML = "html"
    TRUNCATED = "truncated"
    REDIRECT = "redirect"
    SLOW = "slow"
    THROTTLE = "throttle"
    DROP = "drop"
    DISABLED = "disabled"


DELAY_SECONDS: dict[Kind | None, float] = {Kind.TIMEOUT: 10.0, Kind.SLOW: 2.0}
AWS_KINDS = {
    On.INVOKE: frozenset({Kind.THROTTLE, Kind.DROP}),
    On.KMS: frozenset({Kind.RESET, Kind.HTTP_500, Kind.SLOW, Kind.THROTTLE, Kind.DISABLED}),
}
OKTA_KINDS = tuple(each for each in Kind if each not in (Kind.THROTTLE, Kind.DROP, Kind.DISABLED))


@dataclass
class _Fault:
    on: On
    kind: Kind
    times_left: int


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self, lock: AbstractContextManager[bool]) -> None:
        self._lock = lock
        self._waiting: list[_Fault] = []

    def add(self, on: str, kind: str, times: int) -> None:
        """Make the next `times` requests of a kind fail. Raises ValueError for unknown words."""
        fault = _Fault(_word(On, "on", on), _word(Kind, "kind", kind), _checked_times(times))
        if fault.kind not in AWS_KINDS.get(fault.on, OKTA_KINDS):
            raise ValueError(f"on {on!r} and kind {kind!r} do not go together")
        with self._lock:
            self._waiting.append(fault)

    def take(self, operation: On | None) -> Kind | None:
        """Use up the oldest fault that waits for this operation."""
        wanted = (operation,) if operation in AWS_KINDS else (On.ANY, operation)
        with self._lock:
            for fault in self._waiting:
                if fault.on in wanted:
                    fault.times_left -= 1
                    if fault.times_left == 0:
                        self._waiting.remove(fault)
                    return fault.kind
        return None

    def waiting(self) -> list[dict[str, object]]:
        """The faults as they were added, with how many times are left."""
        with self._lock:
            return [
                {"on": each.on, "kind": each.kind, "times": each.times_left}
                for each in self._waiting
            ]

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()


def _word(words: type[Word], name: str, given: str) -> Word:
    try:
        return words(given)
    except ValueError:
        known = ", ".join(words)
        raise ValueError(f"{name} must be one of {known}; got {given!r}") from None


def _checked_times(given: object) -> int:
    # JSON's true is an int in Python.
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_TIMES:
        raise ValueError(f"times must be a whole number from 1 to {MAX_TIMES}; got {given!r}")
    return given
