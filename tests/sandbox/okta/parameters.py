"""Reads what a request carries: its JSON body and its query."""

import json
import re

from werkzeug import Request

from tests.sandbox.okta.exceptions import MalformedBodyError, ValidationFailedError
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.verification import DEFAULT_LIFETIME_SECONDS

MAX_LIFETIME_SECONDS = 86_400

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def json_object(request: Request) -> dict[str, object]:
    """The body, which must be a JSON object."""
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as malformed:
        raise MalformedBodyError from malformed
    if not isinstance(body, dict):
        raise MalformedBodyError
    return body


def optional_json_object(request: Request) -> dict[str, object]:
    """The body, or an empty object where there is none."""
    return json_object(request) if request.get_data() else {}


def nested(body: dict[str, object], name: str) -> dict[str, object]:
    """An object within the body; an empty one when it is absent or null."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedBodyError
    return value


def text(body: dict[str, object], name: str) -> str | None:
    """A string of the body; None when it is absent, empty or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedBodyError
    return value or None


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean of the query; assumed: whatever is not `true` is false."""
    given = request.args.get(name)
    return default if given is None else given.lower() == "true"


def lifetime_seconds(request: Request, factor_type: FactorType) -> int:
    """How long a code is to live; only an email may say it."""
    given = request.args.get("tokenLifetimeSeconds")
    if given is None or factor_type is not FactorType.EMAIL:
        return DEFAULT_LIFETIME_SECONDS
    seconds = whole_number(given)
    if seconds is None or not 1 <= seconds <= MAX_LIFETIME_SECONDS:
        raise ValidationFailedError(
            "tokenLifetimeSeconds",
            f"tokenLifetimeSeconds: must be from 1 to {MAX_LIFETIME_SECONDS}",
        )
    return seconds


def whole_number(given: str) -> int | None:
    """A number of the query, if it is one."""
    return int(given) if _WHOLE_NUMBER.fullmatch(given) else None
