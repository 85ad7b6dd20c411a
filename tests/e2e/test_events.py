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
    from collections.abc import Callable

    from tests.sandbox.sandbox import Sandbox

EVENTS = ROOT / "events"
ISSUE = "IssueChallengeFunction"
TASK = "deliver"
"""An asynchronous event: it has no route and no answer."""

SIGN_IN_STEPS = (
    *("activate", "cancel", "enroll", "enroll-resend", "introspect", "previous", "resend"),
    "skip",
)
ONLY_AT_OKTA = ("change-password", "recover", "unlock")
PUBLIC = {
    "challenge-get": 200,
    "challenge-post": 202,
    "challenge-read": 404,
    "jwks": 200,
    "sign-in": 200,
    **{f"sign-in-{step}": 401 for step in (*SIGN_IN_STEPS, "questions", "verify")},
    **{f"sign-in-{step}": 400 for step in ONLY_AT_OKTA},
    "sign-in-redirect": 302,
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
WITH_PREFLIGHT = (
    "challenge",
    "challenge-read",
    "verify",
    "jwks",
    *(each for each in PUBLIC if "sign-in" in each),
)
STATUS = PUBLIC | CLIENTS_ONLY | {f"{name}-options": 204 for name in WITH_PREFLIGHT}


def event(name: str) -> dict[str, Any]:
    """The event of that name."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def answers(sandbox: Sandbox, invoke: Callable[[str, Any], Any]) -> dict[str, int]:
    """The status of the answer to each event. `invoke` takes a function's name and an event."""
    functions = {(each.method, each.path): each.function for each in contract.routes()}
    statuses = {}
    for name in STATUS:
        sandbox.reset()
        sent = event(name)
        function = functions[sent["httpMethod"], sent["resource"]]
        statuses[name] = invoke(function, sent)["statusCode"]
    return statuses


def test_every_route_has_an_event() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == {*STATUS, TASK, "sandbox-env"}
    routes = {(route.method, route.path) for route in contract.routes()}
    assert {(event(name)["httpMethod"], event(name)["resource"]) for name in STATUS} == routes


@pytest.mark.in_process
def test_every_event_is_answered(sandbox: Sandbox) -> None:
    assert answers(sandbox, sandbox.invoke) == STATUS


@pytest.mark.in_process
def test_an_asynchronous_event_that_the_service_has_not_sealed_sends_nothing(
    sandbox: Sandbox,
) -> None:
    assert sandbox.invoke(ISSUE, event(TASK)) is None
    assert not sandbox.org.calls


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a second loopback address")
def test_containers_reach_okta_and_aws_at_the_bridge() -> None:
    with Server(Response("here"), bridge="127.0.0.2") as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            url = server.url.replace("127.0.0.1", host)
            assert requests.get(url, timeout=1).text == "here"
