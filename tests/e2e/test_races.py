"""Many calls at the same time, in processes that share nothing but the table.

Each test runs with moto's table, and again with Amazon's own DynamoDB Local where it is installed.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Caller
from tests.sandbox import dynamodb_local
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from requests import Response

ADA = "ada@example.com"
_sources = count()


@pytest.fixture(scope="module")
def running_on_dynamodb_local(log: Path) -> Iterator[Sandbox]:
    if missing := dynamodb_local.why_not():
        pytest.skip(missing)
    with (
        dynamodb_local.dynamodb_local() as url,
        log.open("a", buffering=1) as file,
        Sandbox(file, dynamodb_url=url) as sandbox,
    ):
        yield sandbox


@pytest.fixture(params=["running", "running_on_dynamodb_local"])
def client(request: pytest.FixtureRequest) -> Caller:
    """A caller with a key, over either table."""
    sandbox: Sandbox = request.getfixturevalue(request.param)
    sandbox.reset()
    return Caller(sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"})


def elsewhere(caller: Caller) -> Caller:
    """A public caller at a source address that nobody has used."""
    address = f"198.51.{next(_sources) // 250}.{next(_sources) % 250}"
    return Caller(caller.sandbox, {"X-Sandbox-Source-Ip": address})


def outcomes(responses: Iterable[Response]) -> Counter[str]:
    """How often each status or problem code was answered."""
    bodies = [response.json() for response in responses]
    return Counter(body.get("code") or body["status"] for body in bodies)


def most_failures(caller: Caller) -> int:
    """Okta's highest count of ada's wrong codes in a row."""
    users = caller.sandbox.org.directory
    return next(each.most_failed_factor_attempts for each in users if each.email == ADA)


def wait_for_okta(caller: Caller, calls: int) -> None:
    """Wait until Okta has been asked so many times for a send or a check."""
    deadline = time.monotonic() + 15
    while caller.verifies_seen_by_okta() < calls and time.monotonic() < deadline:
        time.sleep(0.01)


def test_fifty_right_codes_at_once_verify_once(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"verified": 1, "challenge_already_verified": 49}
    assert client.verifies_seen_by_okta() == 2


def test_fifty_right_codes_of_the_public_at_once_verify_once(client: Caller) -> None:
    public = elsewhere(client)
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    responses = client.at_once(50, lambda: elsewhere(client).post("/verify", body))
    assert outcomes(responses) == {"verified": 1, "challenge_already_verified": 49}
    assert sum("device_token" in response.json() for response in responses) == 1
    assert client.verifies_seen_by_okta() == 2


def test_fifty_wrong_codes_at_once_are_four_for_okta(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"invalid_code": 4, "attempts_held": 46}
    assert client.verifies_seen_by_okta(403) == 4
    assert most_failures(client) == 4


def test_fifty_wrong_codes_of_strangers_at_once_are_three_for_okta(client: Caller) -> None:
    public = elsewhere(client)
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": public.wrong_code()}
    seen = outcomes(client.at_once(50, lambda: elsewhere(client).post("/verify", body)))
    assert set(seen) <= {"invalid_code", "attempts_held", "request_in_progress"}
    assert seen["invalid_code"] == 3
    assert most_failures(client) == 3


def test_wrong_codes_of_all_lanes_at_once_are_four_for_okta(client: Caller) -> None:
    public = elsewhere(client)
    codes = [public.challenge()["challenge_id"]]
    client.sandbox.advance += 31
    codes.append(client.challenge()["challenge_id"])
    wrong = client.wrong_code()

    def guess_in_turn(number: int) -> Response:
        caller = client if number % 2 else elsewhere(client)
        return caller.post("/verify", {"challenge_id": codes[number % 2], "code": wrong})

    numbers = count()
    responses = client.at_once(24, lambda: guess_in_turn(next(numbers)))
    assert not any(response.ok for response in responses)
    assert most_failures(client) <= 4


def test_a_release_is_one_attempt_however_many_try_at_once(client: Caller) -> None:
    challenge = client.challenge(release_hold=True)
    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    seen = outcomes(client.at_once(20, lambda: client.post("/verify", body)))
    assert seen == {"invalid_code": 1, "challenge_exhausted": 19}
    assert most_failures(client) == 1


def test_fifty_challenges_at_once_are_one_mail(client: Caller) -> None:
    body = {"email": ADA}
    for caller in (client, elsewhere(client)):
        seen = outcomes(client.at_once(50, lambda: caller.post("/challenge", body)))  # noqa: B023
        assert seen == {"pending": 1, "send_limited": 49}
        client.sandbox.advance += 31
    assert len(client.sandbox.org.inbox.to(ADA)) == 2


def test_fifty_requests_with_one_key_are_one_mail_and_one_answer(client: Caller) -> None:
    responses = client.at_once(
        50, lambda: client.post("/challenge", {"email": ADA}, Idempotency_Key="order-1001")
    )
    answered = [response for response in responses if response.status_code == 202]
    assert answered
    assert len({response.text for response in answered}) == 1
    assert {response.status_code for response in responses} <= {202, 409}
    assert len(client.sandbox.org.inbox.to(ADA)) == 1


@pytest.mark.parametrize("lane", ["client", "stranger"])
def test_a_crash_while_okta_checks_counts_and_leaves_no_dead_end(client: Caller, lane: str) -> None:
    caller = client if lane == "client" else elsewhere(client)
    challenge = caller.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": caller.code()}
    client.sandbox.org.faults.add("verify", "slow", 1)
    answers: list[Response] = []
    crashing = threading.Thread(target=lambda: answers.append(caller.post("/verify", body)))
    crashing.start()
    wait_for_okta(client, 2)
    client.sandbox.crash("VerifyChallengeFunction")
    crashing.join()
    assert answers[0].status_code == 502

    client.sandbox.advance += 31
    assert caller.post("/verify", body).json()["code"] == "invalid_code"
    assert client.challenge(channel="sms")["attempts_remaining"] == 2
    newer = caller.challenge()
    body = {"challenge_id": newer["challenge_id"], "code": caller.code()}
    assert caller.post("/verify", body).status_code == 200


def test_a_crash_while_okta_sends_makes_neither_code_good(client: Caller) -> None:
    older = client.challenge()
    body = {"challenge_id": older["challenge_id"], "code": client.code()}
    client.sandbox.advance += 31
    client.sandbox.org.faults.add("verify", "slow", 1)
    answers: list[Response] = []
    crashing = threading.Thread(
        target=lambda: answers.append(client.post("/challenge", {"email": ADA}))
    )
    crashing.start()
    wait_for_okta(client, 2)
    client.sandbox.crash("IssueChallengeFunction")
    crashing.join()
    assert answers[0].status_code == 502
    assert client.post("/verify", body).status_code == 410
    by_email = {"email": ADA, "code": client.code()}
    assert client.post("/verify", by_email).status_code == 410
    client.sandbox.advance += 31
    newest = client.challenge()
    body = {"challenge_id": newest["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200


def test_a_crashed_delivery_is_not_repeated_and_another_code_may_be_asked_for(
    client: Caller,
) -> None:
    public = elsewhere(client)
    client.sandbox.org.faults.add("lookup", "slow", 1)
    assert public.post("/challenge", {"email": ADA}).status_code == 202
    deadline = time.monotonic() + 15
    while not client.sandbox.org.calls and time.monotonic() < deadline:
        time.sleep(0.01)
    client.sandbox.crash("IssueChallengeFunction")
    client.sandbox.settle()
    assert not client.sandbox.org.inbox
    client.sandbox.advance += 31
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    assert public.post("/verify", body).status_code == 200
