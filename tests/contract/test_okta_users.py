"""The simulated org's users: created, found, and changed in status."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.okta_org import ADA, OktaOrg
from tests.sandbox.okta.records import UserStatus
from tests.sandbox.okta.seed import ADA_PASSWORD, CUSTOMERS_GROUP

NEW_PASSWORD = "Other-Horse-8"
MARY = "mary.jackson@example.com"
PASSWORD = "Battery-Staple-9"
PROFILE = f"profile.login={MARY} profile.email={MARY} profile.firstName=Mary"
NEW = f"call POST users {PROFILE} credentials.password.value={PASSWORD}"
WITHOUT_PASSWORD = f"call POST users {PROFILE}"
CHANGE = (
    "call POST users/{user}/credentials/change_password"
    f" oldPassword.value={ADA_PASSWORD} newPassword.value={NEW_PASSWORD}"
)
QUESTION = (
    "credentials.recovery_question.question=Why? credentials.recovery_question.answer=because"
)
RECOVER = "call POST users/{user}/credentials"
ANSWER = "recovery_question.answer"
NEWER = f"password.value={NEW_PASSWORD}"
NOT_ACTIVATED = "EXPIRED_WITHOUT_ACTIVATION"
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
    "a short login is found while only one user has it": f"""
        call GET users/ada -> 200
        login ada; sign_in -> MFA_REQUIRED
        {NEW} profile.login=ada@other.example -> ACTIVE
        call GET users/ada -> NOT_FOUND
        sign_in -> AUTHENTICATION_FAILED
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
        for step in ("activate", "reactivate", "deactivate", "unlock", "reset_factors")
    },
    "a user is deleted once deactivated": f"""
        call DELETE users/{ADA} -> 204
        account -> DEPROVISIONED
        call POST users/{{user}} profile.firstName=Augusta -> WRONG_USER_STATUS
        call POST users/{{user}}/lifecycle/deactivate -> WRONG_USER_STATUS
        call POST users/{{user}}/lifecycle/reset_factors -> WRONG_USER_STATUS
        call DELETE users/{ADA} -> 204
        call GET users/{ADA} -> NOT_FOUND
        call DELETE users/{ADA} -> NOT_FOUND
        {NEW} profile.login={ADA} -> ACTIVE
    """,
    "a deactivated user may be activated again": """
        call POST users/{user}/lifecycle/deactivate -> 200
        sign_in -> AUTHENTICATION_FAILED
        call POST users/{user}/lifecycle/activate -> 200
        account -> ACTIVE
    """,
    "a login may be changed to one that nobody has": f"""
        call POST users/{{user}} profile.login=twin.one -> VALIDATION_FAILED {TAKEN}
        call POST users/{{user}} profile.login=ADA@example.com -> ACTIVE
        call POST users/{{user}} profile.login={MARY} -> ACTIVE
        call GET users/{ADA} -> NOT_FOUND
        login {MARY}; sign_in -> MFA_REQUIRED
    """,
    "a change is checked like a new user": """
        call POST users/{user} profile.email=mary -> VALIDATION_FAILED
        call POST users/{user} profile.shoeSize=38 -> VALIDATION_FAILED
        call POST users/{user} credentials.password.value=weak -> VALIDATION_FAILED
        call POST users/{user} credentials.recovery_question.question=Why? -> VALIDATION_FAILED
        call PUT users/{user} profile.firstName=Augusta -> VALIDATION_FAILED
        sign_in -> MFA_REQUIRED
    """,
    "an administrator replaces a password without the old one": f"""
        call PUT users/{{user}} credentials.password.value={NEW_PASSWORD} -> ACTIVE
        sign_in wrong -> AUTHENTICATION_FAILED
        sign_in {NEW_PASSWORD} -> MFA_REQUIRED
    """,
    "a user who knows the password changes it": f"""
        {CHANGE} oldPassword.value=wrong -> CREDENTIALS_NOT_UPDATED 'Old Password is not correct'
        {CHANGE} newPassword.value=weak -> CREDENTIALS_NOT_UPDATED
        {CHANGE} -> 200
        sign_in {NEW_PASSWORD} -> MFA_REQUIRED
        status SUSPENDED; {CHANGE} oldPassword.value={NEW_PASSWORD} -> CHANGE_NOT_ALLOWED
        login grace.hopper; {CHANGE} -> CHANGE_NOT_ALLOWED
    """,
    "an expired password must be changed": f"""
        only; call POST users/{{user}}/lifecycle/expire_password -> PASSWORD_EXPIRED
        sign_in -> PASSWORD_EXPIRED
        call POST users/{{user}}/lifecycle/expire_password -> WRONG_USER_STATUS
        {CHANGE} -> 200
        sign_in {NEW_PASSWORD} -> SUCCESS
        login grace.hopper; call POST users/{{user}}/lifecycle/expire_password -> WRONG_USER_STATUS
    """,
    "a new user's password may be expired": f"""
        {NEW} nextLogin==changePassword -> PASSWORD_EXPIRED
        login {MARY}; sign_in {PASSWORD} -> PASSWORD_EXPIRED
        {WITHOUT_PASSWORD} nextLogin==changePassword profile.login=other -> EXPIRED_WITHOUT_PASSWORD
        {NEW} profile.login=other nextLogin==changePassword activate==no -> {NOT_ACTIVATED}
        call GET users/other -> NOT_FOUND
    """,
    "a forgotten password needs an active user who has one": """
        call POST users/{user}/credentials/forgot_password -> 200
        sign_in -> MFA_REQUIRED
        status SUSPENDED
        call POST users/{user}/credentials/forgot_password -> FORGOT_NOT_ALLOWED
        login grace.hopper
        call POST users/{user}/credentials/forgot_password -> FORGOT_NOT_ALLOWED
    """,
    **{
        f"a forgotten password is recovered by {path}": f"""
            {RECOVER}/{path} {ANSWER}=because {NEWER} -> FORGOT_NOT_ALLOWED
            call POST users/{{user}} {QUESTION} -> ACTIVE
            {RECOVER}/{path} {ANSWER}=no {NEWER} -> WRONG_RECOVERY_ANSWER
            {RECOVER}/{path} {ANSWER}=Because password.value=weak -> CREDENTIALS_NOT_UPDATED
            {RECOVER}/{path} {ANSWER}=Because {NEWER} -> 200
            sign_in {NEW_PASSWORD} -> MFA_REQUIRED
        """
        for path in ("forgot_password", "forgot_password_recovery_question")
    },
    "a change of another version is refused": """
        call PUT users/{user} profile.login=ada@example.com If-Match:yes -> INVALID_ETAG
        call POST users/{user} profile.title=Countess 'If-Match:W/"0"' -> OTHER_ETAG
    """,
    "an expression that is not a filter is refused": """
        call GET users 'filter==' -> INVALID_SEARCH
        call GET users 'filter==status eq ACTIVE' -> INVALID_SEARCH
        call GET users 'filter==status gt "ACTIVE"' -> INVALID_SEARCH
        call GET users 'filter==profile.title eq "Countess"' -> INVALID_SEARCH
        call GET users 'filter==status eq "ACTIVE" and' -> INVALID_SEARCH
        call GET users 'filter==status eq "ACTIVE" id eq "1"' -> INVALID_SEARCH
    """,
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


