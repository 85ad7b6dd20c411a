"""Windows of sends: what the conditions of the writes allow, against a simple model.

The model is the rule itself: at most so many sends in any window, and thirty seconds between two
over one channel. A send that is taken back never happened.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.integration.account import TABLE
from tests.integration.rows import ADA, DEVICE, EMAIL, STRANGERS, of_client, opened, plan_of
from tests.proof.dynamodb import MemoryDynamoDB
from tests.unit.examples import NOW
from verification import errors, rules
from verification.aws.customer_rows import STRANGERS_SIGN_IN_SENDS, CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.table import Table, Update, number
from verification.crypto import Place
from verification.frozen import replace
from verification.models.callers import Lane
from verification.models.customers import Channel
from verification.observability import Meter
from verification.ports import SendPlan
from verification.rules import Window

Step = tuple[int, Channel, bool]
"""Seconds that pass, the channel of a send, and whether it is taken back if it was allowed."""

UNTIL_ALLOWED = -1
"""In place of the seconds: as many as the model says."""

STEP = st.tuples(
    st.sampled_from([UNTIL_ALLOWED, 0, 1, 29, 30, 31, 700, 3600, 30_000, 86_400]),
    st.sampled_from([Channel.EMAIL, Channel.SMS]),
    st.booleans(),
)
# The last send that fits the window of three, or of a day, is taken back; then come others.
AT_LAST = (UNTIL_ALLOWED, Channel.EMAIL, False)
FULL_HOUR = [*((30, Channel.EMAIL, n == 2) for n in range(7)), AT_LAST]
MANY = [AT_LAST] * 45
FULL_DAY = [*((3600 if n < 10 else 30, Channel.EMAIL, n == 9) for n in range(12)), AT_LAST]


def model_wait(
    sends: Sequence[tuple[int, Channel]],
    windows: Sequence[Window],
    cool_down: int,
    channel: Channel,
    now: int,
) -> int:
    """Seconds until a send over this channel is allowed after these sends."""
    waits = [0, *(at + cool_down - now for at, over in sends if over is channel)]
    for window in windows:
        inside = sorted(at for at, _ in sends if at > now - window.seconds)
        if len(inside) >= window.count:
            waits.append(inside[-window.count] + window.seconds - now)
    return max(waits)


Send = Callable[[Table, Channel, int], Callable[[], object]]
"""Counts a send, and returns what takes it back."""


def in_public(place: Place, table: Table, channel: Channel, now: int) -> Callable[[], object]:
    emails, challenge = EmailRows(table, 3), opened(secrets.token_hex(4), now, channel=channel)
    emails.open_challenge(place, challenge)
    return lambda: emails.withdraw(place, challenge)


def by_client(table: Table, channel: Channel, now: int) -> Callable[[], object]:
    emails, token = EmailRows(table, 3), secrets.token_hex(4)
    emails.reserve_client_send(EMAIL, channel, token, now)
    return lambda: emails.refund_client_send(EMAIL, channel, token)


def planned(table: Table, plan: SendPlan) -> Callable[[], object]:
    customers, plan = CustomerRows(table), replace(plan, token=secrets.token_hex(4))
    customers.begin_send(plan)
    customers.confirm_send(plan.customer, plan.factor_id, plan.by, plan.now)
    return lambda: customers.withdraw_send(plan)


def in_sign_in(table: Table, channel: Channel, now: int) -> Callable[[], object]:
    return planned(table, SendPlan(ADA, "sign-in", "", now, 4, "emf1", counts_as=channel))


def release(table: Table, channel: Channel, now: int) -> Callable[[], object]:
    challenge = of_client(secrets.token_hex(4), now, lane=Lane.RELEASE, channel=channel)
    return planned(table, plan_of(challenge))


KINDS: dict[str, tuple[Send, Sequence[Window], int]] = {
    "stranger": (partial(in_public, STRANGERS), rules.HOUR_AND_DAY, 30),
    "device": (partial(in_public, DEVICE), rules.DEVICE_HOUR, 30),
    "client": (by_client, rules.HOUR_AND_DAY, 30),
    "sign-in": (in_sign_in, rules.HOUR_AND_DAY, 30),
    "release": (release, rules.RELEASE_DAY, 0),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@example(steps=FULL_HOUR)
@example(steps=FULL_DAY)
@example(steps=MANY)
@given(steps=st.lists(STEP, min_size=4, max_size=14))
def test_sends_fit_their_windows(kind: str, steps: list[Step]) -> None:
    send, windows, cool_down = KINDS[kind]
    client: Any = MemoryDynamoDB()  # like moto, and a hundred times as fast
    table, now = Table(client, TABLE, Meter()), NOW
    sends: list[tuple[int, Channel]] = []
    for seconds, channel, is_taken_back in steps:
        if seconds == UNTIL_ALLOWED:
            now += model_wait(sends, windows, cool_down, channel, now)
        else:
            now += seconds
        wait = model_wait(sends, windows, cool_down, channel, now)
        if wait:
            with pytest.raises(errors.SendLimited) as limited:
                send(table, channel, now)
            assert limited.value.retry_after == wait
            continue
        take_back = send(table, channel, now)
        if is_taken_back:
            take_back()
        else:
            sends.append((now, channel))
    kept = [
        len(value["L"]) for row in client.rows.values() for value in row.values() if "L" in value
    ]
    assert max(kept, default=0) < 2 * max(each.count for each in windows)


def test_however_many_old_sends_there_are_an_expression_can_take_them_off(table: Table) -> None:
    """They gather while no send is confirmed, such as during a long outage of Okta's."""
    sends, times = STRANGERS_SIGN_IN_SENDS, [number(NOW - n) for n in range(210)]
    row = table.update(
        Update("customer#a", "SET stranger_sends = :times", "", {":times": {"L": times}})
    )
    while excess := sends.excess("customer#a", row):
        assert len(excess.update) < 4096
        row = table.update(excess)
    assert row["stranger_sends"]["L"] == times[:10]


def to_by_client(table: Table, channel: Channel, now: int, to: str) -> None:
    EmailRows(table, 3).reserve_client_send(EMAIL, channel, secrets.token_hex(4), now, to)


def to_in_sign_in(table: Table, channel: Channel, now: int, to: str) -> None:
    planned(
        table,
        SendPlan(ADA, "sign-in", "", now, 4, "emf1", counts_as=channel, destination_hash=to),
    )


@pytest.mark.parametrize("send", [to_by_client, to_in_sign_in])
def test_cool_down_is_of_a_channel_and_a_destination_and_the_hour_is_of_all(
    send: Callable[[Table, Channel, int, str], None], table: Table
) -> None:
    send(table, Channel.SMS, NOW, "a")
    send(table, Channel.EMAIL, NOW, "a")
    send(table, Channel.SMS, NOW, "b")
    for to in ("b", ""):  # what is not known may be the same
        with pytest.raises(errors.SendLimited) as limited:
            send(table, Channel.SMS, NOW + 29, to)
        assert (limited.value.limit, limited.value.retry_after) == ("resend", 1)
    send(table, Channel.SMS, NOW + 30, "")
    with pytest.raises(errors.SendLimited):
        send(table, Channel.SMS, NOW + 31, "a")
    send(table, Channel.CALL, NOW + 31, "b")
    with pytest.raises(errors.SendLimited) as limited:
        send(table, Channel.EMAIL, NOW + 32, "c")
    assert (limited.value.limit, limited.value.retry_after) == ("hour", 3600 - 32)
