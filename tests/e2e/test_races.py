"""Many calls at the same time, in processes that share nothing but the table.

All of it with moto's table, and again with Amazon's own DynamoDB Local where that is there.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
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


def outcomes(responses: Iterable[Response]) -> Counter[str]:
    """How often each status or problem code was answered."""
    bodies = [response.json() for response in responses]
    return Counter(body.get("code") or body["status"] for body in bodies)


def test_fifty_right_codes_at_once_verify_once(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"verified": 1, "challenge_already_verified": 49}
    assert client.verifies_seen_by_okta() == 2


def test_fifty_wrong_codes_at_once_are_four_for_okta(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"invalid_code": 4, "attempts_held": 46}
    assert client.verifies_seen_by_okta(403) == 4
    assert client.status_in_okta("ada@example.com") == "ACTIVE"


def test_fifty_challenges_at_once_are_one_mail(client: Caller) -> None:
    body = {"email": "ada@example.com"}
    seen = outcomes(client.at_once(50, lambda: client.post("/challenge", body)))
    assert seen == {"pending": 1, "send_limited": 49}
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 1


def test_fifty_requests_with_one_key_are_one_mail_and_one_answer(client: Caller) -> None:
    body = {"email": "ada@example.com"}
    responses = client.at_once(
        50, lambda: client.post("/challenge", body, Idempotency_Key="order-1001")
    )
    answered = [response for response in responses if response.status_code == 202]
    assert answered
    assert len({response.text for response in answered}) == 1
    assert {response.status_code for response in responses} <= {202, 409}
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 1


def test_a_crash_while_okta_checks_counts_and_leaves_no_dead_end(client: Caller) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    client.sandbox.org.faults.add("verify", "slow", 1)
    answers: list[Response] = []
    crashing = threading.Thread(target=lambda: answers.append(client.post("/verify", body)))
    crashing.start()
    deadline = time.monotonic() + 15
    while client.verifies_seen_by_okta() < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    client.sandbox.crash("VerifyChallengeFunction")
    crashing.join()
    assert answers[0].status_code == 502

    client.sandbox.advance += 31
    again = client.post("/verify", body).json()
    assert (again["code"], again["attempts_remaining"]) == ("invalid_code", 2)
    newer = client.challenge()
    body = {"challenge_id": newer["challenge_id"], "code": client.code()}
    assert client.post("/verify", body).status_code == 200
