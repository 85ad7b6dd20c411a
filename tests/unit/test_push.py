"""Pushes, the choice of a channel, and what becomes of a challenge that waits for the customer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.unit.examples import NOW, challenge, known_factor
from tests.unit.fake_okta import APP_CODE, FakeFactors
from tests.unit.world import ADA, ADA_ID, APP, GRACE, NOBODY, PUSH, SMS, WRONG, World
from verification import errors, rules
from verification.aws.push_rows import PushRows
from verification.crypto import Keyring
from verification.devices import Devices
from verification.frozen import replace
from verification.models.callers import Call, Scope
from verification.models.challenges import (
    Challenge,
    ChallengeStatus,
    Issued,
    IssueRequest,
    Pending,
    Verified,
)
from verification.models.customers import Channel, Email, FactorType, Target
from verification.models.states import PushAnswer

HOUR = 3600
BEST_FIRST = [Channel.PUSH, Channel.TOTP, Channel.SMS, Channel.EMAIL]


@pytest.fixture
def world() -> World:
    """Ada has Okta Verify too."""
    world = World()
    world.enroll_push()
    return world


def push(world: World, call: Call | None = None, **request: Any) -> Issued:
    """A push for a client."""
    return world.send(call or world.client(), channel=Channel.PUSH, **request)


def push_to_device(world: World, token: str, **request: Any) -> Issued:
    """A push that Ada's known device asks for."""
    return world.send_public(device_token=token, channel=Channel.PUSH, **request)


def asked(world: World) -> int:
    """How often Okta was asked about a push."""
    return world.org.calls.count("push_answer")


class TestSending:
    def test_a_client_is_told_the_number_and_not_the_transaction(self, world: World) -> None:
        issued = push(world)
        assert (issued.number, issued.attempts_remaining) == (11, None)
        assert (issued.challenge.channel, issued.challenge.destination) == (Channel.PUSH, "•••")
        assert world.org.calls == ["find", "list", "send_push"]
        assert "transaction-1" not in str(world.table.rows)

    def test_without_a_number_it_is_taken_back_and_proves_nothing(self, world: World) -> None:
        world.org.asks_for_a_number = False
        with pytest.raises(errors.OktaUnexpectedResponse) as refused:
            push(world)
        assert "number" in refused.value.detail
        assert world.org.calls[-1] == "cancel_push"
        assert world.org.pushes == {}
        assert world.ada.push is None

    def test_one_that_may_have_been_sent_proves_nothing(self, world: World) -> None:
        world.org.faults["send_push"] = errors.OktaOutcomeUnknown()
        with pytest.raises(errors.OktaOutcomeUnknown):
            push(world)
        assert world.ada.push is None
        assert not world.ada.sent[PUSH].is_certain

    def test_only_a_push_of_okta_verify_has_a_number(self, world: World) -> None:
        world.org.factors[ADA_ID].pop()
        world.enroll_push(provider="CUSTOM")
        with pytest.raises(errors.FactorNotEnrolled):
            push(world)

    def test_where_codes_are_held_a_push_is_too(self, world: World) -> None:
        world.wrong_codes(4)
        with pytest.raises(errors.AttemptsHeld):
            push(world)

    def test_a_release_is_one_attempt_at_a_code(self, world: World) -> None:
        client = world.client(Scope.RELEASE)
        with pytest.raises(errors.UnsupportedChannel):
            push(world, client, releases_hold=True)
        best = world.send(client, channel=None, releases_hold=True)
        assert best.challenge.channel is Channel.TOTP

    def test_its_factor_is_not_challenged_by_the_mfa_routes(self, world: World) -> None:
        ref_id = world.factor_id(PUSH)
        assert world.enrollment.get(ref_id, world.client()).factor.type is FactorType.PUSH
        with pytest.raises(errors.UnsupportedChannel):
            world.enrollment.challenge(ref_id, None, world.client())
        world.enrollment.delete(ref_id, world.client())
        with pytest.raises(errors.FactorNotEnrolled):
            push(world)


