"""Counts wrong passwords in a row, by login, so that Okta never sees the fifth.

The count is raised before Okta is asked. It ends with a right password, or a change of the password
at Okta, and not with time. Strangers may try while it is below `stranger_attempts`, known devices and
clients while it is below four. A login that nobody has is counted like any other.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable

from verification import errors, rules
from verification.crypto import DeviceClaim, fold_login
from verification.devices import Devices
from verification.frozen import Frozen
from verification.limits import Limits
from verification.models.callers import Call, Lane, Spent
from verification.models.customers import LoginHash, User
from verification.models.states import PasswordState
from verification.observability import Meter
from verification.ports import Clock, Keys, OktaAuthn, OktaUsers, PasswordCounts, Result
from verification.settings import Settings
from verification.timing import STRANGER_PATIENCE, in_turn

_HELD = (
    "Too many wrong passwords in a row. A change of the password at Okta ends the count. After fewer "
    "than four, a customer who is verified by a code may also send the device_token of that success "
    "as X-Device-Token."
)


class PasswordAttempt(Frozen):
    """A password that counts as wrong until it is settled. `username` is what Okta is to be sent.
    `is_concealed`: the caller must not be told whether Okta is asked, so a right password alone gives
    `spent` back.
    """

    username: str
    login_hash: LoginHash
    token: str
    lane: Lane
    spent: Spent
    is_concealed: bool


class Passwords(Frozen):
    """Decides whether Okta may be asked about a password."""

    keys: Keys
    counts: PasswordCounts
    users: OktaUsers
    devices: Devices
    limits: Limits
    authn: OktaAuthn
    settings: Settings
    meter: Meter
    clock: Clock
    sleep: Callable[[float], None]

    def reserve(self, username: str, call: Call) -> PasswordAttempt:
        """Count a wrong password. Raises RateLimited, AttemptsHeld, what a look-up ends with, and
        InvalidCredentials to strangers, who must not be told whether Okta is asked.

        The count and a client's budget belong to the login, in whatever form it was written. The
        strangers' budget belongs to the username as it was written: if the full and the short form of
        a login shared a budget, that would tell that somebody has this login. A known device pays
        from its own budget alone: in the strangers' its sign-ins would show.
        """
        device = self._device(call)
        is_short = "@" not in fold_login(username)
        user = self.users.with_login(username, call) if is_short or device else None
        login = user.login if user is not None else username
        login_hash = self.keys().login_hash(login)
        self.meter.note(login_hash=login_hash)
        if not call.caller.is_public:
            lane, budget = Lane.CLIENT, str(login_hash)
        elif device and user and device.customer == self.keys().customer_key(user.id):
            lane, budget = Lane.DEVICE, device.device_id
        else:
            lane, budget = Lane.STRANGER, str(self.keys().login_hash(username))
        conceals = lane is Lane.STRANGER and self.settings.conceal_unknown_customers
        spent = self.limits.spend_password(lane, budget)
        token = secrets.token_hex(16)
        attempt = PasswordAttempt(login, login_hash, token, lane, spent, is_concealed=conceals)
        try:
            self._require_counted(attempt, user, call)
        except errors.VerificationError as failure:
            raise self._told(attempt, failure, call) from None
        return attempt

    def settle(self, attempt: PasswordAttempt, *, is_right: bool) -> None:
        """Write what the password was. Only a wrong one is paid for."""
        self._settle(attempt, Result.RIGHT if is_right else Result.WRONG)
        if is_right:
            self.limits.refund(attempt.spent)

    def failed(
        self, attempt: PasswordAttempt, failure: errors.VerificationError, call: Call
    ) -> errors.VerificationError:
        """Settle an attempt that did not end with an answer; what the caller is told."""
        self._settle(attempt, Result.UNDONE if errors.okta_did_nothing(failure) else Result.WRONG)
        return self._told(attempt, failure, call)

    def _require_counted(self, attempt: PasswordAttempt, user: User | None, call: Call) -> None:
        """Count the attempt on the row. Raises AttemptsHeld, RequestInProgress, and to strangers an
        outage of Okta's sign-ins.
        """
        try:
            is_counted, state = self._count(attempt, call)
        except errors.RequestInProgress:
            self._require_answer(attempt, call)
            raise
        if is_counted:
            return
        self._require_answer(attempt, call)
        if self._is_over(attempt, user, state, call):
            self.counts.forget(attempt.login_hash, state, int(self.clock()))
        if not self._count(attempt, call)[0]:
            raise errors.AttemptsHeld(_HELD, retry_after=rules.HOLD_SECONDS)

    def _require_answer(self, attempt: PasswordAttempt, call: Call) -> None:
        """In place of a stranger's password that Okta is not asked about: so an outage ends alike,
        whether a login is held or not.
        """
        if attempt.is_concealed and (outage := self._outage(call)):
            raise outage

    def _outage(self, call: Call) -> errors.OktaUnavailable | None:
        """What keeps Okta from answering about a sign-in that nobody has begun."""
        try:
            self.authn.require_answer(call)
        except errors.OktaUnavailable as outage:
            return outage
        return None

    def _is_over(
        self, attempt: PasswordAttempt, user: User | None, state: PasswordState, call: Call
    ) -> bool:
        """Whether something at Okta has ended the count; the user is looked up only here."""
        try:
            user = user or self.users.with_login(attempt.username, call)
        except errors.OktaUnavailable:
            if attempt.is_concealed:
                return False
            raise
        trusts = self.settings.trust_last_login
        return user is not None and state.last_at < rules.passwords_forgotten_at(
            user, trust_last_login=trusts
        )

    def _settle(self, attempt: PasswordAttempt, result: Result) -> None:
        self.counts.settle(attempt.login_hash, attempt.token, result, int(self.clock()))

    def _told(
        self, attempt: PasswordAttempt, failure: errors.VerificationError, call: Call
    ) -> errors.VerificationError:
        """What the caller is told; what is not told as a wrong password costs nothing.

        Strangers are told of an outage, where Okta does not answer about a sign-in of nobody either:
        it may be this login alone, such as one whose directory is down. Whatever else went wrong is
        a wrong password to them: whether Okta is asked depends on sign-ins of the customer and of
        clients.
        """
        outage = None
        if attempt.is_concealed and isinstance(failure, errors.OktaUnavailable):
            outage = self._outage(call)
        if not attempt.is_concealed or outage or isinstance(failure, errors.InvalidCredentials):
            if errors.okta_did_nothing(failure):
                self.limits.refund(attempt.spent)
            return outage or failure
        self.meter.note_concealed(failure)
        return errors.InvalidCredentials()

    def _count(self, attempt: PasswordAttempt, call: Call) -> tuple[bool, PasswordState]:
        """Whether the attempt is counted, in its turn, and the state of the row."""
        self.meter.note(lane=attempt.lane)
        allowed = self.limits.attempts_allowed_without_brake(attempt.lane)
        if allowed is None:
            raise errors.InternalError("a password in the lane of releases")

        def reserve() -> tuple[bool, PasswordState]:
            now = self.clock()
            is_counted, state = self.counts.reserve(attempt.login_hash, attempt.token, allowed, now)
            if not is_counted and state.busy_until > now:
                raise errors.RequestInProgress
            return is_counted, state

        patience = STRANGER_PATIENCE if attempt.is_concealed else math.inf
        return in_turn(reserve, call.deadline, self.sleep, patience)

    def _device(self, call: Call) -> DeviceClaim | None:
        """The device of a public caller with a valid token, whichever customer it belongs to."""
        if not call.caller.is_public:
            return None
        now = int(self.clock())
        device = self.devices.claim(call.caller, now, email_hash=None, customer=None)
        return device[0] if device else None
