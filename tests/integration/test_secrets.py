"""The two secrets: how long they are kept, how they are replaced, and what spoils them."""

from __future__ import annotations

import hmac

import pytest

from tests.integration.account import (
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
from verification import errors
from verification.aws.secrets import Secrets
from verification.models import Email

RENEWED = "00renewed-token-000000000000000000000000000"


def names(vault: Unreliable) -> list[str]:
    """Which secrets were read, in order."""
    return [request["SecretId"] for request in vault.calls]


class TestCaching:
    def test_nothing_is_read_before_it_is_needed(self, secrets: Secrets, vault: Unreliable) -> None:
        assert repr(secrets)
        assert names(vault) == []

    def test_both_secrets_are_read_together_and_once(
        self, secrets: Secrets, vault: Unreliable
    ) -> None:
        assert secrets.okta_token() == TOKEN
        assert secrets.client_of(CLIENT_KEY) == "shop"
        secrets.identities()
        assert names(vault) == [TOKEN_SECRET, KEYS_SECRET]

    @pytest.mark.parametrize(("seconds", "token"), [(299, TOKEN), (300, RENEWED), (3000, RENEWED)])
    def test_a_rotated_token_is_used_after_five_minutes(
        self, account: Account, secrets: Secrets, clock: Clock, seconds: int, token: str
    ) -> None:
        secrets.okta_token()
        account.put_token({"okta_api_token": RENEWED})
        clock.advance(seconds)
        assert secrets.okta_token() == token

    def test_a_clock_that_is_set_back_keeps_nothing_for_ever(
        self, account: Account, secrets: Secrets, clock: Clock
    ) -> None:
        secrets.okta_token()
        account.put_token({"okta_api_token": RENEWED})
        clock.advance(-3600)
        assert secrets.okta_token() == RENEWED

    def test_a_removed_client_key_is_refused_after_five_minutes(
        self, account: Account, secrets: Secrets, clock: Clock
    ) -> None:
        assert secrets.client_of(CLIENT_KEY) == "shop"
        account.put_keys({"root_key": ROOT_KEY, "clients": {}})
        clock.advance(300)
        with pytest.raises(errors.Unauthorized) as refused:
            secrets.client_of(CLIENT_KEY)
        assert refused.value.code == "unauthorized"

    def test_a_store_that_fails_later_serves_no_old_keys(
        self, secrets: Secrets, vault: Unreliable, clock: Clock
    ) -> None:
        secrets.okta_token()
        vault.failure = client_error("InternalServiceError")
        clock.advance(300)
        with pytest.raises(errors.StoreUnavailable):
            secrets.client_of(CLIENT_KEY)


class TestRenewal:
    def test_a_rejected_token_is_read_again_at_once(
        self, account: Account, secrets: Secrets, vault: Unreliable
    ) -> None:
        rejected = secrets.okta_token()
        account.put_token({"okta_api_token": RENEWED})
        assert secrets.renewed_okta_token(rejected) == RENEWED
        assert secrets.okta_token() == RENEWED
        assert names(vault).count(TOKEN_SECRET) == 2

    def test_a_token_that_was_not_rotated_comes_back_the_same(self, secrets: Secrets) -> None:
        assert secrets.renewed_okta_token(secrets.okta_token()) == TOKEN

    def test_a_token_that_is_known_to_be_newer_is_not_read_again(
        self, secrets: Secrets, vault: Unreliable
    ) -> None:
        secrets.okta_token()
        assert secrets.renewed_okta_token("00an-older-token") == TOKEN
        assert names(vault).count(TOKEN_SECRET) == 1

    def test_a_new_token_keeps_what_challenges_are_named_by(
        self, account: Account, secrets: Secrets
    ) -> None:
        email = Email("ada@example.com")
        before = secrets.identities().of_email(email)
        account.put_token({"okta_api_token": RENEWED})
        secrets.renewed_okta_token(TOKEN)
        assert secrets.identities().of_email(email) == before

    def test_blanks_around_a_pasted_token_are_no_part_of_it(
        self, account: Account, secrets: Secrets
    ) -> None:
        account.put_token({"okta_api_token": f" {TOKEN}\n"})
        assert secrets.okta_token() == TOKEN


class TestClientKeys:
    def test_two_keys_of_a_client_overlap(self, account: Account, secrets: Secrets) -> None:
        clients = {"shop": [OTHER_CLIENT_KEY, CLIENT_KEY], "desk": "sk_canary_desk_key_0001"}
        account.put_keys({"root_key": ROOT_KEY, "clients": clients})
        assert secrets.client_of(CLIENT_KEY) == secrets.client_of(OTHER_CLIENT_KEY) == "shop"
        assert secrets.client_of("sk_canary_desk_key_0001") == "desk"

    @pytest.mark.parametrize(
        "key",
        [
            "",
            " ",
            CLIENT_KEY[:-1],
            CLIENT_KEY + "0",
            CLIENT_KEY + "\0",
            CLIENT_KEY.upper(),
            f" {CLIENT_KEY}",
            "shop",
            ROOT_KEY,
            TOKEN,
            "\ud800",
            "k" * 100_000,
        ],
    )
    def test_no_key_but_a_client_s_own_is_accepted(self, secrets: Secrets, key: str) -> None:
        with pytest.raises(errors.Unauthorized) as refused:
            secrets.client_of(key)
        assert refused.value.code == "unauthorized"
        assert key.strip() == "" or key not in str(refused.value)

    @pytest.mark.parametrize(
        "keys", [{"root_key": ROOT_KEY}, {"root_key": ROOT_KEY, "clients": {}}]
    )
    def test_without_clients_every_key_is_refused(
        self, account: Account, secrets: Secrets, keys: object
    ) -> None:
        account.put_keys(keys)
        for key in ("", CLIENT_KEY):
            with pytest.raises(errors.Unauthorized):
                secrets.client_of(key)

    def test_keys_are_compared_in_constant_time_and_all_of_them(
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
        assert secrets.client_of(CLIENT_KEY) == "a"
        with pytest.raises(errors.Unauthorized):
            secrets.client_of("sk_wrong")
        assert len(compared) == 4
        assert {len(side) for pair in compared for side in pair} == {32}

    def test_nothing_that_is_kept_shows(self, secrets: Secrets) -> None:
        secrets.okta_token()
        shown = repr(vars(secrets))
        for secret in (TOKEN, ROOT_KEY, CLIENT_KEY):
            assert secret not in shown
