"""Has a code checked and settles the attempt. No other module does, for any dialect or sign-in.

Every attempt goes from top to bottom: reserve it (it counts as wrong before Okta is asked), see what
the code is good for, ask Okta, settle. Whatever goes wrong in between, the attempt counts, unless it
is certain that Okta compared no code.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from verification import errors, rules
from verification.codes import Check, FactorCheck, SignInCheck
from verification.crypto import Place, Row
from verification.devices import Devices
from verification.limits import Limits
from verification.lookup import Lookup
from verification.models import (
    Attempt,
    Call,
    Challenge,
    ChallengeStatus,
    CustomerKey,
    CustomerState,
    Device,
    FactorStep,
    FactorType,
    KnownSignIn,
    Lane,
    Origin,
    PublicState,
    SignInDocument,
    SignInStatus,
    Slot,
    Verified,
    VerifyRequest,
)
from verification.observability import Meter
from verification.ports import (
    Attempts,
    Clock,
    Emails,
    Keys,
    OktaAuthn,
    OktaFactors,
    Result,
    Settlement,
)
from verification.receipts import Receipts
from verification.settings import Settings
from verification.timing import STRANGER_PATIENCE, FixedTime, in_turn

_PASSED = (
    SignInStatus.SUCCESS,
    SignInStatus.MFA_ENROLL,
    SignInStatus.PASSWORD_EXPIRED,
    SignInStatus.PASSWORD_WARN,
)
"""Where a sign-in can only be after a code was accepted."""

_NO_CODE_COMPARED = (
    *(errors.AttemptsHeld, errors.CodeNotComparable),
    *(errors.ChallengeExpired, errors.ChallengeNotFound),
    *(errors.SignInEnded, errors.StepNotTaken),
)
"""Failures after which it is certain that Okta compared no code. The last two are Okta's answers."""


