"""DynamoDB in memory: the three operations and the expressions that the service uses, and no more.

moto takes milliseconds for what takes microseconds here, and a game makes a million calls. That
both behave alike is checked by `test_games`, which plays the same sequences on moto. An expression
is translated into one of Python's, over `_Value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import eq, ge, gt, le, lt
from types import CodeType
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
        old = self._old(request)
        scope, new = _scope(request, old), dict(old or request["Key"])
        for clause, path, text in reversed(_changes(request["UpdateExpression"])):
            value = _evaluated(text, scope).content if text else None
            if clause == "SET" and value is None:
                raise ValueError(f"an operand is missing: {text}")
            if clause == "ADD":
                total = _if_not_exists(_evaluated(path, scope), _Value({"N": "0"}))
                value = (total + _Value(value)).content
            new = _changed({"M": new}, _steps(path, scope["names"]), value)["M"]
        self.rows[request["Key"]["pk"]["S"]] = new


@dataclass(frozen=True, slots=True, eq=False)
class _Value:
    """A typed value, or None. Values of different types, or none, compare as false."""

    content: Any

    def _compare(self, compare: Callable[[Any, Any], bool], other: _Value) -> bool:
        mine, others = (next(iter((each.content or {}).items()), None) for each in (self, other))
        if mine is None or others is None or mine[0] != others[0]:
            return False
        is_number = mine[0] == "N"
        return compare(*(int(each[1]) if is_number else each[1] for each in (mine, others)))

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


def _scope(request: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """What an expression can name: functions, `p` for paths, `v` for placeholders of values."""
    names = request.get("ExpressionAttributeNames", {})
    values = request["ExpressionAttributeValues"]
    used = [_placeholders(request[f"{kind}Expression"]) for kind in ("Update", "Condition")]
    if used[0] | used[1] != names.keys() | values.keys():
        raise ValueError(f"placeholders and their values do not match: {request}")
    return {
        **_FUNCTIONS,
        "__builtins__": {},
        "p": lambda path: _Value(_at(row, _steps(path, names))),
        "v": lambda name: _Value(values[name]),
        "names": names,
    }


def _holds(request: Mapping[str, Any], row: Row) -> bool:
    return bool(_evaluated(request["ConditionExpression"], _scope(request, row)))


def _evaluated(expression: str, scope: dict[str, Any]) -> Any:
    return eval(_translated(expression), scope)  # noqa: S307 - the service's own expressions


@cache
def _translated(expression: str) -> CodeType:
    def part(found: re.Match[str]) -> str:
        text = found[0]
        if found["value"]:
            return f"v({text!r})"
        if found["path"] and text not in _WORDS and text not in _FUNCTIONS:
            return f"p({text!r})"
        return _WORDS.get(text, text)

    return compile(_PART.sub(part, expression.strip()), expression, "eval")


@cache
def _placeholders(expression: str) -> frozenset[str]:
    return frozenset(re.findall(r"[#:]\w+", expression))


@cache
def _changes(expression: str) -> list[tuple[str, str, str]]:
    """The changes of an update: clause, path, and the text of a value, which REMOVE has not."""
    clauses = _CLAUSE.split(expression)[1:]
    return [
        (clause, *_CHANGE.fullmatch(change.strip()).groups(""))  # type: ignore[union-attr]
        for clause, changes in zip(clauses[::2], clauses[1::2], strict=True)
        for change in _CHANGES.findall(changes)
    ]


@cache
def _parts(path: str) -> list[str | int]:
    return [int(each) if each.isdigit() else each for each in re.findall(r"#?\w+", path)]


def _steps(path: str, names: Mapping[str, str]) -> list[str | int]:
    """The real names and positions of a path."""
    return [names.get(each, each) if isinstance(each, str) else each for each in _parts(path)]


def _at(row: Row, path: list[str | int]) -> Any:
    value: Any = {"M": row}
    for step in path:
        try:
            value = value["L" if isinstance(step, int) else "M"][step]
        except (KeyError, IndexError):
            return None
    return value


def _changed(inside: Any, path: list[str | int], value: Any) -> Any:
    """A copy with another value at the path, or without one."""
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