def test_a_replacement_removes_what_it_leaves_out_and_an_update_keeps_it(okta: OktaOrg) -> None:
    before = okta.account().get_json()["profile"]
    okta.clock.advance(60)
    updated = okta.play("call POST users/{user} profile.nickName=Ida").get_json()
    assert updated["profile"] == {**before, "nickName": "Ida"}
    assert updated["lastUpdated"] == "2025-06-15T15:07:40.000Z"
    replaced = okta.play(
        f"call PUT users/{{user}} profile.login={ADA} profile.email={ADA} profile.lastName=King"
    ).get_json()
    absent = dict.fromkeys(("firstName", "mobilePhone", "secondEmail"))
    assert replaced["profile"] == {"login": ADA, "email": ADA, "lastName": "King", **absent}


def test_an_email_factor_keeps_its_address_when_that_of_the_profile_changes(okta: OktaOrg) -> None:
    okta.play("call POST users/{user} profile.email=new@example.com; send email -> CHALLENGE")
    assert [message.to for message in okta.org.inbox] == [ADA]


def test_a_recovery_question_is_shown_without_its_answer(okta: OktaOrg) -> None:
    assert okta.play(f"{NEW} {QUESTION}").get_json()["credentials"] == {
        "password": {},
        "recovery_question": {"question": "Why?"},
        "provider": {"type": "OKTA", "name": "OKTA"},
        "emails": [{"value": MARY, "status": "VERIFIED", "type": "PRIMARY"}],
    }
    changed = okta.play(f"call POST users/{{user}} {QUESTION}").get_json()
    assert changed["credentials"]["recovery_question"] == {"question": "Why?"}
    shown = okta.play(CHANGE).get_json()
    assert shown == {key: changed["credentials"][key] for key in shown}


