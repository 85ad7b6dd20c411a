"""Pure decisions: which customer and factor, which lane may do what, and what a code is good for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import NOW, challenge, factor, found, known_factor, state, user
from verification import errors, rules
from verification.models.callers import Lane
from verification.models.challenges import Challenge, ChallengeStatus, Code, Origin, VerifyRequest
from verification.models.customers import (
    Channel,
    Email,
    FactorStatus,
    FactorType,
    KnownFactor,
    Registration,
    User,
    UserStatus,
)
from verification.models.sign_ins import KnownSignIn, SignInDocument, SignInStatus
from verification.models.states import (
    Attempt,
    CustomerState,
    Hold,
    PublicState,
    Sent,
    Slot,
    WrongCode,
)

ADA = Email("ada@example.com")
EVE = user(id="00u0000000000000eve0", login="eve@example.com", email="eve@example.com")
TWIN = user(id="00u000000000000twin0", login="twin.two")
LOCKED = user(id="00u0000000000000old0", status=UserStatus.LOCKED_OUT)
GONE = user(id="00u0000000000000old0", status=UserStatus.DEPROVISIONED)
THREE = {"wrong_codes": tuple(WrongCode(NOW - n, Lane.STRANGER) for n in (3, 2, 1))}
FOUR = {"wrong_codes": (*THREE["wrong_codes"], WrongCode(NOW, Lane.CLIENT))}
BUSY = {"busy_until": NOW + 1.0}


def refusal(decide: Callable[..., object], *given: object) -> str:
    """The code of what a decision raises."""
    with pytest.raises(errors.VerificationError) as refused:
        decide(*given)
    return refused.value.code


class TestCustomers:
    @pytest.mark.parametrize(
        "users",
        [
            [user(login="ada.l")],
            [EVE, user(email="ADA@EXAMPLE.COM")],
            [user(), user()],  # found by login and by email
            [user(), GONE],
            [LOCKED, user()],
        ],
    )
    def test_the_one_active_user_is_the_customer(self, users: list[User]) -> None:
        assert rules.choose_customer(users, ADA).id == user().id

    @pytest.mark.parametrize(
        ("users", "code"),
        [
            ([], "customer_not_found"),
            ([EVE], "customer_not_found"),
            ([user(login="ADA@Example.com", email="work@example.com")], "customer_not_found"),
            ([user(email="adá@example.com", login="adá@example.com")], "customer_not_found"),
            ([user(email="ada@example.com.evil.example", login="ada")], "customer_not_found"),
            ([user(status=UserStatus.STAGED)], "customer_inactive"),
            ([user(status=UserStatus.OTHER)], "customer_inactive"),
            ([GONE], "customer_inactive"),
            ([LOCKED], "customer_locked"),
            ([user(status=UserStatus.STAGED), LOCKED], "customer_locked"),
            ([user(), TWIN], "customer_ambiguous"),
            ([TWIN, user()], "customer_ambiguous"),
        ],
    )
    def test_nobody_is_taken_for_another(self, users: list[User], code: str) -> None:
        assert refusal(rules.choose_customer, users, ADA) == code

    def test_only_an_active_user_may_be_challenged(self) -> None:
        assert rules.require_active(user()) == user()
        assert refusal(rules.require_active, LOCKED) == "customer_locked"
        for status in (UserStatus.PROVISIONED, UserStatus.OTHER):
            assert refusal(rules.require_active, user(status=status)) == "customer_inactive"

    CREATED = user(created="2025-06-15T15:06:40.500Z")

    @pytest.mark.parametrize(
        ("there", "asked_at", "is_own"),
        [
            (CREATED, NOW, True),
            (CREATED, NOW - 60, True),
            (CREATED, NOW + 60, True),
            (CREATED, NOW + 61, False),  # was there before
            (CREATED, NOW - 61, False),  # was created by somebody else, later
            (CREATED, 0, False),
            (user(created=""), NOW, False),
            (user(created="1970-01-01T00:00:00.000Z"), 0, False),
            (user(created="yesterday"), NOW, False),
            (user(created=CREATED.created, email="eve@example.com"), NOW, False),
            (user(created=CREATED.created, login="another.ada"), NOW, False),
        ],
    )
    def test_a_user_is_a_registrations_own_if_created_when_it_asked(
        self, there: User, asked_at: int, is_own: bool
    ) -> None:
        wanted = Registration(ADA, "Ada@example.com", {})
        assert rules.was_created_for(wanted, asked_at, there) is is_own


KINDS = {channel: rules.factor_type_of(channel) for channel in Channel}


class TestFactors:
    @pytest.mark.parametrize("channel", Channel)
    def test_the_active_factor_of_the_channel_is_chosen(self, channel: Channel) -> None:
        factors = [
            known_factor(id="push", type=FactorType.OTHER),
            known_factor(id="old", type=KINDS[channel], status=FactorStatus.OTHER),
            *(known_factor(id=each, type=kind) for each, kind in KINDS.items()),
        ]
        assert rules.choose_factor(factors, channel).id == channel

    @pytest.mark.parametrize(
        ("there", "code"),
        [
            (known_factor(status=FactorStatus.PENDING_ACTIVATION), "factor_not_active"),
            (known_factor(status=FactorStatus.OTHER), "factor_not_active"),
            (known_factor(type=FactorType.SMS), "factor_not_enrolled"),
            (known_factor(type=FactorType.QUESTION), "factor_not_enrolled"),
            (known_factor(reaches_email=False), "factor_not_enrolled"),
        ],
    )
    def test_the_email_channel_takes_only_an_active_factor_of_the_profiles_email(
        self, there: KnownFactor, code: str
    ) -> None:
        assert refusal(rules.choose_factor, [there], Channel.EMAIL) == code
        assert not rules.has_factor(found(there), Channel.EMAIL)
        assert rules.has_factor(found(), Channel.EMAIL)

    @pytest.mark.parametrize(
        ("channel", "detail"),
        [
            (Channel.EMAIL, rules.NO_EMAIL_FACTOR),
            (Channel.SMS, errors.FactorNotEnrolled().detail),
        ],
    )
    def test_who_has_no_email_factor_may_be_of_an_org_that_does_not_enroll_it(
        self, channel: Channel, detail: str
    ) -> None:
        with pytest.raises(errors.FactorNotEnrolled) as refused:
            rules.choose_factor([], channel)
        assert refused.value.detail == detail

    def test_codes_are_sent_by_email_sms_and_call(self) -> None:
        sent = [Channel.EMAIL, Channel.SMS, Channel.CALL]
        assert [each for each in Channel if rules.is_sent(each)] == sent
        assert {rules.channel_of(kind) for kind in KINDS.values()} == set(Channel)
        assert refusal(rules.channel_of, FactorType.QUESTION) == "unsupported_channel"

    def test_a_factor_is_enrolled_if_it_is_active_and_has_the_destination(self) -> None:
        wanted, question = factor(destination=ADA), factor(FactorType.QUESTION)
        assert rules.is_enrolled([question, factor(destination="Ada@Example.com")], wanted)
        others = [
            factor(destination="eve@example.com"),
            factor(status=FactorStatus.PENDING_ACTIVATION, destination=ADA),
            factor(FactorType.SMS, destination=ADA),
        ]
        assert not rules.is_enrolled([question, *others], wanted)

    def test_the_public_is_shown_no_more_than_its_own_words(self) -> None:
        assert rules.public_destination(ADA, Channel.EMAIL) == "a•••@example.com"
        assert rules.public_destination(ADA, Channel.SMS) == "•••"
        assert rules.mask("+15005550006") == "•••0006"

    @pytest.mark.parametrize(
        ("age", "customer", "unknown"),
        [
            *((-1, False, False), (0, True, True), (59, True, True)),
            *((60, True, False), (899, True, False), (900, False, False)),
        ],
    )
    def test_a_lookup_is_kept_for_15_minutes_and_an_unknown_email_for_one(
        self, age: int, customer: bool, unknown: bool
    ) -> None:
        assert rules.is_fresh(found(at=NOW - age), NOW) is customer
        refusal = found(at=NOW - age, user_id="", refusal="customer_not_found")
        assert rules.is_fresh(refusal, NOW) is unknown


class TestLanes:
    @pytest.mark.parametrize(
        ("lane", "allowed", "allowed_with_brake"),
        [
            *((Lane.STRANGER, 3, 1), (Lane.DEVICE, 4, 4), (Lane.CLIENT, 4, 4)),
            (Lane.RELEASE, None, None),
        ],
    )
    def test_the_brake_limits_strangers_alone(
        self, lane: Lane, allowed: int | None, allowed_with_brake: int | None
    ) -> None:
        assert rules.attempts_allowed(lane, 3, brake_is_on=False) == allowed
        assert rules.attempts_allowed(lane, 3, brake_is_on=True) == allowed_with_brake

    @pytest.mark.parametrize(
        ("wrong", "allowed", "remaining"),
        [(0, 3, 3), (2, 3, 1), (3, 3, 0), (3, 4, 1), (4, 4, 0), (4, 3, 0), (4, None, 1)],
    )
    def test_a_lane_is_held_once_the_count_reaches_its_limit(
        self, wrong: int, allowed: int | None, remaining: int
    ) -> None:
        customer = state(wrong_codes=FOUR["wrong_codes"][:wrong])
        assert rules.attempts_remaining(customer, allowed) == remaining
        assert rules.is_held(customer, allowed) is (remaining == 0)

    def test_no_lane_but_a_release_may_make_the_fifth_wrong_code(self) -> None:
        for strangers in (1, 2, 3, 4):
            limits = [rules.attempts_allowed(e, strangers, brake_is_on=False) for e in Lane]
            assert max(limit for limit in limits if limit is not None) < 5

    def test_a_hold_says_which_lanes_since_when_and_why(self) -> None:
        assert rules.hold_of(state(), 3) == Hold((), None, ())
        three, four = THREE["wrong_codes"], FOUR["wrong_codes"]
        two = three[:2]
        assert rules.hold_of(state(wrong_codes=two), 3) == Hold((), None, two)
        assert rules.hold_of(state(**THREE), 3) == Hold((Lane.STRANGER,), NOW - 1, three)
        lanes = (Lane.STRANGER, Lane.DEVICE, Lane.CLIENT)
        assert rules.hold_of(state(**FOUR), 3) == Hold(lanes, NOW - 1, four)


HOUR_AND_DAY = rules.HOUR_AND_DAY
STEPS = st.sampled_from([0, 1, 29, 30, 31, 300, 720, 3570, 3599, 3600, 3601, 20_000, 86_400])
GAPS = st.lists(STEPS | st.integers(0, 90_000), max_size=25)


def least_wait(sends: Sequence[int], now: int) -> int:
    """The first moment at which no window has too many sends, counted one by one."""

    def fits(at: int) -> bool:
        return all(
            sum(at - each.seconds < sent <= at for sent in sends) < each.count
            for each in HOUR_AND_DAY
        )

    waits = {0, *(sent + each.seconds - now for sent in sends for each in HOUR_AND_DAY)}
    return min(wait for wait in waits if wait >= 0 and fits(now + wait))


class TestSends:
    def test_the_windows_are_those_that_were_promised(self) -> None:
        hour, day = 3600, 24 * 3600
        assert (rules.Window(hour, 5), rules.Window(day, 10)) == rules.HOUR_AND_DAY
        assert (rules.Window(hour, 3),) == rules.DEVICE_HOUR
        assert (rules.Window(30, 1), rules.Window(day, 3)) == rules.RELEASE_DAY
        assert (rules.Window(hour, 2), rules.Window(day, 3)) == rules.UNAPPROVED_PUSHES

    def test_the_counts_are_those_that_were_promised(self) -> None:
        assert (rules.DESTINATION_SENDS, rules.STRANGERS_DESTINATION_SENDS) == (20, 10)
        assert (rules.KNOWN_LANE_ATTEMPTS, rules.RELEASES_DAY, rules.DEVICES) == (4, 3, 10)
        assert (rules.SIGN_IN_STEPS, rules.SIGN_INS) == (60, 20)

    def test_the_times_are_those_that_were_promised(self) -> None:
        assert (rules.HOLD_SECONDS, rules.DEVICE_SECONDS) == (3600, 180 * 24 * 3600)
        assert (rules.LOOKUP_SECONDS, rules.REFUSAL_SECONDS) == (900, 60)
        assert (rules.RESEND_SECONDS, rules.POLL_SECONDS) == (30, 2)
        assert (rules.CODE_SECONDS, rules.CREATION_SECONDS) == (600, 60)
        assert rules.ATTEMPT_SECONDS == rules.SENDING_SECONDS == 12

    @given(GAPS)
    def test_a_send_waits_until_it_fits_all_windows(self, gaps: list[int]) -> None:
        sends: list[int] = []
        now = NOW
        for gap in gaps:
            now += gap
            newest_first = (*reversed(sends), *(0,) * 10)[:10]
            wait = rules.send_wait(newest_first, HOUR_AND_DAY, now)
            assert max(0, wait) == least_wait(sends, now)
            if wait <= 0:
                sends.append(now)

    @pytest.mark.parametrize(("count", "name"), [(5, "hour"), (10, "day")])
    def test_a_limit_has_the_name_of_the_window_that_is_full(self, count: int, name: str) -> None:
        sends = [NOW - 60 * n for n in range(count)]
        assert rules.window_name(sends, HOUR_AND_DAY, NOW) == name

    def test_a_push_waits_until_it_fits_both_windows(self) -> None:
        pushed = state(unapproved=(NOW - 1, NOW - 3599, 0))
        assert not rules.may_push(pushed, NOW)
        assert rules.may_push(pushed, NOW + 1)


class TestWhatACodeIsGoodFor:
    @pytest.mark.parametrize(
        ("sent", "is_newest"),
        [
            ({}, False),
            ({"emf": Sent("ch_one", NOW, is_certain=True)}, True),
            ({"emf": Sent("ch_one", NOW, is_certain=False)}, False),
            ({"emf": Sent("ch_two", NOW, is_certain=True)}, False),
            ({"sms": Sent("ch_one", NOW, is_certain=True)}, False),
        ],
    )
    def test_only_the_newest_code_that_was_certainly_sent_over_the_factor_is_good(
        self, sent: dict[str, Sent], is_newest: bool
    ) -> None:
        assert rules.is_newest(state(sent=sent), "emf", "ch_one") is is_newest

    @pytest.mark.parametrize(
        ("asked", "used", "matches"),
        [
            ((None, None), (None, None), True),
            (("refund", "1001"), ("refund", "1001"), True),
            (("refund", "1001"), (None, None), False),
            (("refund", "1001"), ("refund", None), False),
            (("refund", "1001"), (None, "1001"), False),
            (("refund", "1001"), ("pick-up", "1001"), False),
            (("refund", "1001"), ("refund", "1002"), False),
            (("refund", "1001"), ("Refund", "1001"), False),
            (("refund", "1001"), ("1001", "refund"), False),
            ((None, None), ("refund", None), False),
            (("refund", None), ("refund", "1001"), False),
        ],
    )
    def test_a_code_is_good_for_its_purpose_and_reference_alone(
        self, asked: tuple[str | None, ...], used: tuple[str | None, ...], matches: bool
    ) -> None:
        request = VerifyRequest(Code("123456"), purpose=used[0], reference=used[1])
        subject = challenge(purpose=asked[0], reference=asked[1])
        assert rules.matches(subject, request) is matches

    @pytest.mark.parametrize(
        ("named", "known", "is_about"),
        [
            *(("00u1", "00u1", True), ("00u2", "00u1", False)),
            *(("", "00u1", True), ("00u1", "", True)),  # one of them names nobody
        ],
    )
    def test_a_document_of_another_user_is_not_of_this_sign_in(
        self, named: str, known: str, is_about: bool
    ) -> None:
        document = SignInDocument({}, SignInStatus.OTHER, "MFA_REQUIRED", "state", named, {})
        assert rules.is_about(document, KnownSignIn(known, {})) is is_about


OPEN = challenge(client="shop")
NEWEST = challenge(id="ch_new", client="shop", sent_at=NOW - 10)
OLD = challenge(id="ch_old", client="shop", sent_at=NOW - 250)
OTHERS = challenge(id="ch_other", client="other")
VERIFIED = challenge(client="shop", status=ChallengeStatus.VERIFIED, verified_at=NOW - 5)
EXHAUSTED = challenge(client="shop", status=ChallengeStatus.EXHAUSTED)
FAILED = challenge(client="shop", status=ChallengeStatus.FAILED)
REJECTED = challenge(client="shop", status=ChallengeStatus.REJECTED)
MFA = challenge(client="shop", origin=Origin.MFA)


class TestWhyNot:
    @pytest.mark.parametrize(
        ("customer", "challenge_id", "code"),
        [
            (state(), None, "challenge_not_found"),
            (state(OPEN), "ch_unknown", "challenge_not_found"),
            (state(OTHERS), "ch_other", "challenge_not_found"),
            (state(OTHERS), None, "challenge_not_found"),
            (state(MFA), "ch_one", "challenge_not_found"),
            (state(FAILED), "ch_one", "challenge_not_found"),
            (state(OPEN), "ch_one", "challenge_expired"),
            (state(OPEN), None, "challenge_expired"),
            (state(VERIFIED, **FOUR, **BUSY), "ch_one", "challenge_already_verified"),
            (state(OLD, VERIFIED), "ch_one", "challenge_already_verified"),
            (state(OPEN, OLD, **BUSY), "ch_old", "challenge_superseded"),
            (state(OTHERS, OLD), None, "challenge_superseded"),
            (state(OPEN, OLD, **FOUR), "ch_old", "attempts_held"),
            (state(OPEN, **FOUR), "ch_one", "attempts_held"),
            (state(OPEN, **FOUR, **BUSY), "ch_one", "request_in_progress"),
            (state(OPEN, **BUSY), None, "request_in_progress"),
            (state(OPEN, busy_until=float(NOW)), None, "challenge_expired"),
            (state(REJECTED), "ch_one", "push_rejected"),
            (state(EXHAUSTED, **FOUR), "ch_one", "attempts_held"),
            (state(EXHAUSTED), "ch_one", "challenge_exhausted"),
        ],
    )
    def test_a_client_is_told_why_its_challenge_takes_no_code(
        self, customer: CustomerState, challenge_id: str | None, code: str
    ) -> None:
        attempt = Attempt("t", Lane.CLIENT, 4, NOW, Slot.NEWEST, challenge_id, "shop")
        assert rules.why_not_reserved(customer, attempt).code == code

    def test_an_old_challenge_says_when_the_next_one_was_sent(self) -> None:
        attempt = Attempt("t", Lane.CLIENT, 4, NOW, Slot.NEWEST, "ch_old", "shop")
        refusal: Any = rules.why_not_reserved(state(NEWEST, OPEN, OLD), attempt)
        assert (refusal.code, refusal.superseded_at) == ("challenge_superseded", OPEN.sent_at)
        with pytest.raises(errors.ChallengeSuperseded) as superseded:
            rules.require_open((NEWEST, OPEN, OLD), "ch_old", NOW)
        assert superseded.value.superseded_at == OPEN.sent_at

    @pytest.mark.parametrize(
        ("challenges", "challenge_id", "code"),
        [
            ((), "ch_one", "challenge_not_found"),
            ((OPEN,), "ch_unknown", "challenge_not_found"),
            ((FAILED,), "ch_one", "challenge_not_found"),
            ((VERIFIED,), "ch_one", "challenge_already_verified"),
            ((REJECTED,), "ch_one", "push_rejected"),
            ((EXHAUSTED,), "ch_one", "challenge_exhausted"),
            ((OPEN, OLD), "ch_old", "challenge_superseded"),
            ((challenge(expires_at=NOW),), "ch_one", "challenge_expired"),
        ],
    )
    def test_what_is_decided_is_not_waited_for(
        self, challenges: tuple[Challenge, ...], challenge_id: str, code: str
    ) -> None:
        assert refusal(rules.require_open, challenges, challenge_id, NOW) == code
        assert rules.require_open((OPEN, *challenges), "ch_one", NOW) == OPEN

    @pytest.mark.parametrize(
        ("customer", "slot", "code"),
        [
            (state(**FOUR), None, "attempts_held"),
            (state(**FOUR, **BUSY), None, "request_in_progress"),
            (state(**BUSY), None, "request_in_progress"),
            (state(), Slot.RELEASE, "challenge_not_found"),
            (state(release=EXHAUSTED, **FOUR), Slot.RELEASE, "challenge_exhausted"),
            (state(release=VERIFIED), Slot.RELEASE, "challenge_already_verified"),
        ],
    )
    def test_a_sign_in_and_a_release_are_told_likewise(
        self, customer: CustomerState, slot: Slot | None, code: str
    ) -> None:
        allowed = None if slot else 4
        attempt = Attempt("t", Lane.CLIENT, allowed, NOW, slot, "ch_one" if slot else None)
        assert rules.why_not_reserved(customer, attempt).code == code

    @pytest.mark.parametrize(
        ("challenges", "changes", "challenge_id", "code"),
        [
            ((), {}, None, "challenge_not_found"),
            ((OPEN,), {}, "ch_unknown", "challenge_not_found"),
            ((OPEN,), {}, None, "challenge_expired"),
            ((OPEN, OLD), {}, "ch_old", "challenge_expired"),
            ((EXHAUSTED,), {}, "ch_one", "challenge_expired"),
            ((FAILED,), {}, "ch_one", "challenge_expired"),
            ((VERIFIED,), BUSY, "ch_one", "challenge_already_verified"),
            ((VERIFIED,), BUSY, None, "challenge_not_found"),  # an email alone says nothing
            ((OPEN,), BUSY, "ch_one", "request_in_progress"),
            ((OPEN,), {"busy_until": float(NOW)}, "ch_one", "challenge_expired"),
            ((OPEN,), {"held_until": NOW + 60}, "ch_one", "attempts_held"),
            ((OPEN,), {"held_until": NOW}, "ch_one", "challenge_expired"),
        ],
    )
    def test_to_the_public_superseded_exhausted_and_expired_are_one(
        self, challenges: tuple[Challenge, ...], changes: Any, challenge_id: str | None, code: str
    ) -> None:
        refusal = rules.why_not_public(PublicState(challenges, **changes), challenge_id, NOW)
        assert refusal.code == code
        assert not isinstance(refusal, errors.AttemptsHeld) or refusal.retry_after == 60


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("203.0.113.7, 192.0.2.1", "203.0.113.7, 192.0.2.1"),
    ],
)
def test_a_source_is_an_address_or_a_subscribers_network(address: str, network: str) -> None:
    assert rules.source_network(address) == network
