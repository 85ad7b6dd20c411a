"""What holds on every route: who may call, what is refused, what every answer carries."""

from __future__ import annotations

import pytest

from tests.integration.account import CLIENT_KEY
from tests.integration.functions import (
    ADA,
    EVERY_ROUTE,
    GOOD_REQUESTS,
    Functions,
    event_for,
    function_for,
    log_lines,
)
from tests.integration.okta_org import OktaOrg
from tests.unit.events import JSON_HEADERS, REQUEST_ID, proxy_event

SHOP = {"Origin": "https://shop.example"}


class TestClients:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            " ",
            "Bearer",
            "Bearer ",
            "Bearer sk_wrong_0000000000000000",
            f"Bearer {CLIENT_KEY}x",
            f"Bearer {CLIENT_KEY[:-1]}",
            f"Bearer {CLIENT_KEY} {CLIENT_KEY}",
            f"Bearer,{CLIENT_KEY}",
            f"Basic {CLIENT_KEY}",
            f"SSWS {CLIENT_KEY}",
            CLIENT_KEY,
            "Bearer shop",
            "Bearer \u00e9\u00e9\u00e9",
        ],
    )
    def test_a_wrong_key_is_401_and_never_falls_back_to_public(
        self, functions: Functions, okta: OktaOrg, authorization: str
    ) -> None:
        okta.add(ADA)
        for route in GOOD_REQUESTS:
            reply = functions.ask(route, headers={"Authorization": authorization})
            assert (reply.status, reply.code) == (401, "unauthorized")
            assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert okta.calls == []

    @EVERY_ROUTE
    def test_a_wrong_key_is_told_before_a_wrong_body(
        self, functions: Functions, route: str
    ) -> None:
        reply = functions.ask(route, query=[], body="{", key="sk_wrong_0000000000000000")
        assert (reply.status, reply.code) == (401, "unauthorized")

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
    def test_a_right_key_names_its_client_in_the_log(
        self,
        functions: Functions,
        okta: OktaOrg,
        capsys: pytest.CaptureFixture[str],
        scheme: str,
    ) -> None:
        okta.add(ADA)
        headers = {"authorization": f"{scheme}{CLIENT_KEY}"}
        assert functions.ask("POST /challenge", headers=headers).status == 202
        assert [line["caller"] for line in log_lines(capsys)] == ["shop"]


class TestEvents:
    @pytest.mark.parametrize(
        "event",
        [
            {},
            None,
            [],
            "ping",
            {"Records": [{"eventSource": "aws:sqs", "body": ADA}]},
            {"version": "2.0", "rawPath": "/challenge", "routeKey": "GET /challenge"},
            {"httpMethod": "GET"},
            {"httpMethod": "GET", "path": None},
        ],
    )
    @pytest.mark.parametrize("function", ["issue_challenge", "verify_challenge"])
    def test_an_event_that_is_not_api_gateway_s_is_an_internal_error(
        self, functions: Functions, function: str, event: object
    ) -> None:
        reply = functions.invoke(function, event)
        assert (reply.status, reply.code) == (500, "internal_error")
        assert reply.json["request_id"] == "a-lambda-request"

    @EVERY_ROUTE
    @pytest.mark.parametrize(
        "missing",
        ["headers", "multiValueHeaders", "queryStringParameters", "body", "requestContext"],
    )
    def test_an_event_with_a_part_missing_has_an_outcome(
        self, public: Functions, route: str, missing: str
    ) -> None:
        method, _, path = route.partition(" ")
        headers = {**JSON_HEADERS, "Authorization": f"Bearer {CLIENT_KEY}"}
        event = event_for(method, path, **{"headers": headers, **GOOD_REQUESTS[route]})
        for part in ({}, {missing: None}):
            partial = {key: event[key] for key in event.keys() - {missing}} | part
            reply = public.invoke(function_for(path), partial)
            assert reply.status < 400 or reply.code
            assert reply.status < 500 or missing == "requestContext"

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
    def test_a_route_that_is_not_there(self, functions: Functions, method: str) -> None:
        for path in ("/challenge", "/verify"):
            reply = functions.call(method, path)
            assert (reply.status, reply.code) == (404, "route_not_found")

    @pytest.mark.parametrize("route", ["GET /challenge", "GET /verify"])
    def test_the_routes_with_addresses_in_them_can_be_turned_off(
        self, functions: Functions, okta: OktaOrg, monkeypatch: pytest.MonkeyPatch, route: str
    ) -> None:
        okta.add(ADA)
        monkeypatch.setenv("INVOKE_URL_ROUTES", "false")
        reply = functions.ask(route)
        assert (reply.status, reply.body, reply.code) == (404, "404", "route_not_found")
        assert okta.calls == []
        assert functions.ask("POST /challenge").status == 202


