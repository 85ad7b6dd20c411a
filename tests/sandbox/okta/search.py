"""The one search expression that the org understands: `profile.email eq "..."`."""

import re

from tests.sandbox.okta.exceptions import InvalidSearchError

# Property names are case-sensitive, operators are not.
_BY_EMAIL = re.compile(r'\s*profile\.email\s+(?i:eq)\s+"((?:[^"\\]|\\["\\])*)"\s*')
_ESCAPED = re.compile(r'\\(["\\])')


def searched_email(expression: str) -> str:
    """The email that the expression asks for, with its escapes undone.

    A value that closes its quotes early makes another expression, which is refused: a search
    built without escaping must not find somebody else.
    """
    by_email = _BY_EMAIL.fullmatch(expression)
    if by_email is None:
        raise InvalidSearchError
    return _ESCAPED.sub(r"\1", by_email[1])
