"""Begins challenges of customers who are named by their email, and carries out those of the public.

A client's request goes from top to bottom: count the send, look the customer up, record the
challenge, have it sent (`sending`). A public request ends after its challenge is recorded under the
email's hash, before anybody is looked up; the function then invokes itself and `deliver` does the
rest. So what the public is told cannot depend on the customer.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import field
from typing import assert_never

from verification import errors, rules
from verification.codes import FactorCode, FactorPush, Message
from verification.crypto import Place, Row
from verification.devices import Devices
from verification.frozen import Frozen, replace
from verification.limits import Limits
from verification.lookup import Lookup
from verification.models.callers import Call, Caller, Lane, Scope
from verification.models.challenges import Challenge, ChallengeStatus, Issued, IssueRequest
from verification.models.customers import Channel, CustomerKey, Email, Found, KnownFactor, Target
from verification.models.states import SentPush
from verification.observability import Meter
from verification.ports import Clock, Customers, Emails, Invocation, Keys, SendPlan
from verification.sending import Sending
from verification.settings import Settings
from verification.timing import in_turn

TASK = "deliver"
"""The name of an asynchronous event that asks for `deliver`."""

_NOT_FOR_STRANGERS = "push, any and fallback need a client key or the token of a known device."


class Delivery(Frozen):
    """A public send that is to be carried out later: the challenge, and what Okta is told of the
    customer's request.
    """

    email: Email = field(repr=False)
    place: tuple[str, str]
    challenge_id: str
    locale: str | None
    customer: CustomerKey | None
    source_ip: str
    user_agent: str
    accept_language: str
    device_fingerprint: str


class Issue(Frozen):
    """Begins challenges and has their codes sent."""

    keys: Keys
    emails: Emails
    customers: Customers
    invocation: Invocation
    lookup: Lookup
    devices: Devices
    limits: Limits
    sending: Sending
    settings: Settings
    meter: Meter
    clock: Clock
    sleep: Callable[[float], None]

    def to_email(self, request: IssueRequest, call: Call) -> Issued:
        """Send a code to the customer with this email. Raises SendLimited, AttemptsHeld, and to
        clients, or where the stack does not conceal, one of CustomerRefused and what Okta ends with.
        """
        self.meter.note(email_hash=self.keys().email_hash(request.email))
        client = call.caller.client
        audience = rules.audience_of(request.audience, client, self.settings.receipt_audiences)
        request = replace(request, audience=audience)
        if request.conductor is not None:
            self.meter.note(context=request.conductor.text)
        if client is not None:
            if request.releases_hold and Scope.RELEASE not in client.scopes:
                raise errors.Forbidden
            return self._to_client(request, call)
        if request.releases_hold:
            raise errors.Unauthorized
        if request.conductor is not None or request.receipt_seconds is not None:
            raise errors.MalformedBody("context and receipt_seconds are for clients.")
        return self._to_public(request, call)

    # ---- Clients ---------------------------------------------------------------------------------

    def _to_client(self, request: IssueRequest, call: Call) -> Issued:
        now, email_hash = self._now(), self.keys().email_hash(request.email)
        lane = Lane.RELEASE if request.releases_hold else Lane.CLIENT
        self.meter.note(lane=lane)
        channel, found = self._channel_for_client(request, lane, now, call)
        self.meter.note(channel=channel)
        if lane is Lane.RELEASE:
            # Releases have a window of their own, on the customer's row.
            known, resend_at = found or self.emails.found(email_hash), now + rules.RESEND_SECONDS
            return self._send_to_client(request, channel, lane, known, resend_at, now, call)
        with self.sending.counted_client_send(email_hash, channel, now) as (kept, resend_at):
            return self._send_to_client(request, channel, lane, found or kept, resend_at, now, call)

    def _channel_for_client(
        self, request: IssueRequest, lane: Lane, now: int, call: Call
    ) -> tuple[Channel, Found | None]:
        """The channel that is asked for, or the best one that the customer has; then also what was
        looked up for that. Raises one of CustomerRefused, UnsupportedChannel.
        """
        is_release = lane is Lane.RELEASE
        if request.channel is not None and not request.falls_back:
            if is_release and request.channel is Channel.PUSH:
                raise errors.UnsupportedChannel("A release is one attempt at a code, not a push.")
            return request.channel, None
        known = self.emails.found(self.keys().email_hash(request.email))
        found = self.lookup.find(request.email, None, known, now, call)
        state = self.customers.get(self.keys().customer_key(self.lookup.require_user(found)))
        own = [each for each in state.challenges[:1] if each.client == call.caller.name]
        first = rules.first_channel(request, own[0] if own else None, now)
        with_push = not is_release and rules.may_push(state, now)
        return rules.choose_channel(found.factors, first, with_push=with_push), found

    def _send_to_client(
        self,
        request: IssueRequest,
        channel: Channel,
        lane: Lane,
        known: Found | None,
        resend_at: int,
        now: int,
        call: Call,
    ) -> Issued:
        found = self.lookup.find(request.email, channel, known, now, call)
        factor, target = self.lookup.require_factor(found, channel)
        self._trust_last_login(found, target.customer, now)
        row = Row.RELEASE if lane is Lane.RELEASE else Row.CUSTOMER
        challenge = replace(
            self._new_challenge(request, channel, Place(row, target.customer), lane, now),
            destination=factor.shown,
            target=target,
            client=call.caller.name,
        )
        allowed = self.limits.attempts_allowed(lane)
        plan = SendPlan(
            customer=target.customer,
            by=challenge.id,
            token=secrets.token_hex(16),
            now=now,
            allowed=allowed,
            challenge=challenge,
        )
        plan, message = _with_message(plan, channel, factor, target)
        state, answer = self.sending.send(
            plan, message, _in_language(call, request.locale), challenge
        )
        if isinstance(answer, SentPush):
            return Issued(challenge, resend_at, number=answer.number)
        return Issued(challenge, resend_at, rules.attempts_remaining(state, allowed))

    # ---- The public: what is answered at once ----------------------------------------------------

    def _to_public(self, request: IssueRequest, call: Call) -> Issued:
        now, email_hash = self._now(), self.keys().email_hash(request.email)
        lane, place, customer, remaining = Lane.STRANGER, Place(Row.EMAIL, email_hash), None, None
        device = self.devices.claim(
            call.caller, now, given=request.device_token, email_hash=email_hash, customer=None
        )
        if device is not None:
            claim, state = device
            lane, customer = Lane.DEVICE, claim.customer
            place = Place(Row.DEVICE, claim.device_id)
            allowed = self.limits.attempts_allowed(lane)
            if rules.is_held(state, allowed):
                raise errors.AttemptsHeld(retry_after=rules.HOLD_SECONDS)
            remaining = rules.attempts_remaining(state, allowed)
        self.meter.note(lane=lane)
        channel = self._first_channel_for_public(request, lane, place, now)
        self.meter.note(channel=channel)

        def open_challenge() -> tuple[Challenge, int]:
            challenge = self._new_challenge(request, channel, place, lane, self._now())
            return challenge, self.emails.open_challenge(place, challenge)

        try:
            challenge, resend_at = in_turn(open_challenge, call.deadline, self.sleep)
        except errors.SendLimited as limited:
            # Which limit it is, is for clients.
            raise errors.SendLimited(retry_after=limited.retry_after, limit="") from None
        delivery = _delivery(request, place, challenge, customer, call.caller)
        try:
            if self.settings.conceal_unknown_customers:
                self._invoke(delivery, call.function)
            else:
                self._deliver(delivery, call)
        except errors.VerificationError as failure:
            if not errors.may_have_acted(failure):
                self.emails.withdraw(place, challenge)
            raise
        was_sent = not self.settings.conceal_unknown_customers
        return Issued(challenge, resend_at, remaining, was_sent)

    def _first_channel_for_public(
        self, request: IssueRequest, lane: Lane, place: Place, now: int
    ) -> Channel:
        """The channel that is asked for, or the one from which `deliver` chooses. Raises Unauthorized
        for what is not for strangers: which channel is chosen would tell them about the customer.
        """
        channel = request.channel
        if channel is not None and not request.falls_back:
            if lane is Lane.STRANGER and not rules.is_for_strangers(channel):
                raise errors.Unauthorized(_NOT_FOR_STRANGERS)
            return channel
        if lane is Lane.STRANGER:
            raise errors.Unauthorized(_NOT_FOR_STRANGERS)
        newest = self.emails.state(place).challenges[:1] if request.falls_back else ()
        return rules.first_channel(request, newest[0] if newest else None, now)

    def _invoke(self, delivery: Delivery, function: str) -> None:
        """Have this function carry the send out in another invocation. The payload is sealed:
        Lambda keeps it in a queue, and it contains an address.
        """
        sealed = self.keys().seal(TASK, json.dumps(vars(delivery)))
        self.invocation.invoke(function, json.dumps({"task": TASK, "sealed": sealed}))

    # ---- The public: what is carried out later ---------------------------------------------------

    def deliver(self, sealed: str, call: Call) -> bool:
        """Carry out a public send. Lambda may deliver an event twice; the code is sent once. Returns
        whether it was sent now.

        Raises MalformedBody for what this service has not sealed, and what the send ends with.
        """
        text = self.keys().unseal(TASK, sealed)
        if text is None:
            raise errors.MalformedBody("The task was not sealed by this service.")
        delivery = Delivery(**json.loads(text))
        caller = Caller(
            client=None,
            source_ip=delivery.source_ip,
            user_agent=delivery.user_agent,
            accept_language=delivery.accept_language,
            device_fingerprint=delivery.device_fingerprint,
        )
        self.meter.note(
            email_hash=self.keys().email_hash(delivery.email),
            source=self.limits.source_hash(caller.source_ip),
        )
        return self._deliver(delivery, replace(call, caller=caller))

    def _deliver(self, delivery: Delivery, call: Call) -> bool:
        now, email_hash = self._now(), self.keys().email_hash(delivery.email)
        place = Place(Row(delivery.place[0]), delivery.place[1])
        newest = self.emails.state(place).challenges[:1]
        if not newest or newest[0].id != delivery.challenge_id or not newest[0].is_open:
            return False  # superseded since, or withdrawn
        challenge, known = newest[0], self.emails.found(email_hash)
        self.meter.note(lane=challenge.lane)
        needed = None if challenge.chooses else challenge.channel
        found = self.lookup.find(delivery.email, needed, known, now, call)
        challenge = self._with_channel(challenge, found, delivery.email, now)
        self.meter.note(channel=challenge.channel)
        factor, target = self.lookup.require_factor(found, challenge.channel)
        if delivery.customer not in (None, target.customer):
            raise errors.CustomerNotFound  # the email is another customer's by now
        self._trust_last_login(found, target.customer, now)
        plan = SendPlan(
            customer=target.customer,
            by=challenge.id,
            token=secrets.token_hex(16),
            now=now,
            allowed=self.limits.attempts_allowed(challenge.lane),
            by_stranger=challenge.lane is Lane.STRANGER,
        )
        # Recorded before Okta is asked, so that no code goes out that cannot be checked.
        if not self.emails.attach(place, challenge, target):
            return False  # the second delivery of one event
        plan, message = _with_message(plan, challenge.channel, factor, target)
        self.sending.send(plan, message, _in_language(call, delivery.locale), challenge)
        return True

    def _with_channel(
        self, challenge: Challenge, found: Found, email: Email, now: int
    ) -> Challenge:
        """The challenge with the channel that it is sent over. Raises one of CustomerRefused."""
        if not challenge.chooses:
            return challenge
        state = self.customers.get(self.keys().customer_key(self.lookup.require_user(found)))
        with_push = rules.may_push(state, now)
        channel = rules.choose_channel(found.factors, challenge.channel, with_push=with_push)
        destination = rules.public_destination(email, channel)
        return replace(challenge, channel=channel, destination=destination, chooses=False)

    # ---- Parts -----------------------------------------------------------------------------------

    def _new_challenge(
        self, request: IssueRequest, channel: Channel, place: Place, lane: Lane, now: int
    ) -> Challenge:
        """A challenge as the public sees it: it says nothing of a customer."""
        chooses = lane is Lane.DEVICE and (request.channel is None or request.falls_back)
        return Challenge(
            id=self.keys().new_challenge_id(place),
            status=ChallengeStatus.SENDING,
            channel=channel,
            chooses=chooses,
            lane=lane,
            email_hash=self.keys().email_hash(request.email),
            destination=rules.public_destination(request.email, None if chooses else channel),
            sent_at=now,
            expires_at=now + self.settings.challenge_lifetime,
            purpose=request.purpose,
            reference=request.reference,
            audience=request.audience,
            wants_receipt=request.wants_receipt,
            receipt_seconds=request.receipt_seconds,
            conductor=request.conductor,
        )

    def _trust_last_login(self, found: Found, customer: CustomerKey, now: int) -> None:
        """If the stack trusts it, a sign-in at Okta after the last wrong code is a success."""
        if not self.settings.trust_last_login or not found.last_login:
            return
        wrong = self.customers.get(customer).wrong_codes
        if wrong and found.last_login > wrong[-1].at:
            self.customers.forget_wrong_codes(customer, len(wrong), now)

    def _now(self) -> int:
        return int(self.clock())


def _delivery(
    request: IssueRequest,
    place: Place,
    challenge: Challenge,
    customer: CustomerKey | None,
    caller: Caller,
) -> Delivery:
    return Delivery(
        email=request.email,
        place=(place.row, place.key),
        challenge_id=challenge.id,
        locale=request.locale,
        customer=customer,
        source_ip=caller.source_ip,
        user_agent=caller.user_agent,
        accept_language=caller.accept_language,
        device_fingerprint=caller.device_fingerprint,
    )


def _with_message(
    plan: SendPlan, channel: Channel, factor: KnownFactor, target: Target
) -> tuple[SendPlan, Message | None]:
    """The plan for a challenge over this channel, and what Okta is asked to send: nothing for an
    authenticator app, which makes its own codes.
    """
    match channel:
        case Channel.EMAIL | Channel.SMS | Channel.CALL:
            plan = replace(plan, factor_id=factor.id, destination_hash=factor.destination_hash)
            return plan, FactorCode(target, channel)
        case Channel.PUSH:
            return replace(plan, factor_id=factor.id, is_push=True), FactorPush(target)
        case Channel.TOTP:
            return plan, None
    assert_never(channel)


def _in_language(call: Call, locale: str | None) -> Call:
    """The call, in the language that was asked for."""
    return replace(call, caller=replace(call.caller, accept_language=locale)) if locale else call
