"""`email#<hash>`: what the public and clients have done with an email, and who Okta said it is.
`device#<id>`: what one known device has done with its customer.

What the public may be told is in attributes that only public calls change: challenges, wrong codes,
and sends in `public_sends`. Times are epoch seconds, `busy_until` milliseconds.
"""

from __future__ import annotations

import json
from typing import Any

from verification import rules
from verification.aws import challenge_slots
from verification.aws.send_times import SendTimes
from verification.aws.table import (
    NOT_BUSY,
    STATUS,
    TTL,
    ConditionFailed,
    Item,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.crypto import Place, Row
from verification.errors import AttemptsHeld, RequestInProgress
from verification.frozen import replace
from verification.models.challenges import Challenge, ChallengeStatus
from verification.models.customers import (
    Channel,
    EmailHash,
    FactorStatus,
    FactorType,
    Found,
    KnownFactor,
    Target,
)
from verification.models.states import PublicState

KEPT_SECONDS = 2 * 24 * 3600
"""After the longest window is over, nothing in a row matters any more. What the public did is forgotten
then even if the row is still there: it may have been kept by a client's send, or not deleted yet.
"""

STRANGER_SENDS = SendTimes("public_sends", rules.HOUR_AND_DAY)
DEVICE_SENDS = SendTimes("public_sends", rules.DEVICE_HOUR)
CLIENT_SENDS = SendTimes("client_sends", rules.HOUR_AND_DAY)

_NOT_HELD = "NOT (wrong >= :most AND held_until > :now)"
_IS_FORGOTTEN = "c0.sent_at <= :forgotten"
_NEVER_HELD = 10**9


class EmailRows:
    """Public challenges, send limits, and kept look-ups."""

    def __init__(self, table: Table, public_attempts: int) -> None:
        self._table = table
        self._public_attempts = public_attempts

    def open_challenge(self, place: Place, challenge: Challenge) -> int:
        """Make this the newest challenge, and count its send; when the next send is allowed.

        Raises SendLimited, AttemptsHeld, RequestInProgress.
        """
        now, sends = challenge.sent_at, _sends_of(place)
        channel = challenge.channel.value
        values = {
            **challenge_slots.add_values(challenge),
            **sends.values(now),
            **sends.cooled_values(now),
            ":id": string(challenge.id),
            ":most": number(self._most(place)),
            ":now": number(now),
            ":now_ms": number(now * 1000),
            ":forgotten": number(now - KEPT_SECONDS),
            ":zero": number(0),
            ":ttl": number(now + KEPT_SECONDS),
        }
        update = (
            f"SET {challenge_slots.ADD}, {sends.add}, {sends.last(channel)} = :now, #ttl = :ttl"
        )
        condition = f"NOT c0.id = :id AND {NOT_BUSY} AND {sends.cooled(channel)} AND {sends.fits}"
        counts = f"NOT wrong >= :most AND NOT ({_IS_FORGOTTEN} AND wrong > :zero)"
        first = Update(key_of(place), update, f"{condition} AND {counts}", values, TTL)
        # The first challenge after a hold, or after a long time: the wrong codes before it count no more.
        is_over = f"(wrong >= :most AND NOT held_until > :now OR {_IS_FORGOTTEN})"
        afresh = replace(
            first, update=f"{update}, wrong = :zero", condition=f"{condition} AND {is_over}"
        )
        try:
            row = self._table.update(first)
        except ConditionFailed as failed:
            row = failed.item
            if not _is_newest(row, challenge.id):  # otherwise botocore has sent an own write again
                row = self._open_afresh(afresh, row, place, channel)
        self._tidy(key_of(place), sends, row)
        return rules.resend_at(sends.sends(row), sends.windows, now)

    def withdraw(self, place: Place, challenge: Challenge) -> None:
        """The code was certainly not sent: close the challenge and take its send back, so that
        another may be asked for at once.
        """
        sends = _sends_of(place)
        self._table.try_update(
            Update(
                key_of(place),
                f"SET c0.#status = :failed REMOVE {sends.take_back}, {sends.last(challenge.channel)}",
                "c0.id = :id AND NOT c0.#status = :failed",
                {":failed": string(ChallengeStatus.FAILED), ":id": string(challenge.id)},
                STATUS,
            )
        )

    def attach(self, place: Place, challenge: Challenge, target: Target) -> bool:
        """Record which factor this challenge is sent through. Once only: False if that was done
        before, or if the challenge is no longer the newest.
        """
        known = challenge_slots.about(replace(challenge, target=target))
        return self._table.try_update(
            Update(
                key_of(place),
                "SET about = :about, delivery = :id",
                "c0.id = :id AND NOT delivery = :id",
                {":about": known, ":id": string(challenge.id)},
            )
        )

    def state(self, place: Place) -> PublicState:
        """What the public did."""
        return state_of(self._table.get(key_of(place)))

    def found(self, email_hash: EmailHash) -> Found | None:
        """The kept look-up, if there is one."""
        row = self._table.get(key_of(Place(Row.EMAIL, email_hash)), "looked_up", "looked_up_at")
        return _found(row)

    def reserve_client_send(
        self, email_hash: EmailHash, channel: Channel, token: str, now: int, to: str = ""
    ) -> tuple[Found | None, int]:
        """Count one send of a client to this email before anything is sent; the kept look-up, and
        when the next send is allowed. `to` is the hash of the mailbox or phone, as far as it is known
        yet. Raises SendLimited.
        """
        sends, place = CLIENT_SENDS, Place(Row.EMAIL, email_hash)
        values = {
            **sends.values(now),
            **sends.cooled_values(now, to),
            ":now": number(now),
            ":to": string(to),
            ":token": string(token),
            ":ttl": number(now + KEPT_SECONDS),
        }
        update = (
            f"SET {sends.add}, {sends.last(channel)} = :now, {sends.last_to(channel)} = :to, "
            "send = :token, #ttl = :ttl"
        )
        condition = f"{sends.cooled(channel, to)} AND {sends.fits}"
        try:
            row = self._table.update(Update(key_of(place), update, condition, values, TTL))
        except ConditionFailed as failed:
            row = failed.item
            if text_attribute(row, "send") != token:  # otherwise botocore has sent it again
                raise sends.limited(row, channel, now, to) from None
        self._tidy(key_of(place), sends, row)
        return _found(row), rules.resend_at(sends.sends(row), sends.windows, now)

    def refund_client_send(self, email_hash: EmailHash, channel: Channel, token: str) -> None:
        """Take the last send back: it is certain that nothing was sent."""
        self._table.try_update(
            Update(
                key_of(Place(Row.EMAIL, email_hash)),
                f"REMOVE {CLIENT_SENDS.take_back}, {CLIENT_SENDS.last(channel)}, send",
                "send = :token",
                {":token": string(token)},
            )
        )

    def remember(self, email_hash: EmailHash, found: Found) -> None:
        """Keep what Okta said, unless a newer answer is kept."""
        self._table.try_update(
            Update(
                key_of(Place(Row.EMAIL, email_hash)),
                "SET looked_up = :found, looked_up_at = :at, #ttl = if_not_exists(#ttl, :ttl)",
                "NOT looked_up_at > :at",
                {
                    ":found": string(_dumps(found)),
                    ":at": number(found.at),
                    ":ttl": number(found.at + KEPT_SECONDS),
                },
                TTL,
            )
        )

    def forget(self, email_hash: EmailHash) -> None:
        """Ask Okta again next time."""
        self._table.try_update(
            Update(
                key_of(Place(Row.EMAIL, email_hash)),
                "SET looked_up_at = :never",
                "attribute_exists(pk)",
                {":never": number(0)},
            )
        )

    def reserve_attempt(
        self, place: Place, challenge_id: str | None, attempt: str, now: float
    ) -> PublicState:
        """Count a wrong code before it is known to be one, and keep other attempts out meanwhile.

        `challenge_id` None is the newest challenge. Raises what `rules.why_not_public` says.
        """
        seconds = int(now)
        condition = (
            f"c0.#status IN (:sending, :pending) AND c0.expires_at > :now "
            f"AND {NOT_BUSY} AND {_NOT_HELD}"
        )
        values: dict[str, Any] = {
            ":sending": string(ChallengeStatus.SENDING),
            ":pending": string(ChallengeStatus.PENDING),
            ":now": number(seconds),
            ":now_ms": number(int(now * 1000)),
            ":most": number(self._most(place)),
            ":attempt": string(attempt),
            ":until": number(int((now + rules.ATTEMPT_SECONDS) * 1000)),
            ":held": number(seconds + rules.HOLD_SECONDS),
            ":one": number(1),
        }
        if challenge_id is not None:
            condition += " AND c0.id = :id"
            values[":id"] = string(challenge_id)
        update = (
            "SET c0.#status = :pending, attempt = :attempt, busy_until = :until, "
            "held_until = :held ADD wrong :one"
        )
        try:
            row = self._table.update(Update(key_of(place), update, condition, values, STATUS))
        except ConditionFailed as failed:
            row = failed.item
            if text_attribute(row, "attempt") != attempt:
                state = self._told(row, place, now)
                raise rules.why_not_public(state, challenge_id, now) from None
        return self._told(row, place, now)

    def _told(self, row: Item, place: Place, now: float) -> PublicState:
        """The state as the public is told it: without what is forgotten, and `held_until` is 0 unless the
        row is held.
        """
        state = state_of(row)
        state = replace(state, challenges=_remembered(state.challenges, now))
        if place.row is Row.EMAIL and state.wrong_codes >= self._public_attempts:
            return state
        return PublicState(state.challenges, state.wrong_codes, 0, state.busy_until)

    def _most(self, place: Place) -> int:
        """Wrong codes after which a row is held. The row of a device is never held."""
        return self._public_attempts if place.row is Row.EMAIL else _NEVER_HELD

    def _open_afresh(self, change: Update, row: Item, place: Place, channel: str) -> Item:
        now = int(change.values[":now"]["N"])
        state = state_of(row)
        if _remembered(state.challenges, now) and state.wrong_codes < self._most(place):
            raise self._why_not_opened(row, place, channel, now)
        try:
            return self._table.update(change)
        except ConditionFailed as failed:
            if _is_newest(failed.item, change.values[":id"]["S"]):
                return failed.item  # an own write that botocore has sent again
            raise self._why_not_opened(failed.item, place, channel, now) from None

    def _why_not_opened(self, row: Item, place: Place, channel: str, now: int) -> Exception:
        state = self._told(row, place, now)
        if state.busy_until > now:
            return RequestInProgress()
        if state.held_until > now:
            return AttemptsHeld(retry_after=state.held_until - now)
        return _sends_of(place).limited(row, channel, now)

    def _tidy(self, key: str, sends: SendTimes, row: Item) -> None:
        if excess := sends.excess(key, row):
            self._table.try_update(excess)


def settle_right(place: Place, attempt: str, now: int) -> Update:
    """The reserved attempt was right: close the challenge and forget the wrong codes."""
    return Update(
        key_of(place),
        "SET c0.#status = :status, c0.verified_at = :now, wrong = :none, settled = :attempt "
        "REMOVE attempt, busy_until, held_until",
        "attempt = :attempt",
        {
            ":status": string(ChallengeStatus.VERIFIED),
            ":now": number(now),
            ":none": number(0),
            ":attempt": string(attempt),
        },
        STATUS,
    )


def settle_wrong(place: Place, attempt: str, free_at: float, *, closes: bool) -> Update:
    """The reserved attempt was wrong: it stays counted. Others may try from `free_at` (epoch
    seconds); `closes` says that the challenge is used up.
    """
    values = {":attempt": string(attempt), ":free": number(int(free_at * 1000))}
    if not closes:
        update, names = "SET", {}
    else:
        update, names = "SET c0.#status = :status,", STATUS
        values[":status"] = string(ChallengeStatus.EXHAUSTED)
    return Update(
        key_of(place),
        f"{update} settled = :attempt, busy_until = :free REMOVE attempt",
        "attempt = :attempt",
        values,
        names,
    )


def settle_undone(place: Place, attempt: str) -> Update:
    """The reserved attempt never reached Okta: count it no more."""
    return Update(
        key_of(place),
        "SET wrong = wrong - :one, settled = :attempt REMOVE attempt, busy_until",
        "attempt = :attempt",
        {":one": number(1), ":attempt": string(attempt)},
    )


def key_of(place: Place) -> str:
    """The row's key."""
    return f"device#{place.key}" if place.row is Row.DEVICE else f"email#{place.key}"


def state_of(row: Item) -> PublicState:
    """What the public did with this row."""
    return PublicState(
        challenge_slots.challenges_of(row),
        int_attribute(row, "wrong"),
        int_attribute(row, "held_until"),
        int_attribute(row, "busy_until") / 1000,
    )


def _sends_of(place: Place) -> SendTimes:
    return DEVICE_SENDS if place.row is Row.DEVICE else STRANGER_SENDS


def _remembered(challenges: tuple[Challenge, ...], now: float) -> tuple[Challenge, ...]:
    """Those of a row that would still be there if it were deleted as soon as its time to live is over,
    and if that followed from public sends alone.
    """
    next_at = now
    for position, each in enumerate(challenges):
        if each.sent_at + KEPT_SECONDS <= next_at:
            return challenges[:position]
        next_at = each.sent_at
    return challenges


def _is_newest(row: Item, challenge_id: str) -> bool:
    newest = state_of(row).challenges[:1]
    return bool(newest) and newest[0].id == challenge_id


def _found(row: Item) -> Found | None:
    if "looked_up" not in row:
        return None
    kept: dict[str, Any] = json.loads(text_attribute(row, "looked_up"))
    factors = tuple(
        KnownFactor(
            each.pop("id"), FactorType(each.pop("type")), FactorStatus(each.pop("status")), **each
        )
        for each in kept.pop("factors")
    )
    return Found(int_attribute(row, "looked_up_at"), factors=factors, **kept)


def _dumps(found: Found) -> str:
    kept = dict(vars(found))
    del kept["at"]  # has an attribute of its own, so that it can be forgotten alone
    return json.dumps(kept, default=vars, separators=(",", ":"))
