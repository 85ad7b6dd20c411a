"""What every use case needs of the world, in one hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verification.aws.secrets import Secrets
from verification.aws.store import Store
from verification.customers import Customers
from verification.limits import Limits
from verification.models import Caller
from verification.observability import Meter
from verification.okta.authn import Authn
from verification.okta.factors import Factors
from verification.okta.templates import SmsTemplates
from verification.okta.users import Users
from verification.pace import Pace
from verification.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """Keys, rows, Okta's APIs, limits, and the time."""

    keys: Secrets
    store: Store
    users: Users
    factors: Factors
    authn: Authn
    templates: SmsTemplates
    customers: Customers
    limits: Limits
    meter: Meter
    settings: Settings
    pace: Pace
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock())

    def conceals(self, caller: Caller) -> bool:
        """Whether this caller must not learn who is a customer."""
        return caller.is_public and self.settings.conceal_unknown_customers
