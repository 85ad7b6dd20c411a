"""An OAuth service app as Okta's credential: assertions (RFC 7523), DPoP proofs (RFC 9449), and how
long an access token is kept.
"""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.structures import CaseInsensitiveDict

from verification import errors, jws
from verification.models.callers import Deadline
from verification.okta.credentials import LONGEST_TOKEN, SCOPES, ServiceApp
from verification.okta.wire import Answer

NOW = 1_750_000_000
ORG = "https://org.okta.com"
TOKEN_URL = f"{ORG}/oauth2/v1/token"
USERS = f"{ORG}/api/v1/users"
DEADLINE = Deadline(10.0, lambda: 0.0)
NONCE = {"dpop-nonce": "a-nonce"}

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


@dataclass
class Kms:
    key: Key

    def sign(self, _: str, message: bytes) -> bytes:
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))

    def sign_rsa(self, _: str, message: bytes) -> bytes:
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def public_key(self, _: str) -> bytes:
        public = self.key.public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def answer(status: int, document: Any, **headers: str) -> Answer:
    return Answer(status, CaseInsensitiveDict(headers), document)


def granted(text: str = "token-1", **more: Any) -> Answer:
    document = {"token_type": "DPoP", "access_token": text, "expires_in": 3600, **more}
    return answer(200, document, Date=formatdate(NOW))


@dataclass
class Okta:
    """Answers in this order; what it was asked is kept."""

    answers: list[Answer | errors.VerificationError]
    asked: list[requests.Request] = field(default_factory=list)

    def exchange(self, ask: requests.Request, _: Deadline) -> Answer:
        self.asked.append(ask)
        given = self.answers.pop(0)
        if isinstance(given, errors.VerificationError):
            raise given
        return given


class App:
    """A service app whose clock can be set."""

    def __init__(self, *answers: Answer | errors.VerificationError, key: Key = EC_KEY) -> None:
        self.now = float(NOW)
        self.okta = Okta([*answers])
        self.key = key
        self.app = ServiceApp(ORG, "0oa1", "key-1", Kms(key), self.okta, clock=lambda: self.now)

    def headers(self, method: str = "GET", url: str = USERS) -> dict[str, str]:
        return dict(self.app.headers(method, url, DEADLINE))

    def assertion(self, number: int = 0) -> dict[str, Any]:
        text = self.okta.asked[number].data["client_assertion"]
        algorithm = jwt.get_unverified_header(text)["alg"]
        return jwt.decode(
            text,
            self.key.public_key(),
            [algorithm],
            audience=TOKEN_URL,
            options={"verify_exp": False, "verify_iat": False},
        )


