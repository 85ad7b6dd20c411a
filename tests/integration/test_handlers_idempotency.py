"""The same POST under the same Idempotency-Key, through the handlers."""

from __future__ import annotations

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions, Reply, log_lines
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, Answer, OktaOrg, answer, refusal

KEY = {"Idempotency-Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}
GRACE = "grace@example.com"


def send(functions: Functions, email: str = ADA) -> Reply:
    return functions.post("/challenge", {"email": email}, headers=KEY)


@pytest.fixture(autouse=True)
def customers(okta: OktaOrg) -> None:
    okta.add(ADA)
    okta.add(GRACE)


def test_a_challenge_asked_for_again_is_the_same_and_sent_once(
    functions: Functions,
    okta: OktaOrg,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = send(functions)
    clock.advance(60)
    again = send(Functions(clock))
    assert first == again
    assert first.status == 202
    assert okta.counts("send") == 1
    assert [line["outcome"] for line in log_lines(capsys)] == ["sent", "replayed"]


@pytest.mark.parametrize(("code", "status"), [(CODE, 200), (WRONG_CODE, 403)])
def test_a_code_sent_again_is_answered_alike_and_checked_once(
    functions: Functions, okta: OktaOrg, code: str, status: int
) -> None:
    body = {"challenge_id": functions.issue(), "code": code}
    replies = [functions.post("/verify", body, headers=KEY) for _ in range(3)]
    assert [(reply.status, reply.body) for reply in replies] == [(status, replies[0].body)] * 3
    assert okta.counts("check") == 1


def test_another_body_under_the_same_key_is_refused(functions: Functions, okta: OktaOrg) -> None:
    send(functions)
    reply = send(functions, GRACE)
    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert okta.counts("send") == 1


def test_a_key_belongs_to_its_caller_and_its_route(
    functions: Functions, public: Functions, okta: OktaOrg, clock: Clock
) -> None:
    send(functions)
    clock.advance(31)
    assert send(public).status == 202
    assert okta.counts("send") == 2
    body = {"email": ADA, "otp": CODE}
    assert functions.post("/verify", body, headers=KEY).status == 200


def test_a_request_in_progress_says_when_to_come_back(functions: Functions, okta: OktaOrg) -> None:
    replies: list[Reply] = []
    okta.meanwhile("send", lambda: replies.append(send(functions)))
    other = send(functions)
    [reply] = replies
    assert (reply.status, reply.code) == (409, "request_in_progress")
    assert 1 <= int(reply.headers["Retry-After"]) <= 12
    assert other.status == 202
    assert okta.counts("send") == 1


@pytest.mark.parametrize(
    "failure", [refusal(401, "E0000011"), ValueError("a bug"), refusal(400, "E9999999")]
)
def test_an_outcome_that_may_change_is_not_kept(
    functions: Functions, okta: OktaOrg, failure: Exception
) -> None:
    okta.answers_instead("factors", failure)
    assert send(functions).status >= 500
    assert send(functions).status in (202, 429)


def test_a_lost_mail_is_not_sent_again_under_its_key(functions: Functions, okta: OktaOrg) -> None:
    okta.answers_instead("send", ReadTimeout())
    first, again = send(functions), send(functions)
    assert first == again
    assert (again.status, again.headers["Retry-After"]) == (503, "5")
    assert okta.counts("send") == 1


@pytest.mark.parametrize("lost", [ReadTimeout(), answer("<html>", 503), answer({}), answer([])])
def test_a_code_that_may_have_been_checked_is_not_checked_again_under_its_key(
    functions: Functions, okta: OktaOrg, lost: Answer | Exception
) -> None:
    body = {"challenge_id": functions.issue(), "code": CODE}
    okta.answers_instead("check", lost)
    replies = [functions.post("/verify", body, headers=KEY) for _ in range(2)]
    assert [reply.status for reply in replies] == [replies[0].status] * 2
    assert replies[0].status in (502, 503)
    assert okta.counts("check") == 1


def test_a_code_that_was_not_checked_may_be_sent_again_under_its_key(
    functions: Functions, okta: OktaOrg
) -> None:
    body = {"challenge_id": functions.issue(), "code": CODE}
    okta.answers_instead("check", ConnectTimeout(), ConnectTimeout())
    replies = [functions.post("/verify", body, headers=KEY) for _ in range(2)]
    assert [reply.status for reply in replies] == [503, 200]


def test_a_key_of_the_public_belongs_to_its_source(
    public: Functions, okta: OktaOrg, clock: Clock
) -> None:
    body = {"email": ADA}
    first, again = (public.post("/challenge", body, headers=KEY) for _ in range(2))
    assert first == again
    clock.advance(31)
    other = public.post("/challenge", body, headers=KEY, source_ip="198.51.100.7")
    assert other.status == 202
    assert other.json["challenge_id"] != first.json["challenge_id"]
    assert okta.counts("send") == 2


def test_input_that_is_wrong_is_answered_alike(functions: Functions) -> None:
    replies = [send(functions, "ada") for _ in range(2)]
    assert [(reply.status, reply.code) for reply in replies] == [(400, "invalid_email")] * 2


def test_a_wrong_key_of_a_client_claims_nothing(functions: Functions) -> None:
    assert functions.post("/challenge", {}, headers=KEY, key="wrong").status == 401
    assert send(functions).status == 202


@pytest.mark.parametrize(("length", "status"), [(255, 202), (256, 400)])
def test_a_key_is_not_longer_than_that(functions: Functions, length: int, status: int) -> None:
    headers = {"idempotency-key": "x" * length}
    reply = functions.post("/challenge", {"email": ADA}, headers=headers)
    assert reply.status == status
    assert status == 202 or reply.code == "malformed_body"


def test_a_get_has_no_key(functions: Functions, okta: OktaOrg) -> None:
    replies = [functions.get("/challenge", ("email", ADA), headers=KEY) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert okta.counts("send") == 1
