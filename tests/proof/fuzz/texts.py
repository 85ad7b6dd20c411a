"""The inputs of targets as texts: HTTP with plain newlines, or JSON; and how they are changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**400, 0.5, float("inf"), float("nan")),
    *("", " ", "\0", "\ud800", "\u00e9", "\u202e", "\uff20", "..", "../..", "%2e", "me", "null"),
    *("a@b.c", "123456", "00u1", "emf1", "ACTIVE", "SUCCESS", "email", "sms", "totp", "push"),
    *("http://[", "https://e.example/", "//[x]/", "2026-01-01T00:00:00+99:99", "9" * 4300),
    *("x" * 600, "\u0301" * 40, [], [[]], {}, {"": {}}, [None] * 30),
)
"""Values that a document has in place of its own."""

SNIPPETS = (
    *(b'"', b"{", b"[", b"}", b"\\u0000", b"\\ud83d", b"\n", b"\r", b"\0", b"\xff", b"\xc3\x28"),
    *(b"%00", b"%", b"&", b"?", b"=", b",", b".", b"=" * 4, b"-", b"1e999", b"NaN", b"[" * 2000),
)
DEEP = 400
"""Levels that Python's JSON still reads, and that two frames for each are too many of."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line, headers and body."""

    first: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> Message:
        """What any bytes say. Header names are in lower case."""
        head, _, body = data.partition(b"\n\n")
        first, *lines = head.decode(errors="replace").split("\n")
        pairs = (line.partition(":") for line in lines)
        return cls(first, {name.lower(): value.strip() for name, _, value in pairs if name}, body)

    @property
    def data(self) -> bytes:
        """The bytes that say this."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join(lines).encode() + b"\n\n" + self.body


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """The input with a few changes: of its JSON where it has some, or of its bytes. `others` are
    inputs of the same target, from which parts are taken.
    """
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        head, separator, body = data.rpartition(b"\n\n")
        document = _read(body)
        if document is None or chance.random() < 0.2:
            data = _cut(data, chance, others)
        else:
            with suppress(RecursionError):  # deeper than Python can write
                data = head + separator + json.dumps(_changed(document, chance)).encode()
    return data


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cut(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Some bytes replaced by a few others."""
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((0, 0, 1, 1, 2, 8, 40)))
    other = chance.choice(others) if others else data
    taken = chance.randint(0, len(other))
    part = chance.choice(
        (b"", bytes([chance.randrange(256)]), chance.choice(SNIPPETS), other[taken : taken + 40])
    )
    return data[:start] + part + data[end:]


def _changed(document: Any, chance: random.Random) -> Any:
    """One value of the document replaced, left out, repeated, or put deeper."""
    holder, key = chance.choice([*_places(document)] or [(None, None)])
    if holder is None:
        return chance.choice(ODD)
    change: Callable[[], None] = chance.choice(
        (
            lambda: holder.__setitem__(key, chance.choice(ODD)),
            lambda: holder.__setitem__(key, chance.choice(ODD)),
            lambda: holder.__delitem__(key),
            lambda: holder.__setitem__(key, _deep(chance.choice((2, DEEP)))),
            lambda: holder.__setitem__(key, [holder[key], holder[key]]),
            lambda: _add(holder, holder[key], chance),
        )
    )
    change()
    return document


def _add(holder: Any, value: Any, chance: random.Random) -> None:
    """The same value once more, under another name."""
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[str(chance.choice(ODD))] = value


def _deep(levels: int) -> list[Any]:
    outer: list[Any] = []
    for _ in range(levels):
        outer = [outer]
    return outer


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document: what contains it, and its key there."""
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = range(len(holder)) if isinstance(holder, list) else holder
        if isinstance(holder, list | dict):
            for key in list(keys):
                yield holder, key
                waiting.append(holder[key])
