"""Receipts over HTTP: redeemed once, refused, handed over, and made while KMS fails."""

from __future__ import annotations

import time

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.conftest import Caller, Response
from tests.e2e.receipts import (
    ADA,
    GRACE,
    ISSUER,
    KEY,
    PICKUP,
    customer_id,
    forger,
    receipt_of,
    redeem,
    shop,
    verified,
)
from tests.e2e.sign_in import SignIn
from tests.e2e.test_invocations import client_of
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import PREFIX
from tests.unit.forgeries import SHARED, read

LONGEST_CALL = 9.0
"""Seconds: the deadline of a call, and time for the rest."""

FAULTS = ["reset", "http_500", "slow", "throttle", "disabled"]
NEXT_KEY = f"{PREFIX}NextReceiptKey"
PARALLEL = 50

UNEXPECTED: list[tuple[str, str, dict[str, str]]] = [
    ("receipt_wrong_purpose", ADA, {**PICKUP, "purpose": "refund"}),
    ("receipt_wrong_purpose", ADA, {}),
    ("receipt_wrong_reference", ADA, {**PICKUP, "reference": "order-1002"}),
    ("receipt_wrong_customer", GRACE, PICKUP),
    ("customer_not_found", "nobody@example.com", PICKUP),
    ("receipt_wrong_customer", "", {**PICKUP, "customer_id": "00u00000000000grace"}),
    ("malformed_body", "", PICKUP),
]


@pytest.fixture
def desk(sandbox: Sandbox) -> Caller:
    """The client `shop`."""
    return shop(sandbox)


def code_of(response: Response) -> str:
    code: str = response.json().get("code", "")
    return code


def keys_of(sandbox: Sandbox) -> list[str]:
    """The names of the published keys."""
    document = requests.get(f"{sandbox.url}/.well-known/jwks.json", timeout=30).json()
    return [each["kid"] for each in document["keys"]]


class TestRedeeming:
    def test_a_public_success_convinces_a_backend_once(self, public: Caller, desk: Caller) -> None:
        receipt = receipt_of(public, **PICKUP)
        first = redeem(desk, receipt, **PICKUP)
        assert first.status_code == 200, first.text
        told = first.json()
        verified_at, challenge_id = told.pop("verified_at"), told.pop("challenge_id")
        assert told == {
            "status": "redeemed",
            "customer_id": customer_id(public.sandbox),
            "amr": ["otp"],
            "acr": "urn:customer-verification:acr:mailbox",
            "channel": "email",
            "lane": "stranger",
            **PICKUP,
        }
        assert verified_at.endswith("Z")
        assert challenge_id.startswith("ch_")
        again = redeem(desk, receipt, **PICKUP)
        assert (again.status_code, code_of(again)) == (409, "receipt_already_redeemed")
        assert again.json()["redeemed_at"].startswith(first.headers["Date"][12:16])

    def test_of_fifty_at_once_one_succeeds(self, public: Caller, desk: Caller) -> None:
        receipt = receipt_of(public, **PICKUP)
        answers = desk.at_once(PARALLEL, lambda: redeem(desk, receipt, **PICKUP))
        outcomes = sorted((each.status_code, code_of(each)) for each in answers)
        refused = [(409, "receipt_already_redeemed")] * (PARALLEL - 1)
        assert outcomes == [(200, ""), *refused]
        assert len({each.json()["redeemed_at"] for each in answers if each.status_code == 409}) == 1

    @pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "crashed before"])
    def test_a_repeat_under_its_idempotency_key_says_the_same(
        self, public: Caller, desk: Caller, is_stored: bool
    ) -> None:
        """`crashed before`: the receipt was marked, and the function ended before it answered."""
        receipt, key = receipt_of(public), {"Idempotency_Key": "pick-up 1"}
        first = redeem(desk, receipt, **key)
        if not is_stored:
            forget_responses(public.sandbox)
        again = redeem(desk, receipt, **key)
        assert (again.status_code, again.json()) == (200, first.json())
        other = redeem(desk, receipt, Idempotency_Key="pick-up 2")
        assert code_of(other) == "receipt_already_redeemed"
        assert redeem(desk, receipt, GRACE, **key).json()["code"] == "idempotency_key_reused"

    def test_forged_receipts_are_refused(self, public: Caller, desk: Caller) -> None:
        receipt = receipt_of(public)
        forge = forger(public.sandbox, receipt)
        told = {name: code_of(redeem(desk, make(forge))) for name, (_, make) in SHARED.items()}
        assert told == {name: code for name, (code, _) in SHARED.items()}
        assert redeem(desk, receipt).status_code == 200

    def test_what_the_caller_does_not_expect_uses_nothing_up(
        self, public: Caller, desk: Caller
    ) -> None:
        receipt = receipt_of(public, **PICKUP)
        for code, email, expected in UNEXPECTED:
            assert code_of(redeem(desk, receipt, email, **expected)) == code
        assert redeem(desk, receipt, **PICKUP).status_code == 200

    def test_another_client_s_audience_is_refused(
        self, public: Caller, client: Caller, desk: Caller
    ) -> None:
        receipt = receipt_of(client, receipt=True)
        refused = redeem(desk, receipt)
        assert (refused.status_code, code_of(refused)) == (403, "receipt_wrong_audience")
        assert redeem(client, receipt).status_code == 200
        assert redeem(public, receipt).status_code == 401


