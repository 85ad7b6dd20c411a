"""The events for `sam local invoke`: one for each route, and each gets its answer."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from werkzeug.wrappers import Response

from tests.sandbox.server import Server
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

EVENTS = ROOT / "events"
STATUS = {
    "challenge-get": 200,
    "challenge-options": 204,
    "challenge-post": 202,
    "customer-post": 201,
    "factor-challenge": 404,
    "factor-delete": 404,
    "factor-enroll": 201,
    "factor-get": 404,
    "factor-verify": 404,
    "hold-delete": 204,
    "sign-in": 200,
    "sign-in-activate": 401,
    "sign-in-activate-options": 204,
    "sign-in-cancel": 401,
    "sign-in-cancel-options": 204,
    "sign-in-enroll": 401,
    "sign-in-enroll-options": 204,
    "sign-in-enroll-resend": 401,
    "sign-in-enroll-resend-options": 204,
    "sign-in-options": 204,
    "sign-in-previous": 401,
    "sign-in-previous-options": 204,
    "sign-in-resend": 401,
    "sign-in-resend-options": 204,
    "sign-in-skip": 401,
    "sign-in-skip-options": 204,
    "sign-in-verify": 401,
    "sign-in-verify-options": 204,
    "verify-get": 404,
    "verify-options": 204,
    "verify-post": 404,
}


def event(name: str) -> dict[str, Any]:
    """The event of that name."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def function_of(sandbox: Sandbox, sent: dict[str, Any]) -> str:
    """The function behind the route of an event."""
    (function,) = [
        route.function
        for route in sandbox.template.routes
        if (route.method, route.path) == (sent["httpMethod"], sent["resource"])
    ]
    return function


def test_every_route_has_its_event(sandbox: Sandbox) -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == {*STATUS, "sandbox-env"}
    routes = {(route.method, route.path) for route in sandbox.template.routes}
    assert {(event(name)["httpMethod"], event(name)["resource"]) for name in STATUS} == routes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a second loopback address")
def test_containers_reach_okta_and_aws_at_the_bridge() -> None:
    with Server(Response("here"), bridge="127.0.0.2") as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            url = server.url.replace("127.0.0.1", host)
            assert requests.get(url, timeout=1).text == "here"


@pytest.mark.parametrize("name", STATUS)
def test_an_event_is_answered(sandbox: Sandbox, name: str) -> None:
    sent = event(name)
    answer = sandbox.invoke(function_of(sandbox, sent), sent)
    assert answer["statusCode"] == STATUS[name]


@pytest.mark.parametrize(
    "name",
    [
        *("customer-post", "hold-delete", "factor-enroll", "factor-get", "factor-delete"),
        *("factor-challenge", "factor-verify"),
    ],
)
def test_a_route_for_clients_refuses_the_public_whatever_it_brings(
    sandbox: Sandbox, name: str
) -> None:
    sent = event(name)
    for headers in (sent["headers"], sent["multiValueHeaders"]):
        del headers["Authorization"]
    for body in (sent["body"], "[]", "{"):
        sent["body"] = body
        assert sandbox.invoke(function_of(sandbox, sent), sent)["statusCode"] == 401
