"""Known devices: browsers and apps that have verified a customer before."""

from __future__ import annotations

import secrets

from verification import rules
from verification.crypto import DeviceClaim
from verification.frozen import Frozen
from verification.models.callers import Caller, Lane
from verification.models.customers import CustomerKey, Device, EmailHash
from verification.models.states import CustomerState
from verification.ports import Customers, Keys


class Devices(Frozen):
    """Reads and makes device tokens. An invalid token is not an error: it counts as none."""

    customers: Customers
    keys: Keys

    def claim(
        self,
        caller: Caller,
        now: int,
        *,
        given: str = "",
        email_hash: EmailHash | None,
        customer: CustomerKey | None,
    ) -> tuple[DeviceClaim, CustomerState] | None:
        """The caller's device, if its token is valid for this email, or for this customer, and what is
        known of the customer. A token that is `given` in the body counts before that of the header.
        """
        token = given or caller.device_token
        claim = self.keys().device_claim(token) if token else None
        if claim is None or claim.issued_at + rules.DEVICE_SECONDS <= now:
            return None
        if email_hash not in (None, claim.email_hash) or customer not in (None, claim.customer):
            return None
        state = self.customers.get(claim.customer)
        if claim.issued_at <= state.devices_ended_at:
            return None
        if not rules.knows_device(state, claim.device_id):
            return None
        return claim, state

    def lane_of(self, caller: Caller, customer: CustomerKey, now: int) -> Lane:
        """The lane of a caller who deals with a customer that is known already."""
        if not caller.is_public:
            return Lane.CLIENT
        device = self.claim(caller, now, email_hash=None, customer=customer)
        return Lane.DEVICE if device else Lane.STRANGER

    def remember(
        self,
        state: CustomerState,
        customer: CustomerKey,
        email_hash: EmailHash,
        device_id: str | None,
        now: int,
    ) -> tuple[tuple[Device, ...], str]:
        """The customer's devices with this one (None: a new one), and its new token."""
        # A device that is added in the second in which all are ended would be ended too.
        issued_at = max(now, state.devices_ended_at + 1)
        device = Device(device_id or secrets.token_hex(16), issued_at)
        others = [each for each in state.devices if each.id != device.id]
        kept = (device, *others)[: rules.DEVICES]
        claim = DeviceClaim(device.id, customer, email_hash, issued_at)
        return kept, self.keys().device_token(claim)
