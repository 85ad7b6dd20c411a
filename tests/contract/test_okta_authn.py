"""A sign-in to the simulated org: password, factor, enrolment, state token, lockout."""

from typing import Any

import pytest

from tests.contract.okta_org import OktaOrg, path_of
from tests.sandbox.okta.authn_responses import masked_phone
from tests.sandbox.okta.seed import ADA_PASSWORD, EVE_PASSWORD, SANDBOX_API_TOKEN

PHONE = "profile.phoneNumber=+1-613-456-1234"
QUESTION = "factorType=question profile.question=disliked_food profile.answer=meatball"
TRUSTED = f'"Authorization:SSWS {SANDBOX_API_TOKEN}"'
ON_A_PHONE = f"sign_in {ADA_PASSWORD} context.deviceToken=phone {TRUSTED}"
ANSWER = "follow /factors/{question}/verify answer=meatball"

JOURNEYS = {
    "without an active factor the password is enough": "only; sign_in -> SUCCESS",
    "a pending factor is none": """
        only sms; factor_status sms PENDING_ACTIVATION; sign_in -> SUCCESS
    """,
    "an API token may be sent and must be valid": f"""
        call POST authn username=ada@example.com password={ADA_PASSWORD} -> 200
        sign_in {ADA_PASSWORD} "Authorization:SSWS wrong" -> INVALID_TOKEN
    """,
    **{
        f"the login {login} is Ada's": f"""
            call POST authn username={login} password={ADA_PASSWORD} -> MFA_REQUIRED
        """
        for login in ("ADA@example.com", "àda@example.com", "áda@Example.com")
    },
    "a user without a password fails": """
        login nobody@example.com; sign_in -> AUTHENTICATION_FAILED
        login grace.hopper; sign_in -> AUTHENTICATION_FAILED
    """,
    **{
        f"a {status} user fails": f"status {status}; sign_in -> AUTHENTICATION_FAILED"
        for status in ("STAGED", "SUSPENDED", "DEPROVISIONED")
    },
    "login and password are required": """
        call POST authn x= -> VALIDATION_FAILED
        call POST authn username=ada@example.com -> VALIDATION_FAILED
        call POST authn password=x -> VALIDATION_FAILED
        call POST authn username= password=x -> VALIDATION_FAILED
        call POST authn username:=1 password=x -> MALFORMED_BODY
        call POST authn -> MALFORMED_BODY
    """,
    "the tenth wrong password in a row locks the user": f"""
        4x sign_in wrong -> AUTHENTICATION_FAILED
        wait 1; 4x sign_in wrong -> AUTHENTICATION_FAILED
        wait 1; sign_in wrong -> AUTHENTICATION_FAILED
        sign_in {ADA_PASSWORD} -> MFA_REQUIRED
        wait 1; 4x sign_in wrong; wait 1; 4x sign_in wrong; wait 1; sign_in wrong -> AUTHENTICATION_FAILED
        account -> ACTIVE
        sign_in wrong -> AUTHENTICATION_FAILED
        sign_in -> LOCKED_OUT
        call POST users/{{user}}/lifecycle/unlock -> 200
        wait 1; sign_in wrong -> AUTHENTICATION_FAILED
        sign_in -> MFA_REQUIRED
    """,
    **{
        f"{login} has four attempts a second": f"""
            login {login}; 4x sign_in wrong -> AUTHENTICATION_FAILED
            login {login.upper()}; sign_in wrong -> RATE_LIMITED
            login {login.replace("a", "á")}; sign_in wrong -> RATE_LIMITED
            login grace.hopper; sign_in wrong -> AUTHENTICATION_FAILED
            login {login}; wait 1; sign_in wrong -> AUTHENTICATION_FAILED
        """
        for login in ("ada@example.com", "nobody@example.com")
    },
    "an expired password is a step after the factor": """
        status PASSWORD_EXPIRED; sign_in -> MFA_REQUIRED
        verify question right -> PASSWORD_EXPIRED
        only; sign_in -> PASSWORD_EXPIRED
    """,
    **{
        f"a sent code of {kind} finishes the sign-in": f"""
            sign_in -> MFA_REQUIRED
            verify {kind} -> MFA_CHALLENGE CHALLENGE
            verify {kind} wrong -> WRONG_CODE
            verify {kind} right -> SUCCESS
            follow -> INVALID_TOKEN
        """
        for kind in ("email", "sms", "call")
    },
    "an empty code is a challenge, and no attempt": """
        sign_in; 4x verify question wrong; verify sms "" -> MFA_CHALLENGE
        inbox -> 1
        verify sms right -> SUCCESS
    """,
    "a device is remembered for a quarter of an hour if the customer wants that": f"""
        {ON_A_PHONE} -> MFA_REQUIRED
        {ANSWER} -> SUCCESS
        {ON_A_PHONE} -> MFA_REQUIRED
        {ANSWER} rememberDevice==true -> SUCCESS
        {ON_A_PHONE} -> SUCCESS
        sign_in {ADA_PASSWORD} context.deviceToken=laptop {TRUSTED} -> MFA_REQUIRED
        wait 899; {ON_A_PHONE} -> SUCCESS
        wait 1; {ON_A_PHONE} -> MFA_REQUIRED
    """,
    "the device token of an application that is not trusted is ignored": f"""
        sign_in {ADA_PASSWORD} context.deviceToken=phone
        {ANSWER} rememberDevice==true -> SUCCESS
        {ON_A_PHONE} -> MFA_REQUIRED
        {ANSWER} rememberDevice==true -> SUCCESS
        sign_in {ADA_PASSWORD} context.deviceToken=phone -> MFA_REQUIRED
    """,
    "a device token has 32 characters": f"""
        sign_in {ADA_PASSWORD} context.deviceToken={"x" * 32} -> MFA_REQUIRED
        sign_in {ADA_PASSWORD} context.deviceToken={"x" * 33} -> VALIDATION_FAILED
    """,
    **{
        f"{kind} needs no challenge, and a challenge sends nothing": f"""
            sign_in; verify {kind} right -> SUCCESS
            wait 30; sign_in; verify {kind} -> MFA_CHALLENGE None
            follow /factors/{{{kind}}}/verify/resend -> WRONG_STEP
            inbox -> 0
            verify {kind} right -> SUCCESS
        """
        for kind in ("totp", "question")
    },
    **{
        f"another code of {kind} needs a pause": f"""
            sign_in; follow /factors/{{{kind}}}/verify/resend -> MFA_CHALLENGE
            wait {pause - 1}; follow /factors/{{{kind}}}/verify/resend -> {kind.upper()}_TOO_SOON
            verify {kind} -> {kind.upper()}_TOO_SOON
            wait 1; follow /factors/{{{kind}}}/verify/resend -> MFA_CHALLENGE
            inbox -> 2
        """
        for kind, pause in (("email", 5), ("sms", 30), ("call", 30))
    },
    "wrong codes are counted with those of the Factors API": """
        sign_in; 3x check question salad -> WRONG_CODE
        2x verify totp wrong -> WRONG_CODE
        verify totp right -> USER_LOCKED
        sign_in -> LOCKED_OUT
    """,
    "only the challenged factor is verified": """
        sign_in; verify email; verify totp right -> WRONG_STEP
        follow /previous -> MFA_REQUIRED
        verify totp right -> SUCCESS
    """,
    "an active email factor cannot be activated": """
        sign_in; finish 123456 email -> INVALID_SESSION
        finish 123456 sms -> WRONG_STEP
        verify email; finish right email -> INVALID_SESSION
    """,
    "a sign-in lives five minutes after its last use": """
        sign_in; wait 299; follow -> MFA_REQUIRED
        wait 299; follow -> MFA_REQUIRED
        wait 300; follow -> INVALID_TOKEN
    """,
    "an unknown token is dead": """
        follow /cancel -> INVALID_TOKEN
        call POST authn/cancel stateToken=00unknown -> INVALID_TOKEN
        call POST authn/cancel stateToken:=null -> INVALID_TOKEN
    """,
    "a cancelled sign-in is over": """
        sign_in; follow /cancel -> 200
        follow /cancel -> INVALID_TOKEN
    """,
    "a step out of order is refused": """
        sign_in
        follow /previous -> WRONG_STEP
        follow /skip -> WRONG_STEP
        follow /factors factorType=email -> WRONG_STEP
    """,
}

