"""OAuth for Okta APIs: the service's own credential against the simulated org, and what the org
refuses.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from tests.contract.okta_org import ADA, OktaOrg, served
from tests.sandbox.okta.oauth import ServiceApp as RegisteredApp
from tests.sandbox.okta.oauth import scope_of
from tests.unit.test_credentials import Kms
from verification import errors, jws
from verification.models.callers import Call, Caller, Deadline
from verification.models.challenges import Code
from verification.models.customers import Channel, Email, Target
from verification.observability import Meter
from verification.okta.credentials import SCOPES, TEMPLATE_SCOPES, ServiceApp
from verification.okta.factors import Factors
from verification.okta.sms_templates import SmsTemplates
from verification.okta.transport import Transport
from verification.okta.users import Users
from verification.okta.wire import Answer, Wire

CALL = Call(Caller(None, "203.0.113.7"), Deadline(8.0, lambda: 0.0))
Change = Callable[[dict[str, Any], dict[str, Any]], object]


class Tampered:
    """A wire that changes the JWTs of requests on their way, and remembers what it sent."""

    def __init__(self, wire: Wire, kms: Kms) -> None:
        self._wire = wire
        self._kms = kms
        self.assertion: Change = lambda *_: None
        self.proof: Change = lambda *_: None
        self.proof_key = ec.generate_private_key(ec.SECP256R1())
        self.last: requests.Request | None = None

    def exchange(self, ask: requests.Request, deadline: Deadline) -> Answer:
        if "client_assertion" in (ask.data or {}):
            text = ask.data["client_assertion"]
            ask.data["client_assertion"] = self._changed(text, self.assertion, self._kms.key)
        proof = self._changed(ask.headers["DPoP"], self.proof, None)
        ask.headers = {**ask.headers, "DPoP": proof}
        self.last = ask
        return self._wire.exchange(ask, deadline)

    def _changed(self, text: str, change: Change, key: Any) -> str:
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
        before = json.dumps([header, claims])
        change(header, claims)
        if json.dumps([header, claims]) == before:
            return text
        if key is None:
            key = self.proof_key
            header["jwk"] = {**jws.public_numbers(key.public_key()), **header.pop("forced", {})}
        return jwt.encode(claims, key, header["alg"], header)


class Service:
    """The service's calls, authorised by an app."""

    def __init__(self, okta: OktaOrg, url: str) -> None:
        self.okta, self.url, self.skew = okta, url, 0.0
        self.registered = RegisteredApp("0oa1", [], frozenset(SCOPES))
        okta.org.oauth.apps["0oa1"] = self.registered
        self.set_key("key-1")

    def set_key(self, key_id: str) -> None:
        """Start anew with another key, which alone is published."""
        self.key_id, self.kms = key_id, Kms(ec.generate_private_key(ec.SECP256R1()))
        self.registered.keys = [jws.jwk(jws.kid_of(key_id), self.kms.public_key(""))]
        self.wire = Tampered(Wire(Meter()), self.kms)
        self.restart()

    def restart(self) -> None:
        clock = lambda: self.okta.clock() + self.skew  # noqa: E731
        self.app = ServiceApp(*(self.url, "0oa1", self.key_id, self.kms, self.wire), clock=clock)
        waits = {"clock": clock, "sleep": lambda _: None}
        transport = Transport(self.url, self.wire, self.app, Meter(), **waits)  # type: ignore[arg-type]
        self.users, self.factors = Users(transport), Factors(transport)
        self.templates = SmsTemplates(transport)

    def set_clock(self, skew: float) -> None:
        """Start anew with a clock that is so many seconds ahead of Okta's."""
        self.skew = skew
        self.restart()

    def verify(self, between: Callable[[str], object] = lambda _: None) -> None:
        """The main job: look up, list, send, check. `between` is called with the next step's name."""
        user = self.users.find(Email(ADA), CALL)
        between("list")
        [factor] = [each for each in self.factors.list(user.id, CALL) if each.type == "email"]
        target = Target("customer", user.id, factor.id)  # type: ignore[arg-type]
        between("send")
        self.factors.send_code(target, Channel.EMAIL, 300, None, CALL)
        code = self.okta.org.inbox.to(ADA)[0].code
        between("check")
        self.factors.check_code(target, Code(code), CALL)
        self.okta.clock.advance(30)


@pytest.fixture
def service(okta: OktaOrg) -> Iterator[Service]:
    with served(okta.org) as (host, port):
        yield Service(okta, f"http://{host}:{port}")


def test_main_job_is_done_with_one_token(service: Service) -> None:
    service.verify()
    service.verify()
    paths = [call.path for call in service.okta.org.calls]
    assert paths.count("/oauth2/v1/token") == 2  # the first is told the nonce


