"""A request that is repeated under its Idempotency-Key is carried out once and answered alike.

Which requests are one and which outcomes are stored is in `test_pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.examples import NOW
from tests.unit.fakes import MemoryTable
from tests.unit.http.service import fails
from verification import errors
from verification.aws.response_rows import ResponseRows
from verification.crypto import Keyring
from verification.frozen import replace
from verification.http.idempotency import REPLAYED, Idempotency
from verification.http.messages import PROBLEM_JSON, Reply
from verification.observability import Meter

ANSWER = Reply(403, "invalid_code", '{"a":"geheim"}', PROBLEM_JSON, {"Retry-After": "5"})


class Twin(ResponseRows):
    """The same request again and again; `happens` is what its work does, and may raise. `answers` come
    before the usual one. The store method named in `broken` cannot reach the table.
    """

    def __init__(self) -> None:
        self.table = MemoryTable(Meter())
        super().__init__(self.table)
        self.broken = ""
        self.works = 0
        self.now = NOW
        self.answers: list[Reply] = []
        self.happens: Callable[[], object] = lambda: None
        keyring = Keyring("root key of the tests")
        self._idempotency = Idempotency(self, lambda: keyring, lambda: self.now)

    def once(self, key: str = "k", content: str = "{}") -> Reply:
        return self._idempotency.once("shop POST /verify", key, content, self._work)

    def claim(self, *request: Any) -> Any:
        self._reach("claim")
        return super().claim(*request)

    def keep(self, *request: Any) -> None:
        self._reach("keep")
        super().keep(*request)

    def drop(self, *request: Any) -> None:
        self._reach("drop")
        super().drop(*request)

    def _reach(self, method: str) -> None:
        if method == self.broken:
            raise errors.StoreUnavailable

    def _work(self) -> Reply:
        self.works += 1
        self.happens()
        return self.answers.pop() if self.answers else ANSWER


@pytest.fixture
def twin() -> Twin:
    return Twin()


def test_a_repeated_request_has_the_stored_response_and_an_outcome_of_its_own(twin: Twin) -> None:
    assert twin.once() == ANSWER
    again = twin.once()
    assert again == Reply(ANSWER.status, REPLAYED, ANSWER.body, PROBLEM_JSON, ANSWER.headers)
    assert twin.works == 1


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", 24 * 3600),
        (f"retry-{'0a' * 32}", 30),  # made of the request, which the same user repeats next time
        ("retry-1b4e28ba-2fa1-11d2-883f-0016d3cca427", 24 * 3600),
        (f"retry-{'0A' * 32}", 24 * 3600),
        (f"retry-{'0a' * 33}", 24 * 3600),
    ],
)
def test_a_response_is_stored_as_long_as_its_key_can_be_that_of_a_retry(
    twin: Twin, key: str, kept: int
) -> None:
    twin.once(key)
    twin.now += kept - 1
    assert twin.once(key).outcome == REPLAYED
    twin.now += 1
    assert twin.once(key) == ANSWER
    assert twin.works == 2


def test_a_request_in_progress_is_refused(twin: Twin) -> None:
    def happens() -> None:
        with pytest.raises(errors.RequestInProgress):
            twin.once()

    twin.happens = happens
    assert twin.once() == ANSWER
    assert twin.works == 1


def test_after_a_response_that_is_not_final_the_request_may_be_tried_again(twin: Twin) -> None:
    pending = replace(ANSWER, is_final=False)
    twin.answers = [pending]
    assert twin.once() == pending
    assert twin.once() == ANSWER
    assert twin.once().outcome == REPLAYED


@pytest.mark.parametrize("failure", [errors.OktaNotReached(), ValueError(), SystemExit()])
def test_after_a_failure_the_request_may_be_tried_again(twin: Twin, failure: BaseException) -> None:
    twin.happens = fails(failure)
    with pytest.raises(type(failure)):
        twin.once()
    twin.happens = lambda: None
    assert twin.once() == ANSWER


def test_a_response_that_cannot_be_stored_is_given_all_the_same(twin: Twin) -> None:
    twin.broken = "keep"
    assert twin.once() == ANSWER


def test_nothing_is_done_where_the_table_cannot_be_reached(twin: Twin) -> None:
    twin.broken = "claim"
    with pytest.raises(errors.StoreUnavailable):
        twin.once()
    assert twin.works == 0


def test_a_failed_give_up_of_a_claim_does_not_hide_the_failure(twin: Twin) -> None:
    twin.broken = "drop"
    twin.happens = fails(errors.OktaNotReached())
    with pytest.raises(errors.OktaNotReached):
        twin.once()


def test_rows_show_neither_the_key_nor_the_content_nor_the_response(twin: Twin) -> None:
    twin.once(key="key-of-mary", content='{"email":"mary"}')
    shown = repr(twin.table.rows)
    assert [each for each in ("mary", "geheim", "Retry-After") if each in shown] == []


def test_a_response_is_readable_with_its_own_key_alone(twin: Twin) -> None:
    twin.once()
    twin.once(key="other")
    mine, other = twin.table.rows
    twin.table.change(mine, sealed=twin.table.rows[other]["sealed"])
    with pytest.raises(errors.InternalError):
        twin.once()
