"""Receipts: who gets one, what it says, and what may be redeemed how often."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.examples import NOW
from tests.unit.fake_okta import ANSWER, APP_CODE
from tests.unit.fakes import FakeRedemptions, FakeSigner
from tests.unit.forgeries import FORGERIES, Forger, encoded
from tests.unit.world import (
    ADA,
    ADA_ID,
    APP,
    EMAIL,
    GRACE,
    GRACE_ID,
    NOBODY,
    PHONE,
    QUESTION,
    SMS,
    STATE_TOKEN,
    WRONG,
    World,
)
from verification import errors, jws
from verification.models import (
    Call,
    Channel,
    Conductor,
    ConductorKind,
    Deadline,
    FactorRef,
    FactorStep,
    Lane,
    Origin,
    Receipt,
    RedeemRequest,
    Scope,
    SignInState,
    UserStatus,
    Verified,
    VerifyRequest,
)
from verification.receipts import ACR, PUBLIC_SECONDS

KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"
NEXT_KEY = "arn:aws:kms:eu-west-1:123456789012:key/two"
ISSUER = "urn:customer-verification:tests"
PICKUP: dict[str, Any] = {"purpose": "pickup", "reference": "order-1001"}
BOT = Conductor(ConductorKind.IVR, "line 2")


def claims_of(world: World, receipt: str | None, key_id: str = KEY) -> dict[str, Any]:
    """The claims, checked by another library."""
    assert receipt is not None
    public_key = world.signer.keys[key_id].public_key()
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(receipt, public_key, algorithms=["ES256"], options=options)
    return claims


def verify(world: World, call: Call, **request: Any) -> Verified:
    """Check the newest code that Ada was sent by mail."""
    return world.check(call, world.code(), takes_receipt=True, **request)


def by_public(world: World, **request: Any) -> Verified:
    """A public success in JSON."""
    issued = world.send_public(**request)
    labels = {name: value for name, value in request.items() if name in PICKUP}
    return verify(world, world.public(), challenge_id=issued.challenge.id, **labels)


def by_client(world: World, call: Call | None = None, **request: Any) -> Verified:
    """A client's success, with a receipt."""
    call = call or world.client()
    issued = world.send(call, wants_receipt=True, **request)
    labels = {name: value for name, value in request.items() if name in PICKUP}
    return verify(world, call, challenge_id=issued.challenge.id, **labels)


def redeem(world: World, receipt: str | None, call: Call | None = None, **expected: Any) -> Receipt:
    """Redeem Ada's receipt; `expected` replaces her id."""
    assert receipt is not None
    expected = expected or {"customer_id": ADA_ID}
    return world.receipts.redeem(RedeemRequest(receipt, **expected), call or world.client())


