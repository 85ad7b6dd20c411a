"""The SMS templates of the org: texts with a placeholder for the code, written by an administrator.

Documented: for an unknown template, or a language that a template lacks, the default text is sent,
without an error. Assumed: the checks of a template, and their errors.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from werkzeug.datastructures import LanguageAccept

from tests.sandbox.okta.exceptions import not_found, validation_failed
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import FactorType, timestamp
from tests.sandbox.okta.verification import DEFAULT_WORDING

SMS_VERIFY_CODE = "SMS_VERIFY_CODE"
MAX_NAME_LENGTH = 50
MAX_TEXT_LENGTH = 161

_CODE = "${code}"


@dataclass(frozen=True)
class SmsTemplate:
    """A template; translations by language."""

    id: str
    created: str
    name: str
    type: str
    text: str
    translations: dict[str, str]


@dataclass(frozen=True)
class SmsTemplates:
    """The org's own templates, by id, oldest first."""

    clock: Callable[[], float]
    ids: Ids
    _templates: dict[str, SmsTemplate] = field(default_factory=dict)

    def all(self) -> list[SmsTemplate]:
        return list(self._templates.values())

    def get(self, template_id: str) -> SmsTemplate:
        if template_id not in self._templates:
            raise not_found(template_id, "SmsTemplate")
        return self._templates[template_id]

    def add(self, name: str, kind: str, text: str, translations: dict[str, str]) -> SmsTemplate:
        now = timestamp(self.clock())
        template = SmsTemplate(self.ids.record("cst"), now, name, kind, text, translations)
        self._check(template)
        self._templates[template.id] = template
        return template

    def remove(self, template_id: str) -> None:
        del self._templates[self.get(template_id).id]

    def wording(
        self, factor_type: FactorType, template_id: str | None, languages: LanguageAccept
    ) -> str:
        """The text, with a placeholder for the code, for a factor of this type."""
        template = self._templates.get(template_id or "")
        if template is None or factor_type is not FactorType.SMS:
            return DEFAULT_WORDING
        language = languages.best_match(template.translations)
        return template.text if language is None else template.translations[language]

    def _check(self, new: SmsTemplate) -> None:
        if not 1 <= len(new.name) <= MAX_NAME_LENGTH:
            raise validation_failed(
                "name", f"name: must be from 1 to {MAX_NAME_LENGTH} characters long"
            )
        if new.type != SMS_VERIFY_CODE:
            raise validation_failed("type", f"type: must be {SMS_VERIFY_CODE}")
        for text in (new.text, *new.translations.values()):
            if _CODE not in text or len(text) > MAX_TEXT_LENGTH:
                raise validation_failed(
                    "template",
                    f"template: must hold {_CODE} and at most {MAX_TEXT_LENGTH} characters",
                )
        if any(each.name == new.name for each in self.all()):
            raise validation_failed(
                "name", "name: An object with this field already exists in the current organization"
            )
