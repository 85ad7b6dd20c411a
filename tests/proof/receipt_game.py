"""The fourth game: receipts, while the key that signs them is rotated.

A receipt is redeemed once, by a client whom it is meant for, for its customer, purpose and reference, in its
time, and as long as its key is published where the call arrives; a repetition is told the same. Whoever keeps
the public keys for an hour believes every receipt that is valid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves
from tests.proof.verification_game import USES
from tests.proof.world import (
    CLIENT_KEY,
    EMAIL,
    OTHER_EMAIL,
    OTHER_KEY,
    Answer,
    Kms,
    Person,
    World,
)
from tests.sandbox.okta.records import FactorType
from tests.unit.forgeries import FORGERIES, Forger

SHOP, DESK = CLIENT_KEY, OTHER_KEY
AUDIENCES = {SHOP: ("shop",), DESK: ("desk", "till")}
PUBLIC_SECONDS, KEPT_SECONDS, LONGEST = 120, 3600, 1800


@dataclass(frozen=True)
class Make:
    """A customer is verified for a caller ("": the public), who gets a receipt."""

    caller: str = ""
    email: str = EMAIL
    use: int = 0
    seconds: int = PUBLIC_SECONDS


@dataclass(frozen=True)
class Redeem:
    """A client redeems a receipt, counted from the newest; None is as it should be."""

    at: int = 0
    caller: str | None = None
    email: str | None = None
    use: int | None = None
    key: str = ""
    by_id: bool = False
    forgery: str = ""


@dataclass(frozen=True)
class Rotate:
    """The next step of a rotation (docs/operate.md), after its wait; `leaked`: without any step between."""

    leaked: bool = False


@dataclass(frozen=True)
class Turn:
    """A move. `worker`: 0 is an environment of the last deployment but one, if it still runs."""

    move: Make | Redeem | Rotate | moves.Wait
    worker: int = 1


@dataclass
class Made:
    """A receipt, and what it is good for."""

    text: str
    email: str
    use: Mapping[str, str]
    audience: str
    expires_at: float
    kid: str
    redeemed: Answer | None = None
    by: tuple[str, ...] = ()


@dataclass
class Game:
    """One sequence."""

    world: World = field(init=False)
    workers: list[World] = field(init=False)
    made: list[Made] = field(default_factory=list)
    kept: dict[str, tuple[float, Any]] = field(default_factory=dict)
    has_leaked: bool = False
    rotations: int = 0

    def __post_init__(self) -> None:
        self.world = World(Person.CUSTOMER, {})
        directory = self.world.org.directory
        other = directory.add_user(
            login=OTHER_EMAIL, email=OTHER_EMAIL, first_name="O", last_name="T"
        )
        directory.add_factor(other, FactorType.EMAIL, OTHER_EMAIL)
        keys = {"RECEIPT_KEY": "key-0", "RECEIPT_OTHER_KEY": ""}
        self.workers = [self.world.beside(**keys)] * 2

    def play(self, turns: Sequence[Turn]) -> None:
        """All turns."""
        for turn in turns:
            worker = self.workers[turn.worker]
            match turn.move:
                case Make():
                    self._make(turn.move, worker)
                case Redeem():
                    self._redeem(turn.move, worker)
                case Rotate(leaked):
                    self._rotate(leaked=leaked)
                case moves.Wait(seconds):
                    self._wait(seconds)
            self._check_offline()

    def _make(self, move: Make, worker: World) -> None:
        self._wait(31)
        use = dict(USES[move.use])
        wanted = {"receipt": True, "receipt_seconds": move.seconds} if move.caller else {}
        caller: dict[str, Any] = {"client": bool(move.caller), "key": move.caller}
        begun = worker.call(
            "POST /challenge", body={"email": move.email, **use, **wanted}, **caller
        )
        if begun.outcome == "send_limited":
            return
        body = {"challenge_id": begun["challenge_id"], "code": worker.code(move.email), **use}
        verified = worker.call("POST /verify", body=body, **caller)
        assert verified["receipt"], verified
        seconds = move.seconds if move.caller else PUBLIC_SECONDS
        expires_at = int(self.world.clock.now) + seconds
        audience = AUDIENCES[move.caller][0] if move.caller else "shop"
        kid = worker.settings["RECEIPT_KEY"]
        made = Made(verified["receipt"], move.email, use, audience, expires_at, kid)
        self.made.append(made)

    def _redeem(self, move: Redeem, worker: World) -> None:
        if move.at >= len(self.made):
            return
        made = self.made[-1 - move.at]
        own = next(key for key, names in AUDIENCES.items() if made.audience in names)
        caller, email = move.caller or own, move.email or made.email
        use = made.use if move.use is None else USES[move.use]
        text = self._forged(move.forgery, made.text) if move.forgery else made.text
        body: dict[str, object] = {"receipt": text, **use}
        body |= {"customer_id": self._user_id(email)} if move.by_id else {"email": email}
        headers = {"Idempotency-Key": move.key} if move.key else {}
        asked = (caller, move.key, json.dumps(body))
        answer = worker.call(
            "POST /receipts/redeem", body=body, client=bool(caller), key=caller, headers=headers
        )
        if move.key and asked == made.by:
            assert made.redeemed is not None
            assert answer.body == made.redeemed.body, f"{move} told: {answer}"
            return
        if move.key and answer.outcome == "idempotency_key_reused":
            return
        is_good = (
            not move.forgery
            and made.audience in AUDIENCES[caller]
            and (email, use) == (made.email, made.use)
            and self.world.clock.now < made.expires_at
            and made.kid in _published(worker)
            and made.redeemed is None
        )
        assert (answer.status == 200) == is_good, f"{move} of {made}: {answer}"
        if is_good:
            made.redeemed, made.by = answer, asked

    def _rotate(self, *, leaked: bool) -> None:
        """Publish the next key, sign with it, and forget the one before."""
        now = self.workers[1].settings
        key, other = now["RECEIPT_KEY"], now["RECEIPT_OTHER_KEY"]
        newest = f"key-{self.rotations}"
        if leaked:
            self.rotations += 1
            self.has_leaked = True
            keys = (f"key-{self.rotations}", "")
        elif not other:
            self.rotations += 1
            keys = (key, f"key-{self.rotations}")
        elif key != newest:
            self._wait(KEPT_SECONDS)
            keys = (other, key)
        else:
            self._wait(LONGEST)
            keys = (key, "")
        deployed = self.world.beside(RECEIPT_KEY=keys[0], RECEIPT_OTHER_KEY=keys[1])
        self.workers = [self.workers[1], deployed]

    def _wait(self, seconds: int) -> None:
        """Time passes; an environment of an older deployment ends in less than a minute."""
        self.world.clock.now += seconds
        if seconds >= 60:
            self.workers = [self.workers[1]] * 2

    def _check_offline(self) -> None:
        """Whoever keeps the keys for an hour believes all receipts that are valid."""
        now = self.world.clock.now
        kept_at, jwks = self.kept.get("jwks", (0.0, None))
        if now - kept_at >= KEPT_SECONDS:
            jwks = self.workers[0].call("GET /.well-known/jwks.json").document
            self.kept["jwks"] = now, jwks
        if self.has_leaked:
            return
        keys = {each["kid"]: jwt.PyJWK(each) for each in jwks["keys"]}
        for made in self.made:
            if now < made.expires_at:
                key = keys[jwt.get_unverified_header(made.text)["kid"]]
                options: Any = {"verify_exp": False, "verify_iat": False}
                jwt.decode(made.text, key, ["ES256"], options, audience=made.audience)

    def _forged(self, name: str, text: str) -> str:
        kms, key_id = Kms(), self.workers[1].settings["RECEIPT_KEY"]

        def sign(message: bytes) -> bytes:
            return kms.sign(KeyId=key_id, Message=message)["Signature"]

        public_key = kms.get_public_key(KeyId=key_id)["PublicKey"]
        return FORGERIES[name][1](Forger(text, sign, public_key))

    def _user_id(self, email: str) -> str:
        return next(each.id for each in self.world.org.directory if each.email == email)


def _published(worker: World) -> set[str]:
    return {worker.settings["RECEIPT_KEY"], worker.settings["RECEIPT_OTHER_KEY"]}


def turns() -> SearchStrategy[list[Turn]]:
    """Receipts, and redemptions that are wrong in one way or two, or right."""
    callers, emails = st.sampled_from(("", SHOP, DESK)), st.sampled_from((EMAIL, OTHER_EMAIL))
    uses = st.integers(0, len(USES) - 1)
    make = st.builds(Make, callers, emails, uses, st.sampled_from((120, 600, LONGEST)))
    at, keys = st.sampled_from((0, 0, 0, 1, 2)), st.sampled_from(("", "", "key-1", "key-2"))
    changes = {"caller": st.sampled_from((SHOP, DESK)), "email": emails, "use": uses}
    forgeries = st.sampled_from(tuple(FORGERIES))
    redeem = st.one_of(
        st.builds(Redeem, at, key=keys, by_id=st.booleans()),
        *(st.builds(Redeem, at, **{each: change}, key=keys) for each, change in changes.items()),
        st.builds(Redeem, at, *(st.none() | change for change in changes.values()), keys),
        st.builds(Redeem, at, forgery=forgeries),
    )
    wait = st.builds(moves.Wait, st.sampled_from((1, 59, 60, 119, 120, 121, 599, 1799, 1800, 3601)))
    rotate = st.builds(Rotate, st.sampled_from((False, False, False, False, True)))
    plays = st.one_of(
        st.tuples(make, redeem),
        st.tuples(make, redeem, redeem),
        st.tuples(make, rotate, redeem),
        st.tuples(make, wait, redeem),
        st.tuples(st.one_of(redeem, wait, rotate)),
    )
    turn = plays.flatmap(
        lambda play: st.tuples(
            *(st.builds(Turn, st.just(each), st.integers(0, 1)) for each in play)
        )
    )
    return st.lists(turn, max_size=10).map(lambda all_: [each for some in all_ for each in some])
