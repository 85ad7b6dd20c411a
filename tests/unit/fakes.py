"""An in-memory store for the tests of use cases, with the rules of the table's rows: one attempt
at a time, counts of wrong codes, windows of sends, and what was sent last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verification import errors, rules
from verification.crypto import Place, Row
from verification.models import (
    Attempt,
    Challenge,
    ChallengeStatus,
    Channel,
    CustomerKey,
    CustomerState,
    EmailHash,
    Found,
    Lane,
    PasswordState,
    PublicState,
    Sent,
    Slot,
    Spent,
    Target,
    WrongCode,
)
from verification.ports import Result, SendPlan, Settlement


@dataclass
class Sends:
    """Times of sends, newest first, and the last of each channel."""

    windows: Sequence[rules.Window]
    times: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def require_room(self, channel: str, now: int, limit: str = "") -> None:
        cooling = self.last.get(channel, 0) + rules.RESEND_SECONDS - now
        wait = rules.send_wait(self.times, self.windows, now)
        if max(cooling, wait) <= 0:
            return
        if wait <= cooling:
            raise errors.SendLimited(retry_after=cooling, limit="resend")
        limit = limit or rules.window_name(self.times, self.windows, now)
        raise errors.SendLimited(retry_after=wait, limit=limit)

    def push(self, channel: str, now: int) -> None:
        self.times.insert(0, now)
        if channel:
            self.last[channel] = now

    def pop(self, channel: str = "") -> None:
        self.times.pop(0)
        self.last.pop(channel, None)


@dataclass
class PublicRow:
    """The row of an email or of a device; `most` wrong codes hold it."""

    sends: Sends
    most: float
    state: PublicState = field(default_factory=PublicState)
    attempt: str = ""
    attached: str = ""

    def told(self) -> PublicState:
        if self.state.wrong_codes >= self.most:
            return self.state
        return replace(self.state, held_until=0)

    def change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def change_newest(self, **changes: Any) -> None:
        newest, *older = self.state.challenges
        self.change(challenges=(replace(newest, **changes), *older))


class FakeEmails:
    def __init__(self, stranger_attempts: int) -> None:
        self.lookups: dict[EmailHash, Found] = {}
        self._rows: dict[Place, PublicRow] = {}
        self._client_sends: dict[EmailHash, Sends] = {}
        self._stranger_attempts = stranger_attempts

    def row(self, place: Place) -> PublicRow:
        if place.row is Row.DEVICE:
            new = PublicRow(Sends(rules.DEVICE_HOUR), float("inf"))
        else:
            new = PublicRow(Sends(rules.HOUR_AND_DAY), self._stranger_attempts)
        return self._rows.setdefault(place, new)

    def open_challenge(self, place: Place, challenge: Challenge) -> int:
        row, now = self.row(place), challenge.sent_at
        state = row.told()
        if state.busy_until > now:
            raise errors.RequestInProgress
        if state.held_until > now:
            raise errors.AttemptsHeld(retry_after=state.held_until - now)
        row.sends.require_room(challenge.channel, now)
        row.sends.push(challenge.channel, now)
        wrong = 0 if state.wrong_codes >= row.most else state.wrong_codes
        row.change(challenges=(challenge, *state.challenges)[:5], wrong_codes=wrong)
        return rules.resend_at(row.sends.times, row.sends.windows, now)

    def withdraw(self, place: Place, challenge: Challenge) -> None:
        row = self.row(place)
        if row.state.challenges[0].id == challenge.id:
            row.change_newest(status=ChallengeStatus.FAILED)
            row.sends.pop(challenge.channel)

    def attach(self, place: Place, challenge: Challenge, target: Target) -> bool:
        row = self.row(place)
        if row.state.challenges[0].id != challenge.id or row.attached == challenge.id:
            return False
        row.attached = challenge.id
        row.change_newest(target=target)
        return True

    def state(self, place: Place) -> PublicState:
        return self.row(place).state

    def found(self, email_hash: EmailHash) -> Found | None:
        return self.lookups.get(email_hash)

    def reserve_client_send(
        self, email_hash: EmailHash, channel: Channel, token: str, now: int
    ) -> tuple[Found | None, int]:
        del token  # nothing else sends between the reservation and its refund
        sends = self._client_sends.setdefault(email_hash, Sends(rules.HOUR_AND_DAY))
        sends.require_room(channel, now)
        sends.push(channel, now)
        return self.found(email_hash), rules.resend_at(sends.times, sends.windows, now)

    def refund_client_send(self, email_hash: EmailHash, channel: Channel, token: str) -> None:
        del token
        self._client_sends[email_hash].pop(channel)

    def remember(self, email_hash: EmailHash, found: Found) -> None:
        self.lookups[email_hash] = found

    def forget(self, email_hash: EmailHash) -> None:
        if email_hash in self.lookups:
            self.lookups[email_hash] = replace(self.lookups[email_hash], at=0)


class FakeBudgets:
    def __init__(self) -> None:
        self.spent: dict[Spent, tuple[int, int]] = {}
        """How much of a budget is spent, and when its hour ends."""
        self.brake = 0
        self.brake_reads = 0
        self.destinations: dict[tuple[int, str], int] = {}

    def spend(self, spent: Spent, limit: int, now: int) -> None:
        count, ends_at = self.spent.get(spent, (0, 0))
        if ends_at > now and count >= limit:
            raise errors.RateLimited(retry_after=ends_at - now)
        self.spent[spent] = (count + 1, ends_at) if ends_at > now else (1, now + 3600)

    def refund(self, spent: Spent, now: int) -> None:
        count, ends_at = self.spent[spent]
        if ends_at > now:
            self.spent[spent] = count - 1, ends_at

    def send_to(self, destination_hash: str, now: int) -> None:
        day = now // 86_400
        sends = self.destinations.get((day, destination_hash), 0)
        if sends >= rules.DESTINATION_SENDS:
            raise errors.SendLimited(retry_after=86_400 - now % 86_400, limit="destination")
        self.destinations[day, destination_hash] = sends + 1

    def strangers_wrong_codes(self, now: int) -> int:
        del now
        self.brake_reads += 1
        return self.brake


@dataclass
class CustomerRow:
    state: CustomerState = field(default_factory=CustomerState)
    attempt: str = ""
    send: str = ""
    sign_in_sends: Sends = field(default_factory=lambda: Sends(rules.HOUR_AND_DAY))
    releases: Sends = field(default_factory=lambda: Sends(rules.RELEASE_DAY))

    def change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def slot(self, slot: Slot) -> Challenge | None:
        if slot is Slot.RELEASE:
            return self.state.release
        return self.state.challenges[0] if self.state.challenges else None

    def change_slot(self, slot: Slot, **changes: Any) -> None:
        challenge = self.slot(slot)
        assert challenge is not None
        if slot is Slot.RELEASE:
            self.change(release=replace(challenge, **changes))
        else:
            self.change(challenges=(replace(challenge, **changes), *self.state.challenges[1:]))


class FakeCustomers:
    def __init__(self, budgets: FakeBudgets) -> None:
        self.rows: dict[CustomerKey, CustomerRow] = defaultdict(CustomerRow)
        self._budgets = budgets

    def get(self, customer: CustomerKey) -> CustomerState:
        return self.rows[customer].state

    def begin_send(self, plan: SendPlan) -> None:
        row, now = self.rows[plan.customer], plan.now
        if row.state.busy_until > now:
            raise errors.RequestInProgress
        if rules.is_held(row.state, plan.allowed):
            raise errors.AttemptsHeld(retry_after=rules.HOLD_SECONDS)
        is_release = plan.challenge is not None and plan.challenge.lane is Lane.RELEASE
        if is_release:
            row.releases.require_room("", now, "releases")
        if plan.counts_as is not None:
            row.sign_in_sends.require_room(plan.counts_as, now)
        if plan.destination_hash:
            self._budgets.send_to(plan.destination_hash, now)
        row.send = plan.token
        if is_release:
            row.releases.push("", now)
            row.change(release=plan.challenge)
        elif plan.challenge is not None:
            row.change(challenges=(plan.challenge, *row.state.challenges)[:5])
        if plan.counts_as is not None:
            row.sign_in_sends.push(plan.counts_as, now)
        if plan.factor_id:
            before = {k: v for k, v in row.state.sent.items() if k == plan.factor_id}
            others = {k: v for k, v in row.state.sent_before.items() if k != plan.factor_id}
            sent = Sent(plan.by, now, is_certain=plan.is_on_its_way)
            row.change(sent={**row.state.sent, plan.factor_id: sent}, sent_before=others | before)

    def confirm_send(
        self, customer: CustomerKey, factor_id: str, by: str, now: int
    ) -> CustomerState:
        row = self.rows[customer]
        newest = row.state.sent.get(factor_id)
        if newest is None or newest.by == by:
            row.change(sent={**row.state.sent, factor_id: Sent(by, now, is_certain=True)})
        return row.state

    def withdraw_send(self, plan: SendPlan) -> None:
        row = self.rows[plan.customer]
        if row.send != plan.token:
            return
        row.send = ""
        if plan.factor_id:
            others = {k: v for k, v in row.state.sent.items() if k != plan.factor_id}
            before = {k: v for k, v in row.state.sent_before.items() if k == plan.factor_id}
            row.change(sent=others | before)
        if plan.counts_as is not None:
            row.sign_in_sends.pop(plan.counts_as)
        if plan.challenge is None:
            return
        if plan.challenge.lane is Lane.RELEASE:
            row.releases.pop()
            row.change_slot(Slot.RELEASE, status=ChallengeStatus.FAILED)
        elif row.state.challenges[1:]:
            row.change(challenges=row.state.challenges[1:])
        else:
            row.change_slot(Slot.NEWEST, status=ChallengeStatus.FAILED)

    def end_devices(self, customer: CustomerKey, now: int) -> None:
        self.rows[customer].change(devices=(), devices_ended_at=now)

    def forget_wrong_codes(self, customer: CustomerKey, count: int, now: int) -> None:
        row = self.rows[customer]
        if row.state.busy_until <= now and len(row.state.wrong_codes) == count:
            row.change(wrong_codes=())


class FakeAttempts:
    def __init__(self, emails: FakeEmails, customers: FakeCustomers, budgets: FakeBudgets) -> None:
        self._emails = emails
        self._customers = customers
        self._budgets = budgets

    def reserve_public(
        self, place: Place, challenge_id: str | None, token: str, now: float
    ) -> PublicState:
        row = self._emails.row(place)
        state = row.told()
        newest = state.challenges[0] if state.challenges else None
        if (
            newest is None
            or challenge_id not in (None, newest.id)
            or not newest.is_open
            or newest.expires_at <= int(now)
            or max(state.busy_until, state.held_until) > now
        ):
            raise rules.why_not_public(state, challenge_id, now)
        row.attempt = token
        row.change_newest(status=ChallengeStatus.PENDING)
        row.change(
            wrong_codes=state.wrong_codes + 1,
            busy_until=now + rules.ATTEMPT_SECONDS,
            held_until=int(now) + rules.HOLD_SECONDS,
        )
        return row.told()

    def reserve(self, customer: CustomerKey, attempt: Attempt) -> tuple[bool, CustomerState]:
        row = self._customers.rows[customer]
        if row.state.busy_until > attempt.now or rules.is_held(row.state, attempt.allowed):
            return False, row.state
        if attempt.slot is not None:
            challenge = row.slot(attempt.slot)
            if challenge is None or not _takes(challenge, attempt):
                return False, row.state
            row.change_slot(attempt.slot, status=ChallengeStatus.PENDING)
        row.attempt = attempt.token
        wrong = (*row.state.wrong_codes, WrongCode(int(attempt.now), attempt.lane))
        row.change(wrong_codes=wrong, busy_until=attempt.now + rules.ATTEMPT_SECONDS)
        return True, row.state

    def settle(self, settlement: Settlement) -> None:
        if settlement.customer is not None:
            self._settle_customer(settlement, self._customers.rows[settlement.customer])
        if settlement.place is not None:
            self._settle_public(settlement, self._emails.row(settlement.place))
        if settlement.refund is not None:
            self._budgets.refund(settlement.refund, int(settlement.now))
        self._budgets.brake += settlement.counts_for_brake

    def _settle_customer(self, settlement: Settlement, row: CustomerRow) -> None:
        if row.attempt != settlement.token:
            raise errors.StoreUnavailable
        result, wrong, slot = settlement.result, list(row.state.wrong_codes), settlement.slot
        is_verified = result in (Result.RIGHT, Result.ACTIVATED)
        if result is Result.RIGHT:
            wrong = []
        elif result is not Result.WRONG:
            del wrong[settlement.wrong_codes - 1]
        row.attempt = ""
        row.change(wrong_codes=tuple(wrong), busy_until=0.0)
        if settlement.devices is not None:
            row.change(devices=tuple(settlement.devices))
        if slot is not None and is_verified:
            now = int(settlement.now)
            row.change_slot(slot, status=ChallengeStatus.VERIFIED, verified_at=now)
        elif slot is not None and settlement.closes_customer:
            row.change_slot(slot, status=ChallengeStatus.EXHAUSTED)

    def _settle_public(self, settlement: Settlement, row: PublicRow) -> None:
        if row.attempt != settlement.token:
            raise errors.StoreUnavailable
        row.attempt = ""
        if settlement.public_result is Result.WRONG:
            row.change(busy_until=settlement.free_at)
            if settlement.closes_public:
                row.change_newest(status=ChallengeStatus.EXHAUSTED)
        elif settlement.public_result is Result.UNDONE:
            row.change(wrong_codes=row.state.wrong_codes - 1, busy_until=0.0)
        else:
            row.change(wrong_codes=0, busy_until=0.0, held_until=0)
            row.change_newest(status=ChallengeStatus.VERIFIED, verified_at=int(settlement.now))


def _takes(challenge: Challenge, attempt: Attempt) -> bool:
    """Whether a stored challenge takes this attempt."""
    owner = (attempt.client, attempt.origin)
    return (
        challenge.is_open
        and challenge.expires_at > int(attempt.now)
        and attempt.challenge_id in (None, challenge.id)
        and (attempt.client is None or owner == (challenge.client, challenge.origin))
    )


class FakeRegistrations:
    def __init__(self) -> None:
        self.asked: dict[EmailHash, tuple[str, int]] = {}

    def asked_at(self, email_hash: EmailHash, request: str) -> int:
        asker, at = self.asked.get(email_hash, ("", 0))
        return at if asker == request else 0

    def ask(self, email_hash: EmailHash, request: str, now: int) -> None:
        asker, at = self.asked.get(email_hash, (request, 0))
        if asker != request and at > now - rules.CREATION_SECONDS:
            raise errors.RequestInProgress(retry_after=at + rules.CREATION_SECONDS - now)
        self.asked[email_hash] = request, now

    def drop(self, email_hash: EmailHash, request: str) -> None:
        if self.asked[email_hash][0] == request:
            self.asked[email_hash] = request, 0


class FakeKept:
    """Texts by name: of sign-ins, and of SMS templates."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.steps: Counter[str] = Counter()

    def take_step(self, key: str, now: int) -> str | None:
        if self.steps[key] >= rules.SIGN_IN_STEPS:
            raise errors.RateLimited(retry_after=now)
        self.steps[key] += 1
        return self.kept.get(key)

    def find(self, name: str, now: int) -> str | None:
        del now
        return self.kept.get(name)

    def keep(self, name: str, text: str, now: int) -> None:
        del now
        self.kept[name] = text


