"""How often a call asks the table, Okta and Lambda."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import World
from tests.integration.functions import ARN, log_lines
from tests.integration.okta_org import ADA


@pytest.fixture
def spent(capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls to the store and to Okta of every log line since the last time."""

    def spent() -> list[tuple[int, int]]:
        return [(line["store_calls"], line["okta_calls"]) for line in log_lines(capsys)]

    return spent


def test_calls_of_a_client(world: World, spent: Any) -> None:
    first = world.shop.send().json["challenge_id"]
    world.shop.check(first)
    world.clock.advance(60)
    second = world.shop.send().json["challenge_id"]
    assert world.shop.check(second).status == 200
    (_, first_code), check, (_, next_code), _ = spent()
    assert (first_code, next_code) == (3, 1)
    assert check == (2, 1)


def test_calls_of_the_public(world: World, spent: Any) -> None:
    challenge_id = world.public.post("/challenge", {"email": ADA}).json["challenge_id"]
    [(store, asked_okta)] = spent()
    assert store <= 3
    assert asked_okta == 0
    assert (world.queue.functions, len(world.queue.events)) == ([ARN], 1)
    world.public.deliver()
    spent()
    assert world.public.check(challenge_id).status == 200
    [(store, asked_okta)] = spent()
    assert store <= 4
    assert asked_okta == 1