class TestClaims:
    def test_a_public_success_says_who_was_verified_how_and_for_what(self, world: World) -> None:
        verified = by_public(world, **PICKUP)
        claims = claims_of(world, verified.receipt)
        assert len(claims.pop("jti")) == 22
        assert claims == {
            "iss": ISSUER,
            "aud": "shop",
            "sub": ADA_ID,
            "iat": NOW,
            "exp": NOW + PUBLIC_SECONDS,
            "auth_time": NOW,
            "amr": ["otp"],
            "acr": f"{ACR}mailbox",
            "challenge_id": verified.challenge.id,
            "channel": "email",
            "lane": "stranger",
            **PICKUP,
        }
        assert not verified.receipt_unavailable

    def test_a_client_s_says_who_conducted_it_and_lives_as_long_as_was_asked(
        self, world: World
    ) -> None:
        verified = by_client(world, receipt_seconds=900, conductor=BOT, audience="bank")
        claims = claims_of(world, verified.receipt)
        assert (claims["aud"], claims["lane"], claims["client"]) == ("bank", "client", "shop")
        assert claims["context"] == {"kind": "ivr", "id": "line 2"}
        assert claims["exp"] - claims["iat"] == 900
        assert world.meter.facts["context"] == "ivr:line 2"

    def test_no_receipt_lives_longer_than_the_stack_allows(self) -> None:
        world = World(receipt_max_seconds=600)
        claims = claims_of(world, by_client(world, receipt_seconds=86_400).receipt)
        assert claims["exp"] - claims["iat"] == 600

    def test_a_known_device_gets_one(self, world: World) -> None:
        token = world.known_device()
        issued = world.send_public(device_token=token)
        call = world.public(token)
        verified = verify(world, call, challenge_id=issued.challenge.id, remembers_device=True)
        assert claims_of(world, verified.receipt)["lane"] == "device"

    @pytest.mark.parametrize(
        ("channel", "amr", "acr"),
        [(Channel.SMS, ["otp", "sms"], "phone"), (Channel.EMAIL, ["otp"], "mailbox")],
    )
    def test_it_says_what_the_customer_controls(
        self, world: World, channel: Channel, amr: list[str], acr: str
    ) -> None:
        factor = {Channel.SMS: SMS, Channel.EMAIL: EMAIL}[channel]
        issued = world.send_public(channel=channel)
        verified = world.check(
            world.public(),
            world.code(factor),
            challenge_id=issued.challenge.id,
            takes_receipt=True,
        )
        claims = claims_of(world, verified.receipt)
        assert (claims["amr"], claims["acr"]) == (amr, ACR + acr)
        assert PHONE not in json.dumps(claims)
        assert ADA not in json.dumps(claims)

    def test_the_header_has_the_type_the_key_and_nothing_else(self, world: World) -> None:
        receipt = by_public(world).receipt
        assert receipt is not None
        assert jwt.get_unverified_header(receipt) == {
            "alg": "ES256",
            "kid": jws.kid_of(KEY),
            "typ": "verification-receipt+jwt",
        }

    def test_no_two_have_the_same_id(self, world: World) -> None:
        first = by_client(world).receipt
        world.now += 30
        second = by_client(world).receipt
        assert claims_of(world, first)["jti"] != claims_of(world, second)["jti"]


class TestWhoGetsOne:
    def test_a_client_that_asks_when_it_begins_or_when_it_verifies(self, world: World) -> None:
        assert by_client(world).receipt
        world.now += 30
        world.send(world.client())
        assert verify(world, world.client(), email=ADA, wants_receipt=True).receipt

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

    def test_a_success_is_signed_once_and_nothing_else_is(self, world: World) -> None:
        issued = world.send_public()
        world.check_wrong(
            world.public(), WRONG, challenge_id=issued.challenge.id, takes_receipt=True
        )
        assert world.signer.signed == []
        assert verify(world, world.public(), challenge_id=issued.challenge.id).receipt
        assert world.signer.signed == [KEY]

    def test_whoever_verifies_a_release(self, world: World) -> None:
        call = world.client(Scope.RELEASE)
        issued = world.send(call, releases_hold=True, conductor=BOT, receipt_seconds=600)
        verified = verify(world, world.public(), challenge_id=issued.challenge.id)
        claims = claims_of(world, verified.receipt)
        assert (claims["lane"], claims["client"]) == ("release", "shop")
        assert claims["context"]["kind"] == "ivr"

    def test_a_client_of_the_mfa_routes_that_asks(self, world: World) -> None:
        ref = FactorRef(ADA_ID, APP, world.keys.email_hash(ADA), enrolled_at=0)
        app = next(each for each in world.org.factors[ADA_ID] if each.id == APP)
        issued = world.issue.to_factor(world.keys.factor_id(ref), ref, app, None, world.client())
        verified = world.check(
            world.client(),
            APP_CODE,
            challenge_id=issued.challenge.id,
            origin=Origin.MFA,
            takes_receipt=True,
            wants_receipt=True,
        )
        claims = claims_of(world, verified.receipt)
        assert (claims["aud"], claims["acr"]) == ("shop", f"{ACR}authenticator-app")


class TestAudiences:
    def test_it_is_the_stack_s_first_for_the_public_and_the_client_s_own_for_a_client(self) -> None:
        world = World(receipt_audiences=("bank", "shop"))
        assert claims_of(world, by_public(world).receipt)["aud"] == "bank"
        world.now += 30
        receipt = by_client(world, world.client(name="ivr")).receipt
        assert claims_of(world, receipt)["aud"] == "ivr"

    def test_it_is_chosen_from_the_list_when_the_challenge_begins(self, world: World) -> None:
        receipt = by_public(world, audience="bank").receipt
        assert claims_of(world, receipt)["aud"] == "bank"
        for call in (world.public(), world.client()):
            with pytest.raises(errors.MalformedBody):
                world.send(call, audience="elsewhere")

    def test_the_public_neither_names_a_context_nor_a_lifetime(self, world: World) -> None:
        for asked in ({"conductor": BOT}, {"receipt_seconds": 1800}):
            with pytest.raises(errors.MalformedBody):
                world.send(world.public(), **asked)


