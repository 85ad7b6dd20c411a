"""The use cases of factors: enrol, look at, remove, and challenge one by its opaque id."""

from __future__ import annotations

from verification import errors, policy
from verification.models import (
    Call,
    Challenge,
    ChallengeStatus,
    Channel,
    Enrolled,
    Factor,
    FactorRef,
    Issued,
    User,
)
from verification.okta.templates import name_of
from verification.resources import Resources
from verification.sending import open_challenge, send_code, send_enrolment


class Enrollment:
    """Factors of customers, for clients."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._keys = resources.keys
        self._factors = resources.factors

    def enrol_totp(self, user_name: str, issuer: str, label: str, call: Call) -> Enrolled:
        """An authenticator app for the user with this email, login or id; pending until its first
        right code. A pending one that is there already is replaced by Okta. Raises
        FactorAlreadyEnrolled.
        """
        user = self._resources.users.find_any(user_name, call)
        wanted = Factor("", policy.TOTP_TYPE, "", provider="GOOGLE")
        for each in self._factors.list(user.id, call):
            if (each.type, each.provider) == (wanted.type, wanted.provider) and not each.is_pending:
                raise errors.FactorAlreadyEnrolled
        factor, secret = self._factors.enrol(user.id, wanted, call, activate=False)
        return self._enrolled(user, factor, issuer, label, secret)

    def enrol_phone(self, phone: str, user_name: str, call: Call) -> Enrolled:
        """An SMS factor for the named user or, without a name, for the one whose mobile phone it is.
        A number that the user has enrolled already is that factor. Okta sends the first code at
        once, unless phones are active without one.
        """
        users = self._resources.users
        user = users.find_any(user_name, call) if user_name else users.with_phone(phone, call)
        for each in self._factors.list(user.id, call):
            if each.type == Channel.SMS and each.destination == phone:
                return self._enrolled(user, each)
        wanted = Factor("", Channel.SMS, "", phone)
        if self._resources.settings.activate_phones:
            return self._enrolled(
                user, self._factors.enrol(user.id, wanted, call, activate=True)[0]
            )
        factor, _ = send_enrolment(
            self._resources,
            self._identity(user),
            call,
            lambda: self._factors.enrol(user.id, wanted, call, activate=False),
        )
        return self._enrolled(user, factor)

    def enrol_email(self, user_name: str, call: Call) -> Enrolled:
        """The email factor, active at once. Raises EnrollmentRefused where the org does not allow
        it, or has not verified the address.
        """
        user = self._resources.users.find_any(user_name, call)
        for each in self._factors.list(user.id, call):
            if each.type == Channel.EMAIL and each.status == "ACTIVE":
                return self._enrolled(user, each)
        wanted = Factor("", Channel.EMAIL, "", user.email)
        factor, _ = self._factors.enrol(user.id, wanted, call, activate=True)
        return self._enrolled(user, factor)

    def get(self, ref_id: str, call: Call) -> Enrolled:
        """The factor as it is now. Raises FactorNotEnrolled."""
        ref = self._ref(ref_id)
        return Enrolled(ref_id, ref, self._factors.get(ref.user_id, ref.factor_id, call))

    def delete(self, ref_id: str, call: Call) -> None:
        """Remove the factor. Raises FactorNotEnrolled."""
        ref = self._ref(ref_id)
        self._factors.delete(ref.user_id, ref.factor_id, call)
        self._resources.store.emails.forget(ref.identity)

    def challenge(self, ref_id: str, sms_template: str | None, call: Call) -> Issued:
        """A challenge of this factor. An authenticator app is sent nothing; a pending phone gets
        the code of its enrolment again, unless that has only just been sent.
        """
        ref = self._ref(ref_id)
        factor = self._factors.get(ref.user_id, ref.factor_id, call)
        policy.require_usable(factor)
        channel = policy.channel_of(factor)
        now = self._resources.now()
        customer = self._keys.identities().of_user(ref.user_id)
        self._resources.meter.note(identity=ref.identity, channel=channel)
        challenge = Challenge(
            id=self._keys.identities().new_challenge_id(customer),
            status=ChallengeStatus.SENDING if channel.is_sent else ChallengeStatus.PENDING,
            channel=channel,
            identity=ref.identity,
            user_id=ref.user_id,
            factor_id=ref.factor_id,
            destination=policy.mask(factor.destination),
            sent_at=now,
            expires_at=now + self._resources.settings.challenge_lifetime,
            client=call.caller.client,
            factor_ref=ref_id,
            activates=factor.is_pending,
        )
        is_on_its_way = factor.is_pending and now - ref.enrolled_at < policy.RESEND_SECONDS
        if not channel.is_sent or is_on_its_way:
            state = open_challenge(self._resources, customer, challenge, call, is_nobody=False)
        else:
            state, _ = send_code(
                self._resources,
                challenge,
                customer,
                call,
                lambda: self._send(challenge, factor, sms_template, call),
            )
        return Issued(challenge, now, policy.attempts_remaining(state, now))

    def _send(
        self, challenge: Challenge, factor: Factor, sms_template: str | None, call: Call
    ) -> None:
        if factor.is_pending:
            self._factors.resend(challenge, factor, call)
            return
        template_id = None
        if sms_template is not None and challenge.channel is Channel.SMS:
            template_id = self._template_id(sms_template, call)
        lifetime = self._resources.settings.challenge_lifetime
        self._factors.send(challenge, lifetime, call, template_id)

    def _template_id(self, text: str, call: Call) -> str:
        rows, name, now = self._resources.store.templates, name_of(text), self._resources.now()
        template_id = rows.find(name, now)
        if template_id is None:
            template_id = self._resources.templates.id_of(text, call)
            rows.keep(name, template_id, now)
        return template_id

    def _ref(self, ref_id: str) -> FactorRef:
        ref = self._keys.identities().factor_ref(ref_id)
        if ref is None:
            raise errors.FactorNotEnrolled
        self._resources.meter.note(identity=ref.identity)
        return ref

    def _enrolled(
        self, user: User, factor: Factor, issuer: str = "", label: str = "", secret: str = ""
    ) -> Enrolled:
        self._resources.store.emails.forget(self._identity(user))
        enrolled_at = policy.epoch(factor.created) or self._resources.now()
        ref = FactorRef(user.id, factor.id, self._identity(user), enrolled_at, issuer, label)
        return Enrolled(self._keys.identities().factor_ref_id(ref), ref, factor, secret)

    def _identity(self, user: User) -> str:
        return self._keys.identities().of_email(policy.parse_email(user.email))
