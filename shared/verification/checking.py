"""Has a code checked: the one sequence, for all dialects. No other module asks Okta to check a code,
or what has become of a push.

Every attempt is reserved on the customer's row before Okta is asked, and counts as wrong from then on.
Whatever goes wrong in between, the attempt counts, unless it is certain that Okta compared no code.
What a code has to be good for is decided by the callers between the two: `verify` and `sign_in_codes`.

A push is decided by the customer and not by who asks (`awaiting`), so a question about it is no attempt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import assert_never

from verification import errors, rules
from verification.codes import Check, FactorCheck, SignInCheck
from verification.crypto import Place
from verification.frozen import Frozen, replace
from verification.limits import Limits
from verification.models.callers import Call, Lane, Spent
from verification.models.customers import CustomerKey, Device, Target
from verification.models.sign_ins import SignInDocument
from verification.models.states import Attempt, CustomerState, Push, PushAnswer
from verification.ports import Attempts, Clock, OktaAuthn, OktaFactors, Pushes, Result, Settlement
from verification.settings import Settings
from verification.timing import STRANGER_PATIENCE, in_turn

_NO_CODE_COMPARED = (
    *(errors.AttemptsHeld, errors.CodeNotComparable),
    *(errors.ChallengeExpired, errors.ChallengeNotFound),
    *(errors.SignInEnded, errors.StepNotTaken),
)
"""Failures after which it is certain that Okta compared no code. The last two are Okta's answers."""


class Reserved(Frozen):
    """An attempt that is reserved on the customer's row, and the row with the attempt in it."""

    customer: CustomerKey
    attempt: Attempt
    state: CustomerState

    @property
    def remaining(self) -> int:
        """Attempts that remain if this one is wrong."""
        return rules.attempts_remaining(self.state, self.attempt.allowed)

    @property
    def remaining_if_undone(self) -> int:
        """Attempts that remain if this one does not count."""
        before = replace(self.state, wrong_codes=self.state.wrong_codes[:-1])
        return rules.attempts_remaining(before, self.attempt.allowed)


class Checking(Frozen):
    """Reserves attempts, asks Okta, and settles them."""

    attempts: Attempts
    pushes: Pushes
    limits: Limits
    okta_factors: OktaFactors
    okta_authn: OktaAuthn
    settings: Settings
    clock: Clock
    sleep: Callable[[float], None]

    def attempt(self, token: str, lane: Lane) -> Attempt:
        """An attempt of this lane, for `reserve`. `token` is unique to it."""
        allowed = self.limits.attempts_allowed_without_brake(lane)
        return Attempt(token, lane, allowed, self.clock())

    def require_no_brake(self, reserved: Reserved, lane: Lane) -> None:
        """Raise AttemptsHeld if the brake, or a lane that is another one by now, does not allow the attempt.
        Each lane is allowed a first one, so the brake is read only for the others.
        """
        others = len(reserved.state.wrong_codes) - 1
        if others and rules.is_held_at(others, self.limits.attempts_allowed(lane)):
            raise errors.AttemptsHeld(retry_after=rules.HOLD_SECONDS)

    def reserve(self, customer: CustomerKey, attempt: Attempt, call: Call) -> Reserved:
        """Reserve an attempt on the customer's row, in its turn. Raises why that is not possible."""

        def reserve() -> Reserved:
            current = replace(attempt, now=self.clock())
            is_reserved, state = self.attempts.reserve(customer, current)
            if not is_reserved:
                raise rules.why_not_reserved(state, current)
            return Reserved(customer, current, state)

        patience = STRANGER_PATIENCE if self.conceals(attempt.lane) else math.inf
        return in_turn(reserve, call.deadline, self.sleep, patience)

    def ask_okta(self, check: Check, call: Call) -> SignInDocument | None:
        """Have Okta check a code, of an attempt that is reserved. Raises InvalidCode, and what Okta ends
        with. Returns the document of a sign-in.
        """
        match check:
            case FactorCheck(target, code, activates):
                factors = self.okta_factors
                ask = factors.activate if activates else factors.check_code
                ask(target, code, call)
                return None
            case SignInCheck(step, activates):
                authn = self.okta_authn
                return authn.activate(step, call) if activates else authn.check_code(step, call)
        assert_never(check)

    def settle(
        self,
        reserved: Reserved,
        result: Result,
        now: float,
        *,
        place: Place | None = None,
        devices: tuple[Device, ...] | None = None,
        refund: Spent | None,
    ) -> None:
        """Settle an attempt that Okta has not refused, here and, if it is the public's, at `place`."""
        self.attempts.settle(
            Settlement(
                reserved.attempt.token,
                now,
                result,
                customer=reserved.customer,
                wrong_codes=len(reserved.state.wrong_codes),
                slot=reserved.attempt.slot,
                place=place,
                public_result=result,
                devices=devices,
                refund=refund,
            )
        )

    def settle_failure(self, reserved: Reserved, failure: errors.VerificationError) -> None:
        """Settle an attempt that ended like this, on the customer's row."""
        result, slot = result_of(failure), reserved.attempt.slot
        self.attempts.settle(
            Settlement(
                reserved.attempt.token,
                self.clock(),
                result,
                customer=reserved.customer,
                wrong_codes=len(reserved.state.wrong_codes),
                slot=slot,
                closes_customer=result is Result.WRONG and not reserved.remaining,
                counts_for_brake=result is Result.WRONG and reserved.attempt.lane is Lane.STRANGER,
            )
        )

    def ask_about_push(
        self, push: Push, target: Target, transaction: str, call: Call
    ) -> PushAnswer | None:
        """What has become of a push at Okta; None if it was asked a moment ago."""
        if not self.pushes.reserve_poll(target.customer, push.by, self.clock()):
            return None
        # Without patience: one question to Okta a poll, and no second try.
        return self.okta_factors.push_answer(target, transaction, replace(call, patience=0))

    def conceals(self, lane: Lane) -> bool:
        """Whether a caller in this lane must not be told whether Okta was asked."""
        return lane is Lane.STRANGER and self.settings.conceal_unknown_customers


def result_of(failure: errors.VerificationError) -> Result:
    """What an attempt that ended like this counts as on the customer's row."""
    if isinstance(failure, _NO_CODE_COMPARED) or errors.okta_did_nothing(failure):
        return Result.UNDONE
    return Result.WRONG
