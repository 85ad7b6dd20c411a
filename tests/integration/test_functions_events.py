"""Events of API Gateway and of Lambda, as the functions read and answer them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.integration.account import CLIENT_KEY
from tests.integration.conftest import World
from tests.integration.functions import ISSUE, VERIFY, log_lines
from tests.integration.okta_org import ADA
from tests.unit.events import proxy_event

SHOP = {"Origin": "https://shop.example"}
BODY = {"email": ADA}


def event(**changes: Any) -> dict[str, Any]:
    """A good POST /challenge, but for some changes."""
    return {**proxy_event("POST", "/challenge", body=BODY), **changes}


class TestInput:
    def test_names_of_headers_have_no_case(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        headers = {"CONTENT-TYPE": "application/json", "AUTHORIZATION": f"Bearer {CLIENT_KEY}"}
        assert world.public.reply(event(headers=headers)).status == 202
        assert log_lines(capsys)[-1]["caller"] == "shop"

    def test_body_in_base64(self, world: World) -> None:
        encoded = base64.b64encode(json.dumps(BODY).encode()).decode()
        assert world.public.reply(event(body=encoded, isBase64Encoded=True)).status == 202
        world.public.deliver()
        assert world.okta.code()
        for spoilt in ("not base64", base64.b64encode(b"\xff").decode()):
            assert (
                world.public.reply(event(body=spoilt, isBase64Encoded=True)).code
                == "malformed_body"
            )

    def test_parameter_that_is_given_twice_is_refused(self, world: World) -> None:
        reply = world.public.get("/challenge", ("email", ADA), ("email", "eve@evil.example"))
        assert (reply.status, reply.body) == (400, "error: invalid email")
        reply = world.public.get("/verify", ("email", ADA), ("otp", "111111"), ("otp", "222222"))
        assert (reply.status, reply.code) == (400, "invalid_code_format")
        assert not world.queue.events

    @pytest.mark.parametrize(
        "part", ["headers", "queryStringParameters", "multiValueQueryStringParameters", "body"]
    )
    def test_part_that_is_missing_or_null_is_empty(self, world: World, part: str) -> None:
        whole = event()
        for changed in (
            {**whole, part: None},
            {name: whole[name] for name in whole if name != part},
        ):
            assert world.public.reply(changed).status < 500


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
        self, world: World, function: str, strange: object
    ) -> None:
        result = world.public.invoke(function, strange)
        problem = json.loads(result["body"])
        assert (result["statusCode"], problem["code"]) == (500, "internal_error")
        assert problem["request_id"] == result["headers"]["X-Request-ID"] == "a-lambda-request"

    @pytest.mark.parametrize(
        ("function", "task"), [(ISSUE, "deliver"), (ISSUE, "other"), (VERIFY, "deliver")]
    )
    def test_task_that_this_service_did_not_seal_does_nothing(
        self, world: World, capsys: pytest.CaptureFixture[str], function: str, task: str
    ) -> None:
        assert world.public.invoke(function, {"task": task, "sealed": "forged"}) is None
        assert log_lines(capsys)[-1]["outcome"] == "not_sent"
        assert world.okta.kinds == []

    def test_event_that_lambda_delivers_twice_sends_one_code(self, world: World) -> None:
        world.public.post("/challenge", BODY)
        assert ADA not in str(world.queue.events)
        world.queue.events.extend([*world.queue.events] * 2)
        world.public.deliver()
        assert world.okta.kinds.count("send") == 1
