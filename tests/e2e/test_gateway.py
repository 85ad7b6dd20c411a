"""API Gateway's own refusals: what they look like, and that they start no function."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Caller

ROUTES = [
    "/challenge",
    "/verify",
    "/auth/factors/enroll",
    "/auth/challenges/auth_challenge_x/verify",
]


def post(caller: Caller, path: str, body: bytes) -> requests.Response:
    """Send bytes as JSON."""
    headers = {**caller.headers, "Content-Type": "application/json; charset=utf-8"}
    return requests.post(caller.sandbox.url + path, data=body, headers=headers, timeout=30)


@pytest.mark.parametrize("path", ROUTES)
def test_a_malformed_body_starts_no_function(client: Caller, log: Path, path: str) -> None:
    for body in (b"", b"{", b"[]", b'"ada@example.com"', b"null", b"\xff\xfe"):
        response = post(client, path, body)
        refusal = response.json()
        assert (response.status_code, refusal["code"]) == (400, "malformed_body"), body
        assert refusal["request_id"] == response.headers["X-Request-ID"]
        assert refusal["request_id"] not in log.read_text()


@pytest.mark.parametrize("body", [b"", b"null", b"{}"])
def test_a_body_that_is_optional_may_be_absent(client: Caller, body: bytes) -> None:
    asked = {"type": "totp", "totp_issuer": "Shop", "totp_user": "grace@example.com"}
    factor = client.post("/auth/factors/enroll", asked).json()["id"]
    response = post(client, f"/auth/factors/{factor}/challenge", body)
    assert (response.status_code, response.json()["authentication_factor_id"]) == (201, factor)
    refused = post(client, f"/auth/factors/{factor}/challenge", b"[]").json()
    assert (refused["code"], refused["message"]) == (
        "invalid_request_parameters",
        "The body is not a JSON object.",
    )


def test_the_gateway_and_the_function_refuse_a_body_alike(client: Caller, log: Path) -> None:
    gateway = post(client, "/challenge", b"[]").json()
    function = post(client, "/challenge", b'{"email": 42}')
    assert function.headers["X-Request-ID"] in log.read_text()
    same = ("type", "title", "status", "code")
    assert [gateway[name] for name in same] == [function.json()[name] for name in same]


def test_a_client_that_waits_to_send_its_body_is_told_once_to_continue(client: Caller) -> None:
    host, _, port = client.sandbox.url.removeprefix("http://").partition(":")
    head = (
        "POST /challenge HTTP/1.1\r\nHost: sandbox\r\nExpect: 100-continue\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    )
    with (
        socket.create_connection((host, int(port)), timeout=30) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(head.encode())
        assert [answers.readline(), answers.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        connection.sendall(b"{}")
        assert answers.readline() == b"HTTP/1.1 400 BAD REQUEST\r\n"


def test_a_browser_may_read_what_the_gateway_refuses(client: Caller) -> None:
    origin = "https://shop.example.com"
    for path, status in (("/challenge", 400), ("/nothing", 404)):
        url = client.sandbox.url + path
        response = requests.post(url, data=b"[]", headers={"Origin": origin}, timeout=30)
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]


def test_the_contract_is_served(client: Caller) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": client.sandbox.url}]
    assert "/challenge" in document["paths"]


@pytest.mark.parametrize("path", ["/nothing", "/receipts/..", "/auth/factors/a/b?c"])
def test_an_unknown_route_is_json_for_every_client_library(client: Caller, path: str) -> None:
    url = client.sandbox.url + path
    prepared = requests.Request("GET", url, headers=client.headers).prepare()
    prepared.url = url  # with its dots, as some clients send it
    with requests.Session() as session:
        response = session.send(prepared, timeout=30)
    assert (response.status_code, response.json()["code"]) == (404, "route_not_found")
    assert response.json()["message"]
    assert response.headers["X-Request-ID"]
