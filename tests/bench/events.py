"""Customers, codes, and the events of a client's calls."""

from __future__ import annotations

from typing import Any

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.sandbox import contract
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.gateway import proxy_event
from tests.sandbox.okta.seed import ADA_PASSWORD
from tests.sandbox.sandbox import Sandbox

PASSWORD = ADA_PASSWORD


class Events:
    """What API Gateway sends for a call."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._routes = {(route.method, route.path): route for route in contract.routes()}

    def populate(self, count: int) -> list[str]:
        """The emails of new customers with a password. Once between two resets of the sandbox."""
        self._sandbox.org.populate(count)
        emails = [f"customer-{number:03d}@example.com" for number in range(count)]
        for user in self._sandbox.org.directory:
            if user.email.startswith("customer-"):
                user.password = PASSWORD
        return emails

    def code(self, email: str) -> str:
        """The newest code that was sent to the customer."""
        self._sandbox.settle()
        return self._sandbox.org.inbox.to(email)[0].code

    def issue(self, email: str) -> dict[str, Any]:
        """A client asks for a code."""
        return self.of("POST", "/challenge", json={"email": email})

    def verify(self, email: str, code: str) -> dict[str, Any]:
        """A client has a code checked."""
        return self.of("POST", "/verify", json={"email": email, "code": code})

    def of(self, method: str, path: str, key: str = CLIENT_KEY, **content: Any) -> dict[str, Any]:
        """Any call. `content` is `json` or `query_string`; the empty key is the public's."""
        headers = [("Authorization", f"Bearer {key}")] if key else []
        builder = EnvironBuilder(path, method=method, headers=headers, **content)
        event: dict[str, Any] = proxy_event(
            Request(builder.get_environ()), self._routes[method, path], {}
        )
        return event

    def function(self, method: str, path: str) -> str:
        """The logical id of the function of a route."""
        return self._routes[method, path].function
