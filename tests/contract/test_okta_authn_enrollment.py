"""A user of the simulated org enrols a factor during a sign-in."""

from typing import Any

import pyotp
import pytest

from tests.contract.okta_org import WRONG_CODE, WRONG_STEP, OktaOrg, outcome
from tests.sandbox.okta.seed import EVE_PASSWORD

EVE = "eve@example.com"
PHONE = {"phoneNumber": "+1-613-456-1234"}
QUESTION = {"question": "disliked_food", "answer": "meatball"}
TOTP = "token:software:totp"

State = dict[str, Any]


@pytest.fixture
def state(okta: OktaOrg) -> State:
    """Eve's sign-in after her password."""
    state: State = okta.sign_in(EVE, EVE_PASSWORD).get_json()
    assert state["status"] == "MFA_ENROLL"
    return state


def activate(okta: OktaOrg, state: State, code: str) -> Any:
    path = f"/factors/{state['_embedded']['factor']['id']}/lifecycle/activate"
    return okta.follow(path, state, passCode=code)


def test_the_factors_that_can_be_enrolled_are_listed(state: State) -> None:
    factors = state["_embedded"]["factors"]
    kinds = {each["factorType"] for each in factors}
    assert kinds == {"email", "sms", "call", TOTP, "question"}
    assert {each["status"] for each in factors} == {"NOT_SETUP"}
    enrol = {each["_links"]["enroll"]["href"] for each in factors}
    assert enrol == {"http://localhost/api/v1/authn/factors"}
    assert state["_links"].keys() == {"cancel"}


@pytest.mark.parametrize(
    ("factor_type", "profile", "shown"),
    [("sms", PHONE, "phoneNumber"), ("call", PHONE, "phoneNumber"), ("email", {}, "email")],
)
def test_a_sent_code_activates_the_factor(
    factor_type: str, profile: dict[str, str], shown: str, okta: OktaOrg, state: State
) -> None:
    enrolled = okta.follow("/factors", state, factorType=factor_type, profile=profile).get_json()
    assert enrolled["status"] == "MFA_ENROLL_ACTIVATE"
    assert okta.org.inbox[-1].to not in enrolled["_embedded"]["factor"]["profile"][shown]
    assert enrolled["_links"]["resend"][0]["name"] == factor_type
    assert outcome(activate(okta, enrolled, "wrong")) == WRONG_CODE
    done = activate(okta, enrolled, okta.org.inbox[-1].code).get_json()
    assert (done["status"], "sessionToken" in done) == ("SUCCESS", True)
    assert okta.sign_in(EVE, EVE_PASSWORD).get_json()["status"] == "MFA_REQUIRED"


def test_a_totp_code_activates_the_factor(okta: OktaOrg, state: State) -> None:
    new = {"factorType": TOTP, "provider": "GOOGLE"}
    enrolled = okta.follow("/factors", state, **new).get_json()
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
    assert activate(okta, enrolled, okta.sent_code(EVE)).status_code == 200


def test_previous_returns_to_the_choice_of_a_factor(okta: OktaOrg, state: State) -> None:
    email = okta.follow("/factors", state, factorType="email").get_json()
    assert outcome(okta.follow("/factors", state, factorType="email")) == WRONG_STEP
    assert okta.follow("/previous", state).get_json()["status"] == "MFA_ENROLL"
    assert outcome(activate(okta, email, okta.sent_code(EVE))) == WRONG_STEP
    sms = okta.follow("/factors", state, factorType="sms", profile=PHONE).get_json()
    assert outcome(activate(okta, email, okta.sent_code(EVE))) == WRONG_STEP
    assert activate(okta, sms, okta.org.inbox[-1].code).status_code == 200


def test_several_factors_can_be_enrolled_and_one_must(okta: OktaOrg, state: State) -> None:
    assert outcome(okta.follow("/skip", state)) == WRONG_STEP
    options = {"multiOptionalFactorEnroll": True}
    state = okta.sign_in(EVE, EVE_PASSWORD, options=options).get_json()
    state = okta.follow("/factors", state, factorType="question", profile=QUESTION).get_json()
    assert (state["status"], state["_links"].keys()) == ("MFA_ENROLL", {"cancel", "skip"})
    statuses = {each["factorType"]: each["status"] for each in state["_embedded"]["factors"]}
    assert statuses["question"] == "ACTIVE"
    assert okta.follow("/skip", state).get_json()["status"] == "SUCCESS"
