"""Attacks on sign-ins by somebody who is not the customer: none of them succeeds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import requests

from tests.e2e.conftest import Caller
from tests.e2e.sign_in import (
    ADA,
    DEAD_TOKEN,
    LIMITED,
    TOTP,
    WRONG,
    WRONG_PASSWORD,
    SignIn,
    attempts_remaining,
    begin,
    outcome,
)
from tests.sandbox.okta.records import UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER, ADA_PASSWORD, ADA_PHONE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.sandbox import Sandbox

BAD_REQUEST = (400, "E0000001")


def lock(sandbox: Sandbox, status: str = "LOCKED_OUT") -> None:
    """Have Okta lock ada out, or give her another status."""
    ada = sandbox.org.directory.find_login(ADA)
    assert ada is not None
    ada.status = UserStatus(status)


def told(response: requests.Response) -> str:
    """Everything in an error, to the order of its fields, but for the ids of this request."""
    body = response.json()
    UUID(body["errorId"])
    assert body["errorId"] == response.headers["X-Request-ID"]
    body["errorId"] = ""
    headers = sorted(name for name in response.headers)
    return json.dumps([response.status_code, headers, body])


@pytest.mark.in_process
class TestWhoIsACustomer:
    def test_a_wrong_password_looks_the_same_for_everybody(self, public: Caller) -> None:
        sandbox = public.sandbox
        answers = {told(begin(public, ADA, "x"))}
        for username in ("nobody@example.com", "katherine@example.com", "grace.hopper"):
            answers.add(told(begin(public, username, "x")))
        for status in ("LOCKED_OUT", "SUSPENDED", "DEPROVISIONED", "STAGED"):
            lock(sandbox, status)
            answers.add(told(begin(public)))
        assert len(answers) == 1
        assert "E0000004" in answers.pop()

    @pytest.mark.parametrize("shows", [True, False])
    def test_the_public_is_not_told_of_a_lock(self, public: Caller, shows: bool) -> None:
        lock(public.sandbox)
        public.sandbox.org.policy.shows_lockout = shows
        assert outcome(begin(public)) == WRONG_PASSWORD

    def test_a_client_is_told_of_a_lock(self, client: Caller) -> None:
        lock(client.sandbox)
        assert outcome(begin(client)) == (200, "LOCKED_OUT")

    def test_a_lock_takes_as_long_as_a_wrong_password(self, sandbox: Sandbox) -> None:
        lock(sandbox)
        started = sandbox.now()
        begin(Caller(sandbox, {}))
        assert sandbox.now() - started >= 1.0


NO_CODES: tuple[object, ...] = (
    *("\u0660" * 6, "000", "0" * 11, "12345a", "' or 1=1", "12345\x006", "\ud800", " ", "0" * 600),
    *(123456, 1.5, True, [], ["000000"], {"a": 1}),
)
ODD_SPELLINGS = (
    *("{}/", "{}%2F", "{}%20", "%20{}", "{};x", "{}?", "{}%00", "./{}", "..%2F{}", "{}%0a"),
    *("%2e", "%2e%2e", "{}%2f..%2f{}", "{}%3Fx", "x" * 65),
)


@pytest.mark.in_process
class TestWaysAroundTheCount:
    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("email", {"answer": "000000"}),
            (TOTP, {"answer": "000000"}),
            ("question", {"passCode": "000000"}),
            (TOTP, {"passCode": ""}),
            ("question", {"answer": ""}),
            (TOTP, {"passCode": None}),
            (TOTP, {"code": "000000", "otp": "000000", "passcode": "000000"}),
        ],
    )
    def test_a_code_by_another_name_is_no_code(
        self, client: Caller, kind: str, body: dict[str, object]
    ) -> None:
        sign_in = SignIn(client)
        for _ in range(5):
            sign_in.verify(kind, **body)
        client.sandbox.advance += 31
        assert client.verifies_seen_by_okta(403) == 0
        assert attempts_remaining(client) == 4

    def test_what_cannot_be_a_code_is_not_forwarded(self, client: Caller) -> None:
        sign_in = SignIn(client)
        for code in NO_CODES:
            assert sign_in.verify(TOTP, passCode=code).status_code in (400, 403), code
        assert client.verifies_seen_by_okta() == 0
        assert attempts_remaining(client) == 4

    @pytest.mark.parametrize("body", [{"passCode": WRONG}, {}])
    def test_an_odd_spelling_of_a_factors_id_is_refused(
        self, client: Caller, body: dict[str, str]
    ) -> None:
        sign_in = SignIn(client)
        factor = sign_in.factor("email")
        for spelling in ODD_SPELLINGS:
            path = f"/api/v1/authn/factors/{spelling.format(factor, factor)}/verify"
            response = raw_post(client, path, {"stateToken": sign_in.token, **body})
            assert response.status_code in (400, 403, 404), spelling
        assert client.verifies_seen_by_okta() == 0
        assert not client.sandbox.org.inbox
        assert attempts_remaining(client) == 4

    def test_other_letters_of_a_factors_id_are_another_factor(self, client: Caller) -> None:
        sign_in = SignIn(client)
        path = f"/factors/{sign_in.factor(TOTP).swapcase()}/verify"
        for _ in range(5):
            assert outcome(sign_in.post(path, passCode=WRONG)) == (404, "E0000007")
        assert client.status_in_okta(ADA) == "ACTIVE"

    def test_another_customers_factor_is_not_there(self, public: Caller) -> None:
        grace = public.sandbox.org.directory.find_login("grace.hopper")
        assert grace is not None
        sign_in = SignIn(public)
        path = f"/factors/{grace.factors[0].id}/verify"
        assert outcome(sign_in.post(path)) == (404, "E0000007")
        assert outcome(sign_in.post(path, passCode=WRONG)) == (404, "E0000007")
        assert not public.sandbox.org.inbox

    def test_a_resend_checks_no_code(self, client: Caller) -> None:
        sign_in = SignIn(client)
        sign_in.verify("email")
        path = f"/factors/{sign_in.factor('email')}/verify/resend"
        client.sandbox.advance += 31
        assert outcome(sign_in.post(path, passCode=client.code())) == (200, "MFA_CHALLENGE")
        assert len(client.sandbox.org.inbox) == 2

    def test_two_codes_in_a_body_are_refused_and_not_chosen_from(self, client: Caller) -> None:
        sign_in = SignIn(client)
        path = f"/api/v1/authn/factors/{sign_in.factor(TOTP)}/verify"
        body = f'{{"stateToken": "{sign_in.token}", "passCode": "", "passCode": "{WRONG}"}}'
        assert raw_post(client, path, body).status_code == 400
        assert attempts_remaining(client) == 4

    def test_a_query_is_not_passed_on(self, client: Caller) -> None:
        sign_in = SignIn(client)
        path = (
            f"/factors/{sign_in.factor(TOTP)}/verify?passCode={WRONG}&stateToken=x&rememberDevice=x"
        )
        assert outcome(sign_in.post(path)) == (200, "MFA_CHALLENGE")
        assert attempts_remaining(client) == 4

    def test_a_made_up_state_token_costs_nobody_anything(self, client: Caller) -> None:
        for token in ("x", "00" + "x" * 40, "../../users"):
            body = {"stateToken": token, "passCode": WRONG}
            assert outcome(client.post("/api/v1/authn/factors/emf1/verify", body)) == DEAD_TOKEN
        assert attempts_remaining(client) == 4


def raw_post(caller: Caller, path: str, body: object) -> requests.Response:
    """A POST to exactly this path, with text as it is."""
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {**caller.headers, "Content-Type": "application/json"}
    request = requests.Request("POST", caller.sandbox.url, data=content, headers=headers).prepare()
    request.url = caller.sandbox.url + path
    with requests.Session() as session:
        return session.send(request, timeout=30)


NO_OBJECTS = ("", "null", "[]", "{")
ODD_BODIES = (
    '{"username": 5, "password": "x"}',
    '{"username": "ada@example.com", "password": ["x"]}',
    '{"username": "ada@example.com"}',
    '{"username": "  ", "password": "x"}',
    '{"username": "\\ud800", "password": "x"}',
    '{"stateToken": ""}',
    '{"stateToken": null}',
    '{"stateToken": {"a": 1}}',
    '{"username": "a", "password": "' + "x" * 9000 + '"}',
    '{"username": "a", "password": "x", "redirect_url": 5}',
)
OKTA_ERROR = {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}


@pytest.mark.in_process
class TestSteps:
    def test_a_sign_in_with_many_steps_is_stopped(self, public: Caller) -> None:
        """Honest steps cost the source nothing, and each is a call to Okta."""
        sign_in = SignIn(public)
        steps = [outcome(sign_in.post("")) for _ in range(60)]
        assert steps == [(200, "MFA_REQUIRED")] * 59 + [LIMITED]
        seen = len(public.sandbox.org.calls)
        assert outcome(sign_in.verify(TOTP, **sign_in.proof(TOTP))) == LIMITED
        assert len(public.sandbox.org.calls) == seen
        assert outcome(SignIn(public).post("")) == (200, "MFA_REQUIRED")


@pytest.mark.in_process
class TestOddRequests:
    def test_a_body_that_cannot_be_meant_is_refused_in_oktas_words(self, public: Caller) -> None:
        for body in ODD_BODIES:
            response = raw_post(public, "/api/v1/authn", body)
            assert outcome(response) == BAD_REQUEST, body
            assert set(response.json()) == OKTA_ERROR
        assert not public.sandbox.org.calls

    def test_what_is_no_object_is_refused_by_the_gateway_with_a_code_of_oktas(
        self, public: Caller
    ) -> None:
        for body in NO_OBJECTS:
            assert outcome(raw_post(public, "/api/v1/authn", body)) == (400, "E0000003"), body

    def test_what_is_nested_too_deep_is_refused_by_whoever_reads_it_first(
        self, public: Caller
    ) -> None:
        body = '{"username": ' + "[" * 3000 + "]" * 3000 + "}"
        assert raw_post(public, "/api/v1/authn", body).status_code == 400

    def test_another_media_type_is_refused(self, public: Caller) -> None:
        response = requests.post(
            f"{public.sandbox.url}/api/v1/authn",
            data="username=ada",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=30,
        )
        assert outcome(response) == (415, "E0000021")

    def test_a_wrong_client_key_is_refused(self, sandbox: Sandbox) -> None:
        caller = Caller(sandbox, {"Authorization": "Bearer sk_wrong_00000000000000"})
        assert outcome(begin(caller)) == DEAD_TOKEN
        assert not sandbox.org.calls


UNKNOWN = ("timeout", "reset", "http_500", "http_503", "html", "truncated", "redirect")
"""Faults after which it is not known what Okta has done."""


@pytest.mark.in_process
class TestFaults:
    @pytest.mark.parametrize("kind", [*UNKNOWN, "rate_limited"])
    def test_none_makes_a_right_code_a_success(self, client: Caller, kind: str) -> None:
        sign_in = SignIn(client)
        client.sandbox.org.faults.add("authn", kind, 1)
        started = client.sandbox.now()
        response = sign_in.verify(TOTP, **sign_in.proof(TOTP))
        assert client.sandbox.now() - started < 9
        assert response.status_code >= 429
        assert "sessionToken" not in response.text
        assert attempts_remaining(client) == (4 if kind == "rate_limited" else 3)

    def test_none_makes_a_right_password_a_sign_in(self, client: Caller) -> None:
        for kind in ("reset", "http_500", "html", "truncated"):
            client.sandbox.org.faults.add("authn", kind, 1)
            response = begin(client)
            assert response.status_code >= 500
            assert "stateToken" not in response.text
            client.sandbox.advance += 1
        # It is not known what they were, so they count as wrong.
        assert outcome(begin(client)) == LIMITED

    def test_a_code_that_may_have_been_sent_counts(self, public: Caller) -> None:
        sign_in = SignIn(public)
        public.sandbox.org.faults.add("authn", "timeout", 1)
        assert sign_in.verify("email").status_code == 503
        assert len(public.sandbox.org.inbox) == 1
        assert sign_in.verify("email").status_code == 429
        assert outcome(sign_in.verify("email", **sign_in.proof("email"))) == (200, "SUCCESS")


def test_no_token_password_code_or_address_is_logged_or_kept(
    public: Caller, client: Caller, log: Path
) -> None:
    before = log.stat().st_size
    redirect = "https://app.example.com/welcome?basket=canary-basket"
    secrets = [
        ADA,
        ADA_PASSWORD,
        ADA_PHONE,
        ADA_ANSWER,
        "canary-basket",
        "wrong-canary",
        "dt-canary",
    ]
    for caller in (public, client):
        begin(caller, password="wrong-canary")
        for kind in ("email", "question"):
            context = {"deviceToken": "dt-canary"}
            sign_in = SignIn(caller, redirect_url=redirect, context=context)
            sign_in.verify(kind)
            sign_in.verify(kind, passCode=WRONG, answer="custard")
            done = sign_in.verify(kind, **sign_in.proof(kind)).json()
            secrets += [sign_in.token, done["sessionToken"]]
            session = {"token": done["sessionToken"], "redirectUrl": "https://evil.example/"}
            caller.get("/login/sessionCookieRedirect", **session)
            public.sandbox.advance += 31
        key = Caller(caller.sandbox, {**caller.headers, "Idempotency-Key": "canary-key"})
        secrets += [SignIn(key).token, "canary-key"]
    codes = "|".join(message.code for message in public.sandbox.org.inbox)
    logged = log.read_text()[before:]
    assert logged.count('"outcome":"signed_in"') == 4, logged
    table = public.sandbox.aws.client("dynamodb")
    rows = json.dumps(table.scan(TableName="sandbox-ChallengeTable")["Items"])
    assert "sign-in#" in rows
    for secret in secrets:
        assert secret not in logged
        assert secret not in rows
    # Times and durations are long numbers, which hold any six digits once in a while.
    assert not re.search(rf"(?<![\w.])(?:{codes})(?!\w)", logged + rows)
