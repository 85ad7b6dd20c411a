"""How the simulated org enrols, activates and removes factors."""

import pytest

from tests.contract.okta_org import OktaOrg
from tests.sandbox.okta.seed import ADA_PHONE

PHONE = "+16134561234"
QUESTION = "profile.question=disliked_food profile.answer=meatball"
EXISTING_PHONE = "VALIDATION_FAILED 'There is an existing verified phone number.'"
ALREADY_SET_UP = "VALIDATION_FAILED 'A factor of this type is already set up.'"

JOURNEYS = {
    **{
        f"{kind} is activated with a sent code": f"""
            enrol_phone {kind} {PHONE} -> PENDING_ACTIVATION
            activate wrong -> WRONG_CODE
            activate right -> ACTIVE
            wait 30; send {kind} -> CHALLENGE
        """
        for kind in ("sms", "call")
    },
    "activate=true activates a sent factor without a code": f"""
        enrol email activate==true -> ACTIVE
        enrol_phone sms {PHONE} activate==true -> ACTIVE
        enrol_phone call {PHONE} activate==true -> ACTIVE
        enrol totp activate==true -> PENDING_ACTIVATION
        inbox -> 0
    """,
    **{
        f"TOTP of {provider} is activated with a code of its secret": f"""
            enrol totp provider={provider} -> PENDING_ACTIVATION
            activate wrong -> WRONG_CODE
            activate right -> ACTIVE
            wait 30; check totp right -> SUCCESS
        """
        for provider in ("GOOGLE", "OKTA")
    },
    "TOTP of two providers are two factors": f"""
        login ada@example.com
        enrol totp provider=GOOGLE -> {ALREADY_SET_UP}
        enrol totp -> PENDING_ACTIVATION
    """,
    "a question is active at once": f"""
        enrol question {QUESTION} -> ACTIVE
        check question Meatball -> SUCCESS
    """,
    **{
        f"a user has one number for {kind}": f"""
            login ada@example.com
            enrol_phone {kind} {ADA_PHONE} -> {ALREADY_SET_UP}
            enrol_phone {kind} {PHONE} -> {EXISTING_PHONE}
        """
        for kind in ("sms", "call")
    },
    **{
        f"the number of a removed {kind} factor is kept": f"""
            login ada@example.com
            remove {kind}
            enrol_phone {kind} {PHONE} -> {EXISTING_PHONE}
            enrol_phone {kind} {ADA_PHONE} -> ACTIVE
            remove {kind}
            enrol_phone {kind} {PHONE} updatePhone==true -> PENDING_ACTIVATION
            enrol_phone {kind} {ADA_PHONE} -> PENDING_ACTIVATION
        """
        for kind in ("sms", "call")
    },
    "the number of a removed factor is removed if that is asked": f"""
        login ada@example.com
        remove sms removeRecoveryEnrollment==true
        enrol_phone sms {PHONE} -> PENDING_ACTIVATION
    """,
    "an email must be the user's own": """
        enrol email profile.email=ALAN -> VALIDATION_FAILED
        enrol email profile.email=somebody@example.com -> VALIDATION_FAILED
        enrol email profile.email=alan@example.com -> PENDING_ACTIVATION
    """,
    **{
        f"the phone number {phone!r} is {answer}": f"enrol_phone sms '{phone}' -> {answer}"
        for phone, answer in (
            ("6134561234", "INVALID_PHONE"),
            ("+1 613 CALL ME", "INVALID_PHONE"),
            ("", "INVALID_PHONE"),
            ("+1613456123", "VALIDATION_FAILED"),
            ("+161345612345", "VALIDATION_FAILED"),
            ("+10134561234", "VALIDATION_FAILED"),
            ("+0441632960961", "VALIDATION_FAILED"),
            ("+4416", "VALIDATION_FAILED"),
            ("+441632960961", "PENDING_ACTIVATION"),
            ("+49 30 123456", "PENDING_ACTIVATION"),
        )
    },
    "an unknown or incomplete factor is refused": """
        enrol carrier:pigeon -> VALIDATION_FAILED
        enrol push -> VALIDATION_FAILED
        enrol sms provider=GOOGLE -> VALIDATION_FAILED
        enrol question -> VALIDATION_FAILED
        enrol question profile.question=unknown profile.answer=meatball -> VALIDATION_FAILED
        enrol question profile.question=disliked_food profile.answer=red -> VALIDATION_FAILED
        call POST users/{user}/factors x= -> VALIDATION_FAILED
    """,
    "a field of the wrong type is malformed": """
        enrol sms factorType:=1 -> MALFORMED_BODY
        enrol sms profile=me -> MALFORMED_BODY
        call POST users/{user}/factors -> MALFORMED_BODY
    """,
    "only an active user enrols": "status STAGED; enrol email -> WRONG_USER_STATUS",
    "an activation code expires": """
        enrol email tokenLifetimeSeconds==60; wait 60; activate right -> WRONG_CODE
    """,
    "five attempts in five minutes, which do not lock the user": f"""
        enrol_phone sms {PHONE}; 5x activate wrong -> WRONG_CODE
        activate right -> RATE_LIMITED
        wait 299; resend -> RATE_LIMITED
        wait 1; resend -> PENDING_ACTIVATION
        activate right -> ACTIVE
        account -> ACTIVE
    """,
    "only a pending factor is activated or sent a code": """
        enrol totp; resend -> WRONG_FACTOR_STATE
        login ada@example.com
        activate 123456 email -> WRONG_FACTOR_STATE
        resend email -> WRONG_FACTOR_STATE
    """,
    **{
        f"another code of {kind} needs a pause": f"""
            enrol_phone {kind} {PHONE}
            wait {pause - 1}; resend -> {kind.upper()}_TOO_SOON
            wait 1; resend enrolled factorType={kind} -> PENDING_ACTIVATION
            activate right -> ACTIVE
        """
        for kind, pause in (("sms", 30), ("call", 30), ("email", 5))
    },
    "a removed factor is gone": """
        login ada@example.com
        call GET users/{user}/factors/{email} -> ACTIVE
        remove email -> 204
        add email; status DEPROVISIONED; remove email -> WRONG_USER_STATUS
    """,
}


