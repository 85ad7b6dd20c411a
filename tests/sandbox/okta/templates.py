"""The SMS templates API: list, read, create, change, replace, delete."""

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, nested, text
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject
from tests.sandbox.okta.routing import Route
from tests.sandbox.okta.sms_templates import Draft, SmsTemplate


def requested_wording(org: Org, request: Request, factor_type: FactorType) -> str:
    """The text in which a request wants its code sent."""
    template_id = request.args.get("templateId")
    return org.sms_templates.wording(factor_type, template_id, request.accept_languages)


def list_all(org: Org, request: Request) -> Answer:
    wanted = request.args.get("templateType")
    found = org.sms_templates.all()
    return Answer([_template(each) for each in found if wanted in (None, each.draft.type)])


def create(org: Org, request: Request) -> Answer:
    return Answer(_template(org.sms_templates.add(_draft(json_object(request)))))


def read(org: Org, _request: Request, template_id: str) -> Answer:
    return Answer(_template(org.sms_templates.get(template_id)))


def replace(org: Org, request: Request, template_id: str) -> Answer:
    return Answer(_template(org.sms_templates.change(template_id, _draft(json_object(request)))))


def update(org: Org, request: Request, template_id: str) -> Answer:
    """Change the fields that have a value; a translation without a value is removed."""
    body = json_object(request)
    older = org.sms_templates.get(template_id).draft
    translations = {**older.translations, **nested(body, "translations")}
    draft = Draft(
        text(body, "name") or older.name,
        text(body, "type") or older.type,
        text(body, "template") or older.text,
        _translations({language: said for language, said in translations.items() if said}),
    )
    return Answer(_template(org.sms_templates.change(template_id, draft)))


def delete(org: Org, _request: Request, template_id: str) -> Answer:
    org.sms_templates.remove(template_id)
    return NO_CONTENT


def _draft(body: JsonObject) -> Draft:
    return Draft(
        text(body, "name") or "",
        text(body, "type") or "",
        text(body, "template") or "",
        _translations(nested(body, "translations")),
    )


def _translations(given: JsonObject) -> dict[str, str]:
    translations = {language: said for language, said in given.items() if isinstance(said, str)}
    if len(translations) < len(given):
        raise OktaError(Refusal.MALFORMED_BODY)
    return translations


def _template(shown: SmsTemplate) -> JsonObject:
    return {
        "id": shown.id,
        "name": shown.draft.name,
        "type": shown.draft.type,
        "template": shown.draft.text,
        "translations": shown.draft.translations,
        "created": shown.created,
        "lastUpdated": shown.last_updated,
    }


_TEMPLATES = "/api/v1/templates/sms"
_TEMPLATE = f"{_TEMPLATES}/<template_id>"

ROUTES = (
    Route("GET", _TEMPLATES, Bucket.OTHER, None, list_all),
    Route("POST", _TEMPLATES, Bucket.OTHER, None, create),
    Route("GET", _TEMPLATE, Bucket.OTHER, None, read),
    Route("POST", _TEMPLATE, Bucket.OTHER, None, update),
    Route("PUT", _TEMPLATE, Bucket.OTHER, None, replace),
    Route("DELETE", _TEMPLATE, Bucket.OTHER, None, delete),
)
