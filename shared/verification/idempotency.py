"""The same request under the same Idempotency-Key is carried out once and answered alike."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from verification.aws.answers import Answer, AnswerRows
from verification.aws.secrets import Secrets
from verification.errors import InternalError, StoreUnavailable


class Idempotency:
    """Keeps answers on the table, under a keyed hash of the request and sealed with its key: an
    answer may hold the secret of an authenticator app.
    """

    def __init__(
        self, rows: AnswerRows, keys: Secrets, clock: Callable[[], float] = time.time
    ) -> None:
        self._rows = rows
        self._keys = keys
        self._clock = clock

    def once(self, scope: str, key: str, content: str, work: Callable[[], Answer]) -> Answer:
        """The kept answer of this request, or the work's. If the work raises, it may be tried
        again. Raises IdempotencyKeyReused, RequestInProgress.
        """
        identities = self._keys.identities()
        name = identities.of_request("key", scope, key)
        fingerprint = identities.of_request("content", content)
        claim = secrets.token_hex(8)
        kept = self._rows.claim(name, fingerprint, claim, int(self._clock()))
        context = f"answer {scope} {key}"
        if kept is not None:
            unsealed = identities.unseal(context, kept.body)
            if unsealed is None:
                raise InternalError
            body, headers = json.loads(unsealed)
            return replace(kept, body=body, headers=headers)
        try:
            answer = work()
        except BaseException:
            with suppress(StoreUnavailable):
                self._rows.drop(name, claim)
            raise
        # The work is done, whatever becomes of its record.
        with suppress(StoreUnavailable):
            sealed = identities.seal(context, json.dumps([answer.body, dict(answer.headers)]))
            self._rows.keep(name, claim, replace(answer, body=sealed))
        return answer
