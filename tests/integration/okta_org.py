"""The sandbox's Okta org behind `responses`: the functions reach it without a socket."""

from __future__ import annotations

import json
import random
import re
from collections import deque
from collections.abc import Callable, Mapping

import responses
from requests import PreparedRequest
from werkzeug.test import Client

from tests.integration.account import TOKEN
from tests.integration.okta_client import ORG_URL, okta_error
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import FactorType, User
from tests.sandbox.okta.urls import create_app

ADA = "ada@example.com"

Answer = tuple[int, Mapping[str, str], str]
Instead = Answer | BaseException


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    """An answer; an underscore in a header's name stands for a hyphen."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, given, json.dumps(document)


def refusal(status: int, code: str, **headers: str) -> Answer:
    """An error of Okta."""
    return answer(okta_error(code), status, **headers)


class OktaOrg:
    """The org, and what the next calls of a kind do instead.

    Kinds are `lookup`, `create`, `factors`, `send`, `check` and `authn`. `before` is what happens
    while Okta is busy with the next call of a kind.
    """

    def __init__(self, mock: responses.RequestsMock, clock: Callable[[], float]) -> None:
        self.org = Org(clock, random.Random(20))  # noqa: S311 - no secrets
        self.org.accept_tokens([TOKEN])
        self.instead: dict[str, deque[Instead]] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.kinds: list[str] = []
        self._client = Client(create_app(self.org))
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, re.compile(re.escape(ORG_URL) + "/.*"), self._answer)

    def add(self, email: str, phone: str, name: str, password: str = "") -> User:
        """A customer with an email factor and an SMS factor."""
        directory = self.org.directory
        user = directory.add_user(login=email, email=email, first_name=name, last_name=name)
        user.mobile_phone, user.password = phone, password or user.password
        directory.add_factor(user, FactorType.EMAIL, email)
        directory.add_factor(user, FactorType.SMS, phone)
        return user

    def answers(self, kind: str, *instead: Instead) -> None:
        """Let the next calls of a kind end like this."""
        self.instead.setdefault(kind, deque()).extend(instead)

    def code(self, address: str = ADA) -> str:
        """The newest code that was sent to an address or number."""
        return self.org.inbox.to(address)[0].code

    def _answer(self, request: PreparedRequest) -> Answer:
        kind = _kind(request)
        self.kinds.append(kind)
        if kind in self.before:
            self.before.pop(kind)()
        if self.instead.get(kind):
            instead = self.instead[kind].popleft()
            if isinstance(instead, BaseException):
                raise instead
            return instead
        done = self._client.open(
            request.path_url,
            method=request.method or "",
            data=request.body,
            headers=dict(request.headers),
        )
        return done.status_code, dict(done.headers), done.get_data(as_text=True)


def _kind(request: PreparedRequest) -> str:
    match request.path_url.partition("?")[0].split("/")[3:]:
        case ["users"] if request.method == "POST":
            return "create"
        case ["users"] | ["users", _]:
            return "lookup"
        case ["users", _, "factors", _, "verify"]:
            return "check" if "passCode" in str(request.body) else "send"
        case ["users", _, "factors", *_]:
            return "factors"
    return "authn"
