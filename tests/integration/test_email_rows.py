"""Rows of emails and devices: public challenges, sends, kept look-ups, and public attempts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.rows import DEVICE, EMAIL, STRANGERS, TARGET, Rows, opened, refusal, told
from tests.unit.examples import NOW, found, known_factor
from verification import errors, rules
from verification.aws.email_rows import KEPT_SECONDS
from verification.crypto import Place
from verification.frozen import replace
from verification.models.challenges import ChallengeStatus
from verification.models.customers import Channel, FactorStatus, FactorType, Found
from verification.models.states import PublicState
from verification.ports import Result


def fail(rows: Rows, times: int, now: int = NOW, place: Place = STRANGERS) -> int:
    """So many wrong codes, one every second, of which the third closes; the next second."""
    for n in range(times):
        rows.attempt(f"{now}-{n}", now + n, place=place)
        rows.end_attempt(f"{now}-{n}", Result.WRONG, now + n, place, closes_public=n == 2)
    return now + times


class TestOpening:
    def test_newest_challenge_is_the_first_of_five(self, rows: Rows) -> None:
        for n in range(6):
            rows.open(f"{n}", NOW + 900 * n, purpose="refund", audience="bank")
        first, *older = rows.strangers.challenges
        assert first == opened("5", NOW + 900 * 5, purpose="refund", audience="bank")
        assert [(each.id, each.purpose) for each in older] == [
            (f"ch_{n}", None) for n in (4, 3, 2, 1)
        ]

    def test_next_send_is_allowed_after_the_cool_down_or_the_window(self, rows: Rows) -> None:
        nexts = [rows.open(f"{n}", NOW + 30 * n) for n in range(5)]
        assert nexts == [NOW + 30 * n + 30 for n in range(4)] + [NOW + 3600]

    def test_cool_down_is_of_one_channel(self, rows: Rows) -> None:
        rows.open("one")
        limited = refusal(lambda: rows.open("two", NOW + 1))
        assert isinstance(limited, errors.SendLimited)
        assert (limited.retry_after, limited.limit) == (29, "resend")
        rows.open("sms", NOW + 1, channel=Channel.SMS)

    def test_other_emails_and_devices_have_rows_of_their_own(self, rows: Rows) -> None:
        for place in (STRANGERS, Place(STRANGERS.row, "0f" * 16), DEVICE):
            rows.open("one", place=place)

    def test_own_writes_sent_twice_count_once(self, rows: Rows) -> None:
        rows.dynamodb.repeat(lambda: rows.open("0"))
        assert len(rows.strangers.challenges) == 1
        for n in range(1, 5):
            rows.open(f"{n}", NOW + 30 * n)
        rows.dynamodb.repeat(lambda: rows.emails.withdraw(STRANGERS, opened("4", NOW + 120)))
        rows.open("5", NOW + 150)
        assert told(lambda: rows.open("6", NOW + 180)) == "send_limited"

    def test_row_outlives_the_longest_window(self, rows: Rows) -> None:
        rows.open("one")
        [row] = rows.account.rows().values()
        assert 24 * 3600 < int(row["ttl"]["N"]) - NOW <= 3 * 24 * 3600

    def test_nothing_is_opened_while_a_code_is_checked(self, rows: Rows) -> None:
        rows.open("one")
        rows.attempt("a", NOW + 30)
        assert told(lambda: rows.open("two", NOW + 31)) == "request_in_progress"


class TestHold:
    @pytest.fixture
    def held(self, rows: Rows) -> int:
        """Three wrong codes; the second after the last."""
        rows.open("one")
        return fail(rows, 3)

    def test_three_wrong_codes_hold_an_email_for_an_hour(self, rows: Rows, held: int) -> None:
        works: list[Callable[[], object]] = [
            lambda: rows.attempt("x", held, "ch_one"),
            lambda: rows.attempt("x", held),
            lambda: rows.open("two", held),
        ]
        for work in works:
            holding = refusal(work)
            assert isinstance(holding, errors.AttemptsHeld)
            assert holding.retry_after == rules.HOLD_SECONDS - 1
        cooled = refusal(lambda: rows.open("two", held + 60))  # nothing but the hold refuses it
        assert isinstance(cooled, errors.AttemptsHeld)
        assert rows.strangers.challenges[0].status is ChallengeStatus.EXHAUSTED

    def test_challenge_after_a_hold_begins_with_no_wrong_codes(self, rows: Rows, held: int) -> None:
        later = held + rules.HOLD_SECONDS
        rows.dynamodb.repeat(lambda: rows.open("two", later))
        assert [each.id for each in rows.strangers.challenges] == ["ch_two", "ch_one"]
        assert rows.strangers.wrong_codes == 0
        assert rows.attempt("x", later).wrong_codes == 1

    def test_challenge_after_a_hold_is_opened_once(self, rows: Rows, held: int) -> None:
        later = held + rules.HOLD_SECONDS
        rows.dynamodb.before.extend([None, lambda: rows.open("second", later)])
        assert told(lambda: rows.open("first", later)) == "send_limited"
        assert rows.strangers.challenges[0] == opened("second", later)

    def test_right_code_ends_the_count(self, rows: Rows) -> None:
        rows.open("one")
        now = fail(rows, 2)
        rows.attempt("right", now)
        rows.end_attempt("right", Result.RIGHT, now)
        assert rows.strangers.wrong_codes == 0
        rows.open("two", now + 30)

    def test_row_of_a_device_is_never_held(self, rows: Rows) -> None:
        rows.open("one", place=DEVICE)
        now = fail(rows, 2, fail(rows, 2, place=DEVICE), DEVICE)
        assert rows.attempt("x", now, place=DEVICE).wrong_codes == 5
        assert rows.strangers == PublicState()


def test_only_the_newest_challenge_is_withdrawn(rows: Rows) -> None:
    rows.open("one")
    rows.open("two", NOW + 30)
    rows.emails.withdraw(STRANGERS, opened("one"))
    assert all(each.is_open for each in rows.strangers.challenges)
    rows.emails.withdraw(STRANGERS, opened("two", NOW + 30))
    assert rows.strangers.challenges[0].status is ChallengeStatus.FAILED


def test_only_the_newest_challenge_gets_a_factor_and_once(rows: Rows) -> None:
    challenge = opened("one", purpose="refund")
    rows.open("one", purpose="refund")
    assert rows.emails.attach(STRANGERS, challenge, TARGET)
    assert rows.strangers.challenges == (replace(challenge, target=TARGET),)
    assert not rows.emails.attach(STRANGERS, challenge, TARGET)
    rows.open("two", NOW + 30)
    rows.open("three", NOW + 60)
    assert not rows.emails.attach(STRANGERS, opened("two", NOW + 30), TARGET)
    assert rows.strangers.challenges[0].target is None


class TestAttempts:
    @pytest.fixture(autouse=True)
    def _opened(self, rows: Rows) -> None:
        rows.open("one")

    def test_attempt_counts_before_it_is_known_to_be_wrong(self, rows: Rows) -> None:
        state = rows.attempt("a", NOW + 0.5, "ch_one")
        assert (state.wrong_codes, state.busy_until) == (1, NOW + 0.5 + rules.ATTEMPT_SECONDS)
        assert state.challenges[0].status is ChallengeStatus.PENDING

    def test_second_attempt_waits_for_the_first_and_its_fixed_time(self, rows: Rows) -> None:
        rows.dynamodb.before.append(lambda: rows.attempt("a"))  # at the same moment
        assert told(lambda: rows.attempt("b")) == "request_in_progress"
        assert rows.strangers.wrong_codes == 1
        assert told(lambda: rows.attempt("b", NOW + 1)) == "request_in_progress"
        rows.end_attempt("a", Result.WRONG, NOW + 1)
        assert told(lambda: rows.attempt("b", NOW + 1.9)) == "request_in_progress"
        assert rows.attempt("b", NOW + 2).wrong_codes == 2

    def test_lock_of_a_crashed_attempt_expires_and_the_attempt_stays_counted(
        self, rows: Rows
    ) -> None:
        rows.attempt("crashed")
        later = NOW + rules.ATTEMPT_SECONDS
        assert told(lambda: rows.attempt("b", later - 1)) == "request_in_progress"
        assert rows.attempt("b", later).wrong_codes == 2
        with pytest.raises(errors.StoreUnavailable):
            rows.end_attempt("crashed", Result.RIGHT, later)
        assert rows.strangers.challenges[0].is_open

    @pytest.mark.parametrize(
        ("result", "left"), [(Result.RIGHT, 0), (Result.WRONG, 2), (Result.UNDONE, 1)]
    )
    def test_own_writes_sent_twice_count_once(self, rows: Rows, result: Result, left: int) -> None:
        now = fail(rows, 1)
        rows.dynamodb.repeat(lambda: rows.attempt("a", now))
        rows.dynamodb.repeat(lambda: rows.end_attempt("a", result, now))
        assert rows.strangers.wrong_codes == left

    def test_code_of_a_challenge_that_was_superseded_meanwhile_is_not_tried(
        self, rows: Rows
    ) -> None:
        rows.dynamodb.before.append(lambda: rows.open("two", NOW + 30))
        assert told(lambda: rows.attempt("a", NOW + 30, "ch_one")) == "challenge_expired"
        assert rows.strangers.wrong_codes == 0

    def test_why_an_attempt_is_refused(self, rows: Rows) -> None:
        def refused(name: str | None, now: int = NOW + 30, place: Place = STRANGERS) -> str:
            return told(lambda: rows.attempt("x", now, name, place))

        assert refused(None, place=DEVICE) == "challenge_not_found"
        rows.open("two", NOW + 30)
        assert refused("ch_other") == "challenge_not_found"
        assert refused("ch_one") == "challenge_expired"
        assert refused("ch_two", NOW + 330) == "challenge_expired"
        rows.attempt("a", NOW + 40, "ch_two")
        rows.end_attempt("a", Result.RIGHT, NOW + 40)
        assert refused("ch_two", NOW + 41) == "challenge_already_verified"
        verified = rows.strangers.challenges[0]
        assert (verified.status, verified.verified_at) == (ChallengeStatus.VERIFIED, NOW + 40)


class TestForgetting:
    """A client's send keeps a row, and must not keep what the public did: that would tell of it."""

    LATER = NOW + KEPT_SECONDS

    @pytest.fixture(autouse=True)
    def _kept(self, rows: Rows) -> None:
        rows.open("one")
        fail(rows, 2)
        rows.emails.reserve_client_send(EMAIL, Channel.EMAIL, "t", self.LATER - 3600)

    def test_challenge_is_not_found_when_its_row_could_be_deleted(self, rows: Rows) -> None:
        assert told(lambda: rows.attempt("x", self.LATER - 1, "ch_one")) == "challenge_expired"
        assert told(lambda: rows.attempt("x", self.LATER, "ch_one")) == "challenge_not_found"
        assert told(lambda: rows.attempt("x", self.LATER)) == "challenge_not_found"

    def test_wrong_codes_count_no_more(self, rows: Rows) -> None:
        rows.open("two", self.LATER)
        assert rows.strangers.wrong_codes == 0
        assert rows.attempt("x", self.LATER).wrong_codes == 1
        rows.end_attempt("x", Result.WRONG, self.LATER)
        refused = told(lambda: rows.attempt("y", self.LATER + 30, "ch_one"))
        assert refused == "challenge_not_found"

    def test_wrong_codes_count_until_then(self, rows: Rows) -> None:
        rows.open("two", self.LATER - 1)
        assert rows.attempt("x", self.LATER - 1).wrong_codes == 3
        rows.end_attempt("x", Result.WRONG, self.LATER - 1)
        assert told(lambda: rows.attempt("y", self.LATER, "ch_one")) == "attempts_held"


