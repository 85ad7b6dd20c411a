"""The log of the functions: one line for each outcome, and nothing about a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import (
    CLIENT_KEY,
    KEYS_SECRET,
    ROOT_KEY,
    TOKEN,
    client_error,
)
from tests.integration.functions import ISSUE, Caller, OktaAnswer, Reply, World, log_lines
from tests.integration.okta_client import okta_error
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.unit.events import REQUEST_ID, SOURCE_IP
from tests.unit.examples import NOW

EMAIL, UNKNOWN = "Canary.Person@Example.com", "canary.nobody@example.com"
PHONE, NAME, PASSWORD = "+15005550199", "Canarius", "Secret-Horse-Battery-9"
WRONG_CODE = "000000"  # the org never sends it
WRONG_KEY = "sk_canary_wrong_key_00001"
IDEMPOTENCY_KEY = "canary-idempotency-key-1"
HEADERS = {
    "User-Agent": "CanaryBrowser/4.2",
    "Accept-Language": "fr-CA",
    "X-Device-Token": "canary-device-token",
    "X-Device-Fingerprint": "canary-fingerprint",
    "Idempotency-Key": IDEMPOTENCY_KEY,
}
NEVER_ANSWERED = [CLIENT_KEY, WRONG_KEY, TOKEN, ROOT_KEY, PASSWORD, "Words that may change"]
CANARIES = [
    *(EMAIL, EMAIL.lower(), "canary.person", "canary.nobody", PHONE, PHONE[1:], NAME, SOURCE_IP),
    *(IDEMPOTENCY_KEY, "CanaryBrowser", "fr-CA", "canary-device-token", "canary-fingerprint"),
    *NEVER_ANSWERED,
]


class Flow:
    """The calls of one flow. `secrets` must not leak, beside the canaries."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.public, self.shop = world.public, world.shop
        self.secrets: list[str] = []
        directory = world.okta.org.directory
        self.user = directory.add_user(login=EMAIL, email=EMAIL, first_name=NAME, last_name=NAME)
        self.user.mobile_phone, self.user.password = PHONE, PASSWORD
        directory.add_factor(self.user, FactorType.EMAIL, EMAIL)
        directory.add_factor(self.user, FactorType.SMS, PHONE)

    @property
    def codes(self) -> list[str]:
        """Every code that was sent."""
        return [message.code for message in self.world.okta.org.inbox]

    def send(self, caller: Caller, email: str = EMAIL, **body: object) -> Reply:
        return caller.send(email, HEADERS, **body)

    def check(self, caller: Caller, code: str = "", **body: object) -> Reply:
        """Check a code, or the newest that was sent; by email, unless `body` names a challenge."""
        code = code or self.codes[-1]
        given = {"code": code, **({} if "challenge_id" in body else {"email": EMAIL}), **body}
        # A key of its own, or the second code would be another body under the first one's key.
        headers = {**HEADERS, "Idempotency-Key": f"{IDEMPOTENCY_KEY}-{code}"}
        return caller.post("/verify", given, headers)

    def register(self, password: object = PASSWORD) -> Reply:
        profile = {"email": UNKNOWN, "firstName": NAME, "lastName": NAME, "mobilePhone": PHONE}
        body = {"profile": profile, "password": password, "enroll": ["email", "sms"]}
        return self.shop.post("/customers", body, HEADERS)


@pytest.fixture
def flow(world: World) -> Flow:
    return Flow(world)


def public_success(flow: Flow) -> None:
    flow.send(flow.public)
    token = flow.check(flow.public).json["device_token"]
    flow.world.clock.advance(60)
    flow.public.send(EMAIL, device_token=token)
    again = flow.check(flow.public, device_token=token)
    flow.secrets += [token, again.json["device_token"]]


def held(flow: Flow) -> None:
    challenge_id = flow.send(flow.public).json["challenge_id"]
    for n in range(4):
        flow.check(flow.public, f"{n}{WRONG_CODE[1:]}", challenge_id=challenge_id)


