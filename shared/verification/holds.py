"""What a client may see of a customer's hold, and the end of the customer's known devices."""

from __future__ import annotations

from verification import rules
from verification.frozen import Frozen
from verification.lookup import Lookup
from verification.models.callers import Call
from verification.models.customers import Email
from verification.models.states import Hold
from verification.observability import Meter
from verification.ports import Clock, Customers, Keys
from verification.settings import Settings


class Holds(Frozen):
    """Reads holds and ends devices. Nothing here ends a hold: only a success does, such as that of a
    challenge with `release_hold` (see `issue`).
    """

    lookup: Lookup
    customers: Customers
    keys: Keys
    settings: Settings
    meter: Meter
    clock: Clock

    def of(self, email: Email, call: Call) -> Hold:
        """The lanes that are held for this email's customer. Raises one of CustomerRefused."""
        self.meter.note(email_hash=self.keys().email_hash(email))
        state = self.customers.get(self.lookup.customer(email, call))
        return rules.hold_of(state, self.settings.stranger_attempts)

    def end_devices(self, user_id: str) -> None:
        """Make all device tokens of this Okta user invalid."""
        self.customers.end_devices(self.keys().customer_key(user_id), int(self.clock()))
