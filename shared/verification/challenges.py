"""The use cases: send a code to a customer, and check the code that comes back."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from verification import errors, policy
from verification.aws.secrets import Secrets
from verification.aws.table import ChallengeTable
from verification.models import (
    Call,
    Challenge,
    ChallengeStatus,
    Issued,
    IssueRequest,
    VerifyRequest,
)
from verification.observability import Meter
from verification.okta.factors import Factors
from verification.okta.users import Users

_BUSY_WAIT = (0.03, 0.09)
"""Seconds between two looks at a customer whom another call is asking Okta about."""

_BUSY_RESERVE = 4.0
"""Seconds of a call's time that are left for its own work when it stops waiting for another."""

_NEVER_REACHED_OKTA = (
    errors.OktaNotReached,
    errors.OktaRateLimited,
    errors.OktaCredentialsRejected,
)
_MAYBE_SENT = (errors.OktaOutcomeUnknown, errors.OktaUnexpectedResponse, errors.DeadlineExceeded)

_Result = TypeVar("_Result")


class Challenges:
    """Issue and verify, for every dialect."""

    def __init__(
        self,
        users: Users,
        factors: Factors,
        table: ChallengeTable,
        own_secrets: Secrets,
        lifetime: int,
        meter: Meter,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._users = users
        self._factors = factors
        self._table = table
        self._secrets = own_secrets
        self._lifetime = lifetime
        self._meter = meter
        self._clock = clock
        self._sleep = sleep

    def issue(self, request: IssueRequest, call: Call) -> Issued:
        """Send a code. The challenge is open before Okta is asked, so that no code is on its way
        that cannot be checked.
        """
        if request.locale:
            call = replace(call, caller=replace(call.caller, accept_language=request.locale))
        channel = request.channel
        identities = self._secrets.identities()
        identity = identities.of_email(request.email)
        self._meter.note(identity=identity, channel=channel)
        user = self._users.find(request.email, call)
        factor = policy.choose_factor(self._factors.list(user.id, call), channel)
        customer = identities.of_user(user.id)
        now = self._now()
        challenge = Challenge(
            id=identities.new_challenge_id(customer),
            status=ChallengeStatus.SENDING,
            channel=channel,
            user_id=user.id,
            factor_id=factor.id,
            destination=policy.mask(factor.destination),
            sent_at=now,
            expires_at=now + self._lifetime,
            client=call.caller.client,
        )
        self._table.remember(identity, customer)
        state = self._when_free(lambda: self._table.open(customer, challenge, now), call)
        try:
            self._factors.send(user.id, factor.id, channel, self._lifetime, call)
        except _MAYBE_SENT:
            raise
        except errors.VerificationError:
            self._table.fail(customer, challenge.id)
            raise
        return Issued(
            challenge=challenge,
            resend_at=now + policy.RESEND_SECONDS,
            attempts_remaining=policy.attempts_remaining(state, now),
        )

    def verify(self, request: VerifyRequest, call: Call) -> Challenge:
        """The challenge, verified. Reserve, ask, settle: whatever goes wrong after the reservation,
        the attempt counts, unless it is certain that Okta never saw the code.
        """
        customer = self._customer(request, call)
        attempt = secrets.token_hex()
        state = self._when_free(
            lambda: self._table.reserve(customer, request.challenge_id, attempt, self._now()), call
        )
        challenge = state.newest
        if challenge is None:
            raise errors.InternalError("a reservation without a challenge")
        self._meter.note(channel=challenge.channel)
        try:
            self._factors.check(challenge.user_id, challenge.factor_id, request.code, call)
        except errors.InvalidCode:
            remaining = max(0, policy.MAX_CONSECUTIVE_FAILURES - state.failures)
            settle = self._table.rejected if remaining else self._table.exhausted
            settle(customer, attempt)
            raise errors.InvalidCode(attempts_remaining=remaining) from None
        except _NEVER_REACHED_OKTA:
            self._table.released(customer, attempt, self._now())
            raise
        except errors.VerificationError:
            self._table.rejected(customer, attempt)
            raise
        verified_at = self._now()
        self._table.verified(customer, attempt, verified_at)
        return replace(challenge, status=ChallengeStatus.VERIFIED, verified_at=verified_at)

    def _customer(self, request: VerifyRequest, call: Call) -> str:
        """The key of the customer's row."""
        identities = self._secrets.identities()
        if request.email is None:
            customer = identities.customer_of(request.challenge_id or "")
            if customer is None:
                raise errors.ChallengeNotFound
            return customer
        identity = identities.of_email(request.email)
        self._meter.note(identity=identity)
        customer = self._table.customer_of(identity)
        if customer is None:
            # Nothing was ever sent. Say whether that is because there is nobody to send it to.
            self._users.find(request.email, call)
            raise errors.ChallengeNotFound
        return customer

    def _when_free(self, work: Callable[[], _Result], call: Call) -> _Result:
        """Do this once no other call is asking Okta about the customer: one at a time, so that
        Okta's count of wrong codes and ours can never drift apart.
        """
        while True:
            try:
                return work()
            except errors.RequestInProgress:
                if call.deadline.remaining() < _BUSY_RESERVE:
                    raise
            self._sleep(random.uniform(*_BUSY_WAIT))  # noqa: S311 - spreads calls, guards nothing

    def _now(self) -> int:
        return int(self._clock())