class FakePasswordCounts:
    def __init__(self) -> None:
        self.states: dict[EmailHash, PasswordState] = defaultdict(PasswordState)
        self._before: dict[str, PasswordState] = {}

    def reserve(
        self, login_hash: EmailHash, token: str, allowed: int, now: float
    ) -> tuple[bool, PasswordState]:
        state = self.states[login_hash]
        if state.busy_until > now or state.wrong >= allowed:
            return False, state
        until = now + rules.ATTEMPT_SECONDS
        self._before[token] = state
        self.states[login_hash] = state = PasswordState(state.wrong + 1, int(until), until)
        return True, state

    def settle(self, login_hash: EmailHash, token: str, result: Result, now: int) -> None:
        before = self._before.pop(token)
        wrong = 0 if result is Result.RIGHT else before.wrong + 1
        is_undone = result is Result.UNDONE
        self.states[login_hash] = before if is_undone else PasswordState(wrong, now)

    def forget(self, login_hash: EmailHash, state: PasswordState, now: int) -> None:
        if self.states[login_hash] == state and state.busy_until <= now:
            self.states[login_hash] = replace(state, wrong=0)


class FakeInvocation:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.failure: errors.VerificationError | None = None

    def invoke(self, function: str, payload: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.events.append((function, payload))


class FakeSigner:
    """KMS: a key for every id. `failure` is what all calls end with, `failures` those with one key."""

    def __init__(self) -> None:
        self.signed: list[str] = []
        self.failure: errors.VerificationError | None = None
        self.failures: dict[str, errors.VerificationError] = {}
        self.keys: defaultdict[str, ec.EllipticCurvePrivateKey] = defaultdict(
            lambda: ec.generate_private_key(ec.SECP256R1())
        )

    def sign(self, key_id: str, message: bytes) -> bytes:
        key = self._key(key_id)
        self.signed.append(key_id)
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    def public_key(self, key_id: str) -> bytes:
        public_key = self._key(key_id).public_key()
        return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        failure = self.failure or self.failures.get(key_id)
        if failure is not None:
            raise failure
        return self.keys[key_id]


class FakeRedemptions:
    def __init__(self) -> None:
        self.redeemed: dict[str, tuple[str, int]] = {}

    def redeem(self, jti: str, by: str, now: int, expires_at: int) -> int | None:
        del expires_at
        redeemed_by, redeemed_at = self.redeemed.setdefault(jti, (by, now))
        return None if redeemed_by == by else redeemed_at
