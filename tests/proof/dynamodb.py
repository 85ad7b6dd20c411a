"""DynamoDB in memory: the three operations and the expressions that the service uses, and no more.

moto takes milliseconds for what takes microseconds here, and a game makes a million calls. That
both behave alike is checked by `test_games`, which plays the same sequences on moto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from botocore.exceptions import ClientError

Value = Mapping[str, Any]
"""A typed value, such as `{"S": "text"}`. Never changed once it is stored."""

Row = Mapping[str, Value]

_TOKEN = re.compile(r"\s*([#:]?[A-Za-z_]\w*|\d+|<=|>=|<>|[=<>().,+\-\[\]])")
_COMPARATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


@dataclass(frozen=True, slots=True)
class _Scope:
    """A row, and what the placeholders of an expression stand for."""

    row: Row
    names: Mapping[str, str]
    values: Mapping[str, Value]


_Path = tuple[str | int, ...]
_Operand = Callable[[_Scope], Value | None]
_Condition = Callable[[_Scope], bool]


@dataclass(frozen=True, slots=True)
class _Changes:
    """The clauses of an update expression."""

    sets: Sequence[tuple[_Path, _Operand]]
    removes: Sequence[_Path]
    adds: Sequence[tuple[_Path, _Operand]]


class MemoryDynamoDB:
    """Has the methods of boto3's client that the service calls."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._transactions: set[str] = set()

    def get_item(self, **request: Any) -> dict[str, Any]:
        _, row = self._old(request)
        if not row:
            return {}
        if only := request.get("ProjectionExpression"):
            wanted = only.split(", ")
            return {"Item": {name: row[name] for name in wanted if name in row}}
        return {"Item": row}

    def update_item(self, **request: Any) -> dict[str, Any]:
        key, old = self._old(request)
        if not _holds(request, old):
            error = {"Code": "ConditionalCheckFailedException", "Message": ""}
            response: Any = {"Error": error, **({"Item": old} if old else {})}
            raise ClientError(response, "UpdateItem")
        self.rows[key] = new = _updated(request, old)
        return {"Attributes": new} if request["ReturnValues"] == "ALL_NEW" else {}

    def transact_write_items(self, **transaction: Any) -> dict[str, Any]:
        token = transaction["ClientRequestToken"]
        if token in self._transactions:
            return {}
        requests = [each["Update"] for each in transaction["TransactItems"]]
        before = [self._old(each) for each in requests]
        reasons: list[dict[str, Any]] = []
        for request, (_, old) in zip(requests, before, strict=True):
            holds = _holds(request, old)
            item = {"Item": old} if old and not holds else {}
            reasons.append({"Code": "None" if holds else "ConditionalCheckFailed", **item})
        if any(reason["Code"] != "None" for reason in reasons):
            response: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": reasons,
            }
            raise ClientError(response, "TransactWriteItems")
        for request, (key, old) in zip(requests, before, strict=True):
            self.rows[key] = _updated(request, old)
        self._transactions.add(token)
        return {}

    def close(self) -> None:
        """There is no connection."""

    def expire(self, now: float) -> None:
        """Delete the rows whose time to live is over, as DynamoDB does sooner or later."""
        for key, row in list(self.rows.items()):
            if "ttl" in row and int(row["ttl"]["N"]) <= now:
                del self.rows[key]

    def _old(self, request: Mapping[str, Any]) -> tuple[str, Row]:
        key: str = request["Key"]["pk"]["S"]
        return key, self.rows.get(key, {})


def _scope(request: Mapping[str, Any], row: Row) -> _Scope:
    names = request.get("ExpressionAttributeNames", {})
    values = request["ExpressionAttributeValues"]
    text = f"{request['UpdateExpression']} {request['ConditionExpression']}"
    if _placeholders(text) != names.keys() | values.keys():
        raise ValueError(f"placeholders and their values do not match: {text}")
    return _Scope(row, names, values)


def _holds(request: Mapping[str, Any], row: Row) -> bool:
    return _condition(request["ConditionExpression"])(_scope(request, row))


def _updated(request: Mapping[str, Any], old: Row) -> Row:
    """The row after the update. Every operand is evaluated against the row before it."""
    changes, scope = _changes(request["UpdateExpression"]), _scope(request, old)
    new: Row = old or request["Key"]
    for path, operand in changes.sets:
        value = operand(scope)
        if value is None:
            raise ValueError(f"an operand is missing: {request['UpdateExpression']}")
        new = _with(new, _named(path, scope), value)
    for path, operand in changes.adds:
        added, present = operand(scope), _at(old, _named(path, scope))
        total = _number(added) + (_number(present) if present else 0)
        new = _with(new, _named(path, scope), {"N": str(total)})
    for path in changes.removes:
        new = _with(new, _named(path, scope), None)
    return new


def _named(path: _Path, scope: _Scope) -> _Path:
    """The path with real names."""
    return tuple(
        scope.names[each] if isinstance(each, str) and each.startswith("#") else each
        for each in path
    )


def _at(row: Row, path: _Path) -> Value | None:
    value: Any = {"M": row}
    for step in path:
        inside = value.get("L" if isinstance(step, int) else "M")
        try:
            value = inside[step]
        except (KeyError, IndexError, TypeError):
            return None
    found: Value = value
    return found


def _with(row: Row, path: _Path, value: Value | None) -> Row:
    """A copy of the row with another value at the path, or without one."""
    new: dict[str, Any] = _changed({"M": row}, path, value)["M"]
    return new


