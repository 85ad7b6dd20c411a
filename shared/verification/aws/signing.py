"""Signatures by KMS, with keys that never leave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from verification.aws.clients import outcomes
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsSigner:
    """Calls KMS. The client is made at the first call, and public keys are read once."""

    def __init__(self, make_client: Callable[[], KMSClient], meter: Meter) -> None:
        self._make_client = make_client
        self._meter = meter
        self._client: KMSClient | None = None
        self._public_keys: dict[str, bytes] = {}

    def sign(self, key_id: str, message: bytes) -> bytes:
        """An ECDSA signature (SHA-256) of at most 4096 bytes, in DER. Raises StoreUnavailable,
        ConfigurationError.
        """
        return self._sign(key_id, message, "ECDSA_SHA_256")

    def sign_rsa(self, key_id: str, message: bytes) -> bytes:
        """An RSA signature (PKCS #1 v1.5, SHA-256) of at most 4096 bytes. Raises likewise."""
        return self._sign(key_id, message, "RSASSA_PKCS1_V1_5_SHA_256")

    def public_key(self, key_id: str) -> bytes:
        """The public key in DER. Raises likewise."""
        if key_id not in self._public_keys:
            answer = self._call("get_public_key", KeyId=key_id)
            self._public_keys[key_id] = bytes(answer["PublicKey"])
        return self._public_keys[key_id]

    def prepare(self) -> None:
        """Make the client now."""
        self._client = self._client or self._make_client()

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        if self._client is not None:
            self._client.close()

    def _sign(self, key_id: str, message: bytes, algorithm: str) -> bytes:
        answer = self._call(
            "sign",
            KeyId=key_id,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm=algorithm,
        )
        return bytes(answer["Signature"])

    def _call(self, operation: str, **request: Any) -> Any:
        self._client = self._client or self._make_client()
        problem = "a signing key is missing, disabled or may not be used"
        with outcomes(problem), self._meter.time("kms"):
            return getattr(self._client, operation)(**request)
