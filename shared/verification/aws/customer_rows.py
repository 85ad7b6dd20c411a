"""`customer#<key>`: all that decides whether Okta is asked about one customer.

Challenges of clients (`c0` to `c4`), the release, wrong codes in a row over all lanes (`wrong`),
what was sent over each factor (`sent_<factor id>`, and the one before it in `was_<factor id>`),
sends in sign-ins of strangers (`stranger_sends`) and of known callers (`known_sends`), `releases`,
pushes that are not approved (`unapproved`), the newest push (see `push_rows`), and known devices.
An attempt and what it decides change together, whatever runs at the same time in other instances.
Times are epoch seconds, `busy_until` and `sending_until` milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from verification import rules
from verification.aws import challenge_slots
from verification.aws.send_times import SendTimes
from verification.aws.table import (
    ALWAYS,
    NOT_BUSY,
    STATUS,
    ConditionFailed,
    Item,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.errors import (
    AttemptsHeld,
    RequestInProgress,
    SendLimited,
    VerificationError,
)
from verification.models.callers import Lane
from verification.models.challenges import ChallengeStatus
from verification.models.customers import CustomerKey, Device
from verification.models.states import CustomerState, Push, Sent, WrongCode
from verification.ports import SendPlan

STRANGERS_SIGN_IN_SENDS = SendTimes("stranger_sends", rules.HOUR_AND_DAY)
KNOWN_SIGN_IN_SENDS = SendTimes("known_sends", rules.HOUR_AND_DAY)
RELEASES = SendTimes("releases", rules.RELEASE_DAY)
UNAPPROVED = SendTimes("unapproved", rules.UNAPPROVED_PUSHES)

_NOT_SENDING = "NOT sending_until > :now_ms"
_SENT, _WAS = "sent_", "was_"


class CustomerRows:
    """What is sent to customers, and what was. Attempts are in `attempt_rows`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, customer: CustomerKey) -> CustomerState:
        """All that is known of the customer."""
        return state_of(self._table.get(key_of(customer)))

    def begin_send(self, plan: SendPlan, *, asks_okta: bool = False) -> CustomerState:
        """Record that a code is about to be sent: the one before is no longer good. The state has the
        push that was open before. If Okta is asked now, no other send of the customer begins before
        this one has ended (`confirm_send`, `withdraw_send` or `end_send`): neither could be undone
        after the other.

        Raises AttemptsHeld, SendLimited, RequestInProgress.
        """
        sets = ["send = :token"]
        conditions = ["NOT send = :token", NOT_BUSY, _NOT_SENDING]
        names: dict[str, str] = {}
        values: dict[str, Any] = {":token": string(plan.token), ":now_ms": number(plan.now * 1000)}
        if asks_okta:
            sets.append("sending_until = :until")
            values[":until"] = number((plan.now + rules.SENDING_SECONDS) * 1000)
        if plan.allowed is not None:
            conditions.append("(attribute_not_exists(wrong) OR size(wrong) < :allowed)")
            values[":allowed"] = number(plan.allowed)
        if plan.factor_id:
            sets.append("#was = if_not_exists(#sent, :none), #sent = :sent")
            names |= _names(plan.factor_id)
            sent = Sent(plan.by, plan.now, is_certain=plan.is_on_its_way)
            values |= {":sent": _sent(sent), ":none": {"NULL": True}}
        if plan.challenge is not None and plan.challenge.lane is Lane.RELEASE:
            sets.append(f"release_slot = :new, release_about = :about, {RELEASES.add}")
            conditions.append(RELEASES.fits)
            values |= challenge_slots.add_values(plan.challenge) | RELEASES.values(plan.now)
            if not plan.factor_id:
                del values[":none"]
        elif plan.challenge is not None:
            sets.append(challenge_slots.ADD)
            values |= challenge_slots.add_values(plan.challenge)
        if plan.is_push:
            sets.append(UNAPPROVED.add)
            conditions.append(UNAPPROVED.fits)
            values |= UNAPPROVED.values(plan.now)
        if plan.counts_as is not None:
            sends, channel = _sign_in_sends(plan), plan.counts_as.value
            to = plan.destination_hash
            sets.append(
                f"{sends.add}, {sends.last(channel)} = :now, {sends.last_to(channel)} = :to"
            )
            conditions += [sends.cooled(channel, to), sends.fits]
            values |= sends.values(plan.now) | sends.cooled_values(plan.now, to)
            values |= {":now": number(plan.now), ":to": string(to)}
        own = Update(
            key_of(plan.customer), f"SET {', '.join(sets)}", " AND ".join(conditions), values, names
        )
        try:
            row = self._table.update(own)
        except ConditionFailed as failed:
            row = failed.item
            if text_attribute(row, "send") != plan.token:  # otherwise botocore has sent it again
                raise _why_not_sent(row, plan) from None
        return state_of(row)

    def confirm_send(
        self, customer: CustomerKey, factor_id: str, by: str, now: int
    ) -> CustomerState:
        """The code of the send that began at `now` was sent, and is the newest for certain. A factor
        that was unknown before is recorded now.

        It stays uncertain if the one before may have been on its way at the same time: Okta may then
        have carried out that one last.
        """
        try:
            row = self._table.update(
                Update(
                    key_of(customer),
                    "SET #sent = :sent REMOVE sending_until",
                    "(attribute_not_exists(#sent) OR #sent.#by = :by) AND "
                    "NOT (#was.certain = :no AND #was.#at > :ended AND #was.#by <> :by)",
                    {
                        ":sent": _sent(Sent(by, now, is_certain=True)),
                        ":by": string(by),
                        ":no": {"BOOL": False},
                        ":ended": number(now - rules.SENDING_SECONDS),
                    },
                    {**_names(factor_id), "#by": "by", "#at": "at"},
                )
            )
        except ConditionFailed as failed:
            row = failed.item  # another one, of unknown end, may still be carried out
            self.end_send(customer)
        for sends in (STRANGERS_SIGN_IN_SENDS, KNOWN_SIGN_IN_SENDS, RELEASES, UNAPPROVED):
            if excess := sends.excess(key_of(customer), row):
                self._table.try_update(excess)
        return state_of(row)

    def withdraw_send(self, plan: SendPlan) -> None:
        """The code was certainly not sent: what was sent before it is good again."""
        sets: list[str] = []
        removes = ["send", "sending_until"]
        conditions = ["send = :token"]
        names: dict[str, str] = {}
        values: dict[str, Any] = {":token": string(plan.token)}
        if plan.factor_id:
            sets.append("#sent = #was")
            names |= _names(plan.factor_id)
        if plan.is_push:
            removes.append(UNAPPROVED.take_back)
        if plan.counts_as is not None:
            sends = _sign_in_sends(plan)
            removes += [sends.take_back, sends.last(plan.counts_as.value)]
        if plan.challenge is None:
            self._try(plan, sets, removes, conditions, names, values)
            return
        failed = {**values, ":failed": string(ChallengeStatus.FAILED)}
        if plan.challenge.lane is Lane.RELEASE:
            sets.append("release_slot.#status = :failed")
            removes.append(RELEASES.take_back)
            self._try(plan, sets, removes, conditions, names | STATUS, failed)
            return
        is_taken_back = self._try(
            plan,
            [*sets, challenge_slots.TAKE_BACK],
            removes,
            [*conditions, challenge_slots.CAN_TAKE_BACK],
            names,
            {**values, ":text": string("S")},
        )
        if not is_taken_back:
            closed = "c0.#status = :failed"
            self._try(plan, [*sets, closed], removes, conditions, names | STATUS, failed)

    def end_send(self, customer: CustomerKey) -> None:
        """Let other sends begin."""
        self._table.try_update(
            Update(
                key_of(customer),
                "REMOVE sending_until",
                "sending_until > :never",
                {":never": number(0)},
            )
        )

    def end_devices(self, customer: CustomerKey, now: int) -> None:
        """Make all device tokens of the customer invalid."""
        self._table.update(
            Update(
                key_of(customer),
                "SET devices = :none, devices_ended_at = :now",
                ALWAYS,
                {":none": stored_devices(()), ":now": number(now)},
            ),
            returns=False,
        )

    def forget_wrong_codes(self, customer: CustomerKey, count: int, now: int) -> None:
        """Okta has seen a success after the last of these wrong codes."""
        self._table.try_update(  # otherwise another one was tried meanwhile
            Update(
                key_of(customer),
                "SET wrong = :none",
                f"{NOT_BUSY} AND size(wrong) = :count",
                {":none": {"L": []}, ":count": number(count), ":now_ms": number(now * 1000)},
            )
        )

    def _try(
        self,
        plan: SendPlan,
        sets: list[str],
        removes: list[str],
        conditions: list[str],
        names: dict[str, str],
        values: dict[str, Any],
    ) -> bool:
        """Undo, unless another send has begun since."""
        update = f"SET {', '.join(sets)} " if sets else ""
        update += f"REMOVE {', '.join(removes)}"
        conditions_text = " AND ".join(conditions)
        return self._table.try_update(
            Update(key_of(plan.customer), update, conditions_text, values, names)
        )


