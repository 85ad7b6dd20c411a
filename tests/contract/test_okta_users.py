"""The simulated org's users: created, found, and changed in status."""

from typing import Any

import pytest

from tests.contract.okta_org import ADA, OktaOrg
from tests.sandbox.okta.records import UserStatus
from tests.sandbox.okta.seed import CUSTOMERS_GROUP

MARY = "mary.jackson@example.com"
PASSWORD = "Battery-Staple-9"
PROFILE = f"profile.login={MARY} profile.email={MARY} profile.firstName=Mary"
NEW = f"call POST users {PROFILE} credentials.password.value={PASSWORD}"
WITHOUT_PASSWORD = f"call POST users {PROFILE}"
TAKEN = "'login: An object with this field already exists in the current organization'"
TWINS = "twin@example.com"

JOURNEYS = {
    "an activated user with a password is active": f"{NEW} -> ACTIVE",
    "without a password the user is invited": f"{WITHOUT_PASSWORD} -> PROVISIONED",
    "without an activation the user is staged": f"""
        {NEW} activate==false -> STAGED
        login {MARY}; call POST users/{{user}}/lifecycle/activate -> 200
        account -> ACTIVE
        call POST users/{{user}}/lifecycle/activate -> ALREADY_ACTIVE
    """,
    "a new user has no factor, signs in and can enrol the email": f"""
        {NEW}; login {MARY}; sign_in {PASSWORD} -> SUCCESS
        enrol email activate==true -> ACTIVE
    """,
    "a second email can be a factor": f"""
        {NEW} profile.secondEmail=mary@example.net
        login {MARY}; enrol email profile.email=mary@example.net -> PENDING_ACTIVATION
    """,
    "an unknown group is not found and nobody is created": f"""
        {NEW} groupIds:='["{CUSTOMERS_GROUP}", "00gnobody00000000000"]' -> NOT_FOUND
        call GET users/{MARY} -> NOT_FOUND
    """,
    "a login is unique without case and marks": f"""
        {NEW} profile.login=ada@example.com -> VALIDATION_FAILED {TAKEN}
        {NEW} profile.login=ADA@example.com -> VALIDATION_FAILED {TAKEN}
        {NEW} profile.login=adá@example.com -> VALIDATION_FAILED {TAKEN}
    """,
    "an email need not be unique": f"{NEW} profile.email={ADA} -> ACTIVE",
    "an invalid profile is refused": f"""
        {NEW} profile.login:=null -> VALIDATION_FAILED
        {NEW} profile.login=mary -> VALIDATION_FAILED
        {NEW} profile.login={"m" * 101} -> VALIDATION_FAILED
        {NEW} profile.email= -> VALIDATION_FAILED
        {NEW} profile.email=mary -> VALIDATION_FAILED
        {NEW} profile.email=mary@localhost -> VALIDATION_FAILED
        {NEW} profile.secondEmail=@ -> VALIDATION_FAILED
        {NEW} profile.shoeSize=38 -> VALIDATION_FAILED
    """,
    "a weak password is refused": f"""
        {NEW} credentials.password.value=Short-1 -> VALIDATION_FAILED
        {NEW} credentials.password.value=no-capital-1 -> VALIDATION_FAILED
        {NEW} credentials.password.value=NO-SMALL-1 -> VALIDATION_FAILED
        {NEW} credentials.password.value=No-Number -> VALIDATION_FAILED
        {NEW} credentials.password.value=Mary-Jackson-1 -> VALIDATION_FAILED
    """,
    "a field of the wrong type is malformed": f"""
        {NEW} profile.login:=7 -> MALFORMED_BODY
        call POST users profile=Mary -> MALFORMED_BODY
        {WITHOUT_PASSWORD} credentials:=[] -> MALFORMED_BODY
        {NEW} groupIds={CUSTOMERS_GROUP} -> MALFORMED_BODY
        {NEW} groupIds:=[7] -> MALFORMED_BODY
        call POST users -> MALFORMED_BODY
        call POST users x= -> VALIDATION_FAILED
    """,
    **{
        f"an unknown user has no {step}": f"""
            call POST users/00unobody/lifecycle/{step} -> NOT_FOUND
        """
        for step in ("activate", "reactivate", "unlock")
    },
    "a user is found by login without case and marks, and by id": """
        call GET users/ADA@Example.com -> ACTIVE
        call GET users/ad%C3%A1@example.com -> ACTIVE
        call GET users/{user} -> ACTIVE
    """,
    "an email that is not a login is not found": """
        call GET users/grace@example.com -> NOT_FOUND
        call GET users/nobody@example.com -> NOT_FOUND
    """,
    "an encoded slash does not end a path segment": "call GET users/{user}%2Ffactors -> NOT_FOUND",
    "a limit is a number above zero": f"""
        search {TWINS} limit==0 -> VALIDATION_FAILED
        search {TWINS} limit==-1 -> VALIDATION_FAILED
        search {TWINS} limit==many -> VALIDATION_FAILED
        search {TWINS} limit== -> VALIDATION_FAILED
        search {TWINS} limit=={"9" * 5000} -> VALIDATION_FAILED
    """,
}


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_users(journey: str, okta: OktaOrg) -> None:
    okta.play(journey)


