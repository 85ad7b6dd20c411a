"""The newest push of a customer, in the attribute `push` of `customer#<key>`: one for all lanes, because a
phone should show one. What Okta answers closes the push and its challenge in one step, wherever the
challenge is stored.

`push#<key>`: when Okta was last asked about it (`asked_at`, milliseconds). It is a row of its own, so that
asking changes no row whose changes are audited.
"""

from __future__ import annotations

from typing import Any, assert_never

from verification import rules
from verification.aws import customer_rows, email_rows
from verification.aws.table import (
    STATUS,
    TTL,
    ConditionFailed,
    Table,
    Update,
    number,
    string,
    text_attribute,
)
from verification.crypto import Place, Row
from verification.models.challenges import ChallengeStatus
from verification.models.customers import CustomerKey
from verification.models.states import Push, PushAnswer
from verification.ports import PushDecision

KEPT_SECONDS = 3600
"""Longer than any challenge lives."""

_IS_OPEN = "c0.id = :id AND c0.#status IN (:sending, :pending) AND c0.expires_at > :now"


class PushRows:
    """Keeps pushes, and closes them once."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, customer: CustomerKey, push: Push) -> bool:
        """Keep a push that was sent; False if a newer one has been begun since."""
        names = customer_rows.sent_names(push.factor_id)
        return self._table.try_update(
            Update(
                customer_rows.key_of(customer),
                "SET push = :push",
                "#sent.#by = :by",
                {":push": customer_rows.stored_push(push), ":by": string(push.by)},
                names,
            )
        )

    def drop(self, customer: CustomerKey, push: Push) -> None:
        """Forget a push that was taken back, unless a newer one is kept."""
        self._table.try_update(
            Update(
                customer_rows.key_of(customer),
                "REMOVE push",
                "push.#by = :by",
                {":by": string(push.by)},
                {"#by": "by"},
            )
        )

    def reserve_poll(self, customer: CustomerKey, challenge_id: str, now: float) -> bool:
        """Whether Okta may be asked now about the push of this challenge. It is asked by one call at a
        time, and not again at once: that call may have crashed.
        """
        asked = int(now * 1000)
        return self._table.try_update(
            Update(
                f"push#{customer}",
                "SET challenge = :id, asked_at = :asked, #ttl = :ttl",
                "NOT challenge = :id OR NOT asked_at > :before",
                {
                    ":asked": number(asked),
                    ":before": number(asked - rules.POLL_SECONDS * 1000),
                    ":id": string(challenge_id),
                    ":ttl": number(int(now) + KEPT_SECONDS),
                },
                TTL,
            )
        )

    def settle(self, decision: PushDecision) -> bool:
        """Close a push and its challenge; False if they are no longer open, or no longer the newest, or
        the known devices have changed.
        """
        changes = [_settle_customer(decision)]
        if decision.place.row is not Row.CUSTOMER:
            changes.append(_settle_challenge(decision))
        try:
            self._table.transact(*changes, token=decision.token)
        except ConditionFailed as failed:
            # Otherwise an own write that botocore has sent again.
            return text_attribute(failed.item, "push_settled") == decision.token
        return True


def _settle_customer(decision: PushDecision) -> Update:
    sets, removes = ["push_settled = :token"], ["push"]
    conditions = ["push.#by = :by", "#sent.#by = :by"]
    names = customer_rows.sent_names(decision.push.factor_id)
    by = string(decision.push.by)
    values: dict[str, Any] = {":token": string(decision.token), ":by": by}
    if decision.answer is PushAnswer.APPROVED:
        removes.append(customer_rows.UNAPPROVED.take_back)
    if decision.devices is not None:
        sets.append("devices = :devices")
        conditions.append("devices = :known")
        values[":devices"] = customer_rows.stored_devices(decision.devices)
        values[":known"] = customer_rows.stored_devices(decision.known)
    if decision.place.row is Row.CUSTOMER:
        closed = _settle_challenge(decision)
        sets.append(closed.update.removeprefix("SET "))
        conditions.append(closed.condition)
        values |= closed.values
        names |= closed.names
    return Update(
        customer_rows.key_of(decision.customer),
        f"SET {', '.join(sets)} REMOVE {', '.join(removes)}",
        " AND ".join(conditions),
        values,
        names,
    )


def _settle_challenge(decision: PushDecision) -> Update:
    """Close the challenge, which is the newest of its row."""
    now = number(decision.now)
    values: dict[str, Any] = {
        ":id": string(decision.push.by),
        ":sending": string(ChallengeStatus.SENDING),
        ":pending": string(ChallengeStatus.PENDING),
        ":now": now,
    }
    match decision.answer:
        case PushAnswer.APPROVED:
            update = "SET c0.#status = :status, c0.verified_at = :now"
            values[":status"] = string(ChallengeStatus.VERIFIED)
        case PushAnswer.REJECTED:
            update = "SET c0.#status = :status"
            values[":status"] = string(ChallengeStatus.REJECTED)
        case PushAnswer.ENDED | PushAnswer.WAITING:
            update = "SET c0.expires_at = :now"
        case _:
            assert_never(decision.answer)
    return Update(_key_of(decision.place), update, _IS_OPEN, values, STATUS)


def _key_of(place: Place) -> str:
    if place.row is Row.CUSTOMER:
        return customer_rows.key_of(CustomerKey(place.key))
    return email_rows.key_of(place)