class TestSignIns:
    @staticmethod
    def finish(world: World, factor_id: str, code: str = "", **changes: Any) -> SignInState:
        step = FactorStep(factor_id, STATE_TOKEN)
        if not code and not changes.get("answer"):
            world.sign_in.verify_factor(step, world.public())
            code = world.code(factor_id)
        step = replace(step, code=code, wants_receipt=True, **changes)
        return world.sign_in.verify_factor(step, world.public())

    @pytest.mark.parametrize(
        ("factor", "code", "amr", "acr"),
        [
            (EMAIL, "", ["pwd", "otp", "mfa"], "mailbox"),
            (SMS, "", ["pwd", "otp", "sms", "mfa"], "phone"),
            (APP, APP_CODE, ["pwd", "otp", "mfa"], "authenticator-app"),
        ],
    )
    def test_a_finished_sign_in_says_password_and_factor(
        self, world: World, factor: str, code: str, amr: list[str], acr: str
    ) -> None:
        claims = claims_of(world, self.finish(world, factor, code).receipt)
        del claims["jti"]
        assert claims == {
            "iss": ISSUER,
            "aud": "shop",
            "sub": ADA_ID,
            "iat": NOW,
            "exp": NOW + PUBLIC_SECONDS,
            "auth_time": NOW,
            "amr": amr,
            "acr": ACR + acr,
            "lane": "stranger",
        }

    def test_an_answer_to_a_question_is_no_second_kind_of_factor(self, world: World) -> None:
        claims = claims_of(world, self.finish(world, QUESTION, answer=ANSWER).receipt)
        assert (claims["amr"], claims["acr"]) == (["pwd", "kba"], f"{ACR}knowledge")

    def test_nobody_gets_one_unasked_or_before_the_end(self, world: World) -> None:
        step = FactorStep(EMAIL, STATE_TOKEN, wants_receipt=True)
        assert world.sign_in.verify_factor(step, world.public()).receipt is None
        step = FactorStep(EMAIL, STATE_TOKEN, world.code())
        assert world.sign_in.verify_factor(step, world.public()).receipt is None
        assert world.signer.signed == []

    def test_without_kms_it_succeeds_without_one(self, world: World) -> None:
        world.signer.failure = errors.StoreUnavailable()
        state = self.finish(world, APP, APP_CODE)
        assert (state.receipt, state.receipt_unavailable) == (None, True)


FAILURES = [errors.StoreUnavailable(), errors.ConfigurationError("the key is disabled")]


class TestWithoutKms:
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
    def test_the_customer_is_verified_and_it_is_noted(
        self, world: World, failure: errors.VerificationError
    ) -> None:
        issued = world.send_public()
        world.signer.failure = failure
        verified = verify(world, world.public(), challenge_id=issued.challenge.id)
        assert (verified.receipt, verified.receipt_unavailable) == (None, True)
        assert world.meter.facts["receipt_unavailable"] is True
        assert world.meter.facts.get("problem") == getattr(failure, "problem", None)

    def test_it_is_not_asked_when_too_little_time_is_left(self, world: World) -> None:
        world.send(world.client(), wants_receipt=True)
        late = replace(world.client(), deadline=Deadline(world.now + 2.9, world.clock))
        request = VerifyRequest(world.code(), email=ADA, takes_receipt=True)
        verified = world.verify.challenge(request, late)
        assert (verified.receipt, verified.receipt_unavailable) == (None, True)
        assert world.signer.signed == []

    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
    def test_where_receipts_are_required_the_success_is_not_given_and_the_code_is_used_up(
        self, failure: errors.VerificationError
    ) -> None:
        world = World(require_receipt=True)
        issued = world.send_public()
        world.signer.failure = failure
        with pytest.raises(errors.ReceiptUnavailable):
            verify(world, world.public(), challenge_id=issued.challenge.id)
        world.signer.failure = None
        with pytest.raises(errors.ChallengeAlreadyVerified):
            verify(world, world.public(), challenge_id=issued.challenge.id)
        world.now += 30
        assert by_public(world).receipt

    def test_where_receipts_are_required_a_client_that_wants_none_needs_none(self) -> None:
        world = World(require_receipt=True)
        world.signer.failure = errors.StoreUnavailable()
        world.send(world.client())
        assert verify(world, world.client(), email=ADA).customer_id == ADA_ID


