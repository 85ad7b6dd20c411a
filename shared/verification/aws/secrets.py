"""The two secrets, read together and kept for five minutes: Okta's token and the service's keys.

With an OAuth service app in place of the token, the service's keys are the only secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from verification.aws.clients import outcomes
from verification.crypto import Keyring
from verification.errors import ConfigurationError, Unauthorized
from verification.frozen import Frozen
from verification.models.callers import Client, Scope

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = 300.0
"""Seconds after which a rotated key is used and a removed one is refused."""

MIN_ROOT_KEY = 32
MIN_CLIENT_KEY = 16
"""Characters."""

_HEADER_TEXT = r"[\x21-\x7e]+"  # what a header can contain


class _Content(Frozen):
    """Both secrets at one moment. Client keys are kept as digests, compared in constant time."""

    read_at: float
    okta_token: str = field(repr=False)
    keyring: Keyring = field(repr=False)
    clients: tuple[tuple[bytes, Client], ...] = field(repr=False)


class Secrets:
    """Reads Secrets Manager at the first use, after five minutes, and when Okta rejects the token."""

    def __init__(
        self,
        client: SecretsManagerClient,
        okta_token_id: str,
        service_keys_id: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._okta_token_id = okta_token_id
        self._service_keys_id = service_keys_id
        self._clock = clock
        self._content: _Content | None = None

    def okta_token(self) -> str:
        """The API token, at most five minutes old."""
        return self._fresh().okta_token

    def renewed_okta_token(self, rejected: str) -> str:
        """The token as stored now, unless another than the rejected one is known already."""
        if self._fresh().okta_token == rejected:
            self._content = None
        return self._fresh().okta_token

    def forget(self) -> None:
        """Read both again at the next use, over a new connection."""
        self._content = None
        self._client.close()

    def keyring(self) -> Keyring:
        """Hashes, seals and ids."""
        return self._fresh().keyring

    def client_with(self, key: str) -> Client:
        """The client that has this key; Unauthorized if there is none."""
        digest = _digest(key)
        found = None
        for known, client in self._fresh().clients:
            if hmac.compare_digest(known, digest):
                found = client
        if found is None:
            raise Unauthorized
        return found

    def _fresh(self) -> _Content:
        content = self._content
        if content is None or not 0 <= self._clock() - content.read_at < MAX_AGE:
            content = self._content = self._read()
        return content

    def _read(self) -> _Content:
        token = self._token() if self._okta_token_id else ""
        keys = self._object(self._service_keys_id)
        root_key = keys.get("root_key")
        if not isinstance(root_key, str) or len(root_key) < MIN_ROOT_KEY:
            raise ConfigurationError(
                "the service keys' secret has no root_key of 32 characters or more"
            )
        return _Content(self._clock(), token, Keyring(root_key), tuple(_clients(keys)))

    def _token(self) -> str:
        token = self._object(self._okta_token_id).get("okta_api_token")
        if not isinstance(token, str) or not re.fullmatch(_HEADER_TEXT, token.strip()):
            raise ConfigurationError("the Okta token's secret has no okta_api_token")
        return token.strip()

    def _object(self, secret_id: str) -> Mapping[str, object]:
        with outcomes("a secret is missing or may not be read"):
            text = self._client.get_secret_value(SecretId=secret_id).get("SecretString", "")
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ConfigurationError("a secret is not a JSON object")
        return content


def _clients(content: Mapping[str, object]) -> list[tuple[bytes, Client]]:
    """Digest and client of every key. A client may have several keys while one is replaced, and
    without `scopes` it may only verify.
    """
    named = content.get("clients", {})
    if not isinstance(named, dict):
        raise ConfigurationError("clients in the service keys' secret is not an object")
    clients = []
    for name, value in named.items():
        keys: object = value
        scopes: object = ["verify"]
        audiences: object = [name]
        if isinstance(value, dict):
            keys, scopes = value.get("keys"), value.get("scopes")
            audiences = value.get("audiences", audiences)
        client = Client(name, _scopes(name, scopes), _audiences(name, audiences))
        for key in keys if isinstance(keys, list) else [keys]:
            if not isinstance(key, str) or len(key) < MIN_CLIENT_KEY:
                raise ConfigurationError(f"a key of client {name!r} is no text or is too short")
            clients.append((_digest(key), client))
    return clients


def _scopes(name: str, scopes: object) -> frozenset[Scope]:
    try:
        if isinstance(scopes, list) and scopes:
            return frozenset(map(Scope, scopes))
    except ValueError:
        pass
    allowed = ", ".join(Scope)
    raise ConfigurationError(f"scopes of client {name!r} must be a list of some of: {allowed}")


def _audiences(name: str, audiences: object) -> tuple[str, ...]:
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        raise ConfigurationError(f"audiences of client {name!r} must be a list of texts")
    return tuple(audiences)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