class TestLookups:
    PHONE = known_factor(
        id="sms1",
        type=FactorType.SMS,
        status=FactorStatus.PENDING_ACTIVATION,
        reaches_email=False,
    )
    NEWER = Found(NOW + 1, refusal="customer_locked")

    @pytest.mark.parametrize(
        "kept", [found(), found(known_factor(), PHONE, last_login=NOW - 5), NEWER]
    )
    def test_what_okta_said_is_kept(self, rows: Rows, kept: Found) -> None:
        assert rows.emails.found(EMAIL) is None
        rows.emails.remember(EMAIL, kept)
        assert rows.emails.found(EMAIL) == kept

    def test_newer_answer_replaces_an_older_one_only(self, rows: Rows) -> None:
        for said in (found(), self.NEWER, found()):
            rows.emails.remember(EMAIL, said)
        assert rows.emails.found(EMAIL) == self.NEWER

    def test_forgotten_answer_is_out_of_date_and_still_names_the_customer(self, rows: Rows) -> None:
        rows.emails.forget(EMAIL)
        assert rows.account.rows() == {}
        rows.emails.remember(EMAIL, found())
        rows.emails.forget(EMAIL)
        kept = rows.emails.found(EMAIL)
        assert kept
        assert kept.user_id == found().user_id
        assert not rules.is_fresh(kept, NOW)
