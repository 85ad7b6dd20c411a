"""The request pipeline: callers, scopes, the order of the steps, stored replies, refunds, the log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events import REQUEST_ID, SOURCE_IP, proxy_event
from tests.unit.examples import incomplete
from tests.unit.http.service import (
    ARN,
    CLIENTS,
    DESK,
    LAMBDA_REQUEST_ID,
    ORIGIN,
    SHOP,
    Function,
    code_of,
    fails,
)
from verification import errors
from verification.beside import Threads
from verification.observability import Observer

JSON = {"Content-Type": "application/json"}
DELIVERY = {"task": "deliver", "sealed": "opaque"}
ROUTES = ["/send", "/check", "/authn", "/change"]
NOT_KEYS = [
    *("", " ", "Bearer", "Bearer ", f"Bearer {SHOP}x", f"Bearer {SHOP[:-1]}", SHOP),
    *(f"Bearer {SHOP} {SHOP}", f"Bearer,{SHOP}", f"Basic {SHOP}", f"SSWS {SHOP}"),
    *("Bearer shop", "Bearer \u00e9\u00e9"),
]
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
MISCONFIGURED = errors.ConfigurationError("TABLE_NAME is not set")
NOT_STORED = [
    *(errors.SendLimited(), errors.AttemptsHeld(), errors.OktaNotReached()),
    *(errors.OktaRateLimited(), errors.StoreUnavailable(), errors.OktaCredentialsRejected()),
    *(errors.OktaUnexpectedResponse(), errors.DeadlineExceeded(), errors.InternalError()),
    *(MISCONFIGURED, RuntimeError(), incomplete(errors.CustomerExists())),
    errors.RegistrationStopped(errors.OktaOutcomeUnknown()),
]


@pytest.fixture
def function() -> Function:
    return Function()


class TestCallers:
    def test_a_call_without_a_key_is_public(self, function: Function) -> None:
        seen = {"User-Agent": "agent", "Accept-Language": "de"}
        device = {"X-Device-Fingerprint": "print", "X-Device-Token": "token"}
        assert function.post("/check", headers={**JSON, **seen, **device})["statusCode"] == 201
        caller = function.calls[0].caller
        assert (caller.is_public, caller.source_ip, caller.user_agent) == (True, SOURCE_IP, "agent")
        assert (caller.accept_language, caller.device_fingerprint) == ("de", "print")
        assert caller.device_token == "token"

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
    def test_a_key_is_its_client(self, function: Function, scheme: str) -> None:
        function.post("/check", headers={**JSON, "Authorization": f"{scheme}{SHOP}"})
        assert function.calls[0].caller.client == CLIENTS[SHOP]

    @pytest.mark.parametrize("text", NOT_KEYS)
    def test_a_wrong_key_is_401_before_a_wrong_body_and_never_public(
        self, function: Function, text: str
    ) -> None:
        for path in ROUTES:
            reply = function.post(path, "{", headers={"Authorization": text})
            assert reply["statusCode"] == 401
            assert reply["headers"]["WWW-Authenticate"] == "Bearer"
            assert "parse" not in function.trace

    def test_a_route_for_clients_needs_a_key(self, function: Function) -> None:
        assert code_of(function.post("/change")) == (401, "unauthorized")
        assert function.post("/change", key=DESK)["statusCode"] == 201

    def test_a_client_without_the_scope_is_forbidden(self, function: Function) -> None:
        assert code_of(function.post("/change", "{", key=SHOP)) == (403, "forbidden")
        assert function.trace == ["authenticate"]
        (line,) = function.log.lines()
        assert (line["outcome"], line["caller"]) == ("forbidden", "shop")

    def test_a_call_has_a_deadline_and_the_function_s_own_name(self, function: Function) -> None:
        for seconds, remaining in ((30.0, 8.0), (3.0, 2.5)):
            function.reply(proxy_event("POST", "/check", body={}), seconds)
            call = function.calls[-1]
            assert call.deadline.remaining() == remaining
            assert (call.function, call.request) == (ARN, "")


class TestOrder:
    def test_a_call_is_paid_between_parser_and_handler(self, function: Function) -> None:
        function.happens = lambda: function.trace.append(f"paid {function.units}")
        function.post("/change", key=DESK)
        assert function.trace == ["authenticate", "parse", "handle", "paid 1"]

    def test_a_wrong_body_costs_nothing(self, function: Function) -> None:
        assert code_of(function.post("/send", "{")) == (400, "malformed_body")
        assert (function.trace, function.units) == (["parse"], 0)

    def test_over_the_limit_no_row_is_written_and_a_page_may_read_why(self) -> None:
        function = Function(sends_per_source=1)
        function.post("/send", idempotency_key="one")
        reply = function.post("/send", idempotency_key="two")
        assert code_of(reply) == (429, "rate_limited")
        assert reply["headers"]["Retry-After"] == "3600"
        assert "Retry-After" in reply["headers"]["Access-Control-Expose-Headers"]
        assert len(function.world.table.named("response")) == 1

    def test_a_dialect_that_is_turned_off_is_not_found_by_anybody(self) -> None:
        function = Function(invoke_url_routes=False)
        for key in ({}, {"Authorization": "Bearer wrong"}):
            reply = function.reply(proxy_event("GET", "/by-url", headers=key))
            assert (reply["statusCode"], reply["body"]) == (404, "404")
            assert reply["headers"]["X-Outcome"] == "route_not_found"
        assert function.trace == []


class TestBudgets:
    @pytest.mark.parametrize(
        ("path", "key", "budget"),
        [
            ("/send", "", "source-sends"),
            ("/send", SHOP, "client-sends"),
            ("/check", "", "source-failures"),
            ("/check", SHOP, None),
            ("/change", DESK, "client-changes"),
        ],
    )
    def test_each_kind_of_call_is_paid_from_its_budget(
        self, function: Function, path: str, key: str, budget: str | None
    ) -> None:
        function.post(path, key=key)
        paid = function.calls[0].spent
        assert function.world.budgets.spent == ({paid: 1} if paid else {})
        assert (paid and paid.budget) == budget
        name = CLIENTS[key].name if key else function.world.keys.source_hash(SOURCE_IP)
        assert paid is None or paid.name == name

    @pytest.mark.parametrize(
        ("kind", "paid"), [*((kind, 0) for kind in HONEST), *((kind, 1) for kind in COSTLY)]
    )
    def test_a_failure_is_given_back_unless_the_call_may_have_been_a_guess(
        self, function: Function, kind: type[Exception], paid: int
    ) -> None:
        function.happens = fails(kind())
        for n, idempotency_key in enumerate(("", "k"), 1):
            function.post("/check", idempotency_key=idempotency_key)
            assert function.units == n * paid

    @pytest.mark.parametrize(("path", "key"), [("/send", ""), ("/send", SHOP), ("/change", DESK)])
    def test_a_failed_send_or_change_is_paid(self, function: Function, path: str, key: str) -> None:
        function.happens = fails(errors.CustomerNotFound())
        function.post(path, key=key)
        assert function.units == 1


class TestIdempotencyKeys:
    @pytest.mark.parametrize(("path", "key"), [("/send", ""), ("/check", ""), ("/change", DESK)])
    def test_a_repeated_request_is_answered_alike_logged_as_replayed_and_paid_once(
        self, function: Function, path: str, key: str
    ) -> None:
        replies = [function.post(path, key=key, idempotency_key="k") for _ in range(2)]
        assert replies[0] == replies[1]
        assert (len(function.calls), function.units) == (1, 1)
        assert [line["outcome"] for line in function.log.lines()] == ["done", "replayed"]

    @pytest.mark.parametrize(("path", "works"), [("/check", 1), ("/change", 1), ("/enroll", 2)])
    def test_a_key_that_is_made_of_the_request_does_not_count_to_enroll(
        self, function: Function, path: str, works: int
    ) -> None:
        for _ in range(2):
            function.post(path, key=DESK, idempotency_key=f"retry-{'0a' * 32}")
        assert len(function.calls) == works

    def test_another_body_under_the_key_is_refused(self, function: Function) -> None:
        function.post("/check", idempotency_key="k")
        reply = function.post("/check", {"x": 1}, idempotency_key="k")
        assert code_of(reply) == (422, "idempotency_key_reused")

    @pytest.mark.parametrize(("path", "key", "paid"), [("/check", "", 2), ("/check", SHOP, 0)])
    def test_another_body_under_the_key_costs_the_public_as_much_as_a_guess(
        self, function: Function, path: str, key: str, paid: int
    ) -> None:
        for body in ({"code": "000000"}, {"code": "000001"}):
            function.post(path, body, key=key, idempotency_key="k")
        assert (len(function.calls), function.units) == (1, paid)

    def test_another_query_under_the_key_is_refused(self, function: Function) -> None:
        for query in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]):
            reply = function.post("/check", idempotency_key="k", query=query)
            assert reply["statusCode"] == 201
        for query in ([], [("a", "1")], [("a", "1"), ("b", "2"), ("b", "3")]):
            reply = function.post("/check", idempotency_key="k", query=query)
            assert code_of(reply) == (422, "idempotency_key_reused")
        assert len(function.calls) == 1

    def test_a_key_counts_for_one_caller_and_one_route(self, function: Function) -> None:
        of_device = {"Content-Type": "application/json", "X-Device-Token": "token"}
        for path, more in (
            ("/check", {}),
            ("/check", {"key": SHOP}),
            ("/check", {"key": DESK}),
            ("/check", {"source_ip": "198.51.100.9"}),
            ("/check", {"headers": {**of_device, "Idempotency-Key": "k"}}),
            ("/send", {}),
        ):
            function.post(path, idempotency_key="k", **more)
        function.post("/check", idempotency_key="another")
        assert len({call.request for call in function.calls}) == 7

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
    def test_a_changeable_outcome_is_not_stored(self, function: Function, error: Exception) -> None:
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
        expected = {
            "X-Request-ID": REQUEST_ID,
            "Cache-Control": "no-store",
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "Access-Control-Allow-Origin": ORIGIN,
        }
        assert reply["statusCode"] == status
        assert reply["headers"].items() >= expected.items()

    def test_a_preflight_is_answered_without_asking_anybody(self, function: Function) -> None:
        reply = function.reply(proxy_event("OPTIONS", "/by-url", headers={"Origin": ORIGIN}))
        assert (reply["statusCode"], reply["body"]) == (204, "")
        assert reply["headers"]["Access-Control-Allow-Origin"] == ORIGIN
        assert reply["headers"]["Access-Control-Allow-Methods"] == "GET, OPTIONS"
        assert (function.trace, function.log.lines()) == ([], [])

    @pytest.mark.parametrize(("method", "path"), [("PUT", "/check"), ("POST", "/nothing")])
    def test_an_unknown_route_is_a_problem(
        self, function: Function, method: str, path: str
    ) -> None:
        assert code_of(function.reply(proxy_event(method, path))) == (404, "route_not_found")

    @pytest.mark.parametrize(
        "event",
        [
            *(None, {}, [], "a task", {"httpMethod": "POST", "path": None}),
            {"Records": [{"eventSource": "aws:sqs", "body": "ada@example.com"}]},
            {"version": "2.0", "rawPath": "/check", "routeKey": "POST /check"},
        ],
    )
    def test_another_event_is_an_internal_error(self, function: Function, event: Any) -> None:
        reply = function.reply(event)
        assert code_of(reply) == (500, "internal_error")
        assert reply["headers"]["X-Request-ID"] == LAMBDA_REQUEST_ID
        assert reply["headers"]["X-Content-Type-Options"] == "nosniff"
        assert json.loads(reply["body"])["request_id"] == LAMBDA_REQUEST_ID
        (line,) = function.log.lines()
        assert (line["message"], line["request_id"]) == ("internal_error", LAMBDA_REQUEST_ID)
        assert "ada" not in json.dumps(line)


class TestLog:
    @pytest.mark.parametrize(
        ("path", "key", "error", "line"),
        [
            ("/check", "", None, ("json", "done", "public")),
            ("/check", SHOP, None, ("json", "done", "shop")),
            ("/check", "", errors.InvalidCode(), ("json", "invalid_code", "public")),
            ("/authn", "", errors.InvalidCode(), ("authn", "invalid_code", "public")),
            ("/authn", "wrong", None, ("authn", "unauthorized", None)),
        ],
    )
    def test_one_line_has_the_final_outcome(
        self, function: Function, path: str, key: str, error: Exception | None, line: object
    ) -> None:
        def happens() -> None:
            assert function.log.lines() == []
            if error:
                raise error

        function.happens = happens
        function.post(path, key=key)
        (logged,) = function.log.lines()
        assert (logged["dialect"], logged["outcome"], logged.get("caller")) == line
        assert (logged["route"], logged["request_id"]) == (f"POST {path}", REQUEST_ID)
        source = function.world.keys.source_hash(SOURCE_IP)
        assert (logged["source"], logged["level"]) == (source, "INFO")

    def test_nothing_of_one_call_is_in_the_line_of_the_next(self, function: Function) -> None:
        function.post("/check", key=SHOP)
        function.post("/check", key="wrong")
        first, second = function.log.lines()
        assert ("caller" in first, "caller" in second) == (True, False)

    @pytest.mark.parametrize("path", ["/check", "/authn"])
    def test_an_unexpected_exception_is_an_internal_error_that_quotes_nothing(
        self, function: Function, path: str
    ) -> None:
        function.happens = fails(ValueError("ada@example.com typed 123456"))
        reply = function.post(path)
        assert reply["statusCode"] == 500
        fault, outcome = function.log.lines()
        assert (fault["level"], fault["message"]) == ("ERROR", "internal_error")
        assert fault["error"] == "ValueError"
        assert fault["request_id"] == outcome["request_id"] == REQUEST_ID
        assert fault["stack"][-1].startswith("service.py:")
        assert fault["stack"][-1].endswith(" happens")
        assert outcome["outcome"] == "internal_error"
        shown = json.dumps([reply, fault, outcome])
        assert ("ada" in shown, "123456" in shown) == (False, False)

    @pytest.mark.parametrize(
        ("broken", "happens"),
        [
            (MISCONFIGURED, MISCONFIGURED),
            (None, MISCONFIGURED),
            (None, incomplete(MISCONFIGURED)),
        ],
        ids=["at the start", "in the work", "in a registration"],
    )
    def test_a_wrong_setting_is_named_in_the_log_alone(
        self, broken: Exception | None, happens: Exception
    ) -> None:
        function = Function(broken)
        function.happens = fails(happens)
        reply = function.post("/check")
        assert code_of(reply) == (500, "internal_error")
        assert "TABLE_NAME" not in reply["body"]
        named, outcome = function.log.lines()
        assert (named["level"], named["message"]) == ("ERROR", "misconfigured")
        assert (named["problem"], named["request_id"]) == (MISCONFIGURED.problem, REQUEST_ID)
        assert outcome["outcome"] == "internal_error"
        assert outcome["total_ms"] < 60_000  # the time of this call, not of the process

    def test_a_container_that_cannot_be_built_is_an_internal_error(self) -> None:
        function = Function(OSError("ada@example.com"))
        for event in (proxy_event("POST", "/check", body={}), proxy_event("OPTIONS", "/check")):
            reply = function.reply(event)
            assert reply["statusCode"] in (500, 204)
            assert "Access-Control-Allow-Origin" not in reply["headers"]
        assert "ada" not in json.dumps(function.log.lines())

    def test_a_reply_does_not_depend_on_the_log(self) -> None:
        class Broken(Observer):
            def outcome(self, *_: object) -> None:
                raise ValueError

        function = Function(observer=Broken)
        assert function.post("/check")["statusCode"] == 201
        assert [line["error"] for line in function.log.lines()] == ["ValueError"]

    def test_an_unexpected_error_beside_the_work_is_logged_before_the_answer(self) -> None:
        function, beside = Function(), Threads()
        function.beside = beside
        function.happens = lambda: beside.start(lambda: 1 // 0)
        assert function.post("/check")["statusCode"] == 201
        lines = [line.get("error", line.get("outcome")) for line in function.log.lines()]
        assert lines == ["ZeroDivisionError", "done"]


class TestTasks:
    @pytest.mark.parametrize(
        ("happens", "line"),
        [
            (lambda: True, ("sent", None, None)),
            (lambda: False, ("not_sent", None, None)),
            (fails(errors.CustomerNotFound()), ("not_sent", "customer_not_found", None)),
            (fails(errors.SendLimited()), ("not_sent", "send_limited", None)),
            (fails(errors.OktaNotReached()), ("not_sent", "okta_unavailable", True)),
            (fails(ValueError("ada@example.com")), ("not_sent", "internal_error", True)),
        ],
    )
    def test_a_task_is_carried_out_and_logged(
        self, function: Function, happens: Any, line: tuple[object, ...]
    ) -> None:
        function.happens = happens
        assert function.invoke(DELIVERY) is None
        assert function.trace == ["task opaque"]
        call = function.calls[0]
        assert (call.function, call.deadline.remaining(), call.caller.name) == (ARN, 8.0, None)
        lines = function.log.lines()
        assert "ada" not in json.dumps(lines)
        logged = lines[-1]
        names = ("outcome", "reason", "delivery_failed")
        assert tuple(map(logged.get, names)) == line
        assert (logged["dialect"], logged["route"]) == ("task", "deliver")
        assert logged["request_id"] == LAMBDA_REQUEST_ID

    def test_an_unknown_task_is_not_carried_out(self, function: Function) -> None:
        assert function.invoke({"task": "other"}) is None
        (line,) = function.log.lines()
        assert (line["reason"], line["delivery_failed"]) == ("route_not_found", True)
        assert function.calls == []

    def test_a_wrong_setting_is_named(self) -> None:
        function = Function(MISCONFIGURED)
        assert function.invoke(DELIVERY) is None
        named, outcome = function.log.lines()
        assert (named["problem"], outcome["delivery_failed"]) == (MISCONFIGURED.problem, True)
