"""The same POST under one Idempotency-Key, through the functions and the table."""

from __future__ import annotations

from typing import Any

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import TABLE, Account, LambdaQueue, client_error
from tests.integration.conftest import Clock
from tests.integration.functions import WRONG_CODE, Functions, Reply, log_lines
from tests.integration.okta_org import ADA, Instead, OktaOrg, answer, refusal

KEY = {"Idempotency-Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}
GRACE = "grace@example.com"


class Crash(BaseException):
    """Ends an invocation as a killed process does: nothing after it runs."""


def test_client_s_challenge_is_sent_once(
    shop: Functions,
    functions: Functions,
    okta: OktaOrg,
    clock: Clock,
    account: Account,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = shop.send(headers=KEY)
    clock.advance(3600)
    again = shop.send(headers=KEY)
    assert (again.status, again.body) == (202, first.body)
    assert okta.kinds.count("send") == 1
    assert [line["outcome"] for line in log_lines(capsys)] == ["sent", "replayed"]
    stored = str(account.rows())
    assert KEY["Idempotency-Key"] not in stored
    assert "resend_in" not in stored  # the response is sealed
    assert functions.send(headers=KEY).json["challenge_id"] != first.json["challenge_id"]


def test_public_challenge_is_sent_once(
    functions: Functions, okta: OktaOrg, queue: LambdaQueue
) -> None:
    first, again = (functions.send(headers=KEY) for _ in range(2))
    assert (again.status, again.body) == (202, first.body)
    assert (okta.kinds.count("send"), len(queue.functions)) == (1, 1)
    elsewhere = functions.send(headers=KEY, source_ip="198.51.100.7")
    assert (elsewhere.status, elsewhere.code) == (429, "send_limited")


@pytest.mark.parametrize(("is_right", "status"), [(True, 200), (False, 403)])
def test_code_is_checked_once(
    functions: Functions, okta: OktaOrg, is_right: bool, status: int
) -> None:
    challenge_id = functions.send().json["challenge_id"]
    code = okta.code() if is_right else WRONG_CODE
    replies = [functions.check(challenge_id, code, headers=KEY) for _ in range(3)]
    assert [(each.status, each.body) for each in replies] == [(status, replies[0].body)] * 3
    assert okta.kinds.count("check") == 1


def test_replayed_right_code_repeats_its_device_token(
    functions: Functions, account: Account
) -> None:
    challenge_id = functions.send().json["challenge_id"]
    first, again = (functions.check(challenge_id, headers=KEY) for _ in range(2))
    assert again.json["device_token"] == first.json["device_token"]
    assert first.json["device_token"] not in str(account.rows())


def test_other_body_under_the_same_key_is_refused(shop: Functions, okta: OktaOrg) -> None:
    shop.send(headers=KEY)
    reply = shop.send(GRACE, headers=KEY)
    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert okta.kinds.count("send") == 1


def test_request_in_progress_says_when_to_come_back(shop: Functions, okta: OktaOrg) -> None:
    replies: list[Reply] = []
    okta.before["send"] = lambda: replies.append(shop.send(headers=KEY))
    assert shop.send(headers=KEY).status == 202
    [reply] = replies
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (
        409,
        "request_in_progress",
        "12",
    )
    assert okta.kinds.count("send") == 1


def test_crashed_request_may_be_repeated_when_its_function_must_have_ended(
    shop: Functions, okta: OktaOrg, account: Account, clock: Clock
) -> None:
    challenge_id = shop.send().json["challenge_id"]
    at_crash: list[dict[str, Any]] = []

    def crash() -> None:
        at_crash.extend(account.rows().values())
        raise Crash

    okta.before["check"] = crash
    with pytest.raises(Crash):
        shop.check(challenge_id, headers=KEY)
    for row in at_crash:  # a process that is killed cleans nothing up
        account.dynamodb.put_item(TableName=TABLE, Item=row)
    busy = shop.check(challenge_id, headers=KEY)
    assert (busy.code, busy.headers["Retry-After"]) == ("request_in_progress", "12")
    clock.advance(12)
    assert shop.check(challenge_id, WRONG_CODE).json["attempts_remaining"] == 2  # it counts
    assert shop.check(challenge_id, headers=KEY).status == 200


@pytest.mark.parametrize("failure", [refusal(401, "E0000011"), refusal(400, "E9999999")])
def test_failure_that_may_be_repaired_is_not_stored(
    shop: Functions, okta: OktaOrg, failure: Instead
) -> None:
    okta.answers("factors", failure)
    assert shop.send(headers=KEY).status == 502
    assert shop.send(headers=KEY).status == 202


@pytest.mark.parametrize("lost", [ReadTimeout(), answer("<html>", 503), answer({})])
def test_failure_after_which_okta_may_have_acted_is_stored(
    shop: Functions, okta: OktaOrg, lost: Instead
) -> None:
    okta.answers("send", lost)
    first, again = (shop.send(headers=KEY) for _ in range(2))
    assert first.status in (502, 503)
    assert (first.status, first.body) == (again.status, again.body)
    assert okta.kinds.count("send") == 1


def test_code_that_was_not_checked_may_be_sent_again(shop: Functions, okta: OktaOrg) -> None:
    challenge_id = shop.send().json["challenge_id"]
    okta.answers("check", ConnectTimeout(), ConnectTimeout())
    replies = [shop.check(challenge_id, headers=KEY) for _ in range(2)]
    assert [reply.status for reply in replies] == [503, 200]


def test_public_request_whose_invocation_failed_may_be_sent_again(
    functions: Functions, queue: LambdaQueue, okta: OktaOrg
) -> None:
    queue.failure = client_error("TooManyRequestsException")
    assert functions.send(headers=KEY).code == "store_unavailable"
    queue.failure = None
    assert functions.send(headers=KEY).status == 202
    assert okta.kinds.count("send") == 1


def test_public_call_beyond_its_budget_writes_no_row(
    functions: Functions, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDS_PER_SOURCE_HOUR", "1")
    functions.send()
    before = account.prefixes()
    for n in range(3):
        reply = functions.send(GRACE, headers={"Idempotency-Key": f"key-{n}"})
        assert (reply.status, reply.code) == (429, "rate_limited")
    assert account.prefixes() == before == ["budget", "customer", "email", "sends"]


@pytest.mark.parametrize(
    "more", [{"key": "sk_wrong_0000000000000000"}, {"headers": {"Idempotency-Key": "x" * 256}}]
)
def test_refused_request_claims_no_key(
    functions: Functions, account: Account, more: dict[str, object]
) -> None:
    reply = functions.post("/challenge", {"email": ADA}, **{"headers": KEY, **more})
    assert reply.code in ("unauthorized", "malformed_body")
    assert "response" not in account.prefixes()


def test_get_has_no_idempotency_key(shop: Functions, okta: OktaOrg) -> None:
    replies = [shop.get("/challenge", ("email", ADA), headers=KEY) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert okta.kinds.count("send") == 1
