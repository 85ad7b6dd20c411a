"""Both functions with their own routes, settings and clients, over the table and Okta."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.account import TABLE
from tests.integration.functions import ADA, ISSUE, VERIFY, World, log_lines

KEY = {"Idempotency-Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}


class TestCalls:
    """How often a call asks the table, Okta and Lambda."""

    @pytest.fixture
    def spent(self, capsys: pytest.CaptureFixture[str]) -> Any:
        """Calls to the store and to Okta of every log line since the last time."""
        return lambda: [(line["store_calls"], line["okta_calls"]) for line in log_lines(capsys)]

    def test_calls_of_a_client(self, world: World, spent: Any) -> None:
        for _ in range(2):
            assert world.shop.check(world.shop.send().json["challenge_id"]).status == 200
            world.clock.advance(60)
        (_, first_code), check, (_, next_code), _ = spent()
        assert (first_code, next_code) == (3, 1)
        assert check == (2, 1)

    def test_calls_of_the_public(self, world: World, spent: Any) -> None:
        challenge_id = world.public.post("/challenge", {"email": ADA}).json["challenge_id"]
        [(store, asked_okta)] = spent()
        assert store <= 3
        assert asked_okta == 0
        [event] = world.queue.events
        assert ADA not in str(event)
        world.deliver()
        spent()
        assert world.public.check(challenge_id).status == 200
        [(store, asked_okta)] = spent()
        assert store <= 4
        assert asked_okta == 1


def test_request_under_an_idempotency_key_is_carried_out_once(world: World) -> None:
    first = world.shop.send(headers=KEY)
    world.clock.advance(3600)
    again = world.shop.send(headers=KEY)
    assert (again.status, again.body) == (202, first.body)
    assert len(world.okta.org.inbox.to(ADA)) == 1
    stored = str(world.store.rows)
    assert KEY["Idempotency-Key"] not in stored
    assert "resend_in" not in stored  # the response is sealed
    assert world.public.send(headers=KEY).json["challenge_id"] != first.json["challenge_id"]


@pytest.mark.parametrize("function", [ISSUE, VERIFY])
def test_event_of_another_service_is_an_internal_error(world: World, function: str) -> None:
    result = world.invoke(function, {"Records": [{"eventSource": "aws:sqs", "body": ADA}]})
    assert (result["statusCode"], json.loads(result["body"])["code"]) == (500, "internal_error")


def test_corrected_setting_works_without_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A start on Lambda builds all objects at once, and must not fail for this.
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    monkeypatch.delenv("TABLE_NAME")
    world.start()
    assert world.public.send().status == 500
    monkeypatch.setenv("TABLE_NAME", TABLE)
    assert world.public.send().status == 202
