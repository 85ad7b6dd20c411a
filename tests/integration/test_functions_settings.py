"""Settings and secrets that are wrong: named in the log, and nowhere else."""

from __future__ import annotations

import pytest

from tests.integration.account import TABLE
from tests.integration.conftest import World
from tests.integration.functions import ENVIRON, log_lines
from tests.integration.okta_org import ADA

REQUIRED = [name for name, value in ENVIRON.items() if value[0].isdigit()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in REQUIRED),
        *(("OKTA_ORG_URL", None), ("OKTA_TOKEN_SECRET", None), ("SERVICE_KEYS_SECRET", None)),
        ("OKTA_ORG_URL", "https://evil.example"),
        ("STRANGER_ATTEMPTS", "5"),
        ("CONCEAL_UNKNOWN_CUSTOMERS", "no"),
    ],
)
def test_wrong_setting(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    reply = world.public.post("/challenge", {"email": ADA})
    assert (reply.status, reply.code) == (500, "internal_error")
    assert name not in reply.body
    misconfigured, outcome = log_lines(capsys)
    assert (misconfigured["level"], misconfigured["message"]) == ("ERROR", "misconfigured")
    assert misconfigured["problem"].startswith(name)
    assert outcome["outcome"] == "internal_error"
    assert outcome["request_id"] == misconfigured["request_id"]


def test_wrong_setting_stops_a_delivery_too(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    world.queue.events.append(b'{"task": "deliver", "sealed": "sealed"}')
    world.public.deliver()
    misconfigured, outcome = log_lines(capsys)
    assert misconfigured["problem"].startswith("TABLE_NAME")
    assert (outcome["outcome"], outcome["reason"]) == ("not_sent", "internal_error")


def test_spoilt_secret(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.account.put_keys({"root_key": "short"})
    for path in ("/challenge", "/verify"):
        reply = world.public.post(path, {"email": ADA})
        assert (reply.status, reply.code) == (500, "internal_error")
        problem = "the service keys' secret has no root_key of 32 characters or more"
        assert log_lines(capsys)[0]["problem"] == problem


def test_missing_table(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.account.dynamodb.delete_table(TableName=TABLE)
    assert world.public.send().code == "internal_error"
    assert log_lines(capsys)[0]["problem"] == "the table is missing or may not be used"
    assert world.okta.kinds == []


def test_corrected_setting_works_without_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    assert world.public.send().status == 500
    monkeypatch.setenv("TABLE_NAME", TABLE)
    assert world.public.send().status == 202


def test_wrong_setting_does_not_stop_a_start_on_lambda(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.public.send().status == 202  # the environment was complete
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    monkeypatch.delenv("TABLE_NAME")
    started = world.environment()
    assert started.send().code == "internal_error"
