"""A simulated Okta org under test: its clock, journeys through it, and a server on a loopback port."""

import json
import random
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pyotp
from werkzeug.test import Client, TestResponse

from tests.sandbox.okta.exceptions import Refusal
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Latency, Org
from tests.sandbox.okta.records import Factor, FactorStatus, FactorType, User, UserStatus
from tests.sandbox.okta.seed import ADA_PASSWORD, SANDBOX_API_TOKEN
from tests.sandbox.okta.urls import create_app
from tests.sandbox.server import HOST, Server

ADA = "ada@example.com"

REFUSALS = {(each.status, each.code): each.name for each in Refusal}
"""What journeys call a refusal, by status and errorCode."""

START = 1_750_000_000.0
"""The first time of a test's clock, in epoch seconds, 10 s after the start of a TOTP step."""

_ITEM = re.compile(r"([\w.-]+?)(==|:=|=|:)(.*)", re.DOTALL)
_CODE = re.compile(r"(right|wrong|older)([+-]\d)?")


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class OktaOrg:
    """An org and a client that calls it for one user, at first Ada.

    `play` takes a journey, a line a call: a method below and its arguments. What follows an arrow
    must be in the answer: its HTTP status, its refusal, its cause or the `status` in its body.

        send sms -> CHALLENGE
        5x check sms wrong -> WRONG_CODE

    A code is `right`, `wrong`, `older` or given; `right+1` is that of the next TOTP step. The items
    of a request are those of HTTPie: `name=text`, `name:=json` and `outer.inner=text` in the body,
    `name==text` in the query, `Name:text` in the headers.
    """

    def __init__(self, latency: Latency = 0.0) -> None:
        self.clock = Clock()
        self.org = Org(self.clock, random.Random(20), latency)  # noqa: S311 - no secrets
        self.name = ADA
        self.enrolled = ""
        self.state: dict[str, Any] = {}
        self.session = ""
        self.transaction = ""
        self._client = Client(create_app(self.org))

    def play(self, journey: str) -> Any:
        """The last answer of a journey."""
        answer: Any = None
        for line in filter(None, map(str.strip, re.split(r"[;\n]", journey))):
            call, _, expected = line.partition(" -> ")
            times, name, *arguments = re.sub(r"^(?!\d+x )", "1x ", call).split(" ", 2)
            for _ in range(int(times[:-1])):
                answer = getattr(self, name)(*shlex.split("".join(arguments)))
                found = _told(answer)
                assert set(shlex.split(expected)) <= found, f"{line}: {found}"
        return answer

    # The world around the calls.

    def login(self, login: str) -> None:
        """The user of what follows."""
        self.name, self.enrolled = login, ""

    def wait(self, seconds: str) -> None:
        self.clock.advance(float(seconds))

    def status(self, status: str) -> None:
        self.user.status = UserStatus(status)

    def factor_status(self, kind: str, status: str) -> None:
        self.factor(kind).status = FactorStatus(status)

    def only(self, *kinds: str) -> None:
        """Leave the user no other factors."""
        self.user.factors = [self.factor(kind) for kind in kinds]

    def add(self, kind: str) -> None:
        self.org.directory.add_factor(self.user, FactorType[kind.upper()], self.name)

    def change(self, kind: str, destination: str) -> None:
        self.factor(kind).destination = destination

    def weaken_token(self) -> None:
        """Take away the API token's rights."""
        self.org.policy.token_is_permitted = False

    def must_enrol(self) -> None:
        self.user.password, self.user.must_enrol = ADA_PASSWORD, True

    def use_up(self, bucket: str) -> None:
        for _ in range(Bucket[bucket].limit):
            self.org.limits.count(Bucket[bucket], self.clock())

    def inbox(self) -> int:
        return len(self.org.inbox)

    # Calls with the API token.

    def call(self, method: str, path: str, *items: str) -> TestResponse:
        """Any request; ids of the user, of factors and of the session stand in braces."""
        body, query, headers = _parsed(items)
        return self.request(method, path, body or None, query, headers)

    def send(self, kind: str, *items: str) -> TestResponse:
        return self.call("POST", f"users/{{user}}/factors/{{{kind}}}/verify", *items)

    def push(self, *items: str) -> TestResponse:
        """Send a push, with a number unless the items say otherwise."""
        given = items or ("useNumberMatchingChallenge:=true",)
        response = self.send("push", *given)
        self.transaction = path_of(response.get_json()["_links"]["poll"]["href"])
        return response

    def poll(self) -> TestResponse:
        return self.call("GET", self.transaction)

    def cancel_push(self) -> TestResponse:
        return self.call("DELETE", self.transaction)

    def phone(self, answer: str, number: str) -> str:
        """Answer the push on the phone, with the `right` number or a `wrong` one."""
        right = self.org.pushes.sent[-1].number
        return self.org.pushes.answer(answer, right if number == "right" else 0)

    def check(self, kind: str, code: str) -> TestResponse:
        return self.send(kind, f"{_field(kind)}={self.code(kind, code)}")

    def list(self) -> TestResponse:
        return self.call("GET", "users/{user}/factors")

    def enrol(self, kind: str, *items: str) -> TestResponse:
        factor_type = FactorType[kind.upper()] if kind.upper() in FactorType.__members__ else kind
        given = (f"factorType={factor_type}", "provider=OKTA", *items)
        response = self.call("POST", "users/{user}/factors", *given)
        self.enrolled = (response.get_json() or {}).get("id", "")
        return response

    def enrol_phone(self, kind: str, phone: str, *items: str) -> TestResponse:
        return self.enrol(kind, f"profile.phoneNumber={phone}", *items)

    def activate(self, code: str, kind: str = "enrolled") -> TestResponse:
        path = f"users/{{user}}/factors/{{{kind}}}/lifecycle/activate"
        return self.call("POST", path, f"passCode={self.code(kind, code)}")

    def resend(self, kind: str = "enrolled", *items: str) -> TestResponse:
        return self.call("POST", f"users/{{user}}/factors/{{{kind}}}/resend", *items)

    def remove(self, kind: str, *items: str) -> TestResponse:
        return self.call("DELETE", f"users/{{user}}/factors/{{{kind}}}", *items)

    def account(self) -> TestResponse:
        return self.call("GET", "users/{user}")

    def search(self, email: str, *items: str) -> TestResponse:
        return self.call("GET", "users", f'search==profile.email eq "{email}"', *items)

    def open(self) -> TestResponse:
        """Open a session with the newest session token."""
        response = self.call("POST", "sessions", f"sessionToken={self.state['sessionToken']}")
        self.session = (response.get_json() or {}).get("id", "")
        return response

    # A sign-in, without an API token as in a browser.

    def sign_in(self, password: str = "", *items: str) -> TestResponse:
        known = self.org.directory.find_login(self.name)
        password = password or (known and known.password) or ADA_PASSWORD
        given = (f"username={self.name}", f"password={password}", "Authorization:", *items)
        return self._step("authn", *given)

    def follow(self, path: str = "", *items: str) -> TestResponse:
        """Take the next step of the sign-in."""
        given = (f"stateToken={self.state.get('stateToken', '')}", "Authorization:", *items)
        return self._step(f"authn{path}", *given)

    def verify(self, kind: str, code: str | None = None) -> TestResponse:
        given = () if code is None else (f"{_field(kind)}={self.code(kind, code)}",)
        return self.follow(f"/factors/{{{kind}}}/verify", *given)

    def finish(self, code: str, kind: str = "enrolled") -> TestResponse:
        """Activate the factor that the sign-in enrols."""
        path = f"/factors/{{{kind}}}/lifecycle/activate"
        return self.follow(path, f"passCode={self.code(kind, code)}")

    # What tests read.

    @property
    def user(self) -> User:
        return self.org.directory.user_by_id_or_login(self.name)

    def factor(self, kind: str) -> Factor:
        if kind == "enrolled":
            return self.org.directory.factor(self.user, self.enrolled)
        return next(each for each in self.user.factors if each.type is FactorType[kind.upper()])

    def code(self, kind: str, wanted: str) -> str:
        """The code that a journey calls so."""
        name = _CODE.fullmatch(wanted)
        if name is None:
            return wanted
        factor = self.factor(kind)
        if factor.type is FactorType.QUESTION:
            right = factor.secret or ""
        elif factor.type is FactorType.TOTP:
            right = pyotp.TOTP(factor.secret or "").at(
                self.clock(), counter_offset=int(name[2] or 0)
            )
        else:
            sent = [each for each in self.org.inbox if each.to == factor.destination]
            codes = [each.code for each in reversed(sent) if each.channel == factor.type]
            right = (codes or ["000000"])[name[1] == "older"]
        return right if name[1] != "wrong" else wrong(right)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        """Send a request; a body of bytes as it is, any other as JSON. A path is under /api/v1/."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"SSWS {SANDBOX_API_TOKEN}", **(headers or {})}
        return self._client.open(
            path if path.startswith("/") else f"/api/v1/{path.format_map(_Ids(self))}",
            method=method,
            data=None if body is None else content,
            query_string=query,
            content_type=None if body is None else "application/json",
            headers={name: value for name, value in given.items() if value},
        )

    def _step(self, path: str, *items: str) -> TestResponse:
        response = self.call("POST", path, *items)
        if response.status_code == 200:
            self.state = {**self.state, **response.get_json()}
            enrolled = self.state.get("_embedded", {}).get("factor", {}).get("id")
            self.enrolled = enrolled or self.enrolled
        return response


class _Ids(dict[str, str]):
    """The ids that a path names; a name that is none stands for itself."""

    def __init__(self, okta: OktaOrg) -> None:
        super().__init__(session=okta.session, enrolled=okta.enrolled)
        self._okta = okta

    def __missing__(self, name: str) -> str:
        if name == "user":
            return self._okta.user.id
        return self._okta.factor(name).id if name.upper() in FactorType.__members__ else name


@contextmanager
def served(org: Org) -> Iterator[tuple[str, int]]:
    """Serve an org on a loopback port: yields host and port."""
    with Server(create_app(org)) as server:
        yield HOST, urlsplit(server.url).port or 0


def wrong(code: str) -> str:
    """A code of the same length that differs in its last character."""
    return code[:-1] + (str((int(code[-1]) + 1) % 10) if code.isdecimal() else "?")


def path_of(href: str) -> str:
    """The path of a link."""
    return urlsplit(href).path


def _field(kind: str) -> str:
    return "answer" if kind == "question" else "passCode"


def _parsed(items: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Body, query and headers of items as HTTPie writes them."""
    body: dict[str, Any] = {}
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    for item in items:
        parts = _ITEM.fullmatch(item)
        assert parts is not None, item
        name, kind, value = parts.groups()
        if kind in ("==", ":"):
            (query if kind == "==" else headers)[name] = value
            continue
        *outer, last = name.split(".")
        inner = body
        for each in outer:
            inner = inner.setdefault(each, {})
        inner[last] = value if kind == "=" else json.loads(value)
    return body, query, headers


def _told(answer: object) -> set[str]:
    """Everything that a journey can expect of an answer."""
    if not isinstance(answer, TestResponse):
        return {str(answer)}
    body = answer.get_json(silent=True)
    if not isinstance(body, dict):
        return {str(answer.status_code)}
    refusal = REFUSALS.get((answer.status_code, body.get("errorCode", "")), "")
    causes = {each["errorSummary"] for each in body.get("errorCauses", [])}
    shown = {str(body.get(each)) for each in ("status", "factorResult")}
    return {str(answer.status_code), refusal, *causes, *shown}