@pytest.fixture
def alan(okta: OktaOrg) -> OktaOrg:
    """The org, which Alan calls, who has no factor."""
    okta.login("alan@example.com")
    return okta


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_enrolling(journey: str, alan: OktaOrg) -> None:
    alan.play(journey)


def test_a_phone_number_is_normalized(alan: OktaOrg) -> None:
    factor = alan.enrol_phone("sms", "+1 (613) 456-1234").get_json()
    assert factor["profile"] == {"phoneNumber": PHONE}
    assert [(each.to, each.channel) for each in alan.org.inbox] == [(PHONE, "sms")]


def test_a_pending_email_factor_hides_its_address(alan: OktaOrg) -> None:
    assert "profile" not in alan.enrol("email").get_json()
    assert alan.activate("right").get_json()["profile"] == {"email": "alan@example.com"}


def test_a_secret_is_shown_once(alan: OktaOrg) -> None:
    assert "_embedded" in alan.enrol("totp").get_json()
    assert "_embedded" not in alan.play("call GET users/{user}/factors/{enrolled}").get_json()


def test_a_second_enrolment_replaces_a_pending_one_if_its_code_is_sent(alan: OktaOrg) -> None:
    alan.play(f"enrol_phone sms {PHONE}")
    first = alan.enrolled
    alan.play(f"enrol_phone sms {PHONE} -> SMS_TOO_SOON")
    assert [factor.id for factor in alan.user.factors] == [first]
    alan.play("enrol_phone sms +16134565678 -> PENDING_ACTIVATION")
    assert [factor.id for factor in alan.user.factors] == [alan.enrolled]


def test_the_catalog_lists_the_status_of_every_kind(okta: OktaOrg) -> None:
    listed = okta.play("call GET users/{user}/factors/catalog").get_json()
    statuses = {(each["factorType"], each["provider"]): each["status"] for each in listed}
    assert statuses == {
        **{(kind, "OKTA"): "ACTIVE" for kind in ("email", "sms", "call", "question")},
        ("token:software:totp", "OKTA"): "NOT_SETUP",
        ("token:software:totp", "GOOGLE"): "ACTIVE",
    }