def test_the_profile_and_the_groups_are_kept(okta: OktaOrg) -> None:
    more = "profile.lastName=Jackson profile.mobilePhone=555-415-1337 profile.locale=fr_CA"
    groups = f"profile.title:=null groupIds:='[\"{CUSTOMERS_GROUP}\"]'"
    user = okta.play(f"{NEW} {more} {groups}").get_json()
    assert user["profile"] == {
        "login": MARY,
        "email": MARY,
        "firstName": "Mary",
        "lastName": "Jackson",
        "mobilePhone": "555-415-1337",
        "secondEmail": None,
        "locale": "fr_CA",
    }
    assert okta.org.customers()[-1]["groups"] == [CUSTOMERS_GROUP]
    assert okta.play(f"call GET users/{MARY}").get_json() == user
    assert logins(okta.search(MARY)) == [MARY]


def test_without_a_mail_the_answer_has_the_invitation(okta: OktaOrg) -> None:
    okta.play(f"{WITHOUT_PASSWORD} activate==false; login {MARY}")
    first = okta.play("call POST users/{user}/lifecycle/activate sendEmail==false").get_json()
    assert okta.user.status is UserStatus.PROVISIONED
    second = okta.play("call POST users/{user}/lifecycle/reactivate sendEmail==false").get_json()
    assert first.keys() == second.keys() == {"activationUrl", "activationToken"}
    assert first["activationToken"] != second["activationToken"]
    assert first["activationToken"] in first["activationUrl"]


def logins(response: Any) -> list[str]:
    assert response.status_code == 200
    return [user["profile"]["login"] for user in response.get_json()]


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("grace@example.com", ["grace.hopper"]),
        ("GRACE@example.COM", ["grace.hopper"]),
        ("gracé@example.com", []),
        (TWINS, ["twin.one", "twin.two"]),
        (r"\"o\\dd\"@example.com", ["odd"]),
    ],
)
def test_a_search_finds_everybody_with_the_email_in_any_case(
    email: str, found: list[str], okta: OktaOrg
) -> None:
    okta.org.directory.add_user(
        login="odd", email=r'"o\dd"@example.com', first_name="Odd", last_name="One"
    )
    assert sorted(logins(okta.search(email))) == found


def test_a_search_finds_deactivated_users_and_phones(okta: OktaOrg) -> None:
    okta.user.status = UserStatus.DEPROVISIONED
    expression = f'profile.mobilePhone eq "{okta.user.mobile_phone}"'
    by_phone = okta.call("GET", "users", f"search=={expression}").get_json()
    assert okta.search(ADA).get_json() == by_phone
    assert [user["status"] for user in by_phone] == ["DEPROVISIONED"]


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
def test_another_expression_is_refused(expression: str, okta: OktaOrg) -> None:
    refused = okta.call("GET", "users", f"search=={expression}")
    assert refused.get_json()["errorCode"] == "E0000031"


def test_pages_follow_each_other_until_an_empty_one(okta: OktaOrg) -> None:
    first = okta.search(TWINS, "limit==1")
    second = okta.search(TWINS, "limit==1", f"after=={first.get_json()[0]['id']}")
    third = okta.search(TWINS, "limit==1", f"after=={second.get_json()[0]['id']}")
    assert sorted(logins(first) + logins(second)) == ["twin.one", "twin.two"]
    assert logins(third) == []
    assert len(third.headers.getlist("Link")) == 1


@pytest.mark.parametrize(
    ("start", "found"), [("ada", [ADA]), ("LOVE", [ADA]), (ADA, [ADA]), ("example.com", [])]
)
def test_q_finds_names_and_emails_by_their_start(
    start: str, found: list[str], okta: OktaOrg
) -> None:
    assert logins(okta.call("GET", "users", f"q=={start}")) == found
