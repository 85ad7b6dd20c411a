"""DynamoDB in memory: the three operations and the expressions that the service uses, and no more.

moto takes milliseconds for what takes microseconds here, and a game makes a million calls. That
both behave alike is checked by `test_interleavings`, which plays the same sequences on moto. An expression
is translated into one of Python's, over `_Value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import eq, ge, gt, le, lt
from typing import Any

from botocore.exceptions import ClientError

Row = Mapping[str, Any]
"""Names of attributes to typed values, such as `{"S": "text"}`. Never changed once it is stored."""

_PART = re.compile(r"(?P<value>:\w+)|(?P<path>#?[a-zA-Z_]\w*(?:\.#?\w+|\[\d+\])*)|<>|<=|>=|=")
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "=": "==", "<>": "!="}
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD)\b")
_CHANGE = re.compile(r"([^\s=]+)(?:[\s=]+(.*))?")
_CHANGES = re.compile(r"(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+")


class MemoryDynamoDB:
    """Has the methods of boto3's client that the service calls."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._transactions: set[str] = set()

    def get_item(self, **request: Any) -> dict[str, Any]:
        row = self._old(request)
        if only := request.get("ProjectionExpression"):
            row = {name: row[name] for name in only.split(", ") if name in row}
        return {"Item": row} if row else {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        old = self._old(request)
        if not _holds(request, old):
            error = {"Code": "ConditionalCheckFailedException", "Message": ""}
            response: Any = {"Error": error, **({"Item": old} if old else {})}
            raise ClientError(response, "UpdateItem")
        self._update(request)
        return {"Attributes": self._old(request)} if request["ReturnValues"] == "ALL_NEW" else {}

    def transact_write_items(self, **transaction: Any) -> dict[str, Any]:
        token = transaction["ClientRequestToken"]
        if token in self._transactions:
            return {}
        requests = [each["Update"] for each in transaction["TransactItems"]]
        reasons: list[dict[str, Any]] = []
        for request in requests:
            old = self._old(request)
            holds = _holds(request, old)
            item = {"Item": old} if old and not holds else {}
            reasons.append({"Code": "None" if holds else "ConditionalCheckFailed", **item})
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Code": "TransactionCanceledException", "Message": ""}
            response: Any = {"Error": error, "CancellationReasons": reasons}
            raise ClientError(response, "TransactWriteItems")
        for request in requests:
            self._update(request)
        self._transactions.add(token)
        return {}

    def close(self) -> None:
        """There is no connection."""

    def expire(self, now: float) -> None:
        """Delete the rows whose time to live is over, as DynamoDB does sooner or later."""
        for key, row in list(self.rows.items()):
            if "ttl" in row and int(row["ttl"]["N"]) <= now:
                del self.rows[key]

    def _old(self, request: Mapping[str, Any]) -> Row:
        return self.rows.get(request["Key"]["pk"]["S"], {})

    def _update(self, request: Mapping[str, Any]) -> None:
        """Every operand is evaluated against the row before the update. The last change comes first,
        so that no removed element of a list moves one that is named after it.
        """
        old, (names, values) = self._old(request), _placeholders(request)
        new = dict(old or request["Key"])
        for clause, path, operand, text in reversed(_changes(request["UpdateExpression"])):
            value = operand(old, names, values).content if operand else None
            if clause == "SET" and value is None:
                raise ValueError(f"an operand is missing: {text}")
            if clause == "ADD":
                total = _Value(_at(old, _steps(path, names)) or {"N": "0"})
                value = (total + _Value(value)).content
            _change(new, _steps(path, names), value)
        self.rows[request["Key"]["pk"]["S"]] = new


class _Value:
    """A typed value, or None. Values of different types, or none, compare as false."""

    __slots__ = ("content",)

    def __init__(self, content: Any) -> None:
        self.content = content

    def _compare(self, compare: Callable[[Any, Any], bool], other: _Value) -> bool:
        if self.content is None or other.content is None:
            return False
        ((kind, mine),), ((other_kind, others),) = self.content.items(), other.content.items()
        if kind != other_kind:
            return False
        return compare(int(mine), int(others)) if kind == "N" else compare(mine, others)

    def __eq__(self, other: Any) -> bool:
        return self._compare(eq, other)

    def __lt__(self, other: _Value) -> bool:
        return self._compare(lt, other)

    def __le__(self, other: _Value) -> bool:
        return self._compare(le, other)

    def __gt__(self, other: _Value) -> bool:
        return self._compare(gt, other)

    def __ge__(self, other: _Value) -> bool:
        return self._compare(ge, other)

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: _Value) -> _Value:
        return _Value({"N": str(int(self.content["N"]) + int(other.content["N"]))})

    def __sub__(self, other: _Value) -> _Value:
        return _Value({"N": str(int(self.content["N"]) - int(other.content["N"]))})


