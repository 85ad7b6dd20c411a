"""The whole service on one machine: an Okta org, an inbox, AWS and API Gateway."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from werkzeug.wrappers import Request, Response

from tests.sandbox import contract
from tests.sandbox.aws import CREDENTIALS, Aws
from tests.sandbox.fork_server import ForkServer
from tests.sandbox.gateway import Gateway
from tests.sandbox.invocations import Invocations
from tests.sandbox.journal import Journal, answered
from tests.sandbox.okta.models import Latency, Org
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app
from tests.sandbox.overview import Overview
from tests.sandbox.server import Server
from tests.sandbox.template import Function, Template
from tests.sandbox.workers import Workers
from verification.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PAGE = Path(__file__).with_name("page")
PAGE_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
ANY_LOCAL_PAGE = "http://localhost:*"
"""The origins of pages that a developer serves on this machine."""

SETTLE_SECONDS = 30.0
SHORT_SETTLE_SECONDS = 5.0


class Sandbox:
    """A context manager. The constructor binds the ports (0: any free one); `with` starts the rest.

    `environment` overrides settings of the template. `okta_latency` is in seconds, or a function
    from a kind of call ("lookup", "factors", "send", "check", "authn", "create", "other") to seconds.
    `dynamodb_url` replaces moto's DynamoDB. Containers reach Okta and AWS at the address `bridge`.
    """

    def __init__(
        self,
        log: IO[str],
        *,
        port: int = 0,
        okta_port: int = 0,
        aws_port: int = 0,
        environment: Mapping[str, str] | None = None,
        okta_latency: Latency = 0.0,
        dynamodb_url: str | None = None,
        bridge: str | None = None,
    ) -> None:
        self._environment = environment or {}
        self._forks = ForkServer(log)
        self._advance = 0.0
        rng = random.Random()  # noqa: S311 - codes of a simulator
        self.org = Org(self.now, rng, okta_latency)
        self._journal = Journal(self.now)
        self.invocations = Invocations(self.invoke, self.org.faults)
        self._okta = self.okta_server(create_app(self.org), okta_port, bridge)
        self._parameters: dict[str, str] = {}
        self.template = self._read_template()
        self.aws = Aws(
            self.template,
            SANDBOX_API_TOKEN,
            self.invocations.accept,
            self.org.faults,
            aws_port,
            dynamodb_url,
            bridge,
        )
        self.gateway = Gateway(
            contract.routes(), self.invoke, self._control, contract.gateway_responses()
        )
        self._api = Server(self.gateway, port)
        self._workers = self._new_workers()
        self._running = ExitStack()

    def okta_server(self, app: WSGIApplication, port: int, bridge: str | None) -> Server:
        """What serves Okta."""
        return Server(app, port, bridge)

    @property
    def url(self) -> str:
        """The API and the page."""
        return self._api.url

    @property
    def okta_url(self) -> str:
        return self._okta.url

    @property
    def advance(self) -> float:
        """Seconds by which the sandbox's clock is ahead of the machine's.

        Setting it waits for asynchronous invocations: they run at the time of their call.
        """
        return self._advance

    @advance.setter
    def advance(self, seconds: float) -> None:
        self.settle()
        self._advance = seconds

    def now(self) -> float:
        """The time of the org and of every worker."""
        return time.time() + self._advance

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self._forks)
            starting.enter_context(self._okta)
            starting.enter_context(self.aws)
            starting.callback(self._stop_workers)
            for workers in self._workers.values():
                workers.warm()
            settings = Settings.from_environ(self.settings_of(self.template.functions[0]))
            self._overview = Overview(self.aws.client("dynamodb"), self.org, settings)
            starting.callback(self.invocations.close)
            starting.callback(self.org.interrupt)
            starting.enter_context(self._api)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def settle(self, timeout: float = SETTLE_SECONDS) -> None:
        """Wait until no asynchronous invocation is queued or running. Raises TimeoutError."""
        self.invocations.settle(timeout)

    def reset(self) -> None:
        """Return to the start; asynchronous invocations end first."""
        self.invocations.cancel()
        self.org.interrupt()
        self.settle()
        self._advance = 0.0
        if self._parameters:
            self.redeploy()
        self.org.reset()
        self.aws.reset()
        self._journal.clear()

    def redeploy(self, **parameters: str) -> None:
        """Deploy other parameters: new versions of the functions, and all data as it was."""
        self._parameters = parameters
        self.template = self._read_template()
        self.aws.deploy(self.template)
        self._stop_workers()
        self._workers = self._new_workers()

    def crash(self, function: str) -> None:
        """Kill every execution environment of a function, as Lambda may at any moment."""
        self._workers[function].crash()

    def processes(self) -> list[int]:
        """The execution environments that live, by their process ids."""
        return [pid for workers in self._workers.values() for pid in workers.processes()]

    def settings_of(self, function: Function) -> dict[str, str]:
        """The environment of a worker: nothing of this machine's own."""
        overrides = {
            name: value for name, value in self._environment.items() if name in function.environment
        }
        return {
            **function.environment,
            "SANDBOX": "true",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.aws.dynamodb_url,
            "ALLOWED_ORIGINS": f"{self._api.url},{ANY_LOCAL_PAGE}",
            "REDIRECT_ORIGINS": f"{self._api.url},https://app.example.com",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **CREDENTIALS,
            "AWS_ACCESS_KEY_ID": function.name,
            **overrides,
        }

    def invoke(self, function: str, event: object) -> Any:
        """A function's result."""
        with self._journal.invocation(event) as entry:
            result = self._workers[function].invoke(event, self._advance)
            answered(entry, result)
            return result

    def _read_template(self) -> Template:
        return Template({"OktaOrgUrl": self._okta.url, **self._parameters})

    def _new_workers(self) -> dict[str, Workers]:
        return {
            function.name: Workers(function, self.settings_of(function), self._forks)
            for function in self.template.functions
        }

    def _stop_workers(self) -> None:
        for workers in self._workers.values():
            workers.stop()

    def _control(self, request: Request) -> Response | None:
        """The response to a request for the page or a `/sandbox/` control, else None."""
        if request.path == "/":
            return _file("page.html")
        if request.path == "/openapi.json":
            return _json(200, {**contract.published(), "servers": [{"url": self.url}]})
        if request.path.startswith("/sandbox/page/"):
            return _file(request.path.removeprefix("/sandbox/page/"))
        if not request.path.startswith("/sandbox/"):
            return None
        try:
            answer = self._answer(request)
        except KeyError as error:
            return _json(400, {"error": f"{error.args[0]} is required"})
        except (ValueError, TypeError) as error:
            return _json(400, {"error": str(error)})
        except TimeoutError as error:
            return _json(503, {"error": str(error)})
        if answer is None:
            return _json(404, {"error": "no such control"})
        return _json(200, answer)

    def _answer(self, request: Request) -> object:
        control = request.path.removeprefix("/sandbox/")
        if request.method == "GET" and control != "overview":
            with suppress(TimeoutError):
                self.settle(SHORT_SETTLE_SECONDS)
        given = _given(request)
        match request.method, control:
            case "GET", "messages":
                return [
                    {**asdict(message), "sent_at": _iso(message.sent_at)}
                    for message in self.org.inbox.to(request.args["to"])
                ]
            case "GET", "customers":
                return self.org.customers()
            case "GET", "okta-calls":
                shown = ("method", "path", "status")
                calls = list(self.org.calls)
                return [{name: getattr(call, name) for name in shown} for call in calls]
            case "GET", "overview":
                return self._shown(request)
            case "POST", "reset":
                self.reset()
                return {"reset": True}
            case "POST", "settle":
                self.settle()
                return {"failed": self.invocations.failed, "dropped": self.invocations.dropped}
            case "POST", "clock":
                seconds = float(given["advance_seconds"])
                self.advance += seconds
                self._journal.note(f"clock advanced by {seconds:g} s")
                return {"now": _iso(self.now())}
            case "POST", "push":
                return {"result": self._answer_push(given)}
            case "POST", "okta-tokens":
                self.org.accept_tokens(given["accepted"])
                return {"accepted": self.org.api_tokens}
            case "POST", "faults":
                self.org.faults.add(given["on"], given["kind"], given.get("times", 1))
                self._journal.note(f"fault set: {given['kind']} on {given['on']}")
                return given
            case "DELETE", "faults":
                self.org.faults.clear()
                self._journal.note("faults cleared")
                return []
        return None

    def _answer_push(self, given: Mapping[str, object]) -> str:
        """Answer the newest push as the owner of the phone would."""
        with self.org.lock:
            return self.org.pushes.answer(given["answer"], given.get("number"))

    def _shown(self, request: Request) -> dict[str, object]:
        """What the page shows, as it is now: it does not wait for asynchronous invocations."""
        email, device_token = (request.args.get(name, "") for name in ("email", "device_token"))
        return {
            "now": self.now(),
            "advance": self._advance,
            "faults": self.org.faults.waiting(),
            "background": {
                "pending": self.invocations.pending,
                "failed": self.invocations.failed,
                "dropped": self.invocations.dropped,
            },
            "emails": list(dict.fromkeys(user["email"] for user in self.org.customers())),
            "okta_calls": self._overview.okta_calls(),
            "journal": self._journal.entries(),
            "email": self._overview.of(email, device_token, request.remote_addr or ""),
        }


def _file(name: str) -> Response | None:
    """A file of the page."""
    files = {path.name: path for path in PAGE.iterdir()}
    if name not in files:
        return None
    kind = PAGE_TYPES[files[name].suffix]
    response = Response(files[name].read_bytes(), content_type=f"{kind}; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _given(request: Request) -> dict[str, Any]:
    """The body of a control. Raises ValueError and TypeError."""
    given = json.loads(request.get_data() or b"{}")
    if not isinstance(given, dict):
        raise TypeError("the body must be a JSON object")
    return given


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
