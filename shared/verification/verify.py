"""Verifies challenges, with a code.

Every attempt goes from top to bottom: reserve it (`checking`), see what the code is good for, ask Okta,
settle.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import assert_never

from verification import errors, rules
from verification.checking import Checking, Reserved, result_of
from verification.codes import FactorCheck
from verification.crypto import Place, Row
from verification.devices import Devices
from verification.frozen import Frozen, replace
from verification.lookup import Lookup
from verification.models.callers import Call, Lane
from verification.models.challenges import Challenge, Origin, Verified, VerifyRequest
from verification.models.customers import Channel, CustomerKey, Device
from verification.models.states import CustomerState, PublicState, Slot
from verification.observability import Meter
from verification.ports import Attempts, Clock, Emails, Keys, Result, Settlement
from verification.receipts import Receipts
from verification.settings import Settings
from verification.timing import STRANGER_PATIENCE, FixedTime, in_turn


class Verify(Frozen):
    """Checks the codes of challenges."""

    keys: Keys
    emails: Emails
    attempts: Attempts
    lookup: Lookup
    devices: Devices
    receipts: Receipts
    checking: Checking
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
            given, now = request.device_token, int(self.clock())
            device = self.devices.claim(
                call.caller, now, given=given, email_hash=email_hash, customer=None
            )
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
        challenge = public.challenges[0]
        if self.checking.conceals(challenge.lane):
            call = replace(call, patience=STRANGER_PATIENCE)
        self.meter.note_challenge(challenge, challenge.lane)
        reserved: Reserved | None = None
        try:
            self._require_use(challenge, request)
            if challenge.target is None:
                raise errors.InvalidCode  # nobody was sent anything
            reserved = self.checking.reserve(
                challenge.target.customer, self.checking.attempt(token, challenge.lane), call
            )
            self.checking.require_no_brake(reserved, _lane_now(reserved, challenge, place))
            self._require_newest(reserved, challenge, challenge.target.factor_id)
            check = FactorCheck(challenge.target, request.code, challenge.activates)
            self.checking.ask_okta(check, call)
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
        self.checking.settle(
            reserved, Result.RIGHT, now, place=place, devices=devices, refund=call.spent
        )
        verified = Verified(challenge.as_verified(now), device_token=device_token)
        return self.receipts.add_to(verified, challenge.target.user_id, call, **_wanted(request))

    def _settle_public_failure(
        self,
        place: Place,
        token: str,
        public: PublicState,
        reserved: Reserved | None,
        failure: errors.VerificationError,
        started: float,
    ) -> None:
        """Settle both rows before the response is held back: nothing is left to do after it that
        differs between customers and others.
        """
        now, result = self.clock(), result_of(failure)
        counts = reserved is not None and result is Result.WRONG
        is_stranger = place.row is Row.EMAIL
        closes = (
            public.wrong_codes >= self.settings.stranger_attempts
            if is_stranger
            else reserved is not None and not reserved.remaining
        )
        conceals = self.checking.conceals(public.challenges[0].lane)
        self.fixed_time.measure()
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
        reserved: Reserved | None,
        started: float,
        call: Call,
    ) -> errors.VerificationError:
        """What the public is told, after the fixed time. To strangers whatever went wrong is a
        wrong code: it must not say whether Okta was asked.
        """
        conceals = self.checking.conceals(challenge.lane)
        if conceals and not isinstance(failure, errors.InvalidCode):
            self.meter.note_concealed(failure)
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
            self.checking.attempt(token, lane),
            slot=slot,
            challenge_id=request.challenge_id,
            client=call.caller.name,
            origin=request.origin,
        )
        reserved = self.checking.reserve(customer, attempt, call)
        challenge = _stored_challenge(reserved.state, slot)
        target = challenge.target
        self.meter.note_challenge(challenge, lane)
        try:
            if target is None:
                raise errors.InternalError("a challenge of a client without a target")
            self._require_use(challenge, request)
            self._require_newest(reserved, challenge, target.factor_id)
            self.checking.ask_okta(FactorCheck(target, request.code, challenge.activates), call)
        except errors.VerificationError as failure:
            self.checking.settle_failure(reserved, failure)
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
        result = Result.ACTIVATED if challenge.activates else Result.RIGHT
        self.checking.settle(reserved, result, now, devices=devices, refund=call.spent)
        if challenge.activates:
            self.emails.forget(challenge.email_hash)
        customer_id = "" if call.caller.is_public else target.user_id
        verified = Verified(challenge.as_verified(now), customer_id, device_token)
        return self.receipts.add_to(verified, target.user_id, call, **_wanted(request))

    # ---- Parts -----------------------------------------------------------------------------------

    def _require_use(self, challenge: Challenge, request: VerifyRequest) -> None:
        """Raise unless the code is used for what it was asked for."""
        email = request.email
        if email is not None and self.keys().email_hash(email) != challenge.email_hash:
            raise errors.ChallengeNotFound
        if not rules.matches(challenge, request) or challenge.channel is Channel.PUSH:
            raise errors.CodeNotComparable

    def _require_newest(self, reserved: Reserved, challenge: Challenge, factor_id: str) -> None:
        """Raise unless this challenge's code is the newest that was sent over its factor."""
        if not rules.is_sent(challenge.channel):
            return
        if not rules.is_newest(reserved.state, factor_id, challenge.id):
            raise errors.ChallengeExpired("Another code may have been sent since: begin again.")


def _lane_now(reserved: Reserved, challenge: Challenge, place: Place) -> Lane:
    """The lane of a public challenge: a device that was ended since is a stranger."""
    is_ended = place.row is Row.DEVICE and not rules.knows_device(reserved.state, place.key)
    return Lane.STRANGER if is_ended else challenge.lane


def _with_remaining(
    failure: errors.VerificationError, challenge: Challenge, reserved: Reserved | None
) -> errors.VerificationError:
    """The failure; a wrong code says how many attempts remain."""
    if not isinstance(failure, errors.InvalidCode):
        return failure
    remaining = None
    if reserved is not None:
        is_undone = result_of(failure) is Result.UNDONE
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


def _wanted(request: VerifyRequest) -> dict[str, bool]:
    """Whether a receipt is asked for, and whether the dialect has a place for it."""
    return {"asked": request.wants_receipt, "takes": request.takes_receipt}
