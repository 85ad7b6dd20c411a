"""Targets that are one part of the service: parsers, sealed texts, receipts, readers of Okta's answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from urllib.parse import parse_qsl

from requests.structures import CaseInsensitiveDict

from tests.proof.fuzz.texts import Message
from tests.proof.world import ROOT_KEY
from tests.unit import fakes, test_receipts
from tests.unit.events import JSON_HEADERS, proxy_event
from tests.unit.examples import NOW, settings
from tests.unit.world import ADA_ID
from tests.unit.world import World as UnitWorld
from verification import errors, jws, receipts
from verification.crypto import DeviceClaim, Keyring, Place, Row
from verification.http import customers, invoke_url, json_api, okta_authn, workos
from verification.http.messages import Reply, Request
from verification.http.pipeline import Dialect
from verification.models.callers import Call, Caller, Deadline
from verification.models.challenges import Code
from verification.models.customers import (
    Channel,
    CustomerKey,
    Email,
    EmailHash,
    Factor,
    FactorRef,
    FactorStatus,
    FactorType,
    Registration,
    Target,
    User,
    UserStatus,
)
from verification.models.sign_ins import Credentials, FactorStep, SignInDocument, SignInState
from verification.observability import Meter
from verification.okta import wire
from verification.okta.authn import Authn
from verification.okta.credentials import ApiToken, ServiceApp
from verification.okta.factors import Factors
from verification.okta.sms_templates import SmsTemplates
from verification.okta.transport import Transport
from verification.okta.users import Users
from verification.okta.wire import Answer, Wire

# ---- Requests --------------------------------------------------------------------------------------

PARSERS: Sequence[tuple[Dialect, Callable[[Request], object]]] = [
    *((json_api, each) for each in (json_api.parse_issue, json_api.parse_verify)),
    *((json_api, each) for each in (json_api.parse_look, json_api.parse_redeem)),
    *((json_api, each) for each in (json_api.parse_email_path, json_api.parse_customer_path)),
    (json_api, customers.parse),
    *((invoke_url, each) for each in (invoke_url.parse_issue, invoke_url.parse_verify)),
    *((workos, each) for each in (workos.parse_enroll, workos.parse_factor)),
    *((workos, each) for each in (workos.parse_challenge, workos.parse_verify)),
    *((okta_authn, each) for each in (okta_authn.parse_begin, okta_authn.parse_state_token)),
    *((okta_authn, each) for each in (okta_authn.parse_step, okta_authn.parse_enroll)),
    *((okta_authn, each) for each in (okta_authn.parse_questions,)),
    (okta_authn, okta_authn.parse_session_redirect),
]


def requests(data: bytes) -> None:
    """Every parser of a request takes it, or refuses it with an outcome that its dialect can tell.

    The first line is a value of the path and a query; a body that is not UTF-8 comes in base64.
    """
    message = Message.of(data)
    value, _, query = message.first.partition("?")
    event = proxy_event(
        "POST",
        "/",
        headers={**JSON_HEADERS, **message.headers},
        query=parse_qsl(query, keep_blank_values=True, errors="surrogateescape"),
        path_parameters={"id": value, "email": value},
    )
    try:
        event["body"] = message.body.decode()
    except UnicodeDecodeError:
        event |= {"body": base64.b64encode(message.body).decode(), "isBase64Encoded": True}
    request = Request.of(event)
    for dialect, parse in PARSERS:
        try:
            parse(request)
        except (errors.BadRequest, errors.CustomerNotFound, errors.SignInEnded) as refused:
            reply = dialect.error(refused, request)
            assert 400 <= reply.status < 500, reply
            require_strict(reply)


def require_strict(reply: Reply) -> None:
    """The body is what its content type says, in JSON that every reader reads."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    reply.body.encode()
    if reply.body and reply.content_type.endswith("json"):
        json.loads(reply.body, parse_constant=refuse)


# ---- Sealed ids and tokens -------------------------------------------------------------------------

KEYS = Keyring(ROOT_KEY, lambda size: bytes(range(size)))
SEALED: Mapping[str, tuple[Callable[[str], object], object]] = {
    KEYS.new_challenge_id(Place(Row.EMAIL, "0e" * 16)): (
        KEYS.place_of,
        Place(Row.EMAIL, "0e" * 16),
    ),
    KEYS.factor_id(ref := FactorRef("00u1", "ufs1", EmailHash("0e" * 16), NOW, "Shop", "Zoë")): (
        KEYS.factor_ref,
        ref,
    ),
    KEYS.device_token(
        claim := DeviceClaim("0d" * 16, CustomerKey("0c" * 16), EmailHash("0e" * 16), NOW)
    ): (KEYS.device_claim, claim),
    KEYS.seal("state", "a text"): (lambda text: KEYS.unseal("state", text), "a text"),
}
"""What was sealed here, how each kind is read, and what it says."""


def sealed(data: bytes) -> None:
    """Nothing is read but what was sealed here, letter for letter, and as its own kind."""
    text = data.decode(errors="surrogateescape")
    own, content = SEALED.get(text, (None, None))
    for read, _ in SEALED.values():
        assert read(text) == (content if read is own else None)


# ---- Receipts --------------------------------------------------------------------------------------


@cache
def _redeemer() -> UnitWorld:
    return UnitWorld()


@cache
def receipt() -> str:
    """One that this service has signed."""
    world = _redeemer()
    return test_receipts.by_client(world, **test_receipts.PICKUP)


def forged(data: bytes) -> None:
    """No receipt is taken but the one that was signed, whatever its signature's spelling."""
    text = data.decode(errors="surrogateescape")
    if _is_taken(text):
        assert text.rpartition(".")[0] == receipt().rpartition(".")[0]


