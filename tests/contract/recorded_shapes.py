"""Compares an answer with a recorded one: what must be equal, and what must only look alike."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from tests.contract.okta_org import OktaOrg

RECORDINGS = Path(os.environ.get("OKTA_RECORDINGS", ""))

needs_recordings = pytest.mark.skipif(
    "OKTA_RECORDINGS" not in os.environ,
    reason="OKTA_RECORDINGS does not name the folder of recorded Okta exchanges",
)

Reproduction = Callable[[OktaOrg], TestResponse]
NO_DIFFERENCES: Mapping[str, str] = {}

EXACT_FIELDS = frozenset(
    {
        "encoding",
        "errorCode",
        "errorLink",
        "errorSummary",
        "factorResult",
        "factorType",
        "method",
        "provider",
        "question",
        "questionText",
        "status",
        "vendorName",
    }
)
EXACT_HEADERS = frozenset({"cache-control", "expires", "pragma", "www-authenticate"})

# Differences that may stay, each with its reason.
TOLERATED_HEADERS = {
    "date": "the HTTP server adds it",
    "vary": "depends on whether the proxy in front of the org compressed the answer",
    "content-length": "absent where the answer was compressed",
}

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
_ID_SEGMENT = re.compile(r"(?<=/)(users|user|factors|qr)/(?!questions)[^/?>]+")
_LINK_NAME = re.compile(r"\.(next|resend\[\d\])\.name$")
_CURSOR = re.compile(r"after=[^&]+")
_SEARCH = re.compile(r"search=[^&>]+")


@dataclass(frozen=True)
class _Exchange:
    reproduce: Reproduction
    tolerated: Mapping[str, str]


class Exchanges:
    """Recorded exchanges by the names of their files, each with the way into its situation."""

    def __init__(self) -> None:
        self._exchanges: dict[str, _Exchange] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._exchanges)

    def reproduces(
        self, *names: str, tolerating: Mapping[str, str] = NO_DIFFERENCES
    ) -> Callable[[Reproduction], Reproduction]:
        """Register a function; the differences that may stay come with their reasons."""

        def register(reproduce: Reproduction) -> Reproduction:
            for name in names:
                assert name not in self._exchanges, f"{name} has its reproduction"
                self._exchanges[name] = _Exchange(reproduce, tolerating)
            return reproduce

        return register

    def differences(self, name: str, okta: OktaOrg) -> list[str]:
        """Where an exchange, reproduced, differs from the recorded one without a reason."""
        exchange = self._exchanges[name]
        recorded = json.loads((RECORDINGS / name).read_text())["response"]
        simulated = exchange.reproduce(okta)
        found = []
        if simulated.status_code != recorded["status"]:
            found.append(f"status: {recorded['status']} became {simulated.status_code}")
        in_body = set(body_differences(recorded["body"], simulated.get_json(silent=True)))
        found += in_body - exchange.tolerated.keys()
        found += [f"no longer so: {each}" for each in exchange.tolerated.keys() - in_body]
        return found + header_differences(recorded["headers"], simulated.headers)


def body_differences(recorded: Any, simulated: Any, where: str = "$") -> list[str]:
    """Where two bodies differ in keys, JSON types, constant values or the form of ids and times."""
    if type(recorded) is not type(simulated):
        return [f"{where}: other type"]
    if isinstance(recorded, list):
        return _list_differences(recorded, simulated, where)
    if isinstance(recorded, dict):
        return _dict_differences(recorded, simulated, where)
    if isinstance(recorded, str):
        return _text_differences(recorded, simulated, where)
    return []


def _dict_differences(recorded: dict[str, Any], simulated: dict[str, Any], where: str) -> list[str]:
    found = [f"{where}.{key}: missing" for key in recorded.keys() - simulated.keys()]
    found += [f"{where}.{key}: extra" for key in simulated.keys() - recorded.keys()]
    for key in recorded.keys() & simulated.keys():
        found += body_differences(recorded[key], simulated[key], f"{where}.{key}")
    return found


def _list_differences(recorded: list[Any], simulated: list[Any], where: str) -> list[str]:
    if any(isinstance(each, dict) and "factorType" in each for each in recorded):
        return _dict_differences(_factors_by_type(recorded), _factors_by_type(simulated), where)
    if len(recorded) != len(simulated):
        return [f"{where}: {len(recorded)} elements became {len(simulated)}"]
    found = []
    for index, (one, other) in enumerate(zip(recorded, simulated, strict=True)):
        found += body_differences(one, other, f"{where}[{index}]")
    return found


def _text_differences(recorded: str, simulated: str, where: str) -> list[str]:
    field = where.rpartition(".")[2]
    if field == "href":
        recorded, simulated = _without_ids(recorded), _without_ids(simulated)
    elif not _is_exact(where, field):
        recorded, simulated = _form(recorded), _form(simulated)
        # Free text, or an id that whoever published the recording altered.
        if recorded == _FREE_TEXT:
            return []
    return [] if recorded == simulated else [f"{where}: {recorded!r} became {simulated!r}"]


def _is_exact(where: str, field: str) -> bool:
    return field in EXACT_FIELDS or field.startswith("allow[") or bool(_LINK_NAME.search(where))


def _without_ids(href: str) -> str:
    return _ID_SEGMENT.sub(r"\1/{id}", _ORIGIN.sub("", href))


def header_differences(recorded: Mapping[str, str | list[str]], simulated: Headers) -> list[str]:
    """Where headers differ: names, exact values, numbers.

    A recording without a request id was published with some of its headers only: it says what
    must be there, not what must not.
    """
    values = {name.lower(): value for name, value in recorded.items()}
    names = {name.lower() for name in simulated.keys()}  # noqa: SIM118 - iterating gives pairs
    found = [f"{name}: missing" for name in values.keys() - names - TOLERATED_HEADERS.keys()]
    if "x-okta-request-id" in values:
        found += [f"{name}: extra" for name in names - values.keys() - TOLERATED_HEADERS.keys()]
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
    """A Link header without the org's name, its cursor and what was searched for."""
    return _SEARCH.sub("search=", _CURSOR.sub("after=", _ORIGIN.sub("", link)))


def _factors_by_type(factors: list[Any]) -> dict[str, Any]:
    return {f"{each['factorType']} {each['provider']}": each for each in factors}


def _form(text: str) -> str:
    for name, form in _FORMS.items():
        if matched := form.fullmatch(text):
            return f"{name} {matched[1]}"
    return _FREE_TEXT
