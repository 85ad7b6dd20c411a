"""Which of Okta's answers is a success. The transport is tested elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import NOW
from verification import errors
from verification.models.callers import Call, Caller, Deadline
from verification.models.challenges import Code
from verification.models.customers import Channel, CustomerKey, Target
from verification.okta.factors import Factors

TARGET = Target(CustomerKey("c" * 32), "00u1", "emf1")
CALL = Call(Caller(None, ""), Deadline(NOW + 8.0, lambda: NOW))
FACTOR = {"id": "emf1", "factorType": "email", "status": "ACTIVE"}


class Answers:
    """A transport that answers one thing."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def request(self, *_: Any, **__: Any) -> Any:
        return self._answer


def factors(answer: Any) -> Factors:
    transport: Any = Answers(answer)
    return Factors(transport)


def test_a_code_is_right_if_okta_says_success_alone() -> None:
    factors({"factorResult": "SUCCESS"}).check_code(TARGET, Code("123456"), CALL)


@pytest.mark.parametrize(
    "result", ["FAILED", "REJECTED", "EXPIRED", "PASSCODE_REPLAYED", "TIME_WINDOW_EXCEEDED"]
)
def test_a_result_that_says_so_is_a_wrong_code(result: str) -> None:
    with pytest.raises(errors.InvalidCode):
        factors({"factorResult": result}).check_code(TARGET, Code("123456"), CALL)


@pytest.mark.parametrize(
    "answer",
    [
        *({"factorResult": each} for each in ("CHALLENGE", "WAITING", "success", "", None, True)),
        *({}, [], None, [{"factorResult": "SUCCESS"}], {"status": "SUCCESS"}),
    ],
)
def test_any_other_answer_proves_nothing(answer: Any) -> None:
    with pytest.raises(errors.OktaAnswerUnclear):
        factors(answer).check_code(TARGET, Code("123456"), CALL)


@pytest.mark.parametrize("result", ["SUCCESS", "WAITING", None])
def test_a_code_is_sent_if_okta_says_challenge_alone(result: str | None) -> None:
    factors({"factorResult": "CHALLENGE"}).send_code(TARGET, Channel.EMAIL, 300, None, CALL)
    with pytest.raises(errors.OktaAnswerUnclear):
        factors({"factorResult": result}).send_code(TARGET, Channel.EMAIL, 300, None, CALL)


@pytest.mark.parametrize(
    "shown",
    [
        *({"status": each} for each in ("PENDING_ACTIVATION", "INACTIVE", "active", "")),
        {"id": "emf2"},
    ],
)
def test_a_factor_is_activated_if_okta_shows_it_active_alone(shown: dict[str, str]) -> None:
    factors(FACTOR).activate(TARGET, Code("123456"), CALL)
    with pytest.raises(errors.OktaAnswerUnclear):
        factors({**FACTOR, **shown}).activate(TARGET, Code("123456"), CALL)


def test_another_factor_than_was_asked_for_is_none() -> None:
    assert factors(FACTOR).get("00u1", "emf1", CALL).id == "emf1"
    with pytest.raises(errors.OktaUnexpectedResponse):
        factors(FACTOR).get("00u1", "emf2", CALL)