class TestBudget:
    @pytest.mark.parametrize("answer", [PushAnswer.REJECTED, PushAnswer.WAITING])
    def test_two_rejected_or_ignored_an_hour_and_three_a_day(
        self, world: World, answer: PushAnswer
    ) -> None:
        for pause in (30, HOUR, 30):
            issued = push(world)
            world.answer_push(answer)
            with suppress(errors.PushRejected):
                world.look(world.client(), issued)
            world.now += pause
        with pytest.raises(errors.SendLimited) as limited:
            push(world)
        assert limited.value.limit == "push"
        assert limited.value.retry_after > 22 * HOUR
        world.send(world.client(), channel=Channel.SMS)

    def test_a_third_in_an_hour_has_to_wait_for_it(self, world: World) -> None:
        for _ in range(2):
            push(world)
            world.now += 30
        with pytest.raises(errors.SendLimited) as limited:
            push(world)
        assert limited.value.retry_after == HOUR - 60

    def test_approved_ones_do_not_count(self, world: World) -> None:
        for _ in range(4):
            issued = push(world)
            world.answer_push(PushAnswer.APPROVED)
            world.look(world.client(), issued)
            world.now += 30
        assert world.ada.unapproved == ()

    def test_neither_do_those_that_certainly_were_not_sent(self, world: World) -> None:
        world.org.faults["send_push"] = errors.OktaNotReached()
        with pytest.raises(errors.OktaNotReached):
            push(world)
        assert world.ada.unapproved == ()

    def test_all_lanes_share_them(self, world: World) -> None:
        token = world.known_device()
        for _ in range(2):
            push(world)
            world.now += 30
        with pytest.raises(errors.SendLimited):
            push_to_device(world, token)
        assert len(world.org.pushes) == 1


