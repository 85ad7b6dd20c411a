"""A step of a sign-in for answers that Okta should not, or not yet, give."""

from __future__ import annotations

import pytest

from tests.integration.functions import ADA, Functions, Reply
from tests.integration.okta_client import CODE
from tests.integration.okta_org import STATE_TOKEN, OktaOrg, answer, refusal
from tests.unit.events import proxy_event

BEGIN = {"username": ADA, "password": "Correct-Horse-7"}


@pytest.fixture(autouse=True)
def ada(okta: OktaOrg) -> None:
    okta.add(ADA)


def begin(functions: Functions) -> Reply:
    """The password."""
    return functions.invoke("issue_challenge", proxy_event("POST", "/api/v1/authn", body=BEGIN))


def verify(functions: Functions, code: str = CODE) -> Reply:
    """The code."""
    resource = "/api/v1/authn/factors/{id}/verify"
    body = {"stateToken": STATE_TOKEN, "passCode": code}
    path = resource.format(id="ost1")
    return functions.invoke("verify_challenge", proxy_event("POST", resource, path=path, body=body))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"status": None},
        {"status": "MFA_REQUIRED"},
        {"status": "MFA_CHALLENGE", "factorResult": "REJECTED"},
        {"status": "LOCKED_OUT"},
        {"status": "success"},
        {"status": "OF_TOMORROW"},
    ],
)
def test_what_does_not_say_that_the_code_was_right_counts_as_a_wrong_one(
    functions: Functions, okta: OktaOrg, document: dict[str, object]
) -> None:
    okta.answers_instead("step", *[answer(document)] * 4)
    for _ in range(4):
        reply = verify(functions)
        assert (reply.status, reply.json) == (200, document)
    assert verify(functions).status == 429
    assert okta.counts("step") == 4


@pytest.mark.parametrize("status", ["SUCCESS", "PASSWORD_EXPIRED", "PASSWORD_WARN", "MFA_ENROLL"])
def test_what_comes_after_a_right_code_forgets_the_wrong_ones(
    functions: Functions, okta: OktaOrg, status: str
) -> None:
    okta.answers_instead("step", *[refusal(403, "E0000068")] * 3, answer({"status": status}))
    for _ in range(4):
        verify(functions)
    okta.answers_instead("step", *[refusal(403, "E0000068")] * 4)
    assert [verify(functions).status for _ in range(5)] == [403] * 4 + [429]


@pytest.mark.parametrize("kind", ["push", "webauthn", "u2f", "signed_nonce", "of_tomorrow"])
def test_a_factor_whose_challenges_nobody_counts_is_refused(
    functions: Functions, okta: OktaOrg, kind: str
) -> None:
    factors = {"user": {"id": okta.users[0].id}, "factors": [{"id": "ost1", "factorType": kind}]}
    document = {"status": "MFA_REQUIRED", "stateToken": STATE_TOKEN, "_embedded": factors}
    okta.answers_instead("sign_in", answer(document))
    assert begin(functions).status == 200
    refused = verify(functions)
    assert (refused.status, refused.json["errorCode"]) == (403, "E0000006")
    assert okta.counts("step") == 0


@pytest.mark.parametrize("document", [[], "text", 5, None])
def test_what_is_no_document_counts_and_is_no_success(
    functions: Functions, okta: OktaOrg, document: object
) -> None:
    okta.answers_instead("step", *[answer(document)] * 4)
    assert [verify(functions).status for _ in range(5)] == [502] * 4 + [429]


@pytest.mark.parametrize("code", ["E0000119", "E0000069", "E0000038", "E0000001", "E0009999"])
def test_the_public_learns_of_no_account_by_the_error_that_okta_has_for_it(
    functions: Functions, okta: OktaOrg, code: str
) -> None:
    okta.answers_instead("sign_in", refusal(401, "E0000004"), refusal(403, code))
    wrong, other = begin(functions), begin(functions)
    assert (other.status, other.body) == (wrong.status, wrong.body)
