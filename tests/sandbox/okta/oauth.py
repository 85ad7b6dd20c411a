"""OAuth for Okta APIs: service apps, their access tokens, and proofs of possession (DPoP).

Assumed: a proof's `iat` may be twenty seconds off; a call whose proof is refused is answered like
one whose token is.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.responses import Answer, org_url

TOKEN_PATH = "/oauth2/v1/token"
TOKEN_SECONDS = 3600
MOST_ASSERTION_SECONDS = 3600
PROOF_SECONDS = 20
NONCE_SECONDS = 24 * 3600
NONCE_WORKS_SECONDS = 3 * 24 * 3600
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_RESOURCES = {"users": "okta.users", "templates": "okta.templates", "sessions": "okta.sessions"}
_API_TOKEN_ALONE = {("POST", "sessions"), ("GET", "questions")}
"""The method and the last segment of paths that no scope opens."""


@dataclass
class ServiceApp:
    """An app of type API Services. `keys` is its JSON Web Key Set."""

    client_id: str
    keys: Sequence[Mapping[str, Any]]
    scopes: frozenset[str]


@dataclass(frozen=True)
class _Token:
    app: ServiceApp
    scopes: frozenset[str]
    thumbprint: str
    ends_at: float


class _Refused(Exception):
    """What the token endpoint answers (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str, description: str, **headers: str) -> None:
        super().__init__(error)
        self.answer = Answer(
            {"error": error, "error_description": description},
            status,
            tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        )


class OAuth:
    """The apps of an org, and what they were given."""

    def __init__(self, clock: Callable[[], float], ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self.apps: dict[str, ServiceApp] = {}
        self._tokens: dict[str, _Token] = {}
        self._nonces: dict[str, float] = {}
        self._used: set[str] = set()

    def end_tokens(self) -> None:
        """Accept no token that was given until now."""
        self._tokens.clear()

    def end_nonces(self) -> None:
        """Ask for another nonce."""
        self._nonces.clear()

    def token(self, request: Request) -> Answer:
        """`POST /oauth2/v1/token`."""
        try:
            return Answer(self._granted(request))
        except _Refused as refused:
            return refused.answer

    def authorise(self, request: Request) -> None:
        """Refuse a call of the API whose token, proof or scope is not good for it."""
        path = str(request.environ["RAW_URI"]).partition("?")[0]
        token = self._tokens.get(request.headers["Authorization"].removeprefix("DPoP "))
        if token is None or token.ends_at <= self._clock():
            raise OktaError(Refusal.INVALID_TOKEN)
        ath = _base64url(request.headers["Authorization"].removeprefix("DPoP ").encode())
        try:
            claims, thumbprint = self._proof(request, path)
        except _Refused:
            raise OktaError(Refusal.INVALID_TOKEN) from None
        if (claims.get("ath"), thumbprint) != (ath, token.thumbprint):
            raise OktaError(Refusal.INVALID_TOKEN)
        if scope_of(request.method, path) not in token.scopes:
            raise OktaError(Refusal.ACCESS_DENIED)

    def _granted(self, request: Request) -> dict[str, object]:
        form = request.form
        if form.get("grant_type") != "client_credentials":
            raise _Refused(400, "unsupported_grant_type", "The grant type is not supported.")
        app = self._authenticated(form, f"{org_url(request)}{TOKEN_PATH}")
        claims, thumbprint = self._proof(request, TOKEN_PATH)
        self._require_nonce(claims.get("nonce"))
        scopes = frozenset(form.get("scope", "").split())
        if not scopes or not scopes <= app.scopes:
            raise _Refused(400, "invalid_scope", "A scope is not granted to this app.")
        text = self._ids.token("eyJ", 120)
        self._tokens[text] = _Token(app, scopes, thumbprint, self._clock() + TOKEN_SECONDS)
        return {
            "token_type": "DPoP",
            "expires_in": TOKEN_SECONDS,
            "access_token": text,
            "scope": form["scope"],
        }

    def _authenticated(self, form: Mapping[str, str], audience: str) -> ServiceApp:
        """The app whose key has signed the assertion (private_key_jwt)."""
        refused = _Refused(401, "invalid_client", "The client assertion is not valid.")
        text = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise refused
        try:
            header = jwt.get_unverified_header(text)
            unchecked = jwt.decode(text, options={"verify_signature": False})
            app = self.apps[unchecked["sub"]]
            [key] = [each for each in app.keys if each["kid"] == header.get("kid")]
            claims = jwt.decode(
                text,
                jwt.PyJWK(dict(key)).key,
                [key["alg"]],
                audience=audience,
                issuer=app.client_id,
                # Judged below, by the org's clock.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            left = float(claims["exp"]) - self._clock()
            self._use_once(claims["jti"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise refused from None
        if not 0 < left <= MOST_ASSERTION_SECONDS:
            raise refused
        return app

    def _proof(self, request: Request, path: str) -> tuple[dict[str, Any], str]:
        """The claims of a request's DPoP proof, and the thumbprint of its key."""
        refused = _Refused(400, "invalid_dpop_proof", "The DPoP proof JWT is not valid.")
        text = request.headers.get("DPoP", "")
        try:
            header = jwt.get_unverified_header(text)
            if header["typ"] != "dpop+jwt" or header["alg"] not in ALGORITHMS:
                raise refused
            key = jwt.PyJWK(header["jwk"], header["alg"])
            claims = jwt.decode(
                text,
                key.key,
                [header["alg"]],
                options={"verify_iat": False, "verify_aud": False},
            )
            off = abs(float(claims["iat"]) - self._clock())
            self._use_once(claims["jti"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise refused from None
        url = f"{org_url(request)}{path}"
        if off > PROOF_SECONDS or (claims.get("htm"), claims.get("htu")) != (request.method, url):
            raise refused
        return claims, _thumbprint(header["jwk"])

    def _require_nonce(self, nonce: object) -> None:
        now = self._clock()
        if isinstance(nonce, str) and now < self._nonces.get(nonce, 0) + NONCE_WORKS_SECONDS:
            return
        current = [text for text, since in self._nonces.items() if now < since + NONCE_SECONDS]
        if not current:
            current = [self._ids.token("", 32)]
            self._nonces[current[0]] = now
        description = "Authorization server requires nonce in DPoP proof."
        raise _Refused(400, "use_dpop_nonce", description, dpop_nonce=current[0])

    def _use_once(self, jti: object) -> None:
        if not isinstance(jti, str) or not jti or jti in self._used:
            raise ValueError("jti")
        self._used.add(jti)


def scope_of(method: str, path: str) -> str | None:
    """The scope that a call needs, as the vendor's OpenAPI document names it; None if only an API
    token may make it.
    """
    resource, *more = path.removeprefix("/api/v1/").removesuffix("/").split("/")
    if resource not in _RESOURCES or (method, [resource, *more][-1]) in _API_TOKEN_ALONE:
        return None
    return f"{_RESOURCES[resource]}.{'read' if method == 'GET' else 'manage'}"


def _thumbprint(key: Mapping[str, str]) -> str:
    """RFC 7638."""
    names = ("crv", "kty", "x", "y") if key["kty"] == "EC" else ("e", "kty", "n")
    members = ",".join(f'"{name}":"{key[name]}"' for name in names)
    return _base64url(f"{{{members}}}".encode())


def _base64url(text: bytes) -> str:
    """The SHA-256 of a text, base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
