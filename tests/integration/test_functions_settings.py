"""Settings and secrets that are wrong: named in the log, and nowhere else."""

from __future__ import annotations

from functools import partial

import pytest

from tests.integration.account import TABLE, Account, LambdaQueue
from tests.integration.conftest import Clock
from tests.integration.functions import ENVIRON, Functions, log_lines
from tests.integration.okta_org import ADA, OktaOrg
from verification import container
from verification.container import Container

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
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    reply = functions.post("/challenge", {"email": ADA})
    assert (reply.status, reply.code) == (500, "internal_error")
    assert name not in reply.body
    misconfigured, outcome = log_lines(capsys)
    assert (misconfigured["level"], misconfigured["message"]) == ("ERROR", "misconfigured")
    assert misconfigured["problem"].startswith(name)
    assert outcome["outcome"] == "internal_error"
    assert outcome["request_id"] == misconfigured["request_id"]


def test_wrong_setting_stops_a_delivery_too(
    functions: Functions,
    queue: LambdaQueue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    queue.events.append(b'{"task": "deliver", "sealed": "sealed"}')
    functions.deliver()
    misconfigured, outcome = log_lines(capsys)
    assert misconfigured["problem"].startswith("TABLE_NAME")
    assert (outcome["outcome"], outcome["reason"]) == ("not_sent", "internal_error")


def test_spoilt_secret(
    functions: Functions, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.put_keys({"root_key": "short"})
    for path in ("/challenge", "/verify"):
        reply = functions.post(path, {"email": ADA})
        assert (reply.status, reply.code) == (500, "internal_error")
        problem = "the service keys' secret has no root_key of 32 characters or more"
        assert log_lines(capsys)[0]["problem"] == problem


def test_missing_table(
    functions: Functions, okta: OktaOrg, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.dynamodb.delete_table(TableName=TABLE)
    assert functions.send().code == "internal_error"
    assert log_lines(capsys)[0]["problem"] == "the table is missing or may not be used"
    assert okta.kinds == []


def test_corrected_setting_works_without_a_restart(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    assert functions.send().status == 500
    monkeypatch.setenv("TABLE_NAME", TABLE)
    assert functions.send().status == 202


def test_wrong_setting_does_not_stop_a_start_on_lambda(
    functions: Functions,
    okta: OktaOrg,
    queue: LambdaQueue,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert functions.send().status == 202  # the environment was complete
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    monkeypatch.delenv("TABLE_NAME")
    started = Functions(partial(container.build, clock, clock.advance, clock), queue, okta)
    assert started.send().code == "internal_error"


def test_container_that_cannot_be_built_has_an_outcome_too(
    functions: Functions,
    okta: OktaOrg,
    queue: LambdaQueue,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> Container:
        raise ValueError("Invalid endpoint")

    assert functions.get("/challenge").status == 400
    reply = Functions(broken, queue, okta).send()
    assert (reply.status, reply.code) == (500, "internal_error")
    assert log_lines(capsys)[-1]["outcome"] == "internal_error"


def test_reply_does_not_depend_on_its_metrics(
    functions: Functions, okta: OktaOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE")
    assert functions.send().status == 202
    assert okta.kinds.count("send") == 1
