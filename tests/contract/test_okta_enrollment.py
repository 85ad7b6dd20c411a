"""How the simulated org enrols, activates and removes factors."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import (
    ADA,
    ALAN,
    INVALID,
    MALFORMED,
    NO_PHONE,
    NOT_FOUND,
    RATE_LIMITED,
    SUCCESS,
    WRONG_CODE,
    WRONG_STATE,
    WRONG_STATUS,
    OktaOrg,
    outcome,
    path_of,
    wrong,
)
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_PHONE

PHONE = "+16134561234"
OTHER_PHONE = "+16134565678"
QUESTION = {"question": "disliked_food", "answer": "meatball"}
TOTP = "token:software:totp"

EXISTING_PHONE = "There is an existing verified phone number."
ALREADY_SET_UP = "A factor of this type is already set up."


def cause(response: TestResponse) -> str:
    [only] = response.get_json()["errorCauses"]
    return str(only["errorSummary"])


def enrolled_sms(okta: OktaOrg) -> str:
    return str(okta.enrol_phone(ALAN, "sms", PHONE).get_json()["id"])


def newest_code(okta: OktaOrg) -> str:
    return okta.org.inbox[-1].code


def path_to(okta: OktaOrg, login: str, factor_type: FactorType) -> str:
    return f"{okta.factors_path(login)}/{okta.factor(login, factor_type).id}"


class TestEnrol:
    @pytest.mark.parametrize("factor_type", ["sms", "call"])
    def test_a_phone_is_normalized_and_activated_with_a_sent_code(
        self, factor_type: str, okta: OktaOrg
    ) -> None:
        factor = okta.enrol_phone(ALAN, factor_type, "+1 (613) 456-1234").get_json()
        assert factor["status"] == "PENDING_ACTIVATION"
        assert factor["profile"] == {"phoneNumber": PHONE}
        [message] = okta.org.inbox.to(PHONE)
        assert message.channel == factor_type
        assert outcome(okta.activate(ALAN, factor["id"], wrong(message.code))) == WRONG_CODE
        activated = okta.activate(ALAN, factor["id"], message.code).get_json()
        assert activated["status"] == "ACTIVE"
        assert "verify" in activated["_links"]

    def test_a_pending_email_factor_hides_its_address(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, "email").get_json()
        assert "profile" not in factor
        activated = okta.activate(ALAN, factor["id"], okta.sent_code(ALAN)).get_json()
        assert activated["profile"] == {"email": ALAN}

    @pytest.mark.parametrize(
        ("factor_type", "status"),
        [("sms", "ACTIVE"), ("call", "ACTIVE"), ("email", "ACTIVE"), (TOTP, "PENDING_ACTIVATION")],
    )
    def test_activate_true_activates_a_sent_factor_without_a_code(
        self, factor_type: str, status: str, okta: OktaOrg
    ) -> None:
        factor = okta.enrol_phone(ALAN, factor_type, PHONE, activate="true").get_json()
        assert factor["status"] == status
        assert okta.org.inbox == []

    @pytest.mark.parametrize("provider", ["GOOGLE", "OKTA"])
    def test_totp_is_activated_with_a_code_of_the_secret_that_is_shown_once(
        self, provider: str, okta: OktaOrg
    ) -> None:
        new = {"factorType": TOTP, "provider": provider}
        factor = okta.enrol_factor(ALAN, new).get_json()
        path = f"{okta.factors_path(ALAN)}/{factor['id']}"
        assert "_embedded" not in okta.get(path).get_json()
        secret = pyotp.TOTP(factor["_embedded"]["activation"]["sharedSecret"])
        code = secret.at(okta.clock())
        assert outcome(okta.activate(ALAN, factor["id"], wrong(code))) == WRONG_CODE
        assert okta.activate(ALAN, factor["id"], code).get_json()["status"] == "ACTIVE"
        okta.clock.advance(30)
        verified = okta.post(f"{path}/verify", {"passCode": secret.at(okta.clock())})
        assert verified.get_json() == {"factorResult": "SUCCESS"}

    def test_totp_of_two_providers_are_two_factors(self, okta: OktaOrg) -> None:
        google = {"factorType": TOTP, "provider": "GOOGLE"}
        assert cause(okta.enrol_factor(ADA, google)) == ALREADY_SET_UP
        assert outcome(okta.enrol(ADA, TOTP)) == SUCCESS

    def test_a_question_is_active_at_once(self, okta: OktaOrg) -> None:
        okta.enrol_factor(ALAN, {"factorType": "question", "profile": QUESTION})
        assert okta.check(ALAN, FactorType.QUESTION, "Meatball").status_code == 200

    @pytest.mark.parametrize("factor_type", ["sms", "call"])
    def test_a_user_has_one_number(self, factor_type: str, okta: OktaOrg) -> None:
        assert cause(okta.enrol_phone(ADA, factor_type, ADA_PHONE)) == ALREADY_SET_UP
        assert cause(okta.enrol_phone(ADA, factor_type, PHONE)) == EXISTING_PHONE
        updated = okta.enrol_phone(ADA, factor_type, PHONE, updatePhone="true")
        assert cause(updated) == EXISTING_PHONE

    def test_a_second_enrolment_replaces_a_pending_one(self, okta: OktaOrg) -> None:
        enrolled_sms(okta)
        second = okta.enrol_phone(ALAN, "sms", OTHER_PHONE).get_json()
        assert [factor.id for factor in okta.user(ALAN).factors] == [second["id"]]

    def test_an_enrolment_whose_code_is_refused_changes_nothing(self, okta: OktaOrg) -> None:
        first = enrolled_sms(okta)
        assert outcome(okta.enrol_phone(ALAN, "sms", PHONE)) == (429, "E0000109")
        assert [factor.id for factor in okta.user(ALAN).factors] == [first]

    @pytest.mark.parametrize("email", ["ALAN", "somebody@example.com"])
    def test_an_email_must_be_the_users_own_unless_the_policy_allows_others(
        self, email: str, okta: OktaOrg
    ) -> None:
        new = {"factorType": "email", "profile": {"email": email}}
        assert outcome(okta.enrol_factor(ALAN, new)) == INVALID
        okta.org.policy.only_verified_email = False
        assert outcome(okta.enrol_factor(ALAN, new)) == SUCCESS

    def test_an_email_must_be_verified(self, okta: OktaOrg) -> None:
        okta.user(ALAN).email_is_verified = False
        assert outcome(okta.enrol(ALAN, "email")) == INVALID

    @pytest.mark.parametrize(
        ("phone", "answer"),
        [
            ("6134561234", NO_PHONE),
            ("+1 613 CALL ME", NO_PHONE),
            ("", NO_PHONE),
            ("+1613456123", INVALID),
            ("+161345612345", INVALID),
            ("+10134561234", INVALID),
            ("+0441632960961", INVALID),
            ("+4416", INVALID),
            ("+441632960961", SUCCESS),
            ("+49 30 123456", SUCCESS),
        ],
    )
    def test_a_phone_number_must_be_international_and_possible(
        self, phone: str, answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        assert outcome(okta.enrol_phone(ALAN, "sms", phone)) == answer
        assert len(okta.org.inbox) == (answer == SUCCESS)

    @pytest.mark.parametrize(
        "new",
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
    def test_an_unknown_or_incomplete_factor_is_refused(
        self, new: dict[str, object], okta: OktaOrg
    ) -> None:
        assert outcome(okta.enrol_factor(ALAN, new)) == INVALID

    @pytest.mark.parametrize(
        "body", [b"", b"[]", {"factorType": 1}, {"factorType": "sms", "profile": "me"}]
    )
    def test_a_field_of_the_wrong_type_is_malformed(self, body: object, okta: OktaOrg) -> None:
        assert outcome(okta.post(okta.factors_path(ALAN), body)) == MALFORMED

    def test_only_an_active_user_enrols(self, okta: OktaOrg) -> None:
        okta.user(ALAN).status = UserStatus.STAGED
        assert outcome(okta.enrol(ALAN, "email")) == WRONG_STATUS

    def test_the_catalog_lists_the_status_of_every_kind(self, okta: OktaOrg) -> None:
        listed = okta.get(f"{okta.factors_path(ADA)}/catalog").get_json()
        statuses = {(each["factorType"], each["provider"]): each["status"] for each in listed}
        assert statuses == {
            **{(kind, "OKTA"): "ACTIVE" for kind in ("email", "sms", "call", "question")},
            (TOTP, "OKTA"): "NOT_SETUP",
            (TOTP, "GOOGLE"): "ACTIVE",
        }


class TestActivate:
    def test_a_code_expires(self, okta: OktaOrg) -> None:
        factor = okta.enrol(ALAN, "email", tokenLifetimeSeconds="60").get_json()
        okta.clock.advance(60)
        assert outcome(okta.activate(ALAN, factor["id"], newest_code(okta))) == WRONG_CODE

    def test_five_attempts_in_five_minutes_which_do_not_lock_the_user(self, okta: OktaOrg) -> None:
        sms = enrolled_sms(okta)
        for _ in range(5):
            assert outcome(okta.activate(ALAN, sms, "wrong")) == WRONG_CODE
        assert okta.user(ALAN).failed_factor_attempts == 0
        assert outcome(okta.activate(ALAN, sms, newest_code(okta))) == RATE_LIMITED
        okta.clock.advance(299)
        resend = f"{okta.factors_path(ALAN)}/{sms}/resend"
        assert outcome(okta.post(resend)) == RATE_LIMITED
        okta.clock.advance(1)
        assert okta.post(resend).status_code == 200
        assert okta.activate(ALAN, sms, newest_code(okta)).status_code == 200

    def test_only_a_pending_factor_is_activated_or_sent_a_code(self, okta: OktaOrg) -> None:
        email = okta.factor(ADA, FactorType.EMAIL).id
        assert outcome(okta.activate(ADA, email, "123456")) == WRONG_STATE
        assert outcome(okta.post(f"{okta.factors_path(ADA)}/{email}/resend")) == WRONG_STATE
        totp = okta.enrol(ALAN, TOTP).get_json()["id"]
        assert outcome(okta.post(f"{okta.factors_path(ALAN)}/{totp}/resend")) == WRONG_STATE

    @pytest.mark.parametrize(("factor_type", "pause"), [("sms", 30), ("call", 30), ("email", 5)])
    def test_another_code_needs_a_pause(self, factor_type: str, pause: int, okta: OktaOrg) -> None:
        factor = okta.enrol_phone(ALAN, factor_type, PHONE).get_json()
        resend = f"{okta.factors_path(ALAN)}/{factor['id']}/resend"
        okta.clock.advance(pause - 1)
        assert okta.post(resend).status_code == 429
        okta.clock.advance(1)
        assert okta.post(resend, {"factorType": factor_type}).status_code == 200
        assert okta.activate(ALAN, factor["id"], newest_code(okta)).status_code == 200

    def test_the_picture_of_a_secret_needs_its_own_token_until_the_activation(
        self, okta: OktaOrg
    ) -> None:
        factor = okta.enrol(ALAN, TOTP).get_json()
        activation: dict[str, Any] = factor["_embedded"]["activation"]
        link = path_of(activation["_links"]["qrcode"]["href"])
        picture = okta.get(link, api_token=None)
        assert (picture.status_code, picture.mimetype) == (200, "image/png")
        assert picture.data.startswith(b"\x89PNG\r\n")
        assert outcome(okta.get(link[:-1], api_token=None)) == NOT_FOUND
        code = pyotp.TOTP(activation["sharedSecret"]).at(okta.clock())
        okta.activate(ALAN, factor["id"], code)
        assert outcome(okta.get(link)) == NOT_FOUND


class TestRemove:
    def test_a_removed_phone_factor_keeps_its_number_verified(self, okta: OktaOrg) -> None:
        sms = path_to(okta, ADA, FactorType.SMS)
        assert okta.delete(sms).status_code == 204
        assert outcome(okta.delete(sms)) == NOT_FOUND
        assert cause(okta.enrol_phone(ADA, "sms", PHONE)) == EXISTING_PHONE
        assert outcome(okta.enrol_phone(ADA, "sms", PHONE, updatePhone="true")) == SUCCESS

    def test_the_number_can_be_removed_with_it(self, okta: OktaOrg) -> None:
        okta.delete(path_to(okta, ADA, FactorType.SMS), removeRecoveryEnrollment="true")
        assert outcome(okta.enrol_phone(ADA, "sms", PHONE)) == SUCCESS

    def test_a_deactivated_user_keeps_the_factors(self, okta: OktaOrg) -> None:
        okta.user(ADA).status = UserStatus.DEPROVISIONED
        assert outcome(okta.delete(path_to(okta, ADA, FactorType.EMAIL))) == WRONG_STATUS
