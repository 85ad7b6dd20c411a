"""The SMS templates API, as far as it is used: list, create, read, delete."""

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, nested, text
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject
from tests.sandbox.okta.routing import Route
from tests.sandbox.okta.sms_templates import SmsTemplate


def requested_wording(org: Org, request: Request, factor_type: FactorType) -> str:
    """The text in which a request wants its code sent."""
    template_id = request.args.get("templateId")
    return org.sms_templates.wording(factor_type, template_id, request.accept_languages)


def list_all(org: Org, request: Request) -> Answer:
    wanted = request.args.get("templateType")
    found = org.sms_templates.all()
    return Answer([_template(each) for each in found if wanted in (None, each.type)])


def create(org: Org, request: Request) -> Answer:
    body = json_object(request)
    given = nested(body, "translations")
    translations = {language: each for language, each in given.items() if isinstance(each, str)}
    if len(translations) < len(given):
        raise OktaError(Refusal.MALFORMED_BODY)
    name, kind, wording = (text(body, each) or "" for each in ("name", "type", "template"))
    return Answer(_template(org.sms_templates.add(name, kind, wording, translations)))


def read(org: Org, _request: Request, template_id: str) -> Answer:
    return Answer(_template(org.sms_templates.get(template_id)))


def delete(org: Org, _request: Request, template_id: str) -> Answer:
    org.sms_templates.remove(template_id)
    return NO_CONTENT


def _template(shown: SmsTemplate) -> JsonObject:
    return {
        "id": shown.id,
        "name": shown.name,
        "type": shown.type,
        "template": shown.text,
        "translations": shown.translations,
        "created": shown.created,
        "lastUpdated": shown.created,
    }


_TEMPLATES = "/api/v1/templates/sms"
_TEMPLATE = f"{_TEMPLATES}/<template_id>"

ROUTES = (
    Route("GET", _TEMPLATES, Bucket.OTHER, None, list_all),
    Route("POST", _TEMPLATES, Bucket.OTHER, None, create),
    Route("GET", _TEMPLATE, Bucket.OTHER, None, read),
    Route("DELETE", _TEMPLATE, Bucket.OTHER, None, delete),
)