def forget_responses(sandbox: Sandbox) -> None:
    """Delete all stored responses."""
    dynamodb, table = sandbox.aws.client("dynamodb"), f"{PREFIX}ChallengeTable"
    for row in dynamodb.scan(TableName=table)["Items"]:
        if row["pk"]["S"].startswith("response#"):
            dynamodb.delete_item(TableName=table, Key={"pk": row["pk"]})


class TestHandover:
    def test_a_voice_bot_hands_a_verified_caller_over_to_a_person(
        self, client: Caller, desk: Caller
    ) -> None:
        receipt = receipt_of(
            client,
            receipt=True,
            receipt_seconds=900,
            audience="shop",
            purpose="call",
            context={"kind": "ivr", "id": "line 2"},
        )
        client.sandbox.advance += 850
        told = redeem(
            desk, receipt, "", customer_id=customer_id(client.sandbox), purpose="call"
        ).json()
        assert told["context"] == {"kind": "ivr", "id": "line 2"}
        assert (told["client"], told["lane"]) == ("sandbox", "client")

    def test_it_is_too_late_after_the_time_that_was_asked_for(
        self, client: Caller, desk: Caller
    ) -> None:
        receipt = receipt_of(client, receipt=True, receipt_seconds=900, audience="shop")
        client.sandbox.advance += 900
        late = redeem(desk, receipt)
        assert (late.status_code, code_of(late)) == (410, "receipt_expired")

    def test_the_public_chooses_none_of_this(self, public: Caller) -> None:
        context = {"kind": "ivr", "id": "line 2"}
        for asked in ({"context": context}, {"receipt_seconds": 900}, {"audience": "elsewhere"}):
            assert code_of(public.post("/challenge", {"email": ADA, **asked})) == "malformed_body"

    def test_a_context_is_a_known_kind_and_a_short_id_that_is_no_address(
        self, client: Caller
    ) -> None:
        ids = [{"kind": "ivr", "id": each} for each in ("", ADA, "x" * 65, 7)]
        for context in (*ids, {"kind": "robot", "id": "x"}, {"kind": "ivr"}, "ivr", []):
            body = {"email": ADA, "context": context}
            assert code_of(client.post("/challenge", body)) == "malformed_body"


