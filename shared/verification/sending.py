"""Opens a challenge and has its code sent, within the limits of the one who gets it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from verification import errors
from verification.models import Call, Challenge, CustomerState, Lookup
from verification.resources import Resources

_BUSY_WAIT = (0.03, 0.09)
"""Seconds between two looks at a customer whom another call is asking Okta about."""

_BUSY_RESERVE = 4.0
"""Seconds of a call's time that are left for its own work when it stops waiting for another."""

NEVER_REACHED_OKTA = (
    errors.OktaNotReached,
    errors.OktaRateLimited,
    errors.OktaCredentialsRejected,
    errors.DeadlineTooNear,
    # While Okta is asked, these are of the token: it could not be read.
    errors.StoreUnavailable,
    errors.ConfigurationError,
)
_MAYBE_SENT = (errors.OktaOutcomeUnknown, errors.OktaUnexpectedResponse, errors.DeadlineExceeded)

_Result = TypeVar("_Result")


def send_code(
    resources: Resources,
    challenge: Challenge,
    customer: str,
    call: Call,
    ask_okta: Callable[[], _Result],
) -> tuple[CustomerState, _Result]:
    """Open a challenge of a known customer and have its code sent, within all limits. Raises
    RateLimited, SendLimited, AttemptsHeld, and whatever Okta is asked ends with.
    """
    resources.limits.spend_send(call.caller, challenge.sent_at)
    send = Send(resources, challenge.identity, challenge.sent_at)
    send.reserve()
    try:
        state = open_challenge(resources, customer, challenge, call, is_nobody=False)
    except errors.VerificationError:
        send.refund()
        raise
    return state, send.carry_out(challenge, customer, ask_okta)


def send_enrolment(
    resources: Resources, identity: str, call: Call, ask_okta: Callable[[], _Result]
) -> _Result:
    """Have Okta send the first code of a factor, which is no challenge, within the limits of sends.
    Raises RateLimited, SendLimited, and whatever Okta is asked ends with.
    """
    now = resources.now()
    resources.limits.spend_send(call.caller, now)
    send = Send(resources, identity, now)
    send.reserve()
    try:
        return ask_okta()
    except errors.VerificationError as failure:
        failure.may_have_acted = may_have_been_sent(failure)
        if not failure.may_have_acted:
            send.refund()
        raise


class Send:
    """One code to one email. It counts from the start, and no more once it is certain that nothing
    went out.
    """

    def __init__(self, resources: Resources, identity: str, now: int) -> None:
        self._resources = resources
        self._identity = identity
        self._now = now
        self._token = secrets.token_hex(8)

    def reserve(self) -> Lookup | None:
        """Count it; what is known of the email. Raises SendLimited."""
        return self._resources.store.emails.reserve_send(self._identity, self._token, self._now)

    def refund(self) -> None:
        """Count it no more."""
        with suppress(errors.StoreUnavailable):
            self._resources.store.emails.refund_send(self._identity, self._token)

    def carry_out(
        self, challenge: Challenge, customer: str, ask_okta: Callable[[], _Result]
    ) -> _Result:
        """Have Okta send the code of an open challenge.

        The challenge stays `sending`, and the send counted, where Okta's answer was lost: the code
        may have arrived. A refusal takes both back.
        """
        try:
            return ask_okta()
        except errors.VerificationError as failure:
            if may_have_been_sent(failure):
                failure.may_have_acted = True
                raise
            with suppress(errors.StoreUnavailable):
                self._resources.store.customers.withdraw(customer, challenge.id)
            self.refund()
            raise


def may_have_been_sent(failure: errors.VerificationError) -> bool:
    """Whether a code may be on its way although Okta did not say so."""
    return isinstance(failure, _MAYBE_SENT) and not isinstance(failure, NEVER_REACHED_OKTA)


def open_challenge(
    resources: Resources, customer: str, challenge: Challenge, call: Call, *, is_nobody: bool
) -> CustomerState:
    """Make it the customer's newest, before Okta is asked: so no code is on its way that cannot be
    checked. Raises AttemptsHeld.
    """
    return when_free(
        lambda: resources.store.customers.open(
            customer, challenge, challenge.sent_at, is_nobody=is_nobody
        ),
        resources,
        call,
    )


def when_free(work: Callable[[], _Result], resources: Resources, call: Call) -> _Result:
    """Do this once no other call is asking Okta about the customer: one at a time, so that Okta's
    count of wrong codes and ours can never drift apart.
    """
    while True:
        try:
            return work()
        except errors.RequestInProgress:
            if call.deadline.remaining() < _BUSY_RESERVE:
                raise
        resources.sleep(random.uniform(*_BUSY_WAIT))  # noqa: S311 - spreads calls, guards nothing
