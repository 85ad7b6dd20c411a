"""Receipts: who gets one, what it says, and what may be redeemed how often."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit import world as of
from tests.unit.examples import NOW, factor, user
from tests.unit.fake_okta import APP_CODE
from tests.unit.forgeries import FORGERIES, Forger, encoded
from tests.unit.world import ADA, ADA_ID, GRACE, GRACE_ID, NOBODY, World
from verification import errors, jws
from verification.frozen import replace
from verification.models.callers import Call, Deadline, Lane, Scope
from verification.models.challenges import Conductor, ConductorKind, Origin, Verified, VerifyRequest
from verification.models.customers import Channel, FactorType, UserStatus
from verification.models.receipts import Receipt, RedeemRequest
from verification.models.sign_ins import FactorStep
from verification.receipts import ACR, DEFAULT_SECONDS

KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"
NEXT_KEY = "arn:aws:kms:eu-west-1:123456789012:key/two"
OLD_KID, NEW_KID = jws.kid_of(KEY), jws.kid_of(NEXT_KEY)
PICKUP: dict[str, Any] = {"purpose": "pickup", "reference": "order-1001"}
OF_STRANGER = {
    "iss": "urn:customer-verification:tests",
    "aud": "shop",
    "sub": ADA_ID,
    "iat": NOW,
    "exp": NOW + DEFAULT_SECONDS,
    "auth_time": NOW,
    "lane": "stranger",
}
BOT = Conductor(ConductorKind.IVR, "line 2")
DISABLED, DOWN = errors.ConfigurationError("the key is disabled"), errors.StoreUnavailable()
EVERY_FAILURE = pytest.mark.parametrize("failure", [DISABLED, DOWN], ids=["disabled", "down"])


def claims_of(world: World, receipt: str | None) -> dict[str, Any]:
    """The claims, checked by another library."""
    assert receipt is not None
    keys = jwt.PyJWKSet.from_dict({**world.receipts.jwks()})
    kid = jwt.get_unverified_header(receipt)["kid"]
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(receipt, keys[kid], algorithms=["ES256"], options=options)
    return claims


def verify(world: World, call: Call, **request: Any) -> Verified:
    """Check the newest code that Ada was sent by mail."""
    return world.check(call, world.code(), takes_receipt=True, **request)


def by_public(world: World, **request: Any) -> str:
    """The receipt of a public success."""
    issued = world.send_public(**request)
    labels = {name: value for name, value in request.items() if name in PICKUP}
    receipt = verify(world, world.public(), challenge_id=issued.challenge.id, **labels).receipt
    assert receipt is not None
    return receipt


def by_client(world: World, call: Call | None = None, **request: Any) -> str:
    """The receipt of a client's success."""
    issued = world.send(call or world.client(), wants_receipt=True, **request)
    labels = {name: value for name, value in request.items() if name in PICKUP}
    verified = verify(world, call or world.client(), challenge_id=issued.challenge.id, **labels)
    assert verified.receipt is not None
    return verified.receipt


def redeem(world: World, receipt: str, call: Call | None = None, **expected: Any) -> Receipt:
    """Redeem Ada's receipt; `expected` replaces her id."""
    expected = expected or {"customer_id": ADA_ID}
    return world.receipts.redeem(RedeemRequest(receipt, **expected), call or world.client())


