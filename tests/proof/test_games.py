"""The games, as often as a suite has time for."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase

from tests.proof import games
from tests.proof.over_http import over_http
from tests.proof.world import InProcess, World
from verification import rules
from verification.aws import email_rows, secrets
from verification.aws.receipt_rows import ReceiptRows

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def played(name: str, count: int) -> None:
    """Play a game so many times, and find the shortest sequence that wins it."""
    phases = (Phase.generate, Phase.shrink)
    hypothesis.settings(max_examples=count, phases=phases, suppress_health_check=SLOW)(
        games.game(name)
    )()


def test_strangers_cannot_tell_a_customer_from_nobody() -> None:
    played("indistinguishability", 500)


def test_strangers_are_not_told_what_others_do() -> None:
    played("others", 60)


def test_strangers_cannot_shut_the_customer_out() -> None:
    played("siege", 50)


def test_strangers_with_the_password_cannot_shut_the_customer_out() -> None:
    played("siege_with_password", 50)


@pytest.mark.parametrize(
    ("game", "count"),
    [("verification", 30), ("receipts", 20), ("registration", 40), ("rotation", 40)],
)
def test_no_sequence_wins(game: str, count: int) -> None:
    played(game, count)


@pytest.mark.parametrize(
    ("game", "owner", "name", "broken"),
    [
        ("others", email_rows, "_remembered", lambda challenges, _: challenges),
        ("verification", rules, "matches", lambda *_: True),
        ("verification", rules, "is_newest", lambda *_: True),
        ("receipts", ReceiptRows, "redeem", lambda *_: None),
        ("registration", rules, "was_created_for", lambda *_: True),
        ("rotation", secrets, "MAX_AGE", 10**9),
    ],
)
def test_a_broken_rule_loses_the_game(
    monkeypatch: pytest.MonkeyPatch, game: str, owner: object, name: str, broken: object
) -> None:
    monkeypatch.setattr(owner, name, broken)
    settings = hypothesis.settings(
        max_examples=300, phases=[Phase.generate], suppress_health_check=SLOW
    )
    with pytest.raises(AssertionError):
        settings(games.game(game))()


def test_a_game_over_http_goes_through_sockets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((World, "exchange"), (InProcess, "answered")):
        monkeypatch.setattr(owner, name, None)
    with over_http():
        assert not games.play("verification", 2).finding
