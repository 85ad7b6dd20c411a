"""What has become of a challenge that its owner awaits: a push that the customer approves on a phone.

A push is decided by the customer and not by who asks, so a question about it is no attempt: it reads
the row, asks Okta at most once, and closes the challenge if Okta's answer is final.
"""

from __future__ import annotations

import json
import secrets
from typing import assert_never

from verification import errors, rules
from verification.checking import Checking
from verification.codes import PUSH_CONTEXT
from verification.crypto import Place, Row
from verification.devices import Devices
from verification.frozen import Frozen
from verification.limits import Limits
from verification.models.callers import Call
from verification.models.challenges import AwaitRequest, Challenge, Origin, Pending, Verified
from verification.models.customers import Channel, CustomerKey, Device, Target
from verification.models.states import CustomerState, Push, PushAnswer
from verification.observability import Meter
from verification.ports import Clock, Customers, Emails, Keys, PushDecision, Pushes
from verification.receipts import Receipts

_ANOTHER_PUSH = "Another push has been sent since: begin again."


class _Own(Frozen):
    """A challenge of the caller, which may still be decided: where it is stored, whose it is, and what is
    known of that customer.
    """

    place: Place
    customer: CustomerKey
    state: CustomerState
    challenge: Challenge


class Awaiting(Frozen):
    """Tells owners of challenges what has become of them."""

    keys: Keys
    emails: Emails
    customers: Customers
    pushes: Pushes
    devices: Devices
    limits: Limits
    receipts: Receipts
    checking: Checking
    meter: Meter
    clock: Clock

    def challenge(self, request: AwaitRequest, call: Call) -> Verified | Pending:
        """What has become of a challenge of this caller; Okta is asked if it is a push. Raises
        MissingCode, one of ChallengeRefused, and what Okta ends with.
        """
        own = self._own(request, call)
        challenge = own.challenge
        self.meter.note_challenge(challenge, challenge.lane)
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
            device = self.devices.claim(
                call.caller, now, given=request.device_token, email_hash=None, customer=None
            )
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
        content = self.keys().unseal(PUSH_CONTEXT, push.sealed)
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
                self._close(push, own, answer, request, call)
                raise errors.PushRejected
            case PushAnswer.ENDED:
                self._close(push, own, answer, request, call)
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
            devices, device_token = self.devices.remember(
                own.state, own.customer, challenge.email_hash, own.place.key, now
            )
        if not self._settled(push, own, PushAnswer.APPROVED, devices):
            own = self._after_change(push, own, request, call)
            return self._approved(push, own, user_id, request, call)
        self.limits.refund(call.spent)
        customer_id = "" if call.caller.is_public else user_id
        verified = Verified(challenge.as_verified(now), customer_id, device_token)
        return self.receipts.add_to(verified, user_id, call, asked=request.wants_receipt)

    def _close(
        self, push: Push, own: _Own, answer: PushAnswer, request: AwaitRequest, call: Call
    ) -> None:
        """Close a push that nobody approved, and its challenge. Raises what `_after_change` does."""
        if not self._settled(push, own, answer):
            self._after_change(push, own, request, call)

    def _settled(
        self,
        push: Push,
        own: _Own,
        answer: PushAnswer,
        devices: tuple[Device, ...] | None = None,
    ) -> bool:
        """Whether the push and its challenge were still open, and are closed."""
        token, now, known = secrets.token_hex(16), int(self.clock()), own.state.devices
        decision = PushDecision(token, now, answer, own.customer, own.place, push, devices, known)
        return self.pushes.settle(decision)

    def _after_change(self, push: Push, own: _Own, request: AwaitRequest, call: Call) -> _Own:
        """The challenge after another call has changed it or the known devices, if it was the devices
        alone and this one is still known. Raises why the challenge can no longer be decided.
        """
        changed = self._own(request, call)
        if changed.state.push != push or changed.state.devices == own.state.devices:
            raise errors.ChallengeExpired(_ANOTHER_PUSH)
        return changed

    def _pending(self, pending: Pending, call: Call) -> Pending:
        """Asking is no failure."""
        self.limits.refund(call.spent)
        return pending
