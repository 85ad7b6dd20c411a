"""Compares an answer with a recorded one: some values must be equal, others only look alike."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

RECORDINGS = Path(os.environ.get("OKTA_RECORDINGS", ""))

needs_recordings = pytest.mark.skipif(
    "OKTA_RECORDINGS" not in os.environ,
    reason="OKTA_RECORDINGS does not name the folder of recorded Okta exchanges",
)

EXACT_FIELDS = """
encoding errorCode errorLink errorSummary factorResult factorType method provider question
questionText status vendorName
"""
EXACT_HEADERS = frozenset({"cache-control", "expires", "pragma", "www-authenticate"})

# The server adds the date; the other two depend on whether a proxy compressed the recorded answer.
TOLERATED_HEADERS = frozenset({"date", "vary", "content-length"})

_FORMS = {
    "time": re.compile(r"()\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"),
    "record id": re.compile(r"(00u|emf|mbl|clf|ost|uft|ufs|oty)[A-Za-z0-9]{17}"),
    "session id": re.compile(r"(102)[A-Za-z0-9_-]{22}"),
    "session token": re.compile(r"(20111)[A-Za-z0-9_-]{50}"),
    "state token": re.compile(r"(00)[A-Za-z0-9_-]{40}"),
    "error id": re.compile(r"(oae)[A-Za-z0-9_-]{22}"),
}
_FREE_TEXT = "text"
_ORIGIN = re.compile(r"https?://[^/]+")
_ID_SEGMENT = re.compile(r"(?<=/)(users|user|factors|qr|transactions)/(?!questions)[^/?>]+")
_LINK_NAME = re.compile(r"\.(next|resend\[\d\])\.name$")
_CURSOR = re.compile(r"after=[^&]+")
_SEARCH = re.compile(r"search=[^&>]+")


def recorded(name: str) -> dict[str, Any]:
    """The response of a recorded exchange: status, headers, body."""
    response: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    return response


def documented(example: str) -> Any:
    """An example of the vendor's OpenAPI document."""
    document = json.loads((RECORDINGS.parent / "openapi-subset.json").read_text())
    return document["components"]["examples"][example]["value"]


def differences(
    expected: Mapping[str, Any], simulated: TestResponse, tolerated: Mapping[str, str]
) -> list[str]:
    """The differences to a recorded response that have no reason in `tolerated`."""
    different = {
        *body_differences(expected["body"], simulated.get_json(silent=True)),
        *header_differences(expected["headers"], simulated.headers),
    }
    if simulated.status_code != expected["status"]:
        different.add(f"status: {expected['status']} became {simulated.status_code}")
    found = [*(different - tolerated.keys())]
    return found + [f"no longer so: {each}" for each in tolerated.keys() - different]


def body_differences(expected: Any, simulated: Any, where: str = "$") -> list[str]:
    """The differences in keys, JSON types, constant values and the form of ids and times."""
    if type(expected) is not type(simulated):
        return [f"{where}: other type"]
    if isinstance(expected, str):
        return _text_differences(expected, simulated, where)
    if isinstance(expected, list):
        if any(isinstance(each, dict) and "factorType" in each for each in expected):
            return body_differences(_by_type(expected), _by_type(simulated), where)
        if len(expected) != len(simulated):
            return [f"{where}: {len(expected)} elements became {len(simulated)}"]
        pairs = [(f"{where}[{at}]", expected[at], each) for at, each in enumerate(simulated)]
    elif isinstance(expected, dict):
        both = expected.keys() & simulated.keys()
        pairs = [(f"{where}.{key}", expected[key], simulated[key]) for key in both]
    else:
        return []
    found = [each for at, one, other in pairs for each in body_differences(one, other, at)]
    if isinstance(expected, dict):
        found += [f"{where}.{key}: missing" for key in expected.keys() - simulated.keys()]
        found += [f"{where}.{key}: extra" for key in simulated.keys() - expected.keys()]
    return found


def header_differences(expected: Mapping[str, str | list[str]], simulated: Headers) -> list[str]:
    """The differences in header names, exact values and numbers.

    A recording without a request id was published with only some of its headers, so that extra
    ones are no difference.
    """
    values = {name.lower(): value for name, value in expected.items()}
    names = {name.lower() for name in simulated.keys()}  # noqa: SIM118 - iterating gives pairs
    found = [f"{name}: missing" for name in values.keys() - names - TOLERATED_HEADERS]
    if "x-okta-request-id" in values:
        found += [f"{name}: extra" for name in names - values.keys() - TOLERATED_HEADERS]
    for name, value in values.items():
        given = simulated.get(name, "")
        if name in EXACT_HEADERS and value != given:
            found.append(f"{name}: {value!r} became {given!r}")
        if name.startswith("x-rate-limit-") and not given.isdecimal():
            found.append(f"{name}: not a number but {given!r}")
        if name == "content-type" and str(value).partition(";")[0] != given.partition(";")[0]:
            found.append(f"{name}: {value!r} became {given!r}")
    return found


def link_shape(link: str) -> str:
    """A Link header without the org's name, the cursor and the search expression."""
    return _SEARCH.sub("search=", _CURSOR.sub("after=", _ORIGIN.sub("", link)))


def _text_differences(expected: str, simulated: str, where: str) -> list[str]:
    field = where.rpartition(".")[2]
    if field == "href":
        expected, simulated = _without_ids(expected), _without_ids(simulated)
    elif not (
        field in EXACT_FIELDS.split() or field.startswith("allow[") or _LINK_NAME.search(where)
    ):
        expected, simulated = _form(expected), _form(simulated)
        # Free text, or an id that was altered before the recording was published.
        if expected == _FREE_TEXT:
            return []
    return [] if expected == simulated else [f"{where}: {expected!r} became {simulated!r}"]


def _without_ids(href: str) -> str:
    return _ID_SEGMENT.sub(r"\1/{id}", _ORIGIN.sub("", href))


def _by_type(factors: list[Any]) -> dict[str, Any]:
    return {f"{each['factorType']} {each['provider']}": each for each in factors}


def _form(text: str) -> str:
    for name, form in _FORMS.items():
        if matched := form.fullmatch(text):
            return f"{name} {matched[1]}"
    return _FREE_TEXT
