"""Rows of emails and devices: public challenges, sends, kept look-ups, and public attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.rows import (
    DEVICE,
    EMAIL,
    STRANGERS,
    TARGET,
    Rows,
    opened,
    refusal,
    repeated,
    told,
)
from tests.unit.examples import NOW, found, known_factor
from verification import errors, rules
from verification.crypto import Place
from verification.models import (
    ChallengeStatus,
    Channel,
    FactorStatus,
    FactorType,
    Found,
    PublicState,
)
from verification.ports import Result, Settlement

HOLD = rules.HOLD_SECONDS


def settle(
    rows: Rows, token: str, result: Result, *, place: Place = STRANGERS, now: int = NOW
) -> None:
    closes = result is Result.WRONG and token.endswith("-last")
    rows.attempts.settle(
        Settlement(
            token, now, place=place, public_result=result, closes_public=closes, free_at=now + 1
        )
    )


def fail(rows: Rows, times: int, now: int, place: Place = STRANGERS) -> int:
    """So many wrong codes, one every second; the next second."""
    for n in range(times):
        token = f"{now}-{n}" + ("-last" if n == 2 else "")
        rows.attempts.reserve_public(place, None, token, now + n)
        settle(rows, token, Result.WRONG, place=place, now=now + n)
    return now + times


class TestOpening:
    def test_newest_challenge_is_the_first_of_five(self, rows: Rows) -> None:
        for n in range(6):
            rows.emails.open_challenge(STRANGERS, opened(f"{n}", NOW + 900 * n, purpose="refund"))
        challenges = rows.emails.state(STRANGERS).challenges
        assert [each.id for each in challenges] == ["ch_5", "ch_4", "ch_3", "ch_2", "ch_1"]
        assert challenges[0] == opened("5", NOW + 900 * 5, purpose="refund")
        assert [each.purpose for each in challenges[1:]] == [None] * 4

    def test_next_send_is_allowed_after_the_cool_down_or_the_window(self, rows: Rows) -> None:
        nexts = [
            rows.emails.open_challenge(STRANGERS, opened(f"{n}", NOW + 30 * n)) for n in range(5)
        ]
        assert nexts == [NOW + 30 * n + 30 for n in range(4)] + [NOW + 3600]

    def test_cool_down_is_of_one_channel(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        limited = refusal(lambda: rows.emails.open_challenge(STRANGERS, opened("two", NOW + 1)))
        assert isinstance(limited, errors.SendLimited)
        assert (limited.retry_after, limited.limit) == (29, "resend")
        rows.emails.open_challenge(STRANGERS, opened("sms", NOW + 1, channel=Channel.SMS))

    def test_other_emails_and_devices_have_rows_of_their_own(self, rows: Rows) -> None:
        other = Place(STRANGERS.row, "0f" * 16)
        for place in (STRANGERS, other, DEVICE):
            rows.emails.open_challenge(place, opened("one"))

    def test_own_write_sent_twice_counts_once(self, rows: Rows) -> None:
        repeated(rows.dynamodb, lambda: rows.emails.open_challenge(STRANGERS, opened("0")))
        assert len(rows.emails.state(STRANGERS).challenges) == 1
        for n in range(1, 5):
            rows.emails.open_challenge(STRANGERS, opened(f"{n}", NOW + 30 * n))

    def test_row_outlives_the_longest_window(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        [row] = rows.account.rows().values()
        kept = int(row["ttl"]["N"]) - NOW
        assert 24 * 3600 < kept <= 3 * 24 * 3600

    def test_nothing_is_opened_while_a_code_is_checked(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.attempts.reserve_public(STRANGERS, None, "a", NOW + 30)
        assert told(lambda: rows.emails.open_challenge(STRANGERS, opened("two", NOW + 31))) == (
            "request_in_progress"
        )


class TestHold:
    @pytest.fixture
    def held(self, rows: Rows) -> int:
        """Three wrong codes; the second after the last."""
        rows.emails.open_challenge(STRANGERS, opened("one"))
        return fail(rows, 3, NOW)

    def test_three_wrong_codes_hold_an_email_for_an_hour(self, rows: Rows, held: int) -> None:
        for work in (
            lambda: rows.attempts.reserve_public(STRANGERS, "ch_one", "x", held),
            lambda: rows.attempts.reserve_public(STRANGERS, None, "x", held),
            lambda: rows.emails.open_challenge(STRANGERS, opened("two", held)),
        ):
            holding = refusal(work)
            assert isinstance(holding, errors.AttemptsHeld)
            assert holding.retry_after == HOLD - 1
        assert rows.emails.state(STRANGERS).challenges[0].status is ChallengeStatus.EXHAUSTED

    def test_challenge_after_a_hold_begins_with_no_wrong_codes(self, rows: Rows, held: int) -> None:
        later = held + HOLD
        # Sent twice by boto3: still one challenge.
        repeated(rows.dynamodb, lambda: rows.emails.open_challenge(STRANGERS, opened("two", later)))
        state = rows.emails.state(STRANGERS)
        assert ([each.id for each in state.challenges], state.wrong_codes) == (
            ["ch_two", "ch_one"],
            0,
        )
        assert rows.attempts.reserve_public(STRANGERS, None, "x", later).wrong_codes == 1

    def test_challenge_after_a_hold_is_opened_once(self, rows: Rows, held: int) -> None:
        later = held + HOLD
        second = opened("second", later)
        rows.dynamodb.before.extend([None, lambda: rows.emails.open_challenge(STRANGERS, second)])
        assert told(lambda: rows.emails.open_challenge(STRANGERS, opened("first", later))) == (
            "send_limited"
        )
        assert rows.emails.state(STRANGERS).challenges[0] == second

    def test_right_code_ends_the_count(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        now = fail(rows, 2, NOW)
        rows.attempts.reserve_public(STRANGERS, None, "right", now)
        settle(rows, "right", Result.RIGHT, now=now)
        assert rows.emails.state(STRANGERS).wrong_codes == 0
        rows.emails.open_challenge(STRANGERS, opened("two", now + 30))

    def test_row_of_a_device_is_never_held(self, rows: Rows) -> None:
        rows.emails.open_challenge(DEVICE, opened("one"))
        now = fail(rows, 2, NOW, DEVICE)
        now = fail(rows, 2, now, DEVICE)
        assert rows.attempts.reserve_public(DEVICE, None, "x", now).wrong_codes == 5
        assert rows.emails.state(STRANGERS) == PublicState()


class TestWithdrawal:
    def test_code_that_was_not_sent_is_not_counted(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("0"))
        rows.emails.withdraw(STRANGERS, opened("0"))
        assert rows.emails.state(STRANGERS).challenges[0].status is ChallengeStatus.FAILED
        for n in range(1, 6):
            rows.emails.open_challenge(STRANGERS, opened(f"{n}", NOW + 30 * n))

    def test_send_is_taken_back_once(self, rows: Rows) -> None:
        for n in range(5):
            rows.emails.open_challenge(STRANGERS, opened(f"{n}", NOW + 30 * n))
        repeated(rows.dynamodb, lambda: rows.emails.withdraw(STRANGERS, opened("4")))
        rows.emails.open_challenge(STRANGERS, opened("5", NOW + 150))
        assert told(lambda: rows.emails.open_challenge(STRANGERS, opened("6", NOW + 180))) == (
            "send_limited"
        )

    def test_only_the_newest_challenge_is_withdrawn(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.emails.open_challenge(STRANGERS, opened("two", NOW + 30))
        rows.emails.withdraw(STRANGERS, opened("one"))
        assert all(each.is_open for each in rows.emails.state(STRANGERS).challenges)


class TestAttachment:
    def test_factor_is_attached_once(self, rows: Rows) -> None:
        challenge = opened("one", purpose="refund")
        rows.emails.open_challenge(STRANGERS, challenge)
        assert rows.emails.attach(STRANGERS, challenge, TARGET)
        assert rows.emails.state(STRANGERS).challenges == (replace(challenge, target=TARGET),)
        assert not rows.emails.attach(STRANGERS, challenge, TARGET)

    def test_only_the_newest_challenge_gets_a_factor(self, rows: Rows) -> None:
        first = opened("one")
        rows.emails.open_challenge(STRANGERS, first)
        rows.emails.open_challenge(STRANGERS, opened("two", NOW + 30))
        assert not rows.emails.attach(STRANGERS, first, TARGET)
        assert rows.emails.state(STRANGERS).challenges[0].target is None


class TestAttempts:
    def test_attempt_counts_before_it_is_known_to_be_wrong(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        state = rows.attempts.reserve_public(STRANGERS, "ch_one", "a", NOW + 0.5)
        assert (state.wrong_codes, state.busy_until) == (1, NOW + 0.5 + rules.ATTEMPT_SECONDS)
        assert state.challenges[0].status is ChallengeStatus.PENDING

    def test_second_attempt_waits_for_the_first_and_its_fixed_time(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.attempts.reserve_public(STRANGERS, None, "a", NOW)
        assert told(lambda: rows.attempts.reserve_public(STRANGERS, None, "b", NOW + 1)) == (
            "request_in_progress"
        )
        settle(rows, "a", Result.WRONG, now=NOW + 1)
        assert told(lambda: rows.attempts.reserve_public(STRANGERS, None, "b", NOW + 1.9)) == (
            "request_in_progress"
        )
        assert rows.attempts.reserve_public(STRANGERS, None, "b", NOW + 2).wrong_codes == 2

    def test_lock_of_a_crashed_attempt_expires_and_the_attempt_stays_counted(
        self, rows: Rows
    ) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.attempts.reserve_public(STRANGERS, None, "crashed", NOW)
        later = NOW + rules.ATTEMPT_SECONDS
        assert told(lambda: rows.attempts.reserve_public(STRANGERS, None, "b", later - 1)) == (
            "request_in_progress"
        )
        assert rows.attempts.reserve_public(STRANGERS, None, "b", later).wrong_codes == 2
        with pytest.raises(errors.StoreUnavailable):
            settle(rows, "crashed", Result.RIGHT, now=later)
        assert rows.emails.state(STRANGERS).challenges[0].is_open

    @pytest.mark.parametrize("result", [Result.RIGHT, Result.WRONG, Result.UNDONE])
    def test_own_writes_sent_twice_count_once(self, rows: Rows, result: Result) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        fail(rows, 1, NOW)

        def attempt() -> None:
            rows.attempts.reserve_public(STRANGERS, None, "a", NOW + 5)
            settle(rows, "a", result, now=NOW + 5)

        repeated(rows.dynamodb, attempt)
        left = {Result.RIGHT: 0, Result.WRONG: 2, Result.UNDONE: 1}
        assert rows.emails.state(STRANGERS).wrong_codes == left[result]

    def test_of_two_attempts_at_once_one_is_reserved(self, rows: Rows) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.dynamodb.before.append(lambda: rows.attempts.reserve_public(STRANGERS, None, "b", NOW))
        assert told(lambda: rows.attempts.reserve_public(STRANGERS, None, "a", NOW)) == (
            "request_in_progress"
        )
        assert rows.emails.state(STRANGERS).wrong_codes == 1

    def test_code_of_a_challenge_that_was_superseded_meanwhile_is_not_tried(
        self, rows: Rows
    ) -> None:
        rows.emails.open_challenge(STRANGERS, opened("one"))
        newer = opened("two", NOW + 30)
        rows.dynamodb.before.append(lambda: rows.emails.open_challenge(STRANGERS, newer))
        assert told(lambda: rows.attempts.reserve_public(STRANGERS, "ch_one", "a", NOW + 30)) == (
            "challenge_expired"
        )
        assert rows.emails.state(STRANGERS).wrong_codes == 0

    def test_why_an_attempt_is_refused(self, rows: Rows) -> None:
        def refused(name: str | None, now: int = NOW + 30) -> str:
            return told(lambda: rows.attempts.reserve_public(STRANGERS, name, "x", now))

        assert refused(None) == "challenge_not_found"
        rows.emails.open_challenge(STRANGERS, opened("one"))
        rows.emails.open_challenge(STRANGERS, opened("two", NOW + 30))
        assert refused("ch_other") == "challenge_not_found"
        assert refused("ch_one") == "challenge_expired"
        assert refused("ch_two", NOW + 330) == "challenge_expired"
        rows.attempts.reserve_public(STRANGERS, "ch_two", "a", NOW + 40)
        settle(rows, "a", Result.RIGHT, now=NOW + 40)
        assert refused("ch_two", NOW + 41) == "challenge_already_verified"
        verified = rows.emails.state(STRANGERS).challenges[0]
        assert (verified.status, verified.verified_at) == (ChallengeStatus.VERIFIED, NOW + 40)


class TestLookups:
    KEPT = (
        found(),
        found(
            known_factor(),
            known_factor(
                id="sms1",
                type=FactorType.SMS,
                status=FactorStatus.PENDING_ACTIVATION,
                reaches_email=False,
            ),
            last_login=NOW - 5,
        ),
        Found(NOW, refusal="customer_not_found"),
    )

    @pytest.mark.parametrize("kept", KEPT)
    def test_what_okta_said_is_kept(self, rows: Rows, kept: Found) -> None:
        assert rows.emails.found(EMAIL) is None
        rows.emails.remember(EMAIL, kept)
        assert rows.emails.found(EMAIL) == kept

    def test_newer_answer_replaces_an_older_one_only(self, rows: Rows) -> None:
        rows.emails.remember(EMAIL, found())
        newer = Found(NOW + 1, refusal="customer_locked")
        rows.emails.remember(EMAIL, newer)
        rows.emails.remember(EMAIL, found())
        assert rows.emails.found(EMAIL) == newer

    def test_forgotten_answer_is_out_of_date_and_still_names_the_customer(self, rows: Rows) -> None:
        rows.emails.forget(EMAIL)
        assert rows.account.rows() == {}
        rows.emails.remember(EMAIL, found())
        rows.emails.forget(EMAIL)
        kept = rows.emails.found(EMAIL)
        assert kept
        assert kept.user_id == found().user_id
        assert not rules.is_fresh(kept, NOW)
