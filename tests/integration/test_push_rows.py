"""The rows of pushes: one question at a time, and one decision, whatever boto3 sends again."""

from __future__ import annotations

import pytest

from tests.integration.rows import ADA, DEVICE, FACTOR, Rows, of_client, opened, plan_of
from tests.unit.examples import NOW
from verification import rules
from verification.aws.push_rows import PushRows
from verification.aws.table import Table
from verification.crypto import Place, Row
from verification.frozen import replace
from verification.models.challenges import Challenge, ChallengeStatus
from verification.models.customers import Channel, Device
from verification.models.states import Push, PushAnswer
from verification.ports import PushDecision

CUSTOMER = Place(Row.CUSTOMER, ADA)
OF_CLIENT = of_client("one", channel=Channel.PUSH)
OF_DEVICE = opened("two", channel=Channel.PUSH)
PUSHES = {CUSTOMER: Push("ch_one", FACTOR, "sealed"), DEVICE: Push("ch_two", FACTOR, "sealed")}
places = pytest.mark.parametrize("place", PUSHES, ids=["client", "device"])


@pytest.fixture
def pushes(table: Table) -> PushRows:
    return PushRows(table)


def send(rows: Rows, pushes: PushRows, place: Place) -> PushDecision:
    """A push that was sent, and its approval."""
    plan = plan_of(OF_CLIENT, is_push=True)
    if place is DEVICE:
        rows.emails.open_challenge(DEVICE, OF_DEVICE)
        plan = replace(plan, by="ch_two", challenge=None)
    rows.customers.begin_send(plan)
    assert pushes.keep(ADA, PUSHES[place])
    return PushDecision("token", NOW + 9, PushAnswer.APPROVED, ADA, place, PUSHES[place])


def challenge_at(rows: Rows, place: Place) -> Challenge:
    state = rows.emails.state(DEVICE) if place is DEVICE else rows.ada
    return state.challenges[0]


@places
def test_an_approval_is_one_step_on_all_rows(rows: Rows, pushes: PushRows, place: Place) -> None:
    rows.customers.end_devices(ADA, NOW)
    decision = replace(send(rows, pushes, place), devices=(Device("d1", NOW),))
    assert not pushes.settle(replace(decision, known=(Device("ended", NOW),)))
    assert rows.dynamodb.repeat(lambda: pushes.settle(decision))
    verified = challenge_at(rows, place)
    assert (verified.status, verified.verified_at) == (ChallengeStatus.VERIFIED, NOW + 9)
    assert (rows.ada.push, rows.ada.unapproved) == (None, ())
    assert rows.ada.devices == (Device("d1", NOW),)
    assert not pushes.settle(replace(decision, token="another"))


@places
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (PushAnswer.REJECTED, ChallengeStatus.REJECTED),
        (PushAnswer.ENDED, ChallengeStatus.SENDING),
    ],
)
def test_what_was_not_approved_goes_on_counting(
    rows: Rows, pushes: PushRows, place: Place, answer: PushAnswer, status: ChallengeStatus
) -> None:
    assert pushes.settle(replace(send(rows, pushes, place), answer=answer))
    closed = challenge_at(rows, place)
    assert closed.status is status
    assert (closed.expires_at == NOW + 9) == (answer is PushAnswer.ENDED)
    assert (rows.ada.push, rows.ada.unapproved) == (None, (NOW,))


@places
def test_what_is_over_or_superseded_is_not_approved(
    rows: Rows, pushes: PushRows, place: Place
) -> None:
    decision = send(rows, pushes, place)
    assert not pushes.settle(replace(decision, now=NOW + 300))
    newer = plan_of(of_client("newer", NOW + 30), is_push=True)
    rows.customers.begin_send(newer)
    assert not pushes.settle(replace(decision, now=NOW + 31))
    assert challenge_at(rows, place).status is ChallengeStatus.SENDING
    assert not pushes.keep(ADA, PUSHES[place])
    rows.customers.withdraw_send(newer)
    assert pushes.settle(replace(decision, now=NOW + 32))


def test_okta_is_asked_by_one_call_in_two_seconds(pushes: PushRows) -> None:
    assert pushes.reserve_poll(ADA, "ch_one", NOW)
    assert not pushes.reserve_poll(ADA, "ch_one", NOW + rules.POLL_SECONDS - 0.1)
    assert pushes.reserve_poll(ADA, "ch_two", NOW)
    assert pushes.reserve_poll(ADA, "ch_two", NOW + rules.POLL_SECONDS)


def test_a_push_that_was_taken_back_is_forgotten(rows: Rows, pushes: PushRows) -> None:
    send(rows, pushes, CUSTOMER)
    pushes.drop(ADA, PUSHES[DEVICE])
    assert rows.ada.push == PUSHES[CUSTOMER]
    pushes.drop(ADA, PUSHES[CUSTOMER])
    assert rows.ada.push is None
