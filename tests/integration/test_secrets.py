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
    RENEWED_TOKEN,
    ROOT_KEY,
    TOKEN,
    TOKEN_SECRET,
    Account,
    Unreliable,
    client_error,
)
from tests.integration.functions import Clock
from tests.integration.rows import refusal, told
from verification import errors
from verification.aws.secrets import Secrets
from verification.models.callers import Client, Scope
from verification.models.customers import Email

CLIENT = Client("shop", frozenset({Scope.VERIFY}), ("shop",))
KEYS: dict[str, Any] = {"root_key": ROOT_KEY, "clients": {"shop": CLIENT_KEY}}


def names(vault: Unreliable) -> list[str]:
    """Which secrets were read, in order."""
    return [request["SecretId"] for request in vault.calls]


def put_clients(account: Account, **clients: object) -> None:
    account.put_secret(KEYS_SECRET, {"root_key": ROOT_KEY, "clients": clients})


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
        account.put_secret(TOKEN_SECRET, {"okta_api_token": RENEWED_TOKEN})
        clock.advance(seconds)
        assert secrets.okta_token() == token

    def test_old_keys_are_not_used_after_that(
        self, account: Account, secrets: Secrets, vault: Unreliable, clock: Clock
    ) -> None:
        secrets.client_with(CLIENT_KEY)
        put_clients(account)
        clock.advance(300)
        vault.failures.append(client_error("InternalServiceError"))
        assert told(lambda: secrets.client_with(CLIENT_KEY)) == "store_unavailable"
        assert told(lambda: secrets.client_with(CLIENT_KEY)) == "unauthorized"

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
        assert secrets.renewed_okta_token(rejected) == TOKEN  # was not rotated
        account.put_secret(TOKEN_SECRET, {"okta_api_token": f" {RENEWED_TOKEN}\n"})
        assert secrets.renewed_okta_token(rejected) == secrets.okta_token() == RENEWED_TOKEN
        assert names(vault).count(TOKEN_SECRET) == 3
        assert secrets.keyring().email_hash(email) == before

    def test_token_that_is_newer_than_the_rejected_one_is_not_read_again(
        self, secrets: Secrets, vault: Unreliable
    ) -> None:
        secrets.okta_token()
        assert secrets.renewed_okta_token("00an-older-token") == TOKEN
        assert names(vault).count(TOKEN_SECRET) == 1


class TestClients:
    @pytest.mark.parametrize(
        ("content", "client"),
        [
            (CLIENT_KEY, CLIENT),
            ([OTHER_CLIENT_KEY, CLIENT_KEY], CLIENT),
            (
                {"keys": [OTHER_CLIENT_KEY, CLIENT_KEY], "scopes": ["release"], "audiences": []},
                Client("shop", frozenset({Scope.RELEASE}), ()),
            ),
            (
                {"keys": CLIENT_KEY, "scopes": ALL_SCOPES, "audiences": ["desk", "bank"]},
                Client("shop", frozenset(Scope), ("desk", "bank")),
            ),
        ],
    )
    def test_client_has_keys_scopes_and_audiences(
        self, account: Account, secrets: Secrets, content: object, client: Client
    ) -> None:
        put_clients(account, desk=[], shop=content)
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
        put_clients(account, a=CLIENT_KEY, b=OTHER_CLIENT_KEY, c=[])
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


def assert_misconfigured(secrets: Secrets, problem: str) -> None:
    for _ in range(2):  # nothing of a secret that is spoilt is kept
        refused = refusal(lambda: secrets.client_with(CLIENT_KEY))
        assert isinstance(refused, errors.ConfigurationError)
        assert problem in refused.problem
        secret = (TOKEN, ROOT_KEY[:31], CLIENT_KEY[:15])
        assert not [each for each in secret if each in refused.problem]


class TestMisconfiguration:
    @pytest.mark.parametrize(
        "content",
        [
            *("\n", "{", "replace-me", TOKEN, "[]", "null", json.dumps(TOKEN), "{}"),
            *({"token": TOKEN}, {"okta_api_token": ""}, {"okta_api_token": " "}),
            *({"okta_api_token": None}, {"okta_api_token": 42}, {"okta_api_token": [TOKEN]}),
            *({"okta_api_token": "00t\u00f6ken"}, {"okta_api_token": "00one\n00two"}),
            *('{"okta_api_token": "\\ud800"}', json.dumps({"okta_api_token": TOKEN}).encode()),
        ],
    )
    def test_spoilt_token(self, account: Account, secrets: Secrets, content: object) -> None:
        account.put_secret(TOKEN_SECRET, content)
        assert_misconfigured(secrets, "secret")
        account.put_secret(TOKEN_SECRET, {"okta_api_token": TOKEN})
        assert secrets.okta_token() == TOKEN  # at once

    @pytest.mark.parametrize(
        "content",
        [
            *({}, [], "no JSON", {"clients": {}}),
            *({**KEYS, "root_key": each} for each in (ROOT_KEY[:31], None, 10**40)),
            *({**KEYS, "clients": each} for each in (None, [CLIENT_KEY], CLIENT_KEY)),
        ],
    )
    def test_spoilt_keys(self, account: Account, secrets: Secrets, content: object) -> None:
        account.put_secret(KEYS_SECRET, content)
        assert_misconfigured(secrets, "secret")

    @pytest.mark.parametrize(
        ("client", "problem"),
        [
            *((each, "key") for each in ("", CLIENT_KEY[:15], None, 10**20, [CLIENT_KEY, ""])),
            ([[CLIENT_KEY]], "key"),
            ({"key": CLIENT_KEY, "scopes": ["verify"]}, "key"),
            ({}, "scopes"),
            ({"keys": [CLIENT_KEY]}, "scopes"),
            *(
                ({"keys": [CLIENT_KEY], "scopes": each}, "scopes")
                for each in ([], "verify", ["verify", "admin"], [["verify"]])
            ),
            *(
                ({"keys": [CLIENT_KEY], "scopes": ["verify"], "audiences": each}, "audiences")
                for each in ("bank", [1], None, {"bank": True})
            ),
        ],
    )
    def test_spoilt_client(
        self, account: Account, secrets: Secrets, client: object, problem: str
    ) -> None:
        put_clients(account, shop=client)
        assert_misconfigured(secrets, f"{problem} of client 'shop'")

    @pytest.mark.parametrize(
        "code", ["ResourceNotFoundException", "AccessDeniedException", "DecryptionFailure"]
    )
    def test_secret_that_may_not_be_read(
        self, secrets: Secrets, vault: Unreliable, code: str
    ) -> None:
        vault.failure = client_error(code)
        assert_misconfigured(secrets, "a secret is missing or may not be read")


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
