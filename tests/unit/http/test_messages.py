"""Requests and replies, as API Gateway passes them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.unit.events import DOMAIN, REQUEST_ID, SOURCE_IP, proxy_event
from verification import errors
from verification.http.messages import PROBLEM_JSON, Reply, Request


def request(resource: str = "/verify", **more: Any) -> Request:
    return Request.of(proxy_event("POST", resource, **more))


def with_body(body: str, *, is_base64: bool) -> Request:
    return Request.of(proxy_event("POST", "/verify") | {"body": body, "isBase64Encoded": is_base64})


class TestRequest:
    def test_it_knows_its_route_source_and_id(self) -> None:
        given = request("/holds/{email}", path="/holds/a", path_parameters={"email": "a"})
        assert (given.route, given.path) == ("POST /holds/{email}", "/holds/a")
        assert given.path_parameters == {"email": "a"}
        assert given.request_id == REQUEST_ID

    def test_names_of_headers_are_in_lower_case_and_none_is_the_source(self) -> None:
        given = request(headers={"X-Device-TOKEN": "Abc", "X-Forwarded-For": "198.51.100.9"})
        assert given.headers == {"x-device-token": "Abc", "x-forwarded-for": "198.51.100.9"}
        assert given.source_ip == SOURCE_IP

    @pytest.mark.parametrize(("stage", "base"), [("/prod", f"{DOMAIN}/prod"), ("", DOMAIN)])
    def test_the_base_has_the_stage_where_the_url_has_it(self, stage: str, base: str) -> None:
        event = proxy_event("GET", "/holds/{email}", path="/holds/a")
        event["requestContext"]["path"] = f"{stage}/holds/a"
        assert Request.of(event).base == base

    def test_all_values_of_a_query_are_kept(self) -> None:
        event = proxy_event("GET", "/", query=[("email", "a"), ("email", "b"), ("otp", "1")])
        assert Request.of(event).query == {"email": ["a", "b"], "otp": ["1"]}
        del event["multiValueQueryStringParameters"]
        assert Request.of(event).query == {"email": ["b"], "otp": ["1"]}

    @pytest.mark.parametrize("part", ["headers", "queryStringParameters", "pathParameters", "body"])
    def test_a_missing_part_is_empty(self, part: str) -> None:
        event = proxy_event("POST", "/verify")
        for given in (event | {part: None}, {k: v for k, v in event.items() if k != part}):
            parsed = Request.of(given)
            assert not any((parsed.headers, parsed.query, parsed.path_parameters, parsed.body))

    def test_a_body_in_base64_is_decoded(self) -> None:
        encoded = b64encode("é".encode()).decode()
        assert with_body(encoded, is_base64=True).body == "é"
        assert with_body(encoded, is_base64=False).body == encoded

    @pytest.mark.parametrize("body", ["not base64!", "A", "é", b64encode(b"\xff").decode()])
    def test_base64_of_no_text_is_malformed(self, body: str) -> None:
        with pytest.raises(errors.MalformedBody) as refused:
            _ = with_body(body, is_base64=True).body
        assert refused.value.detail == "The body is not text in UTF-8."


class TestReply:
    def test_a_body_has_its_type_and_headers(self) -> None:
        reply = Reply(429, "send_limited", "{}", PROBLEM_JSON, {"Retry-After": "5"})
        assert reply.event({"X-Request-ID": "r"}) == {
            "statusCode": 429,
            "headers": {"Content-Type": PROBLEM_JSON, "Retry-After": "5", "X-Request-ID": "r"},
            "body": "{}",
            "isBase64Encoded": False,
        }

    def test_no_body_has_no_type(self) -> None:
        assert Reply(204, "removed").event({})["headers"] == {}


def test_no_representation_shows_a_body() -> None:
    assert "123456" not in repr(request(body={"code": "123456"}))
    assert "secret" not in repr(Reply(201, "enrolled", "secret"))
