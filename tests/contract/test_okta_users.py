"""The rules by which users of the simulated org come to be and change their status."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import OktaOrg, outcome
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

USERS = "/api/v1/users"
ADA = "ada@example.com"
MARY = "mary.jackson@example.com"
PASSWORD = "Battery-Staple-9"
PROFILE = {"login": MARY, "email": MARY, "firstName": "Mary", "lastName": "Jackson"}

REFUSED = (400, "E0000001")
MALFORMED = (400, "E0000003")
ALREADY_ACTIVE = (403, "E0000016")
WRONG_STATUS = (403, "E0000038")
NOT_FOUND = (404, "E0000007")


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def create(
    okta: OktaOrg, *, password: str | None = PASSWORD, activate: str = "true", **body: Any
) -> TestResponse:
    whole = {"profile": PROFILE, "credentials": {"password": {"value": password}}, **body}
    return okta.post(USERS, whole, activate=activate)


def lead(okta: OktaOrg, login: str, step: str, **query: str) -> TestResponse:
    return okta.post(f"{USERS}/{okta.user(login).id}/lifecycle/{step}", **query)


class TestCreation:
    @pytest.mark.parametrize(
        ("password", "activate", "status"),
        [
            (PASSWORD, "true", "ACTIVE"),
            (None, "true", "PROVISIONED"),
            (PASSWORD, "false", "STAGED"),
            (None, "false", "STAGED"),
        ],
    )
    def test_a_password_makes_a_user_active(
        self, password: str | None, activate: str, status: str, okta: OktaOrg
    ) -> None:
        user = create(okta, password=password, activate=activate).get_json()
        assert user["status"] == status
        assert ("password" in user["credentials"]) is (password is not None)
        assert okta.get(f"{USERS}/{user['id']}").get_json() == user

    def test_activation_is_the_default(self, okta: OktaOrg) -> None:
        body = {"profile": PROFILE, "credentials": {"password": {"value": PASSWORD}}}
        assert okta.post(USERS, body).get_json()["status"] == "ACTIVE"

    def test_a_new_user_is_found_at_once(self, okta: OktaOrg) -> None:
        user = create(okta).get_json()
        assert okta.get(f"{USERS}/{MARY}").get_json() == user
        [found] = okta.search(f'profile.email eq "{MARY}"').get_json()
        assert found["id"] == user["id"]

    def test_a_new_user_signs_in_and_has_no_factor(self, okta: OktaOrg) -> None:
        create(okta)
        assert okta.get(okta.factors_path(MARY)).get_json() == []
        assert okta.sign_in(MARY, PASSWORD).get_json()["status"] == "SUCCESS"
        assert okta.user(MARY).last_login == "2025-06-15T15:06:40.000Z"

    def test_a_profile_is_kept(self, okta: OktaOrg) -> None:
        profile = {**PROFILE, "mobilePhone": "555-415-1337", "locale": "fr_CA", "title": None}
        kept = create(okta, profile=profile).get_json()["profile"]
        assert kept == {
            **PROFILE,
            "mobilePhone": "555-415-1337",
            "secondEmail": None,
            "locale": "fr_CA",
        }

    @pytest.mark.parametrize(("trusted", "answer"), [(True, (200, None)), (False, REFUSED)])
    def test_an_org_may_trust_the_email_of_a_new_user(
        self, trusted: bool, answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        okta.org.policy.trusts_new_emails = trusted
        create(okta)
        assert outcome(okta.enrol(MARY, FactorType.EMAIL, activate="true")) == answer

    def test_a_second_email_may_be_a_factor(self, okta: OktaOrg) -> None:
        second = "mary@example.net"
        user = create(okta, profile={**PROFILE, "secondEmail": second}).get_json()
        assert user["credentials"]["emails"][1] == {
            "value": second,
            "status": "VERIFIED",
            "type": "SECONDARY",
        }
        wish = {"factorType": "email", "profile": {"email": second}}
        assert okta.enrol_factor(MARY, wish).status_code == 200

    def test_groups_are_remembered(self, okta: OktaOrg) -> None:
        create(okta, groupIds=[CUSTOMERS_GROUP])
        assert okta.org.customers()[-1]["groups"] == [CUSTOMERS_GROUP]

    def test_an_unknown_group_is_not_found(self, okta: OktaOrg) -> None:
        response = create(okta, groupIds=[CUSTOMERS_GROUP, "00gnobody00000000000"])
        assert outcome(response) == NOT_FOUND
        assert outcome(okta.get(f"{USERS}/{MARY}")) == NOT_FOUND

    @pytest.mark.parametrize("login", [ADA, "ADA@example.com", "adá@example.com"])
    def test_a_login_is_taken_once(self, login: str, okta: OktaOrg) -> None:
        response = create(okta, profile={**PROFILE, "login": login})
        assert outcome(response) == REFUSED
        [cause] = response.get_json()["errorCauses"]
        assert cause["errorSummary"] == (
            "login: An object with this field already exists in the current organization"
        )

    def test_an_email_may_be_shared(self, okta: OktaOrg) -> None:
        assert create(okta, profile={**PROFILE, "email": ADA}).status_code == 200

    @pytest.mark.parametrize(
        "change",
        [
            {"login": None},
            {"login": "mary"},
            {"login": "m" * 101},
            {"email": ""},
            {"email": "mary"},
            {"email": "mary@localhost"},
            {"secondEmail": "@"},
            {"shoeSize": "38"},
        ],
    )
    def test_an_odd_profile_is_refused(self, change: dict[str, Any], okta: OktaOrg) -> None:
        assert outcome(create(okta, profile={**PROFILE, **change})) == REFUSED

    @pytest.mark.parametrize(
        "password",
        ["Short-1", "no-capital-1", "NO-SMALL-1", "No-Number", "Mary-Jackson-1", "Is-Example-7"],
    )
    def test_a_weak_password_is_refused(self, password: str, okta: OktaOrg) -> None:
        assert outcome(create(okta, password=password)) == REFUSED

    @pytest.mark.parametrize(
        "body",
        [
            {"profile": "Mary"},
            {"profile": {**PROFILE, "login": 7}},
            {"credentials": []},
            {"groupIds": CUSTOMERS_GROUP},
            {"groupIds": [7]},
        ],
    )
    def test_an_odd_body_is_malformed(self, body: dict[str, Any], okta: OktaOrg) -> None:
        assert outcome(create(okta, **body)) == MALFORMED

    def test_without_a_body_nobody_is_created(self, okta: OktaOrg) -> None:
        assert outcome(okta.post(USERS)) == MALFORMED
        assert outcome(okta.post(USERS, {})) == REFUSED

    def test_a_reset_forgets_new_users(self, okta: OktaOrg) -> None:
        first = create(okta).get_json()["id"]
        okta.org.reset()
        assert outcome(okta.get(f"{USERS}/{MARY}")) == NOT_FOUND
        assert create(okta).get_json()["id"] == first


class TestLife:
    def test_a_staged_user_is_activated(self, okta: OktaOrg) -> None:
        create(okta, activate="false")
        okta.clock.advance(60)
        assert lead(okta, MARY, "activate").get_json() == {}
        user = okta.get(f"{USERS}/{MARY}").get_json()
        assert (user["status"], user["activated"] > user["created"]) == ("ACTIVE", True)
        assert outcome(lead(okta, MARY, "activate")) == ALREADY_ACTIVE

    def test_an_invitation_can_be_had_without_a_mail(self, okta: OktaOrg) -> None:
        create(okta, password=None, activate="false")
        first = lead(okta, MARY, "activate", sendEmail="false").get_json()
        assert okta.user(MARY).status is UserStatus.PROVISIONED
        second = lead(okta, MARY, "reactivate", sendEmail="false").get_json()
        assert first.keys() == second.keys() == {"activationUrl", "activationToken"}
        assert first["activationToken"] != second["activationToken"]
        assert first["activationToken"] in first["activationUrl"]

    def test_a_suspended_user_is_let_in_again(self, okta: OktaOrg) -> None:
        assert outcome(lead(okta, ADA, "unsuspend")) == REFUSED
        assert lead(okta, ADA, "suspend").get_json() == {}
        assert outcome(okta.challenge(ADA, FactorType.EMAIL)) == WRONG_STATUS
        assert outcome(lead(okta, ADA, "suspend")) == REFUSED
        assert lead(okta, ADA, "unsuspend").get_json() == {}
        assert okta.challenge(ADA, FactorType.EMAIL).status_code == 200

    def test_a_deactivated_user_begins_again(self, okta: OktaOrg) -> None:
        assert lead(okta, ADA, "deactivate").get_json() == {}
        assert okta.user(ADA).status is UserStatus.DEPROVISIONED
        assert outcome(lead(okta, ADA, "deactivate")) == WRONG_STATUS
        lead(okta, ADA, "activate")
        assert okta.user(ADA).status is UserStatus.PROVISIONED

    @pytest.mark.parametrize(
        "step", ["activate", "reactivate", "suspend", "unsuspend", "deactivate", "unlock"]
    )
    def test_nobody_has_no_life(self, step: str, okta: OktaOrg) -> None:
        assert outcome(okta.post(f"{USERS}/00unobody/lifecycle/{step}")) == NOT_FOUND


class TestStart:
    @pytest.mark.parametrize("start", ["ada", "LOVE", "ada@example.com"])
    def test_names_and_emails_are_found_by_their_start(self, start: str, okta: OktaOrg) -> None:
        [found] = okta.get(USERS, q=start).get_json()
        assert found["profile"]["login"] == ADA

    def test_several_may_begin_alike(self, okta: OktaOrg) -> None:
        found = okta.get(USERS, q="twin", limit="1")
        assert len(found.get_json()) == 1
        assert "q=twin" in found.headers.getlist("Link")[1]

    def test_a_part_is_no_start(self, okta: OktaOrg) -> None:
        assert okta.get(USERS, q="example.com").get_json() == []
