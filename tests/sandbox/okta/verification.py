"""Sends codes and checks them.

Assumed, because no source says it: a check without a challenge, or of an expired code, is answered
like a wrong code; every refused check counts towards the lockout, also a replayed TOTP code; the
fifth wrong code is answered like the others; an unlock resets the count; a newer SMS or voice code
invalidates the older one, as documented for email; the pause between two mails is per recipient, as
documented for phones.
"""

import random
from collections.abc import Callable, Container
from dataclasses import dataclass

import pyotp

from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found, validation_failed
from tests.sandbox.okta.records import (
    Challenge,
    Factor,
    FactorStatus,
    FactorType,
    Inbox,
    Message,
    User,
    UserStatus,
)

DEFAULT_LIFETIME_SECONDS = 300
DEFAULT_WORDING = "${org.name}: your verification code is ${code}."
LOCKOUT_ATTEMPTS = 5
ORG_NAME = "Sandbox"
TOTP_DIGITS = 6
TOTP_STEP_SECONDS = 30

_TOTP_DRIFT_STEPS = (0, -1, 1)

# Seconds between two codes, and the refusal of an earlier one.
_PAUSES = {
    FactorType.EMAIL: (5, Refusal.EMAIL_TOO_SOON),
    FactorType.SMS: (30, Refusal.SMS_TOO_SOON),
    FactorType.CALL: (30, Refusal.CALL_TOO_SOON),
}

SENT = frozenset(_PAUSES)
"""The types of factors whose codes the org sends."""

_ACTIVE = frozenset({UserStatus.ACTIVE})

_WRONG_CODE_CAUSES = {
    FactorType.TOTP: "Your code doesn't match our records. Please try again.",
    FactorType.QUESTION: "Your answer doesn't match our records. Please try again.",
}
_WRONG_PASSCODE_CAUSE = "Your passcode doesn't match our records. Please try again."


@dataclass(frozen=True)
class Verification:
    """The challenges and checks of one org."""

    clock: Callable[[], float]
    rng: random.Random
    inbox: Inbox

    def admit_user(self, user: User, statuses: Container[UserStatus] = _ACTIVE) -> None:
        """Refuse a user who may not use factors now."""
        if user.status is UserStatus.LOCKED_OUT:
            raise OktaError(Refusal.USER_LOCKED)
        if user.status not in statuses:
            raise OktaError(Refusal.WRONG_USER_STATUS)

    def admit(self, user: User, factor: Factor, statuses: Container[UserStatus] = _ACTIVE) -> None:
        """Refuse a user or a factor that cannot be challenged."""
        self.admit_user(user, statuses)
        if factor.type is FactorType.PUSH:
            raise validation_failed("factorType", "Push is not simulated in sign-ins.")
        if factor.status is FactorStatus.PENDING_ACTIVATION:
            raise not_found(factor.id, "UserFactor")
        if factor.status is not FactorStatus.ACTIVE:
            raise OktaError(Refusal.FACTOR_NOT_ACTIVE)

    def send(
        self,
        factor: Factor,
        lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS,
        wording: str = DEFAULT_WORDING,
    ) -> None:
        """Send a new code, which invalidates the factor's older one."""
        now = self.clock()
        self._require_pause(factor, now)
        code = f"{self.rng.randrange(10**6):06d}"
        factor.challenge = Challenge(code, now + lifetime_seconds)
        text = wording.replace("${org.name}", ORG_NAME).replace("${code}", code)
        self.inbox.append(Message(factor.destination, factor.type.value, code, now, text))

    def check(self, user: User, factor: Factor, given: str) -> None:
        """Accept the right code once; the fifth refusal in a row locks the user out."""
        refusal = self.refusal(factor, given)
        if refusal is None:
            user.failed_factor_attempts = 0
            return
        user.failed_factor_attempts += 1
        user.most_failed_factor_attempts = max(
            user.most_failed_factor_attempts, user.failed_factor_attempts
        )
        if user.failed_factor_attempts >= LOCKOUT_ATTEMPTS:
            user.status = UserStatus.LOCKED_OUT
        raise refusal

    def refusal(self, factor: Factor, given: str) -> OktaError | None:
        """The error for a wrong code; a right code is used up."""
        if factor.type is FactorType.TOTP:
            return self._totp_refusal(factor, given)
        if factor.type is FactorType.QUESTION:
            right = given.casefold() == (factor.secret or "").casefold()
        else:
            right = self._redeem(factor, given)
        return None if right else _wrong_code(factor)

    def unlock(self, user: User) -> None:
        """Unlock a locked-out user."""
        if user.status is not UserStatus.LOCKED_OUT:
            raise OktaError(Refusal.UNLOCK_NOT_ALLOWED, "The user is not locked out.")
        user.status = UserStatus.ACTIVE
        user.failed_factor_attempts = 0
        user.failed_passwords = 0

    def _require_pause(self, factor: Factor, now: float) -> None:
        seconds, refusal = _PAUSES[factor.type]
        for message in reversed(self.inbox):
            if now - message.sent_at >= seconds:
                return
            if (message.to, message.channel) == (factor.destination, factor.type):
                raise OktaError(refusal)

    def _redeem(self, factor: Factor, given: str) -> bool:
        challenge = factor.challenge
        if challenge is None or given != challenge.code or self.clock() >= challenge.expires_at:
            return False
        factor.challenge = None
        return True

    def _totp_refusal(self, factor: Factor, given: str) -> OktaError | None:
        now = self.clock()
        codes = pyotp.TOTP(factor.secret or "", digits=TOTP_DIGITS, interval=TOTP_STEP_SECONDS)
        for drift in _TOTP_DRIFT_STEPS:
            if codes.at(now, counter_offset=drift) != given:
                continue
            step = int(now) // TOTP_STEP_SECONDS + drift
            if step in factor.used_time_steps:
                return OktaError(Refusal.CODE_REPLAYED)
            factor.used_time_steps.add(step)
            return None
        return _wrong_code(factor)


def _wrong_code(factor: Factor) -> OktaError:
    return OktaError(Refusal.WRONG_CODE, _WRONG_CODE_CAUSES.get(factor.type, _WRONG_PASSCODE_CAUSE))
