"""Registrations through the handlers: what happens between two calls of Okta's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.conftest import Clock
from tests.integration.functions import PROFILE, Functions, Reply
from tests.integration.okta_org import OktaOrg, OktaUser, refusal
from tests.unit.examples import NOW

EMAIL = PROFILE["email"]
BODY = {"profile": PROFILE, "password": "Battery-Staple-9", "enroll": ["email"]}
KEY = {"Idempotency-Key": "5b0c8d1e-9c1f-4a52-8b1e-0f3d7c2a6e11"}
TAKEN = refusal(400, "E0000001")


def register(functions: Functions) -> Reply:
    return functions.post("/customers", BODY, headers=KEY)


def somebody_makes(okta: OktaOrg, login: str = EMAIL, at: int = NOW) -> Callable[[], OktaUser]:
    """A user comes into being, with no factors."""

    def made() -> OktaUser:
        user = okta.add(EMAIL, login=login)
        user.factors.clear()
        user.created = datetime.fromtimestamp(at, UTC).isoformat()
        return user

    return made


def test_okta_is_asked_for_what_is_wanted_and_nothing_else(
    functions: Functions, okta: OktaOrg
) -> None:
    assert register(functions).status == 201
    asked = [(call.method, call.path, call.query, call.body) for call in okta.calls[2:]]
    [user] = okta.users
    assert asked == [
        (
            "POST",
            "/api/v1/users",
            {"activate": ["true"]},
            {
                "profile": {**PROFILE, "login": EMAIL},
                "credentials": {"password": {"value": "Battery-Staple-9"}},
            },
        ),
        ("GET", f"/api/v1/users/{user.id}/factors", {}, None),
        (
            "POST",
            f"/api/v1/users/{user.id}/factors",
            {"activate": ["true"]},
            {"factorType": "email", "provider": "OKTA", "profile": {"email": EMAIL}},
        ),
    ]


def test_a_factor_that_okta_has_made_by_itself_is_as_good(
    functions: Functions, okta: OktaOrg
) -> None:
    okta.meanwhile("enrol", lambda: okta.users[0].factors.append(("email", "ACTIVE", EMAIL)))
    okta.answers_instead("enrol", TAKEN)
    reply = register(functions)
    assert (reply.status, len(reply.json["factors"])) == (201, 1)


def test_a_factor_that_is_there_is_not_enrolled_again(functions: Functions, okta: OktaOrg) -> None:
    okta.meanwhile("factors", lambda: okta.users[0].factors.append(("email", "ACTIVE", EMAIL)))
    assert register(functions).status == 201
    assert okta.counts("enrol") == 0


def test_whom_somebody_else_makes_at_that_moment_is_left_alone(
    functions: Functions, okta: OktaOrg
) -> None:
    okta.meanwhile("create", somebody_makes(okta))
    okta.answers_instead("create", TAKEN)
    for _ in range(2):
        assert register(functions).code == "customer_exists"
    assert okta.counts("factors") == okta.counts("enrol") == 0


def test_a_customer_who_is_made_late_is_found(functions: Functions, okta: OktaOrg) -> None:
    okta.answers_instead("create", ReadTimeout(), TAKEN)
    assert register(functions).code == "okta_unavailable"
    okta.meanwhile("create", somebody_makes(okta))
    okta.answers_instead("enrol", TAKEN)
    half = register(functions)
    assert (half.code, half.json["customer"]["factors"]) == ("enrollment_refused", [])
    assert register(functions).json["customer_id"] == okta.users[0].id


@pytest.mark.parametrize(
    ("login", "at"), [(EMAIL, NOW - 61), (EMAIL, NOW + 61), ("another.mary", NOW)]
)
def test_somebody_else_is_never_taken_for_the_lost_customer(
    functions: Functions, okta: OktaOrg, login: str, at: int
) -> None:
    okta.answers_instead("create", ReadTimeout())
    register(functions)
    somebody_makes(okta, login, at)()
    assert register(functions).code == "customer_exists"
    assert okta.counts("enrol") == 0


@pytest.mark.parametrize("failures", [[ConnectTimeout(), ConnectTimeout()], [TAKEN]])
def test_a_request_that_made_nobody_is_in_nobodys_way(
    functions: Functions, okta: OktaOrg, failures: list[Exception]
) -> None:
    okta.answers_instead("create", *failures)
    assert register(functions).status >= 400
    assert functions.post("/customers", BODY).status == 201


def test_the_email_of_a_deactivated_user_is_free_and_the_login_is_not(
    functions: Functions, okta: OktaOrg, clock: Clock
) -> None:
    former = okta.add(EMAIL, login="former.mary", status="DEPROVISIONED")
    assert register(functions).status == 201
    okta.users[:] = [former]
    former.login = EMAIL
    clock.advance(61)
    assert functions.post("/customers", BODY).code == "customer_exists"


def test_an_okta_that_falls_silent_leaves_what_is_certain(
    functions: Functions, okta: OktaOrg
) -> None:
    okta.answers_instead("enrol", ReadTimeout())
    okta.answers_instead("factors", (200, {}, "[]"), ReadTimeout(), ReadTimeout())
    reply = register(functions)
    assert (reply.status, reply.json["customer"]["customer_id"]) == (503, okta.users[0].id)
    assert "factors" not in reply.json["customer"]
    assert register(functions).status == 201
