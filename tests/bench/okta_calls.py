"""How many requests Okta gets for one call of this service over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import requests

from tests.bench.metrics import Metric
from tests.sandbox.sandbox import Sandbox

EMAIL = "ada@example.com"
RESEND_SECONDS = 31


def measure(sandbox: Sandbox) -> Iterator[Metric]:
    """A customer's first code, its check, and the next code after the least wait."""
    with requests.Session() as session:

        def issue() -> None:
            _post(session, f"{sandbox.url}/challenge", {"email": EMAIL})

        def verify() -> None:
            code = sandbox.org.inbox.to(EMAIL)[0].code
            _post(session, f"{sandbox.url}/verify", {"email": EMAIL, "otp": code})

        yield Metric("okta_calls_per_issue", _calls(sandbox, issue), "calls")
        yield Metric("okta_calls_per_verify", _calls(sandbox, verify), "calls")
        _post(session, f"{sandbox.url}/sandbox/clock", {"advance_seconds": RESEND_SECONDS})
        yield Metric("okta_calls_per_issue_repeat", _calls(sandbox, issue), "calls")


def _calls(sandbox: Sandbox, work: Callable[[], None]) -> int:
    before = len(sandbox.org.calls)
    work()
    sandbox.settle()
    return len(sandbox.org.calls) - before


def _post(session: requests.Session, url: str, body: dict[str, object]) -> None:
    session.post(url, json=body, timeout=30).raise_for_status()