def key_of(customer: CustomerKey) -> str:
    """The row's key."""
    return f"customer#{customer}"


def state_of(row: Item) -> CustomerState:
    """What the table knows of a customer."""
    release = None
    if "M" in row.get("release_slot", {}):
        about = json.loads(text_attribute(row, "release_about"))
        release = challenge_slots.challenge_of(row["release_slot"]["M"], about)
    wrong = [each["S"].partition(" ") for each in row.get("wrong", {}).get("L", [])]
    devices = json.loads(text_attribute(row, "devices") or "[]")
    return CustomerState(
        challenges=challenge_slots.challenges_of(row),
        release=release,
        wrong_codes=tuple(WrongCode(int(at), Lane(lane)) for at, _, lane in wrong),
        busy_until=int_attribute(row, "busy_until") / 1000,
        sent=_all_sent(row, _SENT),
        sent_before=_all_sent(row, _WAS),
        devices=tuple(Device(*each) for each in devices),
        devices_ended_at=int_attribute(row, "devices_ended_at"),
        push=_push(row),
        unapproved=UNAPPROVED.sends(row),
    )


def _sign_in_sends(plan: SendPlan) -> SendTimes:
    """The windows that a send in a sign-in counts in."""
    return STRANGERS_SIGN_IN_SENDS if plan.by_stranger else KNOWN_SIGN_IN_SENDS


