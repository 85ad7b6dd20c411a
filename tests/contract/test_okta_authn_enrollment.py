"""How a user enrols a factor on the way into the simulated org."""

from typing import Any

import pyotp
import pytest

from tests.contract.okta_org import OktaOrg, outcome
from tests.sandbox.okta.seed import ADA_PASSWORD

ALAN = "alan@example.com"
PHONE = {"phoneNumber": "+1-613-456-1234"}
QUESTION = {"question": "disliked_food", "answer": "meatball"}

WRONG_CODE = (403, "E0000068")
WRONG_STEP = (403, "E0000079")

State = dict[str, Any]


@pytest.fixture
def okta() -> OktaOrg:
    okta = OktaOrg()
    alan = okta.user(ALAN)
    alan.password, alan.must_enrol = ADA_PASSWORD, True
    return okta


@pytest.fixture
def state(okta: OktaOrg) -> State:
    """Alan's sign-in after his password."""
    state: State = okta.sign_in(ALAN).get_json()
    assert state["status"] == "MFA_ENROLL"
    return state


def activate(okta: OktaOrg, state: State, code: str) -> Any:
    path = f"/factors/{state['_embedded']['factor']['id']}/lifecycle/activate"
    return okta.follow(path, state, passCode=code)


def test_the_factors_to_choose_from_are_listed(state: State) -> None:
    factors = state["_embedded"]["factors"]
    assert {each["factorType"] for each in factors} == {
        "email",
        "sms",
        "call",
        "token:software:totp",
        "question",
    }
    assert {each["status"] for each in factors} == {"NOT_SETUP"}
    assert {each["_links"]["enroll"]["href"] for each in factors} == {
        "http://localhost/api/v1/authn/factors"
    }
    assert state["_links"].keys() == {"cancel"}


@pytest.mark.parametrize(
    ("factor_type", "profile", "shown"),
    [
        ("sms", PHONE, "phoneNumber"),
        ("call", PHONE, "phoneNumber"),
        ("email", {}, "email"),
    ],
)
def test_a_sent_code_activates(
    factor_type: str, profile: dict[str, str], shown: str, okta: OktaOrg, state: State
) -> None:
    enrolled = okta.follow("/factors", state, factorType=factor_type, profile=profile).get_json()
    assert enrolled["status"] == "MFA_ENROLL_ACTIVATE"
    assert okta.org.inbox[-1].to not in enrolled["_embedded"]["factor"]["profile"][shown]
    assert enrolled["_links"]["resend"][0]["name"] == factor_type
    assert outcome(activate(okta, enrolled, "wrong")) == WRONG_CODE
    done = activate(okta, enrolled, okta.org.inbox[-1].code).get_json()
    assert (done["status"], "sessionToken" in done) == ("SUCCESS", True)
    assert okta.sign_in(ALAN).get_json()["status"] == "MFA_REQUIRED"


def test_a_totp_code_activates(okta: OktaOrg, state: State) -> None:
    wish = {"factorType": "token:software:totp", "provider": "GOOGLE"}
    enrolled = okta.follow("/factors", state, **wish).get_json()
    activation = enrolled["_embedded"]["factor"]["_embedded"]["activation"]
    code = pyotp.TOTP(activation["sharedSecret"]).at(okta.clock())
    assert activate(okta, enrolled, code).get_json()["status"] == "SUCCESS"


def test_a_question_needs_no_activation(okta: OktaOrg, state: State) -> None:
    done = okta.follow("/factors", state, factorType="question", profile=QUESTION).get_json()
    assert done["status"] == "SUCCESS"


def test_another_code_needs_a_pause(okta: OktaOrg, state: State) -> None:
    enrolled = okta.follow("/factors", state, factorType="email").get_json()
    resend = f"/factors/{enrolled['_embedded']['factor']['id']}/lifecycle/resend"
    assert outcome(okta.follow(resend, state)) == (429, "E0000118")
    okta.clock.advance(5)
    assert okta.follow(resend, state).get_json()["status"] == "MFA_ENROLL_ACTIVATE"
    assert activate(okta, enrolled, okta.sent_code(ALAN)).status_code == 200


def test_another_factor_can_be_chosen(okta: OktaOrg, state: State) -> None:
    email = okta.follow("/factors", state, factorType="email").get_json()
    assert outcome(okta.follow("/factors", state, factorType="email")) == WRONG_STEP
    assert okta.follow("/previous", state).get_json()["status"] == "MFA_ENROLL"
    assert outcome(activate(okta, email, okta.sent_code(ALAN))) == WRONG_STEP
    sms = okta.follow("/factors", state, factorType="sms", profile=PHONE).get_json()
    assert outcome(activate(okta, email, okta.sent_code(ALAN))) == WRONG_STEP
    assert activate(okta, sms, okta.org.inbox[-1].code).status_code == 200


def test_one_factor_must_be_enrolled(okta: OktaOrg, state: State) -> None:
    assert outcome(okta.follow("/skip", state)) == WRONG_STEP


def test_several_can_be(okta: OktaOrg) -> None:
    options = {"multiOptionalFactorEnroll": True}
    state = okta.sign_in(ALAN, options=options).get_json()
    state = okta.follow("/factors", state, factorType="question", profile=QUESTION).get_json()
    assert (state["status"], state["_links"].keys()) == ("MFA_ENROLL", {"cancel", "skip"})
    statuses = {each["factorType"]: each["status"] for each in state["_embedded"]["factors"]}
    assert statuses["question"] == "ACTIVE"
    assert okta.follow("/skip", state).get_json()["status"] == "SUCCESS"