def _changed(inside: Any, path: _Path, value: Value | None) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    kind = "L" if isinstance(step, int) else "M"
    if kind not in inside:
        raise ValueError("the path of an update leads nowhere")
    copy: Any = inside[kind].copy()
    if rest:
        copy[step] = _changed(copy[step], rest, value)
    elif value is not None:
        copy[step] = value
    elif isinstance(step, int):
        del copy[step : step + 1]
    else:
        copy.pop(step, None)
    return {kind: copy}


def _number(value: Value | None) -> int:
    return int((value or {})["N"])


def _comparable(value: Value | None) -> tuple[str, Any] | None:
    if value is None:
        return None
    [(kind, content)] = value.items()
    return kind, int(content) if kind == "N" else content


@cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[#:]\w+", text))


@cache
def _condition(text: str) -> _Condition:
    parser = _Parser(text)
    condition = parser.any_of()
    parser.end()
    return condition


@cache
def _changes(text: str) -> _Changes:
    return _Parser(text).changes()


class _Parser:
    """Turns expressions into functions of a scope."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0
        self._tokens: list[str] = []
        end = 0
        while text[end:].strip():
            token = _TOKEN.match(text, end)
            if token is None:
                self._fail()
            self._tokens.append(token[1])
            end = token.end()

    def end(self) -> None:
        if self._peek():
            self._fail()

    # ---- Updates ---------------------------------------------------------------------------------

    def changes(self) -> _Changes:
        sets: list[Any] = []
        removes: list[_Path] = []
        adds: list[Any] = []
        while clause := self._next():
            while True:
                path = self._path()
                if clause == "SET":
                    self._expect("=")
                    sets.append((path, self._sum()))
                elif clause == "ADD":
                    adds.append((path, self._operand()))
                elif clause == "REMOVE":
                    removes.append(path)
                else:
                    self._fail()
                if not self._take(","):
                    break
        return _Changes(sets, removes, adds)

    def _sum(self) -> _Operand:
        left = self._operand()
        sign = {"+": 1, "-": -1}.get(self._peek())
        if sign is None:
            return left
        self._next()
        right, factor = self._operand(), sign
        return lambda scope: {"N": str(_number(left(scope)) + factor * _number(right(scope)))}

    # ---- Conditions ------------------------------------------------------------------------------

    def any_of(self) -> _Condition:
        parts = [self._all_of()]
        while self._take("OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda scope: any(each(scope) for each in parts)

    def _all_of(self) -> _Condition:
        parts = [self._negated()]
        while self._take("AND"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda scope: all(each(scope) for each in parts)

    def _negated(self) -> _Condition:
        if self._take("NOT"):
            inner = self._negated()
            return lambda scope: not inner(scope)
        if self._take("("):
            inner = self.any_of()
            self._expect(")")
            return inner
        return self._test()

    def _test(self) -> _Condition:
        name = self._peek()
        if name in ("attribute_exists", "attribute_not_exists", "attribute_type"):
            self._next()
            self._expect("(")
            found = self._operand()
            kind = self._operand() if self._take(",") else None
            self._expect(")")
            if kind is not None:
                return lambda scope: (kind(scope) or {})["S"] in (found(scope) or {})
            wanted = name == "attribute_exists"
            return lambda scope: (found(scope) is not None) is wanted
        left = self._operand()
        if self._take("IN"):
            self._expect("(")
            choices = [self._operand()]
            while self._take(","):
                choices.append(self._operand())
            self._expect(")")
            return lambda scope: left(scope) in [each(scope) for each in choices]
        compare, right = _COMPARATORS[self._next()], self._operand()
        return lambda scope: _compared(compare, left(scope), right(scope))

    # ---- Operands --------------------------------------------------------------------------------

    def _operand(self) -> _Operand:
        name = self._peek()
        if name.startswith(":"):
            self._next()
            return lambda scope: scope.values[name]
        if name in ("size", "if_not_exists", "list_append"):
            self._next()
            self._expect("(")
            first = self._operand()
            second = self._operand() if self._take(",") else first
            self._expect(")")
            return _FUNCTIONS[name](first, second)
        path = self._path()
        return lambda scope: _at(scope.row, _named(path, scope))

    def _path(self) -> _Path:
        path: list[str | int] = [self._next()]
        while True:
            if self._take("."):
                path.append(self._next())
            elif self._take("["):
                path.append(int(self._next()))
                self._expect("]")
            else:
                return tuple(path)

    # ---- Tokens ----------------------------------------------------------------------------------

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _take(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._position += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            self._fail()

    def _fail(self) -> NoReturn:
        raise ValueError(f"not an expression that is known here: {self._text}")


def _compared(compare: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    """Values of different types, or none, compare as false."""
    a, b = _comparable(left), _comparable(right)
    return a is not None and b is not None and a[0] == b[0] and compare(a[1], b[1])


def _size(first: _Operand, _: _Operand) -> _Operand:
    def size(scope: _Scope) -> Value | None:
        value = first(scope)
        return None if value is None else {"N": str(len(next(iter(value.values()))))}

    return size


def _if_not_exists(first: _Operand, second: _Operand) -> _Operand:
    def either(scope: _Scope) -> Value | None:
        value = first(scope)
        return second(scope) if value is None else value

    return either


def _list_append(first: _Operand, second: _Operand) -> _Operand:
    return lambda scope: {"L": [*(first(scope) or {})["L"], *(second(scope) or {})["L"]]}


_FUNCTIONS: Mapping[str, Callable[[_Operand, _Operand], _Operand]] = {
    "size": _size,
    "if_not_exists": _if_not_exists,
    "list_append": _list_append,
}
