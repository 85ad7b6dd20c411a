"""Everything that no log may ever hold, and a look for it."""

from __future__ import annotations

import re

import pytest

from tests.integration.account import CLIENT_KEY, ROOT_KEY, TOKEN
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE

EMAIL = "Canary.Person@Example.com"
PHONE = "+15005550006"
PASSWORD = "Canary-Horse-Battery-9"
NAME = "Canarius"
USER_AGENT = "CanaryBrowser/4.2"
LOCALE = "fr-CA"
WRONG_KEY = "sk_canary_wrong_key_00001"
IDEMPOTENCY_KEY = "canary-idempotency-key-1"

CANARIES = [
    EMAIL,
    EMAIL.lower(),
    "canary.person",
    "canary.person%40example.com",
    PHONE,
    PHONE[1:],
    PASSWORD,
    NAME,
    CLIENT_KEY,
    WRONG_KEY,
    IDEMPOTENCY_KEY,
    TOKEN,
    ROOT_KEY,
    USER_AGENT,
    LOCALE,
    "Words that may change",  # of Okta's own body
]

# Durations are long numbers, which hold any six digits once in a while.
_CODES = re.compile(rf"(?<![\d.])(?:{CODE}|{WRONG_CODE})(?!\d)")


def leaks(out: str, err: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The canaries that have come into the log."""
    everything = f"{out}{err}{caplog.text}"
    return [canary for canary in CANARIES if canary in everything] + _CODES.findall(everything)
