"""The use cases: send a code to a customer, check the code that comes back, release a hold."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

from verification import errors, policy
from verification.aws import callers, emails
from verification.aws.table import Item
from verification.customers import require_found
from verification.models import (
    Call,
    Caller,
    Challenge,
    ChallengeStatus,
    CustomerState,
    Email,
    Factor,
    Issued,
    IssueRequest,
    Lookup,
    VerifyRequest,
)
from verification.pace import CHECK_CALLS
from verification.resources import Resources
from verification.sending import NEVER_REACHED_OKTA, Send, open_challenge, when_free

_OKTA_DISAGREES = (errors.CustomerRefused, errors.InvalidPhoneNumber)


class Challenges:
    """Issue, verify and release, for every dialect."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._keys = resources.keys
        self._rows = resources.store.customers
        self._factors = resources.factors
        self._limits = resources.limits
        self._meter = resources.meter
        self._settings = resources.settings
        self._pace = resources.pace

    def issue(self, request: IssueRequest, call: Call) -> Issued:
        """Send a code, or to the public seem to. Limits are spent before anybody is looked up, so
        that they are the same for those who are customers and those who are not.
        """
        now = self._resources.now()
        identity = self._keys.identities().of_email(request.email)
        self._meter.note(identity=identity, channel=request.channel)
        self._limits.spend_send(call.caller, now)
        send = Send(self._resources, identity, now)
        known = send.reserve()
        with self._hidden(call):
            try:
                lookup = self._resources.customers.look_up(request, known, now, call)
                factor = self._factor(request, lookup, call.caller)
                challenge = self._new_challenge(request, lookup, factor, now, call.caller)
                state = open_challenge(
                    self._resources,
                    lookup.customer,
                    challenge,
                    call,
                    is_nobody=bool(lookup.refusal),
                )
            except errors.VerificationError:
                send.refund()
                raise
            if not challenge.is_decoy:
                send.carry_out(
                    challenge, lookup.customer, lambda: self._send(request, challenge, call)
                )
        return Issued(
            challenge=challenge,
            resend_at=now + policy.RESEND_SECONDS,
            attempts_remaining=policy.attempts_remaining(state, now),
        )

    def verify(self, request: VerifyRequest, call: Call) -> Challenge:
        """The challenge, verified. Reserve, ask, settle: whatever goes wrong after the reservation,
        the attempt counts, unless it is certain that Okta never saw the code.
        """
        customer = self._locate(request, call)
        attempt = secrets.token_hex(8)
        try:
            state = when_free(
                lambda: self._rows.reserve(
                    customer, request.challenge_id, attempt, self._resources.now()
                ),
                self._resources,
                call,
            )
        except errors.ChallengeAlreadyVerified:
            # No decoy is ever verified. Whoever knows the id took part, and is told.
            if request.email is not None and self._resources.conceals(call.caller):
                raise errors.ChallengeNotFound from None
            raise
        challenge = self._check(request, state, customer, attempt, call)
        verified_at = self._resources.now()
        if challenge.activates:
            self._rows.activated(customer, attempt, verified_at)
            self._resources.store.emails.forget(challenge.identity)
        else:
            self._rows.verified(customer, attempt, verified_at)
        return replace(challenge, status=ChallengeStatus.VERIFIED, verified_at=verified_at)

    def release(self, email: Email, call: Call) -> None:
        """End the hold of this email's customer: one more code may be tried."""
        now = self._resources.now()
        identities = self._keys.identities()
        identity = identities.of_email(email)
        self._meter.note(identity=identity)
        decoy = partial(self._rows.release_hold, identities.of_decoy(identity), now)
        when_free(decoy, self._resources, call)
        customer = self._resources.customers.require(email, call)
        when_free(partial(self._rows.release_hold, customer, now), self._resources, call)

    def _factor(self, request: IssueRequest, lookup: Lookup, caller: Caller) -> Factor | None:
        """The factor to challenge; None where the public is shown a decoy instead of a refusal."""
        try:
            require_found(lookup)
            return policy.choose_factor(lookup.factors, request.channel)
        except errors.CustomerRefused as refused:
            if not self._resources.conceals(caller):
                raise
            self._meter.note(concealed=refused.code)
            return None

    def _new_challenge(
        self, request: IssueRequest, lookup: Lookup, factor: Factor | None, now: int, caller: Caller
    ) -> Challenge:
        identities = self._keys.identities()
        shown = policy.public_destination(request.email, request.channel)
        if factor is not None and not self._resources.conceals(caller):
            shown = factor.destination
        return Challenge(
            id=identities.new_challenge_id(lookup.customer),
            status=ChallengeStatus.SENDING,
            channel=request.channel,
            identity=identities.of_email(request.email),
            user_id=lookup.user_id if factor is not None else "",
            factor_id=factor.id if factor is not None else "",
            destination=shown,
            sent_at=now,
            expires_at=now + self._settings.challenge_lifetime,
            client=caller.client,
            purpose=request.purpose,
            reference=request.reference,
        )

    def _send(self, request: IssueRequest, challenge: Challenge, call: Call) -> None:
        if request.locale:
            call = replace(call, caller=replace(call.caller, accept_language=request.locale))
        try:
            self._factors.send(challenge, self._settings.challenge_lifetime, call)
        except _OKTA_DISAGREES as refused:
            self._resources.store.emails.forget(challenge.identity)
            if not self._resources.conceals(call.caller):
                raise
            self._meter.note(concealed=refused.code)

    def _locate(self, request: VerifyRequest, call: Call) -> str:
        """The key of the customer's row. Raises RateLimited, ChallengeNotFound."""
        identities = self._keys.identities()
        wanted = []
        if request.email is not None:
            identity = identities.of_email(request.email)
            self._meter.note(identity=identity)
            wanted.append(emails.key_of(identity))
        if budget := self._limits.failures_row(call.caller):
            wanted.append(budget)
        found = self._read(wanted)
        if budget:
            self._limits.require_failures_left(found[budget], self._resources.now())
        if request.email is None:
            customer = identities.customer_of(request.challenge_id or "")
        else:
            lookup = emails.lookup_of(found[wanted[0]])
            customer = lookup.customer if lookup else None
            if customer is None and not self._resources.conceals(call.caller):
                # Nothing was sent. Say so, if not because there is nobody to send it to.
                self._resources.customers.require(request.email, call)
        if customer is None:
            raise errors.ChallengeNotFound
        return customer

    def _read(self, keys: Sequence[str]) -> dict[str, Item]:
        """What a verification needs of these rows, in one call."""
        attributes = (*emails.LOOKUP, *callers.BUDGET)
        rows = self._resources.store.table.get(*keys, attributes=attributes) if keys else []
        return dict(zip(keys, rows, strict=True))

    def _check(
        self, request: VerifyRequest, state: CustomerState, customer: str, attempt: str, call: Call
    ) -> Challenge:
        """Return only if Okta said that the code is right."""
        challenge = state.newest
        if challenge is None:
            raise errors.InternalError("a reservation without a challenge")
        self._meter.note(channel=challenge.channel, identity=challenge.identity)
        if request.email is not None and not self._is_of(challenge, request.email):
            # The customer has another email by now, and it is that one the code was sent to.
            self._rows.released(customer, attempt, self._resources.now())
            raise errors.ChallengeNotFound
        started = self._pace.started()
        try:
            if challenge.is_decoy or not policy.matches(challenge, request):
                raise errors.InvalidCode
            if challenge.activates:
                self._factors.activate(challenge, request.code, call)
            else:
                self._factors.check(challenge, request.code, call)
        except errors.InvalidCode:
            raise self._wrong(state, customer, attempt, started, call) from None
        except NEVER_REACHED_OKTA:
            self._rows.released(customer, attempt, self._resources.now())
            raise
        except errors.CustomerRefused as refused:
            self._resources.store.emails.forget(challenge.identity)
            if self._resources.conceals(call.caller):
                self._meter.note(concealed=refused.code)
                raise self._wrong(state, customer, attempt, started, call) from None
            self._rows.count(customer, attempt, state)
            raise
        except errors.VerificationError as failure:
            failure.may_have_acted = True
            self._rows.count(customer, attempt, state)
            raise
        return challenge

    def _is_of(self, challenge: Challenge, email: Email) -> bool:
        return challenge.identity == self._keys.identities().of_email(email)

    def _wrong(
        self, state: CustomerState, customer: str, attempt: str, started: float, call: Call
    ) -> errors.InvalidCode:
        """Settle a wrong code. To the public it is held back before that, so that also those who
        wait for the customer meanwhile cannot tell it from a decoy's.
        """
        if self._resources.conceals(call.caller):
            self._pace.hold_back(started, CHECK_CALLS, call.deadline)
        remaining = self._rows.count(customer, attempt, state)
        self._limits.count_failure(call.caller, self._resources.now())
        return errors.InvalidCode(attempts_remaining=remaining, challenge=state.newest)

    def _hidden(self, call: Call) -> AbstractContextManager[None]:
        is_hidden = self._resources.conceals(call.caller)
        return self._pace.hide(call.deadline) if is_hidden else nullcontext()
