"""Okta's SMS templates: a challenge can name a template, but cannot contain a text."""

from __future__ import annotations

import hashlib

from verification import errors
from verification.models.callers import Call
from verification.okta.transport import Transport

_PATH = ("api", "v1", "templates", "sms")


class SmsTemplates:
    """Finds or creates templates."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def name_of(self, text: str) -> str:
        """The name of the template with this text."""
        return f"customer-verification-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def id_of(self, text: str, call: Call) -> str:
        """The id of the template with this text, in which `{{code}}` stands for the code."""
        name = self.name_of(text)
        return self._find(name, call) or self._create(name, text, call)

    def _find(self, name: str, call: Call) -> str | None:
        found = self._transport.request("GET", _PATH, call)
        if not isinstance(found, list):
            raise errors.OktaUnexpectedResponse
        for each in found:
            match each:
                case {"id": str(template_id), "name": str(known)} if known == name:
                    return template_id
        return None

    def _create(self, name: str, text: str, call: Call) -> str:
        body = {
            "name": name,
            "type": "SMS_VERIFY_CODE",
            "template": text.replace("{{code}}", "${code}"),
        }
        match self._transport.request("POST", _PATH, call, body=body):
            case {"id": str(template_id)}:
                return template_id
        raise errors.OktaUnexpectedResponse
