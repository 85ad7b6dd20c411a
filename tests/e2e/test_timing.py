"""Response times of the public say nothing of who is a customer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Caller
from tests.e2e.timing import ALIKE, Question, measure

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

SAMPLES = 10
TRIES = 2
"""By chance one measurement in a hundred fails; a leak makes both fail."""


@pytest.mark.parametrize("question", Question)
def test_response_times_are_alike_for_customers_and_others(
    sandbox: Sandbox, question: Question
) -> None:
    likeness = [0.0]
    while len(likeness) <= TRIES and likeness[-1] <= ALIKE:
        likeness.append(measure(sandbox, question, SAMPLES).likeness)
    assert likeness[-1] > ALIKE


def test_public_send_is_answered_before_okta_is_asked(public: Caller) -> None:
    public.sandbox.org.latency_seconds = 1.0
    try:
        started = time.perf_counter()
        assert public.post("/challenge", {"email": "ada@example.com"}).status_code == 202
        assert time.perf_counter() - started < 0.9
    finally:
        public.sandbox.org.latency_seconds = 0.0
    assert public.code()


def test_wrong_public_code_is_answered_after_a_second_and_right_one_at_once(
    public: Caller,
) -> None:
    body = {"challenge_id": public.challenge()["challenge_id"], "code": public.wrong_code()}
    started = time.perf_counter()
    assert public.post("/verify", body).status_code == 403
    between = time.perf_counter()
    assert public.post("/verify", {**body, "code": public.code()}).status_code == 200
    assert between - started >= 1.0
    assert time.perf_counter() - between < 0.9


def test_parallel_guesses_take_as_long_for_nobody_as_for_a_customer(sandbox: Sandbox) -> None:
    """Three wrong codes at once are answered one after the other, for anybody."""
    sandbox.org.latency_seconds = 0.15
    slowest = {}
    try:
        for email in ("ada@example.com", "nobody@example.com"):
            caller = Caller(sandbox, {})
            body = {"challenge_id": caller.challenge(email)["challenge_id"], "code": "000000"}
            sandbox.settle()
            started = time.perf_counter()
            responses = caller.at_once(3, lambda: caller.post("/verify", body))  # noqa: B023
            slowest[email] = time.perf_counter() - started
            assert {each.json()["code"] for each in responses} == {"invalid_code"}
    finally:
        sandbox.org.latency_seconds = 0.0
    assert slowest["ada@example.com"] == pytest.approx(slowest["nobody@example.com"], rel=0.2)
