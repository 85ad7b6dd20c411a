"""`customer#<key>`: one customer's challenges, newest first in `c0` to `c4`, and failures in a row.

A slot holds what an old id is answered with; what only the newest needs is in `about`.
A challenge's id leads to this row, so that an attempt and its challenge change together, whatever
runs at the same time in other instances.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from verification import policy
from verification.aws.table import STATUS, ConditionFailed, Item, Table, number, text, whole
from verification.errors import RequestInProgress, StoreUnavailable
from verification.models import Challenge, ChallengeStatus, Channel, CustomerState

SLOTS = 5
"""Challenges that a row remembers: no more can be sent in an hour, which is longer than any lives.
Older ones, which only authenticator apps can have, answer `challenge_not_found`."""

# A comparison with an attribute that is not there is false, so its negation holds.
_FREE = "NOT attempt_until > :now AND NOT (failures >= :most AND held_until > :now)"
# From the oldest slot to the newest, so that each takes the value its neighbour had before.
_SHIFT = ", ".join(f"c{n} = if_not_exists(c{n - 1}, :none)" for n in range(SLOTS - 1, 0, -1))
_UNSHIFT = ", ".join(f"c{n} = c{n + 1}" for n in range(SLOTS - 1))
_ABOUT = (
    *("channel", "identity", "user_id", "factor_id", "destination"),
    *("client", "purpose", "reference", "factor_ref", "activates"),
)


class CustomerRows:
    """Every change of a challenge. Times are epoch seconds."""

    def __init__(self, table: Table, hold_seconds: int) -> None:
        self._table = table
        self._hold_seconds = hold_seconds

    def open(
        self, customer: str, challenge: Challenge, now: int, *, is_nobody: bool
    ) -> CustomerState:
        """Make this the customer's newest challenge. Raises AttemptsHeld, RequestInProgress.

        A row that stands for nobody is not kept for ever.
        """
        values = {
            ":new": _slot(challenge),
            ":about": {"S": _about(challenge)},
            ":none": {"NULL": True},
            ":id": {"S": challenge.id},
            ":now": number(now),
            ":most": number(policy.MAX_CONSECUTIVE_FAILURES),
        }
        update = f"SET {_SHIFT}, c0 = :new, about1 = if_not_exists(about, :none), about = :about"
        if is_nobody:
            update += ", #ttl = :ttl"
            values[":ttl"] = number(now + policy.DECOY_SECONDS)
        names = {"#ttl": "ttl"} if is_nobody else None
        condition = f"NOT c0.id = :id AND {_FREE}"
        try:
            return _state(self._table.update(_key(customer), update, condition, values, names))
        except ConditionFailed as failed:
            state = _state(failed.item)
            newest = state.newest
            if newest is not None and newest.id == challenge.id:
                return state  # an own write whose answer was lost and that was sent again
            raise policy.why_not_open(state, now) from None

    def withdraw(self, customer: str, challenge_id: str) -> None:
        """The code was not sent: the challenge before it is the newest again, if there is one."""
        newest = {":id": {"S": challenge_id}}
        with suppress(ConditionFailed):
            # What is known of the one before goes with it: once only, until another is opened.
            condition = "c0.id = :id AND attribute_exists(c1.id) AND attribute_type(about1, :text)"
            update = f"SET {_UNSHIFT}, about = about1 REMOVE about1"
            values = {**newest, ":text": {"S": "S"}}
            self._table.update(_key(customer), update, condition, values, returns=False)
            return
        with suppress(ConditionFailed):  # else a newer challenge has taken its place
            self._table.update(
                _key(customer),
                "SET c0.#status = :failed",
                "c0.id = :id",
                {":failed": {"S": ChallengeStatus.FAILED}, **newest},
                STATUS,
                returns=False,
            )

    def reserve(
        self, customer: str, challenge_id: str | None, attempt: str, now: int
    ) -> CustomerState:
        """Count one wrong code before it is known to be one, and keep others out meanwhile.

        Raises what `policy.why_refused` says, RequestInProgress among it.
        """
        condition = f"c0.#status IN (:sending, :pending) AND c0.expires_at > :now AND {_FREE}"
        values: dict[str, Any] = {
            ":sending": {"S": ChallengeStatus.SENDING},
            ":pending": {"S": ChallengeStatus.PENDING},
        }
        if challenge_id is not None:
            condition += " AND c0.id = :id"
            values[":id"] = {"S": challenge_id}
        change = "SET c0.#status = :pending,"
        try:
            return self._reserve(customer, attempt, now, change, condition, values, STATUS)
        except ConditionFailed as failed:
            raise policy.why_refused(_state(failed.item), challenge_id, now) from None

    def reserve_step(self, customer: str, attempt: str, now: int) -> CustomerState:
        """The same for a code that belongs to no challenge of this service, but to a sign-in at
        Okta. Raises AttemptsHeld, RequestInProgress.
        """
        try:
            return self._reserve(customer, attempt, now, "SET", _FREE, {}, None)
        except ConditionFailed as failed:
            raise policy.why_not_open(_state(failed.item), now) from None

    def _reserve(
        self,
        customer: str,
        attempt: str,
        now: int,
        change: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None,
    ) -> CustomerState:
        reservation = {
            ":now": number(now),
            ":most": number(policy.MAX_CONSECUTIVE_FAILURES),
            ":one": number(1),
            ":attempt": {"S": attempt},
            ":until": number(now + policy.ATTEMPT_SECONDS),
            ":held": number(now + self._hold_seconds),
        }
        update = (
            f"{change} held_until = :held, attempt = :attempt, attempt_until = :until "
            "ADD failures :one"
        )
        try:
            row = self._table.update(
                _key(customer), update, condition, {**values, **reservation}, names
            )
        except ConditionFailed as failed:
            if text(failed.item, "attempt") != attempt:
                raise
            row = failed.item  # an own write whose answer was lost and that was sent again
        return _state(row)

    def verified(self, customer: str, attempt: str, now: int) -> None:
        """The reserved attempt was right: close the challenge and forget the failures."""
        self._close(customer, attempt, now, ", failures = :number", 0)

    def activated(self, customer: str, attempt: str, now: int) -> None:
        """The reserved attempt was right and activated a factor: close the challenge. The failures
        before it stay, because at Okta they do: an activation is not a verification.
        """
        self._close(customer, attempt, now, ", failures = failures - :number", 1)

    def succeeded(self, customer: str, attempt: str) -> None:
        """The reserved attempt was right, in a sign-in: forget the failures."""
        self._settle(customer, attempt, ", failures = :zero", {":zero": number(0)})

    def step_activated(self, customer: str, attempt: str) -> None:
        """The reserved attempt was right and activated a factor, in a sign-in: as in `activated`,
        the failures before it stay.
        """
        self._settle(customer, attempt, ", failures = failures - :one", {":one": number(1)})

    def count(self, customer: str, attempt: str, state: CustomerState) -> int:
        """The reserved attempt was wrong, or may have been; how many remain. The last that is
        allowed closes the challenge that is open.
        """
        remaining = max(0, policy.MAX_CONSECUTIVE_FAILURES - state.failures)
        settle = self.rejected if remaining or not policy.is_open(state) else self.exhausted
        settle(customer, attempt)
        return remaining

    def rejected(self, customer: str, attempt: str) -> None:
        """The reserved attempt was wrong, or may have been: it stays counted."""
        self._settle(customer, attempt, "", {})

    def exhausted(self, customer: str, attempt: str) -> None:
        """The reserved attempt was wrong and the last: close the challenge too."""
        status = {":status": {"S": ChallengeStatus.EXHAUSTED}}
        self._settle(customer, attempt, ", c0.#status = :status", status, STATUS)

    def released(self, customer: str, attempt: str, now: int) -> None:
        """The reserved attempt never reached Okta: count it no more."""
        self._settle(
            customer,
            attempt,
            ", failures = failures - :one, held_until = :now",
            {":one": number(1), ":now": number(now)},
        )

    def release_hold(self, customer: str, now: int) -> None:
        """Let a held customer try one code. The failures stay counted, as they do at Okta. Raises
        RequestInProgress while a code is checked, which may be about to begin the hold anew.
        """
        try:
            self._table.update(
                _key(customer),
                "SET held_until = :now",
                "failures >= :most AND held_until > :now AND NOT attempt_until > :now",
                {":now": number(now), ":most": number(policy.MAX_CONSECUTIVE_FAILURES)},
                returns=False,
            )
        except ConditionFailed as failed:
            if whole(failed.item, "attempt_until") > now:
                raise RequestInProgress from None
            return  # not held

    def _close(self, customer: str, attempt: str, now: int, change: str, count: int) -> None:
        status = {"S": ChallengeStatus.VERIFIED}
        self._settle(
            customer,
            attempt,
            f", c0.#status = :status, c0.verified_at = :now{change}",
            {":status": status, ":now": number(now), ":number": number(count)},
            STATUS,
        )

    def _settle(
        self,
        customer: str,
        attempt: str,
        change: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> None:
        try:
            self._table.update(
                _key(customer),
                f"SET settled = :attempt{change} REMOVE attempt, attempt_until",
                "attempt = :attempt",
                {":attempt": {"S": attempt}, **values},
                names,
                returns=False,
            )
        except ConditionFailed as failed:
            if text(failed.item, "settled") != attempt:  # else an own write that was sent again
                # The reservation is no longer ours, so what happened since is not known.
                raise StoreUnavailable from None


def _key(customer: str) -> str:
    return f"customer#{customer}"


def _slot(challenge: Challenge) -> dict[str, Any]:
    slot: dict[str, Any] = {
        "id": {"S": challenge.id},
        "status": {"S": challenge.status},
        "sent_at": number(challenge.sent_at),
        "expires_at": number(challenge.expires_at),
    }
    return {"M": slot}


def _about(challenge: Challenge) -> str:
    about = {name: getattr(challenge, name) for name in _ABOUT}
    return json.dumps({name: value for name, value in about.items() if value})


def _challenge(slot: Item, about: Mapping[str, Any]) -> Challenge:
    return Challenge(
        id=text(slot, "id"),
        status=ChallengeStatus(text(slot, "status")),
        channel=Channel(about.get("channel", Channel.EMAIL)),
        identity=about.get("identity", ""),
        user_id=about.get("user_id", ""),
        factor_id=about.get("factor_id", ""),
        destination=about.get("destination", ""),
        sent_at=whole(slot, "sent_at"),
        expires_at=whole(slot, "expires_at"),
        client=about.get("client"),
        purpose=about.get("purpose"),
        reference=about.get("reference"),
        factor_ref=about.get("factor_ref", ""),
        activates=about.get("activates", False),
        verified_at=whole(slot, "verified_at") or None,
    )


def _state(item: Item) -> CustomerState:
    slots = [item.get(f"c{n}", {}).get("M") for n in range(SLOTS)]
    newest = json.loads(text(item, "about") or "{}")
    return CustomerState(
        challenges=tuple(
            _challenge(slot, newest if n == 0 else {}) for n, slot in enumerate(slots) if slot
        ),
        failures=whole(item, "failures"),
        held_until=whole(item, "held_until"),
        attempt=text(item, "attempt"),
        attempt_until=whole(item, "attempt_until"),
    )