class TestAnswers:
    def test_until_it_is_answered_it_is_pending_with_its_number(self, world: World) -> None:
        issued = push(world)
        assert world.look(world.client(), issued) == Pending(world.ada.challenges[0], 11, 2)
        assert (asked(world), world.ada.wrong_codes) == (1, ())

    def test_an_approved_one_verifies_once(self, world: World) -> None:
        issued = push(world, wants_receipt=True)
        world.answer_push(PushAnswer.APPROVED)
        verified = world.look(world.client(), issued)
        assert isinstance(verified, Verified)
        assert (verified.customer_id, bool(verified.receipt)) == (ADA_ID, True)
        assert world.ada.challenges[0].status is ChallengeStatus.VERIFIED
        with pytest.raises(errors.ChallengeAlreadyVerified):
            world.look(world.client(), issued)
        assert asked(world) == 1

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (PushAnswer.REJECTED, errors.PushRejected),
            (PushAnswer.ENDED, errors.ChallengeExpired),
        ],
    )
    def test_what_has_ended_stays_so_and_okta_is_not_asked_again(
        self, world: World, answer: PushAnswer, told: type[errors.VerificationError]
    ) -> None:
        issued = push(world)
        world.answer_push(answer)
        for _ in range(2):
            with pytest.raises(told):
                world.look(world.client(), issued)
            world.answer_push(PushAnswer.APPROVED)
        assert asked(world) == 1

    def test_okta_is_asked_once_in_two_seconds_however_many_ask(self, world: World) -> None:
        issued = push(world)
        for _ in range(5):
            assert isinstance(world.look(world.client(), issued), Pending)
        assert asked(world) == 1
        world.now += rules.POLL_SECONDS
        world.look(world.client(), issued)
        assert asked(world) == 2
        assert world.org.told[-1].patience == 0

    def test_a_failed_question_decides_nothing(self, world: World) -> None:
        issued = push(world)
        world.answer_push(PushAnswer.APPROVED)
        world.org.faults["push_answer"] = errors.OktaUnavailable()
        with pytest.raises(errors.OktaUnavailable):
            world.look(world.client(), issued)
        assert world.ada.challenges[0].status is ChallengeStatus.SENDING
        world.now += rules.POLL_SECONDS
        assert isinstance(world.look(world.client(), issued), Verified)

    def test_of_two_answers_at_the_same_time_one_verifies(self, world: World) -> None:
        class Meanwhile(FakeFactors):
            def push_answer(self, target: Target, transaction: str, call: Call) -> PushAnswer:
                if asked(world) == 0:
                    self._org.calls.append("push_answer")
                    world.now += rules.POLL_SECONDS
                    assert isinstance(world.look(world.client(), issued), Verified)
                return super().push_answer(target, transaction, call)

        issued = push(world)
        world.answer_push(PushAnswer.APPROVED)
        checking = replace(world.checking, okta_factors=Meanwhile(world.org))
        world.awaiting = replace(world.awaiting, checking=checking)
        with pytest.raises(errors.ChallengeAlreadyVerified):
            world.look(world.client(), issued)

    @pytest.mark.parametrize("is_ended", [False, True])
    def test_an_approval_keeps_what_became_of_known_devices_meanwhile(
        self, world: World, monkeypatch: pytest.MonkeyPatch, is_ended: bool
    ) -> None:
        """It wrote the devices of a moment before: one that had come since was forgotten, and its own
        stayed known though all had been ended.
        """

        def remember(devices: Devices, *given: Any) -> Any:
            if not came:
                came.append(True)
                tokens.append(world.known_device())
                if is_ended:
                    customer = world.keys.customer_key(ADA_ID)
                    world.customers.end_devices(customer, int(world.now))
            return remembered(devices, *given)

        remembered = Devices.remember
        came: list[bool] = []
        tokens = [world.known_device()]
        issued = push_to_device(world, tokens[0])
        world.answer_push(PushAnswer.APPROVED)
        monkeypatch.setattr(Devices, "remember", remember)
        if is_ended:
            with pytest.raises(errors.ChallengeNotFound):
                world.look(world.public(tokens[0]), issued)
            return
        assert isinstance(world.look(world.public(tokens[0]), issued), Verified)
        for token in tokens:
            push_to_device(world, token)  # which is refused to strangers
            world.now += 30

    def test_a_success_leaves_the_count_of_wrong_codes(self, world: World) -> None:
        """It is not known whether Okta forgets its own count then."""
        world.wrong_codes(3)
        issued = push(world)
        world.answer_push(PushAnswer.APPROVED)
        world.look(world.client(), issued)
        assert len(world.ada.wrong_codes) == 3

    def test_after_its_time_okta_is_not_asked(self, world: World) -> None:
        issued = push(world)
        world.now += 300
        with pytest.raises(errors.ChallengeExpired):
            world.look(world.client(), issued)
        assert asked(world) == 0

    def test_a_code_for_a_push_is_wrong_and_not_forwarded(self, world: World) -> None:
        issued = push(world)
        world.check_wrong(world.client(), WRONG, challenge_id=issued.challenge.id)
        assert world.ada.wrong_codes == ()
        assert "check_code" not in world.org.calls

    def test_it_is_good_for_its_own_email_purpose_and_reference(self, world: World) -> None:
        issued = push(world, purpose="refund", reference="order-1")
        order = {"purpose": "refund", "reference": "order-1"}
        for wrong in ({}, {**order, "reference": "order-2"}, {**order, "email": GRACE}):
            with pytest.raises(errors.ChallengeNotFound):
                world.look(world.client(), issued, **wrong)
        assert asked(world) == 0
        world.look(world.client(), issued, **order, email=ADA)


class TestOwners:
    def test_a_client_s_is_nobody_else_s(self, world: World) -> None:
        issued = push(world)
        device = world.public(world.known_device())
        for call in (world.client(name="other"), world.public(), device):
            with pytest.raises(errors.ChallengeNotFound):
                world.look(call, issued)
        assert asked(world) == 0

    def test_a_device_s_is_read_with_its_token_alone(self, world: World) -> None:
        token = world.known_device()
        issued = push_to_device(world, token)
        for call in (world.client(), world.public(), world.public("no token")):
            with pytest.raises(errors.ChallengeNotFound):
                world.look(call, issued)
        assert world.look(world.public(token), issued).number == 11
        assert world.look(world.public(), issued, device_token=token).number == 11

    def test_a_forgotten_code_is_said_to_be_missing(self, world: World) -> None:
        of_public = world.send_public()
        of_client = world.send(world.client())
        for call, issued in ((world.public(), of_public), (world.client(), of_client)):
            with pytest.raises(errors.MissingCode):
                world.look(call, issued, must_be_push=True)

    def test_a_client_s_code_is_awaited_without_a_question(self, world: World) -> None:
        issued = world.send(world.client())
        assert world.look(world.client(), issued) == Pending(world.ada.challenges[0])


