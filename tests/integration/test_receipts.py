"""Receipts over AWS: signatures by KMS, rows of redemptions, and what the log and metrics say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.integration.account import (
    CLIENT_KEY,
    RECEIPT_KEY,
    ROOT_KEY,
    Account,
    Unreliable,
    client_error,
)
from tests.integration.conftest import World
from tests.integration.rows import (
    STRANGERS,
    Rows,
    of_client,
    opened,
    plan_of,
    refusal,
    repeated,
)
from tests.unit.examples import NOW
from verification import errors
from verification.aws.receipt_rows import KEPT_SECONDS, ReceiptRows
from verification.aws.secrets import Secrets
from verification.aws.signing import KmsSigner
from verification.aws.table import Table
from verification.models import Conductor, ConductorKind, Lane
from verification.observability import Meter

EXPIRES = NOW + 120
BOT = Conductor(ConductorKind.AI_AGENT, "voice bot 2")


@pytest.fixture
def redemptions(table: Table) -> ReceiptRows:
    return ReceiptRows(table)


@pytest.fixture
def kms(account: Account) -> Unreliable:
    """KMS behind a network that can fail."""
    return Unreliable(account.kms)


@pytest.fixture
def signer(kms: Unreliable, meter: Meter) -> KmsSigner:
    client: Any = kms
    return KmsSigner(lambda: client, meter)


class TestRedemptions:
    def test_a_receipt_is_redeemed_once(self, redemptions: ReceiptRows) -> None:
        assert redemptions.redeem("jti", "one", NOW, EXPIRES) is None
        assert redemptions.redeem("jti", "two", NOW + 5, EXPIRES) == NOW
        assert redemptions.redeem("another", "two", NOW + 5, EXPIRES) is None

    def test_the_same_request_is_told_the_same(self, redemptions: ReceiptRows) -> None:
        assert [redemptions.redeem("jti", "one", NOW + n, EXPIRES) for n in (0, 5)] == [None, None]
        assert redemptions.redeem("jti", "two", NOW + 9, EXPIRES) == NOW

    def test_a_write_that_boto3_repeats_is_one_redemption(
        self, redemptions: ReceiptRows, dynamodb: Unreliable
    ) -> None:
        work = lambda: redemptions.redeem("jti", "one", NOW, EXPIRES)  # noqa: E731
        assert repeated(dynamodb, work) is None

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
    def test_kms_signs_with_the_key(self, signer: KmsSigner, meter: Meter) -> None:
        signature, public_key = signer.sign(RECEIPT_KEY, b"text"), signer.public_key(RECEIPT_KEY)
        key = load_der_public_key(public_key)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, b"text", ec.ECDSA(hashes.SHA256()))
        assert meter.calls == {"kms": 2}

    def test_a_public_key_is_read_once(self, signer: KmsSigner, kms: Unreliable) -> None:
        assert signer.public_key(RECEIPT_KEY) == signer.public_key(RECEIPT_KEY)
        assert len(kms.calls) == 1

    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            (client_error("ThrottlingException"), errors.StoreUnavailable),
            (client_error("KMSInternalException"), errors.StoreUnavailable),
            (client_error("KeyUnavailableException"), errors.StoreUnavailable),
            (ReadTimeoutError(endpoint_url="https://kms.example"), errors.StoreUnavailable),
            (EndpointConnectionError(endpoint_url="https://kms.example"), errors.StoreUnavailable),
            (client_error("DisabledException"), errors.ConfigurationError),
            (client_error("KMSInvalidStateException"), errors.ConfigurationError),
            (client_error("NotFoundException"), errors.ConfigurationError),
            (client_error("AccessDeniedException"), errors.ConfigurationError),
            (client_error("InvalidKeyUsageException"), errors.ConfigurationError),
        ],
    )
    def test_failures_are_told_in_the_service_s_own_words(
        self,
        signer: KmsSigner,
        kms: Unreliable,
        failure: Exception,
        outcome: type[errors.VerificationError],
    ) -> None:
        kms.failure = failure
        for work in (lambda: signer.sign(RECEIPT_KEY, b""), lambda: signer.public_key(RECEIPT_KEY)):
            refused = refusal(work)
            assert type(refused) is outcome
            assert "ada" not in str(refused)

    def test_a_failed_read_of_a_public_key_is_not_remembered(
        self, signer: KmsSigner, kms: Unreliable
    ) -> None:
        kms.failures.append(client_error("ThrottlingException"))
        refusal(lambda: signer.public_key(RECEIPT_KEY))
        assert signer.public_key(RECEIPT_KEY)


FIELDS: dict[str, Any] = {
    "audience": "bank",
    "wants_receipt": True,
    "receipt_seconds": 900,
    "conductor": BOT,
}


class TestChallenges:
    """What the receipt will say is stored with the challenge."""

    def test_of_a_client(self, rows: Rows) -> None:
        challenge = of_client("one", **FIELDS)
        rows.customers.begin_send(plan_of(challenge))
        assert rows.customers.get(plan_of(challenge).customer).challenges[0] == challenge

    def test_of_a_release(self, rows: Rows) -> None:
        challenge = of_client("one", lane=Lane.RELEASE, **FIELDS)
        rows.customers.begin_send(plan_of(challenge))
        assert rows.customers.get(plan_of(challenge).customer).release == challenge

    def test_of_the_public(self, rows: Rows) -> None:
        challenge = opened("one", audience="bank")
        rows.emails.open_challenge(STRANGERS, challenge)
        assert rows.emails.state(STRANGERS).challenges[0] == challenge


class TestOutcomes:
    @pytest.fixture
    def logged(self, capsys: pytest.CaptureFixture[str]) -> Any:
        """The newest log line, the counted metrics of its call, and all that was written."""

        def logged() -> tuple[dict[str, Any], dict[str, Any], str]:
            out = capsys.readouterr().out
            *_, line, metrics = map(json.loads, out.splitlines())
            return line, metrics, out

        return logged

    def test_made_redeemed_and_refused_receipts_are_lines_and_metrics(
        self, world: World, logged: Any
    ) -> None:
        receipt = world.public.check(world.public.send().json["challenge_id"]).json["receipt"]
        line, metrics, out = logged()
        assert (line["outcome"], line["receipt_made"]) == ("verified", True)
        assert metrics["receipt_made"] == [1.0]
        assert "receipt_unavailable" not in metrics
        jti = line["receipt_jti"]
        assert receipt not in out

        body = {"receipt": receipt, "email": "ada@example.com"}
        for outcome, changes in {
            "receipt_wrong_purpose": {"purpose": "refund"},
            "receipt_redeemed": {},
            "receipt_already_redeemed": {},
        }.items():
            world.shop.post("/receipts/redeem", {**body, **changes})
            line, metrics, out = logged()
            assert (line["outcome"], line["receipt_jti"], line["caller"]) == (outcome, jti, "shop")
            assert metrics[outcome] == [1.0]
            assert receipt not in out
            assert "ada@" not in out

        world.clock.advance(121)
        world.shop.post("/receipts/redeem", body)
        line, metrics, _ = logged()
        assert (line["outcome"], metrics["receipt_expired"]) == ("receipt_expired", [1.0])

    def test_the_context_is_in_every_line_of_a_verification(
        self, world: World, logged: Any
    ) -> None:
        context = {"kind": "ivr", "id": "line 2"}
        sent = world.shop.send(body={"receipt": True, "context": context})
        lines = [logged()[0]]
        receipt = world.shop.check(sent.json["challenge_id"]).json["receipt"]
        lines.append(logged()[0])
        told = world.shop.post("/receipts/redeem", {"receipt": receipt, "email": "ada@example.com"})
        lines.append(logged()[0])
        assert [line["context"] for line in lines] == ["ivr:line 2"] * 3
        assert told.json["context"] == context

    def test_a_receipt_that_could_not_be_signed_is_counted(self, world: World, logged: Any) -> None:
        challenge_id = world.public.send().json["challenge_id"]
        key = world.account.kms.describe_key(KeyId=RECEIPT_KEY)["KeyMetadata"]["KeyId"]
        world.account.kms.delete_alias(AliasName=RECEIPT_KEY)
        world.account.kms.schedule_key_deletion(KeyId=key)
        reply = world.public.check(challenge_id)
        assert (reply.status, reply.json["receipt_unavailable"]) == (200, True)
        line, metrics, _ = logged()
        assert (line["outcome"], line["receipt_unavailable"]) == ("verified", True)
        assert "key" in line["problem"]
        assert metrics["receipt_unavailable"] == [1.0]

    def test_public_keys_may_be_kept_for_an_hour_and_nothing_else_for_a_moment(
        self, world: World
    ) -> None:
        reply = world.public.get("/.well-known/jwks.json")
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "public, max-age=3600")
        assert world.public.send().headers["Cache-Control"] == "no-store"


class TestAudiences:
    """Whose receipts a client redeems, in the secret."""

    @pytest.mark.parametrize(
        ("value", "audiences"),
        [
            (CLIENT_KEY, ("shop",)),
            ({"keys": [CLIENT_KEY], "scopes": ["verify"]}, ("shop",)),
            (
                {"keys": [CLIENT_KEY], "scopes": ["verify"], "audiences": ["desk", "bank"]},
                ("desk", "bank"),
            ),
            ({"keys": [CLIENT_KEY], "scopes": ["verify"], "audiences": []}, ()),
        ],
    )
    def test_they_are_its_name_or_those_named(
        self, secrets: Secrets, account: Account, value: object, audiences: tuple[str, ...]
    ) -> None:
        account.put_keys({"root_key": ROOT_KEY, "clients": {"shop": value}})
        assert secrets.client_with(CLIENT_KEY).audiences == audiences

    @pytest.mark.parametrize("audiences", ["bank", [1], None, {"bank": True}])
    def test_anything_but_a_list_of_texts_is_refused(
        self, secrets: Secrets, account: Account, audiences: object
    ) -> None:
        client = {"keys": [CLIENT_KEY], "scopes": ["verify"], "audiences": audiences}
        account.put_keys({"root_key": ROOT_KEY, "clients": {"shop": client}})
        refused = refusal(lambda: secrets.client_with(CLIENT_KEY))
        assert isinstance(refused, errors.ConfigurationError)
        assert "audiences" in refused.problem
