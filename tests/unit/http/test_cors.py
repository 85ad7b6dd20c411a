"""CORS: browsers let the pages of allowed origins call and read, and no others."""

from __future__ import annotations

import pytest

from tests.unit.events import proxy_event
from verification.http.cors import ALLOWED_HEADERS, cors_headers, preflight
from verification.http.messages import Request

ORIGINS = ("https://shop.example", "https://www.example:8443")


def headers_for(origin: str | None, origins: tuple[str, ...] = ORIGINS) -> dict[str, str]:
    headers = {} if origin is None else {"Origin": origin}
    return cors_headers(Request.of(proxy_event("POST", "/verify", headers=headers)), origins)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_an_allowed_origin_may_read_replies(origin: str) -> None:
    assert headers_for(origin) == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After, X-Outcome, X-Request-ID",
        "Vary": "Origin",
    }
    assert headers_for(origin, ()) == {}


@pytest.mark.parametrize(
    "origin",
    [
        *(None, "", "null", "*", "https://evil.example", "https://shop.example.evil.example"),
        *("https://evilshop.example", "http://shop.example", "https://shop.example:8443"),
        *("https://shop.example/", "https://SHOP.example", ", ".join(ORIGINS)),
    ],
)
def test_no_other_origin_may(origin: str | None) -> None:
    assert headers_for(origin) == {"Vary": "Origin"}


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("capacitor://localhost", True),
        ("http://localhost:", False),
        ("http://localhost:1@evil.example", False),
        ("http://localhost:80:80", False),
        ("https://localhost:5173", False),
        ("capacitor://localhost:1", False),
    ],
)
def test_development_may_allow_every_port_of_localhost(origin: str, is_allowed: bool) -> None:
    origins = ("http://localhost:*", "capacitor://localhost")
    assert ("Access-Control-Allow-Origin" in headers_for(origin, origins)) is is_allowed


def test_without_allowed_origins_nobody_may() -> None:
    assert headers_for(ORIGINS[0], ()) == {}


def test_a_preflight_allows_the_methods_of_the_resource_and_every_header_a_page_sends() -> None:
    routes = ["GET /verify", "POST /verify", "DELETE /verify/{id}", "POST /api/v1/authn"]
    reply = preflight("/verify", routes)
    assert (reply.status, reply.body) == (204, "")
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, OPTIONS, POST"
    assert reply.headers["Access-Control-Max-Age"] == "600"
    assert reply.headers["Access-Control-Allow-Headers"] == ", ".join(ALLOWED_HEADERS)
    own = {"X-Device-Token", "X-Device-Fingerprint", "Idempotency-Key"}
    of_okta_s_client = {"X-Okta-User-Agent-Extended"}
    usual = {"Authorization", "Content-Type", "Accept-Language"}
    assert {*ALLOWED_HEADERS} >= own | of_okta_s_client | usual
