"""A request that is repeated under its Idempotency-Key is carried out once and answered alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.examples import NOW
from tests.unit.http.service import KEYRING, FakeResponses, fails
from verification import errors
from verification.http.idempotency import REPLAYED, Idempotency
from verification.http.messages import PROBLEM_JSON, Reply

ANSWER = Reply(403, "invalid_code", '{"a":"geheim"}', PROBLEM_JSON, {"Retry-After": "5"})


class Twin:
    """The same request again and again; `happens` is what its work does, and may raise."""

    def __init__(self) -> None:
        self.rows = FakeResponses()
        self.works = 0
        self.happens: Callable[[], object] = lambda: None
        self._idempotency = Idempotency(self.rows, lambda: KEYRING, lambda: NOW)

    def once(self, scope: str = "shop POST /verify", key: str = "k", content: str = "{}") -> Reply:
        return self._idempotency.once(scope, key, content, self._work)

    def _work(self) -> Reply:
        self.works += 1
        self.happens()
        return ANSWER


@pytest.fixture
def twin() -> Twin:
    return Twin()


def test_the_work_is_done_once_and_its_response_repeated(twin: Twin) -> None:
    assert twin.once() == ANSWER
    for _ in range(2):
        again = twin.once()
        assert (again.status, again.body, again.content_type, again.headers) == (
            ANSWER.status,
            ANSWER.body,
            ANSWER.content_type,
            ANSWER.headers,
        )
        assert again.outcome == REPLAYED
    assert twin.works == 1


@pytest.mark.parametrize(
    "other", [{"key": "other"}, {"scope": "desk POST /verify"}, {"scope": "shop POST /challenge"}]
)
def test_a_key_counts_in_its_scope_alone(twin: Twin, other: dict[str, str]) -> None:
    twin.once()
    assert twin.once(**other).outcome == ANSWER.outcome
    assert twin.works == 2


def test_another_content_is_refused(twin: Twin) -> None:
    twin.once()
    with pytest.raises(errors.IdempotencyKeyReused):
        twin.once(content='{"x":1}')
    assert twin.works == 1


def test_a_request_in_progress_is_refused(twin: Twin) -> None:
    def happens() -> None:
        with pytest.raises(errors.RequestInProgress):
            twin.once()

    twin.happens = happens
    assert twin.once() == ANSWER
    assert twin.works == 1


@pytest.mark.parametrize("failure", [errors.OktaNotReached(), ValueError(), SystemExit()])
def test_after_a_failure_the_request_may_be_tried_again(twin: Twin, failure: BaseException) -> None:
    twin.happens = fails(failure)
    with pytest.raises(type(failure)):
        twin.once()
    twin.happens = lambda: None
    assert twin.once() == ANSWER


def test_a_response_that_cannot_be_stored_is_given_all_the_same(twin: Twin) -> None:
    twin.rows.broken.add("keep")
    assert twin.once() == ANSWER


def test_nothing_is_done_where_the_table_cannot_be_reached(twin: Twin) -> None:
    twin.rows.broken.add("claim")
    with pytest.raises(errors.StoreUnavailable):
        twin.once()
    assert twin.works == 0


def test_a_failed_give_up_of_a_claim_does_not_hide_the_failure(twin: Twin) -> None:
    twin.rows.broken.add("drop")
    twin.happens = fails(errors.OktaNotReached())
    with pytest.raises(errors.OktaNotReached):
        twin.once()


def test_rows_show_neither_the_key_nor_the_content_nor_the_response(twin: Twin) -> None:
    twin.once(key="key-of-mary", content='{"email":"mary"}')
    shown = repr(twin.rows.rows)
    for secret in ("mary", "geheim", "Retry-After"):
        assert secret not in shown


def test_a_response_is_readable_with_its_own_key_alone(twin: Twin) -> None:
    twin.once()
    twin.once(key="other")
    mine, other = twin.rows.rows
    twin.rows.rows[mine] = (twin.rows.rows[mine][0], *twin.rows.rows[other][1:])
    with pytest.raises(errors.InternalError):
        twin.once()