def test_resetting_the_factors_removes_them(okta: OktaOrg) -> None:
    assert okta.play("call POST users/{user}/lifecycle/reset_factors").get_json() == {}
    assert okta.list().get_json() == []
    okta.play("sign_in -> SUCCESS")


def test_a_forgotten_password_is_replaced_by_a_link(okta: OktaOrg) -> None:
    path = "call POST users/{user}/credentials/forgot_password"
    assert okta.play(path).get_json() == {}
    first, second = (okta.play(f"{path} sendEmail==false").get_json() for _ in range(2))
    assert first["resetPasswordUrl"].startswith("http://localhost/signin/reset-password/dfp")
    assert first != second


def test_a_change_may_depend_on_the_version_that_was_read(okta: OktaOrg) -> None:
    version = okta.account().headers["ETag"]
    assert okta.account().headers["ETag"] == version
    change = f"call POST users/{{user}} profile.title=Countess 'If-Match:{version}'"
    okta.play(f"{change} -> ACTIVE; {change} -> OTHER_ETAG")
    assert okta.account().headers["ETag"] != version


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


def test_a_list_has_every_user_who_is_not_deactivated_in_pages(okta: OktaOrg) -> None:
    okta.user.status = UserStatus.DEPROVISIONED
    everybody = okta.call("GET", "users")
    assert links(everybody) == {"self": "http://localhost/api/v1/users?limit=200"}
    seen: list[str] = []
    page = okta.call("GET", "users/", "limit==3")
    while len(seen) < 20:
        seen += logins(page)
        if "next" not in links(page):
            break
        query = parse_qs(urlsplit(links(page)["next"]).query)
        page = okta.call("GET", "users", *(f"{name}=={value}" for name, [value] in query.items()))
    assert seen == logins(everybody)
    assert len(seen) == len(okta.org.customers()) - 1


def links(response: Any) -> dict[str, str]:
    """The addresses in the Link headers, by their relation."""
    parsed = (
        re.fullmatch(r'<(.*)>; rel="(.*)"', each) for each in response.headers.getlist("Link")
    )
    return {each[2]: each[1] for each in parsed if each}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('status eq "SUSPENDED"', ["katherine@example.com"]),
        ('status EQ "SUSPENDED" or status eq "DEPROVISIONED"', [ADA, "katherine@example.com"]),
        ('profile.email eq "twin@example.com" and profile.login eq "twin.two"', ["twin.two"]),
        ('profile.login eq "TWIN.TWO"', []),
        ('id eq "1" or profile.lastName eq "Hopper" and status eq "ACTIVE"', ["grace.hopper"]),
        ('profile.firstName eq "Grace" and status eq "STAGED" or status eq "DEPROVISIONED"', [ADA]),
        ('lastUpdated gt "2025-06-01T00:00:00.000Z"', ["grace.hopper"]),
    ],
)
def test_a_filter_joins_comparisons_that_respect_case(
    expression: str, found: list[str], okta: OktaOrg
) -> None:
    okta.user.status = UserStatus.DEPROVISIONED
    okta.play("login grace.hopper; call POST users/{user} profile.title=Admiral")
    response = okta.call("GET", "users", f"filter=={expression}")
    assert sorted(logins(response)) == found
    assert links(response).keys() == {"self"}


@pytest.mark.parametrize(
    ("start", "found"), [("ada", [ADA]), ("LOVE", [ADA]), (ADA, [ADA]), ("example.com", [])]
)
def test_q_finds_names_and_emails_by_their_start(
    start: str, found: list[str], okta: OktaOrg
) -> None:
    assert logins(okta.call("GET", "users", f"q=={start}")) == found


def test_q_has_one_page_without_deactivated_users(okta: OktaOrg) -> None:
    okta.org.populate(12)
    response = okta.call("GET", "users", "q==customer")
    assert len(logins(response)) == 10
    assert links(response).keys() == {"self"}
    okta.user.status = UserStatus.DEPROVISIONED
    assert logins(okta.call("GET", "users", "q==ada")) == []
