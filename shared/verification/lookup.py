"""Finds the Okta user and factors of an email; the answer is kept, so that a resend is one call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from verification import errors, rules
from verification.frozen import Frozen
from verification.models.callers import Call
from verification.models.customers import (
    Channel,
    CustomerKey,
    Email,
    EmailHash,
    Factor,
    FactorType,
    Found,
    KnownFactor,
    Target,
)
from verification.ports import Beside, Emails, Keys, OktaFactors, OktaUsers

_REFUSALS = {
    refusal.code: refusal
    for refusal in (
        errors.CustomerNotFound,
        errors.CustomerInactive,
        errors.CustomerAmbiguous,
        errors.CustomerLocked,
    )
}


class Lookup(Frozen):
    """Asks Okta, unless the email's row has an answer that is young enough."""

    users: OktaUsers
    factors: OktaFactors
    emails: Emails
    keys: Keys
    beside: Beside

    def find(
        self, email: Email, channel: Channel | None, known: Found | None, now: int, call: Call
    ) -> Found:
        """The customer, or the refusal. `channel` is the one that is needed; None if any will do.

        A client is never refused from memory, and the public only for a minute: the customer may
        have been registered, or have enrolled the factor, a moment ago.
        """
        if known is not None and rules.is_fresh(known, now):
            refuses_public = call.caller.is_public and now - known.at < rules.REFUSAL_SECONDS
            if rules.has_factor(known, channel) or refuses_public:
                return known
        email_hash = self.keys().email_hash(email)
        try:
            user = self.users.find(email, call)
            factors = self.factors.list(user.id, call)
        except errors.CustomerRefused as refused:
            found = Found(now, refusal=refused.code)
        else:
            last_login = rules.epoch(user.last_login)
            found = Found(now, user.id, self._known(factors, email), last_login=last_login)
        self.beside.start(lambda: self._remember(email_hash, found))
        return found

    def require_factor(self, found: Found, channel: Channel) -> tuple[KnownFactor, Target]:
        """The factor to challenge, and whose it is. Raises one of CustomerRefused."""
        user_id = self.require_user(found)
        factor = rules.choose_factor(found.factors, channel)
        return factor, Target(self.keys().customer_key(user_id), user_id, factor.id)

    def require_user(self, found: Found) -> str:
        """The customer's Okta user id. Raises one of CustomerRefused."""
        if found.refusal:
            raise _REFUSALS[found.refusal]
        return found.user_id

    def customer(self, email: Email, call: Call) -> CustomerKey:
        """The customer of an email, asked of Okta now. Raises one of CustomerRefused."""
        return self.keys().customer_key(self.users.find(email, call).id)

    def known_customer(self, email_hash: EmailHash) -> CustomerKey | None:
        """The customer that an email led to last, if it was ever looked up."""
        found = self.emails.found(email_hash)
        return self.keys().customer_key(found.user_id) if found and found.user_id else None

    def _remember(self, email_hash: EmailHash, found: Found) -> None:
        with suppress(errors.StoreUnavailable):  # Okta is asked once more next time
            self.emails.remember(email_hash, found)

    def _known(self, factors: Sequence[Factor], email: Email) -> tuple[KnownFactor, ...]:
        """The factors of types that this service can use."""
        keyring = self.keys()
        return tuple(
            KnownFactor(
                each.id,
                each.type,
                each.status,
                rules.mask(rules.address_of(each)),
                keyring.destination_hash(address) if (address := rules.address_of(each)) else "",
                each.type is FactorType.EMAIL and each.destination.lower() == email,
            )
            for each in factors
            if rules.can_be_challenged(each)
        )
