"""The same request under one key: carried out once, answered alike, and given back if it fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.account import Account, Unreliable, client_error
from tests.integration.conftest import Clock
from verification import errors
from verification.aws.answers import Answer
from verification.aws.secrets import Secrets
from verification.aws.store import Store
from verification.idempotency import Idempotency

ANSWER = Answer(202, "application/json", '{"status":"pending"}')


class Work:
    """Counts how often it is done; `happens` may raise."""

    def __init__(self) -> None:
        self.times = 0
        self.happens: Callable[[], object] = lambda: None

    def __call__(self) -> Answer:
        self.times += 1
        self.happens()
        return ANSWER


def fails(error: BaseException) -> Callable[[], object]:
    def happens() -> None:
        raise error

    return happens


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def idempotency(store: Store, secrets: Secrets, clock: Clock) -> Idempotency:
    return Idempotency(store.answers, secrets, clock)


@pytest.fixture
def once(idempotency: Idempotency, work: Work) -> Callable[..., Answer]:
    def once(scope: str = "shop POST /challenge", key: str = "key", content: str = "{}") -> Answer:
        return idempotency.once(scope, key, content, work)

    return once


def test_a_request_is_carried_out_once(once: Callable[..., Answer], work: Work) -> None:
    assert [once() for _ in range(3)] == [ANSWER] * 3
    assert work.times == 1


@pytest.mark.parametrize(
    "other", [{"key": "other"}, {"scope": "desk POST /challenge"}, {"scope": "shop POST /verify"}]
)
def test_a_key_belongs_to_its_scope(
    once: Callable[..., Answer], work: Work, other: dict[str, str]
) -> None:
    once()
    once(**other)
    assert work.times == 2


def test_another_content_is_refused(once: Callable[..., Answer], work: Work) -> None:
    once()
    with pytest.raises(errors.IdempotencyKeyReused):
        once(content='{"x":1}')
    assert work.times == 1


def test_a_second_call_meanwhile_does_not_do_it_too(
    once: Callable[..., Answer], work: Work
) -> None:
    def again() -> None:
        with pytest.raises(errors.RequestInProgress):
            once()

    work.happens = again
    assert once() == ANSWER
    assert work.times == 1


@pytest.mark.parametrize(
    "error", [errors.OktaNotReached(), ValueError("a bug"), KeyboardInterrupt()], ids=repr
)
def test_work_that_raises_is_given_back(
    once: Callable[..., Answer], work: Work, error: BaseException
) -> None:
    work.happens = fails(error)
    with pytest.raises(type(error)) as raised:
        once()
    assert raised.value is error
    work.happens = lambda: None
    assert once() == ANSWER
    assert work.times == 2


def test_without_a_store_nothing_is_begun(
    once: Callable[..., Answer], work: Work, dynamodb: Unreliable
) -> None:
    dynamodb.failure = client_error("InternalServerError")
    with pytest.raises(errors.StoreUnavailable):
        once()
    assert work.times == 0


def test_work_that_is_done_has_its_answer_though_it_cannot_be_kept(
    once: Callable[..., Answer], work: Work, dynamodb: Unreliable, clock: Clock
) -> None:
    def store_goes_down() -> None:
        dynamodb.failure = client_error("InternalServerError")

    work.happens = store_goes_down
    assert once() == ANSWER
    dynamodb.failure = None
    with pytest.raises(errors.RequestInProgress):
        once()
    clock.advance(12)
    work.happens = lambda: None
    assert once() == ANSWER
    assert work.times == 2


def test_a_claim_that_cannot_be_given_back_hides_no_error(
    once: Callable[..., Answer], work: Work, dynamodb: Unreliable
) -> None:
    def everything_fails() -> None:
        dynamodb.failure = client_error("InternalServerError")
        raise errors.OktaNotReached

    work.happens = everything_fails
    with pytest.raises(errors.OktaNotReached):
        once()


def test_neither_key_nor_content_is_kept(once: Callable[..., Answer], account: Account) -> None:
    once(key="canary-key", content='{"email":"ada@example.com"}')
    rows = str(account.rows())
    assert "canary-key" not in rows
    assert "ada" not in rows
    assert "shop" not in rows
