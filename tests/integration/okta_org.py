"""Okta, as far as the functions see it: `responses` in front of a few users and their factors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import responses
from requests import PreparedRequest

from tests.integration.okta_client import CODE, ORG_URL, okta_error
from tests.unit.examples import NOW

WRONG_CODE = "314159"
STATE_TOKEN = "00canary-state-token"

Answer = tuple[int, Mapping[str, str], str]


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    """An answer; an underscore in a header's name stands for a hyphen."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, given, json.dumps(document)


def refusal(status: int, code: str, **headers: str) -> Answer:
    """An error of Okta's."""
    return answer(okta_error(code), status, **headers)


@dataclass
class OktaUser:
    """A user as the tests change it; factors are (type, status, destination)."""

    id: str
    email: str
    login: str
    status: str = "ACTIVE"
    factors: list[tuple[str, str, str]] = field(default_factory=list)
    created: str = "2020-08-27T18:15:34.000Z"

    def document(self) -> dict[str, Any]:
        profile = {"login": self.login, "email": self.email, "mobilePhone": "+15005550006"}
        return {
            "id": self.id,
            "status": self.status,
            "created": self.created,
            "profile": profile,
        }

    def factor_documents(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"{kind[:3]}{self.id[3:]}",
                "factorType": kind,
                "provider": "OKTA",
                "status": status,
                "profile": {"email" if kind == "email" else "phoneNumber": destination},
            }
            for kind, status, destination in self.factors
        ]


@dataclass(frozen=True)
class OktaCall:
    """One call that Okta received."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)


class OktaOrg:
    """Answers by the state of its users, unless told what to answer instead."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.users: list[OktaUser] = []
        self.calls: list[OktaCall] = []
        self._instead: dict[str, list[Answer | Exception]] = {}
        self._meanwhile: dict[str, Callable[[], object]] = {}
        anything = re.compile(re.escape(ORG_URL) + "/.*")
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, anything, callback=self._answer)

    def add(
        self, email: str, *factors: tuple[str, str, str], login: str = "", status: str = "ACTIVE"
    ) -> OktaUser:
        """A user with these factors; an active email factor if none are given."""
        number = len(self.users) + 1
        user = OktaUser(f"00u{number:017}", email, login or email, status)
        user.factors = list(factors) or [("email", "ACTIVE", email)]
        self.users.append(user)
        return user

    def answers_instead(self, what: str, *answers: Answer | Exception) -> None:
        """Let the next calls of a kind ("user", "search", "create", "factors", "enrol", "send",
        "check", "sign_in", "step") end so.
        """
        self._instead.setdefault(what, []).extend(answers)

    def meanwhile(self, what: str, happens: Callable[[], object]) -> None:
        """Let something happen while Okta is busy with the next call of a kind."""
        self._meanwhile[what] = happens

    def counts(self, what: str) -> int:
        """How many calls of a kind there were."""
        return sum(_kind(call) == what for call in self.calls)

    def _answer(self, request: PreparedRequest) -> Answer:
        url = urlsplit(request.url or "")
        body = json.loads(request.body) if request.body else None
        segments = tuple(unquote(segment) for segment in url.path.split("/")[1:])
        call = OktaCall(request.method or "", segments, parse_qs(url.query), request.headers, body)
        self.calls.append(call)
        kind = _kind(call)
        if kind in self._meanwhile:
            self._meanwhile.pop(kind)()
        if self._instead.get(kind):
            instead = self._instead[kind].pop(0)
            if isinstance(instead, Exception):
                raise instead
            return instead
        return self._ANSWERS[kind](self, call)

    def _user(self, call: OktaCall) -> Answer:
        name = call.segments[-1]
        for user in self.users:
            if name in (user.id, user.login):
                return answer(user.document())
        return refusal(404, "E0000007")

    def _search(self, call: OktaCall) -> Answer:
        email = re.fullmatch(r'profile\.email eq "(.*)"', call.query["search"][0])
        assert email
        found = [user for user in self.users if user.email.lower() == email[1].lower()]
        return answer([user.document() for user in found])

    def _create(self, call: OktaCall) -> Answer:
        profile = call.body["profile"]
        user = self.add(profile["email"], login=profile["login"])
        user.factors.clear()
        user.created = datetime.fromtimestamp(NOW, UTC).isoformat()
        return answer(user.document())

    def _enrol(self, call: OktaCall) -> Answer:
        user = next(user for user in self.users if user.id == call.segments[3])
        [destination] = call.body["profile"].values()
        user.factors.append((call.body["factorType"], "ACTIVE", destination))
        return answer(user.factor_documents()[-1])

    def _factors(self, call: OktaCall) -> Answer:
        user = next(user for user in self.users if user.id == call.segments[3])
        return answer(user.factor_documents())

    def _send(self, _: OktaCall) -> Answer:
        return answer({"factorResult": "CHALLENGE", "_links": {}})

    def _check(self, call: OktaCall) -> Answer:
        if call.body == {"passCode": CODE}:
            return answer({"factorResult": "SUCCESS"}, X_Okta_Request_Id="okta-request-1")
        return refusal(403, "E0000068")

    def _sign_in(self, _: OktaCall) -> Answer:
        factor = {"id": "ost1", "factorType": "token:software:totp"}
        embedded = {"user": {"id": self.users[0].id}, "factors": [factor]}
        document = {"status": "MFA_REQUIRED", "stateToken": STATE_TOKEN, "_embedded": embedded}
        return answer(document)

    def _step(self, call: OktaCall) -> Answer:
        if call.body == {"stateToken": STATE_TOKEN, "passCode": CODE}:
            return answer({"status": "SUCCESS", "sessionToken": "20111canary"})
        return refusal(403, "E0000068")

    _ANSWERS: Mapping[str, Callable[[OktaOrg, OktaCall], Answer]] = {
        "user": _user,
        "search": _search,
        "create": _create,
        "enrol": _enrol,
        "factors": _factors,
        "send": _send,
        "check": _check,
        "sign_in": _sign_in,
        "step": _step,
    }


def _kind(call: OktaCall) -> str:
    match call.segments[2:]:
        case ("users",):
            return "create" if call.method == "POST" else "search"
        case ("users", _):
            return "user"
        case ("users", _, "factors"):
            return "enrol" if call.method == "POST" else "factors"
        case ("users", _, "factors", _, "verify"):
            return "check" if call.body else "send"
        case ("authn",):
            return "sign_in"
        case ("authn", "factors", _, "verify"):
            return "step"
    raise AssertionError(f"the service asked for {call.method} {call.path}")
