"""Checking codes: of clients and releases, of the public, and what each of them is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.unit.examples import NOW
from tests.unit.fake_okta import APP_CODE
from tests.unit.world import ADA, ADA_ID, APP, EMAIL, GRACE, NOBODY, PHONE, SMS, WRONG, World
from verification import errors, rules
from verification.aws.attempt_rows import AttemptRows
from verification.frozen import replace
from verification.models.callers import Lane, Scope
from verification.models.challenges import ChallengeStatus, Origin
from verification.models.customers import Channel, Device, Email, FactorStatus
from verification.timing import STRANGER_PATIENCE


def assert_uncounted(world: World) -> None:
    """Okta was not asked, and no attempt is used up."""
    assert "check_code" not in world.org.calls
    assert world.ada.wrong_codes == ()


class TestClients:
    def test_a_right_code_verifies_once_and_names_the_customer(self, world: World) -> None:
        issued = world.send(world.client())
        world.meter.facts.clear()
        request: dict[str, Any] = {"challenge_id": issued.challenge.id, "remembers_device": True}
        verified = world.check(world.client(), world.code(), **request)
        assert (verified.customer_id, verified.device_token) == (ADA_ID, "")
        assert (world.meter.facts["channel"], world.meter.facts["lane"]) == ("email", "client")
        assert verified.challenge.status is ChallengeStatus.VERIFIED
        assert verified.challenge.verified_at == NOW
        with pytest.raises(errors.ChallengeAlreadyVerified):
            world.check(world.client(), world.code(), challenge_id=issued.challenge.id)
        assert world.org.calls.count("check_code") == 1

    def test_four_wrong_codes_in_a_row_hold_the_customer_for_good(self, world: World) -> None:
        world.send(world.client())
        told = [world.check_wrong(world.client(), email=ADA).attempts_remaining for _ in range(4)]
        assert told == [3, 2, 1, 0]
        with pytest.raises(errors.AttemptsHeld):
            world.check(world.client(), world.code(), email=ADA)
        assert world.ada.challenges[0].status is ChallengeStatus.EXHAUSTED
        world.now += 365 * 24 * 3600
        with pytest.raises(errors.AttemptsHeld):
            world.send(world.client())
        assert (world.org.wrong[ADA_ID], len(world.org.codes[EMAIL])) == (4, 1)

    def test_the_count_ends_with_a_success(self, world: World) -> None:
        world.wrong_codes(3)
        world.send(world.client())
        world.check(world.client(), world.code(), email=ADA)
        assert world.ada.wrong_codes == ()

    def test_a_code_for_another_reference_is_wrong_and_not_counted(self, world: World) -> None:
        issued = world.send(world.client(), purpose="refund", reference="order-1")
        used = {"challenge_id": issued.challenge.id, "purpose": "refund", "reference": "order-2"}
        refused = world.check_wrong(world.client(), world.code(), **used)
        assert refused.attempts_remaining == 4
        assert_uncounted(world)

    def test_an_attempt_that_does_not_count_leaves_the_last_one(self, world: World) -> None:
        world.wrong_codes(3)
        world.send(world.client(), purpose="refund")
        assert world.check_wrong(world.client(), world.code(), email=ADA).attempts_remaining == 1
        world.check(world.client(), world.code(), email=ADA, purpose="refund")

    def test_the_email_beside_an_id_must_be_the_challenges(self, world: World) -> None:
        issued = world.send(world.client())
        with pytest.raises(errors.ChallengeNotFound):
            world.check(world.client(), world.code(), challenge_id=issued.challenge.id, email=GRACE)
        assert_uncounted(world)
        world.check(world.client(), world.code(), challenge_id=issued.challenge.id, email=ADA)

    def test_a_client_verifies_only_its_own_of_the_same_routes(self, world: World) -> None:
        of_public = world.send_public()
        with pytest.raises(errors.ChallengeNotFound):
            world.check(world.client(), world.code(), challenge_id=of_public.challenge.id)
        of_shop = world.send(world.client())
        for call, origin in (
            (world.client(name="other"), Origin.API),
            (world.client(), Origin.MFA),
            (world.public(), Origin.API),
        ):
            with pytest.raises(errors.ChallengeNotFound):
                world.check(call, world.code(), challenge_id=of_shop.challenge.id, origin=origin)
        assert_uncounted(world)

    def test_an_id_that_was_not_made_here_is_no_challenge(self, world: World) -> None:
        with pytest.raises(errors.ChallengeNotFound):
            world.check(world.client(), "123456", challenge_id="ch_" + "A" * 75)

    def test_without_an_id_the_newest_challenge_of_the_email_is_meant(self, world: World) -> None:
        for email, refusal in ((NOBODY, errors.CustomerNotFound), (ADA, errors.ChallengeNotFound)):
            with pytest.raises(refusal):
                world.check(world.client(), "123456", email=email)
        world.send(world.client(), channel=Channel.SMS)
        world.check(world.client(), world.code(SMS), email=ADA)
        world.meter.facts.clear()
        with pytest.raises(errors.CustomerNotFound):
            world.check(world.client(), "123456", email=NOBODY)
        assert world.meter.facts["email_hash"] == world.keys.email_hash(NOBODY)
        with pytest.raises(errors.InternalError):
            world.check(world.client(), "123456")

    def test_a_code_is_good_until_another_is_sent_over_its_factor(self, world: World) -> None:
        issued = world.send(world.client())
        code = world.code()
        world.send_public()
        with pytest.raises(errors.ChallengeExpired):
            world.check(world.client(), code, challenge_id=issued.challenge.id)
        assert_uncounted(world)

    @pytest.mark.parametrize(
        ("failure", "counted"),
        [
            (errors.OktaNotReached(), 0),
            (errors.OktaRateLimited(), 0),
            (errors.OktaCredentialsRejected(), 0),
            (errors.DeadlineExceeded(), 0),
            (errors.StoreUnavailable(), 0),
            (errors.OktaUnavailable(), 1),
            (errors.OktaOutcomeUnknown(), 1),
            (errors.OktaAnswerUnclear(), 1),
            (errors.DeadlineExceededWaiting(), 1),
            (errors.OktaUnexpectedResponse(), 1),
            (errors.CustomerLocked(), 1),
        ],
    )
    def test_an_attempt_counts_unless_okta_certainly_compared_no_code(
        self, world: World, failure: errors.VerificationError, counted: int
    ) -> None:
        world.send(world.client())
        world.org.faults["check_code"] = failure
        with pytest.raises(type(failure)):
            world.check(world.client(), WRONG, email=ADA)
        assert len(world.ada.wrong_codes) == counted

    def test_the_kept_lookup_is_dropped_when_okta_refuses_the_customer(self, world: World) -> None:
        world.send(world.client())
        world.org.faults["check_code"] = errors.FactorNotEnrolled()
        with pytest.raises(errors.FactorNotEnrolled):
            world.check(world.client(), world.code(), email=ADA)
        assert world.kept_at == 0

    def test_one_attempt_at_a_time_asks_okta_about_a_customer(self, world: World) -> None:
        world.send(world.client())
        world.keep_busy()
        with pytest.raises(errors.RequestInProgress):
            world.check(world.client(), world.code(), email=ADA)
        assert NOW + 4 <= world.now < NOW + 5  # half of the deadline is left for its own work
        world.now += 5
        world.check(world.client(), world.code(), email=ADA)


class TestFactorsOfTheMfaRoutes:
    def test_an_authenticator_app_is_checked_whatever_was_sent(self, world: World) -> None:
        issued = world.enrollment.challenge(world.factor_id(APP), None, world.client())
        request = {"challenge_id": issued.challenge.id, "origin": Origin.MFA}
        assert world.check_wrong(world.client(), **request).attempts_remaining == 3
        verified = world.check(world.client(), APP_CODE, **request)
        assert verified.challenge.factor_ref == world.factor_id(APP)

    def test_a_first_right_code_activates_and_ends_no_count(self, world: World) -> None:
        world.org.factors[ADA_ID].pop(1)
        world.wrong_codes(2)
        enrolled = world.enrollment.enroll_phone(PHONE, ADA, world.client())
        issued = world.enrollment.challenge(enrolled.ref_id, None, world.client())
        request = {"challenge_id": issued.challenge.id, "origin": Origin.MFA}
        assert world.check_wrong(world.client(), **request).attempts_remaining == 1
        world.check(world.client(), world.code(enrolled.factor.id), **request)
        assert world.kept_at == 0
        assert world.org.factors[ADA_ID][-1].status is FactorStatus.ACTIVE
        assert len(world.ada.wrong_codes) == world.org.wrong[ADA_ID] == 3
        with pytest.raises(errors.ChallengeAlreadyVerified):
            world.check(world.client(), world.code(enrolled.factor.id), **request)


class TestReleases:
    @staticmethod
    def opened(world: World, **request: Any) -> dict[str, Any]:
        """The id of a release, opened for Ada after four wrong codes."""
        world.wrong_codes(4)
        issued = world.send(world.client(Scope.RELEASE), releases_hold=True, **request)
        assert (issued.challenge.lane, issued.attempts_remaining) == (Lane.RELEASE, 1)
        return {"challenge_id": issued.challenge.id}

    def test_whoever_has_its_id_has_one_attempt(self, world: World) -> None:
        release, began = self.opened(world), world.now
        assert world.check_wrong(world.public(), **release).attempts_remaining is None
        assert world.now - began == 1.0
        for call, refusal in (
            (world.public(), errors.ChallengeExpired),
            (world.client(), errors.ChallengeExhausted),
        ):
            with pytest.raises(refusal):
                world.check(call, world.code(), **release)

    def test_its_attempt_is_used_up_though_its_outcome_could_not_be_written(
        self, world: World
    ) -> None:
        """Okta then saw a sixth wrong code, of one release."""

        class Broken(AttemptRows):
            def settle(self, *_: object) -> None:
                raise errors.StoreUnavailable

        release = self.opened(world)
        verify, broken = world.verify, Broken(world.table, world.emails)
        world.verify = replace(verify, checking=replace(world.checking, attempts=broken))
        with pytest.raises(errors.StoreUnavailable):
            world.check(world.public(), WRONG, **release)
        world.verify = verify
        world.now += rules.ATTEMPT_SECONDS
        with pytest.raises(errors.ChallengeExpired):
            world.check(world.public(), WRONG, **release)
        assert world.org.wrong[ADA_ID] == 5

    def test_its_right_code_ends_the_hold(self, world: World) -> None:
        release = self.opened(world)
        verified = world.check(world.public(), world.code(), **release, remembers_device=True)
        assert (verified.customer_id, world.ada.wrong_codes) == ("", ())
        assert world.send_public(device_token=verified.device_token).attempts_remaining == 4

    def test_no_other_client_verifies_it_and_no_mfa_route(self, world: World) -> None:
        release = self.opened(world)
        for call, origin in (
            (world.client(name="till"), Origin.API),
            (world.client(), Origin.MFA),
            (world.public(), Origin.MFA),
        ):
            with pytest.raises(errors.ChallengeNotFound):
                world.check(call, world.code(), **release, origin=origin)
        assert world.check(world.client(), world.code(), **release).customer_id == ADA_ID

    def test_its_purpose_must_match_and_a_mismatch_uses_nothing_up(self, world: World) -> None:
        release = self.opened(world, purpose="refund")
        refused = world.check_wrong(world.client(), world.code(), **release)
        assert refused.attempts_remaining == 1
        verified = world.check(world.public(), world.code(), **release, purpose="refund")
        assert verified.device_token == ""

    def test_its_client_is_told_that_nothing_is_left(self, world: World) -> None:
        assert world.check_wrong(world.client(), **self.opened(world)).attempts_remaining == 0


Happening = Callable[[World], object]


def ends_with(failure: errors.VerificationError) -> Happening:
    """The next check of a code ends with this."""
    return lambda world: world.org.faults.update(check_code=failure)


class TestThePublic:
    def test_a_right_code_is_answered_at_once_and_costs_nothing(self, world: World) -> None:
        issued = world.send_public()
        world.meter.facts.clear()
        verified = world.check(world.public(), world.code(), email=ADA)
        assert (verified.customer_id, verified.device_token) == ("", "")
        assert (world.now, world.spent("source-failures")) == (NOW, 0)
        assert (world.meter.facts["channel"], world.meter.facts["lane"]) == ("email", "stranger")
        with pytest.raises(errors.ChallengeAlreadyVerified):
            world.check(world.public(), world.code(), challenge_id=issued.challenge.id)

    @pytest.mark.parametrize(
        "happens",
        [
            lambda _: None,
            lambda world: world.wrong_codes(4),  # held by a client
            lambda world: world.send(world.client()),  # superseded by a client
            lambda world: world.keep_busy(),
            ends_with(errors.OktaNotReached()),
            ends_with(errors.OktaOutcomeUnknown()),
            ends_with(errors.OktaRateLimited()),
            ends_with(errors.OktaCredentialsRejected()),
            ends_with(errors.CustomerLocked()),
            ends_with(errors.FactorNotEnrolled()),
            ends_with(errors.StoreUnavailable()),
            ends_with(errors.ConfigurationError("a secret is missing")),
            ends_with(errors.DeadlineExceeded()),
        ],
    )
    def test_whatever_happens_to_a_wrong_code_it_is_told_the_same_as_of_a_nobody(
        self, world: World, happens: Happening
    ) -> None:
        def traces(email: Email) -> list[object]:
            issued = world.send(world.public(), email)
            with suppress(errors.CustomerNotFound):
                world.deliver()
            if email == ADA:
                happens(world)
            began = world.now
            refused = world.check_wrong(world.public(), challenge_id=issued.challenge.id)
            state = world.public_state(email)
            return [
                (refused.attempts_remaining, refused.detail, refused.okta_error),
                (state.wrong_codes, state.held_until - began, state.busy_until - began),
                (state.challenges[0].status, world.now - began),
            ]

        assert traces(ADA) == traces(NOBODY)
        assert world.spent("source-failures") == 2

    @pytest.mark.parametrize(
        ("failure", "logged"),
        [
            (errors.InvalidCode(), {}),
            (errors.OktaRateLimited(), {"concealed": "okta_rate_limited"}),
            (
                errors.ConfigurationError("a secret is missing"),
                {"concealed": "internal_error", "problem": "a secret is missing"},
            ),
        ],
    )
    def test_what_a_stranger_is_not_told_is_logged(
        self, world: World, failure: errors.VerificationError, logged: dict[str, str]
    ) -> None:
        world.send_public()
        before = dict(world.meter.facts)
        world.org.faults["check_code"] = failure
        world.check_wrong(world.public(), email=ADA)
        assert world.meter.facts == before | logged

    @pytest.mark.parametrize(
        ("failure", "is_kept"), [(errors.FactorNotEnrolled(), False), (errors.InvalidCode(), True)]
    )
    def test_the_kept_lookup_is_dropped_when_okta_refuses_the_customer(
        self, world: World, failure: errors.VerificationError, is_kept: bool
    ) -> None:
        world.send_public()
        world.org.faults["check_code"] = failure
        world.check_wrong(world.public(), email=ADA)
        assert bool(world.kept_at) is is_kept

    def test_a_stranger_s_check_waits_no_longer_for_okta_than_a_nobody_s(
        self, world: World
    ) -> None:
        token = world.known_device()
        patience = []
        for call in (world.public(), world.public(token)):
            world.send_public(device_token=call.caller.device_token)
            world.check(call, world.code(), email=ADA)
            patience.append(world.org.told[-1].patience)
            world.now += 30
        assert patience == [STRANGER_PATIENCE, math.inf]

    @pytest.mark.parametrize("email", [ADA, NOBODY])
    def test_three_wrong_codes_hold_an_email_for_an_hour(self, world: World, email: Email) -> None:
        world.send(world.public(), email)
        for _ in range(3):
            assert world.check_wrong(world.public(), email=email).attempts_remaining is None
        assert world.public_state(email).challenges[0].status is ChallengeStatus.EXHAUSTED
        for act in (
            lambda: world.check(world.public(), "123456", email=email),
            lambda: world.send(world.public(), email),
        ):
            with pytest.raises(errors.AttemptsHeld) as refused:
                act()
            assert refused.value.retry_after == 3600 - 1
        world.now += 3600
        with pytest.raises(errors.ChallengeExpired):
            world.check(world.public(), "123456", email=email)
        world.send(world.public(), email)
        world.check_wrong(world.public(), email=email)

    def test_a_stranger_may_not_try_after_three_wrong_codes_of_others(self, world: World) -> None:
        world.send_public()
        code = world.code()
        issued = world.send(world.client(), channel=Channel.SMS)
        for _ in range(3):
            world.check_wrong(world.client(), challenge_id=issued.challenge.id)
        world.check_wrong(world.public(), code, email=ADA)
        assert world.org.wrong[ADA_ID] == 3
        world.check(world.client(), world.code(SMS), challenge_id=issued.challenge.id)

    def test_a_code_for_another_purpose_or_email_is_wrong_unasked(self, world: World) -> None:
        sent = {"challenge_id": world.send_public(purpose="refund").challenge.id}
        for used in ({}, {"purpose": "refund", "email": GRACE}):
            world.check_wrong(world.public(), world.code(), **sent, **used)
        assert_uncounted(world)

    def test_a_code_is_wrong_once_a_client_sent_another_over_its_factor(self, world: World) -> None:
        world.send_public()
        code = world.code()
        world.send(world.client())
        world.check_wrong(world.public(), code, email=ADA)
        assert_uncounted(world)

    def test_without_concealment_it_is_told_the_truth(self) -> None:
        world = World(conceal_unknown_customers=False)
        world.send(world.public())
        assert world.check_wrong(world.public(), email=ADA).attempts_remaining == 2
        world.org.faults["check_code"] = errors.OktaNotReached()
        began = world.now
        with pytest.raises(errors.OktaNotReached):
            world.check(world.public(), WRONG, email=ADA)
        assert world.now == began
        assert world.public_state().wrong_codes == 1
        assert "concealed" not in world.meter.facts

    def test_the_brake_leaves_strangers_one_wrong_code_in_a_row(self) -> None:
        world = World(stranger_failures=0)
        world.send_public()
        world.now += 10
        reads = world.budgets.brake_reads
        world.check_wrong(world.public(), email=ADA)
        assert (world.budgets.brake, world.budgets.brake_reads) == (1, reads)
        world.check_wrong(world.public(), world.code(), email=ADA)
        assert (len(world.ada.wrong_codes), world.meter.facts["brake_on"]) == (1, True)
        assert world.org.calls.count("check_code") == 1
        world.send(world.client(), channel=Channel.SMS)
        world.check(world.client(), world.code(SMS), email=ADA)

    def test_only_wrong_codes_of_strangers_count_for_the_brake(self, world: World) -> None:
        token = world.known_device()
        world.send_public(device_token=token)
        world.check_wrong(world.public(token), email=ADA)
        world.now += 30
        world.wrong_codes(1)
        world.send(world.public(), NOBODY)
        world.invocation.events.clear()
        world.check_wrong(world.public(), email=NOBODY)
        world.send_public()
        world.org.faults["check_code"] = errors.OktaNotReached()
        world.check_wrong(world.public(), email=ADA)
        assert world.budgets.brake == 0


class TestKnownDevices:
    def test_a_device_may_try_until_four_and_is_told_how_many_are_left(self, world: World) -> None:
        token = world.known_device()
        world.send_public(device_token=token)
        began = world.now
        told = [world.check_wrong(world.public(token), email=ADA) for _ in range(4)]
        assert [each.attempts_remaining for each in told] == [3, 2, 1, 0]
        assert world.now == began + 4
        with pytest.raises(errors.ChallengeExpired):
            world.check(world.public(token), world.code(), email=ADA)
        with pytest.raises(errors.AttemptsHeld):
            world.send(world.public(token))
        assert world.org.wrong[ADA_ID] == 4

    def test_a_device_is_told_that_others_have_used_its_attempts_up(self, world: World) -> None:
        token = world.known_device()
        world.send_public(device_token=token)
        issued = world.send(world.client(), channel=Channel.SMS)
        for _ in range(4):
            world.check_wrong(world.client(), challenge_id=issued.challenge.id)
        with pytest.raises(errors.AttemptsHeld):
            world.check(world.public(), world.code(), email=ADA, device_token=token)

    def test_a_success_renews_its_token(self, world: World) -> None:
        token = world.known_device()
        (before,) = world.ada.devices
        world.send_public(device_token=token)
        verified = world.check(world.public(token), world.code(), email=ADA, remembers_device=True)
        assert world.ada.devices == (Device(before.id, NOW + 30),)
        assert verified.device_token not in ("", token)

    def test_a_device_that_was_ended_tries_no_more_than_strangers(self, world: World) -> None:
        token = world.known_device()
        issued = world.send_public(device_token=token)
        world.holds.end_devices(ADA_ID)
        for _ in range(3):
            world.check_wrong(world.public(), challenge_id=issued.challenge.id)
        for code in (WRONG, world.code()):
            with pytest.raises(errors.AttemptsHeld):
                world.check(world.public(), code, challenge_id=issued.challenge.id)
        assert (len(world.ada.wrong_codes), world.ada.devices) == (3, ())
        world.now += 30
        client = world.send(world.client())
        world.check(world.client(), world.code(), challenge_id=client.challenge.id)

    def test_a_device_sees_its_own_challenges_alone(self, world: World) -> None:
        token = world.known_device()
        world.send_public()
        with pytest.raises(errors.ChallengeNotFound):
            world.check(world.public(token), world.code(), email=ADA)
