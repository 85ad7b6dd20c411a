"""What one caller may do in an hour, whomever it asks about."""

from __future__ import annotations

from contextlib import suppress

from verification import policy
from verification.aws import callers
from verification.aws.callers import CallerRows
from verification.aws.secrets import Secrets
from verification.aws.table import Item
from verification.errors import RateLimited
from verification.models import Caller
from verification.settings import Settings

_CLIENT_SENDS, _SOURCE_SENDS, _SOURCE_FAILURES = "client-sends", "source-sends", "source-failures"
_PASSWORDS = "passwords"


class Limits:
    """Budgets of clients by their name, and of the public by its source address.

    Wrong codes and passwords have one for sources alone, as a client's customers all come from its
    address; wrong passwords have another for each username, whoever calls.
    """

    def __init__(self, rows: CallerRows, keys: Secrets, settings: Settings) -> None:
        self._rows = rows
        self._keys = keys
        self._settings = settings

    def spend_send(self, caller: Caller, now: int) -> None:
        """Count one send. Raises RateLimited."""
        if caller.client is not None:
            self._rows.spend(_CLIENT_SENDS, caller.client, self._settings.sends_per_client, now)
        else:
            budget = self._settings.sends_per_source
            self._rows.spend(_SOURCE_SENDS, self._source(caller), budget, now)

    def failures_row(self, caller: Caller) -> str | None:
        """The key of the row to look at before a code is checked; None if there is no budget."""
        if not caller.is_public:
            return None
        return callers.key_of(_SOURCE_FAILURES, self._source(caller))

    def require_failures_left(self, row: Item, now: int) -> None:
        """Raise RateLimited if the source's wrong codes are used up. Calls that are in flight at
        the same time pass together: the budget is exceeded by at most their number.
        """
        callers.require_left(row, self._settings.failures_per_source, now)

    def count_failure(self, caller: Caller, now: int) -> None:
        """Count one wrong code of the public."""
        if caller.is_public:
            with suppress(RateLimited):
                budget = self._settings.failures_per_source
                self._rows.spend(_SOURCE_FAILURES, self._source(caller), budget, now)

    def spend_password(self, caller: Caller, identity: str, now: int) -> None:
        """Count one wrong password before it is known to be one: of the source, among its wrong
        codes, and of whom it is for. Raises RateLimited.
        """
        if caller.is_public:
            budget = self._settings.failures_per_source
            self._rows.spend(_SOURCE_FAILURES, self._source(caller), budget, now)
        self._rows.spend(_PASSWORDS, identity, self._settings.password_failures, now)

    def refund_password(self, caller: Caller, identity: str, now: int) -> None:
        """It was right, or Okta has not seen it."""
        if caller.is_public:
            self._rows.refund(_SOURCE_FAILURES, self._source(caller), now)
        self._rows.refund(_PASSWORDS, identity, now)

    def _source(self, caller: Caller) -> str:
        return self._keys.identities().of_source(policy.source_network(caller.source_ip))