class TestRedeeming:
    def test_it_says_what_was_verified(self, world: World) -> None:
        receipt = by_client(world, conductor=BOT, **PICKUP).receipt
        world.now += 60
        told = redeem(world, receipt, customer_id=ADA_ID, email=ADA, **PICKUP)
        assert (told.customer_id, told.verified_at, told.methods) == (ADA_ID, NOW, ("otp",))
        assert (told.purpose, told.reference) == ("pickup", "order-1001")
        assert (told.conductor, told.lane, told.client) == (BOT, Lane.CLIENT, "shop")
        assert world.meter.facts["context"] == "ivr:line 2"
        assert world.meter.facts["receipt_jti"] == told.jti

    def test_it_is_redeemed_once(self, world: World) -> None:
        receipt = by_public(world).receipt
        redeem(world, receipt)
        world.now += 20
        for call in (world.client(), world.client(request="another")):
            with pytest.raises(errors.ReceiptAlreadyRedeemed) as refused:
                redeem(world, receipt, call)
            assert refused.value.redeemed_at == NOW

    def test_it_is_good_until_the_second_of_its_end(self, world: World) -> None:
        receipt, call = by_public(world).receipt, world.client(request="one")
        world.now = NOW + PUBLIC_SECONDS - 1
        redeem(world, receipt, call)
        world.now += 1
        with pytest.raises(errors.ReceiptExpired):
            redeem(world, receipt, call)

    def test_the_same_request_is_told_the_same_again(self, world: World) -> None:
        receipt = by_public(world).receipt
        call = world.client(request="one")
        assert redeem(world, receipt, call) == redeem(world, receipt, call)

    def test_another_spelling_of_the_signature_is_the_same_receipt(self, world: World) -> None:
        """(r, n - s) is a valid signature too."""
        receipt = by_public(world).receipt
        assert receipt is not None
        redeem(world, receipt)
        head, _, signature = receipt.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        s = order - int.from_bytes(raw[32:], "big")
        other = f"{head}.{encoded(raw[:32] + s.to_bytes(32, 'big'))}"
        assert other != receipt
        with pytest.raises(errors.ReceiptAlreadyRedeemed):
            redeem(world, other)

    def test_an_email_is_looked_up_and_then_remembered(self, world: World) -> None:
        receipt = by_client(world).receipt
        asked = len(world.org.calls)
        assert redeem(world, receipt, email=ADA).customer_id == ADA_ID
        assert len(world.org.calls) == asked

    def test_an_inactive_customer_is_refused(self, world: World) -> None:
        receipt = by_client(world).receipt
        world.now += 60
        world.emails.forget(world.keys.email_hash(ADA))
        world.org.users[ADA_ID] = replace(world.org.users[ADA_ID], status=UserStatus.STAGED)
        with pytest.raises(errors.CustomerInactive):
            redeem(world, receipt, email=ADA)

    def test_nobody_is_verified_by_a_receipt_that_names_no_expectation(self, world: World) -> None:
        receipt = by_public(world).receipt
        with pytest.raises(errors.ReceiptWrongCustomer):
            redeem(world, receipt, customer_id=None)


class TestRefusals:
    @pytest.mark.parametrize("name", FORGERIES)
    def test_a_forged_receipt_is_refused_and_uses_nothing_up(self, world: World, name: str) -> None:
        receipt = by_public(world).receipt
        assert receipt is not None
        public_key = world.signer.public_key(KEY)
        forger = Forger(receipt, lambda message: world.signer.sign(KEY, message), public_key)
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
        receipt = by_public(world, **PICKUP).receipt
        right = {"customer_id": ADA_ID, **PICKUP}
        with pytest.raises(refusal):
            redeem(world, receipt, **{**right, **expected})
        assert redeem(world, receipt, **right).customer_id == ADA_ID

    def test_a_receipt_for_no_purpose_is_none_for_a_purpose(self, world: World) -> None:
        receipt = by_public(world).receipt
        with pytest.raises(errors.ReceiptWrongPurpose):
            redeem(world, receipt, customer_id=ADA_ID, **PICKUP)

    def test_another_client_s_audience_is_refused(self, world: World) -> None:
        receipt = by_public(world, audience="bank").receipt
        with pytest.raises(errors.ReceiptWrongAudience):
            redeem(world, receipt, world.client(name="shop"))
        assert redeem(world, receipt, world.client(name="bank")).audience == "bank"

    def test_the_clock_that_checks_may_be_a_little_slow(self, world: World) -> None:
        receipt = by_public(world).receipt
        world.now -= 60
        assert redeem(world, receipt).issued_at == NOW


