"""The customer's row: what is sent, what may be sent, wrong codes, attempts and devices."""

from __future__ import annotations

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
    plan_of,
    refusal,
    told,
)
from tests.unit.examples import NOW
from verification import errors, rules
from verification.frozen import replace
from verification.models.callers import Lane, Spent
from verification.models.challenges import ChallengeStatus, Conductor, ConductorKind, Origin
from verification.models.customers import Channel, Device
from verification.models.states import Attempt, CustomerState, Sent, Slot, WrongCode
from verification.ports import Result, SendPlan, Settlement

LOCKED = rules.ATTEMPT_SECONDS
ONE, TWO = plan_of(of_client("one", purpose="refund")), plan_of(of_client("two", NOW + 30))
RELEASE = plan_of(of_client("release", lane=Lane.RELEASE, audience="bank", wants_receipt=True))
OF_PUBLIC = SendPlan(ADA, "ch_public", "send-public", NOW, 3, FACTOR)
IN_SIGN_IN = SendPlan(ADA, "sign-in", "send-sign-in", NOW, 4, "sms1", counts_as=Channel.SMS)


class TestSends:
    def test_newest_send_is_uncertain_until_it_is_confirmed(self, rows: Rows) -> None:
        challenge = of_client(
            "one",
            purpose="refund",
            origin=Origin.MFA,
            factor_ref="ref",
            audience="bank",
            wants_receipt=True,
            receipt_seconds=900,
            conductor=Conductor(ConductorKind.AI_AGENT, "voice bot 2"),
        )
        rows.customers.begin_send(plan_of(challenge))
        sent = {FACTOR: Sent("ch_one", NOW, is_certain=False)}
        assert rows.ada == CustomerState((challenge,), sent=sent)
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW + 1)
        assert state.sent == {FACTOR: Sent("ch_one", NOW + 1, is_certain=True)}
        assert rows.customers.get(BOB) == CustomerState()

    def test_send_of_the_public_stores_no_challenge_here(self, rows: Rows) -> None:
        rows.customers.begin_send(OF_PUBLIC)
        assert (rows.ada.challenges, rows.ada.sent[FACTOR].by) == ((), "ch_public")

    def test_newer_send_ends_the_one_before(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE)
        rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        rows.customers.begin_send(TWO)
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW + 31)
        assert state.sent[FACTOR] == Sent("ch_two", NOW + 30, is_certain=False)
        assert state.sent_before[FACTOR] == Sent("ch_one", NOW, is_certain=True)
        assert [each.id for each in state.challenges] == ["ch_two", "ch_one"]

    def test_code_that_is_on_its_way_is_certain_at_once(self, rows: Rows) -> None:
        rows.customers.begin_send(replace(ONE, is_on_its_way=True))
        assert rows.ada.sent[FACTOR].is_certain

    @pytest.mark.parametrize("plan", [TWO, IN_SIGN_IN, OF_PUBLIC])
    def test_withdrawn_send_leaves_what_was_before(self, rows: Rows, plan: SendPlan) -> None:
        rows.customers.begin_send(ONE)
        before = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        rows.dynamodb.repeat(lambda: rows.customers.begin_send(plan))
        rows.dynamodb.repeat(lambda: rows.customers.withdraw_send(plan))
        assert (rows.ada.challenges, rows.ada.sent) == (before.challenges, before.sent)
        assert before.challenges[0].purpose == "refund"

    def test_withdrawn_first_challenge_is_failed(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE)
        rows.customers.withdraw_send(ONE)
        assert (rows.ada.challenges[0].status, rows.ada.sent) == (ChallengeStatus.FAILED, {})

    def test_only_the_last_send_is_withdrawn(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE)
        rows.customers.begin_send(TWO)
        before = rows.ada
        rows.customers.withdraw_send(ONE)
        assert rows.ada == before

    def test_release_has_a_place_of_its_own(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE)
        rows.customers.begin_send(RELEASE)
        assert [each.id for each in rows.ada.challenges] == ["ch_one"]
        release = rows.ada.release
        assert release
        assert release == RELEASE.challenge
        rows.customers.withdraw_send(RELEASE)
        assert rows.ada.release == replace(release, status=ChallengeStatus.FAILED)

    def test_nothing_is_sent_while_a_code_is_checked(self, rows: Rows) -> None:
        rows.reserve("a")
        assert told(lambda: rows.customers.begin_send(OF_PUBLIC)) == "request_in_progress"
        rows.customers.begin_send(replace(OF_PUBLIC, now=NOW + LOCKED))

    @pytest.mark.parametrize("end", ["confirm_send", "withdraw_send", "end_send"])
    def test_nothing_is_sent_while_okta_sends_another(self, rows: Rows, end: str) -> None:
        rows.customers.begin_send(ONE, asks_okta=True)
        assert told(lambda: rows.customers.begin_send(OF_PUBLIC)) == "request_in_progress"
        match end:
            case "confirm_send":
                rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
            case "withdraw_send":
                rows.customers.withdraw_send(ONE)
            case "end_send":
                rows.customers.end_send(ADA)
        rows.customers.begin_send(OF_PUBLIC)

    def test_a_send_whose_function_crashed_keeps_others_out_for_a_while(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE, asks_okta=True)
        rows.customers.begin_send(replace(OF_PUBLIC, now=NOW + rules.SENDING_SECONDS))

    def test_nothing_is_sent_where_the_lane_may_not_try(self, rows: Rows) -> None:
        rows.fail(3)
        assert told(lambda: rows.customers.begin_send(OF_PUBLIC)) == "attempts_held"
        rows.customers.begin_send(ONE)
        rows.fail(1)
        assert told(lambda: rows.customers.begin_send(TWO)) == "attempts_held"
        rows.customers.begin_send(RELEASE)

    def test_destination_has_twenty_sends_a_day(self, rows: Rows) -> None:
        for n in range(20):
            rows.budgets.count_send("phone", NOW, f"send-{n}")
        limited = refusal(lambda: rows.budgets.count_send("phone", NOW + 1, "send-20"))
        assert isinstance(limited, errors.SendLimited)
        assert (limited.limit, limited.retry_after) == ("destination", 86_399 - NOW % 86_400)
        rows.budgets.count_send("another", NOW, "send-21")
        rows.budgets.count_send("phone", NOW + 24 * 3600, "send-22")

    def test_strangers_have_half_of_a_destinations_sends(self, rows: Rows) -> None:
        for n in range(10):
            rows.budgets.count_send("phone", NOW, f"send-{n}", by_stranger=True)
        refused = told(lambda: rows.budgets.count_send("phone", NOW, "send-10", by_stranger=True))
        assert refused == "send_limited"
        rows.budgets.count_send("phone", NOW, "send-11")

    def test_sign_ins_of_strangers_use_up_nothing_of_others(self, rows: Rows) -> None:
        plan = replace(IN_SIGN_IN, by_stranger=True)
        rows.customers.begin_send(plan)
        again = replace(plan, token="again", now=NOW + 1)
        assert told(lambda: rows.customers.begin_send(again)) == "send_limited"
        rows.customers.begin_send(replace(IN_SIGN_IN, token="known", now=NOW + 1))

    def test_send_that_boto3_sends_twice_counts_once(self, rows: Rows) -> None:
        rows.dynamodb.repeat(lambda: rows.customers.begin_send(ONE))
        assert len(rows.ada.challenges) == 1
        rows.dynamodb.repeat(lambda: rows.budgets.count_send("phone", NOW, "send"))
        assert rows.account.rows()[f"sends#{NOW // 86_400}#phone"]["sends"] == {"N": "1"}

    def test_of_two_sends_at_once_the_later_is_the_newest(self, rows: Rows) -> None:
        rows.dynamodb.before.append(lambda: rows.customers.begin_send(ONE))
        rows.customers.begin_send(TWO)
        assert [each.id for each in rows.ada.challenges] == ["ch_two", "ch_one"]
        state = rows.customers.confirm_send(ADA, FACTOR, "ch_one", NOW)
        assert not rules.is_newest(state, FACTOR, "ch_one")


