"""Secrets that are missing, malformed or out of reach."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from tests.integration.account import (
    CLIENT_KEY,
    KEYS_SECRET,
    ROOT_KEY,
    TOKEN,
    TOKEN_SECRET,
    Account,
    Unreliable,
    client_error,
)
from verification import errors
from verification.aws.secrets import Secrets

RENEWED = "00renewed-token-000000000000000000000000000"


KEYS: dict[str, Any] = {"root_key": ROOT_KEY, "clients": {"shop": CLIENT_KEY}}


class TestMisconfiguration:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "replace-me",
            TOKEN,
            "[]",
            "null",
            json.dumps(TOKEN),
            "{}",
            '{"token": "00x"}',
            '{"okta_api_token": ""}',
            '{"okta_api_token": " "}',
            '{"okta_api_token": null}',
            '{"okta_api_token": 42}',
            '{"okta_api_token": ["00x"]}',
            '{"okta_api_token": "00t\\u00f6ken"}',
            '{"okta_api_token": "\\ud800"}',
        ],
    )
    def test_a_token_that_is_none_is_named(
        self, account: Account, secrets: Secrets, content: str
    ) -> None:
        self._assert_spoilt(account.put_token, content or "\n", secrets)

    @pytest.mark.parametrize(
        "keys",
        [
            {},
            [],
            "no JSON",
            {"clients": {}},
            {**KEYS, "root_key": ROOT_KEY[:31]},
            {**KEYS, "root_key": None},
            {**KEYS, "root_key": 10**40},
            {**KEYS, "clients": None},
            {**KEYS, "clients": [CLIENT_KEY]},
            {**KEYS, "clients": CLIENT_KEY},
            {**KEYS, "clients": {"shop": ""}},
            {**KEYS, "clients": {"shop": CLIENT_KEY[:15]}},
            {**KEYS, "clients": {"shop": None}},
            {**KEYS, "clients": {"shop": 10**20}},
            {**KEYS, "clients": {"shop": [CLIENT_KEY, ""]}},
            {**KEYS, "clients": {"shop": [[CLIENT_KEY]]}},
            {**KEYS, "clients": {"shop": {"key": CLIENT_KEY}}},
        ],
    )
    def test_keys_that_are_none_are_named(
        self, account: Account, secrets: Secrets, keys: object
    ) -> None:
        self._assert_spoilt(account.put_keys, keys, secrets)

    @pytest.mark.parametrize("missing", [TOKEN_SECRET, KEYS_SECRET])
    def test_a_secret_that_is_not_there_is_named(
        self, account: Account, secrets: Secrets, missing: str
    ) -> None:
        account.secrets_manager.delete_secret(SecretId=missing, ForceDeleteWithoutRecovery=True)
        with pytest.raises(errors.ConfigurationError) as refused:
            secrets.okta_token()
        assert refused.value.problem == "a secret is missing or may not be read"

    def test_a_secret_of_bytes_is_not_read(self, account: Account, secrets: Secrets) -> None:
        binary = json.dumps({"okta_api_token": TOKEN}).encode()
        account.secrets_manager.put_secret_value(SecretId=TOKEN_SECRET, SecretBinary=binary)
        with pytest.raises(errors.ConfigurationError) as refused:
            secrets.okta_token()
        assert refused.value.problem == "a secret is not a JSON object"

    def test_a_mended_secret_works_at_once(self, account: Account, secrets: Secrets) -> None:
        account.put_token("{")
        with pytest.raises(errors.ConfigurationError):
            secrets.okta_token()
        account.put_token({"okta_api_token": TOKEN})
        assert secrets.okta_token() == TOKEN

    def test_a_token_that_no_header_can_hold_is_named(
        self, account: Account, secrets: Secrets
    ) -> None:
        account.put_token({"okta_api_token": "00one\n00two"})
        with pytest.raises(errors.ConfigurationError):
            secrets.okta_token()

    @staticmethod
    def _assert_spoilt(put: Any, content: object, secrets: Secrets) -> None:
        put(content)
        for _ in range(2):  # nothing of a secret that is spoilt is kept
            with pytest.raises(errors.ConfigurationError) as refused:
                secrets.client_of(CLIENT_KEY)
            assert refused.value.code == "internal_error"
            assert "secret" in refused.value.problem or "client 'shop'" in refused.value.problem
            for part in (TOKEN, ROOT_KEY[:31], CLIENT_KEY[:15]):
                assert part not in refused.value.problem


class TestStore:
    @pytest.mark.parametrize(
        "code", ["ResourceNotFoundException", "AccessDeniedException", "DecryptionFailure"]
    )
    def test_what_an_operator_must_mend(
        self, secrets: Secrets, vault: Unreliable, code: str
    ) -> None:
        vault.failure = client_error(code)
        with pytest.raises(errors.ConfigurationError) as refused:
            secrets.okta_token()
        assert refused.value.problem == "a secret is missing or may not be read"

    @pytest.mark.parametrize(
        "failure",
        [
            client_error("InternalServiceError"),
            client_error("ThrottlingException"),
            ConnectTimeoutError(endpoint_url="https://secretsmanager.us-east-1.amazonaws.com"),
        ],
    )
    def test_a_store_that_is_down(
        self, secrets: Secrets, vault: Unreliable, failure: Exception
    ) -> None:
        vault.failure = failure
        with pytest.raises(errors.StoreUnavailable) as refused:
            secrets.okta_token()
        assert (refused.value.code, refused.value.retry_after) == ("store_unavailable", 5)
        assert refused.value.__suppress_context__
        assert TOKEN not in str(refused.value)
