"""How the simulated org finds users: by id, by login, by a search."""

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import OktaOrg, outcome
from tests.sandbox.okta.records import UserStatus

ADA = "ada@example.com"
NOT_FOUND = (404, "E0000007")


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def logins(response: TestResponse) -> list[str]:
    assert response.status_code == 200
    return [user["profile"]["login"] for user in response.get_json()]


class TestLookup:
    @pytest.mark.parametrize("login", [ADA, "ADA@Example.com", "ad%C3%A1@example.com"])
    def test_a_login_is_found_in_any_case_and_without_its_marks(
        self, login: str, okta: OktaOrg
    ) -> None:
        assert okta.get(f"/api/v1/users/{login}").get_json()["profile"]["login"] == ADA

    def test_a_user_is_found_by_id(self, okta: OktaOrg) -> None:
        user = okta.user(ADA)
        assert okta.get(f"/api/v1/users/{user.id}").get_json()["id"] == user.id

    @pytest.mark.parametrize("name", ["grace@example.com", "nobody@example.com"])
    def test_an_email_that_is_no_login_is_not_found(self, name: str, okta: OktaOrg) -> None:
        response = okta.get(f"/api/v1/users/{name}")
        assert outcome(response) == NOT_FOUND
        summary = response.get_json()["errorSummary"]
        assert summary == f"Not found: Resource not found: {name} (User)"

    def test_an_encoded_slash_stays_in_its_segment(self, okta: OktaOrg) -> None:
        response = okta.get(f"/api/v1/users/{okta.user(ADA).id}%2Ffactors")
        assert outcome(response) == NOT_FOUND


class TestSearch:
    @pytest.mark.parametrize("email", ["grace@example.com", "GRACE@example.COM"])
    def test_an_email_is_found_in_any_case(self, email: str, okta: OktaOrg) -> None:
        assert logins(okta.search(f'profile.email eq "{email}"')) == ["grace.hopper"]

    def test_everyone_with_the_email_is_found(self, okta: OktaOrg) -> None:
        found = logins(okta.search('profile.email eq "twin@example.com"'))
        assert sorted(found) == ["twin.one", "twin.two"]

    def test_deprovisioned_users_are_found_too(self, okta: OktaOrg) -> None:
        okta.user("grace.hopper").status = UserStatus.DEPROVISIONED
        found = okta.search('profile.email eq "grace@example.com"').get_json()
        assert [user["status"] for user in found] == ["DEPROVISIONED"]

    def test_nobody_is_an_empty_list_without_a_next_page(self, okta: OktaOrg) -> None:
        response = okta.search('profile.email eq "nobody@example.com"')
        assert logins(response) == []
        assert len(response.headers.getlist("Link")) == 1

    def test_marks_matter_in_a_search(self, okta: OktaOrg) -> None:
        assert logins(okta.search('profile.email eq "gracé@example.com"')) == []

    def test_escaped_quotes_and_backslashes_are_the_value(self, okta: OktaOrg) -> None:
        okta.org.directory.add_user(
            login="odd", email=r'"o\dd"@example.com', first_name="Odd", last_name="One"
        )
        assert logins(okta.search(r'profile.email eq "\"o\\dd\"@example.com"')) == ["odd"]

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
    def test_any_other_expression_is_refused(self, expression: str, okta: OktaOrg) -> None:
        assert outcome(okta.search(expression)) == (400, "E0000031")

    def test_pages_follow_each_other(self, okta: OktaOrg) -> None:
        expression = 'profile.email eq "twin@example.com"'
        first = okta.search(expression, limit="1")
        second = okta.search(expression, limit="1", after=first.get_json()[0]["id"])
        third = okta.search(expression, limit="1", after=second.get_json()[0]["id"])
        assert sorted(logins(first) + logins(second)) == ["twin.one", "twin.two"]
        assert logins(third) == []

    @pytest.mark.parametrize(
        "limit", ["0", "-1", "many", "", pytest.param("9" * 5000, id="too long")]
    )
    def test_a_limit_is_a_number_above_zero(self, limit: str, okta: OktaOrg) -> None:
        response = okta.search('profile.email eq "ada@example.com"', limit=limit)
        assert outcome(response) == (400, "E0000001")
