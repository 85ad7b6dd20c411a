"""Windows of sends: what the conditions of the writes allow, against a simple model.

The model is the rule itself: at most so many sends in any window, and thirty seconds between two
over one channel. A send that is taken back never happened.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.integration.account import TABLE
from tests.integration.rows import of_client, opened, plan_of
from tests.proof.dynamodb import MemoryDynamoDB
from tests.unit.examples import NOW
from verification import errors, rules
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.table import Table
from verification.crypto import Place, Row
from verification.models import Channel, CustomerKey, EmailHash, Lane
from verification.observability import Meter
from verification.ports import SendPlan
from verification.rules import Window

STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 29, 30, 31, 700, 3600, 30_000, 86_400]),
        st.sampled_from([Channel.EMAIL, Channel.SMS]),
        st.booleans(),
    ),
    min_size=4,
    max_size=14,
)
"""Seconds that pass, the channel of a send, and whether it is taken back if it was allowed."""

FULL_HOUR = [(30, Channel.EMAIL, n == 2) for n in range(7)]
FULL_DAY = [(3600 if n < 10 else 30, Channel.EMAIL, n == 9) for n in range(12)]
"""The last send that fits the window of three, or of a day, is taken back; then come others."""


@dataclass
class Model:
    """All sends so far, and the rule."""

    windows: Sequence[Window]
    cools_down: bool
    sends: list[tuple[int, Channel]] = field(default_factory=list)

    def wait(self, channel: Channel, now: int) -> int:
        """Seconds until a send over this channel is allowed."""
        waits = [0]
        for window in self.windows:
            inside = sorted(at for at, _ in self.sends if at > now - window.seconds)
            if len(inside) >= window.count:
                waits.append(inside[-window.count] + window.seconds - now)
        if self.cools_down:
            waits += [at + 30 - now for at, over in self.sends if over is channel]
        return max(waits)


class Sends:
    """The sends of one kind; each instance has a row of its own."""

    windows: Sequence[Window] = rules.HOUR_AND_DAY
    cools_down = True

    def __init__(self, table: Table) -> None:
        self.key = secrets.token_hex(16)
        self.emails, self.customers = EmailRows(table, 3), CustomerRows(table)

    def send(self, channel: Channel, now: int) -> Callable[[], None]:
        """Count a send; what takes it back."""
        raise NotImplementedError


class OfStrangers(Sends):
    row = Row.EMAIL

    def send(self, channel: Channel, now: int) -> Callable[[], None]:
        place = Place(self.row, self.key)
        challenge = opened(secrets.token_hex(4), now, channel=channel)
        self.emails.open_challenge(place, challenge)
        return lambda: self.emails.withdraw(place, challenge)


class OfDevices(OfStrangers):
    row = Row.DEVICE
    windows = rules.DEVICE_HOUR


class OfClients(Sends):
    def send(self, channel: Channel, now: int) -> Callable[[], None]:
        email_hash, token = EmailHash(self.key), secrets.token_hex(4)
        self.emails.reserve_client_send(email_hash, channel, token, now)
        return lambda: self.emails.refund_client_send(email_hash, channel, token)


class OfSignIns(Sends):
    def plan(self, channel: Channel, now: int) -> SendPlan:
        customer, token = CustomerKey(self.key), secrets.token_hex(4)
        return SendPlan(customer, "sign-in", token, now, 4, "emf1", counts_as=channel)

    def send(self, channel: Channel, now: int) -> Callable[[], None]:
        plan = self.plan(channel, now)
        self.customers.begin_send(plan)
        return lambda: self.customers.withdraw_send(plan)


class Releases(OfSignIns):
    windows = rules.RELEASE_DAY
    cools_down = False

    def plan(self, channel: Channel, now: int) -> SendPlan:
        release = of_client(secrets.token_hex(4), now, lane=Lane.RELEASE, channel=channel)
        return replace(plan_of(release), customer=CustomerKey(self.key))


@pytest.mark.parametrize("kind", [OfStrangers, OfDevices, OfClients, OfSignIns, Releases])
@settings(max_examples=25)
@example(steps=FULL_HOUR)
@example(steps=FULL_DAY)
@given(steps=STEPS)
def test_sends_fit_their_windows(kind: type[Sends], steps: list[tuple[int, Channel, bool]]) -> None:
    client: Any = MemoryDynamoDB()  # like moto, and a hundred times as fast
    sends, now = kind(Table(client, TABLE, Meter())), NOW
    model = Model(sends.windows, sends.cools_down)
    for seconds, channel, is_taken_back in steps:
        now += seconds
        wait = 0
        try:
            take_back = sends.send(channel, now)
        except errors.SendLimited as limited:
            wait = limited.retry_after
        assert wait == model.wait(channel, now)
        if wait:
            continue
        if is_taken_back:
            take_back()
        else:
            model.sends.append((now, channel))
