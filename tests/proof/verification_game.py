"""The third game: to be verified without the right code, or with one code twice.

Anybody tries any code for any challenge: codes of other challenges, customers and factors, for other
purposes, by other callers and routes, late and again. `Begun.is_right` is all that may succeed, and Okta must
have said so in the same call.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves, sequences
from tests.proof.interference import Answered, Upstream
from tests.proof.moves import PROVED, Act, Move
from tests.proof.world import (
    CLIENT_KEY,
    EMAIL,
    HOME,
    OTHER_EMAIL,
    OTHER_KEY,
    PHONE,
    Answer,
    Fault,
    Person,
    World,
)
from tests.sandbox.okta.records import FactorType, Message, UserStatus

LIFETIME = 300
USES: Sequence[Mapping[str, str]] = (
    *({}, PROVED, {**PROVED, "reference": "order-2"}),
    {"purpose": "refund"},
)
NOBODYS = -1
"""The code that nobody was sent."""

_HOUR, _DAY = 3600, 86_400
_MOST_SENT = {
    "stranger": ((_HOUR, 5), (_DAY, 10)),
    "device": ((_HOUR, 3),),
    "client": ((_HOUR, 5), (_DAY, 10)),
    "release": ((_DAY, 3),),
}
"""Messages of each kind of caller to one email."""


class Who(StrEnum):
    """Who calls: strangers, the customer's known device, or one of two clients."""

    STRANGER = "stranger"
    DEVICE = "device"
    SHOP = "shop"
    DESK = "desk"


class By(StrEnum):
    """How a code is tried."""

    ID = "id"
    EMAIL = "email"
    OTHER_EMAIL = "id, with another email"
    URL = "URL"
    MFA = "MFA"


@dataclass(frozen=True)
class Begin:
    """Somebody asks for a code; `by` MFA: of a factor that is enrolled."""

    who: Who
    email: str = EMAIL
    channel: str = "email"
    use: int = 0
    releases: bool = False
    by: By = By.ID

    @property
    def kind(self) -> str:
        """Whose sends it counts with."""
        is_client = self.who in (Who.SHOP, Who.DESK)
        return "release" if self.releases else "client" if is_client else str(self.who)

    @property
    def row(self) -> str:
        """Of the challenges in a row the newest alone is good."""
        return f"{self.kind} {self.email}"


@dataclass(frozen=True)
class Prove:
    """Somebody tries a code. `at` is a challenge, counted from the newest; what is None is as it should be,
    and `code_of` another challenge.
    """

    at: int = 0
    who: Who | None = None
    code_of: int | None = None
    use: int | None = None
    by: By | None = None


@dataclass(frozen=True)
class Turn:
    """A move of this game or another, and what goes wrong at Okta meanwhile."""

    move: Begin | Prove | Move
    fault: Fault | None = None


@dataclass
class Begun:
    """A challenge as its caller knows it, and the message that was sent for it."""

    begin: Begin
    id: str
    at: float
    message: Message | None
    is_over: bool = False