ENROLMENTS = {
    **{
        f"a sent code activates {kind}": f"""
            follow /factors factorType={kind} {profile} -> MFA_ENROLL_ACTIVATE
            finish wrong -> WRONG_CODE
            finish right -> SUCCESS
            sign_in -> MFA_REQUIRED
        """
        for kind, profile in (("sms", PHONE), ("call", PHONE), ("email", ""))
    },
    "a TOTP code activates the factor": """
        follow /factors factorType=token:software:totp provider=GOOGLE -> MFA_ENROLL_ACTIVATE
        finish right -> SUCCESS
    """,
    "a question needs no activation": f"follow /factors {QUESTION} -> SUCCESS",
    "another code needs a pause": """
        follow /factors factorType=email
        follow /factors/{enrolled}/lifecycle/resend -> EMAIL_TOO_SOON
        wait 5; follow /factors/{enrolled}/lifecycle/resend -> MFA_ENROLL_ACTIVATE
        finish older -> WRONG_CODE
        finish right -> SUCCESS
    """,
    "previous returns to the choice of a factor": f"""
        follow /factors factorType=email -> MFA_ENROLL_ACTIVATE
        follow /factors factorType=email -> WRONG_STEP
        follow /previous -> MFA_ENROLL
        finish right email -> WRONG_STEP
        follow /factors factorType=sms {PHONE} -> MFA_ENROLL_ACTIVATE
        finish right email -> WRONG_STEP
        finish right sms -> SUCCESS
    """,
    "several factors can be enrolled and one must": f"""
        follow /skip -> WRONG_STEP
        sign_in {EVE_PASSWORD} options.multiOptionalFactorEnroll:=true
        follow /factors {QUESTION} -> MFA_ENROLL
        follow /factors factorType=sms {PHONE} -> MFA_ENROLL_ACTIVATE
        finish right -> MFA_ENROLL
        follow /skip -> SUCCESS
    """,
}