class TestKeys:
    def test_both_public_keys_are_published(self) -> None:
        world = World(receipt_other_key=NEXT_KEY)
        keys = world.receipts.jwks()["keys"]
        assert [each["kid"] for each in keys] == [jws.kid_of(KEY), jws.kid_of(NEXT_KEY)]
        assert {*keys[0]} == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        receipt = by_public(world).receipt
        assert receipt is not None
        key = jwt.PyJWKSet.from_dict({"keys": keys})[jws.kid_of(KEY)]
        claims = jwt.decode(
            receipt, key, algorithms=["ES256"], audience="shop", options={"verify_exp": False}
        )
        assert claims["sub"] == ADA_ID

    def test_the_same_key_twice_is_published_once(self) -> None:
        assert len(World(receipt_other_key=KEY).receipts.jwks()["keys"]) == 1

    def test_an_unusable_other_key_is_left_out_and_an_unusable_own_one_is_a_fault(self) -> None:
        world = World(receipt_other_key=NEXT_KEY)
        world.signer.failures[NEXT_KEY] = errors.ConfigurationError("the key is disabled")
        assert [each["kid"] for each in world.receipts.jwks()["keys"]] == [jws.kid_of(KEY)]
        assert "problem" in world.meter.facts
        world.signer.failures[KEY] = errors.ConfigurationError("the key is disabled")
        with pytest.raises(errors.ConfigurationError):
            world.receipts.jwks()

    def test_while_kms_is_down_no_part_of_the_keys_is_published(self) -> None:
        """It could be kept for an hour."""
        world = World(receipt_other_key=NEXT_KEY)
        world.signer.failures[NEXT_KEY] = errors.StoreUnavailable()
        with pytest.raises(errors.StoreUnavailable):
            world.receipts.jwks()

    def test_a_key_of_another_curve_is_a_fault(self, world: World) -> None:
        receipt = by_public(world).receipt
        world.signer.keys[KEY] = ec.generate_private_key(ec.SECP256K1())
        for use in (world.receipts.jwks, lambda: redeem(world, receipt)):
            with pytest.raises(errors.ConfigurationError):
                use()

    def test_a_key_is_replaced_with_receipts_in_flight(self) -> None:
        signer, redemptions = FakeSigner(), FakeRedemptions()

        def deploy(**settings: str) -> World:
            world = World(**settings)
            world.receipts = replace(world.receipts, signer=signer, redemptions=redemptions)
            world.verify = replace(world.verify, receipts=world.receipts)
            return world

        def kids(world: World) -> list[str]:
            return [each["kid"] for each in world.receipts.jwks()["keys"]]

        old, new = jws.kid_of(KEY), jws.kid_of(NEXT_KEY)
        before = deploy()
        announced = deploy(receipt_other_key=NEXT_KEY)
        replaced = deploy(receipt_key=NEXT_KEY, receipt_other_key=KEY)
        after = deploy(receipt_key=NEXT_KEY)
        worlds = (before, announced, replaced, after)
        assert [kids(each) for each in worlds] == [[old], [old, new], [new, old], [new]]
        receipts = [by_public(each).receipt or "" for each in worlds]
        signed_by = [jwt.get_unverified_header(each)["kid"] for each in receipts]
        assert signed_by == [old, old, new, new]
        # Two versions serve calls side by side while each step is rolled out.
        redeem(announced, receipts[0])
        redeem(replaced, receipts[1])
        redeem(announced, receipts[2])
        redeem(replaced, receipts[3])
        with pytest.raises(errors.ReceiptInvalid):
            redeem(after, by_public(deploy()).receipt)
