"""A request that is repeated under its Idempotency-Key is carried out once and answered alike.

Powertools has a utility for this. It is not used, because its record contains the response as it
is, and these responses can contain the secret of an authenticator app or a device token: here they
are sealed with the key that the caller chose. It also has no way to decide, once the work has
failed, whether the failure is an answer to store (Okta may have acted) or the request may be tried
again at once.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from contextlib import suppress

from verification import rules
from verification.errors import InternalError, StoreUnavailable
from verification.http.messages import Reply
from verification.ports import Clock, Keys, Responses, StoredResponse

REPLAYED = "replayed"
"""The outcome of a request that was answered from the table."""

KEPT_SECONDS = 24 * 3600

_MADE_OF_THE_REQUEST = r"retry-[0-9a-f]{64}"
"""The keys of WorkOS's client for Kotlin and Java: a hash of the path and the body."""


class Idempotency:
    """Stores responses under a keyed hash of the request."""

    def __init__(self, rows: Responses, keys: Keys, clock: Clock) -> None:
        self._rows = rows
        self._keys = keys
        self._clock = clock

    def once(self, scope: str, key: str, content: str, work: Callable[[], Reply]) -> Reply:
        """Return the stored response, or run `work` and store its response. If `work` raises, or its
        response is not final, the request may be tried again. Raises IdempotencyKeyReused, RequestInProgress.
        """
        keyring = self._keys()
        name = keyring.request_hash("key", scope, key)
        fingerprint = keyring.request_hash("content", content)
        claim = secrets.token_hex(8)
        now = int(self._clock())
        stored = self._rows.claim(name, fingerprint, claim, now, now + _kept_seconds(key))
        context = f"response {scope} {key}"
        if stored is not None:
            unsealed = keyring.unseal(context, stored.sealed)
            if unsealed is None:
                raise InternalError
            body, headers = json.loads(unsealed)
            return Reply(stored.status, REPLAYED, body, stored.content_type, headers)
        try:
            reply = work()
        except BaseException:
            with suppress(StoreUnavailable):
                self._rows.drop(name, claim)
            raise
        # The work is done, whatever happens to its record.
        with suppress(StoreUnavailable):
            if not reply.is_final:
                self._rows.drop(name, claim)
                return reply
            sealed = keyring.seal(context, json.dumps([reply.body, dict(reply.headers)]))
            response = StoredResponse(reply.status, reply.content_type, sealed)
            self._rows.keep(name, claim, response)
        return reply


def is_made_of_the_request(key: str) -> bool:
    """Whether the key is the same whenever the same is asked for. It can only tell a retry from the
    next request as long as no next one is due.
    """
    return re.fullmatch(_MADE_OF_THE_REQUEST, key) is not None


def _kept_seconds(key: str) -> int:
    return rules.RESEND_SECONDS if is_made_of_the_request(key) else KEPT_SECONDS
