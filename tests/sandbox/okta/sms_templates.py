"""The texts that an administrator writes for the org's messages.

Documented: a template that does not exist, and a language that a template does not have, are no
error; the default text goes out instead. Assumed: the checks of a template, and how a refusal of
one reads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import LanguageAccept

from tests.sandbox.okta.exceptions import ResourceNotFoundError, ValidationFailedError
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.times import timestamp
from tests.sandbox.okta.verification import DEFAULT_WORDING

SMS_VERIFY_CODE = "SMS_VERIFY_CODE"
MAX_NAME_LENGTH = 50
MAX_TEXT_LENGTH = 161

_PREFIX = "cst"
_CODE = "${code}"


@dataclass(frozen=True)
class Draft:
    """What an administrator says of a template; translations by their language."""

    name: str
    type: str
    text: str
    translations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SmsTemplate:
    """A kept template."""

    id: str
    draft: Draft
    created: str
    last_updated: str


class SmsTemplates:
    """The org's own templates, by id."""

    def __init__(self, clock: Callable[[], float], ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._templates: dict[str, SmsTemplate] = {}

    def all(self) -> list[SmsTemplate]:
        """Every template, oldest first."""
        return list(self._templates.values())

    def get(self, template_id: str) -> SmsTemplate:
        """The template with this id."""
        if template_id not in self._templates:
            raise ResourceNotFoundError(template_id, "SmsTemplate")
        return self._templates[template_id]

    def add(self, draft: Draft) -> SmsTemplate:
        """Keep a new template."""
        self._check(draft, None)
        now = timestamp(self._clock())
        template = SmsTemplate(self._ids.record(_PREFIX), draft, now, now)
        self._templates[template.id] = template
        return template

    def change(self, template_id: str, draft: Draft) -> SmsTemplate:
        """Put another draft in the place of a template."""
        older = self.get(template_id)
        self._check(draft, template_id)
        newer = replace(older, draft=draft, last_updated=timestamp(self._clock()))
        self._templates[template_id] = newer
        return newer

    def remove(self, template_id: str) -> None:
        """Forget a template."""
        del self._templates[self.get(template_id).id]

    def wording(
        self, factor_type: FactorType, template_id: str | None, languages: LanguageAccept
    ) -> str:
        """The text, still without its code, for a factor of this type."""
        template = self._templates.get(template_id or "")
        if template is None or factor_type is not FactorType.SMS:
            return DEFAULT_WORDING
        translations = template.draft.translations
        language = languages.best_match(translations)
        return template.draft.text if language is None else translations[language]

    def _check(self, draft: Draft, own_id: str | None) -> None:
        if not 1 <= len(draft.name) <= MAX_NAME_LENGTH:
            raise ValidationFailedError(
                "name", f"name: must be from 1 to {MAX_NAME_LENGTH} characters long"
            )
        if draft.type != SMS_VERIFY_CODE:
            raise ValidationFailedError("type", f"type: must be {SMS_VERIFY_CODE}")
        for text in (draft.text, *draft.translations.values()):
            if _CODE not in text or len(text) > MAX_TEXT_LENGTH:
                raise ValidationFailedError(
                    "template",
                    f"template: must hold {_CODE} and at most {MAX_TEXT_LENGTH} characters",
                )
        if any(each.draft.name == draft.name and each.id != own_id for each in self.all()):
            raise ValidationFailedError(
                "name",
                "name: An object with this field already exists in the current organization",
            )
