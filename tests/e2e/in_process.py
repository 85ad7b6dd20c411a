"""A sandbox without processes, sockets and real time, for tests that need none of them.

Handlers, contract, gateway and the simulated org are those of the sandbox. DynamoDB is the one of the
games (`tests.proof` checks that it is like moto's), asynchronous invocations run at once, and a wait
moves the clock. What is not here: what roles allow, crashes and calls at the same time.
"""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import Client

from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.world import Clock, Kms, router_of
from tests.sandbox import contract
from tests.sandbox.aws import CLIENTS, CREDENTIALS, ROOT_KEY
from tests.sandbox.gateway import Gateway
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app
from tests.sandbox.template import PREFIX, Function, Template
from tests.sandbox.worker import Context
from tests.unit.fakes import AtOnce
from verification import container
from verification.aws import clients
from verification.http.pipeline import handler_of
from verification.okta.wire import READ_TIMEOUT

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from tests.sandbox.witness import Witness

API, OKTA = "http://127.0.0.1:1", "http://127.0.0.1:2"
"""Nothing listens there: inside `with` no request leaves this process."""

SECRETS = {
    f"{PREFIX}OktaTokenSecret": {"okta_api_token": SANDBOX_API_TOKEN},
    f"{PREFIX}ServiceKeysSecret": {"root_key": ROOT_KEY, "clients": CLIENTS},
}


@cache
def _functions() -> list[Function]:
    return Template({"OktaOrgUrl": OKTA}).functions


def _secret(**request: str) -> dict[str, str]:
    """Secrets Manager's answer."""
    return {"SecretString": json.dumps(SECRETS[request["SecretId"]])}


class _Adapter(HTTPAdapter):
    """Has a WSGI app answer the requests of `requests`."""

    def __init__(self, url: str, app: WSGIApplication) -> None:
        super().__init__()
        self._url = url
        self._client = Client(app, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        told = self._client.open(
            request.path_url,
            base_url=self._url,
            method=request.method,
            headers=list(request.headers.items()),
            data=request.body or b"",
        )
        raw = HTTPResponse(
            io.BytesIO(told.data),
            dict(told.headers),
            told.status_code,
            preload_content=False,
            request_method=request.method,
        )
        return self.build_response(request, raw)


class _Waits:
    """Stands for the event on which the org waits before it answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def set(self) -> None:
        """Do nothing: nobody waits meanwhile."""

    def wait(self, seconds: float) -> None:
        """Let the time pass. Raises ReadTimeout when the caller hangs up."""
        self._clock.sleep(min(seconds, READ_TIMEOUT))
        if seconds > READ_TIMEOUT:
            raise requests.ReadTimeout


class InProcessSandbox:
    """A context manager with the part of `Sandbox` that these tests use; each test has a new one.

    `environment` overrides settings of the template.
    """

    url, okta_url = API, OKTA

    def __init__(self, witness: Witness, **environment: str) -> None:
        self._clock = Clock()
        self._started = self._clock.now
        self._environment = environment
        self._handlers: dict[str, Any] = {}
        self._running = ExitStack()
        self.store = MemoryDynamoDB()
        self.org = Org(self._clock, random.Random(1))  # noqa: S311 - codes of a simulator
        self.gateway = Gateway(
            contract.routes(), self.invoke, lambda _: None, contract.gateway_responses()
        )
        self.gateway.witness = witness

    def __enter__(self) -> InProcessSandbox:
        with ExitStack() as starting:
            namespace = {"POWERTOOLS_METRICS_NAMESPACE": "in-process"}
            starting.enter_context(patch.dict(os.environ, namespace))
            self._patch_clients(starting)
            self.reset()
            apps = {
                url: _Adapter(url, app)
                for url, app in ((API, self.gateway), (OKTA, create_app(self.org)))
            }

            def adapter(_: object, url: str) -> _Adapter:
                return apps[url[: len(API)]]

            starting.enter_context(patch.object(requests.Session, "get_adapter", adapter))
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def advance(self) -> float:
        """Seconds that have passed."""
        return self._clock.now - self._started

    @advance.setter
    def advance(self, seconds: float) -> None:
        self._clock.now = self._started + seconds

    def now(self) -> float:
        """The time of the org and of the functions."""
        return self._clock.now

    def reset(self) -> None:
        """Return to the start; the functions start anew."""
        self.advance = 0.0
        self.org.reset()
        self.org.until_interrupted = _Waits(self._clock)  # type: ignore[assignment]
        self.store = MemoryDynamoDB()
        self._handlers = {each.name: self._new_handler(each) for each in _functions()}

    def settle(self) -> None:
        """Do nothing: asynchronous invocations have run."""

    def invoke(self, function: str, event: object) -> Any:
        """A function's result."""
        return self._handlers[function](event, Context(function, 10))

    def _invoke_later(self, **request: Any) -> dict[str, io.BytesIO]:
        """Lambda's Invoke: the function runs at once, and in no time."""
        now = self._clock.now
        self.invoke("IssueChallengeFunction", json.loads(request["Payload"]))
        self._clock.now = now
        return {"Payload": io.BytesIO()}

    def _new_handler(self, function: Function) -> Callable[[Any, Any], Any]:
        with patch.dict(os.environ, self._settings_of(function)):
            service = container.build(self._clock, self._clock.sleep, self._clock, AtOnce())
        return handler_of(router_of(function.code.name), lambda: service)

    def _patch_clients(self, starting: ExitStack) -> None:
        doubles = {
            "secrets_manager": SimpleNamespace(get_secret_value=_secret),
            "aws_lambda": SimpleNamespace(invoke=self._invoke_later),
            "kms": Kms(),
        }
        starting.enter_context(patch.object(clients, "dynamodb", lambda: self.store))
        for name, double in doubles.items():
            starting.enter_context(patch.object(clients, name, lambda double=double: double))

    def _settings_of(self, function: Function) -> Mapping[str, str]:
        return {
            **function.environment,
            "SANDBOX": "true",
            "ALLOWED_ORIGINS": API,
            "REDIRECT_ORIGINS": f"{API},https://app.example.com",
            **CREDENTIALS,
            **self._environment,
        }
