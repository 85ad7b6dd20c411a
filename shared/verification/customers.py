"""Who an email leads to: Okta's answer, kept for a while so that a resend is one call."""

from __future__ import annotations

from dataclasses import replace

from verification import errors, policy
from verification.aws.emails import EmailRows
from verification.aws.secrets import Secrets
from verification.models import Call, Email, IssueRequest, Lookup
from verification.okta.factors import Factors
from verification.okta.users import Users

_REFUSALS = {
    refusal.code: refusal
    for refusal in (
        errors.CustomerNotFound,
        errors.CustomerInactive,
        errors.CustomerAmbiguous,
        errors.CustomerLocked,
    )
}


class Customers:
    """Looks customers up in Okta, through the cache on the email's row."""

    def __init__(self, users: Users, factors: Factors, emails: EmailRows, keys: Secrets) -> None:
        self._users = users
        self._factors = factors
        self._emails = emails
        self._keys = keys

    def look_up(self, request: IssueRequest, known: Lookup | None, now: int, call: Call) -> Lookup:
        """The customer, or the refusal that a public caller is not told.

        A client is never refused from memory: its customer may have been registered, or have
        enrolled the factor, a moment ago.
        """
        if (
            known
            and policy.is_fresh(known, now)
            and (call.caller.is_public or policy.has_factor(known, request.channel))
        ):
            return known
        email = request.email
        identities = self._keys.identities()
        identity = identities.of_email(email)
        try:
            user = self._users.find(email, call)
            factors = self._factors.list(user.id, call)
        except errors.CustomerRefused as refused:
            lookup = Lookup(now, identities.of_decoy(identity), refusal=refused.code)
        else:
            shown = (replace(each, destination=policy.mask(each.destination)) for each in factors)
            lookup = Lookup(now, identities.of_user(user.id), user.id, tuple(shown))
        self._emails.remember(identity, lookup)
        return lookup

    def require(self, email: Email, call: Call) -> str:
        """The key of the customer's row, asked of Okta now. Raises one of CustomerRefused."""
        return self._keys.identities().of_user(self._users.find(email, call).id)


def require_found(lookup: Lookup) -> None:
    """Raise the refusal, if it is one."""
    if lookup.refusal:
        raise _REFUSALS[lookup.refusal]
