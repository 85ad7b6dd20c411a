"""What an operator sees, and what nobody ever does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import CLIENT_KEY, ROOT_KEY, TOKEN, Account
from tests.integration.canaries import (
    EMAIL,
    IDEMPOTENCY_KEY,
    LOCALE,
    NAME,
    PASSWORD,
    PHONE,
    USER_AGENT,
    WRONG_KEY,
    leaks,
)
from tests.integration.functions import Functions, Reply
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, OktaOrg, answer, refusal
from tests.unit.events import REQUEST_ID
from tests.unit.examples import NOW

Flow = Callable[[Functions, OktaOrg, Account], object]
MORE: dict[str, Any] = {
    "key": CLIENT_KEY,
    "headers": {"User-Agent": USER_AGENT, "Accept-Language": LOCALE},
}
FACTORS = (("email", "ACTIVE", EMAIL), ("sms", "ACTIVE", PHONE))


def send(functions: Functions, **body: object) -> Reply:
    return functions.post("/challenge", {"email": EMAIL, **body}, **MORE)


def check(functions: Functions, code: str = CODE) -> Reply:
    return functions.post("/verify", {"email": EMAIL, "otp": code}, **MORE)


def by_url(functions: Functions, *_: object) -> None:
    for code in (WRONG_CODE, CODE, CODE):
        functions.get("/challenge", ("email", EMAIL), **MORE)
        functions.get("/verify", ("email", EMAIL), ("otp", code), **MORE)


def held(functions: Functions, *_others: object) -> None:
    send(functions)
    for _ in range(6):
        check(functions, WRONG_CODE)
    send(functions)


def inactive(functions: Functions, okta: OktaOrg, _: Account) -> None:
    okta.users[0].status = "SUSPENDED"
    send(functions)


def ambiguous(functions: Functions, okta: OktaOrg, _: Account) -> None:
    okta.users[0].login = "canary.one"
    okta.add(EMAIL, login="canary.two")
    send(functions)


def unknown(functions: Functions, okta: OktaOrg, _: Account) -> None:
    okta.users.clear()
    send(functions)
    check(functions)


def fault(what: str, *answers: Any) -> Flow:
    def flow(functions: Functions, okta: OktaOrg, _: Account) -> None:
        okta.answers_instead(what, *answers)
        send(functions)
        check(functions)

    return flow


def spoilt(functions: Functions, _: OktaOrg, account: Account) -> None:
    account.put_keys({"root_key": ROOT_KEY, "clients": {"shop": [CLIENT_KEY, "short"]}})
    send(functions)


def replayed(functions: Functions, *_others: object) -> None:
    headers = {**MORE["headers"], "Idempotency-Key": IDEMPOTENCY_KEY}
    for _ in range(2):
        functions.post("/challenge", {"email": EMAIL}, key=CLIENT_KEY, headers=headers)
    functions.post("/challenge", {"email": f"x{EMAIL}"}, key=CLIENT_KEY, headers=headers)


def register(functions: Functions, password: object = PASSWORD) -> Reply:
    profile = {"email": EMAIL, "firstName": NAME, "lastName": NAME, "mobilePhone": PHONE}
    body = {"profile": profile, "password": password, "enroll": ["email", "sms"]}
    headers = {**MORE["headers"], "Idempotency-Key": IDEMPOTENCY_KEY}
    return functions.post("/customers", body, key=CLIENT_KEY, headers=headers)


def registered(*answers: Any, what: str = "create") -> Flow:
    def flow(functions: Functions, okta: OktaOrg, _: Account) -> None:
        okta.users.clear()
        okta.answers_instead(what, *answers)
        for _again in range(2):
            register(functions)

    return flow


def released(functions: Functions, *_others: object) -> None:
    for email in (EMAIL, EMAIL.replace("@", "%40"), f"{EMAIL}%0d"):
        functions.release(email, **MORE)


LIMITED = refusal(429, "E0000047", X_Rate_Limit_Limit="600", X_Rate_Limit_Reset=str(NOW + 50))
FLOWS: dict[str, tuple[Flow, set[str]]] = {
    "verified": (lambda f, *_: (send(f), check(f)), {"sent", "verified"}),
    "by sms": (lambda f, *_: (send(f, channel="sms"), check(f)), {"sent", "verified"}),
    "by url": (by_url, {"sent", "verified", "invalid_code"}),
    "twice": (lambda f, *_: (send(f), check(f), check(f)), {"challenge_already_verified"}),
    "on hold": (held, {"invalid_code", "attempts_held"}),
    "at once": (lambda f, *_: (send(f), send(f)), {"sent", "send_limited"}),
    "under one key": (replayed, {"sent", "replayed", "idempotency_key_reused"}),
    "released": (released, {"released", "invalid_email"}),
    "for a purpose": (lambda f, *_: send(f, purpose=EMAIL), {"malformed_body"}),
    "not sent": (lambda f, *_: check(f), {"challenge_not_found"}),
    "unknown": (unknown, {"customer_not_found"}),
    "inactive": (inactive, {"customer_inactive"}),
    "ambiguous": (ambiguous, {"customer_ambiguous"}),
    "no such factor": (lambda f, *_: send(f, channel="call"), {"factor_not_enrolled"}),
    "no such channel": (lambda f, *_: send(f, channel=EMAIL), {"unsupported_channel"}),
    "no such language": (lambda f, *_: send(f, locale=EMAIL), {"malformed_body"}),
    "no address": (lambda f, *_: send(f, email=f"{EMAIL}\n"), {"invalid_email"}),
    "no code": (lambda f, *_: check(f, f"{CODE}{CODE}"), {"invalid_code_format"}),
    "no JSON": (lambda f, *_: f.post("/challenge", f"{{{EMAIL}", **MORE), {"malformed_body"}),
    "wrong key": (
        lambda f, *_: f.post("/challenge", {"email": EMAIL}, key=WRONG_KEY),
        {"unauthorized"},
    ),
    "strange event": (
        lambda f, *_: f.invoke("issue_challenge", {"body": f"{EMAIL} {CODE}"}),
        {"internal_error"},
    ),
    "registered": (registered(), {"registered", "replayed"}),
    "registered before": (lambda f, *_: register(f), {"customer_exists"}),
    "not acceptable": (registered(refusal(400, "E0000001")), {"customer_invalid"}),
    "half registered": (
        registered(refusal(400, "E0000001"), what="enrol"),
        {"enrollment_refused", "registered"},
    ),
    "lost customer": (registered(ReadTimeout(PASSWORD)), {"okta_unavailable", "registered"}),
    "no such password": (
        lambda f, *_: register(f, password=[PASSWORD]),
        {"malformed_body"},
    ),
    "a bug in a registration": (registered(ValueError(PASSWORD)), {"internal_error"}),
    "spoilt secret": (spoilt, {"misconfigured", "internal_error"}),
    "rejected token": (fault("user", refusal(401, "E0000011")), {"okta_credentials_rejected"}),
    "rate limit": (fault("check", LIMITED), {"okta_rate_limited"}),
    "lost answer": (fault("check", ReadTimeout(f"{EMAIL} {CODE} {TOKEN}")), {"okta_unavailable"}),
    "lost mail": (fault("send", ReadTimeout(f"{EMAIL} {TOKEN}")), {"okta_unavailable"}),
    "not reached": (fault("check", *[ConnectTimeout(EMAIL)] * 2), {"okta_unavailable"}),
    "strange answer": (
        fault("check", answer({"x": f"{EMAIL} {CODE}"})),
        {"okta_unexpected_response"},
    ),
    "error page": (fault("check", answer(f"{EMAIL} {CODE}", 500)), {"okta_unavailable"}),
    "a bug": (fault("user", ValueError(f"{EMAIL} {CODE} {TOKEN}")), {"internal_error"}),
}


@pytest.mark.parametrize("name", FLOWS)
def test_no_outcome_brings_a_canary_into_the_log(
    functions: Functions,
    okta: OktaOrg,
    account: Account,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    flow, expected = FLOWS[name]
    okta.add(EMAIL, *FACTORS, login=EMAIL.lower())
    flow(functions, okta, account)
    captured = capsys.readouterr()
    messages = {json.loads(line).get("message") for line in captured.out.splitlines()}
    assert expected <= messages
    assert leaks(captured.out, captured.err, caplog) == []


class TestLine:
    @pytest.fixture
    def lines(
        self, functions: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str]
    ) -> list[dict[str, Any]]:
        """What a code sent and verified leaves behind."""
        okta.add(EMAIL, *FACTORS, login=EMAIL.lower())
        send(functions)
        check(functions)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def test_one_line_says_all_of_a_call(self, lines: list[dict[str, Any]]) -> None:
        sent, verified = (line for line in lines if "_aws" not in line)
        assert (sent["outcome"], sent["route"], sent["okta_calls"]) == (
            "sent",
            "POST /challenge",
            3,
        )
        assert (verified["outcome"], verified["route"]) == ("verified", "POST /verify")
        assert (verified["okta_calls"], verified["okta_request_id"]) == (1, "okta-request-1")
        for line in (sent, verified):
            assert (line["level"], line["dialect"], line["caller"]) == ("INFO", "json", "shop")
            assert (line["channel"], line["request_id"]) == ("email", REQUEST_ID)
            assert len(line["identity"]) == 32
            assert line["total_ms"] >= line["okta_ms"] > 0
        assert sent["identity"] == verified["identity"]

    def test_every_outcome_is_a_metric(self, lines: list[dict[str, Any]]) -> None:
        sent, verified = (line for line in lines if "_aws" in line)
        assert (sent["sent"], verified["verified"]) == ([1.0], [1.0])
        assert sent["okta_latency"][0] > 0
        assert sent["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CustomerVerification"
        assert "verified" not in sent

    def test_a_failure_is_a_metric_by_its_reason(
        self, functions: Functions, capsys: pytest.CaptureFixture[str]
    ) -> None:
        functions.post("/challenge", {})
        metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert metrics["missing_email"] == [1.0]
        assert "okta_latency" not in metrics

    def test_a_bug_is_logged_by_where_it_is(
        self, functions: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str]
    ) -> None:
        okta.answers_instead("user", ValueError("words of a bug"))
        assert send(functions).code == "internal_error"
        line = json.loads(capsys.readouterr().out.splitlines()[0])
        assert (line["level"], line["error"]) == ("ERROR", "ValueError")
        assert any(frame.startswith("transport.py:") for frame in line["stack"])

    def test_a_verified_challenge_is_logged_with_its_customer(
        self, functions: Functions, okta: OktaOrg, capsys: pytest.CaptureFixture[str]
    ) -> None:
        okta.add(EMAIL, *FACTORS, login=EMAIL.lower())
        challenge_id = send(functions).json["challenge_id"]
        capsys.readouterr()
        functions.post("/verify", {"challenge_id": challenge_id, "code": CODE})
        line = json.loads(capsys.readouterr().out.splitlines()[0])
        assert line["outcome"] == "verified"
        assert "identity" in line
