"""The use case of registration: a new customer, with factors, in one call that can be repeated."""

from __future__ import annotations

import secrets
from contextlib import suppress

from verification import errors, policy
from verification.models import Call, Factor, Registered, Registration, User
from verification.resources import Resources
from verification.sending import may_have_been_sent


class Registrations:
    """Makes users, for clients, and never touches one that was there before."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._users = resources.users
        self._factors = resources.factors
        self._rows = resources.store.registrations

    def register(self, wanted: Registration, call: Call) -> Registered:
        """The new user with all its factors. Raises CustomerExists, CustomerInvalid; a failure
        after the user was made says what exists, and the same request under the same key goes on
        from there.

        Factors are active at once: they are those of a profile that this very client vouches for.
        """
        identity = self._resources.keys.identities().of_email(wanted.email)
        self._resources.meter.note(identity=identity)
        # Okta may mail an activation.
        self._resources.limits.spend_send(call.caller, self._resources.now())
        user = self._user(wanted, identity, call)
        factors: list[Factor] | None = None
        try:
            factors = self._factors.list(user.id, call)
            self._enrol(wanted, user, factors, call)
        except errors.VerificationError as failure:
            if may_have_been_sent(failure):
                factors = self._known(user, call)
            failure.half_done = _registered(user, factors)
            raise
        finally:
            with suppress(errors.StoreUnavailable):
                self._resources.store.emails.forget(identity)
        return _registered(user, factors)

    def _user(self, wanted: Registration, identity: str, call: Call) -> User:
        """A new user, or the one that this request has made before without a good end.

        That one is known by this: at the time on the row nobody had the email or the login, this
        request alone asked for it, and Okta says that it was made then.
        """
        request = call.request or secrets.token_hex(16)  # nobody can ask that again
        asked_at = self._rows.asked_at(identity, request)
        user = self._made(wanted, asked_at, call)
        if user is not None:
            return user
        self._rows.ask(identity, request, self._resources.now())
        try:
            return self._users.create(wanted, call)
        except errors.VerificationError as failure:
            if may_have_been_sent(failure):
                raise
            refusal = failure
        if not asked_at:
            with suppress(errors.StoreUnavailable):
                self._rows.drop(identity, request)
        if isinstance(refusal, errors.CustomerInvalid):
            # The login may be taken: by somebody, or since the look by what was asked for before.
            user = self._made(wanted, asked_at, call)
        if user is None:
            raise refusal
        return user

    def _made(self, wanted: Registration, asked_at: int, call: Call) -> User | None:
        """Nobody, or the user who was asked for then. Raises CustomerExists."""
        user = self._users.holding(wanted.login, wanted.email, call)
        if user is not None and not policy.was_made_for(wanted, asked_at, user):
            raise errors.CustomerExists
        return user

    def _enrol(self, wanted: Registration, user: User, factors: list[Factor], call: Call) -> None:
        """Add to the user's factors those that are wanted and not there."""
        for each in wanted.factors:
            if policy.is_enrolled(factors, each):
                continue
            try:
                factors.append(self._factors.enrol(user.id, each, call, activate=True)[0])
            except errors.EnrollmentRefused:
                # Some orgs enrol a new user's email by themselves, in their own time.
                factors[:] = self._factors.list(user.id, call)
                if not policy.is_enrolled(factors, each):
                    raise

    def _known(self, user: User, call: Call) -> list[Factor] | None:
        """The factors after an enrolment whose answer was lost."""
        with suppress(errors.VerificationError):
            return self._factors.list(user.id, call)
        return None


def _registered(user: User, factors: list[Factor] | None) -> Registered:
    return Registered(user, None if factors is None else tuple(factors))
