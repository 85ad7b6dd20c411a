"""The simulated org: all of its state, changed by requests and restored by `reset`.

Assumed: a search sees every change at once (the real index lags, usually less than a second).
"""

import random
import threading
from collections.abc import Callable

from tests.sandbox.okta import seed
from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.faults import Faults
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.limits import RateLimits, Throttle
from tests.sandbox.okta.oauth import OAuth
from tests.sandbox.okta.pushes import Pushes
from tests.sandbox.okta.records import (
    Call,
    Factor,
    FactorType,
    Inbox,
    Policy,
    Session,
    SessionToken,
    SmsTemplate,
    Transaction,
    User,
)
from tests.sandbox.okta.verification import Verification

Latency = float | Callable[[str], float]
"""Seconds that every answer takes, or a function from the kind of call (see urls.py) to seconds."""


class Org:
    """An Okta org: customers, factors, limits, inbox and faults.

    `lock` guards the state and is never held while a request waits. `until_interrupted` ends every
    wait. The latency survives a reset: it belongs to the network and not to the org. So do service
    apps, which whoever starts the org has made.
    """

    def __init__(
        self, clock: Callable[[], float], rng: random.Random, latency_seconds: Latency = 0.0
    ) -> None:
        self.clock = clock
        self.latency_seconds = latency_seconds
        self.lock = threading.RLock()
        self.inbox = Inbox()
        self.calls: list[Call] = []
        self.faults = Faults(self.lock)
        self.transient_ids = Ids(rng)
        self._rng = rng
        self.verification = Verification(clock, rng, self.inbox)
        self.oauth = OAuth(clock, self.transient_ids)
        self.until_interrupted = threading.Event()
        # Drawn once, so that every reset gives the same ids; codes go on changing.
        self._record_seed = rng.getrandbits(64)
        self.reset()

    def interrupt(self) -> None:
        """Clear the faults and end the delays of requests that are being answered."""
        with self.lock:
            self.faults.clear()
            self.until_interrupted.set()
            self.until_interrupted = threading.Event()

    def reset(self) -> None:
        """Return to the seed."""
        with self.lock:
            self.interrupt()
            self.api_tokens = [seed.SANDBOX_API_TOKEN]
            records_rng = random.Random(self._record_seed)  # noqa: S311 - ids are not secret
            self.directory = Directory(Ids(records_rng))
            seed.plant(self.directory)
            self.policy = Policy()
            self.pushes = Pushes(self.clock, self._rng)
            self.sms_templates: dict[str, SmsTemplate] = {}
            self.session_tokens: dict[str, SessionToken] = {}
            self.sessions: dict[str, Session] = {}
            self.transactions: dict[str, Transaction] = {}
            self.sign_in_attempts = Throttle(4, 1)
            self.activation_attempts = Throttle(5, 300)
            self.limits = RateLimits()
            self.inbox.clear()
            self.calls.clear()

    def populate(self, count: int) -> None:
        """Add so many customers for load tests, at most once between two resets."""
        with self.lock:
            for number in range(count):
                seed.plant_quiet_customer(self.directory, number)

    def accept_tokens(self, tokens: object) -> None:
        """Accept these API tokens and no other until the next reset."""
        if not isinstance(tokens, list):
            raise TypeError("accepted must be a list of tokens")
        with self.lock:
            self.api_tokens = [str(token) for token in tokens]

    def customers(self) -> list[dict[str, object]]:
        """Every customer, with the secrets that a tester needs."""
        with self.lock:
            return [_listed_customer(user) for user in self.directory]


def _listed_customer(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "login": user.login,
        "email": user.email,
        "status": user.status.value,
        "groups": list(user.group_ids),
        "failed_factor_attempts": user.failed_factor_attempts,
        "most_failed_factor_attempts": user.most_failed_factor_attempts,
        "factors": [_listed_factor(factor) for factor in user.factors],
    }


def _listed_factor(factor: Factor) -> dict[str, object]:
    listed: dict[str, object] = {
        "id": factor.id,
        "type": factor.type.value,
        "provider": factor.provider,
        "status": factor.status.value,
        "destination": factor.destination,
    }
    if factor.type is FactorType.TOTP:
        listed["shared_secret"] = factor.secret
    if factor.type is FactorType.QUESTION:
        listed["answer"] = factor.secret
    return listed