def _size(value: _Value) -> _Value:
    content = value.content
    return _Value(content and {"N": str(len(next(iter(content.values()))))})


def _if_not_exists(value: _Value, otherwise: _Value) -> _Value:
    return otherwise if value.content is None else value


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "attribute_exists": lambda value: value.content is not None,
    "attribute_not_exists": lambda value: value.content is None,
    "attribute_type": lambda value, kind: kind.content["S"] in (value.content or {}),
    "size": _size,
    "if_not_exists": _if_not_exists,
    "list_append": lambda a, b: _Value({"L": [*a.content["L"], *b.content["L"]]}),
}


def _placeholders(request: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """Names and values of a request. Raises ValueError if its expressions do not use all of them."""
    names = request.get("ExpressionAttributeNames", {})
    values = request["ExpressionAttributeValues"]
    if _used(request["UpdateExpression"], request["ConditionExpression"]) != {*names, *values}:
        raise ValueError(f"placeholders and their values do not match: {request}")
    return names, values


@cache
def _used(*expressions: str) -> frozenset[str]:
    return frozenset(re.findall(r"[#:]\w+", " ".join(expressions)))


def _holds(request: Mapping[str, Any], row: Row) -> bool:
    return bool(_translated(request["ConditionExpression"])(row, *_placeholders(request)))


@cache
def _translated(expression: str) -> Any:
    """A function of the row, the names and the values."""

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if found["value"]:
            return f"Value(values[{text!r}])"
        if found["path"] and text not in _WORDS and text not in _FUNCTIONS:
            at = f"row.get({text!r})" if text.isidentifier() else f"at(row, steps({text!r}, names))"
            return f"Value({at})"
        return _WORDS.get(text, text)

    scope = {**_FUNCTIONS, "__builtins__": {}, "Value": _Value, "at": _at, "steps": _steps}
    python = f"lambda row, names, values: {_PART.sub(part, expression.strip())}"
    return eval(python, scope)  # noqa: S307 - the service's own expressions


@cache
def _changes(expression: str) -> list[tuple[str, str, Any, str]]:
    """The changes of an update: clause, path, and the value that REMOVE has not, with its text."""
    clauses = _CLAUSE.split(expression)[1:]
    parts = [
        (clause, *_CHANGE.fullmatch(change.strip()).groups(""))  # type: ignore[union-attr]
        for clause, changes in zip(clauses[::2], clauses[1::2], strict=True)
        for change in _CHANGES.findall(changes)
    ]
    return [(clause, path, text and _translated(text), text) for clause, path, text in parts]


@cache
def _parts(path: str) -> list[Any]:
    return [int(each) if each.isdigit() else each for each in re.findall(r"#?\w+", path)]


def _steps(path: str, names: Mapping[str, str]) -> list[Any]:
    """The real names and positions of a path."""
    parts = _parts(path)
    return [names.get(each, each) for each in parts] if "#" in path else parts


def _at(row: Row, path: Sequence[Any]) -> Any:
    value: Any = {"M": row}
    for step in path:
        try:
            value = value["L" if isinstance(step, int) else "M"][step]
        except (KeyError, IndexError):
            return None
    return value


def _change(inside: Any, path: Sequence[Any], value: Any) -> None:
    """Put another value at the path, or none. What is deeper inside is copied: it may be stored."""
    step, rest = path[0], path[1:]
    if rest:
        kind = "L" if isinstance(rest[0], int) else "M"
        if kind not in inside[step]:
            raise ValueError("the path of an update leads nowhere")
        copy = inside[step][kind].copy()
        _change(copy, rest, value)
        inside[step] = {kind: copy}
    elif value is not None:
        inside[step] = value
    elif isinstance(step, int):
        del inside[step : step + 1]
    else:
        inside.pop(step, None)
