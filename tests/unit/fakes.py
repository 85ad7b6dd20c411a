"""What use cases need beside Okta: the real rows over a table in memory, so that no rule of the store
is written twice, and stand-ins for KMS and Lambda.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.proof.dynamodb import MemoryDynamoDB
from tests.unit.examples import NOW
from verification import errors
from verification.aws.budget_rows import BudgetRows, brake_key
from verification.aws.table import Table, int_attribute, number
from verification.models.callers import Spent
from verification.observability import Meter


class MemoryTable(Table):
    """`rows`: what is in it, by key."""

    def __init__(self, meter: Meter) -> None:
        memory: Any = MemoryDynamoDB()
        super().__init__(memory, "customers", meter)
        self.rows: dict[str, Any] = memory.rows

    def named(self, prefix: str) -> dict[str, Any]:
        """The rows of a kind, by the rest of their keys."""
        prefix += "#"
        return {k.removeprefix(prefix): v for k, v in self.rows.items() if k.startswith(prefix)}

    def change(self, key: str, **attributes: Any) -> None:
        """Set attributes of a row, as another call would at the same time."""
        self.rows[key] = {"pk": {"S": key}, **self.rows.get(key, {}), **attributes}


class AtOnce:
    """In place of threads: does the work before anything else, and keeps its error for later."""

    def start(self, work: Callable[[], Any]) -> Callable[[], Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work())
        except errors.VerificationError as error:
            done.set_exception(error)
        return done.result

    def finish(self) -> None: ...


class Budgets(BudgetRows):
    """Budgets that show what is in them."""

    def __init__(self, table: MemoryTable) -> None:
        super().__init__(table)
        self._rows = table
        self.brake_reads = 0

    @property
    def spent(self) -> dict[Spent, int]:
        """Units by budget."""
        rows = {tuple(key.split("#")): row for key, row in self._rows.named("budget").items()}
        return {Spent(*key): int_attribute(row, "spent") for key, row in rows.items()}

    @property
    def destinations(self) -> dict[tuple[int, str], int]:
        """Sends by day and destination."""
        rows = {key.partition("#"): row for key, row in self._rows.named("sends").items()}
        return {(int(day), to): int_attribute(row, "sends") for (day, _, to), row in rows.items()}

    @property
    def brake(self) -> int:
        """Wrong codes of strangers."""
        return sum(int_attribute(row, "wrong") for row in self._rows.named("brake").values())

    @brake.setter
    def brake(self, count: int) -> None:
        self._rows.change(brake_key(NOW), wrong=number(count))

    def strangers_wrong_codes(self, now: int) -> int:
        self.brake_reads += 1
        return super().strangers_wrong_codes(now)


class FakeInvocation:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.failure: errors.VerificationError | None = None

    def invoke(self, function: str, payload: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.events.append((function, payload))


class FakeSigner:
    """KMS: a key for every id. `failures`: what calls with a key end with."""

    def __init__(self) -> None:
        self.signed: list[str] = []
        self.failures: dict[str, errors.VerificationError] = {}
        self.keys: defaultdict[str, ec.EllipticCurvePrivateKey] = defaultdict(
            lambda: ec.generate_private_key(ec.SECP256R1())
        )

    def sign(self, key_id: str, message: bytes) -> bytes:
        key = self._key(key_id)
        self.signed.append(key_id)
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    def public_key(self, key_id: str) -> bytes:
        public_key = self._key(key_id).public_key()
        return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        if key_id in self.failures:
            raise self.failures[key_id]
        return self.keys[key_id]