def claims(data: bytes) -> None:
    """Whatever this service may have signed is a receipt or is refused, never a fault."""
    world = _redeemer()
    key_id = world.settings.receipt_key
    header = {"alg": jws.ALGORITHM, "kid": jws.kid_of(key_id), "typ": receipts.TYPE}
    head = jws.signing_input(header, {}).partition(".")[0]
    signed = f"{head}.{jws.base64url(data)}"
    text = jws.token(signed, world.signer.sign(key_id, signed.encode()))
    if _is_taken(text):
        found = json.loads(data)
        assert found["iss"] == world.settings.receipt_issuer
        assert (found["aud"], found["sub"]) == ("shop", ADA_ID)
        assert found["iat"] <= NOW + receipts.LEEWAY_SECONDS
        assert found["exp"] > NOW


def own_claims() -> bytes:
    """Those of `receipt`."""
    return jws.from_base64url(receipt().split(".")[1])


def _is_taken(text: str) -> bool:
    """Whether a receipt is redeemed, or was before."""
    try:
        redeemed = test_receipts.redeem(
            _redeemer(), text, customer_id=ADA_ID, **test_receipts.PICKUP
        )
    except errors.ReceiptAlreadyRedeemed:
        return True
    except errors.ReceiptRefused:
        return False
    require_strict(json_api.redeemed(redeemed))
    return True


# ---- Okta's answers --------------------------------------------------------------------------------

ORG = "https://org.okta.com"
EMAIL, PHONE = Email("ada@example.com"), "+15005550006"
CALL = Call(Caller(None, ""), Deadline(NOW + 8.0, lambda: NOW))
TARGET = Target(CustomerKey("c" * 32), "00u1", "emf1")
STEP = FactorStep("emf1", "token", "123456")
SMS = Factor("sms1", FactorType.SMS, FactorStatus.ACTIVE, PHONE)
PUSH_ID = "transaction-1"


class _OneAnswer(Wire):
    """Answers every request alike."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def exchange(self, *_: object) -> Answer:
        return self._answer


class _OneToken:
    def okta_token(self) -> str:
        return "a-token"

    def renewed_okta_token(self, rejected: str) -> str:
        return rejected


class _Kms(fakes.FakeSigner):
    def sign_rsa(self, _: str, message: bytes) -> bytes:
        raise NotImplementedError(message)  # its keys are P-256


def _questions(transport: Transport) -> Iterator[tuple[Callable[[], object], str]]:
    """All that Okta is asked, and the word without which the answer proves nothing."""
    users, factors = Users(transport), Factors(transport)
    authn = Authn(transport, is_trusted=False)
    yield lambda: _is_the_customer(users.find(EMAIL, CALL)), "ACTIVE"
    yield lambda: users.find_any("00u1", CALL), "ACTIVE"
    yield lambda: users.with_login("ada", CALL), ""
    yield lambda: users.with_phone(PHONE, CALL), "ACTIVE"
    yield lambda: users.holder("ada", EMAIL, CALL), ""
    yield lambda: users.create(Registration(EMAIL, EMAIL, {"email": EMAIL}), CALL), ""
    yield lambda: factors.list("00u1", CALL), ""
    yield lambda: factors.get("00u1", "emf1", CALL), ""
    yield lambda: factors.questions("00u1", CALL), ""
    yield lambda: factors.send_code(TARGET, Channel.EMAIL, 300, None, CALL), "CHALLENGE"
    yield lambda: factors.send_push(TARGET, CALL), "WAITING"
    yield lambda: factors.push_answer(TARGET, PUSH_ID, CALL), ""
    yield lambda: factors.check_code(TARGET, Code("123456"), CALL), "SUCCESS"
    yield lambda: factors.activate(TARGET, Code("123456"), CALL), "ACTIVE"
    yield lambda: factors.resend_enrollment_code("00u1", SMS, CALL), ""
    yield lambda: factors.enroll("00u1", SMS, CALL, activate=True), ""
    yield lambda: _render(authn.begin(Credentials("ada", "secret"), CALL)), ""
    yield lambda: _render(authn.check_code(STEP, CALL)), ""
    yield lambda: SmsTemplates(transport).id_of("{{code}}", CALL), ""


def answers(data: bytes) -> None:
    """Every reader of Okta's answers returns what it promises, or raises an outcome. Nothing but
    Okta's own word is a success.
    """
    message = Message.of(data)
    if not (message.first.isascii() and message.first.isdigit() and len(message.first) == 3):
        return
    status, meter = int(message.first), Meter()
    document = wire._document(bytearray(message.body))
    wire_ = _OneAnswer(Answer(status, CaseInsensitiveDict(message.headers), document))
    transport = Transport(
        ORG, wire_, ApiToken(_OneToken()), meter, clock=lambda: float(NOW), sleep=lambda _: None
    )
    for ask, word in _questions(transport):
        with suppress(errors.VerificationError):
            ask()
            assert 200 <= status < 300
            assert word.encode() in message.body
    app = ServiceApp(ORG, "0oa1", "key", _kms(), wire_, clock=lambda: float(NOW))
    with suppress(errors.VerificationError):
        told = app.headers("GET", f"{ORG}/api/v1/users", CALL.deadline)
        assert "\n" not in "".join(told.values())


@cache
def _kms() -> _Kms:
    return _Kms()


def _is_the_customer(user: User) -> None:
    assert (user.status, user.email.lower()) == (UserStatus.ACTIVE, EMAIL)


def _render(document: SignInDocument) -> None:
    """A sign-in as its caller is told of it."""
    request = Request.of(proxy_event("POST", "/api/v1/authn"))
    state = SignInState(document, "https://shop.example/")
    require_strict(okta_authn.state(state, request, settings(), "step"))
