"""The SMS templates of the simulated org, and the texts of its messages."""

from collections.abc import Mapping

import pytest

from tests.contract.okta_org import OktaOrg
from tests.contract.recorded_shapes import body_differences, documented, needs_recordings

TEMPLATES = "templates/sms"
PICKUP = {
    "name": "Pick-up",
    "type": "SMS_VERIFY_CODE",
    "template": "Show ${code} at the counter of ${org.name}",
    "translations": {"fr": "Montrez ${code} au comptoir", "de": "Zeigen Sie ${code} vor"},
}
DEFAULT = "Sandbox: your verification code is "


@pytest.fixture
def created(okta: OktaOrg) -> str:
    """The id of a template."""
    return str(okta.request("POST", TEMPLATES, PICKUP).get_json()["id"])


@needs_recordings
def test_a_template_has_the_documented_body(okta: OktaOrg) -> None:
    new = okta.request("POST", TEMPLATES, documented("CreateOrReplaceSMSTemplateRequest"))
    expected = documented("CreateOrReplaceSMSTemplateResponse")
    assert body_differences(expected, new.get_json()) == []
    listed = okta.request("GET", TEMPLATES, query={"templateType": "SMS_VERIFY_CODE"}).get_json()
    assert body_differences(documented("SMSTemplateListResponse"), listed) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "E0000001"),  # the name is taken
        ({"name": ""}, "E0000001"),
        ({"name": "n" * 51}, "E0000001"),
        ({"name": "Other", "type": "EMAIL"}, "E0000001"),
        ({"name": "Other", "type": None}, "E0000001"),
        ({"name": "Other", "template": "No code"}, "E0000001"),
        ({"name": "Other", "template": "${code}" + "x" * 155}, "E0000001"),
        ({"name": "Other", "template": "${code}" + "x" * 154}, None),
        ({"name": "Other", "translations": {"fr": "Pas de code"}}, "E0000001"),
        ({"name": "Other", "translations": {"fr": 1}}, "E0000003"),
    ],
)
@pytest.mark.usefixtures("created")
def test_a_template_is_checked(
    change: Mapping[str, object], code: str | None, okta: OktaOrg
) -> None:
    answer = okta.request("POST", TEMPLATES, {**PICKUP, **change})
    assert answer.get_json().get("errorCode") == code
    assert len(okta.call("GET", TEMPLATES).get_json()) == (1 if code else 2)


@pytest.mark.parametrize(
    ("kind", "template", "languages", "start"),
    [
        ("email", None, "", DEFAULT),
        ("sms", None, "", DEFAULT),
        ("call", None, "", DEFAULT),
        ("sms", "created", "", "Show "),
        ("sms", "created", "fr", "Montrez "),
        ("sms", "created", "fr-CA,en;q=0.5", "Montrez "),
        ("sms", "created", "it, de;q=0.3", "Zeigen Sie "),
        ("sms", "cstNobodyKnowsThisOne", "", DEFAULT),
        ("email", "created", "", DEFAULT),
    ],
)
def test_a_text_message_has_the_text_of_a_known_template_in_the_language_of_the_caller(
    kind: str, template: str | None, languages: str, start: str, okta: OktaOrg, created: str
) -> None:
    items = [f"Accept-Language:{languages}"]
    if template is not None:
        items.append(f"templateId=={created if template == 'created' else template}")
    okta.send(kind, *items)
    [message] = okta.org.inbox
    assert message.text.startswith(f"{start}{message.code}")


def test_an_enrolment_and_its_second_code_have_it_too(okta: OktaOrg, created: str) -> None:
    okta.play(f"""
        login alan@example.com; enrol_phone sms +16134561234 templateId=={created}
        wait 30; resend enrolled templateId=={created}; inbox -> 2
    """)
    for message in okta.org.inbox:
        assert message.text == f"Show {message.code} at the counter of Sandbox"
