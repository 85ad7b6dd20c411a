"""What authorises calls of Okta's API: an API token, or an OAuth service app.

A service app has no stored secret. KMS signs its assertion (RFC 7523) with a key that never leaves
it, and the access token is good only together with a key of this process (DPoP, RFC 9449).
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import requests

from verification import errors, jws
from verification.frozen import Frozen
from verification.models.callers import Deadline
from verification.okta.wire import Answer

SCOPES = ("okta.users.manage", "okta.users.read")
"""`manage`, because checking a code is a change at Okta. There is no scope for factors."""

TEMPLATE_SCOPES = ("okta.templates.manage", "okta.templates.read")
"""For texts of SMS, with a token of its own: an app that needs none of them need not be granted
these.
"""

ASSERTION_SECONDS = 300
"""Okta takes up to an hour; a minute would do."""

LONGEST_TOKEN = 86_400
"""Okta's longest lifetime of an access token, in seconds."""

RENEWED_BEFORE = 60
"""Seconds before its end at which an access token is no longer used."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCKS_DIFFER = 5.0
"""Seconds from which Okta's clock is followed instead of this machine's."""

_HEADER_TEXT = r"[\x21-\x7e]+"  # what a header can contain

_TRIES = 3
"""For a token: the first may teach the time, the second the nonce."""


class Credential(Protocol):
    """Authorises one request after another."""

    def headers(self, method: str, url: str, deadline: Deadline) -> Mapping[str, str]:
        """The headers of a request. Raises what fetching a token ends with."""

    def renew(self, rejected: str) -> bool:
        """Drop what Okta has rejected, given as the header `Authorization`. Whether there may be
        another one to try.
        """


class Tokens(Protocol):
    """Supplies the API token."""

    def okta_token(self) -> str:
        """The token to use."""

    def renewed_okta_token(self, rejected: str) -> str:
        """The token as it is stored now that this one was rejected."""


class ApiToken(Frozen):
    """An administrator's API token."""

    tokens: Tokens

    def headers(self, method: str, url: str, deadline: Deadline) -> Mapping[str, str]:
        """See Credential."""
        del method, url, deadline
        return {"Authorization": f"SSWS {self.tokens.okta_token()}"}

    def renew(self, rejected: str) -> bool:
        """See Credential."""
        token = rejected.removeprefix("SSWS ")
        return self.tokens.renewed_okta_token(rejected=token) != token


class Exchange(Protocol):
    """One HTTP exchange with Okta; see Wire."""

    def exchange(self, ask: requests.Request, deadline: Deadline) -> Answer: ...


class Signer(Protocol):
    """A key that never leaves KMS, P-256 or RSA."""

    def sign(self, key_id: str, message: bytes) -> bytes: ...  # ECDSA with SHA-256, in DER
    def sign_rsa(self, key_id: str, message: bytes) -> bytes: ...  # PKCS #1, with SHA-256
    def public_key(self, key_id: str) -> bytes: ...  # in DER


class _AccessToken(Frozen):
    text: str
    ends_at: float


