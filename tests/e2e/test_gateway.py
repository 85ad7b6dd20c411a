"""The gateway's own refusals: what they look like, and that they start no function."""

from __future__ import annotations

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
    "/auth/factors/auth_factor_x/challenge",
    "/auth/challenges/auth_challenge_x/verify",
]


def post(caller: Caller, path: str, body: bytes, **headers: str) -> requests.Response:
    """A body as it is."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(
        caller.sandbox.url + path, data=body, headers={**caller.headers, **named}, timeout=30
    )


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"ada@example.com"', b"null", b"\xff\xfe"])
def test_a_malformed_body_starts_no_function(
    client: Caller, log: Path, path: str, body: bytes
) -> None:
    response = post(client, path, body, Content_Type="application/json; charset=utf-8")
    refusal = response.json()
    assert (response.status_code, refusal["code"]) == (400, "malformed_body")
    assert refusal["request_id"] == response.headers["X-Request-ID"]
    assert refusal["request_id"] not in log.read_text()


def test_it_says_what_the_function_would_have_said(client: Caller, log: Path) -> None:
    """A locale that is none has no place in the model: the function refuses it."""
    gateway = post(client, "/challenge", b'{"email": 42}', Content_Type="application/json").json()
    body = b'{"email": "ada@example.com", "locale": "1"}'
    function = post(client, "/challenge", body, Content_Type="application/json")
    assert function.headers["X-Request-ID"] in log.read_text()
    same = ("type", "title", "status", "code")
    assert [gateway[name] for name in same] == [function.json()[name] for name in same]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_the_functions_to_refuse(client: Caller, kind: str) -> None:
    response = post(client, "/challenge", b"[]", Content_Type=kind)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_what_is_missing_has_an_outcome_of_its_own(client: Caller) -> None:
    for path, body, code in (
        ("/challenge", b"{}", "missing_email"),
        ("/challenge", b'{"email": null}', "missing_email"),
        ("/verify", b'{"email": "ada@example.com"}', "missing_code"),
    ):
        response = post(client, path, body, Content_Type="application/json")
        assert (response.status_code, response.json()["code"]) == (400, code)


def test_fields_that_nobody_knows_do_no_harm(client: Caller) -> None:
    body = b'{"email": "ada@example.com", "locale": null, "shop": {"id": [1, null]}}'
    assert post(client, "/challenge", body, Content_Type="application/json").status_code == 202
