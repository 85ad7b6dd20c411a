"""The customer's row: what is sent, what may be sent, wrong codes, attempts and devices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.account import client_error
from tests.integration.rows import (
    ADA,
    BOB,
    FACTOR,
    STRANGERS,
    Rows,
    of_client,
    opened,
    plan_of,
    refusal,
    repeated,
    told,
)
from tests.unit.examples import NOW
from verification import errors, rules
from verification.models import (
    Attempt,
    ChallengeStatus,
    Channel,
    CustomerState,
    Device,
    Lane,
    Origin,
    Sent,
    Slot,
    Spent,
    WrongCode,
)
from verification.ports import Result, SendPlan, Settlement

LOCKED = rules.ATTEMPT_SECONDS
OF_PUBLIC = SendPlan(ADA, "ch_public", "send-public", NOW, 3, FACTOR)
IN_SIGN_IN = SendPlan(ADA, "sign-in", "send-sign-in", NOW, 4, "sms1", counts_as=Channel.SMS)


def reserve(rows: Rows, token: str, now: float = NOW, **changes: Any) -> tuple[bool, CustomerState]:
    """Reserve an attempt of a client at any challenge; four wrong codes are allowed."""
    return rows.attempts.reserve(ADA, replace(Attempt(token, Lane.CLIENT, 4, now), **changes))


def settle(
    rows: Rows, token: str, result: Result, count: int, now: int = NOW, **changes: Any
) -> None:
    rows.attempts.settle(replace(Settlement(token, now, result, ADA, count), **changes))


def fail(rows: Rows, times: int, now: int = NOW) -> None:
    """So many wrong codes in a row."""
    for n in range(times):
        _, state = reserve(rows, f"fail-{n}", now)
        settle(rows, f"fail-{n}", Result.WRONG, len(state.wrong_codes), now)


class TestSends:
    def test_newest_send_is_uncertain_until_it_is_confirmed(self, rows: Rows) -> None:
        challenge = of_client("one", purpose="refund", origin=Origin.MFA, factor_ref="ref")
        rows.customers.begin_send(plan_of(challenge))
        assert rows.customers.get(ADA) == CustomerState(
            (challenge,), sent={FACTOR: Sent("ch_one", NOW, is_certain=False)}
        )
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW + 1)
        assert state.sent == {FACTOR: Sent("ch_one", NOW + 1, is_certain=True)}
        assert rows.customers.get(BOB) == CustomerState()

    def test_send_of_the_public_stores_no_challenge_here(self, rows: Rows) -> None:
        rows.customers.begin_send(OF_PUBLIC)
        state = rows.customers.get(ADA)
        assert (state.challenges, state.sent[FACTOR].by) == ((), "ch_public")

    def test_newer_send_ends_the_one_before(self, rows: Rows) -> None:
        rows.customers.begin_send(plan_of(of_client("one")))
        rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        rows.customers.begin_send(plan_of(of_client("two", NOW + 30)))
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW + 31)
        assert state.sent[FACTOR] == Sent("ch_two", NOW + 30, is_certain=False)
        assert state.sent_before[FACTOR] == Sent("ch_one", NOW, is_certain=True)
        assert [each.id for each in state.challenges] == ["ch_two", "ch_one"]

    def test_code_that_is_on_its_way_is_certain_at_once(self, rows: Rows) -> None:
        rows.customers.begin_send(plan_of(of_client("one"), is_on_its_way=True))
        assert rows.customers.get(ADA).sent[FACTOR].is_certain

    @pytest.mark.parametrize("plan", [plan_of(of_client("two", NOW + 30)), IN_SIGN_IN, OF_PUBLIC])
    def test_withdrawn_send_leaves_what_was_before(self, rows: Rows, plan: SendPlan) -> None:
        rows.customers.begin_send(plan_of(of_client("one", purpose="refund")))
        before = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        repeated(rows.dynamodb, lambda: rows.customers.begin_send(plan))
        repeated(rows.dynamodb, lambda: rows.customers.withdraw_send(plan))
        after = rows.customers.get(ADA)
        assert (after.challenges, after.sent) == (before.challenges, before.sent)
        assert after.challenges[0].purpose == "refund"

    def test_withdrawn_first_challenge_is_failed(self, rows: Rows) -> None:
        plan = plan_of(of_client("one"))
        rows.customers.begin_send(plan)
        rows.customers.withdraw_send(plan)
        state = rows.customers.get(ADA)
        assert (state.challenges[0].status, state.sent) == (ChallengeStatus.FAILED, {})

    def test_only_the_last_send_is_withdrawn(self, rows: Rows) -> None:
        first = plan_of(of_client("one"))
        rows.customers.begin_send(first)
        rows.customers.begin_send(plan_of(of_client("two", NOW + 30)))
        before = rows.customers.get(ADA)
        rows.customers.withdraw_send(first)
        assert rows.customers.get(ADA) == before

    def test_release_has_a_place_of_its_own(self, rows: Rows) -> None:
        rows.customers.begin_send(plan_of(of_client("one")))
        plan = plan_of(of_client("release", lane=Lane.RELEASE))
        rows.customers.begin_send(plan)
        state = rows.customers.get(ADA)
        assert [each.id for each in state.challenges] == ["ch_one"]
        assert state.release == plan.challenge
        rows.customers.withdraw_send(plan)
        release = rows.customers.get(ADA).release
        assert release
        assert release.status is ChallengeStatus.FAILED

    def test_nothing_is_sent_while_a_code_is_checked(self, rows: Rows) -> None:
        reserve(rows, "a")
        assert told(lambda: rows.customers.begin_send(OF_PUBLIC)) == "request_in_progress"
        rows.customers.begin_send(replace(OF_PUBLIC, now=NOW + LOCKED))

    def test_nothing_is_sent_where_the_lane_may_not_try(self, rows: Rows) -> None:
        fail(rows, 3)
        assert told(lambda: rows.customers.begin_send(OF_PUBLIC)) == "attempts_held"
        rows.customers.begin_send(plan_of(of_client("one")))
        fail(rows, 1)
        assert told(lambda: rows.customers.begin_send(plan_of(of_client("two")))) == "attempts_held"
        rows.customers.begin_send(plan_of(of_client("release", lane=Lane.RELEASE)))

    def test_destination_has_twenty_sends_a_day(self, rows: Rows) -> None:
        for n in range(20):
            rows.budgets.send_to("phone", NOW, f"send-{n}")
        limited = refusal(lambda: rows.budgets.send_to("phone", NOW + 1, "send-20"))
        assert isinstance(limited, errors.SendLimited)
        assert (limited.limit, limited.retry_after) == ("destination", 86_399 - NOW % 86_400)
        rows.budgets.send_to("another", NOW, "send-21")
        rows.budgets.send_to("phone", NOW + 24 * 3600, "send-22")

    def test_strangers_have_half_of_a_destinations_sends(self, rows: Rows) -> None:
        for n in range(10):
            rows.budgets.send_to("phone", NOW, f"send-{n}", by_stranger=True)
        refused = told(lambda: rows.budgets.send_to("phone", NOW, "send-10", by_stranger=True))
        assert refused == "send_limited"
        rows.budgets.send_to("phone", NOW, "send-11")

    def test_sign_ins_of_strangers_use_up_nothing_of_others(self, rows: Rows) -> None:
        plan = replace(IN_SIGN_IN, by_stranger=True)
        rows.customers.begin_send(plan)
        again = replace(plan, token="again", now=NOW + 1)
        assert told(lambda: rows.customers.begin_send(again)) == "send_limited"
        rows.customers.begin_send(replace(IN_SIGN_IN, token="known", now=NOW + 1))

    def test_send_that_boto3_sends_twice_counts_once(self, rows: Rows) -> None:
        plan = plan_of(of_client("one"))
        repeated(rows.dynamodb, lambda: rows.customers.begin_send(plan))
        assert len(rows.customers.get(ADA).challenges) == 1
        repeated(rows.dynamodb, lambda: rows.budgets.send_to("phone", NOW, "send"))
        assert rows.account.rows()[f"sends#{NOW // 86_400}#phone"]["sends"] == {"N": "1"}

    def test_of_two_sends_at_once_the_later_is_the_newest(self, rows: Rows) -> None:
        one, two = plan_of(of_client("one")), plan_of(of_client("two"))
        rows.dynamodb.before.append(lambda: rows.customers.begin_send(one))
        rows.customers.begin_send(two)
        assert [each.id for each in rows.customers.get(ADA).challenges] == ["ch_two", "ch_one"]
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        assert not rules.is_newest(state, FACTOR, "ch_one")


class TestAttempts:
    def test_attempt_counts_before_it_is_known_to_be_wrong(self, rows: Rows) -> None:
        is_reserved, state = reserve(rows, "a", NOW + 0.5, lane=Lane.STRANGER)
        assert is_reserved
        assert state.wrong_codes == (WrongCode(NOW, Lane.STRANGER),)
        assert state.busy_until == NOW + 0.5 + LOCKED

    def test_one_attempt_at_a_time(self, rows: Rows) -> None:
        reserve(rows, "a")
        assert reserve(rows, "b", NOW + 1)[0] is False
        settle(rows, "a", Result.WRONG, 1)
        assert reserve(rows, "b", NOW + 1)[0] is True

    def test_of_two_attempts_at_once_one_is_reserved(self, rows: Rows) -> None:
        rows.dynamodb.before.append(lambda: reserve(rows, "b"))
        is_reserved, state = reserve(rows, "a")
        assert (is_reserved, len(state.wrong_codes)) == (False, 1)

    def test_lane_may_try_while_the_count_is_below_its_limit(self, rows: Rows) -> None:
        fail(rows, 3)
        assert reserve(rows, "stranger", allowed=3)[0] is False
        assert reserve(rows, "client")[0] is True
        settle(rows, "client", Result.WRONG, 4)
        assert reserve(rows, "client")[0] is False
        assert reserve(rows, "release", allowed=None)[0] is True

    def test_lock_of_a_crashed_attempt_expires_and_the_attempt_stays_counted(
        self, rows: Rows
    ) -> None:
        reserve(rows, "crashed")
        assert reserve(rows, "b", NOW + LOCKED - 1)[0] is False
        _, state = reserve(rows, "b", NOW + LOCKED)
        assert len(state.wrong_codes) == 2
        for result in Result:
            with pytest.raises(errors.StoreUnavailable):
                settle(rows, "crashed", result, 1, NOW + LOCKED)
        settle(rows, "b", Result.WRONG, 2, NOW + LOCKED)
        assert len(rows.customers.get(ADA).wrong_codes) == 2

    @pytest.mark.parametrize(
        ("result", "left"),
        [(Result.RIGHT, 0), (Result.ACTIVATED, 1), (Result.WRONG, 2), (Result.UNDONE, 1)],
    )
    def test_what_an_attempt_came_to(self, rows: Rows, result: Result, left: int) -> None:
        """Writes that boto3 sends twice count once."""
        fail(rows, 1)
        is_reserved, state = repeated(rows.dynamodb, lambda: reserve(rows, "a", NOW + 1))
        assert (is_reserved, len(state.wrong_codes)) == (True, 2)
        repeated(rows.dynamodb, lambda: settle(rows, "a", result, 2))
        state = rows.customers.get(ADA)
        assert (len(state.wrong_codes), state.busy_until) == (left, 0)

    @pytest.mark.parametrize("slot", Slot)
    @pytest.mark.parametrize(
        ("result", "closes", "status"),
        [
            (Result.RIGHT, False, ChallengeStatus.VERIFIED),
            (Result.ACTIVATED, False, ChallengeStatus.VERIFIED),
            (Result.WRONG, False, ChallengeStatus.PENDING),
            (Result.WRONG, True, ChallengeStatus.EXHAUSTED),
            (Result.UNDONE, False, ChallengeStatus.PENDING),
        ],
    )
    def test_status_of_the_challenge(
        self, rows: Rows, slot: Slot, result: Result, closes: bool, status: ChallengeStatus
    ) -> None:
        lane = Lane.RELEASE if slot is Slot.RELEASE else Lane.CLIENT
        rows.customers.begin_send(plan_of(of_client("one", lane=lane)))
        reserve(rows, "a", slot=slot)
        settle(rows, "a", result, 1, slot=slot, closes_customer=closes)
        state = rows.customers.get(ADA)
        challenge = state.release if slot is Slot.RELEASE else state.challenges[0]
        assert challenge
        assert challenge.status is status
        assert challenge.verified_at == (NOW if status is ChallengeStatus.VERIFIED else None)

    def test_client_reaches_its_own_open_challenge_alone(self, rows: Rows) -> None:
        rows.customers.begin_send(plan_of(of_client("one")))
        rows.customers.begin_send(plan_of(of_client("two", NOW + 30)))
        own: dict[str, Any] = {"slot": Slot.NEWEST, "client": "shop"}
        for changes in (
            {**own, "client": "desk"},
            {**own, "origin": Origin.MFA},
            {**own, "challenge_id": "ch_one"},
            {**own, "challenge_id": "ch_two", "now": NOW + 330},
            {"slot": Slot.RELEASE},
        ):
            assert reserve(rows, "a", **{"now": NOW + 40, **changes})[0] is False
        assert rows.customers.get(ADA).wrong_codes == ()
        assert reserve(rows, "a", NOW + 40, challenge_id="ch_two", **own)[0] is True

    def test_code_of_a_challenge_that_was_superseded_meanwhile_is_not_tried(
        self, rows: Rows
    ) -> None:
        rows.customers.begin_send(plan_of(of_client("one")))
        newer = plan_of(of_client("two", NOW + 30))
        rows.dynamodb.before.append(lambda: rows.customers.begin_send(newer))
        attempt = Attempt("a", Lane.CLIENT, 4, NOW + 30, Slot.NEWEST, "ch_one", "shop")
        is_reserved, state = rows.attempts.reserve(ADA, attempt)
        assert not is_reserved
        assert rules.why_not_reserved(state, attempt).code == "challenge_superseded"


class TestBothRows:
    """An attempt at a public challenge is on the email's row and on the customer's."""

    SPENT = Spent("source-failures", "source")
    TOKEN = "a" * 32

    @pytest.fixture
    def reserved(self, rows: Rows) -> Settlement:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.budgets.spend(self.SPENT, 1, NOW)
        rows.attempts.reserve_public(STRANGERS, None, self.TOKEN, NOW)
        reserve(rows, self.TOKEN)
        return Settlement(self.TOKEN, NOW, Result.RIGHT, ADA, 1, place=STRANGERS)

    def test_both_are_settled_together_with_the_refund(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        rows.attempts.settle(replace(reserved, public_result=Result.RIGHT, refund=self.SPENT))
        assert (
            rows.emails.state(STRANGERS).wrong_codes
            == len(rows.customers.get(ADA).wrong_codes)
            == 0
        )
        rows.budgets.spend(self.SPENT, 1, NOW)

    def test_refund_whose_hour_is_over_keeps_nothing_from_being_settled(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        late = replace(reserved, now=NOW + 3600, public_result=Result.RIGHT, refund=self.SPENT)
        rows.attempts.settle(late)
        assert (
            rows.emails.state(STRANGERS).wrong_codes
            == len(rows.customers.get(ADA).wrong_codes)
            == 0
        )
        tokens = [
            each["ClientRequestToken"] for each in rows.dynamodb.calls if "TransactItems" in each
        ]
        assert len(set(tokens)) == 2
        assert max(map(len, tokens)) <= 36

    def test_nothing_is_settled_if_one_reservation_was_lost(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        reserve(rows, "another", NOW + LOCKED)
        with pytest.raises(errors.StoreUnavailable):
            rows.attempts.settle(replace(reserved, public_result=Result.RIGHT))
        assert rows.emails.state(STRANGERS).wrong_codes == 1
        assert len(rows.customers.get(ADA).wrong_codes) == 2

    def test_rows_may_differ_in_what_they_count(self, rows: Rows, reserved: Settlement) -> None:
        undone = replace(reserved, result=Result.UNDONE, public_result=Result.WRONG)
        repeated(rows.dynamodb, lambda: rows.attempts.settle(undone))
        assert (rows.emails.state(STRANGERS).wrong_codes, rows.customers.get(ADA).wrong_codes) == (
            1,
            (),
        )

    def test_wrong_code_of_a_stranger_counts_for_the_brake(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        rows.attempts.settle(replace(reserved, result=Result.WRONG, counts_for_brake=True))
        assert rows.budgets.strangers_wrong_codes(NOW) == 1
        assert rows.budgets.strangers_wrong_codes(NOW + 3600) == 0

    def test_brake_that_cannot_be_counted_hides_no_outcome(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        def table_goes_down() -> None:
            rows.dynamodb.failures.append(client_error("InternalServerError"))

        rows.dynamodb.before.extend([None, table_goes_down])
        rows.attempts.settle(replace(reserved, result=Result.WRONG, counts_for_brake=True))
        assert rows.budgets.strangers_wrong_codes(NOW) == 0


class TestDevices:
    DEVICES = (Device("d2", NOW), Device("d1", NOW - 5))

    @pytest.fixture
    def known(self, rows: Rows) -> None:
        """A right code that left two known devices."""
        reserve(rows, "a")
        settle(rows, "a", Result.RIGHT, 1, devices=self.DEVICES)

    @pytest.mark.usefixtures("known")
    def test_right_code_replaces_the_known_devices(self, rows: Rows) -> None:
        assert rows.customers.get(ADA).devices == self.DEVICES
        reserve(rows, "b")
        settle(rows, "b", Result.RIGHT, 1)
        assert rows.customers.get(ADA).devices == self.DEVICES

    @pytest.mark.usefixtures("known")
    def test_all_devices_are_ended(self, rows: Rows) -> None:
        for customer in (ADA, BOB):
            rows.customers.end_devices(customer, NOW + 1)
            state = rows.customers.get(customer)
            assert (state.devices, state.devices_ended_at) == ((), NOW + 1)


class TestForgetting:
    def test_wrong_codes_before_a_success_at_okta_are_forgotten(self, rows: Rows) -> None:
        fail(rows, 2)
        rows.customers.forget_wrong_codes(ADA, 2, NOW)
        assert rows.customers.get(ADA).wrong_codes == ()

    def test_wrong_code_that_came_meanwhile_is_not_forgotten(self, rows: Rows) -> None:
        fail(rows, 2)
        reserve(rows, "a")
        rows.customers.forget_wrong_codes(ADA, 3, NOW)
        settle(rows, "a", Result.WRONG, 3)
        rows.customers.forget_wrong_codes(ADA, 2, NOW)
        assert len(rows.customers.get(ADA).wrong_codes) == 3