@dataclass(frozen=True, slots=True)
class _Reserved:
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


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks codes."""

    keys: Keys
    emails: Emails
    attempts: Attempts
    lookup: Lookup
    devices: Devices
    limits: Limits
    receipts: Receipts
    okta_factors: OktaFactors
    okta_authn: OktaAuthn
    settings: Settings
    meter: Meter
    fixed_time: FixedTime
    clock: Clock
    sleep: Callable[[float], None]

    def challenge(self, request: VerifyRequest, call: Call) -> Verified:
        """The challenge, verified. Raises one of ChallengeRefused, AttemptsHeld, and to clients
        what Okta ends with.
        """
        place = self._place(request, call)
        match place.row:
            case Row.EMAIL | Row.DEVICE:
                if not call.caller.is_public:
                    raise errors.ChallengeNotFound  # a client verifies its own challenges alone
                return self._public(place, request, call)
            case Row.CUSTOMER:
                if call.caller.is_public:
                    raise errors.ChallengeNotFound
                return self._stored(CustomerKey(place.key), Slot.NEWEST, request, call)
            case Row.RELEASE:
                return self._release(CustomerKey(place.key), request, call)
        assert_never(place.row)

    def _place(self, request: VerifyRequest, call: Call) -> Place:
        """Where the challenge is stored. Raises ChallengeNotFound and, to clients, CustomerRefused."""
        if request.challenge_id is not None:
            place = self.keys().place_of(request.challenge_id)
            if place is None:
                raise errors.ChallengeNotFound
            return place
        if request.email is None:
            raise errors.InternalError("neither an id nor an email")
        email_hash = self.keys().email_hash(request.email)
        self.meter.note(email_hash=email_hash)
        if call.caller.is_public:
            token, now = request.device_token or call.caller.device_token, int(self.clock())
            device = self.devices.claim(token, now, email_hash=email_hash, customer=None)
            return (
                Place(Row.DEVICE, device[0].device_id) if device else Place(Row.EMAIL, email_hash)
            )
        customer = self.lookup.known_customer(email_hash)
        if customer is None:
            self.lookup.customer(request.email, call)  # says so if there is no such customer
            raise errors.ChallengeNotFound
        return Place(Row.CUSTOMER, customer)

    # ---- Challenges that the public began --------------------------------------------------------

    def _public(self, place: Place, request: VerifyRequest, call: Call) -> Verified:
        token = secrets.token_hex(16)
        public = in_turn(
            lambda: self.attempts.reserve_public(place, request.challenge_id, token, self.clock()),
            call.deadline,
            self.sleep,
        )
        started = self.fixed_time.start()
        if self._conceals(public.challenges[0].lane):
            call = replace(call, patience=STRANGER_PATIENCE)
        challenge = public.challenges[0]
        self._note(challenge, challenge.lane)
        reserved: _Reserved | None = None
        try:
            self._require_use(challenge, request)
            if challenge.target is None:
                raise errors.InvalidCode  # nobody was sent anything
            reserved = self._reserve(
                challenge.target.customer, self._attempt(token, challenge.lane), call
            )
            self._require_no_brake(reserved)
            self._require_newest(reserved, challenge, challenge.target.factor_id)
            check = FactorCheck(challenge.target, request.code, challenge.activates)
            self._ask_okta(check, call)
        except errors.VerificationError as failure:
            self._settle_public_failure(place, token, public, reserved, failure, started)
            if isinstance(failure, errors.CustomerRefused):
                self.emails.forget(challenge.email_hash)
            raise self._told_public(failure, challenge, reserved, started, call) from None
        now = int(self.clock())
        devices: tuple[Device, ...] | None = None
        device_token = ""
        if request.remembers_device:
            device_id = place.key if place.row is Row.DEVICE else None
            devices, device_token = self.devices.remember(
                reserved.state, reserved.customer, challenge.email_hash, device_id, now
            )
        self.attempts.settle(
            Settlement(
                token,
                now,
                Result.RIGHT,
                customer=reserved.customer,
                wrong_codes=len(reserved.state.wrong_codes),
                place=place,
                public_result=Result.RIGHT,
                devices=devices,
                refund=call.spent,
            )
        )
        verified = Verified(_verified(challenge, now), device_token=device_token)
        return self._with_receipt(verified, challenge.target.user_id, request, call)

    def _settle_public_failure(
        self,
        place: Place,
        token: str,
        public: PublicState,
        reserved: _Reserved | None,
        failure: errors.VerificationError,
        started: float,
    ) -> None:
        """Settle both rows before the response is held back: nothing is left to do after it that
        differs between customers and others.
        """
        now, result = self.clock(), _result_of(failure)
        counts = reserved is not None and result is Result.WRONG
        is_stranger = place.row is Row.EMAIL
        closes = (
            public.wrong_codes >= self.settings.stranger_attempts
            if is_stranger
            else reserved is not None and not reserved.remaining
        )
        conceals = self._conceals(public.challenges[0].lane)
        self.attempts.settle(
            Settlement(
                token,
                now,
                result,
                customer=reserved.customer if reserved else None,
                wrong_codes=len(reserved.state.wrong_codes) if reserved else 0,
                place=place,
                # To strangers everything is a wrong code, so everything counts as one.
                public_result=Result.WRONG if conceals else result,
                closes_public=closes,
                free_at=now + self.fixed_time.left(started),
                counts_for_brake=counts and is_stranger,
            )
        )

    def _told_public(
        self,
        failure: errors.VerificationError,
        challenge: Challenge,
        reserved: _Reserved | None,
        started: float,
        call: Call,
    ) -> errors.VerificationError:
        """What the public is told, after the fixed time. To strangers whatever went wrong is a
        wrong code: it must not say whether Okta was asked.
        """
        conceals = self._conceals(challenge.lane)
        if conceals and not isinstance(failure, errors.InvalidCode):
            self.meter.note(concealed=failure.code)
            if isinstance(failure, errors.ConfigurationError):
                self.meter.note(problem=failure.problem)
        if conceals or isinstance(failure, errors.InvalidCode):
            self.fixed_time.wait(started, call.deadline)
        if conceals:
            return errors.InvalidCode(challenge=challenge)
        return _with_remaining(failure, challenge, reserved)

    # ---- Challenges that clients began, and releases ---------------------------------------------

    def _release(self, customer: CustomerKey, request: VerifyRequest, call: Call) -> Verified:
        """A release, for the public with its id and for the client that opened it: that client gave
        the id to the person it recognised. To another client it proves nothing.
        """
        if request.origin is not Origin.API:
            raise errors.ChallengeNotFound
        try:
            return self._stored(customer, Slot.RELEASE, request, call)
        except errors.ChallengeExhausted:
            if call.caller.is_public:
                raise errors.ChallengeExpired from None
            raise

    def _stored(
        self, customer: CustomerKey, slot: Slot, request: VerifyRequest, call: Call
    ) -> Verified:
        token, started = secrets.token_hex(16), self.fixed_time.start()
        lane = Lane.RELEASE if slot is Slot.RELEASE else Lane.CLIENT
        attempt = replace(
            self._attempt(token, lane),
            slot=slot,
            challenge_id=request.challenge_id,
            client=call.caller.name,
            origin=request.origin,
        )
        reserved = self._reserve(customer, attempt, call)
        challenge = _stored_challenge(reserved.state, slot)
        target = challenge.target
        self._note(challenge, lane)
        try:
            if target is None:
                raise errors.InternalError("a challenge of a client without a target")
            self._require_use(challenge, request)
            self._require_newest(reserved, challenge, target.factor_id)
            self._ask_okta(FactorCheck(target, request.code, challenge.activates), call)
        except errors.VerificationError as failure:
            self._settle_failure(reserved, slot, failure)
            if isinstance(failure, errors.CustomerRefused):
                self.emails.forget(challenge.email_hash)
            if call.caller.is_public:
                self.fixed_time.wait(started, call.deadline)
                raise _with_remaining(failure, challenge, None) from None
            raise _with_remaining(failure, challenge, reserved) from None
        now = int(self.clock())
        devices: tuple[Device, ...] | None = None
        device_token = ""
        if call.caller.is_public and request.remembers_device:
            devices, device_token = self.devices.remember(
                reserved.state, customer, challenge.email_hash, None, now
            )
        self.attempts.settle(
            Settlement(
                token,
                now,
                Result.ACTIVATED if challenge.activates else Result.RIGHT,
                customer=customer,
                wrong_codes=len(reserved.state.wrong_codes),
                slot=slot,
                devices=devices,
                refund=call.spent,
            )
        )
        if challenge.activates:
            self.emails.forget(challenge.email_hash)
        customer_id = "" if call.caller.is_public else target.user_id
        verified = Verified(_verified(challenge, now), customer_id, device_token)
        return self._with_receipt(verified, target.user_id, request, call)

    def _with_receipt(
        self, verified: Verified, user_id: str, request: VerifyRequest, call: Call
    ) -> Verified:
        """The success with its receipt, if one is wanted: the public has no other way to carry its
        success to a backend, and clients ask. Raises ReceiptUnavailable.
        """
        asked = request.wants_receipt or verified.challenge.wants_receipt
        if not request.takes_receipt or not (asked or call.caller.is_public):
            return verified
        receipt = self.receipts.of_challenge(verified.challenge, user_id, call)
        return replace(verified, receipt=receipt, receipt_unavailable=receipt is None)

    # ---- Sign-ins --------------------------------------------------------------------------------

    def in_sign_in(
        self,
        known: KnownSignIn,
        key: str,
        step: FactorStep,
        lane: Lane,
        call: Call,
        *,
        activates: bool,
    ) -> SignInDocument:
        """Check a code or an answer of a sign-in; `key` stands for it in the table. Raises
        InvalidCode, AttemptsHeld, SignInEnded, SignInRefused, and what Okta ends with.
        """
        token, started = secrets.token_hex(16), self.fixed_time.start()
        self.meter.note(lane=lane)
        customer = self.keys().customer_key(known.user_id)
        reserved = self._reserve(customer, self._attempt(token, lane), call)
        factor_type = known.factors.get(step.factor_id, FactorType.EMAIL)
        try:
            self._require_no_brake(reserved)
            if _is_sent(factor_type) and not rules.is_newest(reserved.state, step.factor_id, key):
                # The newest code over this factor was sent for something else, or may have been.
                raise errors.CodeNotComparable
            document = self._ask_okta(SignInCheck(step, activates), call)
        except errors.VerificationError as failure:
            self._settle_failure(reserved, None, failure)
            if call.caller.is_public and isinstance(failure, errors.InvalidCode):
                self.fixed_time.wait(started, call.deadline)
            raise
        if document is None:
            raise errors.InternalError("a step of a sign-in without a document")
        result = Result.WRONG
        if document.status in _PASSED:
            result = Result.ACTIVATED if activates else Result.RIGHT
        self.attempts.settle(
            Settlement(
                token,
                self.clock(),
                result,
                customer=customer,
                wrong_codes=len(reserved.state.wrong_codes),
                refund=call.spent,
            )
        )
        return document

    # ---- The one sequence ------------------------------------------------------------------------

    def _attempt(self, token: str, lane: Lane) -> Attempt:
        allowed = self.limits.attempts_allowed_without_brake(lane)
        return Attempt(token, lane, allowed, self.clock())

    def _require_no_brake(self, reserved: _Reserved) -> None:
        """Raise AttemptsHeld if the brake does not allow the attempt. It allows a stranger's first
        one, so it is read only for the others.
        """
        others = len(reserved.state.wrong_codes) - 1
        if others and rules.is_held_at(others, self.limits.attempts_allowed(reserved.attempt.lane)):
            raise errors.AttemptsHeld(retry_after=rules.HOLD_SECONDS)

    def _reserve(self, customer: CustomerKey, attempt: Attempt, call: Call) -> _Reserved:
        """Reserve an attempt on the customer's row, in its turn. Raises why that is not possible."""

        def reserve() -> _Reserved:
            current = replace(attempt, now=self.clock())
            is_reserved, state = self.attempts.reserve(customer, current)
            if not is_reserved:
                raise rules.why_not_reserved(state, current)
            return _Reserved(customer, current, state)

        patience = STRANGER_PATIENCE if self._conceals(attempt.lane) else math.inf
        return in_turn(reserve, call.deadline, self.sleep, patience)

    def _require_use(self, challenge: Challenge, request: VerifyRequest) -> None:
        """Raise unless the code is used for what it was asked for."""
        email = request.email
        if email is not None and self.keys().email_hash(email) != challenge.email_hash:
            raise errors.ChallengeNotFound
        if not rules.matches(challenge, request):
            raise errors.CodeNotComparable

    def _require_newest(self, reserved: _Reserved, challenge: Challenge, factor_id: str) -> None:
        """Raise unless this challenge's code is the newest that was sent over its factor."""
        if not rules.is_sent(challenge.channel):
            return
        if not rules.is_newest(reserved.state, factor_id, challenge.id):
            raise errors.ChallengeExpired("Another code may have been sent since: begin again.")

    def _ask_okta(self, check: Check, call: Call) -> SignInDocument | None:
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

    def _settle_failure(
        self, reserved: _Reserved, slot: Slot | None, failure: errors.VerificationError
    ) -> None:
        result = _result_of(failure)
        is_last = slot is Slot.RELEASE or not reserved.remaining
        self.attempts.settle(
            Settlement(
                reserved.attempt.token,
                self.clock(),
                result,
                customer=reserved.customer,
                wrong_codes=len(reserved.state.wrong_codes),
                slot=slot,
                closes_customer=result is Result.WRONG and is_last,
                counts_for_brake=result is Result.WRONG and reserved.attempt.lane is Lane.STRANGER,
            )
        )

    def _note(self, challenge: Challenge, lane: Lane) -> None:
        self.meter.note(channel=challenge.channel, email_hash=challenge.email_hash, lane=lane)
        if challenge.conductor is not None:
            self.meter.note(context=challenge.conductor.text)

    def _conceals(self, lane: Lane) -> bool:
        """Whether a caller in this lane must not be told whether Okta was asked."""
        return lane is Lane.STRANGER and self.settings.conceal_unknown_customers