@dataclass
class Game:
    """One sequence. `proved` and `tried` count what was verified, and what was tried."""

    world: World = field(init=False)
    begun: list[Begun] = field(default_factory=list)
    sent: list[tuple[float, str, str, Message]] = field(default_factory=list)
    factors_proved: list[str] = field(default_factory=list)
    has_failed: set[str] = field(default_factory=set)
    callers: int = 0
    read_before: int = 0

    def __post_init__(self) -> None:
        self.world = World(Person.CUSTOMER, {}, through=self._through)
        directory = self.world.org.directory
        other = directory.add_user(
            login=OTHER_EMAIL, email=OTHER_EMAIL, first_name="O", last_name="T"
        )
        directory.add_factor(other, FactorType.EMAIL, OTHER_EMAIL)
        directory.add_factor(other, FactorType.SMS, PHONE)
        moves.meet_device(self.world)
        moves.Enroll("email").play(self.world)
        self.read_before = len(self.world.org.inbox)

    def play(self, turns: Sequence[Turn]) -> None:
        """All turns."""
        for turn in turns:
            self.factors_proved.clear()
            with self.world.fault(turn.fault):
                match turn.move:
                    case Begin():
                        self._begin(turn.move)
                    case Prove():
                        self._prove(turn.move, turn)
                    case move:
                        move.play(self.world)
                        self._note_sent("another", EMAIL)
            if turn.fault is not None:
                self.has_failed |= {EMAIL, OTHER_EMAIL}

    # ---- What must hold --------------------------------------------------------------------------

    def _is_right(self, own: Begun, by: By, who: Who, use: Mapping[str, str], code: str) -> bool:
        """Whether this code proves this customer now, to this caller, for this use."""
        begin = own.begin
        public, is_public = (Who.STRANGER, Who.DEVICE), who in (Who.STRANGER, Who.DEVICE)
        is_owner = who is begin.who or (begin.releases and is_public)
        # The ids of public challenges are secrets of those who have them.
        is_owner |= by is By.ID and is_public and begin.who in public
        same_row = [each for each in self.begun if each.begin.row == begin.row]
        return (
            is_owner
            and own is same_row[-1]
            and not own.is_over
            and self.world.clock.now < own.at + LIFETIME
            and use == USES[begin.use]
            and by is not By.OTHER_EMAIL
            and (by is By.MFA) == (begin.by is By.MFA)
            and not (begin.releases and by is not By.ID)
            and own.message is not None
            and own.message is self._newest(begin.email, begin.channel)
            and own.message.code == code
        )

    def _newest(self, email: str, channel: str) -> Message | None:
        """The newest message over this channel to this customer, whoever had it sent."""
        to_them = [message for _, _, to, message in self.sent if to == email]
        return next((each for each in reversed(to_them) if each.channel == channel), None)

    def _check_sends(self, kind: str, email: str) -> None:
        now = self.world.clock.now
        own = [at for at, of, to, _ in self.sent if (of, to) == (kind, email)]
        for seconds, most in _MOST_SENT.get(kind, ()):
            assert sum(at > now - seconds for at in own) <= most, f"too many for {kind}"

    # ---- Moves -----------------------------------------------------------------------------------

    def _begin(self, move: Begin) -> None:
        if move.by is By.MFA:
            answer = self.world.ask(
                "POST /auth/factors/{id}/challenge", {}, id=self.world.factor_id
            )
            challenge_id, is_begun = answer["id"], answer.status == 201
        else:
            body: dict[str, object] = {"email": move.email, "channel": move.channel}
            body |= USES[move.use]
            body |= {"release_hold": True} if move.releases else {}
            answer = self._call("POST /challenge", move.who, body)
            challenge_id, is_begun = answer["challenge_id"], answer.status == 202
        at = self.world.clock.now
        message = self._note_sent(move.kind, move.email)
        self._check_sends(move.kind, move.email)
        if is_begun:
            self.begun.append(Begun(move, challenge_id, at, message))

    def _prove(self, move: Prove, turn: Turn) -> None:
        if move.at >= len(self.begun):
            return
        own = self.begun[-1 - move.at]
        begin = own.begin
        by = move.by or begin.by
        who, use = move.who or begin.who, USES[begin.use if move.use is None else move.use]
        use = {} if by in (By.URL, By.MFA) else use
        named = self._named(own, by, who)
        code = self._code(move, own)
        if named is None:
            return
        user = next(each for each in self.world.org.directory if each.email == begin.email)
        before = user.failed_factor_attempts
        is_right = self._is_right(named, by, who, use, code)
        is_active = user.status is UserStatus.ACTIVE
        answer = self._try(own, by, who, use, code)
        is_proved = "verified" in (answer["status"], answer.outcome) or answer["valid"] is True
        is_proved |= by is By.URL and answer.body == "200"
        assert is_right or not is_proved, f"{move} proved {named}: {answer}"
        assert not is_proved or self._okta_said_so(named), f"{move}: Okta did not say so"
        is_plain = is_active and turn.fault is None and begin.email not in self.has_failed
        assert is_proved or not (is_right and is_plain), f"{move} was right: {answer}"
        limit = 5 if named.begin.releases else 4
        assert user.failed_factor_attempts <= max(before, limit), f"{move} locks the account"
        if is_proved:
            named.is_over = True
        else:
            self.has_failed.add(begin.email)

    def _named(self, own: Begun, by: By, who: Who) -> Begun | None:
        """The challenge that a call names: the newest of the caller's, if it names an email."""
        if by not in (By.EMAIL, By.URL):
            return own
        row = Begin(who, own.begin.email).row
        return next((each for each in reversed(self.begun) if each.begin.row == row), None)

    def _code(self, move: Prove, own: Begun) -> str:
        if move.code_of is None:
            message = own.message
        elif move.code_of == NOBODYS or not self.sent:
            message = None
        else:
            message = self.sent[-1 - move.code_of % len(self.sent)][-1]
        return message.code if message else self.world.wrong_code()

    def _try(self, own: Begun, by: By, who: Who, use: Mapping[str, str], code: str) -> Answer:
        email = own.begin.email
        match by:
            case By.URL:
                query = [("email", email), ("otp", code)]
                return self._call("GET /verify", who, None, query=query)
            case By.MFA:
                route, path = "POST /auth/challenges/{id}/verify", {"id": own.id}
                return self._call(route, who, {"code": code}, path=path)
            case By.EMAIL:
                named = {"email": email}
            case By.ID:
                named = {"challenge_id": own.id}
            case By.OTHER_EMAIL:
                other = OTHER_EMAIL if email == EMAIL else EMAIL
                named = {"challenge_id": own.id, "email": other}
        return self._call("POST /verify", who, {**named, "code": code, **use})

    def _call(self, route: str, who: Who, body: Mapping[str, object] | None, **more: Any) -> Answer:
        self.callers += 1
        source = f"192.0.{self.callers // 250}.{self.callers % 250}"
        key = OTHER_KEY if who is Who.DESK else CLIENT_KEY
        is_device = who is Who.DEVICE
        headers = {"X-Device-Token": self.world.device_token} if is_device else {}
        is_client = who in (Who.SHOP, Who.DESK)
        return self.world.call(
            *(route,), body=body, source=source, client=is_client, key=key, headers=headers, **more
        )

    # ---- What Okta does --------------------------------------------------------------------------

    def _note_sent(self, kind: str, email: str) -> Message | None:
        """Take what has been sent since for messages to this customer; the last of them."""
        now, known = self.world.clock.now, len(self.sent)
        new = self.world.org.inbox[self.read_before + known :]
        self.sent += [(now, kind, email, message) for message in new]
        return new[-1] if new else None

    def _okta_said_so(self, own: Begun) -> bool:
        """Whether Okta has accepted a code of this factor of this customer in this call."""
        user = next(each for each in self.world.org.directory if each.email == own.begin.email)
        ids = {each.id for each in user.factors if each.type == own.begin.channel}
        paths = {f"POST /api/v1/users/{user.id}/factors/{each}/verify" for each in ids}
        return not paths.isdisjoint(self.factors_proved)

    def _through(self, call: Upstream, carry_out: Callable[[], Any]) -> Any:
        """Remember the factors of which Okta accepts a code."""
        answered = carry_out()
        if not isinstance(answered, Answered) or not call.name.endswith("/verify"):
            return answered
        body = answered.body
        if answered.status == 200 and b'"factorResult": "SUCCESS"' in body.replace(b'":"', b'": "'):
            self.factors_proved.append(call.name)
        return replace(answered, read=_reader(body))


