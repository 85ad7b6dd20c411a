"""Whether sign-ins at Okta fail for everybody now, found out without anybody's login."""

from __future__ import annotations

import time
from collections.abc import Callable

from verification.models import Call
from verification.ports import OktaAuthn

BELIEVED_SECONDS = 10.0
"""How long a process believes that Okta answers."""


class Outage:
    """The public may be told of an outage, because it says nothing about a login: neither whether
    Okta is asked about that one, nor what it does there.
    """

    def __init__(self, authn: OktaAuthn, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._authn = authn
        self._monotonic = monotonic
        self._answered_at = -BELIEVED_SECONDS

    def require_none(self, call: Call) -> None:
        """Raise what a sign-in of anybody would end with now."""
        now = self._monotonic()
        if now - self._answered_at >= BELIEVED_SECONDS:
            self._authn.require_answer(call)
            self._answered_at = now
