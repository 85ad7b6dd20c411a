"""The rules by which the simulated org enrols, activates and removes factors."""

from typing import Any

import pyotp
import pytest

from tests.contract.okta_org import OktaOrg, outcome, path_of, wrong
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_PHONE

ADA = "ada@example.com"
ALAN = "alan@example.com"
PHONE = "+16134561234"
OTHER_PHONE = "+16134565678"
QUESTION = {"question": "disliked_food", "answer": "meatball"}
TOTP = "token:software:totp"

ENROLLED = (200, None)
REFUSED = (400, "E0000001")
WRONG_CODE = (403, "E0000068")
WRONG_STATE = (403, "E0000107")
NOT_FOUND = (404, "E0000007")
TOO_OFTEN = (429, "E0000047")

EXISTING_PHONE = "There is an existing verified phone number."
ALREADY_SET_UP = "A factor of this type is already set up."


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def cause(body: dict[str, Any]) -> str:
    [only] = body["errorCauses"]
    return str(only["errorSummary"])


def enrolled_sms(okta: OktaOrg) -> str:
    return str(okta.enrol_phone(ALAN, "sms", PHONE).get_json()["id"])


def newest_code(okta: OktaOrg) -> str:
    return okta.org.inbox[-1].code


class TestEnrolment:
    @pytest.mark.parametrize("factor_type", ["sms", "call"])
    def test_a_phone_gets_an_activation_code(self, factor_type: str, okta: OktaOrg) -> None:
        factor = okta.enrol_phone(ALAN, factor_type, "+1 (613) 456-1234").get_json()
        assert (factor["status"], factor["profile"]) == (
            "PENDING_ACTIVATION",
            {"phoneNumber": PHONE},
        )
        [message] = okta.org.inbox.to(PHONE)
        assert message.channel == factor_type
        activated = okta.activate(ALAN, factor["id"], message.code).get_json()
        assert activated["status"] == "ACTIVE"
        assert "verify" in activated["_links"]

    def test_an_email_gets_one_too(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, "email").get_json()
        assert "profile" not in factor
        activated = okta.activate(ALAN, factor["id"], okta.sent_code(ALAN)).get_json()
        assert activated["profile"] == {"email": ALAN}

    @pytest.mark.parametrize(
        ("factor_type", "profile"),
        [("sms", {"phoneNumber": PHONE}), ("call", {"phoneNumber": PHONE}), ("email", {})],
    )
    def test_a_factor_can_be_activated_at_once(
        self, factor_type: str, profile: dict[str, str], okta: OktaOrg
    ) -> None:
        wish = {"factorType": factor_type, "profile": profile}
        factor = okta.enrol_factor(ALAN, wish, activate="true").get_json()
        assert factor["status"] == "ACTIVE"
        assert okta.org.inbox == []

    def test_a_totp_factor_cannot(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, TOTP, activate="true").get_json()
        assert factor["status"] == "PENDING_ACTIVATION"

    @pytest.mark.parametrize("provider", ["GOOGLE", "OKTA"])
    def test_totp_is_activated_with_a_code_of_its_secret(
        self, provider: str, okta: OktaOrg
    ) -> None:
        wish = {"factorType": TOTP, "provider": provider}
        factor = okta.enrol_factor(ALAN, wish).get_json()
        secret = pyotp.TOTP(factor["_embedded"]["activation"]["sharedSecret"])
        code = secret.at(okta.clock())
        assert outcome(okta.activate(ALAN, factor["id"], wrong(code))) == WRONG_CODE
        assert okta.activate(ALAN, factor["id"], code).get_json()["status"] == "ACTIVE"
        okta.clock.advance(30)
        next_code = {"passCode": secret.at(okta.clock())}
        verified = okta.post(f"{okta.factors_path(ALAN)}/{factor['id']}/verify", next_code)
        assert verified.get_json() == {"factorResult": "SUCCESS"}

    def test_two_providers_of_totp_are_two_kinds(self, okta: OktaOrg) -> None:
        google = {"factorType": TOTP, "provider": "GOOGLE"}
        assert cause(okta.enrol_factor(ADA, google).get_json()) == ALREADY_SET_UP
        assert outcome(okta.enrol(ADA, TOTP)) == ENROLLED

    def test_the_secret_is_shown_once(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, TOTP).get_json()
        read = okta.get(f"{okta.factors_path(ALAN)}/{factor['id']}").get_json()
        assert "_embedded" not in read

    def test_an_answer_verifies_later(self, okta: OktaOrg) -> None:
        okta.enrol_factor(ALAN, {"factorType": "question", "profile": QUESTION})
        assert okta.check(ALAN, FactorType.QUESTION, "Meatball").status_code == 200

    @pytest.mark.parametrize("factor_type", ["sms", "call"])
    def test_a_user_has_one_number(self, factor_type: str, okta: OktaOrg) -> None:
        same = okta.enrol_phone(ADA, factor_type, ADA_PHONE)
        assert cause(same.get_json()) == ALREADY_SET_UP
        other = okta.enrol_phone(ADA, factor_type, PHONE)
        assert cause(other.get_json()) == EXISTING_PHONE
        updated = okta.enrol_phone(ADA, factor_type, PHONE, updatePhone="true")
        assert cause(updated.get_json()) == EXISTING_PHONE

    def test_a_removed_factor_leaves_its_number_behind(self, okta: OktaOrg) -> None:
        sms = f"{okta.factors_path(ADA)}/{okta.factor(ADA, FactorType.SMS).id}"
        assert okta.delete(sms).status_code == 204
        assert cause(okta.enrol_phone(ADA, "sms", PHONE).get_json()) == EXISTING_PHONE
        assert outcome(okta.enrol_phone(ADA, "sms", PHONE, updatePhone="true")) == ENROLLED
        assert outcome(okta.get(sms)) == NOT_FOUND

    def test_a_number_can_be_forgotten(self, okta: OktaOrg) -> None:
        sms = f"{okta.factors_path(ADA)}/{okta.factor(ADA, FactorType.SMS).id}"
        okta.delete(sms, removeRecoveryEnrollment="true")
        assert outcome(okta.enrol_phone(ADA, "sms", PHONE)) == ENROLLED

    def test_a_second_enrolment_replaces_a_pending_one(self, okta: OktaOrg) -> None:
        enrolled_sms(okta)
        second = okta.enrol_phone(ALAN, "sms", OTHER_PHONE).get_json()
        assert [factor.id for factor in okta.user(ALAN).factors] == [second["id"]]

    def test_a_refused_code_enrols_nothing(self, okta: OktaOrg) -> None:
        first = enrolled_sms(okta)
        assert outcome(okta.enrol_phone(ALAN, "sms", PHONE)) == (429, "E0000109")
        assert [factor.id for factor in okta.user(ALAN).factors] == [first]

    @pytest.mark.parametrize("email", ["ALAN", "somebody@example.com"])
    def test_an_email_must_be_the_users_own(self, email: str, okta: OktaOrg) -> None:
        wish = {"factorType": "email", "profile": {"email": email}}
        assert outcome(okta.enrol_factor(ALAN, wish)) == REFUSED
        okta.org.policy.only_verified_email = False
        assert outcome(okta.enrol_factor(ALAN, wish)) == ENROLLED

    def test_an_email_must_be_verified(self, okta: OktaOrg) -> None:
        okta.user(ALAN).email_is_verified = False
        assert outcome(okta.enrol(ALAN, "email")) == REFUSED

    @pytest.mark.parametrize(
        ("phone", "code"),
        [
            ("6134561234", "E0000098"),
            ("+1 613 CALL ME", "E0000098"),
            ("", "E0000098"),
            ("+1613456123", "E0000001"),
            ("+161345612345", "E0000001"),
            ("+10134561234", "E0000001"),
            ("+0441632960961", "E0000001"),
            ("+4416", "E0000001"),
        ],
    )
    def test_what_is_no_phone_is_refused(self, phone: str, code: str, okta: OktaOrg) -> None:
        assert outcome(okta.enrol_phone(ALAN, "sms", phone)) == (400, code)
        assert okta.org.inbox == []

    @pytest.mark.parametrize("phone", ["+441632960961", "+49 30 123456"])
    def test_phones_are_everywhere(self, phone: str, okta: OktaOrg) -> None:
        assert outcome(okta.enrol_phone(ALAN, "sms", phone)) == ENROLLED

    @pytest.mark.parametrize(
        "wish",
        [
            {},
            {"factorType": "carrier:pigeon"},
            {"factorType": "push"},
            {"factorType": "sms", "provider": "GOOGLE"},
            {"factorType": "question"},
            {"factorType": "question", "profile": {**QUESTION, "question": "unknown"}},
            {"factorType": "question", "profile": {**QUESTION, "answer": "red"}},
        ],
    )
    def test_an_odd_wish_is_refused(self, wish: dict[str, object], okta: OktaOrg) -> None:
        assert outcome(okta.enrol_factor(ALAN, wish)) == REFUSED

    @pytest.mark.parametrize(
        "body", [b"", b"[]", {"factorType": 1}, {"factorType": "sms", "profile": "me"}]
    )
    def test_an_odd_body_is_malformed(self, body: object, okta: OktaOrg) -> None:
        assert outcome(okta.post(okta.factors_path(ALAN), body)) == (400, "E0000003")

    def test_only_an_active_user_enrols(self, okta: OktaOrg) -> None:
        okta.user(ALAN).status = UserStatus.STAGED
        assert outcome(okta.enrol(ALAN, "email")) == (403, "E0000038")


