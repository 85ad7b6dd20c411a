"""Search and filter expressions, and starts of names, as predicates of users.

An expression that is not understood is refused. So is a value that closes its quotes early: a search
built without escaping must not find somebody else.
"""

import operator
import re
from collections.abc import Callable

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.records import User

Wanted = Callable[[User], bool]

_VALUE = r'"((?:[^"\\]|\\["\\])*)"'
_ESCAPED = re.compile(r'\\(["\\])')
# Property names are case-sensitive, operators are not.
_BY_PROFILE = re.compile(rf"\s*profile\.(email|mobilePhone)\s+(?i:eq)\s+{_VALUE}\s*")
_SEARCHED: dict[str, Callable[[User], str | None]] = {
    "email": lambda user: user.email,
    "mobilePhone": lambda user: user.mobile_phone,
}
_CLAUSE = re.compile(rf"\s*([\w.]+)\s+(?i:(eq|gt|ge|lt|le))\s+{_VALUE}\s*(?:(?i:(and|or))\b|$)")
_FILTERED: dict[str, Callable[[User], str | None]] = {
    "id": lambda user: user.id,
    "status": lambda user: user.status,
    "lastUpdated": lambda user: user.last_updated or user.created,
    "profile.login": lambda user: user.login,
    "profile.email": lambda user: user.email,
    "profile.firstName": lambda user: user.first_name,
    "profile.lastName": lambda user: user.last_name,
}
_ORDERED = "lastUpdated"
"""The one property that can be compared otherwise than by `eq`."""


def searched(expression: str) -> Wanted:
    """`profile.email eq "..."` and the same of `mobilePhone`: whatever the case of the value."""
    by_profile = _BY_PROFILE.fullmatch(expression)
    if by_profile is None:
        raise OktaError(Refusal.INVALID_SEARCH)
    held, value = _SEARCHED[by_profile[1]], _unescaped(by_profile[2]).casefold()
    return lambda user: (held(user) or "").casefold() == value


def filtered(expression: str) -> Wanted:
    """Comparisons joined by `and`, which binds closer, and `or`; values are case-sensitive."""
    alternatives: list[list[Wanted]] = [[]]
    position, joint = 0, "and"
    while joint:
        clause = _CLAUSE.match(expression, position)
        if clause is None:
            raise OktaError(Refusal.INVALID_SEARCH)
        if joint == "or":
            alternatives.append([])
        alternatives[-1].append(_compared(clause[1], clause[2].lower(), _unescaped(clause[3])))
        position, joint = clause.end(), (clause[4] or "").lower()
    return lambda user: any(all(each(user) for each in clauses) for clauses in alternatives)


def starting(start: str) -> Wanted:
    """Users whose first name, last name or email begins so, whatever the case."""
    return lambda user: any(
        (value or "").casefold().startswith(start.casefold())
        for value in (user.first_name, user.last_name, user.email)
    )


def _compared(name: str, comparison: str, value: str) -> Wanted:
    held = _FILTERED.get(name)
    if held is None or (comparison != "eq" and name != _ORDERED):
        raise OktaError(Refusal.INVALID_SEARCH)
    # Times are written so that they sort as text.
    compare = getattr(operator, comparison)
    return lambda user: bool(compare(held(user) or "", value))


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)