@pytest.fixture
def state(okta: OktaOrg) -> dict[str, Any]:
    """Ada's sign-in after her password."""
    okta.play("sign_in -> MFA_REQUIRED")
    return okta.state


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_signing_in(journey: str, okta: OktaOrg) -> None:
    okta.play(journey)


@pytest.mark.parametrize("journey", ENROLMENTS.values(), ids=ENROLMENTS)
def test_enrolling_while_signing_in(journey: str, okta: OktaOrg) -> None:
    okta.play("login eve@example.com; sign_in -> MFA_ENROLL")
    okta.play(journey)


def test_the_last_sign_in_is_that_of_the_last_success(okta: OktaOrg) -> None:
    okta.play("sign_in; verify email; verify email wrong")
    assert okta.user.last_login is None
    okta.play("verify email right")
    assert okta.user.last_login == "2025-06-15T15:06:40.000Z"
    assert okta.state["sessionToken"].startswith("20111")


def test_a_lockout_is_shown_only_if_the_policy_says_so(okta: OktaOrg) -> None:
    okta.org.policy.shows_lockout = False
    okta.play("status LOCKED_OUT; sign_in -> AUTHENTICATION_FAILED")


def test_another_users_factor_is_not_found(okta: OktaOrg) -> None:
    foreign = okta.factor("email").id
    okta.play("login eve@example.com; must_enrol; add email; sign_in -> MFA_REQUIRED")
    okta.play(f"follow /factors/{foreign}/verify -> NOT_FOUND")


def test_a_sign_in_is_reported_again(okta: OktaOrg, state: dict[str, Any]) -> None:
    assert okta.follow().get_json() == state
    challenged = okta.verify("email").get_json()
    assert challenged["stateToken"] == state["stateToken"]
    assert okta.follow().get_json() == challenged


def test_its_links_are_the_next_steps(okta: OktaOrg, state: dict[str, Any]) -> None:
    body = {"stateToken": state["stateToken"]}
    verify = state["_embedded"]["factors"][0]["_links"]["verify"]
    links = okta.request("POST", path_of(verify["href"]), body).get_json()["_links"]
    okta.clock.advance(5)
    for link in (links["resend"][0], links["prev"], links["cancel"]):
        assert okta.request("POST", path_of(link["href"]), body).status_code == 200


@pytest.mark.parametrize(
    ("journey", "links"),
    [
        ("sign_in; verify totp", {"next", "prev", "cancel"}),
        ("status PASSWORD_EXPIRED; only; sign_in", {"next", "cancel"}),
        ("login eve@example.com; sign_in", {"cancel"}),
        (
            f"login eve@example.com; sign_in {EVE_PASSWORD} options.multiOptionalFactorEnroll:=true;"
            f"follow /factors {QUESTION}",
            {"cancel", "skip"},
        ),
    ],
)
def test_a_step_links_to_what_can_follow(journey: str, links: set[str], okta: OktaOrg) -> None:
    assert okta.play(journey).get_json()["_links"].keys() == links


def test_the_factors_that_can_be_enrolled_are_listed(okta: OktaOrg) -> None:
    listed = okta.play("login eve@example.com; sign_in").get_json()["_embedded"]["factors"]
    kinds = {each["factorType"] for each in listed}
    assert kinds == {"email", "sms", "call", "token:software:totp", "question"}
    assert {each["status"] for each in listed} == {"NOT_SETUP"}
    enrol = {each["_links"]["enroll"]["href"] for each in listed}
    assert enrol == {"http://localhost/api/v1/authn/factors"}


def test_addresses_and_numbers_are_masked(state: dict[str, Any]) -> None:
    profiles = [factor["profile"] for factor in state["_embedded"]["factors"]]
    phone = {"phoneNumber": "+1 " + "XXX-" * 2 + "0006"}
    assert profiles[:3] == [{"email": "a...a@example.com"}, phone, phone]
    assert masked_phone("+441632960961") == "+" + "X" * 8 + "0961"
