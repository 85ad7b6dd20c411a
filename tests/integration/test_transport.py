"""The transport's decisions: what each answer of Okta means, what is asked again, and when."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.integration.account import RENEWED_TOKEN, TOKEN
from tests.integration.loopback import (
    HANGS_UP,
    RESETS,
    Answer,
    LoopbackServer,
    closes,
    message,
    says,
)
from tests.integration.okta_client import CALLER, CODE, WAIT, connected, okta_error
from tests.integration.rows import refusal
from tests.unit.examples import NOW
from verification import errors
from verification.models.callers import Call, Deadline
from verification.okta.factors import Factors

SUCCESS = {"factorResult": "SUCCESS"}
OK = says(SUCCESS)
INVALID_TOKEN = says(okta_error("E0000011"), 401)


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "document"),
        [(OK, SUCCESS), (says([]), []), (says({}), {}), (message(b"", 204), None)],
    )
    def test_success_is_its_document(self, answer: Answer, document: object) -> None:
        with connected(answer) as (okta, _):
            assert okta.post() == document

    @pytest.mark.parametrize("body", ["", "null", "true", "42", '"SUCCESS"', "<html>", "{", "\xff"])
    def test_success_without_a_document_is_unexpected(self, body: str) -> None:
        with connected(*[message(body.encode("latin-1"))] * 2) as (okta, _):
            assert type(refusal(okta.post)) is errors.OktaAnswerUnclear
            assert type(refusal(okta.get)) is errors.OktaUnexpectedResponse

    def test_error_is_known_by_its_code(self) -> None:
        liar = {**okta_error("E0000068"), "errorSummary": "E0000011 Invalid token provided"}
        with connected(says(liar, 403), OK) as (okta, server):
            refused = refusal(okta.post)
        assert (refused.code, refused.okta_error) == ("invalid_code", {**liar, "status": 403})
        assert len(server.received) == 1

    @pytest.mark.parametrize("document", [[], None, "E0000068", {"errorCode": ["E0000068"]}])
    def test_error_in_another_shape_is_unexpected(self, document: object) -> None:
        with connected(says(document, 403)) as (okta, _):
            refused = refusal(okta.post)
        assert (refused.code, refused.okta_error) == ("okta_unexpected_response", None)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_never_followed(self, status: int) -> None:
        with LoopbackServer(OK) as thief:
            there = message(b"{}", status, Location=f"{thief.url}/steal")
            with connected(there) as (okta, _):
                assert refusal(okta.post).code == "okta_unexpected_response"
            assert thief.received == []


def headers(reset: object, limit: object = 600, **more: str) -> dict[str, str]:
    """The headers of a rate limit."""
    given = {"Limit": str(limit), "Remaining": "0", "Reset": str(reset), **more}
    return {f"X_Rate_Limit_{name}": value for name, value in given.items()}


def limited(**given: str) -> Answer:
    return says(okta_error("E0000047"), 429, **given)


FAILURES = {
    **{f"{status}": says(okta_error("E0000009"), status) for status in (500, 502, 503, 504)},
    "error page": message(f"<html>{TOKEN} {CODE}".encode(), 503),
    "no answer": HANGS_UP,
    "reset": RESETS,
    "truncated": closes(message(b"[]", Content_Length="1000")),
    "no HTTP": Answer([b"no HTTP\r\n\r\n"]),
}
USELESS_LIMITS = {
    "calls at the same time": headers(NOW + 50, limit=0),
    "is over": headers(NOW - 50),
    "zero": headers(0),
    "none": {},
    "no number": headers("soon", limit="9" * 5000),
    "odd digit": headers("\u00b3"),
    "Retry-After is not Okta's": {**headers(NOW + 1), "Retry_After": "3600"},
}


@dataclass(frozen=True)
class Case:
    """The answers to a call, its document or error, the number of requests, and the waits."""

    answers: Sequence[Answer]
    outcome: object
    requests: int
    waits: Sequence[float] = ()
    method: str = "post"


UNAVAILABLE, UNKNOWN = (
    errors.OktaUnavailable(retry_after=5),
    errors.OktaOutcomeUnknown(retry_after=5),
)
TWICE_LIMITED = [limited(**headers(NOW + 2))] * 2
TRIES = {
    **{
        f"GET, {name}": Case([each, OK], SUCCESS, 2, [WAIT], "get")
        for name, each in FAILURES.items()
    },
    **{
        f"GET, {name} twice": Case([each, each, OK], UNAVAILABLE, 2, [WAIT], "get")
        for name, each in FAILURES.items()
    },
    **{f"POST, {name}": Case([each, OK], UNKNOWN, 1) for name, each in FAILURES.items()},
    "GET, limit ends in time": Case([limited(**headers(NOW + 3)), OK], SUCCESS, 2, [3.0], "get"),
    "POST, limit ends in time": Case([limited(**headers(NOW + 3)), OK], SUCCESS, 2, [3.0]),
    **{
        f"limit ends after {after} s": Case(
            [limited(**headers(NOW + after)), OK], errors.OktaRateLimited(retry_after=told), 1
        )
        for after, told in ((9, 9), (30, 30), (3600, 60))
    },
    "limited twice": Case([*TWICE_LIMITED, OK], errors.OktaRateLimited(retry_after=2), 2, [2.0]),
    **{
        f"limit without a usable reset: {name}": Case([limited(**given), OK], SUCCESS, 2, [1.0])
        for name, given in USELESS_LIMITS.items()
    },
}


@pytest.mark.parametrize("case", TRIES.values(), ids=TRIES)
def test_call_is_tried_again_only_where_that_is_safe_and_useful(case: Case) -> None:
    with connected(*case.answers) as (okta, server):
        call = getattr(okta, case.method)
        if isinstance(case.outcome, errors.TryLater):
            refused = refusal(call)
            assert type(refused) is type(case.outcome)
            assert refused.retry_after == case.outcome.retry_after
            shown = "".join(traceback.format_exception(refused)) + repr(refused)
            assert not [each for each in (TOKEN, CODE) if each in shown]
        else:
            assert call() == case.outcome
    assert (len(server.received), okta.waits) == (case.requests, [*case.waits])


def test_call_is_not_tried_again_without_time() -> None:
    with connected(message(b"", 503), OK, clock=lambda: 0.0) as (okta, server):
        assert refusal(lambda: okta.get(seconds=0.24)).code == "okta_unavailable"
    assert (len(server.received), okta.waits) == (1, [])


@pytest.mark.parametrize(("remaining", "percent"), [("150", 25), ("0", 0), ("600", 100)])
def test_remaining_quota_is_noted(remaining: str, percent: int) -> None:
    given = {**headers(NOW, Remaining=remaining), "X_Okta_Request_Id": "req1"}
    with connected(says([], 200, **given)) as (okta, _):
        okta.get()
    assert okta.meter.facts == {
        "okta_request_id": "req1",
        "okta_quota_remaining": percent,
        "okta_quota_limit": 600,
    }
    assert okta.meter.calls == {"okta": 1}


def test_limit_that_is_nearest_to_its_end_is_noted() -> None:
    answers = [
        says([], 200, **headers(NOW, limit, Remaining=remaining))
        for limit, remaining in ((600, "590"), (300, "30"), (1000, "999"))
    ]
    with connected(*answers) as (okta, _):
        for _ in answers:
            okta.get()
    assert (okta.meter.facts["okta_quota_remaining"], okta.meter.facts["okta_quota_limit"]) == (
        *(10, 300),
    )


def test_too_many_calls_at_a_time_are_noted_though_the_next_one_succeeds() -> None:
    with connected(limited(**headers(NOW + 50, limit=0)), OK) as (okta, _):
        assert okta.post() == SUCCESS
    assert okta.meter.facts["okta_concurrency_limited"] is True
    assert "okta_quota_remaining" not in okta.meter.facts


class TestTokens:
    def test_rejected_token_is_read_again_and_tried_once_more(self) -> None:
        with connected(INVALID_TOKEN, OK) as (okta, server):
            okta.tokens.stored = RENEWED_TOKEN
            assert okta.post() == SUCCESS
        sent = [each.headers["authorization"] for each in server.received]
        assert sent == [f"SSWS {TOKEN}", f"SSWS {RENEWED_TOKEN}"]
        assert okta.tokens.rejected == [TOKEN]

    @pytest.mark.parametrize(("stored", "calls"), [(TOKEN, 1), (RENEWED_TOKEN, 2)])
    def test_token_is_tried_no_more_than_that(self, stored: str, calls: int) -> None:
        with connected(*[INVALID_TOKEN] * 3) as (okta, server):
            okta.tokens.stored = stored
            assert refusal(okta.post).code == "okta_credentials_rejected"
        assert (len(server.received), okta.tokens.rejected) == (calls, [TOKEN])

    @pytest.mark.parametrize(
        ("error_code", "with_token"), [("E0000004", True), ("E0000011", False)]
    )
    def test_rejection_of_anything_else_is_final(self, error_code: str, with_token: bool) -> None:
        with connected(says(okta_error(error_code), 401), OK) as (okta, server):
            refused = refusal(lambda: okta.post(with_token=with_token))
        assert refused.code == "okta_credentials_rejected"
        assert (len(server.received), okta.tokens.rejected) == (1, [])
        assert (TOKEN in str(server.received[0].headers)) is with_token


@pytest.mark.parametrize("document", [{}, ["What?"], [{"question": "a", "questionText": 1}]])
def test_security_questions_in_another_shape_are_unexpected(document: object) -> None:
    call = Call(CALLER, Deadline(time.monotonic() + 8))
    with connected(says(document)) as (okta, _):
        refused = refusal(lambda: Factors(okta.transport).questions("00u1", call))
    assert refused.code == "okta_unexpected_response"
