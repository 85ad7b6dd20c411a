"""The log of the functions: one line for each outcome, and nothing about a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import (
    CLIENT_KEY,
    ROOT_KEY,
    TABLE,
    TOKEN,
    client_error,
)
from tests.integration.conftest import World
from tests.integration.functions import ISSUE, WRONG_CODE, Functions, Reply, log_lines
from tests.integration.okta_org import answer, refusal
from tests.sandbox.okta.records import UserStatus
from tests.unit.events import REQUEST_ID
from tests.unit.examples import NOW

EMAIL = "Canary.Person@Example.com"
UNKNOWN = "canary.nobody@example.com"
PHONE = "+15005550199"
PASSWORD = "Secret-Horse-Battery-9"
NAME = "Canarius"
WRONG_KEY = "sk_canary_wrong_key_00001"
IDEMPOTENCY_KEY = "canary-idempotency-key-1"
MORE: Mapping[str, Any] = {
    "headers": {
        "User-Agent": "CanaryBrowser/4.2",
        "Accept-Language": "fr-CA",
        "X-Device-Token": "canary-device-token",
        "X-Device-Fingerprint": "canary-fingerprint",
        "Idempotency-Key": IDEMPOTENCY_KEY,
    }
}

CANARIES = [
    *(EMAIL, EMAIL.lower(), "canary.person", "canary.nobody", PHONE, PHONE[1:], PASSWORD, NAME),
    *(CLIENT_KEY, WRONG_KEY, TOKEN, ROOT_KEY, IDEMPOTENCY_KEY, "CanaryBrowser", "fr-CA"),
    *("canary-device-token", "canary-fingerprint", "203.0.113.7"),
    "Words that may change",  # of an error object of Okta
]
NEVER_ANSWERED = [CLIENT_KEY, WRONG_KEY, TOKEN, ROOT_KEY, PASSWORD, "Words that may change"]


@dataclass
class LogWorld(World):
    """The world of one flow. `secrets` must not leak, beside the canaries."""

    secrets: list[str] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """Every code that was sent."""
        return [message.code for message in self.okta.org.inbox]

    def send(self, functions: Functions, email: str = EMAIL, **body: object) -> Reply:
        return functions.send(email, body=body, **MORE)

    def check(self, functions: Functions, code: str = "", **body: object) -> Reply:
        """Check a code, or the newest that was sent; by email, unless `body` names a challenge."""
        if not code:
            code = self.codes[-1]
        given = {"code": code, **({} if "challenge_id" in body else {"email": EMAIL}), **body}
        # A key of its own, or the second code would be another body under the first one's key.
        headers = {**MORE["headers"], "Idempotency-Key": f"{IDEMPOTENCY_KEY}-{code}"}
        return functions.post("/verify", given, headers=headers)

    def register(self, password: object = PASSWORD) -> Reply:
        profile = {"email": UNKNOWN, "firstName": NAME, "lastName": NAME, "mobilePhone": PHONE}
        body = {"profile": profile, "password": password, "enroll": ["email", "sms"]}
        return self.shop.post("/customers", body, **MORE)


@pytest.fixture
def world(world: World) -> LogWorld:
    world.okta.add(EMAIL, PHONE, NAME, PASSWORD)
    return LogWorld(**vars(world))


def public_success(world: LogWorld) -> None:
    world.send(world.public)
    verified = world.check(world.public)
    token = verified.json["device_token"]
    world.secrets.append(token)
    world.clock.advance(60)
    world.public.send(EMAIL, body={"device_token": token})
    again = world.check(world.public, device_token=token)
    world.secrets.append(again.json["device_token"])


def held(world: LogWorld) -> None:
    challenge_id = world.send(world.public).json["challenge_id"]
    for n in range(4):
        world.check(world.public, f"{n}{WRONG_CODE[1:]}", challenge_id=challenge_id)


def by_url(world: LogWorld) -> None:
    world.public.get("/challenge", ("email", EMAIL), **MORE)
    world.public.deliver()
    world.public.get("/verify", ("email", EMAIL), ("otp", WRONG_CODE), **MORE)


def sign_in(world: LogWorld) -> None:
    for password in (f"{PASSWORD}!", PASSWORD):
        begun = world.public.post("/api/v1/authn", {"username": EMAIL, "password": password})
    world.secrets.append(begun.json["stateToken"])


def fault(kind: str, *instead: Any) -> Callable[[LogWorld], None]:
    def flow(world: LogWorld) -> None:
        world.okta.answers(kind, *instead)
        world.send(world.shop)
        if world.okta.org.inbox:
            world.check(world.shop)

    return flow


def registered(*instead: Any, kind: str = "create") -> Callable[[LogWorld], None]:
    def flow(world: LogWorld) -> None:
        world.okta.answers(kind, *instead)
        for _ in range(2):
            world.register()

    return flow


def not_delivered(world: LogWorld) -> None:
    world.queue.failure = client_error("TooManyRequestsException")
    world.send(world.public)


def spoilt_secret(world: LogWorld) -> None:
    clients = {"shop": [CLIENT_KEY, "short"]}
    world.account.put_keys({"root_key": ROOT_KEY, "clients": clients})
    world.send(world.shop)


def missing_table(world: LogWorld) -> None:
    world.account.dynamodb.delete_table(TableName=TABLE)
    world.send(world.shop)


def suspended(world: LogWorld) -> None:
    world.okta.org.directory.user_by_id_or_login(EMAIL).status = UserStatus.SUSPENDED
    world.send(world.public)
    world.send(world.shop)


LIMITED = refusal(429, "E0000047", X_Rate_Limit_Limit="600", X_Rate_Limit_Reset=str(NOW + 50))
FLOWS: dict[str, tuple[Callable[[LogWorld], object], set[str]]] = {
    "client": (
        lambda w: (w.send(w.shop), w.check(w.shop), w.check(w.shop, WRONG_CODE)),
        {"sent", "verified", "challenge_already_verified"},
    ),
    "client by sms": (
        lambda w: (w.send(w.shop, channel="sms"), w.check(w.shop)),
        {"sent", "verified"},
    ),
    "client, wrong code": (
        lambda w: (w.send(w.shop), w.check(w.shop, WRONG_CODE)),
        {"sent", "invalid_code"},
    ),
    "public": (public_success, {"accepted", "sent", "verified"}),
    "public, held": (held, {"accepted", "invalid_code", "attempts_held"}),
    "public, by URL": (by_url, {"accepted", "sent", "invalid_code"}),
    "public, nobody": (lambda w: w.send(w.public, UNKNOWN), {"accepted", "not_sent"}),
    "public, not delivered": (not_delivered, {"store_unavailable"}),
    "sign-in": (sign_in, {"invalid_credentials", "sign_in_begun"}),
    "suspended": (suspended, {"accepted", "not_sent", "customer_inactive"}),
    "twice": (lambda w: (w.send(w.shop), w.send(w.shop)), {"sent", "replayed"}),
    "key reused": (
        lambda w: (w.send(w.shop), w.send(w.shop, UNKNOWN)),
        {"sent", "idempotency_key_reused"},
    ),
    "no purpose": (lambda w: w.send(w.shop, purpose=EMAIL), {"malformed_body"}),
    "no channel": (lambda w: w.send(w.shop, channel=EMAIL), {"unsupported_channel"}),
    "no address": (lambda w: w.send(w.shop, f"{EMAIL}\n"), {"invalid_email"}),
    "no code": (lambda w: w.check(w.shop, PHONE), {"invalid_code_format"}),
    "no JSON": (lambda w: w.shop.post("/challenge", f"{{{EMAIL}", **MORE), {"malformed_body"}),
    "wrong key": (
        lambda w: w.public.post("/challenge", {"email": EMAIL}, key=WRONG_KEY),
        {"unauthorized"},
    ),
    "strange event": (lambda w: w.public.invoke(ISSUE, {"body": EMAIL}), {"internal_error"}),
    "strange task": (
        lambda w: w.public.invoke(ISSUE, {"task": "deliver", "sealed": EMAIL}),
        {"not_sent"},
    ),
    "registered": (registered(), {"registered", "replayed"}),
    "registration refused": (registered(refusal(400, "E0000001")), {"customer_invalid"}),
    "registration lost": (registered(ReadTimeout(PASSWORD)), {"okta_unavailable"}),
    "registration, bug": (registered(ValueError(PASSWORD)), {"internal_error"}),
    "no password": (lambda w: w.register(password=[PASSWORD]), {"malformed_body"}),
    "spoilt secret": (spoilt_secret, {"misconfigured", "internal_error"}),
    "missing table": (missing_table, {"misconfigured", "internal_error"}),
    "rejected token": (fault("lookup", refusal(401, "E0000011")), {"okta_credentials_rejected"}),
    "rate limit": (fault("check", LIMITED), {"okta_rate_limited"}),
    "lost answer": (fault("check", ReadTimeout(f"{EMAIL} {TOKEN}")), {"okta_unavailable"}),
    "lost mail": (fault("send", ReadTimeout(f"{EMAIL} {TOKEN}")), {"okta_unavailable"}),
    "not reached": (fault("send", *[ConnectTimeout(EMAIL)] * 2), {"okta_unavailable"}),
    "strange answer": (fault("check", answer({"x": EMAIL})), {"okta_unexpected_response"}),
    "error page": (fault("check", answer(f"{EMAIL} {TOKEN}", 500)), {"okta_unavailable"}),
    "bug": (fault("lookup", ValueError(f"{EMAIL} {TOKEN}")), {"internal_error"}),
}


@pytest.mark.parametrize("name", FLOWS)
def test_no_secret_is_logged_stored_or_answered(
    world: LogWorld,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    flow, expected = FLOWS[name]
    flow(world)
    captured = capsys.readouterr()
    messages = {json.loads(line).get("message") for line in captured.out.splitlines()}
    assert expected <= messages
    # Codes are six digits, and so are parts of longer numbers.
    codes = re.compile(rf"(?<![\w.])(?:{'|'.join([WRONG_CODE, *world.codes])})(?!\w)")
    stored = "" if name == "missing table" else str(world.account.rows())
    for text in (f"{captured.out}{captured.err}{caplog.text}", stored):
        leaks = [each for each in [*CANARIES, *world.secrets] if each in text]
        assert leaks + codes.findall(text) == []
    answered = "".join([*world.public.bodies, *world.shop.bodies])
    assert [each for each in [*NEVER_ANSWERED, *world.codes] if each in answered] == []


class TestLine:
    def test_line_of_a_client_s_calls(
        self, world: LogWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        world.send(world.shop)
        world.check(world.shop)
        sent, verified = log_lines(capsys)
        assert (sent["outcome"], sent["route"]) == ("sent", "POST /challenge")
        assert (verified["outcome"], verified["route"]) == ("verified", "POST /verify")
        for line in (sent, verified):
            assert (line["level"], line["dialect"], line["caller"]) == ("INFO", "json", "shop")
            assert (line["channel"], line["lane"]) == ("email", "client")
            assert line["request_id"] == REQUEST_ID
            assert line["okta_request_id"]
            assert line["total_ms"] >= line["okta_ms"] > 0
            assert {len(line["email_hash"]), len(line["source"])} == {32}
        assert sent["email_hash"] == verified["email_hash"]

    def test_lines_of_a_public_call(
        self, world: LogWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for email in (EMAIL, UNKNOWN):
            world.public.send(email)
        accepted, sent, unknown, not_sent = log_lines(capsys)
        assert (accepted["outcome"], accepted["caller"]) == ("accepted", "public")
        assert (accepted["lane"], accepted["okta_calls"]) == ("stranger", 0)
        assert (sent["outcome"], sent["dialect"], sent["route"]) == ("sent", "task", "deliver")
        assert sent["request_id"] == "a-lambda-request"
        assert (not_sent["outcome"], not_sent["reason"]) == ("not_sent", "customer_not_found")
        assert "delivery_failed" not in not_sent
        assert accepted["email_hash"] == sent["email_hash"] != unknown["email_hash"]
        same = accepted.keys() & unknown.keys() - {
            "email_hash",
            "timestamp",
            "total_ms",
            "store_ms",
        }
        assert [accepted[each] for each in same] == [unknown[each] for each in same]

    def test_wrong_code_of_the_public_says_what_was_concealed(
        self, world: LogWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        world.send(world.public)
        world.okta.answers("check", ReadTimeout())
        assert world.check(world.public).code == "invalid_code"
        wrong = log_lines(capsys)[-1]
        assert (wrong["outcome"], wrong["concealed"]) == ("invalid_code", "okta_unavailable")
