"""The end of an attempt, and a store that is out of reach."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.account import Account, Unreliable, client_error
from tests.integration.challenge_rows import ADA, HOLD, fail_times, look, refused, sent
from tests.unit.examples import NOW
from verification import errors, policy
from verification.aws.table import ChallengeTable
from verification.models import ChallengeStatus
from verification.observability import Meter


class TestSettle:
    @pytest.fixture
    def reserved(self, table: ChallengeTable) -> ChallengeTable:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 2)
        table.reserve(ADA, "ch_one", "mine", NOW)
        return table

    def test_a_right_code_verifies_once_and_forgets_the_failures(
        self, reserved: ChallengeTable
    ) -> None:
        reserved.verified(ADA, "mine", NOW + 1)
        assert refused(reserved, "ch_one") == "challenge_already_verified"
        state = look(reserved)
        expected = sent("one", status=ChallengeStatus.VERIFIED, verified_at=NOW + 1)
        assert (state.failures, state.attempt, state.challenges[1]) == (0, "", expected)

    def test_a_wrong_code_stays_counted_and_may_be_followed_by_another(
        self, reserved: ChallengeTable
    ) -> None:
        reserved.rejected(ADA, "mine")
        state = reserved.reserve(ADA, "ch_one", "next", NOW)
        assert (state.failures, state.challenges[0].status) == (4, ChallengeStatus.SENDING)

    def test_the_last_wrong_code_closes_the_challenge(self, reserved: ChallengeTable) -> None:
        reserved.rejected(ADA, "mine")
        reserved.reserve(ADA, "ch_one", "last", NOW)
        reserved.exhausted(ADA, "last")
        assert refused(reserved, "ch_one") == "attempts_held"

    def test_an_attempt_that_never_reached_okta_is_given_back(
        self, reserved: ChallengeTable
    ) -> None:
        reserved.released(ADA, "mine", NOW)
        assert reserved.reserve(ADA, "ch_one", "next", NOW).failures == 3

    def test_the_fourth_attempt_given_back_starts_no_hold(self, reserved: ChallengeTable) -> None:
        reserved.rejected(ADA, "mine")
        reserved.reserve(ADA, "ch_one", "fourth", NOW)
        reserved.released(ADA, "fourth", NOW)
        assert reserved.reserve(ADA, "ch_one", "again", NOW).failures == 4

    def test_an_attempt_given_back_after_a_hold_may_be_made_again(
        self, table: ChallengeTable
    ) -> None:
        table.open(ADA, sent("one"), NOW)
        fail_times(table, 4)
        over = NOW + HOLD
        table.open(ADA, sent("two", over), over)
        table.reserve(ADA, "ch_two", "a", over)
        table.released(ADA, "a", over)
        assert table.reserve(ADA, "ch_two", "b", over).failures == 5

    @pytest.mark.parametrize("settle", ["verified", "rejected", "exhausted", "released"])
    def test_a_reservation_that_is_no_longer_ours_settles_nothing(
        self, reserved: ChallengeTable, settle: str
    ) -> None:
        later = NOW + policy.ATTEMPT_SECONDS
        reserved.reserve(ADA, "ch_one", "theirs", later)
        for attempt in ("mine", "nobody's"):
            with pytest.raises(errors.StoreUnavailable) as refusal:
                self._settle(reserved, settle, attempt)
            assert (refusal.value.code, refusal.value.retry_after) == ("store_unavailable", 1)
        reserved.rejected(ADA, "theirs")
        state = look(reserved, later + HOLD)
        assert (state.failures, state.challenges[1].status) == (4, ChallengeStatus.SENDING)

    @pytest.mark.parametrize(
        ("settle", "failures"),
        [("verified", 0), ("rejected", 3), ("exhausted", 3), ("released", 2)],
    )
    @pytest.mark.xfail(
        reason="a settlement whose answer was lost and that is sent again is refused",
        raises=errors.StoreUnavailable,
    )
    def test_an_own_write_sent_twice_settles_once(
        self, reserved: ChallengeTable, store: Unreliable, settle: str, failures: int
    ) -> None:
        store.repeats = True
        self._settle(reserved, settle, "mine")
        store.repeats = False
        state = look(reserved)
        assert (state.failures, state.attempt) == (failures, "")

    @staticmethod
    def _settle(table: ChallengeTable, settle: str, attempt: str) -> None:
        timed = (NOW,) if settle in ("verified", "released") else ()
        getattr(table, settle)(ADA, attempt, *timed)


class TestStore:
    CALLS = pytest.mark.parametrize(
        ("method", "arguments"),
        [
            ("customer_of", ("e1",)),
            ("remember", ("e1", ADA)),
            ("open", (ADA, sent("one"), NOW)),
            ("fail", (ADA, "ch_one")),
            ("reserve", (ADA, None, "a", NOW)),
            ("verified", (ADA, "a", NOW)),
            ("rejected", (ADA, "a")),
            ("exhausted", (ADA, "a")),
            ("released", (ADA, "a", NOW)),
        ],
    )

    @CALLS
    @pytest.mark.parametrize(
        "failure",
        [
            client_error("ProvisionedThroughputExceededException"),
            client_error("InternalServerError"),
            client_error("TransactionConflictException"),
            ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com"),
        ],
    )
    def test_a_store_that_is_down_says_so(
        self,
        table: ChallengeTable,
        store: Unreliable,
        meter: Meter,
        method: str,
        arguments: tuple[object, ...],
        failure: Exception,
    ) -> None:
        store.failure = failure
        with pytest.raises(errors.StoreUnavailable) as refusal:
            getattr(table, method)(*arguments)
        assert (refusal.value.code, refusal.value.retry_after) == ("store_unavailable", 1)
        assert refusal.value.__suppress_context__
        assert meter.calls == {"store": 1}

    @CALLS
    @pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
    def test_a_store_that_is_not_there_is_for_an_operator_to_mend(
        self,
        table: ChallengeTable,
        store: Unreliable,
        method: str,
        arguments: tuple[object, ...],
        code: str,
    ) -> None:
        store.failure = client_error(code)
        with pytest.raises(errors.ConfigurationError) as refusal:
            getattr(table, method)(*arguments)
        assert refusal.value.problem == "the table is missing or may not be used"

    def test_a_table_of_another_name_is_not_there(self, account: Account, meter: Meter) -> None:
        with pytest.raises(errors.ConfigurationError):
            ChallengeTable(account.dynamodb, "another", meter).customer_of("e1")