def _result_of(failure: errors.VerificationError) -> Result:
    """What an attempt that ended like this counts as on the customer's row."""
    if isinstance(failure, _NO_CODE_COMPARED) or errors.okta_did_nothing(failure):
        return Result.UNDONE
    return Result.WRONG


def _with_remaining(
    failure: errors.VerificationError, challenge: Challenge, reserved: _Reserved | None
) -> errors.VerificationError:
    """The failure; a wrong code says how many attempts remain."""
    if not isinstance(failure, errors.InvalidCode):
        return failure
    remaining = None
    if reserved is not None:
        is_undone = _result_of(failure) is Result.UNDONE
        remaining = reserved.remaining_if_undone if is_undone else reserved.remaining
        if reserved.attempt.lane is Lane.RELEASE and not is_undone:
            remaining = 0
    return errors.InvalidCode(attempts_remaining=remaining, challenge=challenge)


def _stored_challenge(state: CustomerState, slot: Slot) -> Challenge:
    """The challenge of a reserved attempt."""
    match slot:
        case Slot.NEWEST:
            return state.challenges[0]
        case Slot.RELEASE:
            if state.release is None:
                raise errors.InternalError("a reservation without a challenge")
            return state.release
    assert_never(slot)


def _verified(challenge: Challenge, now: int) -> Challenge:
    return replace(challenge, status=ChallengeStatus.VERIFIED, verified_at=now)


def _is_sent(factor_type: FactorType) -> bool:
    return factor_type in (FactorType.EMAIL, FactorType.SMS, FactorType.CALL)
