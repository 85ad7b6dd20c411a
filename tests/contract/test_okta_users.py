"""The simulated org's users: created, found, and changed in status."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import (
    ADA,
    ALREADY_ACTIVE,
    FAILED,
    GRACE,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    SUCCESS,
    WRONG_STATUS,
    OktaOrg,
    outcome,
)
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

USERS = "/api/v1/users"
MARY = "mary.jackson@example.com"
PASSWORD = "Battery-Staple-9"
PROFILE = {"login": MARY, "email": MARY, "firstName": "Mary", "lastName": "Jackson"}
TWINS = 'profile.email eq "twin@example.com"'


def create(
    okta: OktaOrg, *, password: str | None = PASSWORD, activate: str = "true", **body: Any
) -> TestResponse:
    whole = {"profile": PROFILE, "credentials": {"password": {"value": password}}, **body}
    return okta.post(USERS, whole, activate=activate)


def lead(okta: OktaOrg, login: str, step: str, **query: str) -> TestResponse:
    return okta.post(f"{USERS}/{okta.user(login).id}/lifecycle/{step}", **query)


def logins(response: TestResponse) -> list[str]:
    assert response.status_code == 200
    return [user["profile"]["login"] for user in response.get_json()]


class TestCreate:
    @pytest.mark.parametrize(
        ("password", "activate", "status"),
        [
            (PASSWORD, "true", "ACTIVE"),
            (None, "true", "PROVISIONED"),
            (PASSWORD, "false", "STAGED"),
            (None, "false", "STAGED"),
        ],
    )
    def test_only_an_activated_user_with_a_password_is_active(
        self, password: str | None, activate: str, status: str, okta: OktaOrg
    ) -> None:
        user = create(okta, password=password, activate=activate).get_json()
        assert user["status"] == status
        assert ("password" in user["credentials"]) is (password is not None)
        assert okta.get(f"{USERS}/{MARY}").get_json() == user
        assert logins(okta.search(f'profile.email eq "{MARY}"')) == [MARY]

    def test_activation_is_the_default(self, okta: OktaOrg) -> None:
        body = {"profile": PROFILE, "credentials": {"password": {"value": PASSWORD}}}
        assert okta.post(USERS, body).get_json()["status"] == "ACTIVE"

    def test_a_new_user_has_no_factor_and_signs_in(self, okta: OktaOrg) -> None:
        create(okta)
        assert okta.get(okta.factors_path(MARY)).get_json() == []
        assert okta.get(f"{USERS}/{MARY}").get_json()["lastLogin"] is None
        assert okta.sign_in(MARY, PASSWORD).get_json()["status"] == "SUCCESS"
        assert okta.get(f"{USERS}/{MARY}").get_json()["lastLogin"] == "2025-06-15T15:06:40.000Z"

    def test_the_profile_and_the_groups_are_kept(self, okta: OktaOrg) -> None:
        profile = {**PROFILE, "mobilePhone": "555-415-1337", "locale": "fr_CA"}
        user = create(okta, profile={**profile, "title": None}, groupIds=[CUSTOMERS_GROUP])
        assert user.get_json()["profile"] == {**profile, "secondEmail": None}
        assert okta.org.customers()[-1]["groups"] == [CUSTOMERS_GROUP]

    @pytest.mark.parametrize(("trusted", "answer"), [(True, SUCCESS), (False, INVALID)])
    def test_the_email_of_a_new_user_is_verified_if_the_org_trusts_it(
        self, trusted: bool, answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        okta.org.policy.trusts_new_emails = trusted
        create(okta)
        assert outcome(okta.enrol(MARY, FactorType.EMAIL, activate="true")) == answer

    def test_a_second_email_is_verified_and_can_be_a_factor(self, okta: OktaOrg) -> None:
        second = "mary@example.net"
        user = create(okta, profile={**PROFILE, "secondEmail": second}).get_json()
        kept = {"value": second, "status": "VERIFIED", "type": "SECONDARY"}
        assert user["credentials"]["emails"][1] == kept
        new = {"factorType": "email", "profile": {"email": second}}
        assert okta.enrol_factor(MARY, new).status_code == 200

    def test_an_unknown_group_is_not_found_and_nobody_is_created(self, okta: OktaOrg) -> None:
        response = create(okta, groupIds=[CUSTOMERS_GROUP, "00gnobody00000000000"])
        assert outcome(response) == NOT_FOUND
        assert outcome(okta.get(f"{USERS}/{MARY}")) == NOT_FOUND

    @pytest.mark.parametrize("login", [ADA, "ADA@example.com", "adá@example.com"])
    def test_a_login_is_unique_without_case_and_marks(self, login: str, okta: OktaOrg) -> None:
        response = create(okta, profile={**PROFILE, "login": login})
        assert outcome(response) == INVALID
        [cause] = response.get_json()["errorCauses"]
        assert cause["errorSummary"] == (
            "login: An object with this field already exists in the current organization"
        )

    def test_an_email_need_not_be_unique(self, okta: OktaOrg) -> None:
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
    def test_an_invalid_profile_is_refused(self, change: dict[str, Any], okta: OktaOrg) -> None:
        assert outcome(create(okta, profile={**PROFILE, **change})) == INVALID

    @pytest.mark.parametrize(
        "password",
        ["Short-1", "no-capital-1", "NO-SMALL-1", "No-Number", "Mary-Jackson-1", "Is-Example-7"],
    )
    def test_a_weak_password_is_refused(self, password: str, okta: OktaOrg) -> None:
        assert outcome(create(okta, password=password)) == INVALID

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
    def test_a_field_of_the_wrong_type_is_malformed(
        self, body: dict[str, Any], okta: OktaOrg
    ) -> None:
        assert outcome(create(okta, **body)) == MALFORMED

    def test_a_body_with_a_profile_is_required(self, okta: OktaOrg) -> None:
        assert outcome(okta.post(USERS)) == MALFORMED
        assert outcome(okta.post(USERS, {})) == INVALID


class TestLifecycle:
    def test_a_staged_user_is_activated_once(self, okta: OktaOrg) -> None:
        create(okta, activate="false")
        okta.clock.advance(60)
        assert lead(okta, MARY, "activate").get_json() == {}
        user = okta.get(f"{USERS}/{MARY}").get_json()
        assert (user["status"], user["activated"] > user["created"]) == ("ACTIVE", True)
        assert outcome(lead(okta, MARY, "activate")) == ALREADY_ACTIVE

    def test_without_a_mail_the_answer_has_the_invitation(self, okta: OktaOrg) -> None:
        create(okta, password=None, activate="false")
        first = lead(okta, MARY, "activate", sendEmail="false").get_json()
        assert okta.user(MARY).status is UserStatus.PROVISIONED
        second = lead(okta, MARY, "reactivate", sendEmail="false").get_json()
        assert first.keys() == second.keys() == {"activationUrl", "activationToken"}
        assert first["activationToken"] != second["activationToken"]
        assert first["activationToken"] in first["activationUrl"]

    def test_a_suspended_user_cannot_be_challenged_until_unsuspended(self, okta: OktaOrg) -> None:
        assert outcome(lead(okta, ADA, "unsuspend")) == INVALID
        assert lead(okta, ADA, "suspend").get_json() == {}
        assert outcome(okta.challenge(ADA, FactorType.EMAIL)) == WRONG_STATUS
        assert outcome(lead(okta, ADA, "suspend")) == INVALID
        assert lead(okta, ADA, "unsuspend").get_json() == {}
        assert okta.challenge(ADA, FactorType.EMAIL).status_code == 200

    def test_a_deactivated_user_loses_the_password(self, okta: OktaOrg) -> None:
        assert lead(okta, ADA, "deactivate").get_json() == {}
        assert okta.user(ADA).status is UserStatus.DEPROVISIONED
        assert outcome(lead(okta, ADA, "deactivate")) == WRONG_STATUS
        lead(okta, ADA, "activate")
        assert okta.user(ADA).status is UserStatus.PROVISIONED

    @pytest.mark.parametrize(
        "step", ["activate", "reactivate", "suspend", "unsuspend", "deactivate", "unlock"]
    )
    def test_an_unknown_user_is_not_found(self, step: str, okta: OktaOrg) -> None:
        assert outcome(okta.post(f"{USERS}/00unobody/lifecycle/{step}")) == NOT_FOUND


class TestFind:
    def test_a_short_login_is_found_if_only_one_user_has_it(self, okta: OktaOrg) -> None:
        for short in ("ada", "AD%C3%A1"):
            assert okta.get(f"{USERS}/{short}").get_json()["profile"]["login"] == ADA
        create(okta, profile={**PROFILE, "login": "ada@other.example"})
        assert outcome(okta.get(f"{USERS}/ada")) == NOT_FOUND
        assert outcome(okta.sign_in("ada")) == FAILED

    @pytest.mark.parametrize("login", [ADA, "ADA@Example.com", "ad%C3%A1@example.com"])
    def test_a_login_is_compared_without_case_and_marks(self, login: str, okta: OktaOrg) -> None:
        assert okta.get(f"{USERS}/{login}").get_json()["profile"]["login"] == ADA

    def test_a_user_is_found_by_id(self, okta: OktaOrg) -> None:
        user = okta.user(ADA)
        assert okta.get(f"{USERS}/{user.id}").get_json()["id"] == user.id

    @pytest.mark.parametrize("name", ["grace@example.com", "nobody@example.com"])
    def test_an_email_that_is_not_a_login_is_not_found(self, name: str, okta: OktaOrg) -> None:
        response = okta.get(f"{USERS}/{name}")
        assert outcome(response) == NOT_FOUND
        summary = response.get_json()["errorSummary"]
        assert summary == f"Not found: Resource not found: {name} (User)"

    def test_an_encoded_slash_does_not_end_a_path_segment(self, okta: OktaOrg) -> None:
        assert outcome(okta.get(f"{USERS}/{okta.user(ADA).id}%2Ffactors")) == NOT_FOUND

    @pytest.mark.parametrize(
        ("email", "found"),
        [
            ("grace@example.com", [GRACE]),
            ("GRACE@example.COM", [GRACE]),
            ("gracé@example.com", []),
            ("twin@example.com", ["twin.one", "twin.two"]),
            (r"\"o\\dd\"@example.com", ["odd"]),
        ],
    )
    def test_a_search_finds_everybody_with_the_email_in_any_case(
        self, email: str, found: list[str], okta: OktaOrg
    ) -> None:
        okta.org.directory.add_user(
            login="odd", email=r'"o\dd"@example.com', first_name="Odd", last_name="One"
        )
        assert sorted(logins(okta.search(f'profile.email eq "{email}"'))) == found

    def test_a_search_finds_deactivated_users(self, okta: OktaOrg) -> None:
        okta.user(GRACE).status = UserStatus.DEPROVISIONED
        found = okta.search('profile.email eq "grace@example.com"').get_json()
        assert [user["status"] for user in found] == ["DEPROVISIONED"]

    @pytest.mark.parametrize(
        "expression",
        [
            "",
            'profile.email eq "a" or profile.email eq "ada@example.com"',
            'profile.email eq "a" or status eq "ACTIVE"',
            r'profile.email eq "ada@example.com\"',
            r'profile.email eq "ad\a@example.com"',
            'profile.email sw "ada"',
            "profile.email eq ada@example.com",
            'Profile.Email eq "ada@example.com"',
            'status eq "ACTIVE"',
        ],
    )
    def test_another_expression_is_refused(self, expression: str, okta: OktaOrg) -> None:
        assert outcome(okta.search(expression)) == (400, "E0000031")

    def test_pages_follow_each_other_until_an_empty_one(self, okta: OktaOrg) -> None:
        first = okta.search(TWINS, limit="1")
        second = okta.search(TWINS, limit="1", after=first.get_json()[0]["id"])
        third = okta.search(TWINS, limit="1", after=second.get_json()[0]["id"])
        assert sorted(logins(first) + logins(second)) == ["twin.one", "twin.two"]
        assert logins(third) == []
        assert len(third.headers.getlist("Link")) == 1

    @pytest.mark.parametrize("limit", ["0", "-1", "many", "", pytest.param("9" * 5000, id="long")])
    def test_a_limit_is_a_number_above_zero(self, limit: str, okta: OktaOrg) -> None:
        assert outcome(okta.search(TWINS, limit=limit)) == INVALID

    @pytest.mark.parametrize(
        ("start", "found"), [("ada", [ADA]), ("LOVE", [ADA]), (ADA, [ADA]), ("example.com", [])]
    )
    def test_q_finds_names_and_emails_by_their_start(
        self, start: str, found: list[str], okta: OktaOrg
    ) -> None:
        assert logins(okta.get(USERS, q=start)) == found

    def test_q_has_pages_too(self, okta: OktaOrg) -> None:
        found = okta.get(USERS, q="twin", limit="1")
        assert len(found.get_json()) == 1
        assert "q=twin" in found.headers.getlist("Link")[1]
