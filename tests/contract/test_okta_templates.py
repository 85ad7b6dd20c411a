"""The SMS templates of the simulated org, and the texts of its messages."""

import json
from collections.abc import Mapping

import pytest

from tests.contract.okta_org import OktaOrg, outcome
from tests.contract.recorded_shapes import RECORDINGS, body_differences, needs_recordings
from tests.sandbox.okta.records import FactorType

ADA = "ada@example.com"
ALAN = "alan@example.com"
PHONE = "+16134561234"
TEMPLATES = "/api/v1/templates/sms"
PICKUP = {
    "name": "Pick-up",
    "type": "SMS_VERIFY_CODE",
    "template": "Show ${code} at the counter of ${org.name}",
    "translations": {"fr": "Montrez ${code} au comptoir", "de": "Zeigen Sie ${code} vor"},
}
REFUSED = (400, "E0000001")
NOT_FOUND = (404, "E0000007")


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def created(okta: OktaOrg) -> str:
    return str(okta.post(TEMPLATES, PICKUP).get_json()["id"])


class TestTemplates:
    @needs_recordings
    def test_a_template_has_the_documented_body(self, okta: OktaOrg) -> None:
        document = json.loads((RECORDINGS.parent / "openapi-subset.json").read_text())
        examples = document["components"]["examples"]
        request = examples["CreateOrReplaceSMSTemplateRequest"]["value"]
        documented = examples["CreateOrReplaceSMSTemplateResponse"]["value"]
        assert body_differences(documented, okta.post(TEMPLATES, request).get_json()) == []
        listed = okta.get(TEMPLATES, templateType="SMS_VERIFY_CODE").get_json()
        assert body_differences(examples["SMSTemplateListResponse"]["value"], listed) == []
        change = examples["UpdateSMSTemplateRequest"]["value"]
        updated = okta.post(f"{TEMPLATES}/{listed[0]['id']}", change).get_json()
        assert body_differences(examples["UpdateSMSTemplateResponse"]["value"], updated) == []

    def test_a_template_is_read_and_removed(self, okta: OktaOrg) -> None:
        path = f"{TEMPLATES}/{created(okta)}"
        assert okta.get(path).get_json()["template"] == PICKUP["template"]
        assert okta.delete(path).status_code == 204
        assert outcome(okta.get(path)) == NOT_FOUND
        assert outcome(okta.delete(path)) == NOT_FOUND
        assert okta.get(TEMPLATES).get_json() == []

    def test_a_name_is_taken_once(self, okta: OktaOrg) -> None:
        path = f"{TEMPLATES}/{created(okta)}"
        assert outcome(okta.post(TEMPLATES, PICKUP)) == REFUSED
        assert outcome(okta.put(path, PICKUP)) == (200, None)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": "n" * 51},
            {"type": "EMAIL"},
            {"type": None},
            {"template": "No code"},
            {"template": "${code}" + "x" * 155},
            {"translations": {"fr": "Pas de code"}},
        ],
    )
    def test_an_odd_template_is_refused(self, change: Mapping[str, object], okta: OktaOrg) -> None:
        assert outcome(okta.post(TEMPLATES, {**PICKUP, **change})) == REFUSED

    def test_a_template_may_be_161_characters_long(self, okta: OktaOrg) -> None:
        longest = {**PICKUP, "template": "${code}" + "x" * 154}
        assert okta.post(TEMPLATES, longest).status_code == 200

    def test_a_translation_is_text(self, okta: OktaOrg) -> None:
        odd = {**PICKUP, "translations": {"fr": 1}}
        assert outcome(okta.post(TEMPLATES, odd)) == (400, "E0000003")

    def test_an_update_changes_what_has_a_value(self, okta: OktaOrg) -> None:
        path = f"{TEMPLATES}/{created(okta)}"
        okta.clock.advance(1)
        change = {"name": "Counter", "template": "", "translations": {"fr": None, "it": "${code}"}}
        updated = okta.post(path, change).get_json()
        assert (updated["name"], updated["template"]) == ("Counter", PICKUP["template"])
        assert updated["translations"].keys() == {"de", "it"}
        assert updated["lastUpdated"] > updated["created"]

    def test_a_replacement_keeps_nothing(self, okta: OktaOrg) -> None:
        path = f"{TEMPLATES}/{created(okta)}"
        short = {"name": "Short", "type": "SMS_VERIFY_CODE", "template": "${code}"}
        assert okta.put(path, short).get_json()["translations"] == {}
        assert outcome(okta.put(path, {"name": "Shorter"})) == REFUSED

    def test_another_type_has_none(self, okta: OktaOrg) -> None:
        created(okta)
        assert okta.get(TEMPLATES, templateType="EMAIL").get_json() == []

    def test_a_reset_forgets_them(self, okta: OktaOrg) -> None:
        created(okta)
        okta.org.reset()
        assert okta.get(TEMPLATES).get_json() == []


class TestTexts:
    @pytest.mark.parametrize("factor_type", [FactorType.EMAIL, FactorType.SMS, FactorType.CALL])
    def test_a_message_has_a_text_with_its_code(
        self, factor_type: FactorType, okta: OktaOrg
    ) -> None:
        okta.challenge(ADA, factor_type)
        [message] = okta.org.inbox
        assert message.text == f"Sandbox: your verification code is {message.code}."

    def test_a_challenge_has_the_chosen_text(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, FactorType.SMS, templateId=created(okta))
        [message] = okta.org.inbox
        assert message.text == f"Show {message.code} at the counter of Sandbox"

    def test_an_enrolment_and_its_second_code_have_it(self, okta: OktaOrg) -> None:
        template = created(okta)
        factor = okta.enrol_phone(ALAN, "sms", PHONE, templateId=template).get_json()
        okta.clock.advance(30)
        resend = f"{okta.factors_path(ALAN)}/{factor['id']}/resend"
        assert okta.post(resend, templateId=template).status_code == 200
        assert [message.text.split()[0] for message in okta.org.inbox] == ["Show", "Show"]

    @pytest.mark.parametrize(
        ("languages", "first_word"),
        [("fr", "Montrez"), ("fr-CA,en;q=0.5", "Montrez"), ("it, de;q=0.3", "Zeigen")],
    )
    def test_it_speaks_the_callers_language(
        self, languages: str, first_word: str, okta: OktaOrg
    ) -> None:
        okta.send(
            "POST",
            okta.verify_path(ADA, FactorType.SMS),
            query={"templateId": created(okta)},
            headers={"Accept-Language": languages},
        )
        assert okta.org.inbox[-1].text.startswith(first_word)

    def test_an_unknown_template_is_the_default_text(self, okta: OktaOrg) -> None:
        response = okta.challenge(ADA, FactorType.SMS, templateId="cstNobodyKnowsThisOne")
        assert response.status_code == 200
        assert okta.org.inbox[-1].text.startswith("Sandbox: ")

    def test_only_a_text_message_has_a_template(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, FactorType.EMAIL, templateId=created(okta))
        assert okta.org.inbox[-1].text.startswith("Sandbox: ")