class TestDevices:
    def test_the_number_is_told_when_the_push_is_sent(self, world: World) -> None:
        token = world.known_device()
        issued = world.send(world.public(token), channel=Channel.PUSH)
        assert (issued.number, issued.was_sent) == (None, False)
        waiting = world.look(world.public(token), issued)
        assert (waiting.number, waiting.retry_after, asked(world)) == (None, 2, 0)
        world.deliver()
        assert world.look(world.public(token), issued).number == 11

    def test_an_approved_one_gives_a_receipt_and_a_new_token(self, world: World) -> None:
        token = world.known_device()
        issued = push_to_device(world, token)
        world.answer_push(PushAnswer.APPROVED)
        verified = world.look(world.public(token), issued)
        assert isinstance(verified, Verified)
        assert (bool(verified.receipt), verified.customer_id) == (True, "")
        world.now += 30
        superseded = push_to_device(world, verified.device_token)
        world.now += 30
        push_to_device(world, token)
        with pytest.raises(errors.ChallengeExpired):
            world.look(world.public(token), superseded)  # as the public is told

    def test_without_okta_verify_it_stays_pending(self, world: World) -> None:
        """As an SMS does that never comes: a device is not told which factors there are."""
        world.org.factors[ADA_ID].pop()
        token = world.known_device()
        issued = world.send(world.public(token), channel=Channel.PUSH)
        with pytest.raises(errors.FactorNotEnrolled):
            world.deliver()
        assert world.look(world.public(token), issued).number is None

    def test_questions_cost_nothing_and_a_rejected_push_one_failure(self, world: World) -> None:
        token = world.known_device()
        issued = push_to_device(world, token)
        for _ in range(3):
            world.look(world.public(token), issued)
        assert world.spent("source-failures") == 0
        world.answer_push(PushAnswer.REJECTED)
        with pytest.raises(errors.PushRejected):
            world.look(world.public(token), issued)
        assert world.spent("source-failures") == 1

    def test_the_channel_is_chosen_when_it_is_sent(self, world: World) -> None:
        token = world.known_device()
        issued = world.send(world.public(token), channel=None)
        assert issued.challenge.chooses
        world.deliver()
        chosen = world.look(world.public(token), issued)
        assert (chosen.challenge.channel, chosen.number) == (Channel.PUSH, 11)
        world.send_public(device_token=token, channel=None, falls_back=True)  # an app's code
        world.send_public(device_token=token, channel=None, falls_back=True)
        assert world.org.calls[-1] == "send_code"
        assert len(world.org.codes[SMS]) == 1

    def test_the_best_one_may_be_another_than_the_first(self, world: World) -> None:
        world.org.factors[ADA_ID].pop()
        token = world.known_device()
        issued = world.send_public(device_token=token, channel=None)
        chosen = world.look(world.public(token), issued)
        assert (chosen.challenge.channel, chosen.challenge.destination) == (Channel.TOTP, "•••")
        assert not chosen.challenge.chooses
        world.check(world.public(), APP_CODE, challenge_id=issued.challenge.id)

    def test_until_then_it_is_any(self, world: World) -> None:
        token = world.known_device()
        issued = world.send(world.public(token), channel=None)
        assert world.look(world.public(token), issued).challenge.chooses
        world.now += 30
        after_push: dict[str, Any] = {"channel": Channel.PUSH, "falls_back": True}
        assert world.send(world.public(token), **after_push).challenge.chooses


class TestStrangers:
    @pytest.mark.parametrize(
        "request_",
        [{"channel": Channel.PUSH}, {"channel": None}, {"falls_back": True}],
    )
    @pytest.mark.parametrize("email", [ADA, GRACE, NOBODY])
    def test_are_refused_before_anybody_is_looked_up(
        self, world: World, email: Email, request_: dict[str, Any]
    ) -> None:
        for token in ("", "invented"):
            with pytest.raises(errors.Unauthorized):
                world.send(world.public(token), email, **request_)
        assert (world.org.calls, world.invocation.events) == ([], [])

    def test_may_use_an_authenticator_app_of_which_they_learn_nothing(self, world: World) -> None:
        told = [world.send_public(email, channel=Channel.TOTP) for email in (ADA,)]
        assert told[0].challenge.destination == "•••"
        with pytest.raises(errors.FactorNotEnrolled):
            world.send_public(GRACE, channel=Channel.TOTP)
        assert "send_code" not in world.org.calls
        world.check(world.public(), APP_CODE, challenge_id=told[0].challenge.id)


