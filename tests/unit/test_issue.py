"""Sending codes: to clients at once, to the public after the answer, and to one factor by its id.

The windows of sends are in `test_rules`, and with real conditional writes in the integration tests.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest

from tests.unit.examples import NOW, factor, user
from tests.unit.fake_okta import timestamp
from tests.unit.world import ADA, ADA_ID, APP, EMAIL, NOBODY, PHONE, SMS, World
from verification import errors, rules
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.beside import Threads
from verification.crypto import Place, Row
from verification.frozen import replace
from verification.issue import Delivery
from verification.models.callers import Lane, Scope
from verification.models.challenges import (
    ChallengeStatus,
    Conductor,
    ConductorKind,
    IssueRequest,
)
from verification.models.customers import (
    Channel,
    EmailHash,
    FactorStatus,
    FactorType,
    Found,
    UserStatus,
)


def fail(world: World, failure: errors.VerificationError, **request: Any) -> None:
    """A client's send whose call to Okta ends with this, as the client is told."""
    world.org.faults["send_code"] = failure
    with pytest.raises(type(failure)):
        world.send(world.client(Scope.RELEASE), **request)


class TestClients:
    def test_the_first_send_is_three_calls_to_okta_and_the_next_is_one(self, world: World) -> None:
        world.send(world.client())
        assert world.org.calls == ["find", "list", "send_code"]
        world.now += 30
        world.send(world.client())
        assert world.org.calls[3:] == ["send_code"]

    def test_the_answer_says_where_the_code_went_and_what_is_left(self, world: World) -> None:
        issued = world.send(world.client(), channel=Channel.SMS, locale="de")
        assert (issued.challenge.destination, issued.challenge.client) == ("•••0006", "shop")
        assert (issued.resend_at, issued.challenge.expires_at) == (NOW + 30, NOW + 300)
        assert (issued.attempts_remaining, issued.was_sent) == (4, True)
        assert world.org.told[-1].caller.accept_language == "de"
        phone = (NOW // 86_400, world.keys.destination_hash(PHONE))
        assert world.budgets.destinations == {phone: 1}
        assert world.okta_factors.templates == [None]

    def test_the_log_says_to_whom_over_what_and_for_whom(self, world: World) -> None:
        conductor = Conductor(ConductorKind.COUNTER, "till-7")
        world.send(world.client(), channel=Channel.SMS, conductor=conductor)
        logged = {"email_hash": world.keys.email_hash(ADA), "channel": "sms", "lane": "client"}
        assert world.meter.facts.items() >= (logged | {"context": "counter:till-7"}).items()
        world.meter.facts.clear()
        world.send(world.public())
        logged |= {"channel": "email", "lane": "stranger"}
        assert world.meter.facts == logged
        world.meter.facts.clear()
        world.deliver()
        assert world.meter.facts.items() >= logged.items()
        assert world.meter.facts["source"] == world.keys.source_hash("203.0.113.7")

    def test_a_refusal_is_told_and_leaves_the_send_unspent(self, world: World) -> None:
        for _ in range(6):
            with pytest.raises(errors.CustomerNotFound):
                world.send(world.client(), NOBODY)
        with pytest.raises(errors.FactorNotEnrolled):
            world.send(world.client(), channel=Channel.CALL)

    def test_clients_share_the_sends_to_one_email_and_are_told_so(self, world: World) -> None:
        for _ in range(5):
            world.send(world.client())
            world.now += 30
        with pytest.raises(errors.SendLimited) as refused:
            world.send(world.client(name="other"), channel=Channel.SMS)
        assert (refused.value.limit, refused.value.retry_after) == ("hour", 3600 - 150)

    def test_a_kept_lookup_is_dropped_as_soon_as_okta_disagrees(self, world: World) -> None:
        world.send(world.client())
        world.now += 30
        fail(world, errors.FactorNotEnrolled())
        world.send(world.client())
        assert world.org.calls[4:] == ["find", "list", "send_code"]

    def test_a_lookup_that_is_still_being_kept_is_dropped_too(self, world: World) -> None:
        class Slow(EmailRows):
            def remember(self, email_hash: EmailHash, found: Found) -> None:
                time.sleep(0.05)
                super().remember(email_hash, found)

        beside, emails = Threads(), Slow(world.table, 3)
        lookup = replace(world.lookup, emails=emails, beside=beside)
        sending = replace(world.sending, beside=beside)
        world.issue = replace(world.issue, lookup=lookup, sending=sending)
        fail(world, errors.FactorNotEnrolled())
        beside.finish()
        assert world.kept_at == 0


class TestOutcomeOfASend:
    def test_after_a_certain_failure_the_older_code_is_good_again(self, world: World) -> None:
        old = world.send(world.client())
        world.now += 30
        fail(world, errors.OktaRateLimited())
        world.now += 30
        (had,) = world.budgets.destinations.values()
        for n in range(20 - had):
            world.budgets.count_send(world.keys.destination_hash(ADA), NOW, f"{n}")
        with pytest.raises(errors.SendLimited) as refused:
            world.send(world.client())
        assert refused.value.limit == "destination"
        assert [*world.budgets.destinations.values()] == [20]
        world.check(world.client(), world.code(), challenge_id=old.challenge.id)

    def test_a_certain_failure_of_the_first_send_leaves_no_challenge(self, world: World) -> None:
        fail(world, errors.OktaNotReached())
        assert [*world.budgets.destinations.values()] == [0]
        assert world.kept_at == NOW
        with pytest.raises(errors.ChallengeNotFound):
            world.check(world.client(), "123456", email=ADA)

    def test_after_an_unknown_outcome_neither_code_is_good(self, world: World) -> None:
        old = world.send(world.client(), purpose="newsletter").challenge
        world.now += 30
        fail(world, errors.OktaOutcomeUnknown(), purpose="refund")
        assert [*world.budgets.destinations.values()] == [2]
        for code in world.org.codes[EMAIL]:
            with pytest.raises(errors.ChallengeExpired):
                world.check(world.client(), code, email=ADA, purpose="refund")
            with pytest.raises(errors.ChallengeSuperseded):
                world.check(world.client(), code, challenge_id=old.id, purpose="newsletter")
        assert "check_code" not in world.org.calls
        assert world.ada.wrong_codes == ()
        with pytest.raises(errors.SendLimited):
            world.send(world.client())

    def test_sends_of_one_customer_are_one_after_the_other(self, world: World) -> None:
        """Okta may carry out the older one last, and what one wrote could not be undone after another."""

        def another() -> None:
            with pytest.raises(errors.RequestInProgress):
                world.send(world.client(), channel=Channel.SMS)

        issued = world.send(world.public())
        world.org.meanwhile["send_code"] = another
        world.deliver()
        world.check(world.public(), world.code(), challenge_id=issued.challenge.id)
        world.send(world.client(), channel=Channel.SMS)

    @pytest.mark.parametrize("failure", [errors.OktaNotReached, errors.OktaOutcomeUnknown])
    def test_after_a_failed_one_the_next_need_not_wait(
        self, world: World, failure: type[errors.VerificationError]
    ) -> None:
        fail(world, failure())
        asked_at = world.now
        world.send(world.client(), channel=Channel.SMS)
        assert world.now == asked_at

    @pytest.mark.parametrize("age", [None, 600])
    def test_unless_no_older_code_is_accepted(self, world: World, age: int | None) -> None:
        if age is not None:
            world.send(world.client())
            world.now += age
        fail(world, errors.DeadlineExceededWaiting())
        world.check(world.client(), world.code(), email=ADA)

    def test_a_failure_is_told_though_the_store_fails_after_it(self, world: World) -> None:
        class Broken(CustomerRows):
            def withdraw_send(self, *_: object) -> None:
                raise errors.StoreUnavailable

        sending = replace(world.sending, customers=Broken(world.table))
        issue = replace(world.issue, sending=sending)
        world.org.faults["send_code"] = errors.OktaNotReached()
        with pytest.raises(errors.OktaNotReached):
            issue.to_email(IssueRequest(ADA), world.client())

    @pytest.mark.parametrize(
        "failure", [errors.StoreUnavailable(), errors.ConfigurationError("the table is missing")]
    )
    def test_what_was_sent_counts_though_the_store_fails_after_it(
        self, world: World, failure: errors.VerificationError
    ) -> None:
        class Broken(CustomerRows):
            def confirm_send(self, *_: object) -> Any:
                raise failure

        sending = replace(world.sending, customers=Broken(world.table))
        issue = replace(world.issue, sending=sending)
        with pytest.raises(errors.SendNotConfirmed):
            issue.to_email(IssueRequest(ADA), world.client())
        assert world.code()
        assert world.meter.facts.get("problem") == getattr(failure, "problem", None)
        with pytest.raises(errors.SendLimited):
            world.send(world.client())

    def test_what_may_have_been_sent_counts_too(self, world: World) -> None:
        class Broken(CustomerRows):
            def confirm_send(self, *_: object) -> Any:
                raise errors.StoreUnavailable

        sending = replace(world.sending, customers=Broken(world.table))
        world.issue = replace(world.issue, sending=sending)
        fail(world, errors.OktaOutcomeUnknown())
        with pytest.raises(errors.SendLimited):
            world.send(world.client())


class TestReleases:
    def test_only_a_client_with_the_scope_opens_one(self, world: World) -> None:
        with pytest.raises(errors.Forbidden):
            world.send(world.client(), releases_hold=True)
        with pytest.raises(errors.Unauthorized):
            world.send(world.public(), releases_hold=True)
        assert world.org.calls == []

    def test_there_are_three_a_day_apart_from_the_clients_sends(self, world: World) -> None:
        client = world.client(Scope.RELEASE)
        world.send(world.client())
        fail(world, errors.OktaNotReached(), releases_hold=True)
        assert world.ada.release is not None
        assert world.ada.release.status is ChallengeStatus.FAILED
        for wait in (30, 30, 24 * 3600 - 60):
            assert world.send(client, releases_hold=True).resend_at == world.now + 30
            with pytest.raises(errors.SendLimited) as refused:
                world.send(client, releases_hold=True)
            assert (refused.value.limit, refused.value.retry_after) == ("releases", wait)
            world.now += 30
        world.send(client)
        assert world.org.calls.count("find") == 1


@pytest.mark.parametrize(
    ("trusted", "last_login", "forgotten"),
    [(True, NOW + 31, True), (True, NOW + 30, False), (True, 0, False), (False, NOW + 31, False)],
)
def test_a_sign_in_after_the_last_wrong_code_is_a_success_if_the_stack_trusts_it(
    trusted: bool, last_login: int, forgotten: bool
) -> None:
    world = World(trust_last_login=trusted)
    world.wrong_codes(3)
    world.wrong_codes(1)
    world.org.users[ADA_ID] = user(last_login=timestamp(last_login) if last_login else "")
    world.now += 900
    if forgotten:
        assert world.send(world.client()).attempts_remaining == 4
        return
    with pytest.raises(errors.AttemptsHeld):
        world.send(world.client())


def test_to_the_public_too() -> None:
    world = World(trust_last_login=True)
    world.org.users[ADA_ID] = user(last_login=timestamp(NOW + 1))
    world.wrong_codes(4)
    world.send_public()
    world.check(world.public(), world.code(), email=ADA)


class TestThePublic:
    def test_it_is_answered_before_anybody_is_looked_up(self, world: World) -> None:
        issued = world.send(world.public())
        assert (world.org.calls, issued.was_sent, issued.attempts_remaining) == ([], False, None)
        ((function, payload),) = world.invocation.events
        assert (function, json.loads(payload)["task"]) == ("arn:issue", "deliver")
        assert "ada" not in payload
        world.deliver()
        world.check(world.public(), world.code(), challenge_id=issued.challenge.id)

    def test_it_is_answered_the_same_for_a_nobody(self, world: World) -> None:
        for_ada, for_nobody = world.send(world.public()), world.send(world.public(), NOBODY)
        own: dict[str, Any] = {"id": "", "email_hash": EmailHash(""), "destination": ""}
        assert replace(for_ada.challenge, **own) == replace(for_nobody.challenge, **own)
        assert for_nobody.challenge.destination == "n•••@example.com"
        assert for_ada.resend_at == for_nobody.resend_at
        with pytest.raises(errors.CustomerNotFound):
            world.deliver()
        assert world.public_state(NOBODY).challenges[0].is_open

    def test_a_delivery_shows_no_address(self) -> None:
        delivery = Delivery(ADA, ("e", "0e"), "ch_one", None, None, "192.0.2.9", "", "", "")
        assert ADA not in repr(delivery)

    def test_an_event_that_is_delivered_twice_sends_one_code(self, world: World) -> None:
        world.send(world.public())
        world.invocation.events *= 2
        assert world.deliver() == [True, False]
        assert len(world.org.codes[EMAIL]) == 1

    def test_a_late_delivery_of_a_superseded_challenge_sends_nothing(self, world: World) -> None:
        world.send(world.public())
        world.now += 30
        world.send(world.public())
        world.invocation.events.pop()
        assert world.deliver() == [False]
        assert world.org.calls == []

    def test_a_late_delivery_of_a_challenge_that_has_ended_sends_nothing(
        self, world: World
    ) -> None:
        issued = world.send(world.public())
        (event,) = world.invocation.events
        world.emails.withdraw(Place(Row.EMAIL, world.keys.email_hash(ADA)), issued.challenge)
        assert world.deliver() == [False]
        world.table.rows.clear()
        world.invocation.events.append(event)
        assert world.deliver() == [False]
        assert world.org.calls == []

    def test_an_event_that_was_not_sealed_here_is_refused(self, world: World) -> None:
        with pytest.raises(errors.MalformedBody):
            world.issue.deliver("sealed elsewhere", world.public())

    def test_a_send_that_cannot_be_handed_over_is_taken_back(self, world: World) -> None:
        world.invocation.failure = errors.StoreUnavailable()
        with pytest.raises(errors.StoreUnavailable):
            world.send(world.public())
        assert world.public_state().challenges[0].status is ChallengeStatus.FAILED
        world.invocation.failure = None
        world.send_public()

    def test_the_customers_request_is_told_to_okta_at_the_delivery(self, world: World) -> None:
        world.send(world.public(source_ip="192.0.2.9"), locale="fr")
        world.deliver()
        caller = world.org.told[-1].caller
        assert (caller.source_ip, caller.accept_language) == ("192.0.2.9", "fr")

    def test_strangers_share_five_an_hour_and_are_not_told_so(self, world: World) -> None:
        for n in range(5):
            world.send(world.public(source_ip=f"192.0.2.{n}"))
            world.now += 30
        with pytest.raises(errors.SendLimited) as refused:
            world.send(world.public())
        assert (refused.value.retry_after, refused.value.limit) == (3600 - 150, "")
        world.send(world.client())

    def test_strangers_may_use_half_of_the_sends_to_a_mailbox(self, world: World) -> None:
        mailbox = world.keys.destination_hash(ADA)
        for n in range(rules.STRANGERS_DESTINATION_SENDS):
            world.limits.count_send(mailbox, f"{n}", by_stranger=True)
        world.send(world.public())
        with pytest.raises(errors.SendLimited):
            world.deliver()
        world.send(world.client())

    def test_a_factor_that_the_kept_lookup_lacks_is_looked_up(self, world: World) -> None:
        phone = world.org.factors[ADA_ID].pop(1)
        world.send(world.client())
        world.org.factors[ADA_ID].append(phone)
        world.now += 60
        world.send_public(channel=Channel.SMS)
        assert len(world.org.codes[SMS]) == 1

    def test_sends_of_clients_are_not_seen_in_the_publics_limits(self, world: World) -> None:
        for email in (ADA, NOBODY):
            with suppress(errors.CustomerNotFound):
                world.send(world.client(), email)
            assert world.send(world.public(), email).resend_at == NOW + 30

    def test_a_held_customer_is_not_sent_a_strangers_code(self, world: World) -> None:
        world.wrong_codes(3)
        issued = world.send(world.public())
        with pytest.raises(errors.AttemptsHeld):
            world.deliver()
        assert len(world.org.codes[EMAIL]) == 1
        assert issued.challenge.is_open

    def test_without_concealment_it_is_answered_like_a_client(self) -> None:
        world = World(conceal_unknown_customers=False)
        with pytest.raises(errors.CustomerNotFound):
            world.send(world.public(), NOBODY)
        assert world.public_state(NOBODY).challenges[0].status is ChallengeStatus.FAILED
        assert world.send(world.public()).was_sent
        world.now += 30
        world.org.faults["send_code"] = errors.OktaOutcomeUnknown()
        with pytest.raises(errors.OktaOutcomeUnknown):
            world.send(world.public())
        assert world.public_state().challenges[0].is_open


class TestKnownDevices:
    def test_a_device_is_told_what_is_left_and_has_sends_of_its_own(self, world: World) -> None:
        token = world.known_device()
        for _ in range(3):
            issued = world.send_public(device_token=token)
            assert (issued.challenge.lane, issued.attempts_remaining) == (Lane.DEVICE, 4)
            world.now += 30
        with pytest.raises(errors.SendLimited):
            world.send(world.public(), device_token=token)
        assert len(world.org.codes[EMAIL]) == 4

    def test_strangers_cannot_use_up_its_attempts_or_sends(self, world: World) -> None:
        token = world.known_device()
        world.send_public()
        for _ in range(3):
            world.check_wrong(world.public(), email=ADA)
        with pytest.raises(errors.AttemptsHeld):
            world.send(world.public())
        assert world.send_public(device_token=token).attempts_remaining == 1
        world.check(world.public(token), world.code(), email=ADA)

    def test_nothing_is_sent_once_the_email_is_another_customers(self, world: World) -> None:
        world.send(world.public(world.known_device()))
        world.org.users[ADA_ID] = user(status=UserStatus.DEPROVISIONED)
        world.org.add(user(id="00unew"), factor(id="emf_new", destination=ADA))
        world.now += 900
        with pytest.raises(errors.CustomerNotFound):
            world.deliver()
        assert world.org.codes["emf_new"] == []


class TestOneFactor:
    def test_a_code_is_sent_over_it_within_the_clients_limits(self, world: World) -> None:
        issued = world.enrollment.challenge(world.factor_id(), None, world.client())
        assert (issued.challenge.channel, issued.attempts_remaining) == (Channel.SMS, None)
        assert (issued.resend_at, len(world.org.codes[SMS])) == (NOW + 30, 1)
        with pytest.raises(errors.SendLimited):
            world.send(world.client(), channel=Channel.SMS)

    def test_an_authenticator_app_is_sent_nothing(self, world: World) -> None:
        for _ in range(2):
            issued = world.enrollment.challenge(world.factor_id(APP), None, world.client())
        assert issued.resend_at == NOW
        assert not any(world.org.codes.values())

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"status": FactorStatus.OTHER}, errors.FactorNotActive),
            ({"type": FactorType.QUESTION}, errors.UnsupportedChannel),
            ({"destination": "ada.old@example.com"}, errors.FactorNotEnrolled),
            ({"destination": "a***a@example"}, errors.FactorNotEnrolled),
        ],
    )
    def test_a_factor_that_proves_nothing_is_refused(
        self, world: World, changes: dict[str, Any], refusal: type[Exception]
    ) -> None:
        world.org.factors[ADA_ID] = [replace(world.org.factors[ADA_ID][0], **changes)]
        with pytest.raises(refusal):
            world.enrollment.challenge(world.factor_id(EMAIL), None, world.client())
        assert not any(world.org.codes.values())

    def test_an_email_factor_proves_nothing_after_the_profile_has_another_email(
        self, world: World
    ) -> None:
        ada = world.org.users[ADA_ID]
        world.org.users[ADA_ID] = replace(ada, email="ada.new@example.com")
        with pytest.raises(errors.FactorNotEnrolled):
            world.enrollment.challenge(world.factor_id(EMAIL), None, world.client())

    def test_an_sms_text_is_a_template_at_okta_and_its_id_is_kept(self, world: World) -> None:
        for _ in range(2):
            world.enrollment.challenge(world.factor_id(), "Hi {{code}}", world.client())
            world.now += 30
        assert world.okta_factors.templates == ["id of Hi {{code}}"] * 2
        assert world.org.calls.count("template") == 1
        world.enrollment.challenge(world.factor_id(EMAIL), "Hi {{code}}", world.client())
        assert world.okta_factors.templates[-1] is None
        assert world.spent("client-changes") == 1

    def test_a_client_makes_no_more_templates_than_it_may_change(self) -> None:
        world = World(changes_per_client=2)
        for name in ("Ada", "Grace"):
            text = f"Hi {name}, {{{{code}}}}"
            world.enrollment.challenge(world.factor_id(), text, world.client())
            world.now += 30
        with pytest.raises(errors.RateLimited):
            world.enrollment.challenge(world.factor_id(), "Hi Mary, {{code}}", world.client())
        assert world.org.calls.count("template") == len(world.okta_factors.templates) == 2
        world.enrollment.challenge(world.factor_id(), "Hi Ada, {{code}}", world.client())

    @pytest.mark.parametrize(("age", "resends"), [(29, 0), (30, 1)])
    def test_a_new_phone_is_sent_its_first_code_again_after_30_seconds(
        self, world: World, age: int, resends: int
    ) -> None:
        world.org.factors[ADA_ID].clear()
        enrolled = world.enrollment.enroll_phone(PHONE, ADA, world.client())
        world.now += age
        issued = world.enrollment.challenge(enrolled.ref_id, None, world.client())
        assert world.org.calls.count("resend_enrollment_code") == resends
        assert issued.challenge.activates
