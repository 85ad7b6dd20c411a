"""The texts of the org's messages, written by an administrator.

Documented: for an unknown template, or a language that a template lacks, the default text is sent,
without an error. Assumed: the checks of a template, and their errors.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import LanguageAccept

from tests.sandbox.okta.exceptions import not_found, validation_failed
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import FactorType, timestamp
from tests.sandbox.okta.verification import DEFAULT_WORDING

SMS_VERIFY_CODE = "SMS_VERIFY_CODE"
MAX_NAME_LENGTH = 50
MAX_TEXT_LENGTH = 161

_PREFIX = "cst"
_CODE = "${code}"


@dataclass(frozen=True)
class Draft:
    """The content of a template; translations by language."""

    name: str
    type: str
    text: str
    translations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SmsTemplate:
    id: str
    draft: Draft
    created: str
    last_updated: str


@dataclass(frozen=True)
class SmsTemplates:
    """The org's own templates, by id."""

    clock: Callable[[], float]
    ids: Ids
    _templates: dict[str, SmsTemplate] = field(default_factory=dict)

    def all(self) -> list[SmsTemplate]:
        return list(self._templates.values())

    def get(self, template_id: str) -> SmsTemplate:
        if template_id not in self._templates:
            raise not_found(template_id, "SmsTemplate")
        return self._templates[template_id]

    def add(self, draft: Draft) -> SmsTemplate:
        self._check(draft, None)
        now = timestamp(self.clock())
        template = SmsTemplate(self.ids.record(_PREFIX), draft, now, now)
        self._templates[template.id] = template
        return template

    def change(self, template_id: str, draft: Draft) -> SmsTemplate:
        older = self.get(template_id)
        self._check(draft, template_id)
        newer = replace(older, draft=draft, last_updated=timestamp(self.clock()))
        self._templates[template_id] = newer
        return newer

    def remove(self, template_id: str) -> None:
        del self._templates[self.get(template_id).id]

    def wording(
        self, factor_type: FactorType, template_id: str | None, languages: LanguageAccept
    ) -> str:
        """The text, with a placeholder for the code, for a factor of this type."""
        template = self._templates.get(template_id or "")
        if template is None or factor_type is not FactorType.SMS:
            return DEFAULT_WORDING
        translations = template.draft.translations
        language = languages.best_match(translations)
        return template.draft.text if language is None else translations[language]

    def _check(self, draft: Draft, own_id: str | None) -> None:
        if not 1 <= len(draft.name) <= MAX_NAME_LENGTH:
            raise validation_failed(
                "name", f"name: must be from 1 to {MAX_NAME_LENGTH} characters long"
            )
        if draft.type != SMS_VERIFY_CODE:
            raise validation_failed("type", f"type: must be {SMS_VERIFY_CODE}")
        for text in (draft.text, *draft.translations.values()):
            if _CODE not in text or len(text) > MAX_TEXT_LENGTH:
                raise validation_failed(
                    "template",
                    f"template: must hold {_CODE} and at most {MAX_TEXT_LENGTH} characters",
                )
        if any(each.draft.name == draft.name and each.id != own_id for each in self.all()):
            raise validation_failed(
                "name",
                "name: An object with this field already exists in the current organization",
            )