class TestWhoGetsOne:
    def test_a_receipt_costs_one_call_of_kms_and_everything_else_none(
        self, public: Caller, client: Caller
    ) -> None:
        calls = public.sandbox.aws.kms_calls
        client.challenge()
        body = {"email": ADA, "code": client.wrong_code()}
        assert code_of(client.post("/verify", body)) == "invalid_code"
        assert "receipt" not in client.post("/verify", {**body, "code": client.code()}).json()
        public.sandbox.advance += 31
        public.get("/challenge", email=ADA)
        assert public.get("/verify", email=ADA, otp=public.code()).status_code == 200
        assert calls == []
        public.sandbox.advance += 31
        receipt_of(public)
        assert calls == ["Sign"]
        receipt_of(client, receipt=True)
        assert calls == ["Sign"] * 2

    def test_a_sign_in_that_asks_gets_one(self, public: Caller, desk: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("sms")
        done = sign_in.verify("sms", passCode=public.code("+15005550006"), receipt=True)
        assert done.json()["status"] == "SUCCESS", done.text
        claims = read(done.json()["receipt"].split(".")[1])
        assert (claims["amr"], claims["acr"]) == (
            ["pwd", "otp", "sms", "mfa"],
            "urn:customer-verification:acr:phone",
        )
        assert redeem(desk, done.json()["receipt"]).status_code == 200

    def test_only_the_verify_function_may_sign(self, sandbox: Sandbox) -> None:
        issue = client_of(sandbox.aws, "kms", "IssueChallengeFunction")
        verify = client_of(sandbox.aws, "kms", "VerifyChallengeFunction")
        request = {"KeyId": KEY, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
        assert verify.sign(**request)["Signature"]
        other = {**request, "KeyId": sandbox.aws.put_key(NEXT_KEY)}
        for client, refused in ((issue, request), (verify, other)):
            with pytest.raises(ClientError, match="AccessDenied"):
                client.sign(**refused)


class TestWithoutKms:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_the_customer_is_verified_without_a_receipt_in_time(
        self, public: Caller, fault: str
    ) -> None:
        public.sandbox.org.faults.add("kms", fault, 2)
        started = time.monotonic()
        response = verified(public)
        assert time.monotonic() - started < LONGEST_CALL
        assert (response.status_code, response.json()["status"]) == (200, "verified")
        assert response.json()["receipt_unavailable"] is True
        assert "receipt" not in response.json()

    def test_one_failed_call_is_repeated(self, public: Caller) -> None:
        public.sandbox.org.faults.add("kms", "throttle", 1)
        assert receipt_of(public)

    def test_a_slow_okta_and_a_slow_kms_together_end_in_time(self, public: Caller) -> None:
        challenge = public.challenge()
        public.sandbox.settle()
        public.sandbox.org.faults.add("verify", "slow", 1)
        public.sandbox.org.faults.add("kms", "slow", 2)
        started = time.monotonic()
        body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
        response = public.post("/verify", body)
        assert time.monotonic() - started < LONGEST_CALL
        assert (response.status_code, response.json()["receipt_unavailable"]) == (200, True)

    @pytest.mark.parametrize("fault", ["slow", "disabled"])
    def test_where_receipts_are_required_the_code_is_used_up(
        self, requiring: Sandbox, fault: str
    ) -> None:
        public = Caller(requiring, {})
        challenge = public.challenge()
        requiring.settle()
        requiring.org.faults.add("kms", fault, 2)
        body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
        refused = public.post("/verify", body)
        assert (refused.status_code, code_of(refused)) == (503, "receipt_unavailable")
        assert "Retry-After" not in refused.headers
        requiring.org.faults.clear()
        assert code_of(public.post("/verify", body)) == "challenge_already_verified"
        requiring.advance += 31
        assert receipt_of(public)

    def test_a_redemption_waits_for_kms_and_uses_nothing_up(
        self, public: Caller, desk: Caller
    ) -> None:
        """The public key is read once in the life of a function's environment."""
        receipt = receipt_of(public)
        public.sandbox.redeploy(LogLevel="INFO")
        public.sandbox.org.faults.add("kms", "throttle", 2)
        refused = redeem(desk, receipt)
        assert (refused.status_code, code_of(refused)) == (503, "store_unavailable")
        assert redeem(desk, receipt).status_code == 200
        assert public.sandbox.aws.kms_calls[-3:] == ["GetPublicKey"] * 3


@pytest.fixture
def requiring(sandbox: Sandbox) -> Sandbox:
    """The stack with RequireReceipt."""
    sandbox.redeploy(RequireReceipt="true")
    return sandbox


class TestRotation:
    def test_the_key_is_replaced_in_the_readme_s_steps_with_receipts_in_flight(
        self, public: Caller, desk: Caller
    ) -> None:
        sandbox = public.sandbox
        next_key = sandbox.aws.put_key(NEXT_KEY)
        (old,) = keys_of(sandbox)
        first = receipt_of(public)

        sandbox.redeploy(ReceiptOtherKeyArn=next_key)
        _, new = keys_of(sandbox)
        assert keys_of(sandbox) == [old, new]
        assert redeem(desk, first).status_code == 200
        second = receipt_of(public)

        sandbox.redeploy(ReceiptKeyArn=next_key, ReceiptOtherKeyArn=KEY)
        assert keys_of(sandbox) == [new, old]
        third = receipt_of(public)
        assert [read(each.split(".")[0])["kid"] for each in (first, second, third)] == [
            *(old, old, new)
        ]
        assert redeem(desk, second).status_code == 200

        sandbox.redeploy(ReceiptKeyArn=next_key)
        assert keys_of(sandbox) == [new]
        assert redeem(desk, third).status_code == 200
        # Too early a step would cost a customer another code, and nothing worse.
        assert code_of(redeem(desk, second)) == "receipt_invalid"

    def test_a_disabled_other_key_does_not_stop_the_first(self, public: Caller) -> None:
        sandbox = public.sandbox
        sandbox.redeploy(ReceiptOtherKeyArn="arn:aws:kms:us-east-1:123456789012:key/gone")
        assert len(keys_of(sandbox)) == 1
        assert read(receipt_of(public).split(".")[1])["iss"] == ISSUER
