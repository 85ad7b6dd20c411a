"""Registers a new customer, with factors, in one call that can be repeated."""

from __future__ import annotations

import secrets
from contextlib import suppress

from verification import errors, rules
from verification.frozen import Frozen
from verification.models.callers import Call
from verification.models.customers import EmailHash, Factor, Registered, Registration, User
from verification.observability import Meter
from verification.ports import Clock, Emails, Keys, OktaFactors, OktaUsers, Registrations


class Register(Frozen):
    """Creates users, for clients, and never changes one that existed before."""

    keys: Keys
    emails: Emails
    requests: Registrations
    users: OktaUsers
    factors: OktaFactors
    meter: Meter
    clock: Clock

    def register(self, wanted: Registration, call: Call) -> Registered:
        """The new user with all factors. Raises CustomerExists, CustomerInvalid, RegistrationStopped
        if it is not known whether the user was created, and RegistrationIncomplete if it was.

        Factors are active at once: this client vouches for the profile that they are taken from.
        """
        email_hash = self.keys().email_hash(wanted.email)
        self.meter.note(email_hash=email_hash)
        user = self._user(wanted, email_hash, call)
        factors: list[Factor] | None = None
        try:
            factors = list(self.factors.list(user.id, call))
            self._enroll(wanted, user, factors, call)
        except errors.VerificationError as failure:
            if errors.may_have_acted(failure):
                factors = self._known(user, call)
            raise errors.RegistrationIncomplete(failure, _registered(user, factors)) from None
        finally:
            with suppress(errors.StoreUnavailable):
                self.emails.forget(email_hash)
        return _registered(user, factors)

    def _user(self, wanted: Registration, email_hash: EmailHash, call: Call) -> User:
        """A new user, or the one that an earlier try of this request has created.

        The second is recognised by its time: when this request asked (the time in the row), nobody had
        the email or the login, no other request could ask, and Okta says that the user was created then.
        """
        request = call.request or secrets.token_hex(16)  # without a key nobody can ask that again
        asked_at = self.requests.asked_at(email_hash, request)
        user = self._created(wanted, asked_at, call)
        if user is not None:
            return user
        self.requests.ask(email_hash, request, int(self.clock()))
        try:
            return self.users.create(wanted, call)
        except errors.VerificationError as failure:
            if errors.may_have_acted(failure):
                raise errors.RegistrationStopped(failure) from None
            refusal = failure
        if not asked_at:
            with suppress(errors.StoreUnavailable):
                self.requests.drop(email_hash, request)
        if isinstance(refusal, errors.CustomerInvalid):
            # The login may be taken: by somebody, or by what this request asked for earlier.
            user = self._created(wanted, asked_at, call)
        if user is None:
            raise refusal
        return user

    def _created(self, wanted: Registration, asked_at: int, call: Call) -> User | None:
        """The user that was created for this request, if there is one. Raises CustomerExists."""
        user = self.users.holder(wanted.login, wanted.email, call)
        if user is not None and not rules.was_created_for(wanted, asked_at, user):
            raise errors.CustomerExists
        return user

    def _enroll(self, wanted: Registration, user: User, factors: list[Factor], call: Call) -> None:
        """Add the wanted factors that are missing."""
        for each in wanted.factors:
            if rules.is_enrolled(factors, each):
                continue
            try:
                factors.append(self.factors.enroll(user.id, each, call, activate=True)[0])
            except errors.EnrollmentRefused:
                # Some orgs enroll a new user's email by themselves, a moment later.
                factors[:] = self.factors.list(user.id, call)
                if not rules.is_enrolled(factors, each):
                    raise

    def _known(self, user: User, call: Call) -> list[Factor] | None:
        """The factors after an enrollment whose answer was lost."""
        with suppress(errors.VerificationError):
            return list(self.factors.list(user.id, call))
        return None


def _registered(user: User, factors: list[Factor] | None) -> Registered:
    return Registered(user, None if factors is None else tuple(factors))