class TestClaims:
    def test_a_public_success_says_who_was_verified_how_and_for_what(self, world: World) -> None:
        receipt = by_public(world, **PICKUP)
        claims = claims_of(world, receipt)
        assert len(claims.pop("jti")) == 22
        challenge_id = world.public_state().challenges[0].id
        own = {"amr": ["otp"], "acr": f"{ACR}mailbox", "challenge_id": challenge_id}
        assert claims == {**OF_STRANGER, **own, "channel": "email", **PICKUP}
        header = {"alg": "ES256", "kid": OLD_KID, "typ": "verification-receipt+jwt"}
        assert jwt.get_unverified_header(receipt) == header

    def test_a_client_s_has_its_conductor_and_the_asked_lifetime(self, world: World) -> None:
        receipt = by_client(world, receipt_seconds=900, conductor=BOT, audience="bank")
        claims = claims_of(world, receipt)
        assert (claims["aud"], claims["lane"], claims["client"]) == ("bank", "client", "shop")
        assert claims["context"] == {"kind": "ivr", "id": "line 2"}
        assert claims["exp"] - claims["iat"] == 900
        assert world.meter.facts["context"] == "ivr:line 2"

    def test_no_receipt_lives_longer_than_the_stack_allows(self) -> None:
        world = World(receipt_max_seconds=600)
        claims = claims_of(world, by_client(world, receipt_seconds=86_400))
        assert claims["exp"] - claims["iat"] == 600

    def test_a_phone_is_named_as_a_kind_and_shown_nowhere(self, world: World) -> None:
        world.send_public(channel=Channel.SMS)
        verified = world.check(world.public(), world.code(of.SMS), email=ADA, takes_receipt=True)
        claims = claims_of(world, verified.receipt)
        assert (claims["amr"], claims["acr"]) == (["otp", "sms"], f"{ACR}phone")
        assert not any(text in json.dumps(claims) for text in (of.PHONE, ADA))


class TestWhoGetsOne:
    def test_a_client_that_asks_when_it_begins_or_when_it_verifies(self, world: World) -> None:
        first = by_client(world)
        world.now += 30
        world.send(world.client())
        second = verify(world, world.client(), email=ADA, wants_receipt=True).receipt
        assert claims_of(world, first)["jti"] != claims_of(world, second)["jti"]

    def test_no_client_that_does_not_ask(self, world: World) -> None:
        world.send(world.client())
        verified = verify(world, world.client(), email=ADA)
        assert (verified.receipt, verified.receipt_unavailable) == (None, False)
        assert world.signer.signed == []

    def test_nobody_by_a_route_that_has_no_place_for_it(self, world: World) -> None:
        world.send_public()
        assert world.check(world.public(), world.code(), email=ADA).receipt is None
        world.now += 30
        world.send(world.client(), wants_receipt=True)
        assert world.check(world.client(), world.code(), email=ADA).receipt is None
        assert world.signer.signed == []

    def test_a_wrong_code_is_not_signed(self, world: World) -> None:
        world.send_public()
        world.check_wrong(world.public(), email=ADA, takes_receipt=True)
        assert world.signer.signed == []
        assert verify(world, world.public(), email=ADA).receipt
        assert world.signer.signed == [KEY]

    def test_whoever_verifies_a_release(self, world: World) -> None:
        call = world.client(Scope.RELEASE)
        issued = world.send(call, releases_hold=True, conductor=BOT, receipt_seconds=600)
        verified = verify(world, world.public(), challenge_id=issued.challenge.id)
        claims = claims_of(world, verified.receipt)
        assert (claims["lane"], claims["client"]) == ("release", "shop")
        assert claims["context"]["kind"] == "ivr"

    def test_a_client_of_the_mfa_routes_that_asks(self, world: World) -> None:
        issued = world.enrollment.challenge(world.factor_id(of.APP), None, world.client())
        asked: Any = {"origin": Origin.MFA, "takes_receipt": True, "wants_receipt": True}
        verified = world.check(world.client(), APP_CODE, challenge_id=issued.challenge.id, **asked)
        claims = claims_of(world, verified.receipt)
        assert (claims["aud"], claims["acr"]) == ("shop", f"{ACR}authenticator-app")


class TestAudiences:
    def test_it_is_the_stack_s_first_for_the_public_and_the_client_s_own_for_a_client(self) -> None:
        world = World(receipt_audiences=("bank", "shop"))
        assert claims_of(world, by_public(world))["aud"] == "bank"
        world.now += 30
        assert claims_of(world, by_client(world, world.client(name="ivr")))["aud"] == "ivr"

    def test_it_is_chosen_from_the_list_when_the_challenge_begins(self, world: World) -> None:
        assert claims_of(world, by_public(world, audience="bank"))["aud"] == "bank"
        for call in (world.public(), world.client()):
            with pytest.raises(errors.MalformedBody):
                world.send(call, audience="elsewhere")

    def test_the_public_neither_names_a_context_nor_a_lifetime(self, world: World) -> None:
        for asked in ({"conductor": BOT}, {"receipt_seconds": 1800}):
            with pytest.raises(errors.MalformedBody):
                world.send(world.public(), **asked)