class ServiceApp:
    """Fetches access tokens, one at a time however many calls wait for it, and keeps them."""

    def __init__(
        self,
        org_url: str,
        client_id: str,
        key_id: str,
        signer: Signer,
        wire: Exchange,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = f"{org_url}/oauth2/v1/token"
        self._client_id = client_id
        self._key_id = key_id
        self._signer = signer
        self._wire = wire
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[Sequence[str], _AccessToken] = {}
        self._key: jws.OwnKey | None = None
        self._nonce = ""
        self._ahead = 0.0
        """Seconds by which Okta's clock is ahead of this machine's."""

    def headers(self, method: str, url: str, deadline: Deadline) -> Mapping[str, str]:
        """See Credential."""
        with self._lock:
            scopes = TEMPLATE_SCOPES if "/api/v1/templates/" in url else SCOPES
            token = self._tokens.get(scopes)
            if token is None or self._clock() >= token.ends_at - RENEWED_BEFORE:
                token = self._tokens[scopes] = self._fetch(scopes, deadline)
            hashed = jws.base64url(hashlib.sha256(token.text.encode()).digest())
            proof = self._proof(method, url, {"ath": hashed})
        return {"Authorization": f"DPoP {token.text}", "DPoP": proof}

    def renew(self, rejected: str) -> bool:
        """See Credential."""
        with self._lock:
            kept = self._tokens.items()
            self._tokens = {k: each for k, each in kept if rejected != f"DPoP {each.text}"}
        return True

    def forget(self) -> None:
        """Drop the tokens and the key they are bound to: copies of a process must not share them."""
        with self._lock:
            self._tokens, self._key = {}, None

    def _fetch(self, scopes: Sequence[str], deadline: Deadline) -> _AccessToken:
        """A new access token. A first request may only teach Okta's nonce and time."""
        for _ in range(_TRIES):
            answer = self._ask(scopes, deadline)
            if not self._learns(answer):
                break
        document = answer.document if isinstance(answer.document, dict) else {}
        match answer.status, document:
            case 200, {
                "token_type": "DPoP",
                "access_token": str(text),
                "expires_in": int(seconds),
            } if re.fullmatch(_HEADER_TEXT, text) and seconds > 0:
                return _AccessToken(text, self._clock() + min(seconds, LONGEST_TOKEN))
            case 429, _:
                raise errors.OktaRateLimited(retry_after=1)
            case status, _ if status == 200 or status >= 500:  # noqa: PLR2004 - nothing to use
                raise errors.OktaNotReached(retry_after=5)
        # The app, its key, its scopes or this machine's clock are not as Okta wants them.
        raise errors.OktaCredentialsRejected

    def _ask(self, scopes: Sequence[str], deadline: Deadline) -> Answer:
        nonce = {"nonce": self._nonce} if self._nonce else {}
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(scopes),
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        headers = {"Accept": "application/json", "DPoP": self._proof("POST", self._url, nonce)}
        ask = requests.Request("POST", self._url, data=form, headers=headers)
        try:
            return self._wire.exchange(ask, deadline)
        except errors.MayHaveActed as failure:
            # To fetch a token changes nothing, and the call that needs it was not made: the code in it
            # must not count as a wrong one.
            raise errors.OktaNotReached(retry_after=5) from failure

    def _assertion(self) -> str:
        """Says that this is the app: signed by KMS, for one use (`jti`)."""
        now = self._now()
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._url,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        signer, key_id = self._signer, self._key_id
        algorithm = jws.algorithm_of(signer.public_key(key_id))
        header = {"alg": algorithm, "kid": jws.kid_of(key_id), "typ": "JWT"}
        text = jws.signing_input(header, claims)
        sign = signer.sign_rsa if algorithm == jws.RSA_ALGORITHM else signer.sign
        return jws.token(text, sign(key_id, text.encode()), algorithm)

    def _proof(self, method: str, url: str, more: Mapping[str, str]) -> str:
        """Says that this request is made by the process that the token was given to."""
        self._key = self._key or jws.OwnKey()
        claims = {"htm": method, "htu": url, "iat": self._now(), "jti": str(uuid.uuid4()), **more}
        return self._key.signed({"typ": "dpop+jwt"}, claims)

    def _now(self) -> int:
        """The time as Okta has it, as far as it is known."""
        return int(self._clock() + self._ahead)

    def _learns(self, answer: Answer) -> bool:
        """Take from a refusal what the next request needs; whether there was anything."""
        nonce, ahead = self._nonce, self._ahead
        if _error(answer) == "use_dpop_nonce":
            self._nonce = answer.headers.get("dpop-nonce", "")
        with suppress(ValueError, OverflowError):
            okta_time = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
            if abs(okta_time - self._clock() - ahead) > _CLOCKS_DIFFER:
                self._ahead = okta_time - self._clock()
        return answer.status != requests.codes.ok and (nonce, ahead) != (self._nonce, self._ahead)


def _error(answer: Answer) -> Any:
    return answer.document.get("error") if isinstance(answer.document, dict) else None
