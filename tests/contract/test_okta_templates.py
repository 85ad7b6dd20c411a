"""The SMS templates of the simulated org, and the texts of its messages."""

from collections.abc import Mapping

import pytest

from tests.contract.okta_org import (
    ADA,
    ALAN,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    SUCCESS,
    OktaOrg,
    outcome,
)
from tests.contract.recorded_shapes import body_differences, documented, needs_recordings
from tests.sandbox.okta.records import FactorType

PHONE = "+16134561234"
TEMPLATES = "/api/v1/templates/sms"
PICKUP = {
    "name": "Pick-up",
    "type": "SMS_VERIFY_CODE",
    "template": "Show ${code} at the counter of ${org.name}",
    "translations": {"fr": "Montrez ${code} au comptoir", "de": "Zeigen Sie ${code} vor"},
}
DEFAULT = "Sandbox: your verification code is "


def created(okta: OktaOrg) -> str:
    return str(okta.post(TEMPLATES, PICKUP).get_json()["id"])


class TestTemplates:
    @needs_recordings
    def test_a_template_has_the_documented_body(self, okta: OktaOrg) -> None:
        new = okta.post(TEMPLATES, documented("CreateOrReplaceSMSTemplateRequest")).get_json()
        assert body_differences(documented("CreateOrReplaceSMSTemplateResponse"), new) == []
        listed = okta.get(TEMPLATES, templateType="SMS_VERIFY_CODE").get_json()
        assert body_differences(documented("SMSTemplateListResponse"), listed) == []

    def test_a_template_is_read_listed_by_type_and_removed(self, okta: OktaOrg) -> None:
        path = f"{TEMPLATES}/{created(okta)}"
        assert okta.get(path).get_json()["template"] == PICKUP["template"]
        assert len(okta.get(TEMPLATES).get_json()) == 1
        assert okta.get(TEMPLATES, templateType="EMAIL").get_json() == []
        assert okta.delete(path).status_code == 204
        assert outcome(okta.get(path)) == outcome(okta.delete(path)) == NOT_FOUND
        assert okta.get(TEMPLATES).get_json() == []

    def test_a_name_is_unique(self, okta: OktaOrg) -> None:
        created(okta)
        assert outcome(okta.post(TEMPLATES, PICKUP)) == INVALID

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            ({"name": ""}, INVALID),
            ({"name": "n" * 51}, INVALID),
            ({"type": "EMAIL"}, INVALID),
            ({"type": None}, INVALID),
            ({"template": "No code"}, INVALID),
            ({"template": "${code}" + "x" * 155}, INVALID),
            ({"template": "${code}" + "x" * 154}, SUCCESS),
            ({"translations": {"fr": "Pas de code"}}, INVALID),
            ({"translations": {"fr": 1}}, MALFORMED),
        ],
    )
    def test_a_template_is_checked(
        self, change: Mapping[str, object], answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        assert outcome(okta.post(TEMPLATES, {**PICKUP, **change})) == answer


class TestTexts:
    @pytest.mark.parametrize(
        ("factor_type", "template", "start"),
        [
            (FactorType.EMAIL, None, DEFAULT),
            (FactorType.SMS, None, DEFAULT),
            (FactorType.CALL, None, DEFAULT),
            (FactorType.SMS, "created", "Show "),
            (FactorType.SMS, "cstNobodyKnowsThisOne", DEFAULT),
            (FactorType.EMAIL, "created", DEFAULT),
        ],
    )
    def test_only_a_text_message_has_the_text_of_a_known_template(
        self, factor_type: FactorType, template: str | None, start: str, okta: OktaOrg
    ) -> None:
        template_id = created(okta) if template == "created" else template
        query = {} if template_id is None else {"templateId": template_id}
        assert okta.challenge(ADA, factor_type, **query).status_code == 200
        [message] = okta.org.inbox
        assert message.text.startswith(f"{start}{message.code}")

    def test_an_enrolment_and_its_second_code_have_it_too(self, okta: OktaOrg) -> None:
        template = created(okta)
        factor = okta.enrol_phone(ALAN, "sms", PHONE, templateId=template).get_json()
        okta.clock.advance(30)
        resend = f"{okta.factors_path(ALAN)}/{factor['id']}/resend"
        assert okta.post(resend, templateId=template).status_code == 200
        for message in okta.org.inbox:
            assert message.text == f"Show {message.code} at the counter of Sandbox"

    @pytest.mark.parametrize(
        ("languages", "first_word"),
        [("fr", "Montrez"), ("fr-CA,en;q=0.5", "Montrez"), ("it, de;q=0.3", "Zeigen")],
    )
    def test_it_is_in_the_language_of_the_caller(
        self, languages: str, first_word: str, okta: OktaOrg
    ) -> None:
        okta.send(
            "POST",
            okta.verify_path(ADA, FactorType.SMS),
            query={"templateId": created(okta)},
            headers={"Accept-Language": languages},
        )
        assert okta.org.inbox[-1].text.startswith(first_word)
