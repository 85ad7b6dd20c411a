"""The events for `sam local invoke`: at least one for each route, and each is answered."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from werkzeug.wrappers import Response

from tests.sandbox import contract
from tests.sandbox.server import Server
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

EVENTS = ROOT / "events"
ISSUE = "IssueChallengeFunction"
TASK = "deliver"
"""An asynchronous event: it has no route and no answer."""

PUBLIC = {
    "challenge-get": 200,
    "challenge-post": 202,
    "jwks": 200,
    "sign-in": 200,
    "sign-in-activate": 401,
    "sign-in-cancel": 401,
    "sign-in-enroll": 401,
    "sign-in-enroll-resend": 401,
    "sign-in-previous": 401,
    "sign-in-resend": 401,
    "sign-in-skip": 401,
    "sign-in-verify": 401,
    "verify-get": 404,
    "verify-post": 404,
}
CLIENTS_ONLY = {
    "customer-devices-delete": 204,
    "customer-post": 201,
    "factor-challenge": 404,
    "factor-delete": 404,
    "factor-enroll": 201,
    "factor-get": 404,
    "factor-verify": 404,
    "holds-get": 200,
    "receipt-redeem": 400,
}
PREFLIGHTS = {
    f"{name}-options": 204
    for name in (
        "challenge",
        "verify",
        "jwks",
        *(each for each in PUBLIC if each.startswith("sign-in")),
    )
}
STATUS = PUBLIC | CLIENTS_ONLY | PREFLIGHTS


def event(name: str) -> dict[str, Any]:
    """The event of that name."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def function_of(sent: dict[str, Any]) -> str:
    """The function behind the route of an event."""
    (function,) = [
        route.function
        for route in contract.routes()
        if (route.method, route.path) == (sent["httpMethod"], sent["resource"])
    ]
    return function


def test_every_route_has_an_event() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == {*STATUS, TASK, "sandbox-env"}
    routes = {(route.method, route.path) for route in contract.routes()}
    assert {(event(name)["httpMethod"], event(name)["resource"]) for name in STATUS} == routes


@pytest.mark.parametrize("name", STATUS)
def test_an_event_is_answered(sandbox: Sandbox, name: str) -> None:
    sent = event(name)
    answer = sandbox.invoke(function_of(sent), sent)
    assert answer["statusCode"] == STATUS[name]


def test_an_asynchronous_event_that_the_service_has_not_sealed_sends_nothing(
    sandbox: Sandbox,
) -> None:
    assert sandbox.invoke(ISSUE, event(TASK)) is None
    assert not sandbox.org.calls


@pytest.mark.parametrize("name", CLIENTS_ONLY)
def test_a_route_for_clients_refuses_the_public_whatever_the_body(
    sandbox: Sandbox, name: str
) -> None:
    sent = event(name)
    for headers in (sent["headers"], sent["multiValueHeaders"]):
        del headers["Authorization"]
    for body in (sent["body"], "[]", "{"):
        sent["body"] = body
        assert sandbox.invoke(function_of(sent), sent)["statusCode"] == 401


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a second loopback address")
def test_containers_reach_okta_and_aws_at_the_bridge() -> None:
    with Server(Response("here"), bridge="127.0.0.2") as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            url = server.url.replace("127.0.0.1", host)
            assert requests.get(url, timeout=1).text == "here"