def by_url(flow: Flow) -> None:
    flow.public.get("/challenge", ("email", EMAIL), headers=HEADERS)
    flow.world.deliver()
    flow.public.get("/verify", ("email", EMAIL), ("otp", WRONG_CODE), headers=HEADERS)


def sign_in(flow: Flow) -> None:
    for password in (f"{PASSWORD}!", PASSWORD):
        begun = flow.public.post("/api/v1/authn", {"username": EMAIL, "password": password})
    flow.secrets.append(begun.json["stateToken"])


def suspended(flow: Flow) -> None:
    flow.user.status = UserStatus.SUSPENDED
    flow.send(flow.public)
    flow.send(flow.shop)


def not_delivered(flow: Flow) -> None:
    flow.world.queue.failure = client_error("TooManyRequestsException")
    flow.send(flow.public)


def wrong_setting(flow: Flow) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OKTA_ORG_URL", f"https://{TOKEN}.evil.example")
        flow.send(flow.shop)


def spoilt_secret(flow: Flow) -> None:
    content = {"root_key": ROOT_KEY, "clients": {"shop": [CLIENT_KEY, "short"]}}
    flow.world.account.put_secret(KEYS_SECRET, content)
    flow.send(flow.shop)


def fault(kind: str, *instead: OktaAnswer | Exception) -> Callable[[Flow], None]:
    def happens(flow: Flow) -> None:
        flow.world.okta.instead[kind].extend(instead)
        flow.send(flow.shop)
        if flow.codes:
            flow.check(flow.shop)

    return happens


def registered(*instead: OktaAnswer | Exception) -> Callable[[Flow], None]:
    def happens(flow: Flow) -> None:
        flow.world.okta.instead["create"].extend(instead)
        for _ in range(2):
            flow.register()

    return happens


def refusal(status: int, code: str, **headers: str) -> OktaAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, given, json.dumps(okta_error(code))


WRONG_KEY_HEADER = {"Authorization": f"Bearer {WRONG_KEY}"}
LOST = ReadTimeout(f"{EMAIL} {TOKEN} {PASSWORD}")
BUG = ValueError(f"{EMAIL} {TOKEN} {PASSWORD}")
LIMITED = refusal(429, "E0000047", X_Rate_Limit_Limit="600", X_Rate_Limit_Reset=str(NOW + 50))
FLOWS: dict[str, tuple[Callable[[Flow], object], str]] = {
    "verified": (
        lambda f: (f.send(f.shop), f.check(f.shop), f.check(f.shop, WRONG_CODE)),
        "sent verified challenge_already_verified",
    ),
    "by sms": (lambda f: (f.send(f.shop, channel="sms"), f.check(f.shop)), "sent verified"),
    "wrong code": (lambda f: (f.send(f.shop), f.check(f.shop, WRONG_CODE)), "sent invalid_code"),
    "public": (public_success, "accepted sent verified"),
    "held": (held, "accepted invalid_code attempts_held"),
    "by URL": (by_url, "accepted sent invalid_code"),
    "nobody": (lambda f: f.send(f.public, UNKNOWN), "accepted not_sent"),
    "not delivered": (not_delivered, "store_unavailable"),
    "sign-in": (sign_in, "invalid_credentials sign_in_begun"),
    "suspended": (suspended, "accepted not_sent customer_inactive"),
    "twice": (lambda f: (f.send(f.shop), f.send(f.shop)), "sent replayed"),
    "key reused": (
        lambda f: (f.send(f.shop), f.send(f.shop, UNKNOWN)),
        "sent idempotency_key_reused",
    ),
    "no purpose": (lambda f: f.send(f.shop, purpose=EMAIL), "malformed_body"),
    "no channel": (lambda f: f.send(f.shop, channel=EMAIL), "unsupported_channel"),
    "no address": (lambda f: f.send(f.shop, f"{EMAIL}\n"), "invalid_email"),
    "no code": (lambda f: f.check(f.shop, PHONE), "invalid_code_format"),
    "no JSON": (lambda f: f.shop.post("/challenge", f"{{{EMAIL}", HEADERS), "malformed_body"),
    "wrong key": (
        lambda f: f.public.post("/challenge", {"email": EMAIL}, WRONG_KEY_HEADER),
        "unauthorized",
    ),
    "strange event": (lambda f: f.world.invoke(ISSUE, {"body": EMAIL}), "internal_error"),
    "strange task": (
        lambda f: f.world.invoke(ISSUE, {"task": "deliver", "sealed": EMAIL}),
        "not_sent",
    ),
    "registered": (registered(), "registered replayed"),
    "registration refused": (registered(refusal(400, "E0000001")), "customer_invalid"),
    "registration lost": (registered(LOST), "okta_unavailable"),
    "registration, bug": (registered(BUG), "internal_error"),
    "no password": (lambda f: f.register(password=[PASSWORD]), "malformed_body"),
    "wrong setting": (wrong_setting, "misconfigured internal_error"),
    "spoilt secret": (spoilt_secret, "misconfigured internal_error"),
    "rejected token": (fault("lookup", refusal(401, "E0000011")), "okta_credentials_rejected"),
    "forbidden": (fault("factors", refusal(403, "E0000006")), "okta_credentials_rejected"),
    "rate limit": (fault("check", LIMITED), "okta_rate_limited"),
    "lost answer": (fault("check", LOST), "okta_unavailable"),
    "lost mail": (fault("send", LOST), "okta_unavailable"),
    "strange mail": (fault("send", (200, {}, "{}")), "okta_unexpected_response"),
    "not reached": (fault("send", *[ConnectTimeout(EMAIL)] * 2), "okta_unavailable"),
    "strange answer": (
        fault("check", (200, {}, f'{{"x": "{EMAIL}"}}')),
        "okta_unexpected_response",
    ),
    "error page": (fault("check", (500, {}, f"{EMAIL} {TOKEN}")), "okta_unavailable"),
    "bug": (fault("lookup", BUG), "internal_error"),
}


