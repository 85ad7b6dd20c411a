"""Targets that are the whole service, in one process: what must hold of every call holds (see `matrix`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, unquote

from tests.proof import matrix, moves
from tests.proof.fuzz.texts import Message
from tests.proof.interference import Answered, Interference, Upstream
from tests.proof.matrix import SCENARIOS, Kind, Scenario, Stage
from tests.proof.moves import meet_device
from tests.proof.world import (
    _CONTEXT,
    CLIENT_KEY,
    EMAIL,
    OWNER,
    PASSWORD,
    Answer,
    Person,
    World,
)
from tests.sandbox import contract

# ---- Events ----------------------------------------------------------------------------------------

FUNCTIONS = ("issue_challenge", "verify_challenge")


def events(data: bytes) -> None:
    """A function answers any event: a reply as API Gateway reads it, or nothing to a task."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    world = World(Person.CUSTOMER, {}, observer=matrix.observer)
    matrix.forget_log()
    for function in FUNCTIONS:
        reply = getattr(world, f"_{function.partition('_')[0]}")(event, _CONTEXT)
        if reply is None:
            assert "task" in event
            continue
        assert type(reply["statusCode"]) is int
        assert isinstance(reply["body"], str)
        for name, value in reply["headers"].items():
            assert isinstance(name, str)
            assert isinstance(value, str)
        json.dumps(reply)
    assert not [each for each in matrix.NEVER_ANSWERED if each in matrix.LOG.getvalue()]


# ---- Calls -----------------------------------------------------------------------------------------

_PREPARED: Mapping[bytes, tuple[tuple[Callable[[World], object], ...], Callable[[World], str]]] = {
    b"$challenge": ((moves.ClientSend().play,), lambda world: world.client_id),
    b"$public": ((moves.Send(OWNER).play, World.deliver), lambda world: world.public_ids[0]),
    b"$device": ((meet_device,), lambda world: world.device_token),
    b"$state": ((moves.SignIn(OWNER).play,), lambda world: world.sign_ins[OWNER]),
    b"$factor": ((moves.Enroll("sms").play,), lambda world: world.factor_id),
    b"$mfa": (
        (moves.Enroll("email").play, moves.ChallengeFactor().play),
        lambda world: world.mfa_id,
    ),
    b"$receipt": (
        (moves.Send(OWNER).play, World.deliver, matrix.with_receipt),
        lambda world: world.receipt,
    ),
    b"$user": ((), lambda world: str(world.user and world.user.id)),
    b"$email": ((), lambda _: EMAIL),
}
"""Words of an input that stand for what a caller has at that moment, and what happens before. Where the
steps of several words meet, a caller may have nothing.
"""

_SECRETS: Mapping[bytes, Callable[[World], str]] = {
    b"Authorization: Bearer $key": lambda _: f"Authorization: Bearer {CLIENT_KEY}",
    b'"code": "$code"': lambda world: f'"code": "{world.code(EMAIL)}"',
    b'"passCode": "$code"': lambda world: f'"passCode": "{world.code(EMAIL)}"',
    b'"password": "$password"': lambda _: f'"password": "{PASSWORD}"',
}
"""Likewise, in the place alone where a caller would send it: elsewhere it may be quoted."""


def calls(data: bytes) -> None:
    """A call of a route is answered as documented, in time, and logged once without a secret. Nobody
    is verified without the code.
    """
    words = Message.of(data).first.split(" ")
    route = " ".join(words[:2])
    if len(words) != 3 or route not in routes():
        return
    before = [step for word, (steps, _) in _PREPARED.items() if word in data for step in steps]

    def act(world: World) -> Answer:
        filled = data
        for word, (_, value) in _PREPARED.items():
            if word in filled:
                filled = filled.replace(word, (value(world) or "none").encode())
        for place, of in _SECRETS.items():
            if place in filled:
                filled = filled.replace(place, of(world).encode())
        return _called(world, route, filled)

    matrix._undocumented.cache_clear()  # every body is looked at
    stage = Stage(Scenario("fuzz", "any", "calls", Kind.OTHER, route, act, before))
    stage.play()
    assert not stage.successes or b"$code" in data


@cache
def routes() -> frozenset[str]:
    """All of the contract."""
    return frozenset(f"{each.method} {each.path}" for each in contract.routes())


def _called(world: World, route: str, data: bytes) -> Answer:
    message = Message.of(data)
    value, _, query = message.first.split(" ", 2)[2].partition("?")
    headers = {name.title(): value for name, value in message.headers.items()}
    if message.body:
        headers.setdefault("Content-Type", "application/json")
    return world.call(
        route,
        body=message.body.decode(errors="replace") if message.body else None,
        query=parse_qsl(query, keep_blank_values=True),
        path={"id": unquote(value), "email": unquote(value)},
        source=OWNER,
        headers=headers,
    )


# ---- Okta's answers --------------------------------------------------------------------------------


def upstream(data: bytes) -> None:
    """Whatever Okta answers at one call of a scenario, the promises of the fault matrix hold.

    The first line is the scenario, the number of the call, and the status.
    """
    message = Message.of(data)
    name, number, status = ("", "", *message.first.rsplit(" ", 2))[-3:]
    scenario = SCENARIOS.get(name)
    if scenario is None or not (number.isdecimal() and status.isdecimal() and len(status) == 3):
        return
    matrix._undocumented.cache_clear()  # every body is looked at
    stage = Stage(scenario)
    headers = {k: v for k, v in message.headers.items() if k != "x-okta-request-id"}
    stage.interference.arm(int(number), _said(int(status), message.body, headers))
    stage.play()
    if stage.successes:
        assert scenario.kind in matrix.MAY_END_WELL
        # Empty if the scenario ended before the call that would have been answered.
        answered = stage.interference.calls[int(number) :][:1]
        is_check = any(matrix.is_check(call) for call in answered)
        assert not is_check or b"SUCCESS" in message.body or b"ACTIVE" in message.body
    if scenario.kind is not Kind.OTHER:
        okta, ours = stage.wrong_codes()
        assert okta <= ours


def okta_answers() -> Iterator[bytes]:
    """What the simulated org answers in every scenario."""
    heard: list[tuple[int, Answered]] = []

    def listen(self: Interference, call: Upstream, carry_out: Callable[[], Any]) -> Any:
        answered = carry_out()
        if self.is_armed:
            self.calls.append(call)
            if call.system == "okta":
                body = answered.body
                heard.append((len(self.calls) - 1, _said(answered.status, body, answered.headers)))
                return _said(answered.status, body, answered.headers)
        return answered

    for name, scenario in SCENARIOS.items():
        heard.clear()
        with patch.object(Interference, "__call__", listen):
            stage = Stage(scenario)
            stage.interference.arm()
            stage.play()
        for number, answered in heard:
            limits = {k: v for k, v in answered.headers.items() if k.lower().startswith("x-rate")}
            yield Message(f"{name} {number} {answered.status}", limits, answered.body).data


def _said(status: int, body: bytes, headers: Mapping[str, str]) -> Answered:
    pieces = [body]
    return Answered(status, headers, lambda _: pieces.pop() if pieces else b"")
