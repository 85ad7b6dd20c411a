"""The SMS templates API, as far as it is used: list and create; and the texts of messages.

Documented: for an unknown template, or a language that a template lacks, the default text is sent,
without an error. Assumed: the checks of a template, and their errors.
"""

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, nested, text
from tests.sandbox.okta.records import FactorType, SmsTemplate, timestamp
from tests.sandbox.okta.responses import Answer, JsonObject
from tests.sandbox.okta.verification import DEFAULT_WORDING

SMS_VERIFY_CODE = "SMS_VERIFY_CODE"
MAX_NAME_LENGTH = 50
MAX_TEXT_LENGTH = 161

_CODE = "${code}"


def requested_wording(org: Org, request: Request, factor_type: FactorType) -> str:
    """The text, with a placeholder for the code, in which a request wants its code sent."""
    template = org.sms_templates.get(request.args.get("templateId", ""))
    if template is None or factor_type is not FactorType.SMS:
        return DEFAULT_WORDING
    language = request.accept_languages.best_match(template.translations)
    return template.text if language is None else template.translations[language]


def list_all(org: Org, _request: Request) -> Answer:
    return Answer([_shown(each) for each in org.sms_templates.values()])


def create(org: Org, request: Request) -> Answer:
    body = json_object(request)
    given = nested(body, "translations")
    translations = {language: each for language, each in given.items() if isinstance(each, str)}
    if len(translations) < len(given):
        raise OktaError(Refusal.MALFORMED_BODY)
    name, kind, wording = (text(body, each) or "" for each in ("name", "type", "template"))
    new_id, now = org.transient_ids.record("cst"), timestamp(org.clock())
    template = SmsTemplate(new_id, now, name, kind, wording, translations)
    _check(template, {each.name for each in org.sms_templates.values()})
    org.sms_templates[template.id] = template
    return Answer(_shown(template))


def _check(new: SmsTemplate, names: set[str]) -> None:
    if not 1 <= len(new.name) <= MAX_NAME_LENGTH:
        raise validation_failed(
            "name", f"name: must be from 1 to {MAX_NAME_LENGTH} characters long"
        )
    if new.type != SMS_VERIFY_CODE:
        raise validation_failed("type", f"type: must be {SMS_VERIFY_CODE}")
    for each in (new.text, *new.translations.values()):
        if _CODE not in each or len(each) > MAX_TEXT_LENGTH:
            raise validation_failed(
                "template", f"template: must hold {_CODE} and at most {MAX_TEXT_LENGTH} characters"
            )
    if new.name in names:
        raise validation_failed(
            "name", "name: An object with this field already exists in the current organization"
        )


def _shown(template: SmsTemplate) -> JsonObject:
    return {
        "id": template.id,
        "name": template.name,
        "type": template.type,
        "template": template.text,
        "translations": template.translations,
        "created": template.created,
        "lastUpdated": template.created,
    }