class TestSignIns:
    @pytest.mark.parametrize(
        ("kind", "amr", "acr"),
        [
            (FactorType.EMAIL, ["pwd", "otp", "mfa"], "mailbox"),
            (FactorType.SMS, ["pwd", "otp", "sms", "mfa"], "phone"),
            (FactorType.CALL, ["pwd", "otp", "tel", "mfa"], "phone"),
            (FactorType.TOTP, ["pwd", "otp", "mfa"], "authenticator-app"),
            (FactorType.TOKEN_HARDWARE, ["pwd", "otp", "mfa"], "device"),
            # An answer is no second kind of factor.
            (FactorType.QUESTION, ["pwd", "kba"], "knowledge"),
        ],
    )
    def test_a_finished_sign_in_says_password_and_factor(
        self, world: World, kind: FactorType, amr: list[str], acr: str
    ) -> None:
        world.org.factors[ADA_ID] = [factor(kind, id="it")]
        step = FactorStep("it", of.STATE_TOKEN, wants_receipt=True)
        assert world.sign_in.verify_factor(step, world.public()).receipt is None
        world.org.send("it")
        proof = {"answer" if kind is FactorType.QUESTION else "code": world.code("it")}
        step = replace(step, **proof)  # type: ignore[arg-type]
        unasked = replace(step, wants_receipt=False)
        assert world.sign_in.verify_factor(unasked, world.public()).receipt is None
        claims = claims_of(world, world.sign_in.verify_factor(step, world.public()).receipt)
        del claims["jti"]
        assert claims == {**OF_STRANGER, "amr": amr, "acr": ACR + acr}

    def test_without_kms_it_succeeds_without_one(self, world: World) -> None:
        world.signer.failures[KEY] = DOWN
        step = FactorStep(of.APP, of.STATE_TOKEN, APP_CODE, wants_receipt=True)
        state = world.sign_in.verify_factor(step, world.public())
        assert (state.receipt, state.receipt_unavailable) == (None, True)


class TestWithoutKms:
    @EVERY_FAILURE
    def test_the_customer_is_verified_and_it_is_noted(
        self, world: World, failure: errors.VerificationError
    ) -> None:
        world.send_public()
        world.signer.failures[KEY] = failure
        verified = verify(world, world.public(), email=ADA)
        assert (verified.receipt, verified.receipt_unavailable) == (None, True)
        assert world.meter.facts["receipt_unavailable"] is True
        assert world.meter.facts.get("problem") == getattr(failure, "problem", None)

    def test_it_is_not_asked_when_too_little_time_is_left(self, world: World) -> None:
        world.send(world.client(), wants_receipt=True)
        late = replace(world.client(), deadline=Deadline(world.now + 2.9, world.clock))
        request = VerifyRequest(world.code(), email=ADA, takes_receipt=True)
        assert world.verify.challenge(request, late).receipt_unavailable
        assert world.signer.signed == []

    @EVERY_FAILURE
    def test_where_receipts_are_required_the_success_is_not_given_and_the_code_is_used_up(
        self, failure: errors.VerificationError
    ) -> None:
        world = World(require_receipt=True)
        issued = world.send_public()
        world.signer.failures[KEY] = failure
        for refusal in (errors.ReceiptUnavailable, errors.ChallengeAlreadyVerified):
            with pytest.raises(refusal):
                verify(world, world.public(), challenge_id=issued.challenge.id)
        world.signer.failures.clear()
        world.now += 30
        assert by_public(world)

    def test_where_receipts_are_required_a_client_that_wants_none_needs_none(self) -> None:
        world = World(require_receipt=True)
        world.signer.failures[KEY] = DOWN
        world.send(world.client())
        assert verify(world, world.client(), email=ADA).customer_id == ADA_ID


