"""Pushes on Okta's wire: what is asked, what is believed, and that a question is asked once."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.integration.loopback import Answer, message, says
from tests.integration.okta_client import CALLER, connected, okta_error
from tests.integration.rows import TARGET, refusal
from verification import errors
from verification.frozen import replace
from verification.models.callers import Call, Deadline
from verification.models.states import PushAnswer, SentPush
from verification.okta.factors import Factors

TRANSACTION = "v2mst.WmiSGGkvQc6P-QUQ5Qy0jg"
PATH = f"/api/v1/users/00u1/factors/emf1/transactions/{TRANSACTION}"
LINKS = {"poll": {"href": f"https://example.okta.com{PATH}"}}
WAITING = {"factorResult": "WAITING", "_links": LINKS}


def numbered(number: object) -> dict[str, object]:
    """A push with this number."""
    return {**WAITING, "_embedded": {"challenge": {"correctAnswer": number}}}


def call() -> Call:
    return Call(CALLER, Deadline(time.monotonic() + 8), patience=0)


def sent(document: object) -> SentPush:
    """A push to which Okta answers this."""
    with connected(says(document, 201)) as (okta, server):
        push = Factors(okta.transport).send_push(TARGET, call())
    assert b'{"useNumberMatchingChallenge": true}' in server.received[0].body
    return push


def answered(answer: Answer) -> Any:
    """A question to which Okta answers this; Okta is asked once."""
    with connected(answer) as (okta, server):
        try:
            return Factors(okta.transport).push_answer(TARGET, TRANSACTION, call())
        finally:
            assert len(server.received) == 1
            assert server.received[0].target == PATH


def test_a_push_has_a_transaction_and_a_number() -> None:
    assert sent(numbered(72)) == SentPush(TRANSACTION, 72)


@pytest.mark.parametrize("document", [WAITING, numbered("72"), numbered(True), numbered(None)])
def test_what_is_no_number_is_none(document: object) -> None:
    assert sent(document) == SentPush(TRANSACTION, None)


@pytest.mark.parametrize(
    "document",
    [
        {**WAITING, "factorResult": "SUCCESS"},
        {**WAITING, "_links": {}},
        {**WAITING, "_links": {"poll": {"href": "https://example.okta.com/a/%2e%2e"}}},
        {**WAITING, "_links": {"poll": {"href": ""}}},
        [],
    ],
)
def test_an_odd_answer_to_a_push_is_unclear(document: object) -> None:
    assert type(refusal(lambda: sent(document))) is errors.OktaAnswerUnclear


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ("WAITING", PushAnswer.WAITING),
        ("SUCCESS", PushAnswer.APPROVED),
        ("REJECTED", PushAnswer.REJECTED),
        ("TIMEOUT", PushAnswer.ENDED),
    ],
)
def test_what_has_become_of_it(result: str, answer: PushAnswer) -> None:
    assert answered(says({"factorResult": result})) is answer


def test_an_unknown_transaction_has_ended() -> None:
    assert answered(says(okta_error("E0000007"), 404)) is PushAnswer.ENDED


@pytest.mark.parametrize("result", ["CHALLENGE", "ERROR", "success", None, ["SUCCESS"], {}])
def test_another_result_approves_nothing(result: object) -> None:
    refused = refusal(lambda: answered(says({"factorResult": result})))
    assert refused.code == "okta_unexpected_response"


@pytest.mark.parametrize(
    "answer", [says(okta_error("E0000009"), 503), says(okta_error("E0000047"), 429)]
)
def test_a_question_that_fails_is_not_repeated(answer: Answer) -> None:
    assert refusal(lambda: answered(answer)).retry_after


def test_a_push_is_cancelled_once_and_may_be_gone() -> None:
    for answer in (message(b"", 204), says(okta_error("E0000007"), 404)):
        with connected(answer) as (okta, server):
            Factors(okta.transport).cancel_push(TARGET, TRANSACTION, replace(call(), patience=9))
        assert server.received[0].target == PATH
