"""A simulated org under test: its clock, a client of it, and a server on a loopback port."""

import json
import logging
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import Factor, FactorType, User
from tests.sandbox.okta.seed import ADA_PASSWORD, SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app

START = 1_750_000_000.0
"""When the clock of a test begins, in epoch seconds; a whole TOTP step begins 10 s before."""


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class OktaOrg:
    """An org with its clock, spoken to as the service would."""

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self.clock = Clock()
        self.org = Org(self.clock, random.Random(20), latency_seconds)  # noqa: S311 - no secrets
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
        """Send bytes as they are, anything else as JSON, None as no body."""
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
        wish = {"factorType": factor_type, "profile": {"phoneNumber": phone}}
        return self.enrol_factor(login, wish, **query)

    def enrol_factor(self, login: str, wish: Mapping[str, object], **query: str) -> TestResponse:
        return self.post(self.factors_path(login), {"provider": "OKTA", **wish}, **query)

    def activate(self, login: str, factor_id: str, code: str) -> TestResponse:
        path = f"{self.factors_path(login)}/{factor_id}/lifecycle/activate"
        return self.post(path, {"passCode": code})

    def sign_in(self, login: str, password: str = ADA_PASSWORD, **more: object) -> TestResponse:
        """Begin a sign-in as a public application does: without a token."""
        body = {"username": login, "password": password, **more}
        return self.post("/api/v1/authn", body, api_token=None)

    def follow(
        self, path: str, state: Mapping[str, object], api_token: str | None = None, **body: object
    ) -> TestResponse:
        """Take the next step of a sign-in, from the state that was answered last."""
        whole = {"stateToken": state["stateToken"], **body}
        return self.post(f"/api/v1/authn{path}", whole, api_token=api_token)

    def sent_code(self, address: str) -> str:
        return self.org.inbox.to(address)[0].code


@contextmanager
def served(org: Org) -> Iterator[tuple[str, int]]:
    """Serve an org on a free loopback port: yields host and port."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, create_app(org), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield "127.0.0.1", server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