class TestRedeeming:
    def test_it_says_what_was_verified(self, world: World) -> None:
        receipt = by_client(world, conductor=BOT, **PICKUP)
        world.now += 60
        told = redeem(world, receipt, customer_id=ADA_ID, email=ADA, **PICKUP)
        assert (told.customer_id, told.verified_at, told.methods) == (ADA_ID, NOW, ("otp",))
        assert (told.purpose, told.reference) == ("pickup", "order-1001")
        assert (told.conductor, told.lane, told.client) == (BOT, Lane.CLIENT, "shop")
        assert world.meter.facts["context"] == "ivr:line 2"
        assert world.meter.facts["receipt_jti"] == told.jti

    def test_it_is_redeemed_once(self, world: World) -> None:
        receipt = by_public(world)
        redeem(world, receipt)
        world.now += 20
        for call in (world.client(), world.client(request="another")):
            with pytest.raises(errors.ReceiptAlreadyRedeemed) as refused:
                redeem(world, receipt, call)
            assert refused.value.redeemed_at == NOW

    def test_the_same_request_is_told_the_same_until_its_end(self, world: World) -> None:
        receipt, call = by_public(world), world.client(request="one")
        world.now = NOW + DEFAULT_SECONDS - 1
        assert redeem(world, receipt, call) == redeem(world, receipt, call)
        world.now += 1
        with pytest.raises(errors.ReceiptExpired):
            redeem(world, receipt, call)

    def test_another_spelling_of_the_signature_is_the_same_receipt(self, world: World) -> None:
        """(r, n - s) is a valid signature too."""
        receipt = by_public(world)
        redeem(world, receipt)
        head, _, signature = receipt.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        s = order - int.from_bytes(raw[32:], "big")
        with pytest.raises(errors.ReceiptAlreadyRedeemed):
            redeem(world, f"{head}.{encoded(raw[:32] + s.to_bytes(32, 'big'))}")

    def test_a_remembered_email_is_not_looked_up(self, world: World) -> None:
        receipt = by_client(world)
        asked = len(world.org.calls)
        assert redeem(world, receipt, email=ADA).customer_id == ADA_ID
        assert len(world.org.calls) == asked

    def test_an_inactive_customer_is_refused(self, world: World) -> None:
        receipt = by_client(world)
        world.now += 60
        world.emails.forget(world.keys.email_hash(ADA))
        world.org.users[ADA_ID] = user(status=UserStatus.STAGED)
        with pytest.raises(errors.CustomerInactive):
            redeem(world, receipt, email=ADA)


class TestRefusals:
    @pytest.mark.parametrize("name", FORGERIES)
    def test_a_forged_receipt_is_refused_and_uses_nothing_up(self, world: World, name: str) -> None:
        receipt, signer = by_public(world), world.signer
        forger = Forger(receipt, lambda text: signer.sign(KEY, text), signer.public_key(KEY))
        code, forge = FORGERIES[name]
        with pytest.raises(errors.ReceiptRefused) as refused:
            redeem(world, forge(forger))
        assert refused.value.code == code
        assert redeem(world, receipt).customer_id == ADA_ID

    @pytest.mark.parametrize(
        ("refusal", "expected"),
        [
            (errors.ReceiptWrongPurpose, {"purpose": "refund"}),
            (errors.ReceiptWrongPurpose, {"purpose": None}),
            (errors.ReceiptWrongReference, {"reference": "order-1002"}),
            (errors.ReceiptWrongReference, {"reference": None}),
            (errors.ReceiptWrongCustomer, {"customer_id": None}),
            (errors.ReceiptWrongCustomer, {"customer_id": GRACE_ID}),
            (errors.ReceiptWrongCustomer, {"customer_id": None, "email": GRACE}),
            (errors.ReceiptWrongCustomer, {"email": GRACE}),
            (errors.ReceiptWrongCustomer, {"customer_id": GRACE_ID, "email": ADA}),
            (errors.CustomerNotFound, {"customer_id": None, "email": NOBODY}),
        ],
        ids=str,
    )
    def test_what_is_not_expected_is_refused_and_uses_nothing_up(
        self, world: World, refusal: type[errors.VerificationError], expected: dict[str, Any]
    ) -> None:
        receipt = by_public(world, **PICKUP)
        right = {"customer_id": ADA_ID, **PICKUP}
        with pytest.raises(refusal):
            redeem(world, receipt, **{**right, **expected})
        assert redeem(world, receipt, **right).customer_id == ADA_ID

    def test_a_receipt_for_no_purpose_is_none_for_a_purpose(self, world: World) -> None:
        receipt = by_public(world)
        with pytest.raises(errors.ReceiptWrongPurpose):
            redeem(world, receipt, customer_id=ADA_ID, **PICKUP)

    def test_another_client_s_audience_is_refused(self, world: World) -> None:
        receipt = by_public(world, audience="bank")
        with pytest.raises(errors.ReceiptWrongAudience):
            redeem(world, receipt, world.client(name="shop"))
        assert redeem(world, receipt, world.client(name="bank")).audience == "bank"

    def test_the_clock_that_checks_may_be_a_little_slow(self, world: World) -> None:
        receipt = by_public(world)
        world.now -= 60
        assert redeem(world, receipt).issued_at == NOW