class TestAttempts:
    def test_attempt_counts_before_it_is_known_to_be_wrong(self, rows: Rows) -> None:
        is_reserved, state = rows.reserve("a", NOW + 0.5, lane=Lane.STRANGER)
        assert is_reserved
        assert state.wrong_codes == (WrongCode(NOW, Lane.STRANGER),)
        assert state.busy_until == NOW + 0.5 + LOCKED

    def test_one_attempt_at_a_time(self, rows: Rows) -> None:
        rows.dynamodb.before.append(lambda: rows.reserve("a"))
        is_reserved, state = rows.reserve("b")
        assert (is_reserved, len(state.wrong_codes)) == (False, 1)
        rows.settle("a", Result.WRONG, 1)
        assert rows.reserve("b", NOW + 1)[0] is True

    def test_lane_may_try_while_the_count_is_below_its_limit(self, rows: Rows) -> None:
        rows.fail(3)
        assert rows.reserve("stranger", allowed=3)[0] is False
        assert rows.reserve("client")[0] is True
        rows.settle("client", Result.WRONG, 4)
        assert rows.reserve("client")[0] is False
        assert rows.reserve("release", allowed=None)[0] is True

    def test_lock_of_a_crashed_attempt_expires_and_the_attempt_stays_counted(
        self, rows: Rows
    ) -> None:
        rows.reserve("crashed")
        assert rows.reserve("b", NOW + LOCKED - 1)[0] is False
        _, state = rows.reserve("b", NOW + LOCKED)
        assert len(state.wrong_codes) == 2
        for result in Result:
            with pytest.raises(errors.StoreUnavailable):
                rows.settle("crashed", result, 1, NOW + LOCKED)
        rows.settle("b", Result.WRONG, 2, NOW + LOCKED)
        assert len(rows.ada.wrong_codes) == 2

    @pytest.mark.parametrize("slot", Slot)
    @pytest.mark.parametrize(
        ("result", "closes", "left", "status"),
        [
            (Result.RIGHT, False, 0, ChallengeStatus.VERIFIED),
            (Result.ACTIVATED, False, 1, ChallengeStatus.VERIFIED),
            (Result.WRONG, False, 2, ChallengeStatus.PENDING),
            (Result.WRONG, True, 2, ChallengeStatus.EXHAUSTED),
            (Result.UNDONE, False, 1, ChallengeStatus.PENDING),
        ],
    )
    def test_what_an_attempt_comes_to(
        self,
        rows: Rows,
        slot: Slot,
        result: Result,
        closes: bool,
        left: int,
        status: ChallengeStatus,
    ) -> None:
        """Writes that boto3 sends twice count once."""
        rows.fail(1)
        rows.customers.begin_send(RELEASE if slot is Slot.RELEASE else ONE)
        is_reserved, state = rows.dynamodb.repeat(lambda: rows.reserve("a", slot=slot))
        assert (is_reserved, len(state.wrong_codes)) == (True, 2)
        rows.dynamodb.repeat(lambda: rows.settle("a", result, 2, slot=slot, closes_customer=closes))
        state = rows.ada
        assert (len(state.wrong_codes), state.busy_until) == (left, 0)
        challenge = state.release if slot is Slot.RELEASE else state.challenges[0]
        assert challenge
        if slot is Slot.RELEASE and result is Result.WRONG:
            status = ChallengeStatus.EXHAUSTED  # it has no other attempt
        assert challenge.status is status
        assert challenge.verified_at == (NOW if status is ChallengeStatus.VERIFIED else None)

    def test_client_reaches_its_own_open_challenge_alone(self, rows: Rows) -> None:
        rows.customers.begin_send(ONE)
        rows.customers.begin_send(TWO)
        own: dict[str, Any] = {"slot": Slot.NEWEST, "client": "shop"}
        for changes in (
            {**own, "client": "desk"},
            {**own, "origin": Origin.MFA},
            {**own, "challenge_id": "ch_one"},
            {**own, "challenge_id": "ch_two", "now": NOW + 330},
            {"slot": Slot.RELEASE},
        ):
            assert rows.reserve("a", **{"now": NOW + 40, **changes})[0] is False
        assert rows.ada.wrong_codes == ()
        assert rows.reserve("a", NOW + 40, challenge_id="ch_two", **own)[0] is True

    def test_code_of_a_challenge_that_was_superseded_meanwhile_is_not_tried(
        self, rows: Rows
    ) -> None:
        rows.customers.begin_send(ONE)
        rows.dynamodb.before.append(lambda: rows.customers.begin_send(TWO))
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
        rows.open("one")
        rows.budgets.spend(self.SPENT, 1, 1, NOW)
        rows.attempt(self.TOKEN)
        rows.reserve(self.TOKEN)
        return Settlement(self.TOKEN, NOW, Result.RIGHT, ADA, 1, place=STRANGERS)

    def counts(self, rows: Rows) -> tuple[int, int]:
        return rows.strangers.wrong_codes, len(rows.ada.wrong_codes)

    @pytest.mark.parametrize("late", [0, 3600])
    def test_both_are_settled_together_with_the_refund(
        self, rows: Rows, reserved: Settlement, late: int
    ) -> None:
        settlement = replace(reserved, public_result=Result.RIGHT, refund=self.SPENT)
        rows.attempts.settle(replace(settlement, now=NOW + late))
        assert self.counts(rows) == (0, 0)
        rows.budgets.spend(self.SPENT, 1, 1, NOW + late)
        # Without the refund, whose hour is over, it is another request to DynamoDB.
        written = [each for each in rows.dynamodb.calls if "TransactItems" in each]
        tokens = {each["ClientRequestToken"] for each in written}
        assert len(tokens) == (2 if late else 1)
        assert max(map(len, tokens)) <= 36

    def test_nothing_is_settled_if_one_reservation_was_lost(
        self, rows: Rows, reserved: Settlement
    ) -> None:
        rows.reserve("another", NOW + LOCKED)
        with pytest.raises(errors.StoreUnavailable):
            rows.attempts.settle(replace(reserved, public_result=Result.RIGHT))
        assert self.counts(rows) == (1, 2)

    def test_rows_may_differ_in_what_they_count(self, rows: Rows, reserved: Settlement) -> None:
        undone = replace(reserved, result=Result.UNDONE, public_result=Result.WRONG)
        rows.dynamodb.repeat(lambda: rows.attempts.settle(undone))
        assert self.counts(rows) == (1, 0)

    @pytest.mark.parametrize("table_goes_down", [False, True])
    def test_wrong_code_of_a_stranger_counts_for_the_brake(
        self, rows: Rows, reserved: Settlement, table_goes_down: bool
    ) -> None:
        """Where that fails, the outcome is told all the same."""
        if table_goes_down:
            failure = client_error("InternalServerError")
            rows.dynamodb.before.extend([None, lambda: rows.dynamodb.failures.append(failure)])
        rows.attempts.settle(replace(reserved, result=Result.WRONG, counts_for_brake=True))
        assert rows.budgets.strangers_wrong_codes(NOW) == (0 if table_goes_down else 1)
        assert rows.budgets.strangers_wrong_codes(NOW + 3600) == 0


def test_right_code_replaces_the_known_devices(rows: Rows) -> None:
    devices = (Device("d2", NOW), Device("d1", NOW - 5))
    for known in (devices, None):
        rows.reserve("a")
        rows.settle("a", Result.RIGHT, 1, devices=known)
        assert rows.ada.devices == devices
    for customer in (ADA, BOB):
        rows.customers.end_devices(customer, NOW + 1)
        state = rows.customers.get(customer)
        assert (state.devices, state.devices_ended_at) == ((), NOW + 1)


def test_wrong_codes_before_a_success_at_okta_are_forgotten_unless_others_came_meanwhile(
    rows: Rows,
) -> None:
    rows.fail(2)
    rows.reserve("a")
    rows.customers.forget_wrong_codes(ADA, 3, NOW)  # the third is being checked
    rows.settle("a", Result.WRONG, 3)
    rows.customers.forget_wrong_codes(ADA, 2, NOW)
    assert len(rows.ada.wrong_codes) == 3
    rows.customers.forget_wrong_codes(ADA, 3, NOW)
    assert not rows.ada.wrong_codes
