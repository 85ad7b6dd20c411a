"""Codes in a sign-in: who may have one sent, what is counted for it, and which are checked.

They share the limits of every other way to ask for a code and to try one: the caller's budget and the
destination's, the customer's wrong codes in a row, and the newest code of a factor. A sign-in is named
by its `key`, which stands for it in the table.
"""

from __future__ import annotations

import secrets
from typing import assert_never

from verification import errors, rules
from verification.checking import Checking
from verification.codes import (
    SignInCheck,
    SignInCode,
    SignInEnrollment,
    SignInEnrollmentCode,
    SignInMessage,
)
from verification.devices import Devices
from verification.frozen import Frozen
from verification.limits import Budget, Limits
from verification.models.callers import Call, Lane
from verification.models.customers import Channel, FactorType
from verification.models.sign_ins import (
    EnrollStep,
    FactorStep,
    KnownSignIn,
    SignInDocument,
    SignInStatus,
)
from verification.observability import Meter
from verification.ports import Clock, Keys, OktaFactors, Result, SendPlan
from verification.sending import Answer, Sending
from verification.timing import FixedTime

_PASSED = (
    SignInStatus.SUCCESS,
    SignInStatus.MFA_ENROLL,
    SignInStatus.PASSWORD_EXPIRED,
    SignInStatus.PASSWORD_WARN,
)
"""Where a sign-in can only be after a code was accepted."""


class SignInCodes(Frozen):
    """Has codes sent and checked in sign-ins."""

    keys: Keys
    devices: Devices
    limits: Limits
    sending: Sending
    checking: Checking
    okta_factors: OktaFactors
    meter: Meter
    fixed_time: FixedTime
    clock: Clock

    # ---- Sends -----------------------------------------------------------------------------------

    def challenge(
        self, known: KnownSignIn, key: str, step: FactorStep, call: Call, *, again: bool
    ) -> tuple[SignInDocument, bool]:
        """Challenge a factor, and whether that has sent a code. `again` asks for another code."""
        factor_type = known.factors.get(step.factor_id, FactorType.EMAIL)
        return self._send(known, key, factor_type, SignInCode(step, again), call)

    def send_enrollment_code(
        self, known: KnownSignIn, key: str, step: FactorStep, call: Call
    ) -> tuple[SignInDocument, bool]:
        """Send the first code of a factor again that the sign-in has enrolled, if one is sent."""
        factor_type = known.factors.get(step.factor_id, FactorType.EMAIL)
        return self._send(known, key, factor_type, SignInEnrollmentCode(step), call)

    def enroll(
        self, known: KnownSignIn, key: str, step: EnrollStep, call: Call
    ) -> tuple[SignInDocument, bool]:
        """Enroll a factor, and whether that has sent its first code."""
        return self._send(known, key, step.type, SignInEnrollment(step), call)

    def _send(
        self,
        known: KnownSignIn,
        key: str,
        factor_type: FactorType,
        message: SignInMessage,
        call: Call,
    ) -> tuple[SignInDocument, bool]:
        channel = _sent_channel(factor_type)
        if channel is None:
            return _document(self.sending.step(message, call)), False
        customer, now = self.keys().customer_key(known.user_id), int(self.clock())
        lane = self.devices.lane_of(call.caller, customer, now)
        self.meter.note(channel=channel, lane=lane)
        self.limits.spend(Budget.SENDS, call.caller)
        factor_id = "" if isinstance(message, SignInEnrollment) else message.step.factor_id
        plan = SendPlan(
            customer=customer,
            by=key,
            token=secrets.token_hex(16),
            now=now,
            allowed=self.limits.attempts_allowed(lane),
            factor_id=factor_id,
            destination_hash=self._destination(known, message, call),
            counts_as=channel,
            by_stranger=lane is Lane.STRANGER,
        )
        _, document = self.sending.send(plan, message, call)
        return _document(document), True

    def _destination(self, known: KnownSignIn, message: SignInMessage, call: Call) -> str:
        """The hash of the mailbox or phone, or nothing where it is not known."""
        match message:
            case SignInCode(step):
                destination = step.factor_id  # Okta masks the address, so the factor stands for it
            case SignInEnrollmentCode(step):
                destination = self.okta_factors.get(known.user_id, step.factor_id, call).destination
            case SignInEnrollment(enroll_step):
                destination = _new_destination(enroll_step)
            case _:
                assert_never(message)
        return self.keys().destination_hash(destination) if destination else ""

    # ---- Checks ----------------------------------------------------------------------------------

    def check(
        self, known: KnownSignIn, key: str, step: FactorStep, call: Call, *, activates: bool
    ) -> tuple[SignInDocument, Lane]:
        """Check a code or an answer, and in which lane. Raises InvalidCode, AttemptsHeld, SignInEnded,
        SignInRefused, and what Okta ends with.
        """
        customer = self.keys().customer_key(known.user_id)
        lane = self.devices.lane_of(call.caller, customer, int(self.clock()))
        token, started = secrets.token_hex(16), self.fixed_time.start()
        self.meter.note(lane=lane)
        reserved = self.checking.reserve(customer, self.checking.attempt(token, lane), call)
        factor_type = known.factors.get(step.factor_id, FactorType.EMAIL)
        try:
            self.checking.require_no_brake(reserved, lane)
            if _is_sent(factor_type) and not rules.is_newest(reserved.state, step.factor_id, key):
                # The newest code over this factor was sent for something else, or may have been.
                raise errors.CodeNotComparable
            document = self.checking.ask_okta(SignInCheck(step, activates), call)
            if document is not None and not rules.is_about(document, known):
                raise errors.OktaAnswerUnclear
        except errors.VerificationError as failure:
            self.checking.settle_failure(reserved, failure)
            if call.caller.is_public and isinstance(failure, errors.InvalidCode):
                self.fixed_time.wait(started, call.deadline)
            raise
        if document is None:
            raise errors.InternalError("a step of a sign-in without a document")
        result = Result.WRONG
        if document.status in _PASSED:
            result = Result.ACTIVATED if activates else Result.RIGHT
        self.checking.settle(reserved, result, self.clock(), refund=call.spent)
        return document, lane