def kids(world: World) -> list[str]:
    return [each["kid"] for each in world.receipts.jwks()["keys"]]


class TestKeys:
    def test_a_public_key_has_what_libraries_need_and_is_published_once(self) -> None:
        (key,) = World(receipt_other_key=KEY).receipts.jwks()["keys"]
        assert {*key} == {"kty", "crv", "x", "y", "kid", "alg", "use"}

    def test_an_unusable_other_key_is_left_out_and_an_unusable_own_one_is_a_fault(self) -> None:
        world = World(receipt_other_key=NEXT_KEY)
        world.signer.failures[NEXT_KEY] = DISABLED
        assert kids(world) == [OLD_KID]
        assert "problem" in world.meter.facts
        world.signer.failures[KEY] = DISABLED
        with pytest.raises(errors.ConfigurationError):
            world.receipts.jwks()

    def test_while_kms_is_down_no_part_of_the_keys_is_published(self) -> None:
        """It could be kept for an hour."""
        world = World(receipt_other_key=NEXT_KEY)
        world.signer.failures[NEXT_KEY] = DOWN
        with pytest.raises(errors.StoreUnavailable):
            world.receipts.jwks()

    def test_a_key_of_another_curve_is_a_fault(self, world: World) -> None:
        receipt = by_public(world)
        world.signer.keys[KEY] = ec.generate_private_key(ec.SECP256K1())
        for use in (world.receipts.jwks, lambda: redeem(world, receipt)):
            with pytest.raises(errors.ConfigurationError):
                use()

    def test_a_key_is_replaced_with_receipts_in_flight(self) -> None:
        first = World()

        def deploy(**settings: str) -> World:
            world = World(**settings)
            world.receipts = replace(
                first.receipts, settings=world.settings, emails=world.emails, lookup=world.lookup
            )
            world.verify = replace(world.verify, receipts=world.receipts)
            return world

        before = deploy()
        announced = deploy(receipt_other_key=NEXT_KEY)
        replaced = deploy(receipt_key=NEXT_KEY, receipt_other_key=KEY)
        after = deploy(receipt_key=NEXT_KEY)
        worlds = (before, announced, replaced, after)
        published = [[OLD_KID], [OLD_KID, NEW_KID], [NEW_KID, OLD_KID], [NEW_KID]]
        assert [kids(each) for each in worlds] == published
        receipts = [by_public(each) for each in worlds]
        signed_by = [jwt.get_unverified_header(each)["kid"] for each in receipts]
        assert signed_by == [OLD_KID, OLD_KID, NEW_KID, NEW_KID]
        # Two versions serve calls side by side while each step is rolled out.
        for server, receipt in zip((announced, replaced) * 2, receipts, strict=True):
            redeem(server, receipt)
        with pytest.raises(errors.ReceiptInvalid):
            redeem(after, by_public(deploy()))