@pytest.mark.parametrize(("happens", "expected"), FLOWS.values(), ids=FLOWS)
def test_no_secret_is_logged_stored_or_answered(
    flow: Flow,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    happens: Callable[[Flow], object],
    expected: str,
) -> None:
    happens(flow)
    captured = capsys.readouterr()
    messages = {json.loads(line).get("message") for line in captured.out.splitlines()}
    assert set(expected.split()) <= messages
    # Codes are six digits, and so are parts of longer numbers.
    codes = re.compile(rf"(?<![\w.])(?:{'|'.join([WRONG_CODE, *flow.codes])})(?!\w)")
    logged = f"{captured.out}{captured.err}{caplog.text}"
    for text in (logged, str(flow.world.store.rows)):
        leaks = [each for each in [*CANARIES, *flow.secrets] if each in text]
        assert leaks + codes.findall(text) == []
    answered = "".join(flow.world.bodies)
    assert [each for each in [*NEVER_ANSWERED, *flow.codes] if each in answered] == []


def test_lines_of_a_client_s_calls(flow: Flow, capsys: pytest.CaptureFixture[str]) -> None:
    flow.send(flow.shop)
    flow.check(flow.shop)
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


def test_line_of_a_public_call_does_not_say_whether_the_email_is_known(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for email in (EMAIL, UNKNOWN):
        flow.public.send(email)
    accepted, sent, unknown, not_sent = log_lines(capsys)
    assert (accepted["outcome"], accepted["lane"]) == ("accepted", "stranger")
    assert (sent["outcome"], sent["route"]) == ("sent", "deliver")
    assert (not_sent["outcome"], not_sent["reason"]) == ("not_sent", "customer_not_found")
    assert accepted["email_hash"] == sent["email_hash"] != unknown["email_hash"]
    same = accepted.keys() - {"email_hash", "timestamp", "total_ms", "store_ms"}
    assert {name: accepted[name] for name in same} == {name: unknown[name] for name in same}


def test_wrong_code_of_the_public_says_what_was_concealed(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    flow.send(flow.public)
    flow.world.okta.instead["check"].append(LOST)
    assert flow.check(flow.public).json["code"] == "invalid_code"
    wrong = log_lines(capsys)[-1]
    assert (wrong["outcome"], wrong["concealed"]) == ("invalid_code", "okta_unavailable")
