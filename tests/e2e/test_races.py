"""Many calls at the same time, in processes that share nothing but the table, and crashes.

Each test runs with moto's table, and again with Amazon's own DynamoDB Local where it is installed.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.e2e import conftest
from tests.e2e.conftest import ADA, WAIT, Caller, code_of, user
from tests.e2e.sign_in import TOTP, WRONG, WRONG_PASSWORD, SignIn, begin, outcome
from tests.sandbox import dynamodb_local
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from requests import Response

_sources = count()
VERIFY, ISSUE = "VerifyChallengeFunction", "IssueChallengeFunction"


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
    return conftest.elsewhere(caller.sandbox, next(_sources))


def outcomes(responses: Iterable[Response]) -> Counter[str]:
    """How often each status or problem code was answered."""
    return Counter(code_of(each) or each.json()["status"] for each in responses)


def test_fifty_right_codes_at_once_verify_once(client: Caller) -> None:
    body = {"challenge_id": client.challenge()["challenge_id"], "code": client.code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"verified": 1, "challenge_already_verified": 49}
    assert client.verifies_seen_by_okta() == 2


def test_fifty_right_codes_of_the_public_at_once_verify_once(client: Caller) -> None:
    body = {"challenge_id": elsewhere(client).challenge()["challenge_id"], "code": client.code()}
    responses = client.at_once(50, lambda: elsewhere(client).post("/verify", body))
    assert outcomes(responses) == {"verified": 1, "challenge_already_verified": 49}
    assert sum("device_token" in response.json() for response in responses) == 1
    assert client.verifies_seen_by_okta() == 2


def test_fifty_wrong_codes_at_once_are_four_for_okta(client: Caller) -> None:
    body = {"challenge_id": client.challenge()["challenge_id"], "code": client.wrong_code()}
    seen = outcomes(client.at_once(50, lambda: client.post("/verify", body)))
    assert seen == {"invalid_code": 4, "attempts_held": 46}
    assert client.verifies_seen_by_okta(403) == 4
    assert user(client.sandbox).most_failed_factor_attempts == 4


def test_fifty_wrong_codes_of_strangers_at_once_are_three_for_okta(client: Caller) -> None:
    challenge_id = elsewhere(client).challenge()["challenge_id"]
    body = {"challenge_id": challenge_id, "code": client.wrong_code()}
    seen = outcomes(client.at_once(50, lambda: elsewhere(client).post("/verify", body)))
    assert set(seen) <= {"invalid_code", "attempts_held", "request_in_progress"}
    assert seen["invalid_code"] == 3
    assert user(client.sandbox).most_failed_factor_attempts == 3


def test_wrong_codes_of_all_lanes_at_once_are_four_for_okta(client: Caller) -> None:
    codes = [elsewhere(client).challenge()["challenge_id"]]
    client.sandbox.advance += WAIT
    codes.append(client.challenge()["challenge_id"])
    wrong = client.wrong_code()

    def guess_in_turn(number: int) -> Response:
        caller = client if number % 2 else elsewhere(client)
        return caller.post("/verify", {"challenge_id": codes[number % 2], "code": wrong})

    numbers = count()
    responses = client.at_once(24, lambda: guess_in_turn(next(numbers)))
    assert not any(response.ok for response in responses)
    assert user(client.sandbox).most_failed_factor_attempts <= 4


def test_a_release_is_one_attempt_however_many_try_at_once(client: Caller) -> None:
    challenge = client.challenge(release_hold=True)
    body = {"challenge_id": challenge["challenge_id"], "code": client.wrong_code()}
    seen = outcomes(client.at_once(20, lambda: client.post("/verify", body)))
    assert seen == {"invalid_code": 1, "challenge_exhausted": 19}
    assert user(client.sandbox).most_failed_factor_attempts == 1


def test_fifty_challenges_at_once_are_one_mail(client: Caller) -> None:
    for caller in (client, elsewhere(client)):
        seen = outcomes(client.at_once(50, lambda: caller.post("/challenge", {"email": ADA})))  # noqa: B023
        assert seen == {"pending": 1, "send_limited": 49}
        client.sandbox.advance += WAIT
    assert len(client.sandbox.org.inbox.to(ADA)) == 2


def test_fifty_requests_with_one_key_are_one_mail_and_one_answer(client: Caller) -> None:
    responses = client.at_once(
        50, lambda: client.post("/challenge", {"email": ADA}, Idempotency_Key="order-1001")
    )
    assert {response.status_code for response in responses} <= {202, 409}
    assert len({response.text for response in responses if response.ok}) == 1
    assert len(client.sandbox.org.inbox.to(ADA)) == 1


def test_wrong_passwords_at_once_are_no_more_than_in_turn(client: Caller) -> None:
    caller = elsewhere(client)
    tried = caller.at_once(8, lambda: begin(caller, password="x"))
    assert sum(outcome(each) == WRONG_PASSWORD for each in tried) <= 5
    assert user(client.sandbox).failed_passwords <= 3


def test_right_passwords_at_once_all_sign_in(client: Caller) -> None:
    tried = client.at_once(4, lambda: begin(client))
    assert [outcome(each) for each in tried] == [(200, "MFA_REQUIRED")] * 4


def test_wrong_codes_of_sign_ins_at_once_are_three_for_okta(client: Caller) -> None:
    left = iter([SignIn(elsewhere(client)) for _ in range(3)] * 2)
    tried = client.at_once(6, lambda: next(left).verify(TOTP, passCode=WRONG))
    assert not any(response.ok for response in tried)
    assert user(client.sandbox).most_failed_factor_attempts == 3


@pytest.mark.parametrize("lane", ["client", "stranger"])
def test_a_crash_while_okta_checks_counts_and_leaves_no_dead_end(client: Caller, lane: str) -> None:
    caller = client if lane == "client" else elsewhere(client)
    body = {"challenge_id": caller.challenge()["challenge_id"], "code": caller.code()}
    client.sandbox.org.faults.add("verify", "slow", 1)
    crashed = caller.crashed(
        VERIFY, lambda: caller.post("/verify", body), lambda: client.verifies_seen_by_okta() == 2
    )
    assert crashed.status_code == 502

    client.sandbox.advance += WAIT
    assert code_of(caller.post("/verify", body)) == "invalid_code"
    assert client.challenge(channel="sms")["attempts_remaining"] == 2
    body = {"challenge_id": caller.challenge()["challenge_id"], "code": caller.code()}
    assert caller.post("/verify", body).status_code == 200


def test_a_crash_while_okta_sends_makes_neither_code_good(client: Caller) -> None:
    older = {"challenge_id": client.challenge()["challenge_id"], "code": client.code()}
    client.sandbox.advance += WAIT
    client.sandbox.org.faults.add("verify", "slow", 1)
    crashed = client.crashed(
        ISSUE,
        lambda: client.post("/challenge", {"email": ADA}),
        lambda: client.verifies_seen_by_okta() == 2,
    )
    assert crashed.status_code == 502
    assert client.post("/verify", older).status_code == 410
    assert client.post("/verify", {"email": ADA, "code": client.code()}).status_code == 410
    client.sandbox.advance += WAIT
    newest = {"challenge_id": client.challenge()["challenge_id"], "code": client.code()}
    assert client.post("/verify", newest).status_code == 200


def test_a_crashed_delivery_is_not_repeated_and_another_code_may_be_asked_for(
    client: Caller,
) -> None:
    public = elsewhere(client)
    client.sandbox.org.faults.add("lookup", "slow", 1)
    accepted = client.crashed(
        ISSUE,
        lambda: public.post("/challenge", {"email": ADA}),
        lambda: bool(client.sandbox.org.calls),
    )
    assert accepted.status_code == 202
    client.sandbox.settle()
    assert not client.sandbox.org.inbox
    client.sandbox.advance += WAIT
    body = {"challenge_id": public.challenge()["challenge_id"], "code": public.code()}
    assert public.post("/verify", body).status_code == 200
