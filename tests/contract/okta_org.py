"""A simulated Okta org under test: its clock, a client and a server on a loopback port."""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from werkzeug.test import Client, TestResponse

from tests.sandbox.okta.models import Latency, Org
from tests.sandbox.okta.records import Factor, FactorType, User
from tests.sandbox.okta.seed import ADA_PASSWORD, SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app
from tests.sandbox.server import HOST, Server

ADA = "ada@example.com"
ALAN = "alan@example.com"
GRACE = "grace.hopper"

SUCCESS = (200, None)
INVALID = (400, "E0000001")
MALFORMED = (400, "E0000003")
NO_PHONE = (400, "E0000098")
FAILED = (401, "E0000004")
DEAD_TOKEN = (401, "E0000011")
NO_SESSION = (403, "E0000005")
FORBIDDEN = (403, "E0000006")
ALREADY_ACTIVE = (403, "E0000016")
WRONG_STATUS = (403, "E0000038")
WRONG_CODE = (403, "E0000068")
LOCKED = (403, "E0000069")
WRONG_STEP = (403, "E0000079")
REPLAYED = (403, "E0000082")
WRONG_STATE = (403, "E0000107")
NOT_FOUND = (404, "E0000007")
RATE_LIMITED = (429, "E0000047")
"""Answers of the org, as `outcome` gives them."""

START = 1_750_000_000.0
"""The first time of a test's clock, in epoch seconds, 10 s after the start of a TOTP step."""


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class OktaOrg:
    """An org, its clock and a client that calls it like the service."""

    def __init__(self, latency: Latency = 0.0) -> None:
        self.clock = Clock()
        self.org = Org(self.clock, random.Random(20), latency)  # noqa: S311 - no secrets
        self._client = Client(create_app(self.org))

    def get(
        self, path: str, api_token: str | None = SANDBOX_API_TOKEN, **query: str
    ) -> TestResponse:
        return self.send("GET", path, api_token=api_token, query=query)

    def post(
        self,
        path: str,
        body: object = None,
        api_token: str | None = SANDBOX_API_TOKEN,
        **query: str,
    ) -> TestResponse:
        return self.send("POST", path, body, api_token=api_token, query=query)

    def put(self, path: str, body: object = None) -> TestResponse:
        return self.send("PUT", path, body)

    def delete(
        self, path: str, api_token: str | None = SANDBOX_API_TOKEN, **query: str
    ) -> TestResponse:
        return self.send("DELETE", path, api_token=api_token, query=query)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        api_token: str | None = SANDBOX_API_TOKEN,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send a request; a body of bytes as it is, any other as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        authorization = {} if api_token is None else {"Authorization": f"SSWS {api_token}"}
        return self._client.open(
            path,
            method=method,
            data=None if body is None else content,
            query_string=query,
            content_type=None if body is None else "application/json",
            headers={**authorization, **(headers or {})},
        )

    def search(self, expression: str, **query: str) -> TestResponse:
        return self.get("/api/v1/users", search=expression, **query)

    def user(self, login: str) -> User:
        return self.org.directory.user_by_id_or_login(login)

    def factor(self, login: str, factor_type: FactorType) -> Factor:
        return next(each for each in self.user(login).factors if each.type is factor_type)

    def factors_path(self, login: str) -> str:
        return f"/api/v1/users/{self.user(login).id}/factors"

    def verify_path(self, login: str, factor_type: FactorType) -> str:
        return f"{self.factors_path(login)}/{self.factor(login, factor_type).id}/verify"

    def challenge(self, login: str, factor_type: FactorType, **query: str) -> TestResponse:
        return self.post(self.verify_path(login, factor_type), **query)

    def check(self, login: str, factor_type: FactorType, code: str) -> TestResponse:
        field = "answer" if factor_type is FactorType.QUESTION else "passCode"
        return self.post(self.verify_path(login, factor_type), {field: code})

    def enrol(self, login: str, factor_type: str, **query: str) -> TestResponse:
        """Enrol a factor that needs no profile."""
        return self.enrol_factor(login, {"factorType": factor_type}, **query)

    def enrol_phone(self, login: str, factor_type: str, phone: str, **query: str) -> TestResponse:
        new = {"factorType": factor_type, "profile": {"phoneNumber": phone}}
        return self.enrol_factor(login, new, **query)

    def enrol_factor(self, login: str, new: Mapping[str, object], **query: str) -> TestResponse:
        return self.post(self.factors_path(login), {"provider": "OKTA", **new}, **query)

    def activate(self, login: str, factor_id: str, code: str) -> TestResponse:
        path = f"{self.factors_path(login)}/{factor_id}/lifecycle/activate"
        return self.post(path, {"passCode": code})

    def sign_in(self, login: str, password: str = ADA_PASSWORD, **more: object) -> TestResponse:
        """Begin a sign-in without an API token, as a public application does."""
        body = {"username": login, "password": password, **more}
        return self.post("/api/v1/authn", body, api_token=None)

    def follow(
        self, path: str, state: Mapping[str, object], api_token: str | None = None, **body: object
    ) -> TestResponse:
        """Take the next step of a sign-in, whose last answer is `state`."""
        whole = {"stateToken": state["stateToken"], **body}
        return self.post(f"/api/v1/authn{path}", whole, api_token=api_token)

    def sent_code(self, address: str) -> str:
        return self.org.inbox.to(address)[0].code


@contextmanager
def served(org: Org) -> Iterator[tuple[str, int]]:
    """Serve an org on a loopback port: yields host and port."""
    with Server(create_app(org)) as server:
        yield HOST, urlsplit(server.url).port or 0


def wrong(code: str) -> str:
    """A code of the same length that differs in its last digit."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def outcome(response: TestResponse) -> tuple[int, str | None]:
    """Status and errorCode of an answer."""
    body = response.get_json()
    return response.status_code, body.get("errorCode") if isinstance(body, dict) else None


def path_of(href: str) -> str:
    """The path of a link."""
    return urlsplit(href).path