class TestSuperseded:
    def test_a_newer_challenge_of_the_clients_takes_the_push_back(self, world: World) -> None:
        issued = push(world)
        world.send(world.client(name="other"), channel=Channel.SMS)
        assert world.org.calls[-2:] == ["send_code", "cancel_push"]
        with pytest.raises(errors.ChallengeSuperseded):
            world.look(world.client(), issued)
        assert (asked(world), world.org.pushes) == (0, {})
        world.now += 30
        world.send(world.client())
        assert world.org.calls.count("cancel_push") == 1

    def test_so_does_a_challenge_over_which_nothing_is_sent(self, world: World) -> None:
        push(world)
        world.send(world.client(), channel=Channel.TOTP)
        assert world.org.calls[-1] == "cancel_push"

    def test_a_push_ends_that_of_another_lane(self, world: World) -> None:
        token = world.known_device()
        issued = push_to_device(world, token)
        of_client = push(world)
        with pytest.raises(errors.ChallengeExpired):
            world.look(world.public(token), issued)
        world.answer_push(PushAnswer.APPROVED)
        assert isinstance(world.look(world.client(), of_client), Verified)
        assert world.org.calls.count("cancel_push") == 1

    def test_another_lane_s_code_does_not(self, world: World) -> None:
        issued = push(world)
        world.send_public()
        world.answer_push(PushAnswer.APPROVED)
        assert isinstance(world.look(world.client(), issued), Verified)
        assert "cancel_push" not in world.org.calls

    def test_a_send_that_certainly_failed_leaves_the_push_good(self, world: World) -> None:
        issued = push(world)
        world.org.faults["send_code"] = errors.OktaNotReached()
        with pytest.raises(errors.OktaNotReached):
            world.send(world.client(), channel=Channel.SMS)
        world.answer_push(PushAnswer.APPROVED)
        assert isinstance(world.look(world.client(), issued), Verified)

    def test_a_code_that_may_have_been_sent_takes_it_back(self, world: World) -> None:
        push(world)
        world.org.faults["send_code"] = errors.OktaOutcomeUnknown()
        with pytest.raises(errors.OktaOutcomeUnknown):
            world.send(world.client(), channel=Channel.SMS)
        assert world.org.pushes == {}

    def test_of_two_at_the_same_time_one_is_taken_back(self, world: World) -> None:
        class Another(PushRows):
            def keep(self, *_: object) -> bool:
                return False

        sending = replace(world.sending, pushes=Another(world.table))
        world.issue = replace(world.issue, sending=sending)
        push(world)
        assert world.org.pushes == {}

    def test_where_the_older_one_cannot_be_read_the_challenge_is_told_why(
        self, world: World
    ) -> None:
        def unread() -> Keyring:
            raise errors.StoreUnavailable

        push(world)
        sending = replace(world.sending, keys=unread)
        world.issue = replace(world.issue, sending=sending)
        with pytest.raises(errors.StoreUnavailable) as refused:
            world.send(world.client(), channel=Channel.TOTP)
        assert not isinstance(refused.value, errors.SendNotConfirmed)

    def test_a_failed_cancellation_is_no_failure_of_the_send(self, world: World) -> None:
        push(world)
        world.org.faults["cancel_push"] = errors.OktaUnavailable()
        world.send(world.client(), channel=Channel.SMS)
        assert world.meter.facts["push_not_cancelled"] == "okta_unavailable"

    def test_an_approval_that_comes_after_it_verifies_nothing(self, world: World) -> None:
        """A newer challenge is begun while Okta is asked."""

        class Meanwhile(FakeFactors):
            def push_answer(self, target: Target, transaction: str, call: Call) -> PushAnswer:
                answer = super().push_answer(target, transaction, call)
                world.send(world.client(), channel=Channel.SMS)
                return answer

        issued = push(world)
        world.answer_push(PushAnswer.APPROVED)
        checking = replace(world.checking, okta_factors=Meanwhile(world.org))
        world.awaiting = replace(world.awaiting, checking=checking)
        with pytest.raises(errors.ChallengeSuperseded):
            world.look(world.client(), issued)
        assert len(world.ada.unapproved) == 1


