"""Receipts over AWS: signatures by KMS, rows of redemptions, and what the log and metrics say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.integration.account import RECEIPT_KEY, Account, Unreliable, client_error
from tests.integration.functions import World
from tests.integration.rows import refusal
from tests.unit.examples import NOW
from verification import errors
from verification.aws.receipt_rows import KEPT_SECONDS, ReceiptRows
from verification.aws.signing import KmsSigner
from verification.aws.table import Table
from verification.observability import Meter

EXPIRES = NOW + 120


class TestRedemptions:
    @pytest.fixture
    def redemptions(self, table: Table) -> ReceiptRows:
        return ReceiptRows(table)

    def test_a_receipt_is_redeemed_once_and_the_same_request_is_told_the_same(
        self, redemptions: ReceiptRows, dynamodb: Unreliable
    ) -> None:
        redeem = redemptions.redeem
        assert dynamodb.repeat(lambda: redeem("jti", "one", NOW, EXPIRES)) is None
        assert redeem("jti", "one", NOW + 5, EXPIRES) is None
        assert redeem("jti", "two", NOW + 5, EXPIRES) == NOW
        assert redeem("another", "two", NOW + 5, EXPIRES) is None

    def test_of_two_at_the_same_moment_one_succeeds(
        self, redemptions: ReceiptRows, dynamodb: Unreliable
    ) -> None:
        dynamodb.before.append(lambda: redemptions.redeem("jti", "two", NOW, EXPIRES))
        assert redemptions.redeem("jti", "one", NOW, EXPIRES) == NOW

    def test_the_row_outlives_the_receipt_and_stored_responses(
        self, redemptions: ReceiptRows, account: Account
    ) -> None:
        redemptions.redeem("jti", "one", NOW, EXPIRES)
        assert account.rows()["receipt#jti"]["ttl"] == {"N": str(EXPIRES + KEPT_SECONDS)}


class TestSigning:
    @pytest.fixture
    def kms(self, account: Account) -> Unreliable:
        """KMS behind a network that can fail."""
        return Unreliable(account.kms)

    @pytest.fixture
    def signer(self, kms: Unreliable, meter: Meter) -> KmsSigner:
        client: Any = kms
        return KmsSigner(lambda: client, meter)

    def test_kms_signs_with_the_key(self, signer: KmsSigner, meter: Meter) -> None:
        signature, public_key = signer.sign(RECEIPT_KEY, b"text"), signer.public_key(RECEIPT_KEY)
        key = load_der_public_key(public_key)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, b"text", ec.ECDSA(hashes.SHA256()))
        assert meter.calls == {"kms": 2}

    def test_a_public_key_is_read_once(self, signer: KmsSigner, kms: Unreliable) -> None:
        kms.failures.append(client_error("ThrottlingException"))
        refusal(lambda: signer.public_key(RECEIPT_KEY))  # is not remembered
        assert signer.public_key(RECEIPT_KEY) == signer.public_key(RECEIPT_KEY)
        assert len(kms.calls) == 2

    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            *(
                (client_error(code), errors.StoreUnavailable)
                for code in (
                    "ThrottlingException",
                    "KMSInternalException",
                    "KeyUnavailableException",
                )
            ),
            (EndpointConnectionError(endpoint_url="https://kms.example"), errors.StoreUnavailable),
            *(
                (client_error(code), errors.ConfigurationError)
                for code in (
                    *("DisabledException", "KMSInvalidStateException", "NotFoundException"),
                    *("AccessDeniedException", "InvalidKeyUsageException"),
                )
            ),
        ],
    )
    def test_failures_are_told_in_the_service_s_own_words(
        self, signer: KmsSigner, kms: Unreliable, failure: Exception, outcome: type[Exception]
    ) -> None:
        kms.failure = failure
        for work in (lambda: signer.sign(RECEIPT_KEY, b""), lambda: signer.public_key(RECEIPT_KEY)):
            refused = refusal(work)
            assert type(refused) is outcome
            assert "ada" not in str(refused)


class TestOutcomes:
    @pytest.fixture
    def logged(self, capsys: pytest.CaptureFixture[str]) -> Any:
        """The newest log line and the counted metrics of its call. No line shows an email."""

        def logged(receipt: str = "no receipt") -> tuple[dict[str, Any], dict[str, Any]]:
            out = capsys.readouterr().out
            assert receipt not in out
            assert "ada@" not in out
            *_, line, metrics = map(json.loads, out.splitlines())
            return line, metrics

        return logged

    def test_made_redeemed_and_refused_receipts_are_lines_and_metrics(
        self, world: World, logged: Any
    ) -> None:
        receipt = world.public.check(world.public.send().json["challenge_id"]).json["receipt"]
        line, metrics = logged(receipt)
        assert (line["outcome"], line["receipt_made"]) == ("verified", True)
        assert metrics["receipt_made"] == [1.0]
        assert "receipt_unavailable" not in metrics
        jti = line["receipt_jti"]
        for outcome, seconds, purpose in (
            ("receipt_wrong_purpose", 0, {"purpose": "refund"}),
            ("receipt_redeemed", 0, {}),
            ("receipt_already_redeemed", 0, {}),
            ("receipt_expired", 121, {}),
        ):
            world.clock.advance(seconds)
            body = {"receipt": receipt, "email": "ada@example.com", **purpose}
            world.shop.post("/receipts/redeem", body)
            line, metrics = logged(receipt)
            assert (line["outcome"], line["caller"]) == (outcome, "shop")
            assert line.get("receipt_jti") == (None if seconds else jti)
            assert metrics[outcome] == [1.0]

    def test_the_context_is_in_every_line_of_a_verification(
        self, world: World, logged: Any
    ) -> None:
        context = {"kind": "ivr", "id": "line 2"}
        sent = world.shop.send(receipt=True, context=context)
        lines = [logged()[0]]
        receipt = world.shop.check(sent.json["challenge_id"]).json["receipt"]
        lines.append(logged()[0])
        told = world.shop.post("/receipts/redeem", {"receipt": receipt, "email": "ada@example.com"})
        lines.append(logged()[0])
        assert [line["context"] for line in lines] == ["ivr:line 2"] * 3
        assert told.json["context"] == context

    def test_a_receipt_that_could_not_be_signed_is_counted(
        self, world: World, logged: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RECEIPT_KEY", "alias/deleted")
        reply = world.public.check(world.public.send().json["challenge_id"])
        assert (reply.status, reply.json["receipt_unavailable"]) == (200, True)
        line, metrics = logged()
        assert (line["outcome"], line["receipt_unavailable"]) == ("verified", True)
        assert "key" in line["problem"]
        assert metrics["receipt_unavailable"] == [1.0]

    def test_public_keys_may_be_kept_for_an_hour(self, world: World) -> None:
        reply = world.public.get("/.well-known/jwks.json")
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "public, max-age=3600")