def _reader(body: bytes) -> Callable[[float], bytes]:
    whole = io.BytesIO(body)
    return lambda _: whole.read()


# ---- What is drawn ---------------------------------------------------------------------------------


def turns() -> SearchStrategy[list[Turn]]:
    """Challenges, and codes that are tried in one wrong way or two, seldom in none."""
    emails = st.sampled_from((EMAIL, EMAIL, EMAIL, OTHER_EMAIL))
    channels, uses = st.sampled_from(("email", "email", "sms", "call")), st.integers(0, 3)
    no = st.none()
    begins = st.one_of(
        st.builds(Begin, st.sampled_from(Who), emails, channels),
        st.builds(Begin, st.sampled_from(Who), emails, channels, uses),
        st.builds(Begin, st.just(Who.SHOP), emails, channels, uses, st.just(True)),
        st.just(Begin(Who.SHOP, by=By.MFA)),
    ).filter(lambda each: each.who is not Who.DEVICE or each.email == EMAIL)
    at = st.sampled_from((0, 0, 0, 1, 2, 3))
    changes = {
        "who": st.sampled_from(Who),
        "code_of": st.integers(NOBODYS, 4),
        "use": uses,
        "by": st.sampled_from(By),
    }
    proofs = st.one_of(
        st.builds(Prove, at),
        *(st.builds(Prove, at, **{name: change}) for name, change in changes.items()),
        st.builds(Prove, at, *(st.one_of(no, change) for change in changes.values())),
    )
    waits = st.builds(moves.Wait, st.sampled_from((*sequences.WAITS, 31, 31)))
    others: SearchStrategy[Move] = st.one_of(
        waits,
        waits,
        st.builds(moves.SignIn, st.just(HOME)),
        st.builds(moves.SignInStep, st.just(HOME), st.just(Act.CHALLENGE)),
        st.builds(moves.SignInStep, st.just(HOME), st.just(Act.RIGHT)),
        st.builds(moves.Administer, st.sampled_from(moves.Change)),
        st.builds(moves.Happens, st.just("expire")),
    )
    faults = sequences.FAULTS
    one = st.one_of(begins, proofs, proofs, others)
    pause, newest_code = st.just(moves.Wait(31)), st.builds(Prove, st.just(1), code_of=st.just(0))
    plays = st.one_of(
        st.tuples(begins, pause, begins, newest_code, proofs),
        st.tuples(begins, proofs),
        st.tuples(begins, waits, begins, proofs, proofs),
        st.tuples(begins, proofs, proofs),
        st.tuples(one),
    )
    turn = plays.flatmap(
        lambda play: st.tuples(*(st.builds(Turn, st.just(move), faults) for move in play))
    )
    return st.lists(turn, max_size=10).map(lambda all_: [each for some in all_ for each in some])
