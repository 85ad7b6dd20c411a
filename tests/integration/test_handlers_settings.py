"""Settings and secrets that are wrong: named in the log, and nowhere else."""

from __future__ import annotations

import pytest

from tests.integration.account import TABLE, Account
from tests.integration.conftest import Clock
from tests.integration.functions import (
    ADA,
    EVERY_ROUTE,
    GOOD_REQUESTS,
    Functions,
    log_lines,
)
from tests.integration.okta_org import OktaOrg
from tests.unit.events import REQUEST_ID
from verification import wiring

REQUIRED = (
    *("OKTA_ORG_URL", "OKTA_TOKEN_SECRET", "TABLE_NAME", "SERVICE_KEYS_SECRET"),
    *("CHALLENGE_LIFETIME_SECONDS", "HOLD_SECONDS", "SENDS_PER_SOURCE_HOUR"),
    *("SENDS_PER_CLIENT_HOUR", "FAILURES_PER_SOURCE_HOUR"),
)


class TestMisconfiguration:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *((name, None) for name in REQUIRED),
            ("OKTA_ORG_URL", "https://evil.example"),
            ("CHALLENGE_LIFETIME_SECONDS", "5"),
            ("INVOKE_URL_ROUTES", "maybe"),
            ("CONCEAL_UNKNOWN_CUSTOMERS", "no"),
            ("FAILURES_PER_SOURCE_HOUR", "0"),
        ],
    )
    def test_a_wrong_setting_is_named_in_the_log_and_nowhere_else(
        self,
        functions: Functions,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        name: str,
        value: str | None,
    ) -> None:
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
        for route in GOOD_REQUESTS:
            reply = functions.ask(route)
            assert (reply.status, reply.code) == (500, "internal_error")
            assert name not in reply.body
            first, last = log_lines(capsys)
            assert (first["level"], first["message"]) == ("ERROR", "misconfigured")
            assert first["problem"].startswith(name)
            assert last["outcome"] == "internal_error"
            assert {first["request_id"], last["request_id"]} == {REQUEST_ID}

    @EVERY_ROUTE
    def test_a_spoilt_secret_is_named_in_the_log(
        self,
        functions: Functions,
        account: Account,
        capsys: pytest.CaptureFixture[str],
        route: str,
    ) -> None:
        account.put_keys({"root_key": "short"})
        assert (functions.ask(route).status, functions.ask(route).code) == (500, "internal_error")
        problems = [line["problem"] for line in log_lines(capsys) if "problem" in line]
        assert problems == ["the service keys' secret has no root_key that is long enough"] * 2

    def test_a_missing_table_is_named_in_the_log(
        self,
        functions: Functions,
        okta: OktaOrg,
        account: Account,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        okta.add(ADA)
        account.dynamodb.delete_table(TableName=TABLE)
        assert functions.ask("POST /challenge").code == "internal_error"
        assert log_lines(capsys)[0]["problem"] == "the table is missing or may not be used"
        assert okta.counts("send") == 0

    def test_a_mended_setting_works_without_a_restart(
        self, functions: Functions, okta: OktaOrg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        okta.add(ADA)
        monkeypatch.delenv("TABLE_NAME")
        assert functions.ask("POST /challenge").status == 500
        monkeypatch.setenv("TABLE_NAME", TABLE)
        assert functions.ask("POST /challenge").status == 202

    @pytest.mark.usefixtures("functions")
    def test_a_build_that_fails_otherwise_has_an_outcome_too(self, clock: Clock) -> None:
        def broken(**_: object) -> wiring.Service:
            raise ValueError("Invalid endpoint")

        reply = Functions(clock, build=broken).ask("GET /challenge")
        assert (reply.status, reply.code) == (500, "internal_error")

    def test_an_answer_does_not_depend_on_its_metrics(
        self, functions: Functions, okta: OktaOrg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        okta.add(ADA)
        monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE")
        reply = functions.ask("POST /challenge")
        assert (reply.status, okta.counts("send")) == (202, 1)

    def test_on_lambda_a_wrong_setting_does_not_keep_the_function_from_starting(
        self, monkeypatch: pytest.MonkeyPatch, functions: Functions, clock: Clock
    ) -> None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        monkeypatch.delenv("TABLE_NAME")
        assert Functions(clock).ask("GET /challenge").code == "internal_error"
        monkeypatch.setenv("TABLE_NAME", TABLE)
        assert functions.ask("GET /challenge").code == "customer_not_found"