class TestChoice:
    def test_the_best_one_is_taken_and_told(self, world: World) -> None:
        issued = world.send(world.client(), channel=None)
        assert (issued.challenge.channel, issued.number) == (Channel.PUSH, 11)
        assert not issued.challenge.chooses
        assert world.org.calls == ["find", "list", "send_push"]

    def test_a_fallback_takes_the_next_at_once_and_within_one_budget(self, world: World) -> None:
        chosen = [world.send(world.client(), channel=None).challenge.channel]
        for _ in range(4):
            world.now += 10
            issued = world.send(world.client(), channel=None, falls_back=True)
            chosen.append(issued.challenge.channel)
        assert chosen == [*BEST_FIRST, Channel.PUSH]
        world.now += 30
        with pytest.raises(errors.SendLimited) as limited:
            world.send(world.client(), channel=None, falls_back=True)
        assert limited.value.limit == "hour"

    def test_a_fallback_from_a_named_channel_is_the_next_one(self, world: World) -> None:
        issued = world.send(world.client(), channel=Channel.TOTP, falls_back=True)
        assert issued.challenge.channel is Channel.SMS

    def test_push_is_left_out_while_its_budget_is_used_up(self, world: World) -> None:
        for _ in range(2):
            push(world)
            world.now += 30
        issued = world.send(world.client(), channel=None)
        assert issued.challenge.channel is Channel.TOTP

    def test_an_unknown_customer_is_told_as_with_a_channel(self, world: World) -> None:
        with pytest.raises(errors.CustomerNotFound):
            world.send(world.client(), NOBODY, channel=None)

    def test_a_totp_challenge_of_a_client_is_verified_with_the_app_s_code(
        self, world: World
    ) -> None:
        issued = world.send(world.client(), channel=Channel.TOTP)
        assert "send_code" not in world.org.calls
        assert issued.attempts_remaining == 4
        verified = world.check(world.client(), APP_CODE, challenge_id=issued.challenge.id)
        assert verified.challenge.channel is Channel.TOTP

    @pytest.mark.parametrize(
        ("last", "first"),
        [
            (None, Channel.PUSH),
            (challenge(channel=Channel.SMS), Channel.CALL),
            (challenge(channel=Channel.EMAIL), Channel.PUSH),
            (challenge(channel=Channel.PUSH, expires_at=NOW), Channel.TOTP),
            (challenge(channel=Channel.SMS, sent_at=NOW - 600), Channel.PUSH),
            (challenge(channel=Channel.SMS, status=ChallengeStatus.VERIFIED), Channel.PUSH),
            (challenge(channel=Channel.PUSH, status=ChallengeStatus.REJECTED), Channel.TOTP),
        ],
    )
    def test_a_fallback_continues_after_a_challenge_of_a_moment_ago(
        self, last: Challenge | None, first: Channel
    ) -> None:
        request = IssueRequest(ADA, None, falls_back=True)
        assert rules.first_channel(request, last, NOW) is first

    def test_the_choice_goes_round_and_ends_where_there_is_nothing(self) -> None:
        email = known_factor()
        assert rules.choose_channel([email], Channel.TOTP) is Channel.EMAIL
        app = known_factor(id=APP, type=FactorType.TOTP)
        assert rules.choose_channel([email, app], Channel.SMS) is Channel.EMAIL
        push = known_factor(id=PUSH, type=FactorType.PUSH)
        with pytest.raises(errors.FactorNotEnrolled):
            rules.choose_channel([push], Channel.PUSH, with_push=False)


def test_every_channel_has_a_place_in_the_order_and_a_stranger_s_push_has_none() -> None:
    assert sorted(rules.CHANNEL_ORDER) == sorted(Channel)
    assert [each for each in Channel if not rules.is_for_strangers(each)] == [Channel.PUSH]
