"""Reads the JSON body and the query of a request."""

import json
import re

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal, validation_failed
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.verification import DEFAULT_LIFETIME_SECONDS

MAX_LIFETIME_SECONDS = 86_400

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def json_object(request: Request) -> dict[str, object]:
    """The body, which must be a JSON object."""
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as malformed:
        raise OktaError(Refusal.MALFORMED_BODY) from malformed
    if not isinstance(body, dict):
        raise OktaError(Refusal.MALFORMED_BODY)
    return body


def optional_json_object(request: Request) -> dict[str, object]:
    """The body, or an empty object where there is none."""
    return json_object(request) if request.get_data() else {}


def nested(body: dict[str, object], name: str) -> dict[str, object]:
    """An object in the body; empty if it is absent or null."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise OktaError(Refusal.MALFORMED_BODY)
    return value


def text(body: dict[str, object], name: str) -> str | None:
    """A string in the body; None if it is absent, empty or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise OktaError(Refusal.MALFORMED_BODY)
    return value or None


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean in the query; assumed: anything but `true` is false."""
    given = request.args.get(name)
    return default if given is None else given.lower() == "true"


def lifetime_seconds(request: Request, factor_type: FactorType) -> int:
    """The lifetime of a code, which only a request for an email code can set."""
    given = request.args.get("tokenLifetimeSeconds")
    if given is None or factor_type is not FactorType.EMAIL:
        return DEFAULT_LIFETIME_SECONDS
    seconds = whole_number(given)
    if seconds is None or not 1 <= seconds <= MAX_LIFETIME_SECONDS:
        raise validation_failed(
            "tokenLifetimeSeconds",
            f"tokenLifetimeSeconds: must be from 1 to {MAX_LIFETIME_SECONDS}",
        )
    return seconds


def whole_number(given: str) -> int | None:
    """A number in the query, or None."""
    return int(given) if _WHOLE_NUMBER.fullmatch(given) else None