@pytest.mark.parametrize(
    "change",
    {
        "nonce ended": lambda s: s.okta.org.oauth.end_nonces(),
        "token ended at Okta": lambda s: s.okta.org.oauth.end_tokens(),
        "token is old": lambda s: s.okta.clock.advance(3600),
        "nonce is old": lambda s: s.okta.clock.advance(4 * 24 * 3600),
        "process was restored": lambda s: s.app.forget(),
        "key was replaced": lambda s: s.set_key("key-2"),
        "clock is 30 s ahead": lambda s: s.set_clock(30.0),
        "clock is 30 s behind": lambda s: s.set_clock(-30.0),
    }.items(),
    ids=lambda item: item[0],
)
def test_no_call_fails_while(service: Service, change: tuple[str, Callable[[Any], None]]) -> None:
    service.verify()
    change[1](service)
    service.verify()


@pytest.mark.parametrize("step", ["list", "send", "check"])
def test_no_step_fails_whose_token_ended_after_the_one_before(service: Service, step: str) -> None:
    end_tokens = service.okta.org.oauth.end_tokens
    service.verify(between=lambda name: end_tokens() if name == step else None)
    assert [call.status for call in service.okta.org.calls].count(401) == 1
    assert len(service.okta.org.inbox) == 1
    assert service.okta.user.failed_factor_attempts == 0


def _header(**changes: Any) -> Change:
    return lambda header, _: header.update(changes)


def _claims(**changes: Any) -> Change:
    return lambda _, claims: claims.update(changes)


def _later(seconds: float) -> Change:
    return lambda _, claims: claims.update(exp=claims["iat"] + seconds)


@pytest.mark.parametrize(
    "change",
    {
        "for another server": _claims(aud="https://elsewhere.okta.com/oauth2/v1/token"),
        "ended": _later(-1),
        "too long": _later(3700),
        "of another app": _claims(iss="0oa2"),
        "of an unknown app": _claims(sub="0oa2"),
        "without a jti": _claims(jti=""),
        "used before": _claims(jti="once"),
        "of an unknown key": _header(kid="another"),
    }.items(),
    ids=lambda item: item[0],
)
def test_assertion_is_refused(service: Service, change: tuple[str, Change]) -> None:
    service.wire.assertion = change[1]
    with pytest.raises(errors.OktaCredentialsRejected):
        service.verify()


_PROOFS: dict[str, Change] = {
    "for another method": _claims(htm="PUT"),
    "for another URL": _claims(htu="https://elsewhere.okta.com/api/v1/users"),
    "of yesterday": _claims(iat=0),
    "used before": _claims(jti="once"),
    "of another type": _header(typ="JWT"),
    "of another key than its own": _header(forced={"x": "A" * 43}),
}


@pytest.mark.parametrize("change", _PROOFS.items(), ids=lambda item: item[0])
def test_proof_is_refused_with_a_request_for_a_token(
    service: Service, change: tuple[str, Change]
) -> None:
    service.wire.proof = change[1]
    with pytest.raises(errors.OktaCredentialsRejected):
        service.verify()


@pytest.mark.parametrize(
    "change",
    {
        **_PROOFS,
        "for another token": _claims(ath="A" * 43),
        "of a stranger's key": _claims(x=1),
    }.items(),
    ids=lambda item: item[0],
)
def test_proof_is_refused_with_a_call(service: Service, change: tuple[str, Change]) -> None:
    service.verify()
    headers = dict(service.app.headers("GET", f"{service.url}/api/v1/users", CALL.deadline))
    service.wire.proof = change[1]
    ask = requests.Request("GET", f"{service.url}/api/v1/users", headers=headers)
    if change[0] == "used before":
        service.wire.exchange(ask, CALL.deadline)
        ask.headers = headers
    answer = service.wire.exchange(ask, CALL.deadline)
    assert (answer.status, answer.document["errorCode"]) == (401, "E0000011")


def test_scope_that_was_not_granted_is_refused(service: Service) -> None:
    service.verify()
    with pytest.raises(errors.OktaCredentialsRejected):
        service.templates.id_of("${code} is your code", CALL)
    service.okta.org.oauth.apps["0oa1"].scopes |= {*TEMPLATE_SCOPES}
    assert service.templates.id_of("${code} is your code", CALL)


def test_scope_that_was_not_asked_for_opens_nothing(service: Service) -> None:
    url = f"{service.url}/api/v1/sessions/102another"
    headers = dict(service.app.headers("GET", url, CALL.deadline))
    answer = service.wire.exchange(requests.Request("GET", url, headers=headers), CALL.deadline)
    assert (answer.status, answer.document["errorCode"]) == (403, "E0000006")


def test_scopes_are_those_of_the_vendors_document() -> None:
    document = Path(os.environ.get("OKTA_RECORDINGS", "")).parent / "openapi-subset.json"
    if not document.is_file():
        pytest.skip("the vendor's document is not here")
    different = {}
    for path, operations in json.loads(document.read_text())["paths"].items():
        for method, operation in operations.items():
            if not isinstance(operation, dict):
                continue  # parameters of all methods
            schemes = [each for each in operation.get("security", []) if "oauth2" in each]
            scopes = schemes[0]["oauth2"] if schemes else [None]
            ours = scope_of(method.upper(), re.sub(r"\{\w+\}", "an-id", path))
            if "security" in operation and [ours] != scopes:
                different[f"{method} {path}"] = (ours, scopes)
    assert different == {}
