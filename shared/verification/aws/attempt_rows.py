"""Attempts: a code counts as wrong before Okta is asked, and is settled once the answer is known.

An attempt concerns the customer's row and, if the public began the challenge, the public's row too.
Both are settled in one transaction, with the caller's refund.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, assert_never

from verification import rules
from verification.aws import budget_rows, customer_rows, email_rows
from verification.aws.table import (
    NOT_BUSY,
    STATUS,
    ConditionFailed,
    Table,
    Update,
    number,
    string,
    text_attribute,
)
from verification.crypto import Place
from verification.errors import StoreUnavailable
from verification.models.challenges import ChallengeStatus
from verification.models.customers import CustomerKey
from verification.models.states import Attempt, CustomerState, PublicState, Slot
from verification.ports import Result, Settlement


class AttemptRows:
    """Reserves and settles attempts."""

    def __init__(self, table: Table, emails: email_rows.EmailRows) -> None:
        self._table = table
        self._emails = emails

    def reserve_public(
        self, place: Place, challenge_id: str | None, token: str, now: float
    ) -> PublicState:
        """Count a wrong code on the public's row. Raises what `rules.why_not_public` says."""
        return self._emails.reserve_attempt(place, challenge_id, token, now)

    def reserve(self, customer: CustomerKey, attempt: Attempt) -> tuple[bool, CustomerState]:
        """Count a wrong code on the customer's row, and keep other attempts out meanwhile.

        Whether that was possible, and the state of the row: with the attempt in it, or as it is.
        """
        conditions = [NOT_BUSY]
        sets = [
            "wrong = list_append(if_not_exists(wrong, :empty), :entry)",
            "attempt = :attempt",
            "busy_until = :until",
        ]
        names: dict[str, str] = {}
        values: dict[str, Any] = {
            ":now_ms": number(int(attempt.now * 1000)),
            ":empty": {"L": []},
            ":entry": {"L": [string(f"{int(attempt.now)} {attempt.lane}")]},
            ":attempt": string(attempt.token),
            ":until": number(int((attempt.now + rules.ATTEMPT_SECONDS) * 1000)),
        }
        if attempt.allowed is not None:
            conditions.append("(attribute_not_exists(wrong) OR size(wrong) < :allowed)")
            values[":allowed"] = number(attempt.allowed)
        if attempt.slot is not None:
            slot = _name(attempt.slot)
            conditions.append(
                f"{slot}.#status IN (:sending, :pending) AND {slot}.expires_at > :now"
            )
            sets.append(f"{slot}.#status = :tried")
            names |= STATUS
            values |= {
                ":sending": string(ChallengeStatus.SENDING),
                ":pending": string(ChallengeStatus.PENDING),
                ":tried": string(_tried(attempt.slot)),
                ":now": number(int(attempt.now)),
            }
            if attempt.challenge_id is not None:
                conditions.append(f"{slot}.id = :id")
                values[":id"] = string(attempt.challenge_id)
            if attempt.client is not None:
                conditions.append(f"{slot}.client = :client AND {slot}.origin = :origin")
                values |= {
                    ":client": string(attempt.client),
                    ":origin": string(attempt.origin),
                }
        change = Update(
            customer_rows.key_of(customer),
            f"SET {', '.join(sets)}",
            " AND ".join(conditions),
            values,
            names,
        )
        try:
            row = self._table.update(change)
        except ConditionFailed as failed:
            # Otherwise an own write that botocore has sent again.
            is_own = text_attribute(failed.item, "attempt") == attempt.token
            return is_own, customer_rows.state_of(failed.item)
        return True, customer_rows.state_of(row)

    def settle(self, settlement: Settlement) -> None:
        """Write what the attempt came to. Raises StoreUnavailable if the reservation was lost."""
        changes: list[Update] = []
        if settlement.customer is not None:
            changes.append(_settle_customer(settlement, settlement.customer))
        if settlement.place is not None:
            changes.append(_settle_public(settlement, settlement.place))
        owned = len(changes)
        if settlement.refund is not None:
            changes.append(budget_rows.refund(settlement.refund, int(settlement.now)))
        try:
            self._table.transact(*changes, token=settlement.token)
        except ConditionFailed as failed:
            if failed.failed.isdisjoint(range(owned)):
                # Only the refund: its hour is over.
                self._table.transact(*changes[:owned], token=f"{settlement.token}-own")
                return
            rows = [failed.items[n] for n in range(owned)]
            if not all(text_attribute(row, "settled") == settlement.token for row in rows):
                # The reservation is no longer ours, so it is not known what happened since.
                raise StoreUnavailable from None
        if settlement.counts_for_brake:
            # On its own: transactions of all customers would meet on the brake's row.
            with suppress(StoreUnavailable):
                brake = budget_rows.brake_count(int(settlement.now))
                self._table.update(brake, returns=False)


def _settle_public(settlement: Settlement, place: Place) -> Update:
    match settlement.public_result:
        case Result.RIGHT | Result.ACTIVATED:
            return email_rows.settle_right(place, settlement.token, int(settlement.now))
        case Result.WRONG:
            return email_rows.settle_wrong(
                place, settlement.token, settlement.free_at, closes=settlement.closes_public
            )
        case Result.UNDONE:
            return email_rows.settle_undone(place, settlement.token)
    assert_never(settlement.public_result)


def _settle_customer(settlement: Settlement, customer: CustomerKey) -> Update:
    sets, removes = ["settled = :attempt"], ["attempt", "busy_until"]
    values: dict[str, Any] = {":attempt": string(settlement.token)}
    names: dict[str, str] = {}
    last = f"wrong[{settlement.wrong_codes - 1}]"
    status: ChallengeStatus | None = None
    match settlement.result:
        case Result.RIGHT:
            sets.append("wrong = :none")
            values[":none"] = {"L": []}
            status = ChallengeStatus.VERIFIED
        case Result.ACTIVATED:
            # At Okta an activation is not a verification: the wrong codes before it still count.
            removes.append(last)
            status = ChallengeStatus.VERIFIED
        case Result.WRONG:
            status = ChallengeStatus.EXHAUSTED if settlement.closes_customer else None
        case Result.UNDONE:
            removes.append(last)
            status = ChallengeStatus.PENDING if settlement.slot is Slot.RELEASE else None
        case _:
            assert_never(settlement.result)
    if settlement.slot is not None and status is not None:
        slot = _name(settlement.slot)
        sets.append(f"{slot}.#status = :status")
        names |= STATUS
        values[":status"] = string(status)
        if status is ChallengeStatus.VERIFIED:
            sets.append(f"{slot}.verified_at = :now")
            values[":now"] = number(int(settlement.now))
    if settlement.devices is not None:
        sets.append("devices = :devices")
        values[":devices"] = customer_rows.stored_devices(settlement.devices)
    return Update(
        customer_rows.key_of(customer),
        f"SET {', '.join(sets)} REMOVE {', '.join(removes)}",
        "attempt = :attempt",
        values,
        names,
    )


def _tried(slot: Slot) -> ChallengeStatus:
    """What a challenge is while its attempt is open. A release is used up by it from the start: it
    has no other, even if the outcome is never written.
    """
    match slot:
        case Slot.NEWEST:
            return ChallengeStatus.PENDING
        case Slot.RELEASE:
            return ChallengeStatus.EXHAUSTED
    assert_never(slot)


def _name(slot: Slot) -> str:
    match slot:
        case Slot.NEWEST:
            return "c0"
        case Slot.RELEASE:
            return "release_slot"
    assert_never(slot)
