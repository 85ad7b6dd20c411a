"""How often a call asks the table, Okta and Lambda."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.account import LambdaQueue
from tests.integration.conftest import Clock
from tests.integration.functions import ARN, Functions, log_lines
from tests.integration.okta_org import ADA, OktaOrg
from tests.sandbox.okta.seed import ADA_PHONE


@pytest.fixture
def spent(capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls to the store and to Okta of every log line since the last time."""

    def spent() -> list[tuple[int, int]]:
        return [(line["store_calls"], line["okta_calls"]) for line in log_lines(capsys)]

    return spent


def test_calls_of_a_client(functions: Functions, shop: Functions, clock: Clock, spent: Any) -> None:
    first = shop.send().json["challenge_id"]
    shop.check(first)
    clock.advance(60)
    second = shop.send().json["challenge_id"]
    assert shop.check(second).status == 200
    (_, first_code), check, (_, next_code), _ = spent()
    assert (first_code, next_code) == (3, 1)
    assert check == (2, 1)


def test_calls_of_the_public(
    functions: Functions, okta: OktaOrg, queue: LambdaQueue, spent: Any
) -> None:
    challenge_id = functions.post("/challenge", {"email": ADA}).json["challenge_id"]
    [(store, asked_okta)] = spent()
    assert store <= 3
    assert asked_okta == 0
    assert (queue.functions, len(queue.events)) == ([ARN], 1)
    functions.deliver()
    assert functions.check(challenge_id).status == 200
    challenge_id = functions.send(body={"channel": "sms"}).json["challenge_id"]
    _, (with_brake, _), *_ = spent()
    assert functions.check(challenge_id, okta.code(ADA_PHONE)).status == 200
    [(store, asked_okta)] = spent()
    # A process reads the brake at most every ten seconds.
    assert with_brake == store + 1
    assert store <= 4
    assert asked_okta == 1
