"""Events of API Gateway and of Lambda, as the functions read and answer them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.integration.account import CLIENT_KEY, OTHER_CLIENT_KEY, ROOT_KEY, Account, LambdaQueue
from tests.integration.functions import ISSUE, VERIFY, Functions, log_lines
from tests.integration.okta_org import ADA, OktaOrg
from tests.unit.events import REQUEST_ID, proxy_event

SHOP = {"Origin": "https://shop.example"}
BODY = {"email": ADA}


def event(**changes: Any) -> dict[str, Any]:
    """A good POST /challenge, but for some changes."""
    return {**proxy_event("POST", "/challenge", body=BODY), **changes}


class TestInput:
    def test_body_in_base64(self, functions: Functions, okta: OktaOrg) -> None:
        encoded = base64.b64encode(json.dumps(BODY).encode()).decode()
        assert functions.reply(event(body=encoded, isBase64Encoded=True)).status == 202
        functions.deliver()
        assert okta.code()
        for spoilt in ("not base64", base64.b64encode(b"\xff").decode()):
            assert (
                functions.reply(event(body=spoilt, isBase64Encoded=True)).code == "malformed_body"
            )

    @pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
    def test_names_of_headers_and_schemes_have_no_case(
        self, functions: Functions, capsys: pytest.CaptureFixture[str], name: str, scheme: str
    ) -> None:
        headers = {"CONTENT-TYPE": "Application/JSON; charset=utf-8", name: scheme + CLIENT_KEY}
        assert functions.reply(event(headers=headers)).status == 202
        assert log_lines(capsys)[-1]["caller"] == "shop"

    def test_parameter_that_is_given_twice_is_refused(
        self, functions: Functions, queue: LambdaQueue
    ) -> None:
        reply = functions.get("/challenge", ("email", ADA), ("email", "eve@evil.example"))
        assert (reply.status, reply.body) == (400, "error: invalid email")
        reply = functions.get("/verify", ("email", ADA), ("otp", "111111"), ("otp", "222222"))
        assert (reply.status, reply.code) == (400, "invalid_code_format")
        assert not queue.events

    def test_parameters_without_their_multi_value_form(self, functions: Functions) -> None:
        query = {"httpMethod": "GET", "queryStringParameters": BODY}
        assert functions.reply(event(**query)).status == 200

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", ""]
    )
    def test_form_that_any_page_can_send_is_refused(
        self, functions: Functions, content_type: str
    ) -> None:
        reply = functions.post("/challenge", BODY, headers={"Content-Type": content_type})
        assert (reply.status, reply.code) == (415, "unsupported_media_type")
        assert reply.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "part", ["headers", "queryStringParameters", "multiValueQueryStringParameters", "body"]
    )
    def test_part_that_is_missing_or_null_is_empty(self, functions: Functions, part: str) -> None:
        whole = event()
        for changed in (
            {**whole, part: None},
            {name: whole[name] for name in whole if name != part},
        ):
            assert functions.reply(changed).status < 500


class TestEventsOfOthers:
    @pytest.mark.parametrize("function", [ISSUE, VERIFY])
    @pytest.mark.parametrize(
        "strange",
        [
            {},
            None,
            "ping",
            {"Records": [{"eventSource": "aws:sqs", "body": ADA}]},
            {"version": "2.0", "rawPath": "/challenge", "routeKey": "GET /challenge"},
            {"httpMethod": "GET", "path": None},
        ],
    )
    def test_event_of_another_service_is_an_internal_error(
        self, functions: Functions, function: str, strange: object
    ) -> None:
        result = functions.invoke(function, strange)
        problem = json.loads(result["body"])
        assert (result["statusCode"], problem["code"]) == (500, "internal_error")
        assert problem["request_id"] == result["headers"]["X-Request-ID"] == "a-lambda-request"

    @pytest.mark.parametrize(
        ("function", "task"), [(ISSUE, "deliver"), (ISSUE, "other"), (VERIFY, "deliver")]
    )
    def test_task_that_this_service_did_not_seal_does_nothing(
        self,
        functions: Functions,
        okta: OktaOrg,
        capsys: pytest.CaptureFixture[str],
        function: str,
        task: str,
    ) -> None:
        assert functions.invoke(function, {"task": task, "sealed": "forged"}) is None
        assert log_lines(capsys)[-1]["outcome"] == "not_sent"
        assert okta.kinds == []

    def test_event_that_lambda_delivers_twice_sends_one_code(
        self, functions: Functions, okta: OktaOrg, queue: LambdaQueue
    ) -> None:
        functions.post("/challenge", BODY)
        assert ADA not in str(queue.events)
        queue.events.extend([*queue.events] * 2)
        functions.deliver()
        assert okta.kinds.count("send") == 1


class TestRoutes:
    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
    def test_unknown_route(self, functions: Functions, method: str) -> None:
        for path in ("/challenge", "/verify"):
            reply = functions.call(method, path)
            assert (reply.status, reply.code) == (404, "route_not_found")
            assert reply.headers["X-Request-ID"] == reply.json["request_id"] == REQUEST_ID

    @pytest.mark.parametrize("path", ["/challenge", "/verify"])
    def test_invoke_urls_can_be_turned_off(
        self,
        functions: Functions,
        queue: LambdaQueue,
        monkeypatch: pytest.MonkeyPatch,
        path: str,
    ) -> None:
        monkeypatch.setenv("INVOKE_URL_ROUTES", "false")
        reply = functions.get(path, ("email", ADA), ("otp", "123456"))
        assert (reply.status, reply.body, reply.code) == (404, "404", "route_not_found")
        assert not queue.events
        assert functions.send().status == 202


class TestClients:
    @pytest.mark.parametrize(
        "authorization",
        [
            *("", " ", "Bearer", "Bearer ", f"Bearer {CLIENT_KEY}x", f"Bearer {CLIENT_KEY[:-1]}"),
            *(f"Bearer {CLIENT_KEY} {CLIENT_KEY}", f"Bearer,{CLIENT_KEY}", f"Basic {CLIENT_KEY}"),
            *(CLIENT_KEY, "Bearer shop", "Bearer \u00e9\u00e9\u00e9"),
        ],
    )
    def test_wrong_key_is_never_a_public_call(
        self, functions: Functions, okta: OktaOrg, queue: LambdaQueue, authorization: str
    ) -> None:
        for body in (BODY, "{"):  # the key is checked before the body
            reply = functions.post("/challenge", body, headers={"Authorization": authorization})
            assert (reply.status, reply.code) == (401, "unauthorized")
            assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert (okta.kinds, list(queue.events)) == ([], [])

    def test_client_needs_the_scope_of_the_route(
        self, functions: Functions, account: Account, okta: OktaOrg
    ) -> None:
        clients = {"desk": {"keys": [OTHER_CLIENT_KEY], "scopes": ["verify", "enroll"]}}
        account.put_keys({"root_key": ROOT_KEY, "clients": clients})
        for key, code in ((OTHER_CLIENT_KEY, "forbidden"), ("", "unauthorized")):
            assert functions.post("/customers", {}, key=key).code == code
        reply = functions.post("/challenge", {**BODY, "release_hold": True}, key=OTHER_CLIENT_KEY)
        assert (reply.status, reply.code) == (403, "forbidden")
        assert okta.kinds == []


class TestHeaders:
    def test_every_reply_has_the_security_headers(self, functions: Functions) -> None:
        for reply in (
            functions.send(),
            functions.post("/challenge", BODY, key="sk_wrong_0000000000000000"),
            functions.call("PUT", "/challenge"),
            functions.reply({}),
        ):
            assert reply.headers["Cache-Control"] == "no-store"
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert reply.headers["X-Request-ID"]

    def test_page_of_an_allowed_origin_may_ask_and_read(self, functions: Functions) -> None:
        preflight = functions.call("OPTIONS", "/challenge", headers=SHOP)
        assert (preflight.status, preflight.body) == (204, "")
        allowed = preflight.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"Authorization", "Content-Type", "X-Device-Token"} <= set(allowed)
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET, OPTIONS, POST"
        for reply in (
            preflight,
            functions.post("/challenge", BODY, headers=SHOP),
            functions.post("/challenge", BODY, headers=SHOP, key="sk_wrong_0000000000000000"),
        ):
            assert reply.headers["Access-Control-Allow-Origin"] == SHOP["Origin"]
            assert reply.headers["Access-Control-Allow-Credentials"] == "true"
            exposed = reply.headers["Access-Control-Expose-Headers"].split(", ")
            assert {"Retry-After", "X-Outcome", "X-Request-ID"} <= set(exposed)

    @pytest.mark.parametrize(
        "origin",
        [
            *("https://evil.example", "https://shop.example.evil.example", "http://shop.example"),
            *("https://shop.example:8443", "https://SHOP.example", "null", "*", ""),
        ],
    )
    def test_page_of_another_origin_may_not(self, functions: Functions, origin: str) -> None:
        for method, body in (("OPTIONS", None), ("POST", BODY)):
            reply = functions.call(method, "/challenge", body=body, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in reply.headers
