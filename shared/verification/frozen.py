"""The base of all classes whose fields never change: values, and objects that are built once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field
from typing import TYPE_CHECKING, Any, ClassVar, Never, NoReturn, dataclass_transform

__all__ = ["Frozen", "replace"]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Frozen:
    """A subclass is written and behaves like a frozen dataclass, and type checkers take it for one.

    But all share the methods below. `dataclass` compiles methods for each class, which for the 90
    classes of this service took a fifth of a function's start. `vars` has the fields in their order. A
    subclass has no subclasses.
    """

    __match_args__: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]
    """All fields in their order, MISSING where a value must be given."""
    _factories: ClassVar[dict[str, Callable[[], Any]]]
    _required: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        names = tuple(cls.__annotations__)
        cls.__match_args__ = names  # type: ignore[misc]  # mypy has an own idea of it
        found = {name: vars(cls).get(name, MISSING) for name in names}
        fields = {name: each for name, each in found.items() if isinstance(each, Field)}
        cls._defaults = found | {name: each.default for name, each in fields.items()}
        cls._factories = {
            name: each.default_factory
            for name, each in fields.items()
            if each.default_factory is not MISSING
        }
        cls._required = frozenset(
            name
            for name, default in cls._defaults.items()
            if default is MISSING and name not in cls._factories
        )

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        given = {**dict(zip(names, values, strict=False)), **named} if values else named
        fields = self._defaults | given
        for name, make in self._factories.items():
            if name not in given:
                fields[name] = make()
        is_unambiguous = len(given) == len(values) + len(named) and len(fields) == len(names)
        if not is_unambiguous or not all(map(given.__contains__, self._required)):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        object.__setattr__(self, "__dict__", fields)

    def __setattr__(self, name: str, _: Never) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        """Without the fields that are declared with `repr=False`."""
        declared = vars(type(self))
        shown = (
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if getattr(declared.get(name), "repr", True)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


if TYPE_CHECKING:
    # Known to type checkers, which look at the names and types of the changes.
    from dataclasses import replace
else:

    def replace(value: Frozen, **changes: Any) -> Frozen:
        """A copy of the value with other contents of some fields."""
        return type(value)(**vars(value) | changes)
