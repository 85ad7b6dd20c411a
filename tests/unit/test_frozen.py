"""Frozen classes behave like frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, field

import pytest

from verification.frozen import Frozen, replace


class Letter(Frozen):
    to: str
    text: str = field(repr=False)
    pages: int = 1
    stamps: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_long(self) -> bool:
        return self.pages > 1


class Parcel(Frozen):
    to: str
    text: str
    pages: int = 1
    stamps: Mapping[str, int] = field(default_factory=dict)


LETTER = Letter("ada", text="hello")


def test_fields_have_their_order_and_their_defaults() -> None:
    assert list(vars(Letter(text="hello", to="ada")).items()) == [
        *(("to", "ada"), ("text", "hello"), ("pages", 1), ("stamps", {})),
    ]
    assert Letter("ada", "hello", 2, {"red": 1}).is_long


def test_a_default_that_is_made_is_not_shared() -> None:
    assert LETTER.stamps is not Letter("ada", "hello").stamps


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("ada",), {}),
        (("ada",), {"pages": 2}),
        (("ada", "hello", 1, {}, "more"), {}),
        (("ada", "hello"), {"more": 1}),
        (("ada",), {"to": "grace", "text": "hello"}),
    ],
)
def test_missing_unknown_and_repeated_fields_are_refused(
    values: tuple[str, ...], named: dict[str, object]
) -> None:
    with pytest.raises(TypeError, match="Letter takes to, text, pages, stamps"):
        Letter(*values, **named)  # type: ignore[arg-type]


def test_nothing_can_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        LETTER.to = "grace"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        LETTER.colour = "red"  # type: ignore[assignment]
    with pytest.raises(FrozenInstanceError):
        del LETTER.to
    assert Letter("ada", "hello") == LETTER


def test_a_copy_differs_in_the_given_fields_alone() -> None:
    assert replace(LETTER, pages=2) == Letter("ada", "hello", 2)
    with pytest.raises(TypeError):
        replace(LETTER, colour="red")  # type: ignore[call-arg]


def test_values_are_equal_if_class_and_fields_are() -> None:
    assert replace(LETTER, text="good-bye") != LETTER
    assert Parcel("ada", "hello") != LETTER
    stamped = [Letter("ada", "hello", stamps=frozenset()) for _ in range(2)]  # type: ignore[arg-type]
    assert len(set(stamped)) == 1


def test_hidden_fields_are_not_shown() -> None:
    assert repr(LETTER) == "Letter(to='ada', pages=1, stamps={})"


def test_fields_are_matched_by_their_place() -> None:
    match LETTER:
        case Parcel():
            matched = ""
        case Letter(to, text):
            matched = f"{to} {text}"
    assert matched == "ada hello"