class TestHeaders:
    @EVERY_ROUTE
    def test_every_answer_can_be_traced_and_is_kept_nowhere(
        self, functions: Functions, okta: OktaOrg, route: str
    ) -> None:
        okta.add(ADA)
        for more in ({}, {"key": "wrong"}, {"query": [], "body": "{"}):
            reply = functions.ask(route, **more)
            assert reply.headers["X-Request-ID"] == REQUEST_ID
            assert reply.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("event", [proxy_event("PUT", "/challenge"), {}])
    def test_an_answer_without_a_route_too(self, functions: Functions, event: object) -> None:
        reply = functions.invoke("issue_challenge", event)
        assert reply.headers["X-Request-ID"] == reply.json["request_id"] != ""
        assert reply.headers["Cache-Control"] == "no-store"

    def test_a_problem_names_its_request(self, functions: Functions) -> None:
        reply = functions.post("/challenge", {})
        assert reply.json["request_id"] == REQUEST_ID


class TestCors:
    @pytest.mark.parametrize("origin", ["https://shop.example", "https://www.example"])
    def test_an_allowed_origin_may_ask_and_read(
        self, functions: Functions, okta: OktaOrg, origin: str
    ) -> None:
        okta.add(ADA)
        headers = {"Origin": origin}
        for path, methods in (("/challenge", {"GET", "POST"}), ("/verify", {"GET", "POST"})):
            preflight = functions.call("OPTIONS", path, headers=headers)
            assert (preflight.status, preflight.body) == (204, "")
            assert preflight.headers["Access-Control-Allow-Origin"] == origin
            allowed = preflight.headers["Access-Control-Allow-Headers"].split(",")
            assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(allowed)
            assert methods <= set(preflight.headers["Access-Control-Allow-Methods"].split(","))
            assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
        reply = functions.ask("POST /challenge", headers=headers)
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (202, origin)
        exposed = reply.headers["Access-Control-Expose-Headers"].split(",")
        assert {"Retry-After", "X-Outcome", "X-Request-ID"} <= set(exposed)

    @EVERY_ROUTE
    def test_an_allowed_origin_may_read_an_error(self, functions: Functions, route: str) -> None:
        reply = functions.ask(route, key="wrong", headers=SHOP)
        assert reply.headers["Access-Control-Allow-Origin"] == SHOP["Origin"]

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "https://shop.example.evil.example",
            "https://evilshop.example",
            "http://shop.example",
            "https://shop.example:8443",
            "https://SHOP.example",
            "null",
            "*",
            "",
        ],
    )
    def test_another_origin_may_not(self, functions: Functions, okta: OktaOrg, origin: str) -> None:
        okta.add(ADA)
        headers = {"Origin": origin}
        for reply in (
            functions.call("OPTIONS", "/challenge", headers=headers),
            functions.ask("POST /challenge", headers=headers),
        ):
            assert "Access-Control-Allow-Origin" not in reply.headers

    def test_without_allowed_origins_there_is_no_preflight(
        self, functions: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", "")
        reply = functions.call("OPTIONS", "/challenge", headers=SHOP)
        assert (reply.status, reply.code) == (404, "route_not_found")
        assert "Access-Control-Allow-Origin" not in reply.headers
