"""The same POST under one Idempotency-Key, through the functions and the table."""

from __future__ import annotations

from typing import Any

import pytest
from requests.exceptions import ReadTimeout

from tests.integration.account import TABLE, client_error
from tests.integration.conftest import World
from tests.integration.functions import WRONG_CODE, Reply, log_lines
from tests.integration.okta_org import Instead, answer, refusal

KEY = {"Idempotency-Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}
GRACE = "grace@example.com"


class Crash(BaseException):
    """Ends an invocation as a killed process does: nothing after it runs."""


def test_client_s_challenge_is_sent_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = world.shop.send(headers=KEY)
    world.clock.advance(3600)
    again = world.shop.send(headers=KEY)
    assert (again.status, again.body) == (202, first.body)
    assert world.okta.kinds.count("send") == 1
    assert [line["outcome"] for line in log_lines(capsys)] == ["sent", "replayed"]
    stored = str(world.account.rows())
    assert KEY["Idempotency-Key"] not in stored
    assert "resend_in" not in stored  # the response is sealed
    assert world.public.send(headers=KEY).json["challenge_id"] != first.json["challenge_id"]


def test_public_challenge_is_sent_once(world: World) -> None:
    first, again = (world.public.send(headers=KEY) for _ in range(2))
    assert (again.status, again.body) == (202, first.body)
    assert (world.okta.kinds.count("send"), len(world.queue.functions)) == (1, 1)
    elsewhere = world.public.send(headers=KEY, source_ip="198.51.100.7")
    assert (elsewhere.status, elsewhere.code) == (429, "send_limited")


@pytest.mark.parametrize(("is_right", "status"), [(True, 200), (False, 403)])
def test_code_is_checked_once(world: World, is_right: bool, status: int) -> None:
    challenge_id = world.public.send().json["challenge_id"]
    code = world.okta.code() if is_right else WRONG_CODE
    replies = [world.public.check(challenge_id, code, headers=KEY) for _ in range(3)]
    assert [(each.status, each.body) for each in replies] == [(status, replies[0].body)] * 3
    assert world.okta.kinds.count("check") == 1


def test_other_body_under_the_same_key_is_refused(world: World) -> None:
    world.shop.send(headers=KEY)
    reply = world.shop.send(GRACE, headers=KEY)
    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert world.okta.kinds.count("send") == 1


def test_request_in_progress_says_when_to_come_back(world: World) -> None:
    replies: list[Reply] = []
    world.okta.before["send"] = lambda: replies.append(world.shop.send(headers=KEY))
    assert world.shop.send(headers=KEY).status == 202
    [reply] = replies
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (
        409,
        "request_in_progress",
        "12",
    )
    assert world.okta.kinds.count("send") == 1


def test_crashed_request_may_be_repeated_when_its_function_must_have_ended(world: World) -> None:
    challenge_id = world.shop.send().json["challenge_id"]
    at_crash: list[dict[str, Any]] = []

    def crash() -> None:
        at_crash.extend(world.account.rows().values())
        raise Crash

    world.okta.before["check"] = crash
    with pytest.raises(Crash):
        world.shop.check(challenge_id, headers=KEY)
    for row in at_crash:  # a process that is killed cleans nothing up
        world.account.dynamodb.put_item(TableName=TABLE, Item=row)
    busy = world.shop.check(challenge_id, headers=KEY)
    assert (busy.code, busy.headers["Retry-After"]) == ("request_in_progress", "12")
    world.clock.advance(12)
    assert world.shop.check(challenge_id, WRONG_CODE).json["attempts_remaining"] == 2  # it counts
    assert world.shop.check(challenge_id, headers=KEY).status == 200


@pytest.mark.parametrize("failure", [refusal(401, "E0000011"), refusal(400, "E9999999")])
def test_failure_that_may_be_repaired_is_not_stored(world: World, failure: Instead) -> None:
    world.okta.answers("factors", failure)
    assert world.shop.send(headers=KEY).status == 502
    assert world.shop.send(headers=KEY).status == 202


@pytest.mark.parametrize("lost", [ReadTimeout(), answer("<html>", 503), answer({})])
def test_failure_after_which_okta_may_have_acted_is_stored(world: World, lost: Instead) -> None:
    world.okta.answers("send", lost)
    first, again = (world.shop.send(headers=KEY) for _ in range(2))
    assert first.status in (502, 503)
    assert (first.status, first.body) == (again.status, again.body)
    assert world.okta.kinds.count("send") == 1


def test_public_request_whose_invocation_failed_may_be_sent_again(world: World) -> None:
    world.queue.failure = client_error("TooManyRequestsException")
    assert world.public.send(headers=KEY).code == "store_unavailable"
    world.queue.failure = None
    assert world.public.send(headers=KEY).status == 202
    assert world.okta.kinds.count("send") == 1


def test_public_call_beyond_its_budget_writes_no_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDS_PER_SOURCE_HOUR", "1")
    world.public.send()
    before = world.account.prefixes()
    for n in range(3):
        reply = world.public.send(GRACE, headers={"Idempotency-Key": f"key-{n}"})
        assert (reply.status, reply.code) == (429, "rate_limited")
    assert world.account.prefixes() == before == ["budget", "customer", "email", "sends"]