def _names(factor_id: str) -> dict[str, str]:
    return {"#sent": _SENT + factor_id, "#was": _WAS + factor_id}


def sent_names(factor_id: str) -> dict[str, str]:
    """The names of what was sent over a factor, `#sent`, and of what it was sent for, `#by`."""
    return {"#sent": _SENT + factor_id, "#by": "by"}


def stored_push(push: Push) -> dict[str, Any]:
    """The newest push, as the row has it."""
    content = {
        "by": string(push.by),
        "factor_id": string(push.factor_id),
        "sealed": string(push.sealed),
    }
    return {"M": content}


def stored_devices(devices: Sequence[Device]) -> dict[str, str]:
    """The known devices, as the row has them."""
    return string(json.dumps([[each.id, each.issued_at] for each in devices]))


def _push(row: Item) -> Push | None:
    if "push" not in row:
        return None
    stored = row["push"]["M"]
    names = ("by", "factor_id", "sealed")
    return Push(*(text_attribute(stored, name) for name in names))


def _sent(sent: Sent) -> dict[str, Any]:
    content = {"by": string(sent.by), "at": number(sent.at), "certain": {"BOOL": sent.is_certain}}
    return {"M": content}


def _all_sent(row: Item, prefix: str) -> dict[str, Sent]:
    return {
        name.removeprefix(prefix): Sent(
            text_attribute(value["M"], "by"),
            int_attribute(value["M"], "at"),
            value["M"]["certain"]["BOOL"],
        )
        for name, value in row.items()
        if name.startswith(prefix) and "M" in value
    }


def _why_not_sent(row: Item, plan: SendPlan) -> VerificationError:
    state = state_of(row)
    if max(state.busy_until, int_attribute(row, "sending_until") / 1000) > plan.now:
        return RequestInProgress()
    if rules.is_held(state, plan.allowed):
        return AttemptsHeld(retry_after=rules.HOLD_SECONDS)
    if plan.counts_as is not None:
        sends, to = _sign_in_sends(plan), plan.destination_hash
        return sends.limited(row, plan.counts_as.value, plan.now, to)
    if plan.is_push:
        wait = rules.send_wait(state.unapproved, UNAPPROVED.windows, plan.now)
        return SendLimited(retry_after=wait, limit="push")
    wait = rules.send_wait(RELEASES.sends(row), RELEASES.windows, plan.now)
    return SendLimited(retry_after=wait, limit="releases")
