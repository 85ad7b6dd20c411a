"""Input that is wrong: told what is wrong with it, and nobody is asked."""

from __future__ import annotations

import json

import pytest

from tests.integration.functions import (
    ADA,
    Functions,
)
from tests.integration.okta_client import CODE
from tests.integration.okta_org import OktaOrg

BAD_BODIES: dict[str, tuple[object, int, str]] = {
    "nothing": (None, 415, "unsupported_media_type"),
    "no JSON": ("{", 400, "malformed_body"),
    "a list": ([], 400, "malformed_body"),
    "a string": ('"ada@example.com"', 400, "malformed_body"),
    "a number": ("42", 400, "malformed_body"),
    "null": ("null", 400, "malformed_body"),
    "not a number": ("NaN", 400, "malformed_body"),
    "deep nesting": ("[" * 8000, 400, "malformed_body"),
    "too much": (json.dumps({"email": ADA, "x": "y" * 9000}), 400, "malformed_body"),
    "no email": ({}, 400, "missing_email"),
    "a number for an email": ({"email": 42}, 400, "malformed_body"),
    "a list of emails": ({"email": [ADA]}, 400, "malformed_body"),
    "no address": ({"email": "ada"}, 400, "invalid_email"),
    "half a character": ('{"email": "\\ud800@example.com"}', 400, "malformed_body"),
    "a null in an email": ('{"email": "a\\u0000@example.com"}', 400, "invalid_email"),
}
BAD_QUERIES: dict[str, tuple[list[tuple[str, str]], str]] = {
    "nothing": ([], "error: include email"),
    "an empty email": ([("email", "")], "error: include email"),
    "no address": ([("email", "ada")], "error: invalid email"),
    "two emails": ([("email", ADA), ("email", "eve@evil.example")], "error: invalid email"),
    "a line break inside": ([("email", "ada\r\n@example.com")], "error: invalid email"),
    "half a character": ([("email", "\ud800@example.com")], "error: invalid email"),
}


class TestBadInput:
    @pytest.mark.parametrize("path", ["/challenge", "/verify"])
    @pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
    def test_a_bad_body_is_told_what_is_wrong(
        self, functions: Functions, okta: OktaOrg, path: str, body: object, status: int, code: str
    ) -> None:
        reply = functions.post(path, body)
        assert (reply.status, reply.json["status"], reply.code) == (status, status, code)
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert okta.calls == []

    @pytest.mark.parametrize("path", ["/challenge", "/verify"])
    @pytest.mark.parametrize(("query", "text"), BAD_QUERIES.values(), ids=BAD_QUERIES)
    def test_a_bad_query_is_told_in_the_flows_own_words(
        self,
        functions: Functions,
        okta: OktaOrg,
        path: str,
        query: list[tuple[str, str]],
        text: str,
    ) -> None:
        reply = functions.get(path, *query, ("otp", CODE))
        assert (reply.status, reply.body) == (400, text)
        assert reply.headers["Content-Type"] == "text/plain"
        assert okta.calls == []

    @pytest.mark.parametrize(
        ("otp", "body", "code"),
        [
            ([], "error: verification code missing", "missing_code"),
            ([("otp", "")], "error: verification code missing", "missing_code"),
            ([("otp", "12345")], "400", "invalid_code_format"),
            ([("otp", CODE), ("otp", CODE)], "400", "invalid_code_format"),
        ],
    )
    def test_a_bad_code_in_a_query_asks_nobody(
        self,
        functions: Functions,
        okta: OktaOrg,
        otp: list[tuple[str, str]],
        body: str,
        code: str,
    ) -> None:
        reply = functions.get("/verify", ("email", ADA), *otp)
        assert (reply.status, reply.body, reply.code) == (400, body, code)
        assert okta.calls == []

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", ""]
    )
    def test_a_form_that_any_page_can_send_is_refused(
        self, functions: Functions, okta: OktaOrg, content_type: str
    ) -> None:
        for path in ("/challenge", "/verify"):
            headers = {"Content-Type": content_type}
            reply = functions.post(path, {"email": ADA, "otp": CODE}, headers=headers)
            assert (reply.status, reply.code) == (415, "unsupported_media_type")
        assert okta.calls == []

    def test_both_dialects_take_the_same_for_an_email(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        for spoilt in (f"{ADA}\n", f"{ADA}\r\n", f"\u2028{ADA}", f"\u00a0{ADA}"):
            assert functions.post("/challenge", {"email": spoilt}).status == 400
            assert functions.get("/challenge", ("email", spoilt)).status == 400
