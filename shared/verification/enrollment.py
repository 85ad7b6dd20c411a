"""Factors of customers, for clients: enroll, look at, remove, and challenge one by its opaque id."""

from __future__ import annotations

from dataclasses import dataclass

from verification import errors, rules
from verification.issue import Issue
from verification.models import (
    Call,
    EmailHash,
    Enrolled,
    Factor,
    FactorRef,
    FactorStatus,
    FactorType,
    Issued,
    User,
)
from verification.observability import Meter
from verification.parsing import parse_email
from verification.ports import Clock, Emails, Keys, OktaFactors, OktaUsers
from verification.sending import Sending
from verification.settings import Settings


@dataclass(frozen=True, slots=True)
class Enrollment:
    """Enrolls, reads, removes and challenges factors. A user is named by email, login or Okta id."""

    keys: Keys
    emails: Emails
    users: OktaUsers
    factors: OktaFactors
    issue: Issue
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
        """Begin a challenge of this factor. Raises FactorNotEnrolled, FactorNotActive."""
        ref = self._ref(ref_id)
        factor = self.factors.get(ref.user_id, ref.factor_id, call)
        return self.issue.to_factor(ref_id, ref, factor, sms_text, call)

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
