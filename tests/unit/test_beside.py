"""Work beside other work."""

from __future__ import annotations

import threading

import pytest

from verification import errors
from verification.beside import Threads


def test_two_pieces_of_work_run_beside_their_caller() -> None:
    beside, meeting = Threads(), threading.Barrier(3, timeout=5)
    results = [beside.start(lambda: meeting.wait()) for _ in range(2)]  # noqa: PLW0108
    numbers = [meeting.wait(), *(result() for result in results)]
    assert sorted(numbers) == [0, 1, 2]


def test_whoever_needs_the_result_gets_the_error() -> None:
    beside = Threads()

    def work() -> None:
        raise errors.SendLimited(retry_after=1, limit="destination")

    result = beside.start(work)
    with pytest.raises(errors.SendLimited):
        result()
    beside.finish()


def test_finishing_waits_for_all_work() -> None:
    beside, may_end, ended = Threads(), threading.Event(), []

    def work() -> None:
        may_end.wait(5)
        ended.append(True)

    beside.start(work)
    threading.Timer(0.05, may_end.set).start()
    beside.finish()
    assert ended == [True]


def test_an_unexpected_error_that_nobody_waited_for_is_not_lost() -> None:
    beside = Threads()
    beside.start(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        beside.finish()
    beside.finish()
