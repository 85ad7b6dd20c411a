"""How the org sends codes and checks them.

Assumed, because no source says it: a check without a challenge and one with an expired code look
like a wrong code; every refused check counts towards the lockout, a replayed TOTP code too; the
answer to the fifth wrong code is still that of a wrong code; unlocking starts the count again; a
newer SMS or voice code ends the older one, as it is documented for email; the pause between two
mails is per recipient, as it is documented for phones.
"""

import random
from collections.abc import Callable, Container
from dataclasses import dataclass

import pyotp

from tests.sandbox.okta.exceptions import (
    CallTooSoonError,
    CodeReplayedError,
    EmailTooSoonError,
    FactorNotActiveError,
    OktaError,
    ResourceNotFoundError,
    SmsTooSoonError,
    TooSoonError,
    UnlockNotAllowedError,
    UserLockedError,
    WrongCodeError,
    WrongUserStatusError,
)
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


@dataclass(frozen=True)
class _Pause:
    seconds: float
    error: type[TooSoonError]


_PAUSES = {
    FactorType.EMAIL: _Pause(5, EmailTooSoonError),
    FactorType.SMS: _Pause(30, SmsTooSoonError),
    FactorType.CALL: _Pause(30, CallTooSoonError),
}

SENT = frozenset(_PAUSES)
"""The factors whose codes the org sends."""

_ACTIVE = frozenset({UserStatus.ACTIVE})

_WRONG_CODE_CAUSES = {
    FactorType.TOTP: "Your code doesn't match our records. Please try again.",
    FactorType.QUESTION: "Your answer doesn't match our records. Please try again.",
}
_WRONG_PASSCODE_CAUSE = "Your passcode doesn't match our records. Please try again."


class Verification:
    """Challenges and checks, with one inbox for all that is sent."""

    def __init__(self, clock: Callable[[], float], rng: random.Random, inbox: Inbox) -> None:
        self._clock = clock
        self._rng = rng
        self._inbox = inbox

    def admit_user(self, user: User, statuses: Container[UserStatus] = _ACTIVE) -> None:
        """Refuse users who have no use of a factor now."""
        if user.status is UserStatus.LOCKED_OUT:
            raise UserLockedError
        if user.status not in statuses:
            raise WrongUserStatusError

    def admit(self, user: User, factor: Factor, statuses: Container[UserStatus] = _ACTIVE) -> None:
        """Refuse users and factors that cannot be challenged at all."""
        self.admit_user(user, statuses)
        if factor.status is FactorStatus.PENDING_ACTIVATION:
            raise ResourceNotFoundError(factor.id, "UserFactor")
        if factor.status is not FactorStatus.ACTIVE:
            raise FactorNotActiveError

    def send(self, factor: Factor, lifetime_seconds: int, wording: str = DEFAULT_WORDING) -> None:
        """Send a fresh code, which ends the factor's older one."""
        now = self._clock()
        self._require_pause(factor, now)
        code = f"{self._rng.randrange(10**6):06d}"
        factor.challenge = Challenge(code, now + lifetime_seconds)
        text = wording.replace("${org.name}", ORG_NAME).replace("${code}", code)
        self._inbox.append(Message(factor.destination, factor.type.value, code, now, text))

    def check(self, user: User, factor: Factor, given: str) -> None:
        """Accept the right code once; the fifth refusal in a row locks the user out."""
        refusal = self.refusal(factor, given)
        if refusal is None:
            user.failed_attempts = 0
            return
        user.failed_attempts += 1
        if user.failed_attempts >= LOCKOUT_ATTEMPTS:
            user.status = UserStatus.LOCKED_OUT
        raise refusal

    def refusal(self, factor: Factor, given: str) -> OktaError | None:
        """Why the code is not accepted; a right one is used up by asking."""
        if factor.type is FactorType.TOTP:
            return self._totp_refusal(factor, given)
        if factor.type is FactorType.QUESTION:
            right = given.casefold() == (factor.secret or "").casefold()
        else:
            right = self._redeem(factor, given)
        return None if right else _wrong_code(factor)

    def unlock(self, user: User) -> None:
        """Let a locked-out user try again."""
        if user.status is not UserStatus.LOCKED_OUT:
            raise UnlockNotAllowedError("The user is not locked out.")
        user.status = UserStatus.ACTIVE
        user.failed_attempts = 0
        user.failed_passwords = 0

    def _require_pause(self, factor: Factor, now: float) -> None:
        pause = _PAUSES[factor.type]
        for message in reversed(self._inbox):
            if now - message.sent_at >= pause.seconds:
                return
            if (message.to, message.channel) == (factor.destination, factor.type):
                raise pause.error

    def _redeem(self, factor: Factor, given: str) -> bool:
        challenge = factor.challenge
        if challenge is None or given != challenge.code or self._clock() >= challenge.expires_at:
            return False
        factor.challenge = None
        return True

    def _totp_refusal(self, factor: Factor, given: str) -> OktaError | None:
        now = self._clock()
        codes = pyotp.TOTP(factor.secret or "", digits=TOTP_DIGITS, interval=TOTP_STEP_SECONDS)
        for drift in _TOTP_DRIFT_STEPS:
            if codes.at(now, counter_offset=drift) != given:
                continue
            step = int(now) // TOTP_STEP_SECONDS + drift
            if step in factor.used_time_steps:
                return CodeReplayedError()
            factor.used_time_steps.add(step)
            return None
        return _wrong_code(factor)


def _wrong_code(factor: Factor) -> WrongCodeError:
    return WrongCodeError(_WRONG_CODE_CAUSES.get(factor.type, _WRONG_PASSCODE_CAUSE))
