"""Factors of customers, for clients: enroll, look at, remove, and challenge one by its opaque id."""

from __future__ import annotations

import secrets

from verification import errors, rules
from verification.codes import EnrollmentCode, FactorCode, Message
from verification.crypto import Place, Row
from verification.frozen import Frozen, replace
from verification.limits import Limits
from verification.models.callers import Call, Lane
from verification.models.challenges import Challenge, ChallengeStatus, Issued, Origin
from verification.models.customers import (
    Channel,
    Email,
    EmailHash,
    Enrolled,
    Factor,
    FactorRef,
    FactorStatus,
    FactorType,
    Target,
    User,
)
from verification.observability import Meter
from verification.parsing import parse_email
from verification.ports import Clock, Emails, Keys, OktaFactors, OktaUsers, SendPlan
from verification.sending import Sending
from verification.settings import Settings


class Enrollment(Frozen):
    """Enrolls, reads, removes and challenges factors. A user is named by email, login or Okta id."""

    keys: Keys
    emails: Emails
    users: OktaUsers
    factors: OktaFactors
    limits: Limits
    sending: Sending
    settings: Settings
    meter: Meter
    clock: Clock

    def enroll_totp(self, user_name: str, issuer: str, label: str, call: Call) -> Enrolled:
        """Enroll an authenticator app; it is pending until its first right code, and Okta replaces
        a pending one. Raises FactorAlreadyEnrolled.
        """
        user = self.users.find_any(user_name, call)
        wanted = _wanted(FactorType.TOTP, provider="GOOGLE")
        for each in self.factors.list(user.id, call):
            if (each.type, each.provider) == (wanted.type, wanted.provider) and not each.is_pending:
                raise errors.FactorAlreadyEnrolled
        factor, secret = self.factors.enroll(user.id, wanted, call, activate=False)
        return self._enrolled(user, factor, issuer, label, secret)

    def enroll_phone(self, phone: str, user_name: str, call: Call) -> Enrolled:
        """Enroll an SMS factor for the named user or, without a name, for the one whose mobile
        phone it is. An existing factor with this number is returned as it is. Okta sends the first
        code at once, unless the stack activates phones without one.
        """
        user = (
            self.users.find_any(user_name, call)
            if user_name
            else self.users.with_phone(phone, call)
        )
        for each in self.factors.list(user.id, call):
            if each.type is FactorType.SMS and each.destination == phone:
                return self._enrolled(user, each)
        wanted = _wanted(FactorType.SMS, phone)
        if self.settings.activate_phones:
            factor, _ = self.factors.enroll(user.id, wanted, call, activate=True)
        else:
            factor = self.sending.enroll_phone(user, wanted, self._email_hash(user), call)
        return self._enrolled(user, factor)

    def enroll_email(self, user_name: str, call: Call) -> Enrolled:
        """Enroll the email factor of the profile's address, active at once. Raises EnrollmentRefused
        where the org does not allow it, or has not verified the address.
        """
        user = self.users.find_any(user_name, call)
        wanted = _wanted(FactorType.EMAIL, user.email)
        for each in self.factors.list(user.id, call):
            if rules.is_enrolled([each], wanted):
                return self._enrolled(user, each)
        factor, _ = self.factors.enroll(user.id, wanted, call, activate=True)
        return self._enrolled(user, factor)

    def get(self, ref_id: str, call: Call) -> Enrolled:
        """The factor as it is now. Raises FactorNotEnrolled."""
        ref = self._ref(ref_id)
        return Enrolled(ref_id, ref, self.factors.get(ref.user_id, ref.factor_id, call))

    def delete(self, ref_id: str, call: Call) -> None:
        """Remove the factor. Raises FactorNotEnrolled."""
        ref = self._ref(ref_id)
        self.factors.delete(ref.user_id, ref.factor_id, call)
        self.emails.forget(ref.email_hash)

    def challenge(self, ref_id: str, sms_text: str | None, call: Call) -> Issued:
        """Begin a challenge of this factor. An authenticator app is sent nothing; a pending phone is sent
        the code of its enrollment again, unless that was sent a moment ago. Raises FactorNotEnrolled,
        FactorNotActive, SendLimited.
        """
        ref = self._ref(ref_id)
        factor = self.factors.get(ref.user_id, ref.factor_id, call)
        rules.require_usable(factor)
        channel, now = rules.channel_of(factor.type), int(self.clock())
        if channel is Channel.PUSH:
            raise errors.UnsupportedChannel("A push is not a code: begin it with POST /challenge.")
        if channel is Channel.EMAIL and not self._reaches(factor, ref, call):
            raise errors.FactorNotEnrolled
        self.meter.note(channel=channel, lane=Lane.CLIENT)
        target = Target(self.keys().customer_key(ref.user_id), ref.user_id, ref.factor_id)
        challenge = self._new_challenge(ref_id, ref, factor, target, now, call)
        plan = SendPlan(
            customer=target.customer,
            by=challenge.id,
            token=secrets.token_hex(16),
            now=now,
            allowed=self.limits.attempts_allowed(Lane.CLIENT),
            challenge=challenge,
        )
        if not rules.is_sent(channel):
            self.sending.send(plan, None, call)
            return Issued(challenge, now)
        plan = replace(plan, factor_id=factor.id)
        if factor.is_pending and now - ref.enrolled_at < rules.RESEND_SECONDS:
            self.sending.send(replace(plan, is_on_its_way=True), None, call)
            return Issued(challenge, now)
        plan = replace(plan, destination_hash=self.keys().destination_hash(factor.destination))
        message: Message = FactorCode(target, channel, sms_text)
        if factor.is_pending:
            message = EnrollmentCode(ref.user_id, factor)
        to = plan.destination_hash
        with self.sending.counted_client_send(ref.email_hash, channel, now, to) as (_, resend_at):
            self.sending.send(plan, message, call, challenge)
        return Issued(challenge, resend_at)

    def _new_challenge(
        self, ref_id: str, ref: FactorRef, factor: Factor, target: Target, now: int, call: Call
    ) -> Challenge:
        return Challenge(
            id=self.keys().new_challenge_id(Place(Row.CUSTOMER, target.customer)),
            status=ChallengeStatus.SENDING,
            channel=rules.channel_of(factor.type),
            lane=Lane.CLIENT,
            email_hash=ref.email_hash,
            destination=rules.mask(factor.destination),
            sent_at=now,
            expires_at=now + self.settings.challenge_lifetime,
            target=target,
            client=call.caller.name,
            origin=Origin.MFA,
            factor_ref=ref_id,
            activates=factor.is_pending,
            audience=rules.audience_of(None, call.caller.client, self.settings.receipt_audiences),
        )

    def _reaches(self, factor: Factor, ref: FactorRef, call: Call) -> bool:
        """Whether an email factor's address is the email of the profile, now as at the enrollment."""
        address = self.users.get(ref.user_id, call).email.lower()
        is_same = self.keys().email_hash(Email(address)) == ref.email_hash
        return is_same and address == factor.destination.lower()

    def _ref(self, ref_id: str) -> FactorRef:
        ref = self.keys().factor_ref(ref_id)
        if ref is None:
            raise errors.FactorNotEnrolled
        self.meter.note(email_hash=ref.email_hash)
        return ref

    def _enrolled(
        self, user: User, factor: Factor, issuer: str = "", label: str = "", secret: str = ""
    ) -> Enrolled:
        email_hash = self._email_hash(user)
        self.emails.forget(email_hash)
        self.meter.note(email_hash=email_hash)
        enrolled_at = rules.epoch(factor.created) or int(self.clock())
        ref = FactorRef(user.id, factor.id, email_hash, enrolled_at, issuer, label)
        return Enrolled(self.keys().factor_id(ref), ref, factor, secret)

    def _email_hash(self, user: User) -> EmailHash:
        return self.keys().email_hash(parse_email(user.email))


def _wanted(factor_type: FactorType, destination: str = "", provider: str = "") -> Factor:
    """A factor that does not exist yet."""
    return Factor("", factor_type, FactorStatus.ACTIVE, destination, provider)