class TestActivation:
    def test_a_wrong_code_leaves_the_right_one(self, okta: OktaOrg) -> None:
        sms = enrolled_sms(okta)
        code = newest_code(okta)
        assert outcome(okta.activate(ALAN, sms, wrong(code))) == WRONG_CODE
        assert okta.activate(ALAN, sms, code).status_code == 200

    def test_a_code_expires(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, "email", tokenLifetimeSeconds="60").get_json()
        okta.clock.advance(60)
        assert outcome(okta.activate(ALAN, factor["id"], newest_code(okta))) == WRONG_CODE

    def test_five_attempts_in_five_minutes(self, okta: OktaOrg) -> None:
        sms = enrolled_sms(okta)
        for _ in range(5):
            assert outcome(okta.activate(ALAN, sms, "wrong")) == WRONG_CODE
        assert outcome(okta.activate(ALAN, sms, newest_code(okta))) == TOO_OFTEN
        okta.clock.advance(299)
        assert outcome(okta.post(f"{okta.factors_path(ALAN)}/{sms}/resend")) == TOO_OFTEN
        okta.clock.advance(1)
        assert okta.post(f"{okta.factors_path(ALAN)}/{sms}/resend").status_code == 200
        assert okta.activate(ALAN, sms, newest_code(okta)).status_code == 200

    def test_a_wrong_code_is_no_step_towards_the_lockout(self, okta: OktaOrg) -> None:
        sms = enrolled_sms(okta)
        okta.activate(ALAN, sms, "wrong")
        assert okta.user(ALAN).failed_attempts == 0

    def test_an_active_factor_is_not_activated(self, okta: OktaOrg) -> None:
        email = okta.factor(ADA, FactorType.EMAIL).id
        assert outcome(okta.activate(ADA, email, "123456")) == WRONG_STATE
        assert outcome(okta.post(f"{okta.factors_path(ADA)}/{email}/resend")) == WRONG_STATE

    @pytest.mark.parametrize(("factor_type", "pause"), [("sms", 30), ("call", 30), ("email", 5)])
    def test_another_code_needs_a_pause(self, factor_type: str, pause: int, okta: OktaOrg) -> None:
        wish = {"factorType": factor_type, "profile": {"phoneNumber": PHONE}}
        factor = okta.enrol_factor(ALAN, wish).get_json()
        resend = f"{okta.factors_path(ALAN)}/{factor['id']}/resend"
        okta.clock.advance(pause - 1)
        assert okta.post(resend).status_code == 429
        okta.clock.advance(1)
        assert okta.post(resend, {"factorType": factor_type}).status_code == 200
        assert okta.activate(ALAN, factor["id"], newest_code(okta)).status_code == 200

    def test_a_totp_factor_has_no_code_to_send(self, okta: OktaOrg) -> None:
        totp = okta.enrol(ALAN, TOTP).get_json()["id"]
        assert outcome(okta.post(f"{okta.factors_path(ALAN)}/{totp}/resend")) == WRONG_STATE


