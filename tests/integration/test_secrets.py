"""The two secrets: caching, rotation, clients and scopes, and what can be wrong with them."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from tests.integration.account import (
    ALL_SCOPES,
    CLIENT_KEY,
    KEYS_SECRET,
    OTHER_CLIENT_KEY,
    ROOT_KEY,
    TOKEN,
    TOKEN_SECRET,
    Account,
    Unreliable,
    client_error,
)
from tests.integration.conftest import Clock
from tests.integration.okta_client import RENEWED_TOKEN
from tests.integration.rows import refusal, told
from verification import errors
from verification.aws.secrets import Secrets
from verification.models import Client, Email, Scope

VERIFY = frozenset({Scope.VERIFY})
KEYS: dict[str, Any] = {"root_key": ROOT_KEY, "clients": {"shop": CLIENT_KEY}}


def names(vault: Unreliable) -> list[str]:
    """Which secrets were read, in order."""
    return [request["SecretId"] for request in vault.calls]


class TestCaching:
    def test_both_secrets_are_read_together_and_once(
        self, secrets: Secrets, vault: Unreliable
    ) -> None:
        assert names(vault) == []
        assert secrets.okta_token() == TOKEN
        secrets.client_with(CLIENT_KEY)
        secrets.keyring()
        assert names(vault) == [TOKEN_SECRET, KEYS_SECRET]

    @pytest.mark.parametrize(
        ("seconds", "token"), [(299, TOKEN), (300, RENEWED_TOKEN), (-3600, RENEWED_TOKEN)]
    )
    def test_secrets_are_kept_for_five_minutes(
        self, account: Account, secrets: Secrets, clock: Clock, seconds: int, token: str
    ) -> None:
        secrets.okta_token()
        account.put_token({"okta_api_token": RENEWED_TOKEN})
        clock.advance(seconds)
        assert secrets.okta_token() == token

    def test_removed_client_key_is_refused_after_five_minutes(
        self, account: Account, secrets: Secrets, clock: Clock
    ) -> None:
        secrets.client_with(CLIENT_KEY)
        account.put_keys({"root_key": ROOT_KEY, "clients": {}})
        clock.advance(300)
        assert told(lambda: secrets.client_with(CLIENT_KEY)) == "unauthorized"

    def test_old_keys_are_not_used_while_secrets_manager_is_down(
        self, secrets: Secrets, vault: Unreliable, clock: Clock
    ) -> None:
        secrets.okta_token()
        vault.failure = client_error("InternalServiceError")
        clock.advance(300)
        assert told(lambda: secrets.client_with(CLIENT_KEY)) == "store_unavailable"

    def test_nothing_that_is_kept_shows(self, secrets: Secrets) -> None:
        secrets.okta_token()
        shown = repr(vars(secrets))
        assert not [each for each in (TOKEN, ROOT_KEY, CLIENT_KEY) if each in shown]


class TestRotation:
    def test_rejected_token_is_read_again_at_once(
        self, account: Account, secrets: Secrets, vault: Unreliable
    ) -> None:
        email = Email("ada@example.com")
        rejected, before = secrets.okta_token(), secrets.keyring().email_hash(email)
        account.put_token({"okta_api_token": f" {RENEWED_TOKEN}\n"})
        assert secrets.renewed_okta_token(rejected) == secrets.okta_token() == RENEWED_TOKEN
        assert names(vault).count(TOKEN_SECRET) == 2
        assert secrets.keyring().email_hash(email) == before

    def test_token_that_was_not_rotated_is_returned_again(self, secrets: Secrets) -> None:
        assert secrets.renewed_okta_token(secrets.okta_token()) == TOKEN

    def test_token_that_is_newer_than_the_rejected_one_is_not_read_again(
        self, secrets: Secrets, vault: Unreliable
    ) -> None:
        secrets.okta_token()
        assert secrets.renewed_okta_token("00an-older-token") == TOKEN
        assert names(vault).count(TOKEN_SECRET) == 1


class TestClients:
    @pytest.mark.parametrize(
        ("content", "scopes"),
        [
            (CLIENT_KEY, ["verify"]),
            ([OTHER_CLIENT_KEY, CLIENT_KEY], ["verify"]),
            ({"keys": [OTHER_CLIENT_KEY, CLIENT_KEY], "scopes": ["release"]}, ["release"]),
            ({"keys": CLIENT_KEY, "scopes": ALL_SCOPES}, ALL_SCOPES),
        ],
    )
    def test_client_has_keys_and_scopes(
        self, account: Account, secrets: Secrets, content: object, scopes: list[str]
    ) -> None:
        account.put_keys({"root_key": ROOT_KEY, "clients": {"desk": [], "shop": content}})
        client = Client("shop", frozenset(map(Scope, scopes)), ("shop",))
        assert secrets.client_with(CLIENT_KEY) == client

    @pytest.mark.parametrize(
        "key",
        [
            *("", " ", CLIENT_KEY[:-1], f"{CLIENT_KEY}0", f"{CLIENT_KEY}\0", CLIENT_KEY.upper()),
            *(f" {CLIENT_KEY}", "shop", ROOT_KEY, TOKEN, "\ud800", "k" * 100_000),
        ],
    )
    def test_no_other_key_is_accepted(self, secrets: Secrets, key: str) -> None:
        refused = refusal(lambda: secrets.client_with(key))
        assert refused.code == "unauthorized"
        assert key.strip() == "" or key not in str(refused)

    def test_every_key_is_compared_in_constant_time(
        self, account: Account, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.put_keys(
            {"root_key": ROOT_KEY, "clients": {"a": CLIENT_KEY, "b": OTHER_CLIENT_KEY, "c": []}}
        )
        compared: list[tuple[bytes, bytes]] = []
        original = hmac.compare_digest

        def counting(one: bytes, other: bytes) -> bool:
            compared.append((one, other))
            return original(one, other)

        monkeypatch.setattr(hmac, "compare_digest", counting)
        assert secrets.client_with(CLIENT_KEY).name == "a"
        assert told(lambda: secrets.client_with("sk_wrong")) == "unauthorized"
        assert len(compared) == 4
        assert {len(side) for pair in compared for side in pair} == {32}


def assert_misconfigured(secrets: Secrets, problem: str = "") -> None:
    for _ in range(2):  # nothing of a secret that is spoilt is kept
        with pytest.raises(errors.ConfigurationError) as refused:
            secrets.client_with(CLIENT_KEY)
        assert refused.value.code == "internal_error"
        named = refused.value.problem
        assert problem in named
        assert "secret" in named or "client 'shop'" in named
        assert not [each for each in (TOKEN, ROOT_KEY[:31], CLIENT_KEY[:15]) if each in named]


class TestMisconfiguration:
    @pytest.mark.parametrize(
        "content",
        [
            *("\n", "{", "replace-me", TOKEN, "[]", "null", json.dumps(TOKEN), "{}"),
            *({"token": TOKEN}, {"okta_api_token": ""}, {"okta_api_token": " "}),
            *({"okta_api_token": None}, {"okta_api_token": 42}, {"okta_api_token": [TOKEN]}),
            *({"okta_api_token": "00t\u00f6ken"}, {"okta_api_token": "00one\n00two"}),
            '{"okta_api_token": "\\ud800"}',
        ],
    )
    def test_spoilt_token(self, account: Account, secrets: Secrets, content: object) -> None:
        account.put_token(content)
        assert_misconfigured(secrets)

    @pytest.mark.parametrize(
        "content",
        [
            *({}, [], "no JSON", {"clients": {}}),
            *({**KEYS, "root_key": each} for each in (ROOT_KEY[:31], None, 10**40)),
            *({**KEYS, "clients": each} for each in (None, [CLIENT_KEY], CLIENT_KEY)),
        ],
    )
    def test_spoilt_keys(self, account: Account, secrets: Secrets, content: object) -> None:
        account.put_keys(content)
        assert_misconfigured(secrets)

    @pytest.mark.parametrize(
        "client",
        [
            *("", CLIENT_KEY[:15], None, 10**20, [CLIENT_KEY, ""], [[CLIENT_KEY]], {}),
            {"keys": [CLIENT_KEY]},
            {"key": CLIENT_KEY, "scopes": ["verify"]},
            {"keys": [CLIENT_KEY], "scopes": []},
            {"keys": [CLIENT_KEY], "scopes": "verify"},
            {"keys": [CLIENT_KEY], "scopes": ["verify", "admin"]},
            {"keys": [CLIENT_KEY], "scopes": [["verify"]]},
        ],
    )
    def test_spoilt_client(self, account: Account, secrets: Secrets, client: object) -> None:
        account.put_keys({"root_key": ROOT_KEY, "clients": {"shop": client}})
        assert_misconfigured(secrets, "client 'shop'")

    @pytest.mark.parametrize("missing", [TOKEN_SECRET, KEYS_SECRET])
    def test_missing_secret(self, account: Account, secrets: Secrets, missing: str) -> None:
        account.secrets_manager.delete_secret(SecretId=missing, ForceDeleteWithoutRecovery=True)
        assert_misconfigured(secrets, "a secret is missing or may not be read")

    def test_secret_of_bytes(self, account: Account, secrets: Secrets) -> None:
        binary = json.dumps({"okta_api_token": TOKEN}).encode()
        account.secrets_manager.put_secret_value(SecretId=TOKEN_SECRET, SecretBinary=binary)
        assert_misconfigured(secrets, "a secret is not a JSON object")

    @pytest.mark.parametrize(
        "code", ["ResourceNotFoundException", "AccessDeniedException", "DecryptionFailure"]
    )
    def test_secret_that_may_not_be_read(
        self, secrets: Secrets, vault: Unreliable, code: str
    ) -> None:
        vault.failure = client_error(code)
        assert_misconfigured(secrets, "a secret is missing or may not be read")

    def test_corrected_secret_works_at_once(self, account: Account, secrets: Secrets) -> None:
        account.put_token("{")
        assert_misconfigured(secrets)
        account.put_token({"okta_api_token": TOKEN})
        assert secrets.okta_token() == TOKEN


@pytest.mark.parametrize(
    "failure",
    [
        client_error("InternalServiceError"),
        client_error("ThrottlingException"),
        ConnectTimeoutError(endpoint_url="https://secretsmanager.us-east-1.amazonaws.com"),
    ],
)
def test_secrets_manager_that_is_down(
    secrets: Secrets, vault: Unreliable, failure: Exception
) -> None:
    vault.failure = failure
    refused = refusal(secrets.okta_token)
    assert isinstance(refused, errors.StoreUnavailable)
    assert (refused.code, refused.retry_after) == ("store_unavailable", 5)
    assert refused.__suppress_context__
    assert TOKEN not in str(refused)
