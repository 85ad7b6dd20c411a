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
        assert (given.source_ip, given.request_id) == (SOURCE_IP, REQUEST_ID)

    def test_names_of_headers_are_in_lower_case(self) -> None:
        assert request(headers={"X-Device-TOKEN": "Abc"}).headers == {"x-device-token": "Abc"}

    def test_the_source_is_never_what_a_header_says(self) -> None:
        headers = {"X-Forwarded-For": "198.51.100.9", "X-Real-Ip": "198.51.100.9"}
        assert request(headers=headers).source_ip == SOURCE_IP

    @pytest.mark.parametrize(("stage", "base"), [("/prod", f"{DOMAIN}/prod"), ("", DOMAIN)])
    def test_the_base_has_the_stage_where_the_url_has_it(self, stage: str, base: str) -> None:
        event = proxy_event("GET", "/holds/{email}", path="/holds/a")
        event["requestContext"]["path"] = f"{stage}/holds/a"
        assert Request.of(event).base == base

    def test_all_values_of_a_query_are_kept(self) -> None:
        given = request(query=[("email", "a"), ("email", "b"), ("otp", "1")])
        assert given.query == {"email": ["a", "b"], "otp": ["1"]}

    def test_single_values_of_a_query_are_read_where_there_are_no_others(self) -> None:
        event = proxy_event("GET", "/verify", query=[("otp", "1")])
        del event["multiValueQueryStringParameters"]
        assert Request.of(event).query == {"otp": ["1"]}

    @pytest.mark.parametrize("part", ["headers", "queryStringParameters", "pathParameters", "body"])
    def test_a_missing_part_is_empty(self, part: str) -> None:
        event = proxy_event("POST", "/verify")
        for given in (event | {part: None}, {k: v for k, v in event.items() if k != part}):
            parsed = Request.of(given)
            present = (parsed.headers, parsed.query, parsed.path_parameters, parsed.body)
            assert not any(present)

    def test_a_body_in_base64_is_decoded(self) -> None:
        encoded = b64encode("é".encode()).decode()
        assert with_body(encoded, is_base64=True).body == "é"
        assert with_body(encoded, is_base64=False).body == encoded

    @pytest.mark.parametrize("body", ["not base64!", "A", "é", b64encode(b"\xff").decode()])
    def test_base64_of_no_text_is_malformed(self, body: str) -> None:
        given = with_body(body, is_base64=True)
        with pytest.raises(errors.MalformedBody) as refused:
            _ = given.body
        assert refused.value.detail == "The body is not text in UTF-8."

    def test_its_representation_does_not_show_the_body(self) -> None:
        assert "123456" not in repr(request(body={"code": "123456"}))


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

    def test_its_representation_does_not_show_the_body(self) -> None:
        assert "secret" not in repr(Reply(201, "enrolled", "secret"))