class TestPicture:
    def test_its_link_needs_no_token(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, TOTP).get_json()
        link = path_of(factor["_embedded"]["activation"]["_links"]["qrcode"]["href"])
        picture = okta.get(link, api_token=None)
        assert (picture.status_code, picture.mimetype) == (200, "image/png")
        assert picture.data.startswith(b"\x89PNG\r\n")
        assert outcome(okta.get(link[:-1], api_token=None)) == NOT_FOUND

    def test_it_ends_with_the_activation(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, TOTP).get_json()
        activation = factor["_embedded"]["activation"]
        code = pyotp.TOTP(activation["sharedSecret"]).at(okta.clock())
        okta.activate(ALAN, factor["id"], code)
        link = path_of(activation["_links"]["qrcode"]["href"])
        assert outcome(okta.get(link)) == NOT_FOUND


class TestRemoval:
    def test_a_removed_factor_is_gone(self, okta: OktaOrg) -> None:
        email = f"{okta.factors_path(ADA)}/{okta.factor(ADA, FactorType.EMAIL).id}"
        assert okta.delete(email).status_code == 204
        assert outcome(okta.delete(email)) == NOT_FOUND

    def test_a_deactivated_user_keeps_factors(self, okta: OktaOrg) -> None:
        email = f"{okta.factors_path(ADA)}/{okta.factor(ADA, FactorType.EMAIL).id}"
        okta.user(ADA).status = UserStatus.DEPROVISIONED
        assert outcome(okta.delete(email)) == (403, "E0000038")


def test_the_catalog_says_what_is_set_up(okta: OktaOrg) -> None:
    listed = okta.get(f"{okta.factors_path(ADA)}/catalog").get_json()
    statuses = {(each["factorType"], each["provider"]): each["status"] for each in listed}
    assert statuses == {
        ("email", "OKTA"): "ACTIVE",
        ("sms", "OKTA"): "ACTIVE",
        ("call", "OKTA"): "ACTIVE",
        (TOTP, "OKTA"): "NOT_SETUP",
        (TOTP, "GOOGLE"): "ACTIVE",
        ("question", "OKTA"): "ACTIVE",
    }


def test_a_reset_ends_enrolments(okta: OktaOrg) -> None:
    sms = enrolled_sms(okta)
    for _ in range(5):
        okta.activate(ALAN, sms, "wrong")
    okta.org.reset()
    assert outcome(okta.activate(ALAN, enrolled_sms(okta), "wrong")) == WRONG_CODE
