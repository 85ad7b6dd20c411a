"""The simulated org against recorded exchanges with the real one.

Each recording is either reproduced here or listed with the reason why not; one that is neither
fails the suite until somebody decides.
"""

import json

import pytest
from werkzeug.test import TestResponse

from tests.contract import test_okta_authn_exchanges, test_okta_factor_exchanges
from tests.contract.okta_org import OktaOrg
from tests.contract.recorded_shapes import (
    RECORDINGS,
    Exchanges,
    link_shape,
    needs_recordings,
)
from tests.sandbox.okta import exceptions
from tests.sandbox.okta.exceptions import OktaError
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.records import UserStatus

pytestmark = needs_recordings

EXCHANGES = Exchanges()
reproduces = EXCHANGES.reproduces

LOGIN = "John.Doe@example.com"
PROFILE = {"firstName": "John", "lastName": "Doe", "login": LOGIN, "email": LOGIN}

PUSH = "push factors are not simulated"

NOT_REPRODUCED = {
    "doc_factor_push_rejected_200.json": PUSH,
    "doc_factor_push_timeout_200.json": PUSH,
    "factor_push_challenge.json": PUSH,
    "factor_push_enroll_200.json": PUSH,
}


def create(okta: OktaOrg, **query: str) -> TestResponse:
    body = {"profile": PROFILE, "credentials": {"password": {"value": "Battery-Staple-9"}}}
    return okta.post("/api/v1/users", body, **query)


def lead(okta: OktaOrg, user: TestResponse, step: str) -> TestResponse:
    path = f"/api/v1/users/{user.get_json()['id']}/lifecycle/{step}"
    return okta.post(path, sendEmail="false")


@reproduces("user_get_by_login_200.json")
def read_staged_user(okta: OktaOrg) -> TestResponse:
    create(okta, activate="false")
    return okta.get(f"/api/v1/users/{LOGIN}")


@reproduces("user_create_active_200.json")
def create_active_user(okta: OktaOrg) -> TestResponse:
    return create(okta)


@reproduces(
    "user_create_federation_active_200.json",
    tolerating={
        "$.type: extra": "users had no types then",
        "$._links.type: extra": "users had no types then",
        "$._links.schema: extra": "users had no types then",
    },
)
def create_federated_user(okta: OktaOrg) -> TestResponse:
    body = {
        "profile": {"login": "federated", "email": "federated@example.com"},
        "credentials": {"provider": {"type": "FEDERATION", "name": "FEDERATION"}},
    }
    return okta.post("/api/v1/users", body, provider="true")


@reproduces("user_create_bad_attribute_400.json")
def create_user_with_odd_attribute(okta: OktaOrg) -> TestResponse:
    profile = {**PROFILE, "notValid": "this-isnt-valid", "postalAddress": None}
    return okta.post("/api/v1/users", {"profile": profile, "credentials": {"password": {}}})


@reproduces("user_activate_200.json")
def activate_user(okta: OktaOrg) -> TestResponse:
    return lead(okta, create(okta, activate="false"), "activate")


@reproduces("user_reactivate_wrong_status_403.json")
def reactivate_active_user(okta: OktaOrg) -> TestResponse:
    return lead(okta, create(okta), "reactivate")


@reproduces("user_unlock_not_locked_403.json")
def unlock_active_user(okta: OktaOrg) -> TestResponse:
    return lead(okta, create(okta), "unlock")


@reproduces(
    "users_search_200.json", tolerating={"$[0].realmId: missing": "only newer orgs have realms"}
)
def search_one_user(okta: OktaOrg) -> TestResponse:
    okta.user("twin.one").status = UserStatus.PROVISIONED
    okta.user("twin.two").status = UserStatus.PROVISIONED
    return okta.search('profile.email eq "twin@example.com"', limit="1")


@reproduces(
    "users_q_200.json",
    tolerating={
        "$[0].credentials.emails: missing": "not in the newer recording of a list",
        "$[0].profile.LOA: missing": "that org's own attribute",
        "$[0].profile.addressType: missing": "that org's own attribute",
        "$[0].type: extra": "users had no types then",
    },
)
def find_users_by_start(okta: OktaOrg) -> TestResponse:
    ada = okta.user("ada@example.com")
    ada.second_email, ada.mobile_phone = "ada@example.net", None
    ada.last_login = ada.created
    return okta.get("/api/v1/users", q="ada@example.com")


@reproduces("rate_limited_429_a.json")
def use_up_the_rate_limit(okta: OktaOrg) -> TestResponse:
    for _ in range(Bucket.LIST_USERS.limit):
        okta.org.limits.count(Bucket.LIST_USERS, okta.clock())
    return okta.search('profile.email eq "ada@example.com"')


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def test_every_recording_is_reproduced_or_has_a_reason() -> None:
    recorded = {path.name for path in RECORDINGS.glob("*.json")}
    decided = [
        *EXCHANGES,
        *test_okta_authn_exchanges.EXCHANGES,
        *test_okta_factor_exchanges.EXCHANGES,
        *NOT_REPRODUCED,
    ]
    assert sorted(decided) == sorted(recorded)


@pytest.mark.parametrize("name", list(EXCHANGES))
def test_the_org_answers_as_recorded(name: str, okta: OktaOrg) -> None:
    assert EXCHANGES.differences(name, okta) == []


def test_a_search_links_to_itself_and_to_a_next_page(okta: OktaOrg) -> None:
    recorded = json.loads((RECORDINGS / "users_search_200.json").read_text())["response"]
    links = search_one_user(okta).headers.getlist("Link")
    assert [link_shape(link) for link in links] == [
        link_shape(link) for link in recorded["headers"]["Link"]
    ]


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ValidationFailedError("{0}"),
        exceptions.MalformedBodyError(),
        exceptions.InvalidSearchError(),
        exceptions.InvalidPhoneError(),
        exceptions.AuthenticationFailedError(),
        exceptions.InvalidTokenError(),
        exceptions.InvalidSessionError(),
        exceptions.AccessDeniedError(),
        exceptions.AlreadyActiveError(),
        exceptions.UnlockNotAllowedError(),
        exceptions.WrongUserStatusError(),
        exceptions.WrongCodeError(),
        exceptions.UserLockedError(),
        exceptions.WrongStepError(),
        exceptions.CodeReplayedError(),
        exceptions.WrongFactorStateError(),
        exceptions.MethodNotSupportedError(),
        exceptions.FactorNotActiveError(),
        exceptions.RateLimitedError(),
        exceptions.SmsTooSoonError(),
        exceptions.EmailTooSoonError(),
        exceptions.CallTooSoonError(),
        exceptions.InternalServerError(),
        exceptions.ReadOnlyModeError(),
    ],
    ids=lambda error: error.code,
)
def test_an_error_is_that_of_the_catalogue(error: OktaError) -> None:
    catalogue = json.loads((RECORDINGS.parent / "error-codes.json").read_text())["errors"]
    entry = next(each for each in catalogue if each["errorCode"] == error.code)
    assert (error.status, error.summary) == (entry["statusCode"], entry["errorSummary"])
