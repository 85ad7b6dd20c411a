"""The whole service in one process, with one person in it or nobody: no network, no real time.

The handlers are the real ones. Around them are the simulated Okta org, called as a WSGI app,
DynamoDB in memory, and a queue of asynchronous invocations that runs when a game says so. Okta takes
no time here: how long answers take where it does is measured elsewhere.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import unquote

import pytest
import requests
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.proof.dynamodb import MemoryDynamoDB
from tests.proof.interference import Answered, Upstream
from tests.sandbox.okta.faults import MAX_TIMES, Kind, On
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import FactorType, User, UserStatus
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app
from tests.unit.events import proxy_event
from tests.unit.fakes import AtOnce
from verification import container
from verification.aws import clients
from verification.crypto import DeviceClaim, Keyring
from verification.http.pipeline import Router, handler_of
from verification.models.customers import CustomerKey, Email
from verification.observability import Meter, Observer
from verification.okta.wire import Wire
from verification.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

START = 1_800_000_000.0
EMAIL, LOGIN = "subject@shop.example", "subject.name"
OTHER_EMAIL, OLD_EMAIL = "other@shop.example", "old@shop.example"
PASSER_BY = "passer-by@shop.example"
NEIGHBOURS = tuple(f"neighbour-{n}@shop.example" for n in range(4))
PHONE = "+15005550123"
PASSWORD = "Right-Horse-7"
ANSWER = "meatball"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CLIENT_KEY, OTHER_KEY = "sk_game_0000000000000000", "sk_desk_0000000000000000"
ROOT_KEY = "root-key-of-a-game-that-names-nobody-at-all"
TABLE = "table"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:issue:live"
SOURCES = ("203.0.113.7", "203.0.113.8", "2001:db8::1")
OWNER, SHOP, HOME = "198.51.100.1", "198.51.100.2", "198.51.100.3"
KNOWN_HOME, ELSEWHERE = "198.51.100.4", "198.51.100.5"
"""Addresses of strangers, of the customer, of the client's backend, and of where the customer begins
to sign in, without and with a known device, so that the customer's mistakes elsewhere cannot prevent
that; and of another customer.
"""

ENVIRON = {
    "OKTA_ORG_URL": "https://org.okta.com",
    "OKTA_TOKEN_SECRET": "okta-token",
    "SERVICE_KEYS_SECRET": "service-keys",
    "TABLE_NAME": TABLE,
    "CHALLENGE_LIFETIME_SECONDS": "300",
    "STRANGER_ATTEMPTS": "3",
    "STRANGER_FAILURES_HOUR": "1000",
    "SENDS_PER_SOURCE_HOUR": "60",
    "SENDS_PER_CLIENT_HOUR": "20000",
    "FAILURES_PER_SOURCE_HOUR": "20",
    "PASSWORD_FAILURES_HOUR": "5",
    "CHANGES_PER_CLIENT_HOUR": "600",
    "INVOKE_URL_ROUTES": "true",
    "ALLOWED_ORIGINS": "https://shop.example",
    "RECEIPT_KEY": "receipts",
    "RECEIPT_ISSUER": "urn:customer-verification:games",
    "RECEIPT_AUDIENCES": "shop",
    "RECEIPT_MAX_SECONDS": "1800",
}
SECRETS: dict[str, dict[str, Any]] = {
    "okta-token": {"okta_api_token": SANDBOX_API_TOKEN},
    "service-keys": {
        "root_key": ROOT_KEY,
        "clients": {
            "shop": {"keys": [CLIENT_KEY], "scopes": ["verify", "enroll", "register", "release"]},
            "desk": {"keys": [OTHER_KEY], "scopes": ["verify"], "audiences": ["desk", "till"]},
        },
    },
}


class Person(StrEnum):
    """Who has the email."""

    NOBODY = "nobody"
    CUSTOMER = "customer"
    OTHER_LOGIN = "other login"
    EMAIL_ONLY = "email only"
    OLD_MAILBOX = "old mailbox"
    NO_FACTOR = "no factor"
    SUSPENDED = "suspended"
    LOCKED = "locked"
    TWINS = "twins"


class Delivery(StrEnum):
    """What becomes of an asynchronous invocation."""

    AT_ONCE = "at once"
    LATER = "later"
    TWICE = "twice"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """All calls of this kind to Okta go wrong in this way, while one step is played."""

    on: On
    kind: Kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answers; `document` is None where the body is not an object."""

    status: int
    headers: Mapping[str, str]
    body: str
    document: Mapping[str, Any] | None

    def __getitem__(self, name: str) -> Any:
        return (self.document or {}).get(name)

    @property
    def outcome(self) -> str:
        """The code of a problem, or nothing."""
        return str(self["code"] or "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its route, such as `GET /a/{id}`, and what `path` says of its parameters."""

    route: str
    query: Sequence[tuple[str, str]]
    path: Mapping[str, str]
    body: object
    headers: Mapping[str, str]
    source: str

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def resource(self) -> str:
        return self.route.partition(" ")[2]

    @property
    def url(self) -> str:
        """The resource with its parameters."""
        url = self.resource
        for name, value in self.path.items():
            url = url.replace(f"{{{name}}}", value)
        return url


Through = Callable[[Upstream, Callable[[], Any]], Any]
"""What a call to Okta or AWS passes on its way: the call, and how it is carried out."""


@dataclass
class Clock:
    """Time that passes only when a game says so, or somebody sleeps."""

    now: float = START

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


_CONTEXT: Any = SimpleNamespace(
    aws_request_id="a-lambda-request",
    invoked_function_arn=FUNCTION,
    function_name="function",
    function_version="1",
    memory_limit_in_mb=1024,
    get_remaining_time_in_millis=lambda: 10_000,
)
"""What Lambda tells a function of a call."""


class _NoWait:
    """Stands for the event on which the simulator waits: no time passes in it."""

    def wait(self, _: float) -> None:
        """Do not wait."""


@dataclass
class _Body:
    """The body of a response, as `Wire` reads it, with its connection and the socket of that."""

    read: Callable[[float], bytes]
    timeout: float = 0.0

    @property
    def connection(self) -> _Body:
        """Both are this object too."""
        return self

    sock = connection

    def settimeout(self, seconds: float) -> None:
        """How long the next piece may take."""
        self.timeout = seconds

    def read1(self, _: int, **__: bool) -> bytes:
        """The next piece; nothing is compressed."""
        return self.read(self.timeout)

    def release_conn(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """Likewise."""


_one_observer = cache(Observer)


def _directly(_: Upstream, carry_out: Callable[[], Any]) -> Any:
    """Nothing goes wrong."""
    return carry_out()


class InProcess:
    """A session that sends requests to a WSGI app, by the shortest way: a game makes a hundred thousand
    of them.
    """

    def __init__(self, app: WSGIApplication, through: Through) -> None:
        self.app = app
        self._through = through

    def mount(self, *_: object) -> None:
        """There is no connection."""

    def close(self) -> None:
        """Likewise."""

    def send(self, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        path = request.path_url.partition("?")[0]
        call = Upstream("okta", f"{request.method} {path}")
        answered = self._through(call, lambda: self.answered(request))
        response = requests.Response()
        response.status_code = answered.status
        response.headers.update(answered.headers)
        response.raw = _Body(answered.read)
        for read in request.hooks["response"]:
            read(response)
        return response

    def answered(self, request: requests.PreparedRequest) -> Answered:
        """Okta's answer."""
        path, _, query = request.path_url.partition("?")
        body = request.body or b""
        environ: dict[str, Any] = {
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in request.headers.items()
        }
        environ |= {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "RAW_URI": request.path_url,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body.encode() if isinstance(body, str) else body),
            "CONTENT_TYPE": environ.get("HTTP_CONTENT_TYPE", ""),
            "CONTENT_LENGTH": environ.get("HTTP_CONTENT_LENGTH", ""),
        }
        started: list[tuple[int, dict[str, str]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[..., None]:
            started.append((int(status[:3]), dict(headers)))
            return lambda _: None

        whole = io.BytesIO(b"".join(self.app(environ, start)))
        return Answered(*started[0], lambda _: whole.read())


class _Secrets:
    """Secrets Manager."""

    def __init__(self, secrets: Mapping[str, Any]) -> None:
        self._secrets = secrets

    def get_secret_value(self, **request: str) -> dict[str, str]:
        return {"SecretString": json.dumps(self._secrets[request["SecretId"]])}


class _Lambda:
    """Lambda's Invoke."""

    def __init__(self, accept: Callable[[Any], None]) -> None:
        self._accept = accept

    def invoke(self, **request: Any) -> dict[str, io.BytesIO]:
        self._accept(json.loads(request["Payload"]))
        return {"Payload": io.BytesIO()}


class Kms:
    """KMS with a key for every id."""

    def sign(self, **request: Any) -> dict[str, bytes]:
        key = _receipt_key(request["KeyId"])
        return {"Signature": key.sign(request["Message"], ec.ECDSA(hashes.SHA256()))}

    def get_public_key(self, **request: str) -> dict[str, bytes]:
        public_key = _receipt_key(request["KeyId"]).public_key()
        return {
            "PublicKey": public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        }


@cache
def _receipt_key(_: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


_ALWAYS = "attribute_not_exists(pk) OR attribute_exists(pk)"
"""A condition that cannot fail."""


class _Called:
    """A client of AWS whose calls may go wrong on their way."""

    def __init__(self, system: str, client: Any, through: Through) -> None:
        self._system, self._client, self._through = system, client, through

    def __getattr__(self, operation: str) -> Any:
        carry_out = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            several = [each["Update"] for each in request.get("TransactItems", [])] or [request]
            keys = [each["Key"]["pk"]["S"] for each in several if "Key" in each]
            stored = getattr(self._client, "rows", {})
            rows = tuple(stored.get(key, {}) for key in keys)
            conditions = {each.get("ConditionExpression", _ALWAYS) for each in several}
            is_conditional = conditions != {_ALWAYS}
            upstream = Upstream(self._system, operation, rows, is_conditional, tuple(keys))
            return self._through(upstream, lambda: carry_out(**request))

        return call


@dataclass
class World:
    """One service, one org, and what a game has to remember of what it was told."""

    person: Person
    settings: Mapping[str, str]
    store: Any = field(default_factory=MemoryDynamoDB)
    through: Through = _directly
    observer: Callable[[], Observer] = _one_observer
    clock: Clock = field(default_factory=Clock)
    queue: list[Any] = field(default_factory=list)
    delivery: Delivery = Delivery.AT_ONCE
    public_ids: list[str] = field(default_factory=list)
    client_id: str = ""
    release_id: str = ""
    device_id: str = ""
    factor_id: str = ""
    mfa_id: str = ""
    device_token: str = ""
    receipt: str = ""
    login: str = EMAIL
    sign_ins: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=lambda: deepcopy(SECRETS))
    has_read: int | None = None
    """So many messages; None: all, as soon as they come."""

    def __post_init__(self) -> None:
        self.org = Org(self.clock, random.Random(1))  # noqa: S311 - codes of a simulator
        self.org.until_interrupted = _NoWait()  # type: ignore[assignment]
        self._populate()
        self._app = create_app(self.org)
        self.start()

    def beside(self, **settings: str) -> World:
        """The same world, for somebody whose calls reach other execution environments, which may have
        other settings.
        """
        other = copy(self)
        other.settings = {**self.settings, **settings}
        other.start()
        return other

    def start(self) -> None:
        """Begin with new execution environments, which know nothing of earlier calls."""
        self._read = Settings.from_environ({**ENVIRON, **self.settings})
        self._issue = self._function("issue_challenge")
        self._verify = self._function("verify_challenge")
        self._worker = self._function("issue_challenge")

    # ---- Calls -----------------------------------------------------------------------------------

    def call(
        self,
        route: str,
        *,
        body: object = None,
        query: Sequence[tuple[str, str]] = (),
        path: Mapping[str, str] | None = None,
        source: str = SHOP,
        client: bool = False,
        key: str = CLIENT_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request on a route, as the public or as the client with this key."""
        given = {"Content-Type": "application/json"} if body is not None else {}
        if client:
            given["Authorization"] = f"Bearer {key}"
        asked = Asked(route, query, path or {}, body, {**given, **(headers or {})}, source)
        status, told, text = self.exchange(asked)
        document = None
        if told.get("Content-Type", "").endswith("json"):
            loaded = json.loads(text)
            document = loaded if isinstance(loaded, dict) else None
        return Answer(status, told, text, document)

    def exchange(self, asked: Asked) -> tuple[int, Mapping[str, str], str]:
        """Ask a function: the status, the headers and the body of its answer."""
        event = proxy_event(
            asked.method,
            asked.resource,
            query=asked.query,
            body=asked.body,
            headers=asked.headers,
            source_ip=asked.source,
            path=asked.url,
        )
        event["pathParameters"] = dict(asked.path) or None
        result = self.invoke(asked.route, event)
        return result["statusCode"], result["headers"], result["body"]

    def invoke(self, route: str, event: Mapping[str, Any]) -> Any:
        """The result of the function behind a route."""
        handler = self._verify if route in router_of("verify_challenge").routes else self._issue
        return handler(event, _CONTEXT)

    def ask(self, route: str, body: object = None, **path: str) -> Answer:
        """A request of the client."""
        return self.call(route, body=body, path=path, client=True)

    def deliver(self) -> None:
        """Run all asynchronous invocations that wait."""
        while self.queue:
            self._run(self.queue.pop(0))

    def expire(self) -> None:
        """Delete rows whose time to live is over, as DynamoDB does sooner or later."""
        self.store.expire(self.clock.now)

    @contextmanager
    def fault(self, fault: Fault | None) -> Iterator[None]:
        """Let Okta go wrong for a while."""
        if fault is not None:
            self.org.faults.add(fault.on, fault.kind, MAX_TIMES)
        try:
            yield
        finally:
            self.org.faults.clear()

    # ---- The person ------------------------------------------------------------------------------

    @property
    def user(self) -> User | None:
        """The first user with the email."""
        return next((each for each in self.org.directory if each.email == EMAIL), None)

    def code(self, *addresses: str, channel: str = "") -> str:
        """The newest code that was read at one of these addresses, and came over this channel if one
        is named; or a wrong one.
        """
        sent = (
            message.code
            for message in reversed(self.org.inbox[: self.has_read])
            if message.to in addresses and channel in ("", message.channel)
        )
        return next(sent, self.wrong_code())

    def wrong_code(self) -> str:
        """A code that was never sent."""
        sent = {message.code for message in self.org.inbox}
        return next(code for n in range(10**6) if (code := f"{n:06d}") not in sent)

    def foreign_device(self) -> str:
        """A device token of another customer."""
        keyring = Keyring(ROOT_KEY)
        email_hash = keyring.email_hash(Email(OTHER_EMAIL))
        return keyring.device_token(DeviceClaim("d" * 32, CustomerKey("c" * 32), email_hash, 1))

    def add_neighbours(self) -> None:
        """Add customers who share the phone."""
        for email in NEIGHBOURS:
            user = self.org.directory.add_user(
                login=email, email=email, first_name="Neigh", last_name="Bour"
            )
            self.org.directory.add_factor(user, FactorType.SMS, PHONE)

    def _populate(self) -> None:
        directory, person = self.org.directory, self.person
        other = directory.add_user(
            login=PASSER_BY, email=PASSER_BY, first_name="Passer", last_name="By"
        )
        other.password = PASSWORD
        if person is Person.NOBODY:
            return
        for n in range(2 if person is Person.TWINS else 1):
            has_other_login = person in (Person.OTHER_LOGIN, Person.TWINS)
            login = f"{LOGIN}{n or ''}" if has_other_login else EMAIL
            self.login = self.login if n else login
            user = directory.add_user(login=login, email=EMAIL, first_name="Sub", last_name="Ject")
            user.mobile_phone, user.password = PHONE, PASSWORD
            if person is not Person.NO_FACTOR:
                old = person is Person.OLD_MAILBOX
                directory.add_factor(user, FactorType.EMAIL, OLD_EMAIL if old else EMAIL)
            if person not in (Person.NO_FACTOR, Person.EMAIL_ONLY):
                directory.add_factor(user, FactorType.SMS, PHONE)
                directory.add_factor(user, FactorType.CALL, PHONE)
                directory.add_factor(
                    user, FactorType.TOTP, login, provider="GOOGLE", secret=TOTP_SECRET
                )
                directory.add_factor(user, FactorType.QUESTION, "disliked_food", secret=ANSWER)
                directory.add_factor(user, FactorType.PUSH, login)
            if person is Person.SUSPENDED:
                user.status = UserStatus.SUSPENDED
            if person is Person.LOCKED:
                user.status = UserStatus.LOCKED_OUT

    # ---- Functions -------------------------------------------------------------------------------

    def _function(self, name: str) -> Callable[[Any, Any], Any]:
        """One execution environment of a function, which starts with its first call."""

        def build() -> container.Container:
            with self._environment():
                return container.build(self.clock, self.clock.sleep, self.clock, AtOnce())

        return handler_of(router_of(name), build, self.observer)

    def _wire(self, meter: Meter) -> Wire:
        session: Any = InProcess(self._app, self.through)
        return Wire(meter, session)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """What a function finds while it starts."""
        doubles = {
            "dynamodb": ("dynamodb", self.store),
            "secrets_manager": ("secretsmanager", _Secrets(self.secrets)),
            "aws_lambda": ("lambda", _Lambda(self._accept)),
            "kms": ("kms", Kms()),
        }
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Settings, "from_environ", lambda: self._read)
            patched.setattr(container, "Wire", self._wire)
            for name, (system, double) in doubles.items():
                client = double
                if self.through is not _directly:
                    client = _Called(system, double, self.through)
                patched.setattr(clients, name, lambda client=client: client)
            yield

    def _accept(self, event: Any) -> None:
        match self.delivery:
            case Delivery.AT_ONCE:
                self._run(event)
            case Delivery.TWICE:
                self._run(event)
                self._run(event)
            case Delivery.LATER:
                self.queue.append(event)
            case Delivery.REFUSED:
                error: Any = {"Code": "TooManyRequestsException", "Message": ""}
                raise ClientError({"Error": error}, "Invoke")

    def run_next(self) -> None:
        """Run the oldest asynchronous invocation that waits, which takes its time."""
        self._worker(self.queue.pop(0), _CONTEXT)

    def _run(self, event: Any) -> None:
        """Run an event in another execution environment, while others go on."""
        started = self.clock.now
        self._worker(event, _CONTEXT)
        self.clock.now = started


@contextmanager
def watched() -> Iterator[None]:
    """Raise what functions report as faults of their own; nothing else is logged, or left to chance
    in how long a call waits.
    """
    faults: list[Exception] = []
    with (
        patch.object(random, "uniform", lambda _, most: most),
        patch.object(Observer, "fault", lambda _, error, __: faults.append(error)),
        patch.object(Observer, "misconfigured", lambda *_: None),
        patch.object(Observer, "outcome", lambda *_: None),
        patch.dict(os.environ, {"POWERTOOLS_METRICS_NAMESPACE": "games"}),
    ):
        yield
    for fault in faults:
        raise fault


@cache
def router_of(function: str) -> Router:
    """The routes of a function."""
    router: Router = importlib.import_module(f"functions.{function}.app").router
    return router