def proof(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a DPoP proof, whose signature is that of the key in it."""
    header = jwt.get_unverified_header(text)
    key = jwt.PyJWK(header["jwk"]).key
    claims = jwt.decode(text, key, ["ES256"], options={"verify_iat": False})
    return header, claims


def told(app: App) -> str:
    with pytest.raises(errors.VerificationError) as refused:
        app.headers()
    return refused.value.code


class TestAssertion:
    @pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (RSA_KEY, "RS256")])
    def test_is_signed_by_the_key_in_kms(self, key: Key, algorithm: str) -> None:
        app = App(granted(), key=key)
        app.headers()
        form = app.okta.asked[0].data
        assert jwt.get_unverified_header(form["client_assertion"]) == {
            "alg": algorithm,
            "kid": jws.kid_of("key-1"),
            "typ": "JWT",
        }
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == " ".join(SCOPES)

    def test_says_who_asks_whom_and_for_how_long(self) -> None:
        app = App(granted())
        app.headers()
        claims = app.assertion()
        assert (claims["iss"], claims["sub"]) == ("0oa1", "0oa1")
        assert (claims["iat"], claims["exp"]) == (NOW, NOW + 300)

    def test_is_used_once(self) -> None:
        app = App(answer(400, {"error": "use_dpop_nonce"}, **NONCE), granted())
        app.headers()
        assert app.assertion(0)["jti"] != app.assertion(1)["jti"]


class TestProof:
    def test_binds_a_call_to_its_method_url_and_token(self) -> None:
        headers = App(granted()).headers("POST", f"{USERS}/00u1")
        header, claims = proof(headers["DPoP"])
        assert headers["Authorization"] == "DPoP token-1"
        assert (header["typ"], header["alg"], {*header["jwk"]}) == (
            *("dpop+jwt", "ES256"),
            {"kty", "crv", "x", "y"},
        )
        hashed = base64.urlsafe_b64encode(hashlib.sha256(b"token-1").digest()).decode()
        assert claims.pop("jti")
        assert claims == {
            "htm": "POST",
            "htu": f"{USERS}/00u1",
            "iat": NOW,
            "ath": hashed.rstrip("="),
        }

    def test_is_another_for_each_call(self) -> None:
        app = App(granted())
        ids = {proof(app.headers()["DPoP"])[1]["jti"] for _ in range(3)}
        assert len(ids) == 3

    def test_has_the_nonce_that_okta_asks_for(self) -> None:
        app = App(answer(400, {"error": "use_dpop_nonce"}, **NONCE), granted())
        assert app.headers()["Authorization"] == "DPoP token-1"
        first, second = (proof(each.headers["DPoP"])[1] for each in app.okta.asked)
        assert "nonce" not in first
        assert second["nonce"] == "a-nonce"

    def test_goes_on_with_a_nonce_until_okta_asks_for_another(self) -> None:
        wants_another = answer(400, {"error": "use_dpop_nonce"}, **{"dpop-nonce": "another"})
        app = App(granted(), granted("token-2"), wants_another, granted("token-3"))
        for expected in ("token-1", "token-2", "token-3"):
            assert app.headers()["Authorization"] == f"DPoP {expected}"
            app.now += 3600
        assert proof(app.okta.asked[-1].headers["DPoP"])[1]["nonce"] == "another"

    def test_process_that_was_restored_has_a_key_of_its_own(self) -> None:
        app = App(granted(), granted("token-2"))
        before = proof(app.headers()["DPoP"])[0]["jwk"]
        app.app.forget()
        after = app.headers()
        assert after["Authorization"] == "DPoP token-2"
        assert proof(after["DPoP"])[0]["jwk"] != before


class TestAccessToken:
    def test_is_kept_until_a_minute_before_its_end(self) -> None:
        app = App(granted(), granted("token-2"))
        app.headers()
        app.now += 3539
        assert app.headers()["Authorization"] == "DPoP token-1"
        app.now += 1
        assert app.headers()["Authorization"] == "DPoP token-2"

    def test_is_fetched_once_however_many_calls_wait(self) -> None:
        app = App(granted())
        with ThreadPoolExecutor(8) as pool:
            every = list(pool.map(lambda _: app.headers()["Authorization"], range(32)))
        assert (set(every), len(app.okta.asked)) == ({"DPoP token-1"}, 1)

    def test_is_fetched_anew_after_okta_rejected_it(self) -> None:
        app = App(granted(), granted("token-2"))
        rejected = app.headers()["Authorization"]
        assert app.app.renew(rejected)
        assert app.app.renew(rejected)  # another call has met the same answer
        assert app.headers()["Authorization"] == "DPoP token-2"
        assert app.app.renew(rejected)
        assert app.headers()["Authorization"] == "DPoP token-2"

    @pytest.mark.parametrize(
        ("given", "outcome"),
        [
            (answer(401, {"error": "invalid_client"}), "okta_credentials_rejected"),
            (answer(400, {"error": "invalid_scope"}), "okta_credentials_rejected"),
            (answer(400, {"error": "use_dpop_nonce"}), "okta_credentials_rejected"),
            (answer(429, {"errorCode": "E0000047"}), "okta_rate_limited"),
            (answer(503, None), "okta_unavailable"),
            (answer(200, None), "okta_unavailable"),
            (granted(token_type="Bearer"), "okta_unavailable"),
            (granted(expires_in="soon"), "okta_unavailable"),
            (granted(expires_in=0), "okta_unavailable"),
            (granted(expires_in=-(10**400)), "okta_unavailable"),
            (granted("a token\r\nX-Header: 1"), "okta_unavailable"),
            (granted(""), "okta_unavailable"),
            (errors.OktaOutcomeUnknown(retry_after=5), "okta_unavailable"),
            (errors.OktaNotReached(retry_after=5), "okta_unavailable"),
        ],
    )
    def test_without_one_the_call_is_not_made(
        self, given: Answer | errors.VerificationError, outcome: str
    ) -> None:
        app = App(given)
        with pytest.raises(errors.VerificationError) as refused:
            app.headers()
        assert refused.value.code == outcome
        assert not errors.may_have_acted(refused.value)
        assert errors.okta_did_nothing(refused.value)

    @pytest.mark.parametrize(
        "given", [answer(503, None), answer(429, None), errors.OktaOutcomeUnknown(retry_after=5)]
    )
    def test_without_one_a_code_was_not_checked_and_does_not_count(
        self, given: Answer | errors.VerificationError
    ) -> None:
        with pytest.raises(errors.TryLater) as refused:
            App(given).headers()
        assert errors.okta_did_nothing(refused.value)

    def test_is_kept_for_a_day_at_most(self) -> None:
        app = App(granted(expires_in=10**400), granted("token-2"))
        app.headers()
        app.now += LONGEST_TOKEN
        assert app.headers()["Authorization"] == "DPoP token-2"

    def test_okta_that_asks_for_a_nonce_again_is_refused(self) -> None:
        wants = answer(400, {"error": "use_dpop_nonce"}, **NONCE)
        assert told(App(wants, wants)) == "okta_credentials_rejected"


def test_times_follow_oktas_clock_where_this_machines_is_wrong() -> None:
    app = App(
        answer(400, {"error": "use_dpop_nonce"}, **NONCE, Date=formatdate(NOW)),
        granted(),
    )
    app.now += 30
    _, claims = proof(app.headers()["DPoP"])
    assert (app.assertion(0)["iat"], app.assertion(1)["iat"]) == (NOW + 30, NOW)
    assert claims["iat"] == NOW
