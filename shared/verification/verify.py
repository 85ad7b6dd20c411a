"""Verifies challenges, with a code or by asking about a push.

Every attempt goes from top to bottom: reserve it (`checking`), see what the code is good for, ask Okta,
settle.

A push is decided by the customer and not by who asks, so a question about it is no attempt: it reads
the row, asks Okta at most once, and closes the challenge if Okta's answer is final.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from verification import errors, rules
from verification.checking import Checking, Reserved, result_of
from verification.codes import PUSH, FactorCheck
from verification.crypto import Place, Row
from verification.devices import Devices
from verification.limits import Limits
from verification.lookup import Lookup
from verification.models import (
    AwaitRequest,
    Call,
    Challenge,
    ChallengeStatus,
    Channel,
    CustomerKey,
    CustomerState,
    Device,
    Lane,
    Origin,
    Pending,
    PublicState,
    Push,
    PushAnswer,
    Slot,
    Target,
    Verified,
    VerifyRequest,
)
from verification.observability import Meter
from verification.ports import (
    Attempts,
    Clock,
    Customers,
    Emails,
    Keys,
    PushDecision,
    Pushes,
    Result,
    Settlement,
)
from verification.receipts import Receipts
from verification.settings import Settings
from verification.timing import STRANGER_PATIENCE, FixedTime, in_turn

_ANOTHER_PUSH = "Another push has been sent since: begin again."


@dataclass(frozen=True, slots=True)
class _Own:
    """A challenge of the caller, which may still be decided: where it is stored, whose it is, and what is
    known of that customer.
    """

    place: Place
    customer: CustomerKey
    state: CustomerState
    challenge: Challenge


@dataclass(frozen=True, slots=True)
class Verify:
    """Checks codes, and asks about pushes."""

    keys: Keys
    emails: Emails
    customers: Customers
    attempts: Attempts
    pushes: Pushes
    lookup: Lookup
    devices: Devices
    limits: Limits
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
        if self.checking.conceals(public.challenges[0].lane):
            call = replace(call, patience=STRANGER_PATIENCE)
        challenge = public.challenges[0]
        self._note(challenge, challenge.lane)
        reserved: Reserved | None = None
        try:
            self._require_use(challenge, request)
            if challenge.target is None:
                raise errors.InvalidCode  # nobody was sent anything
            reserved = self.checking.reserve(
                challenge.target.customer, self.checking.attempt(token, challenge.lane), call
            )
            self.checking.require_no_brake(reserved)
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
        verified = Verified(_verified(challenge, now), device_token=device_token)
        return self._with_receipt(verified, challenge.target.user_id, call, **_wanted(request))

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
            self.checking.attempt(token, lane),
            slot=slot,
            challenge_id=request.challenge_id,
            client=call.caller.name,
            origin=request.origin,
        )
        reserved = self.checking.reserve(customer, attempt, call)
        challenge = _stored_challenge(reserved.state, slot)
        target = challenge.target
        self._note(challenge, lane)
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
        verified = Verified(_verified(challenge, now), customer_id, device_token)
        return self._with_receipt(verified, target.user_id, call, **_wanted(request))

    def _with_receipt(
        self, verified: Verified, user_id: str, call: Call, *, asked: bool, takes: bool = True
    ) -> Verified:
        """The success with its receipt, if one is wanted: the public has no other way to carry its
        success to a backend, and clients ask. Raises ReceiptUnavailable.
        """
        asked = asked or verified.challenge.wants_receipt
        if not takes or not (asked or call.caller.is_public):
            return verified
        receipt = self.receipts.of_challenge(verified.challenge, user_id, call)
        return replace(verified, receipt=receipt, receipt_unavailable=receipt is None)

    # ---- Pushes ----------------------------------------------------------------------------------

    def awaited(self, request: AwaitRequest, call: Call) -> Verified | Pending:
        """What has become of a challenge of this caller; Okta is asked if it is a push. Raises
        MissingCode, one of ChallengeRefused, and what Okta ends with.
        """
        own = self._own(request, call)
        challenge = own.challenge
        self._note(challenge, challenge.lane)
        email = request.email
        is_email = email is None or self.keys().email_hash(email) == challenge.email_hash
        if not is_email or not rules.matches(challenge, request):
            raise errors.ChallengeNotFound("It was begun for another email, purpose or reference.")
        if challenge.channel is not Channel.PUSH and not challenge.chooses:
            if request.must_be_push:
                raise errors.MissingCode
            return self._pending(Pending(challenge), call)
        push = own.state.push
        if push is None or push.by != challenge.id:
            self._require_on_its_way(own)
            return self._pending(Pending(challenge, retry_after=rules.POLL_SECONDS), call)
        return self._ask_about(push, own, request, call)

    def _own(self, request: AwaitRequest, call: Call) -> _Own:
        """The caller's open challenge. A client owns what it began, and a device too; a stranger owns
        nothing that can be awaited. Raises ChallengeNotFound or, where a code may have been
        forgotten, MissingCode, and why the challenge is not open.
        """
        challenge_id, now = request.challenge_id, int(self.clock())
        place = self.keys().place_of(challenge_id)
        if place is not None and place.row is Row.CUSTOMER and not call.caller.is_public:
            customer = CustomerKey(place.key)
            state = self.customers.get(customer)
            challenges = state.challenges
            owner = (call.caller.name, Origin.API)
            if owner in {
                (each.client, each.origin) for each in challenges if each.id == challenge_id
            }:
                challenge = rules.require_open(challenges, challenge_id, now)
                return _Own(place, customer, state, challenge)
        if place is not None and place.row is Row.DEVICE and call.caller.is_public:
            token = request.device_token or call.caller.device_token
            device = self.devices.claim(token, now, email_hash=None, customer=None)
            if device is not None and device[0].device_id == place.key:
                challenge = self._of_device(place, challenge_id, now)
                return _Own(place, device[0].customer, device[1], challenge)
        raise errors.MissingCode if request.must_be_push else errors.ChallengeNotFound

    def _of_device(self, place: Place, challenge_id: str, now: int) -> Challenge:
        try:
            return rules.require_open(self.emails.state(place).challenges, challenge_id, now)
        except (errors.ChallengeSuperseded, errors.ChallengeExhausted):
            raise errors.ChallengeExpired from None

    def _require_on_its_way(self, own: _Own) -> None:
        """Raise ChallengeExpired if another push was begun after this one."""
        if own.challenge.target is None:
            return
        sent = own.state.sent.get(own.challenge.target.factor_id)
        if sent is not None and sent.by != own.challenge.id:
            raise errors.ChallengeExpired(_ANOTHER_PUSH)

    def _ask_about(
        self, push: Push, own: _Own, request: AwaitRequest, call: Call
    ) -> Verified | Pending:
        """Ask Okta about a push, unless it was asked a moment ago."""
        content = self.keys().unseal(PUSH, push.sealed)
        if content is None:
            raise errors.InternalError("a push that was not sealed here")
        user_id, transaction, number = json.loads(content)
        pending = Pending(own.challenge, number, rules.POLL_SECONDS)
        target = Target(own.customer, user_id, push.factor_id)
        answer = self.checking.ask_about_push(push, target, transaction, call)
        match answer:
            case None | PushAnswer.WAITING:
                return self._pending(pending, call)
            case PushAnswer.REJECTED:
                self._settle_push(push, own, answer, request, call)
                raise errors.PushRejected
            case PushAnswer.ENDED:
                self._settle_push(push, own, answer, request, call)
                raise errors.ChallengeExpired
            case PushAnswer.APPROVED:
                return self._approved(push, own, user_id, request, call)
        assert_never(answer)

    def _approved(
        self, push: Push, own: _Own, user_id: str, request: AwaitRequest, call: Call
    ) -> Verified:
        now, challenge = int(self.clock()), own.challenge
        devices: tuple[Device, ...] | None = None
        device_token = ""
        if own.place.row is Row.DEVICE:
            state = self.customers.get(own.customer)  # another device may have come meanwhile
            devices, device_token = self.devices.remember(
                state, own.customer, challenge.email_hash, own.place.key, now
            )
        self._settle_push(push, own, PushAnswer.APPROVED, request, call, devices)
        self.limits.refund(call.spent)
        customer_id = "" if call.caller.is_public else user_id
        verified = Verified(_verified(challenge, now), customer_id, device_token)
        return self._with_receipt(verified, user_id, call, asked=request.wants_receipt)

    def _settle_push(
        self,
        push: Push,
        own: _Own,
        answer: PushAnswer,
        request: AwaitRequest,
        call: Call,
        devices: tuple[Device, ...] | None = None,
    ) -> None:
        """Close the push and its challenge. Raises why that was not possible: another call has decided
        it, or another challenge has superseded it.
        """
        token, now = secrets.token_hex(16), int(self.clock())
        decision = PushDecision(token, now, answer, own.customer, own.place, push, devices)
        if not self.pushes.settle(decision):
            self._own(request, call)
            raise errors.ChallengeExpired(_ANOTHER_PUSH)

    def _pending(self, pending: Pending, call: Call) -> Pending:
        """Asking is no failure."""
        self.limits.refund(call.spent)
        return pending

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

    def _note(self, challenge: Challenge, lane: Lane) -> None:
        self.meter.note(channel=challenge.channel, email_hash=challenge.email_hash, lane=lane)
        if challenge.conductor is not None:
            self.meter.note(context=challenge.conductor.text)


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


def _verified(challenge: Challenge, now: int) -> Challenge:
    return replace(challenge, status=ChallengeStatus.VERIFIED, verified_at=now)
