"""Answers' rows: who claims a request's name, and what the others are told."""

from __future__ import annotations

import pytest

from tests.integration.account import Account, Unreliable
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws.answers import KEPT_SECONDS, Answer, AnswerRows
from verification.aws.store import Store

ANSWER = Answer(202, "application/json", '{"status":"pending"}')
LATER = NOW + policy.ATTEMPT_SECONDS


@pytest.fixture
def rows(store: Store) -> AnswerRows:
    return store.answers


def claim(
    rows: AnswerRows, claim: str = "b", now: int = NOW, content: str = "content"
) -> Answer | str | None:
    """The kept answer, None for a claim, or the code of a refusal."""
    try:
        return rows.claim("name", content, claim, now)
    except errors.VerificationError as refused:
        return refused.code


@pytest.fixture
def claimed(rows: AnswerRows) -> AnswerRows:
    """By another call, which is still at it."""
    assert claim(rows, "a") is None
    return rows


@pytest.fixture
def kept(claimed: AnswerRows) -> AnswerRows:
    """By another call, which has answered."""
    claimed.keep("name", "a", ANSWER)
    return claimed


class TestClaimed:
    def test_the_same_request_waits(self, claimed: AnswerRows) -> None:
        with pytest.raises(errors.RequestInProgress) as refused:
            claimed.claim("name", "content", "b", NOW + 2)
        assert (refused.value.code, refused.value.retry_after) == (
            "request_in_progress",
            policy.ATTEMPT_SECONDS - 2,
        )
        assert claim(claimed, now=LATER - 1) == "request_in_progress"

    def test_another_request_is_refused(self, claimed: AnswerRows) -> None:
        for now in (NOW, LATER):
            assert claim(claimed, now=now, content="other") == "idempotency_key_reused"

    def test_another_name_is_free(self, claimed: AnswerRows) -> None:
        assert claimed.claim("other", "content", "b", NOW) is None

    def test_whoever_crashed_blocks_nobody_for_long(self, claimed: AnswerRows) -> None:
        assert claim(claimed, now=LATER) is None
        assert claim(claimed, "c", now=LATER) == "request_in_progress"

    def test_what_the_crashed_call_answers_after_all_is_not_kept(self, claimed: AnswerRows) -> None:
        claim(claimed, now=LATER)
        claimed.keep("name", "a", ANSWER)
        claimed.drop("name", "a")
        assert claim(claimed, "c", now=LATER) == "request_in_progress"
        other = Answer(429, "application/problem+json", "{}")
        claimed.keep("name", "b", other)
        assert claim(claimed, "c", now=LATER) == other

    def test_an_own_claim_sent_twice_is_one(self, rows: AnswerRows, dynamodb: Unreliable) -> None:
        dynamodb.repeats = True
        assert claim(rows) is None


class TestKept:
    def test_the_same_request_has_the_same_answer(self, kept: AnswerRows) -> None:
        for now in (NOW, LATER, NOW + KEPT_SECONDS - 1):
            assert claim(kept, now=now) == ANSWER

    def test_another_request_is_refused(self, kept: AnswerRows) -> None:
        assert claim(kept, content="other") == "idempotency_key_reused"

    @pytest.mark.parametrize("content", ["content", "other"])
    def test_after_a_day_the_name_is_free(self, kept: AnswerRows, content: str) -> None:
        """DynamoDB removes rows late: what their time says counts."""
        over = NOW + KEPT_SECONDS
        assert claim(kept, now=over, content=content) is None
        assert claim(kept, "c", now=over, content=content) == "request_in_progress"

    def test_an_answer_kept_twice_is_one(self, claimed: AnswerRows, dynamodb: Unreliable) -> None:
        dynamodb.repeats = True
        claimed.keep("name", "a", ANSWER)
        assert claim(claimed) == ANSWER

    def test_an_answer_without_a_body_is_an_answer(self, claimed: AnswerRows) -> None:
        claimed.keep("name", "a", Answer(204, "", ""))
        assert claim(claimed) == Answer(204, "", "")

    @pytest.mark.usefixtures("kept")
    def test_a_row_is_kept_for_a_day(self, account: Account) -> None:
        [row] = account.rows()
        assert row["ttl"] == {"N": str(NOW + 24 * 3600)}


class TestDropped:
    @pytest.fixture
    def dropped(self, claimed: AnswerRows) -> AnswerRows:
        claimed.drop("name", "a")
        return claimed

    def test_the_same_request_may_be_tried_at_once(self, dropped: AnswerRows) -> None:
        assert claim(dropped) is None

    def test_another_request_may_not(self, dropped: AnswerRows) -> None:
        assert claim(dropped, content="other") == "idempotency_key_reused"

    def test_only_the_own_claim_is_dropped(self, claimed: AnswerRows) -> None:
        claimed.drop("name", "b")
        claimed.drop("nothing", "a")
        assert claim(claimed) == "request_in_progress"
