"""The request pipeline: callers, scopes, the order of the steps, stored replies, refunds, the log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.events import REQUEST_ID, SOURCE_IP, proxy_event
from tests.unit.examples import incomplete
from tests.unit.http.service import (
    ARN,
    CLIENTS,
    DESK,
    KEYRING,
    LAMBDA_REQUEST_ID,
    ORIGIN,
    SHOP,
    Function,
    code_of,
    fails,
)
from verification import errors
from verification.observability import Meter, Observer

SOURCE = KEYRING.source_hash(SOURCE_IP)
DELIVERY = {"task": "deliver", "sealed": "opaque"}

HONEST: list[type[Exception]] = [
    *(errors.MalformedBody, errors.CustomerNotFound, errors.RequestInProgress, errors.SendLimited),
    *(errors.OktaNotReached, errors.OktaOutcomeUnknown, errors.StoreUnavailable),
]
COSTLY: list[type[Exception]] = [
    *(errors.InvalidCode, errors.CodeNotComparable, errors.InvalidCredentials, errors.SignInEnded),
    *(errors.ChallengeNotFound, errors.AttemptsHeld, errors.RateLimited, RuntimeError),
]
STORED = [
    *(errors.MalformedBody, errors.CustomerNotFound, errors.InvalidCode, errors.ChallengeExpired),
    *(errors.OktaOutcomeUnknown, errors.OktaAnswerUnclear, errors.DeadlineExceededWaiting),
]
NOT_STORED = [
    *(errors.SendLimited(), errors.AttemptsHeld(), errors.OktaNotReached()),
    *(errors.OktaRateLimited(), errors.StoreUnavailable(), errors.OktaCredentialsRejected()),
    *(errors.OktaUnexpectedResponse(), errors.DeadlineExceeded(), errors.InternalError()),
    *(errors.ConfigurationError("TABLE_NAME is not set"), RuntimeError()),
    *(errors.RegistrationStopped(errors.OktaOutcomeUnknown()), incomplete(errors.CustomerExists())),
]


@pytest.fixture
def function() -> Function:
    return Function()


class TestCallers:
    def test_a_call_without_a_key_is_public(self, function: Function) -> None:
        headers = {
            "content-type": "application/json",
            "User-Agent": "agent",
            "Accept-Language": "de",
            "X-Device-Fingerprint": "print",
            "X-Device-Token": "token",
        }
        assert function.post("/check", headers=headers)["statusCode"] == 201
        caller = function.calls[0].caller
        assert (caller.is_public, caller.source_ip, caller.user_agent) == (True, SOURCE_IP, "agent")
        assert (caller.accept_language, caller.device_fingerprint) == ("de", "print")
        assert caller.device_token == "token"

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
    def test_a_key_is_its_client(self, function: Function, scheme: str) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"{scheme}{SHOP}"}
        assert function.post("/check", headers=headers)["statusCode"] == 201
        assert function.calls[0].caller.client == CLIENTS[SHOP]

    @pytest.mark.parametrize(
        "authorization",
        [
            *("", " ", "Bearer", "Bearer ", f"Bearer {SHOP}x", f"Bearer {SHOP[:-1]}", SHOP),
            *(f"Bearer {SHOP} {SHOP}", f"Bearer,{SHOP}", f"Basic {SHOP}", f"SSWS {SHOP}"),
            *("Bearer shop", "Bearer \u00e9\u00e9"),
        ],
    )
    @pytest.mark.parametrize("path", ["/send", "/check", "/authn", "/change"])
    def test_a_wrong_key_is_401_and_never_public(
        self, function: Function, path: str, authorization: str
    ) -> None:
        reply = function.post(path, "{", headers={"Authorization": authorization})
        assert reply["statusCode"] == 401
        assert reply["headers"]["WWW-Authenticate"] == "Bearer"
        assert "handle" not in function.trace

    @given(st.text())
    def test_no_other_text_is_a_key(self, authorization: str) -> None:
        reply = Function().post("/check", headers={"Authorization": authorization})
        assert code_of(reply) == (401, "unauthorized")

    def test_a_route_for_clients_needs_a_key(self, function: Function) -> None:
        assert code_of(function.post("/change")) == (401, "unauthorized")
        assert function.post("/change", key=DESK)["statusCode"] == 201

    def test_a_client_without_the_scope_is_forbidden(self, function: Function) -> None:
        assert code_of(function.post("/change", key=SHOP)) == (403, "forbidden")
        assert function.trace == ["authenticate"]
        (line,) = function.lines()
        assert (line["outcome"], line["caller"]) == ("forbidden", "shop")

    def test_each_dialect_tells_a_wrong_key_in_its_own_words(self, function: Function) -> None:
        body = json.loads(function.post("/authn", key="wrong")["body"])
        assert body["errorCode"] == "E0000011"

    def test_a_call_has_a_deadline_and_the_function_s_own_name(self, function: Function) -> None:
        for seconds, remaining in ((30.0, 8.0), (3.0, 2.5)):
            function.reply(proxy_event("POST", "/check", body={}), seconds)
            call = function.calls[-1]
            assert call.deadline.remaining() == remaining
            assert (call.function, call.request) == (ARN, "")


class TestOrder:
    def test_steps_of_a_call(self, function: Function) -> None:
        function.post("/change", key=DESK, idempotency_key="k")
        assert function.trace == ["authenticate", "parse", "spend", "handle"]
        assert len(function.responses.rows) == 1

    def test_a_wrong_key_is_told_before_a_wrong_body(self, function: Function) -> None:
        assert code_of(function.post("/check", "{", key="wrong")) == (401, "unauthorized")
        assert code_of(function.post("/change", "{", key=SHOP)) == (403, "forbidden")

    def test_a_wrong_body_costs_nothing(self, function: Function) -> None:
        assert code_of(function.post("/send", "{")) == (400, "malformed_body")
        assert function.trace == ["parse"]

    def test_no_row_is_written_over_the_limit(self) -> None:
        function = Function(sends_per_source=1)
        function.post("/send", idempotency_key="one")
        reply = function.post("/send", idempotency_key="two")
        assert code_of(reply) == (429, "rate_limited")
        assert reply["headers"]["Retry-After"] == "60"
        assert len(function.responses.rows) == 1

    def test_a_dialect_that_is_turned_off_is_not_found_by_anybody(self) -> None:
        function = Function(invoke_url_routes=False)
        for key in ({}, {"Authorization": "Bearer wrong"}):
            reply = function.reply(proxy_event("GET", "/by-url", headers=key))
            assert (reply["statusCode"], reply["body"]) == (404, "404")
            assert reply["headers"]["X-Outcome"] == "route_not_found"
        assert function.trace == []


class TestBudgets:
    @pytest.mark.parametrize(
        ("path", "key", "spent"),
        [
            ("/send", "", ("source-sends", SOURCE)),
            ("/send", SHOP, ("client-sends", "shop")),
            ("/check", "", ("source-failures", SOURCE)),
            ("/check", SHOP, None),
            ("/change", DESK, ("client-changes", "desk")),
        ],
    )
    def test_each_kind_of_call_is_paid_from_its_budget(
        self, function: Function, path: str, key: str, spent: tuple[str, str] | None
    ) -> None:
        function.post(path, key=key)
        counted = {(each.budget, each.name): n for each, n in function.budgets.spent.items()}
        assert counted == ({spent: 1} if spent else {})
        paid = function.calls[0].spent
        assert (paid and (paid.budget, paid.name)) == spent

    @pytest.mark.parametrize(
        ("kind", "paid"), [*((kind, 0) for kind in HONEST), *((kind, 1) for kind in COSTLY)]
    )
    @pytest.mark.parametrize("idempotency_key", ["", "k"])
    def test_a_failure_is_given_back_unless_the_call_may_have_been_a_guess(
        self, function: Function, kind: type[Exception], paid: int, idempotency_key: str
    ) -> None:
        function.happens = fails(kind())
        function.post("/check", idempotency_key=idempotency_key)
        assert function.budgets.spent.total() == paid

    @pytest.mark.parametrize(("path", "key"), [("/send", ""), ("/send", SHOP), ("/change", DESK)])
    def test_a_failed_send_or_change_is_paid(self, function: Function, path: str, key: str) -> None:
        function.happens = fails(errors.CustomerNotFound())
        function.post(path, key=key)
        assert function.budgets.spent.total() == 1

    @pytest.mark.parametrize(("path", "key"), [("/send", ""), ("/check", ""), ("/change", DESK)])
    def test_a_repeated_request_is_paid_once(self, function: Function, path: str, key: str) -> None:
        for _ in range(3):
            function.post(path, key=key, idempotency_key="k")
        assert function.budgets.spent.total() == 1


class TestIdempotencyKeys:
    def test_a_repeated_request_is_answered_alike_and_logged_as_replayed(
        self, function: Function
    ) -> None:
        replies = [function.post("/check", idempotency_key="k") for _ in range(2)]
        assert replies[0] == replies[1]
        assert len(function.calls) == 1
        assert [line["outcome"] for line in function.lines()] == ["done", "replayed"]

    def test_another_body_under_the_key_is_refused(self, function: Function) -> None:
        function.post("/check", idempotency_key="k")
        reply = function.post("/check", {"x": 1}, idempotency_key="k")
        assert code_of(reply) == (422, "idempotency_key_reused")

    def test_a_key_counts_for_one_caller_and_one_route(self, function: Function) -> None:
        for path, more in (
            ("/check", {}),
            ("/check", {"key": SHOP}),
            ("/check", {"key": DESK}),
            ("/check", {"source_ip": "198.51.100.9"}),
            ("/send", {}),
        ):
            function.post(path, idempotency_key="k", **more)
        assert len(function.calls) == 5
        assert len({call.request for call in function.calls}) == 5

    def test_a_long_key_is_refused(self, function: Function) -> None:
        assert function.post("/check", idempotency_key="k" * 255)["statusCode"] == 201
        reply = function.post("/check", idempotency_key="k" * 256)
        assert code_of(reply) == (400, "malformed_body")
        assert json.loads(reply["body"])["detail"] == "The Idempotency-Key is too long."

    @pytest.mark.parametrize("kind", STORED)
    def test_an_outcome_that_is_final_or_may_have_acted_is_stored(
        self, function: Function, kind: type[errors.VerificationError]
    ) -> None:
        function.happens = fails(kind())
        replies = [function.post("/check", idempotency_key="k") for _ in range(2)]
        assert replies[0] == replies[1]
        assert code_of(replies[0])[1] == kind.code
        assert len(function.calls) == 1

    @pytest.mark.parametrize("error", NOT_STORED, ids=lambda error: type(error).__name__)
    def test_an_outcome_that_may_change_is_not_stored(
        self, function: Function, error: Exception
    ) -> None:
        function.happens = fails(error)
        assert function.post("/check", idempotency_key="k")["statusCode"] >= 409
        function.happens = lambda: True
        assert function.post("/check", idempotency_key="k")["statusCode"] == 201


class TestReplies:
    @pytest.mark.parametrize(
        ("path", "key", "status"),
        [("/check", "", 201), ("/check", "wrong", 401), ("/change", SHOP, 403), ("/x", "", 404)],
    )
    def test_every_reply_has_its_request_id_and_security_headers(
        self, function: Function, path: str, key: str, status: int
    ) -> None:
        reply = function.post(path, key=key)
        assert reply["statusCode"] == status
        assert (
            reply["headers"].items()
            >= {
                "X-Request-ID": REQUEST_ID,
                "Cache-Control": "no-store",
                "Strict-Transport-Security": "max-age=31536000",
                "X-Content-Type-Options": "nosniff",
                "Access-Control-Allow-Origin": ORIGIN,
            }.items()
        )

    def test_a_page_may_read_that_it_is_over_the_limit(self) -> None:
        reply = Function(sends_per_source=0).post("/send")
        assert (reply["statusCode"], reply["headers"]["Retry-After"]) == (429, "60")
        assert reply["headers"]["Access-Control-Allow-Origin"] == ORIGIN
        assert "Retry-After" in reply["headers"]["Access-Control-Expose-Headers"]

    def test_a_page_of_another_origin_may_read_nothing(self, function: Function) -> None:
        headers = {"Content-Type": "application/json", "Origin": "https://evil.example"}
        reply = function.post("/check", headers=headers)
        assert not [name for name in reply["headers"] if name.startswith("Access-Control")]

    def test_a_preflight_is_answered_without_asking_anybody(self, function: Function) -> None:
        event = proxy_event("OPTIONS", "/by-url", headers={"Origin": ORIGIN})
        reply = function.reply(event)
        assert (reply["statusCode"], reply["body"]) == (204, "")
        assert reply["headers"]["Access-Control-Allow-Origin"] == ORIGIN
        assert reply["headers"]["Access-Control-Allow-Methods"] == "GET, OPTIONS"
        assert (function.trace, function.lines()) == ([], [])

    def test_an_unknown_route_is_a_problem(self, function: Function) -> None:
        for method, path in (("PUT", "/check"), ("POST", "/nothing")):
            reply = function.reply(proxy_event(method, path))
            assert code_of(reply) == (404, "route_not_found")

    @pytest.mark.parametrize(
        "event",
        [
            None,
            {},
            [],
            "a task",
            {"Records": [{"eventSource": "aws:sqs", "body": "ada@example.com"}]},
            {"version": "2.0", "rawPath": "/check", "routeKey": "POST /check"},
            {"httpMethod": "POST", "path": None},
        ],
    )
    def test_an_event_of_another_kind_is_an_internal_error(
        self, function: Function, event: Any
    ) -> None:
        reply = function.reply(event)
        assert code_of(reply) == (500, "internal_error")
        assert reply["headers"]["X-Request-ID"] == LAMBDA_REQUEST_ID
        assert reply["headers"]["X-Content-Type-Options"] == "nosniff"
        assert json.loads(reply["body"])["request_id"] == LAMBDA_REQUEST_ID
        (line,) = function.lines()
        assert (line["message"], line["request_id"]) == ("internal_error", LAMBDA_REQUEST_ID)
        assert "ada" not in json.dumps(line)


class TestLog:
    @pytest.mark.parametrize(
        ("path", "key", "happens", "line"),
        [
            ("/check", "", lambda: True, ("json", "done", "public")),
            ("/check", SHOP, lambda: True, ("json", "done", "shop")),
            ("/check", "", fails(errors.InvalidCode()), ("json", "invalid_code", "public")),
            ("/authn", "", fails(errors.InvalidCode()), ("authn", "invalid_code", "public")),
            ("/authn", "wrong", lambda: True, ("authn", "unauthorized", None)),
        ],
    )
    def test_one_line_has_the_final_outcome(
        self, function: Function, path: str, key: str, happens: Any, line: tuple[object, ...]
    ) -> None:
        function.happens = happens
        function.post(path, key=key)
        (logged,) = function.lines()
        assert (logged["dialect"], logged["outcome"], logged.get("caller")) == line
        assert (logged["route"], logged["request_id"]) == (f"POST {path}", REQUEST_ID)
        assert (logged["source"], logged["level"]) == (SOURCE, "INFO")

    def test_the_line_is_written_after_the_work(self, function: Function) -> None:
        def happens() -> None:
            assert function.lines() == []

        function.happens = happens
        assert function.post("/check")["statusCode"] == 201
        assert len(function.lines()) == 1

    def test_nothing_of_one_call_is_in_the_line_of_the_next(self, function: Function) -> None:
        function.post("/check", key=SHOP)
        function.reply(proxy_event("POST", "/check", headers={"Authorization": "wrong"}))
        first, second = function.lines()
        assert ("caller" in first, "caller" in second) == (True, False)

    @pytest.mark.parametrize("path", ["/check", "/authn"])
    def test_an_unexpected_exception_is_an_internal_error_that_quotes_nothing(
        self, function: Function, path: str
    ) -> None:
        function.happens = fails(ValueError("ada@example.com typed 123456"))
        reply = function.post(path)
        assert reply["statusCode"] == 500
        fault, outcome = function.lines()
        assert (fault["message"], fault["error"]) == ("internal_error", "ValueError")
        assert fault["request_id"] == outcome["request_id"] == REQUEST_ID
        assert fault["stack"][-1].startswith("service.py:")
        assert fault["stack"][-1].endswith(" happens")
        assert outcome["outcome"] == "internal_error"
        for text in (reply["body"], json.dumps(fault), json.dumps(outcome)):
            assert "ada" not in text
            assert "123456" not in text

    @pytest.mark.parametrize("broken_at", ["build", "work", "registration"])
    def test_a_wrong_setting_is_named_in_the_log_alone(self, broken_at: str) -> None:
        error = errors.ConfigurationError("TABLE_NAME is not set")
        function = Function(broken=error if broken_at == "build" else None)
        function.happens = fails(incomplete(error) if broken_at == "registration" else error)
        reply = function.post("/check")
        assert code_of(reply) == (500, "internal_error")
        assert "TABLE_NAME" not in reply["body"]
        named, outcome = function.lines()
        assert (named["message"], named["problem"]) == ("misconfigured", "TABLE_NAME is not set")
        assert outcome["outcome"] == "internal_error"
        assert outcome["total_ms"] < 60_000  # the time of this call, not of the process

    def test_a_container_that_cannot_be_built_is_an_internal_error(self) -> None:
        function = Function(broken=OSError("ada@example.com"))
        for event in (proxy_event("POST", "/check", body={}), proxy_event("OPTIONS", "/check")):
            reply = function.reply(event)
            assert reply["statusCode"] in (500, 204)
            assert "Access-Control-Allow-Origin" not in reply["headers"]
        assert "ada" not in json.dumps(function.lines())

    def test_a_reply_does_not_depend_on_the_log(self) -> None:
        class Broken(Observer):
            def outcome(
                self, dialect: str, request_id: str, route: str, outcome: str, meter: Meter
            ) -> None:
                raise ValueError(dialect, request_id, route, outcome, meter)

        class Unlogged(Function):
            def observer(self) -> Observer:
                return Broken(*self.outputs())

        function = Unlogged()
        assert function.post("/check")["statusCode"] == 201
        assert [line["error"] for line in function.lines()] == ["ValueError"]


class TestTasks:
    @pytest.mark.parametrize(
        ("happens", "line"),
        [
            (lambda: True, {"outcome": "sent"}),
            (lambda: False, {"outcome": "not_sent"}),
            (
                fails(errors.CustomerNotFound()),
                {"outcome": "not_sent", "reason": "customer_not_found"},
            ),
            (fails(errors.SendLimited()), {"outcome": "not_sent", "reason": "send_limited"}),
            (
                fails(errors.OktaNotReached()),
                {"outcome": "not_sent", "reason": "okta_unavailable", "delivery_failed": True},
            ),
            (
                fails(ValueError("ada@example.com")),
                {"outcome": "not_sent", "reason": "internal_error", "delivery_failed": True},
            ),
        ],
    )
    def test_a_task_is_carried_out_and_logged(
        self, function: Function, happens: Any, line: dict[str, object]
    ) -> None:
        function.happens = happens
        assert function.invoke(DELIVERY) is None
        assert function.trace == ["task opaque"]
        call = function.calls[0]
        assert (call.function, call.deadline.remaining(), call.caller.name) == (ARN, 8.0, None)
        lines = function.lines()
        assert "ada" not in json.dumps(lines)
        logged = lines[-1]
        names = {"outcome", "reason", "delivery_failed"}
        assert {name: logged[name] for name in names & logged.keys()} == line
        assert (logged["dialect"], logged["route"]) == ("task", "deliver")
        assert logged["request_id"] == LAMBDA_REQUEST_ID

    def test_an_unknown_task_is_not_carried_out(self, function: Function) -> None:
        assert function.invoke({"task": "other"}) is None
        (line,) = function.lines()
        assert (line["reason"], line["delivery_failed"]) == ("route_not_found", True)
        assert function.calls == []

    def test_a_wrong_setting_is_named(self) -> None:
        function = Function(broken=errors.ConfigurationError("TABLE_NAME is not set"))
        assert function.invoke(DELIVERY) is None
        named, outcome = function.lines()
        assert (named["problem"], outcome["delivery_failed"]) == ("TABLE_NAME is not set", True)
