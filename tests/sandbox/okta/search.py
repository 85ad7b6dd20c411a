"""The search expressions that the org understands: `profile.email eq "..."`, or `mobilePhone`."""

import re

from tests.sandbox.okta.exceptions import InvalidSearchError

# Property names are case-sensitive, operators are not.
_BY_PROFILE = re.compile(r'\s*profile\.(email|mobilePhone)\s+(?i:eq)\s+"((?:[^"\\]|\\["\\])*)"\s*')
_ESCAPED = re.compile(r'\\(["\\])')


def searched(expression: str) -> tuple[str, str]:
    """The property and value that the expression asks for, with the value's escapes undone.

    A value that closes its quotes early makes another expression, which is refused: a search
    built without escaping must not find somebody else.
    """
    by_profile = _BY_PROFILE.fullmatch(expression)
    if by_profile is None:
        raise InvalidSearchError
    return by_profile[1], _ESCAPED.sub(r"\1", by_profile[2])
