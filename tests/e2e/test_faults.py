"""Faults of Okta and AWS over real sockets: an outcome, in time, and never a success."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import ADA, WAIT, Caller, Response, code_of

LONGEST_CALL = 9.0
"""Seconds: the deadline of a call, and time for the rest."""

KINDS = {
    "timeout": ("okta_unavailable", "deadline_exceeded"),
    "reset": ("okta_unavailable",),
    "http_500": ("okta_unavailable",),
    "http_503": ("okta_unavailable",),
    "rate_limited": ("okta_rate_limited",),
    "html": ("okta_unexpected_response",),
    "truncated": ("okta_unavailable",),
    "redirect": ("okta_unexpected_response",),
}
STATUS = {
    "okta_unavailable": 503,
    "okta_rate_limited": 503,
    "okta_unexpected_response": 502,
    "deadline_exceeded": 504,
}


def post(client: Caller, path: str, body: dict[str, str]) -> Response:
    """The answer, which must come in time."""
    started = time.monotonic()
    response = client.post(path, body)
    assert time.monotonic() - started < LONGEST_CALL
    return response


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["lookup", "verify"])
def test_a_fault_while_sending_is_an_outcome_in_time(client: Caller, on: str, kind: str) -> None:
    client.sandbox.org.faults.add(on, kind, 5)
    response = post(client, "/challenge", {"email": ADA})
    assert code_of(response) in KINDS[kind]
    assert response.status_code == STATUS[code_of(response)] == response.json()["status"]
    assert ("Retry-After" in response.headers) == (response.status_code == 503)
    assert len(client.sandbox.org.inbox.to(ADA)) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_while_checking_never_verifies(client: Caller, kind: str) -> None:
    challenge = client.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": client.code()}
    client.sandbox.org.faults.add("verify", kind, 5)
    response = post(client, "/verify", body)
    assert code_of(response) in KINDS[kind]
    assert response.status_code == STATUS[code_of(response)]


def test_a_throttled_invocation_is_told_and_costs_no_send(public: Caller) -> None:
    """The function's AWS client tries twice."""
    public.sandbox.org.faults.add("invoke", "throttle", 2)
    refused = public.post("/challenge", {"email": ADA})
    assert (refused.status_code, code_of(refused)) == (503, "store_unavailable")
    public.challenge()
    assert len(public.sandbox.org.inbox.to(ADA)) == 1


def test_a_send_whose_event_is_lost_can_be_asked_for_again(public: Caller) -> None:
    public.sandbox.org.faults.add("invoke", "drop", 1)
    public.challenge()
    assert not public.sandbox.org.inbox.to(ADA)
    public.sandbox.advance += WAIT
    challenge = public.challenge()
    body = {"challenge_id": challenge["challenge_id"], "code": public.code()}
    assert public.post("/verify", body).status_code == 200


@pytest.mark.parametrize(
    ("control", "body", "told"),
    [
        ("push", {}, "answer is required"),
        ("push", {"answer": "approve"}, "no push is waiting"),
        ("faults", {"on": "lookup"}, "kind is required"),
        ("clock", [], "the body must be a JSON object"),
        ("okta-tokens", {"accepted": "t"}, "accepted must be a list of tokens"),
    ],
)
def test_a_control_that_cannot_be_used_names_the_field(
    public: Caller, control: str, body: object, told: str
) -> None:
    response = public.post(f"/sandbox/{control}", body)
    assert (response.status_code, response.json()) == (400, {"error": told})