def _document(answer: Answer) -> SignInDocument:
    """The answer to a step of a sign-in."""
    if not isinstance(answer, SignInDocument):
        raise errors.InternalError("a step of a sign-in without a document")
    return answer


def _sent_channel(factor_type: FactorType) -> Channel | None:
    """The channel of a factor that codes are sent to; None for one that is sent nothing. Raises
    SignInRefused for a type whose challenges are not limited here, such as push.
    """
    match factor_type:
        case FactorType.EMAIL | FactorType.SMS | FactorType.CALL:
            return rules.channel_of(factor_type)
        case (
            FactorType.QUESTION
            | FactorType.TOTP
            | FactorType.TOKEN
            | FactorType.TOKEN_HARDWARE
            | FactorType.TOKEN_HOTP
        ):
            return None
        case FactorType.PUSH | FactorType.OTHER:
            raise errors.SignInRefused("Factors of this type cannot be used here.")
    assert_never(factor_type)


def _new_destination(step: EnrollStep) -> str:
    """The phone or address to be enrolled; a phone as Okta writes it, however it was grouped. What the
    profile has of another type is sent nothing.
    """
    match step.type, step.more.get("profile"):
        case FactorType.SMS | FactorType.CALL, {"phoneNumber": str(phone)} if phone:
            return "+" + "".join(each for each in phone if each in "0123456789")
        case FactorType.EMAIL, {"email": str(address)}:
            return address
    return ""


def _is_sent(factor_type: FactorType) -> bool:
    return factor_type in (FactorType.EMAIL, FactorType.SMS, FactorType.CALL)
