"""The fifth game: registrations, while Okta fails and an administrator creates users too.

A registration creates one user whom nobody knew before, or none, and changes nobody else; the same request
under its key continues with the user that it has created, and with no other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves, sequences
from tests.proof.world import (
    CLIENT_KEY,
    EMAIL,
    OTHER_KEY,
    PASSWORD,
    PHONE,
    Answer,
    Fault,
    Person,
    World,
)
from tests.sandbox.okta.faults import Kind, On
from tests.sandbox.okta.records import FactorStatus, User

NEW = ("joan@shop.example", "jean@shop.example")
_CREATION_SECONDS, _DAY = 60, 86_400


@dataclass(frozen=True)
class Register:
    """A client, or the public (no caller), registers somebody."""

    email: str
    login: str = ""
    name: str = "Joan"
    enroll: tuple[str, ...] = ("email", "sms")
    key: str = ""
    caller: str = CLIENT_KEY

    @property
    def body(self) -> dict[str, Any]:
        profile = {"email": self.email, "firstName": self.name, "lastName": "C"}
        profile |= {"mobilePhone": PHONE} | ({"login": self.login} if self.login else {})
        return {"profile": profile, "password": PASSWORD, "enroll": [*self.enroll]}


@dataclass(frozen=True)
class Create:
    """An administrator creates a user at Okta."""

    email: str
    login: str


@dataclass(frozen=True)
class Turn:
    """A move, and what goes wrong at Okta meanwhile."""

    move: Register | Create | moves.Wait
    fault: Fault | None = None


@dataclass
class Game:
    """One sequence. `created`: by which request a user was."""

    world: World = field(init=False)
    created: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: dict[str, tuple[float, str]] = field(default_factory=dict)
    failed_at: float = 0.0

    def __post_init__(self) -> None:
        self.world = World(Person.CUSTOMER, {})

    def play(self, turns: Sequence[Turn]) -> None:
        """All turns; after them, everybody who was registered is verified."""
        for turn in turns:
            with self.world.fault(turn.fault):
                match turn.move:
                    case Register():
                        self._register(turn.move, turn.fault)
                    case Create(email, login):
                        if not self._holders(email, login):
                            self.world.org.directory.add_user(
                                login=login, email=email, first_name="A", last_name="B"
                            )
                    case move:
                        move.play(self.world)
        self.world.clock.now += 2 * _DAY
        for user in self._users():
            if user.id in self.created and any(each.type == "email" for each in user.factors):
                self._verify(user.email)

    def _register(self, move: Register, fault: Fault | None) -> None:
        world, now = self.world, self.world.clock.now
        request = move.key, json.dumps(move.body)
        before = {each.id: deepcopy(each) for each in self._users()}
        holders = self._holders(move.email, move.login or move.email)
        headers = {"Idempotency-Key": move.key} if move.key else {}
        answer = world.call(
            "POST /customers",
            body=move.body,
            client=bool(move.caller),
            key=move.caller,
            headers=headers,
        )
        new = [each for each in self._users() if each.id not in before]
        assert len(new) <= (move.caller == CLIENT_KEY and not holders), f"{move} created {new}"
        for user in new:
            self.created[user.id] = request
            assert (user.email, user.login) == (move.email, move.login or move.email)
            assert (user.first_name, user.password) == (move.name, PASSWORD)
        for user in self._users():
            is_own = move.key and self.created.get(user.id) == request
            is_same = is_own or user.id not in before or user == before[user.id]
            assert is_same, f"{move} changed {user}"
        assert not world.org.inbox, f"{move} sent something"
        self._check_answer(move, request, answer, fault, holders)
        if fault is not None:
            self.failed_at = world.clock.now
        self.asked.setdefault(move.key, (now, request[1]))

    def _check_answer(
        self,
        move: Register,
        request: tuple[str, str],
        answer: Answer,
        fault: Fault | None,
        holders: Sequence[User],
    ) -> None:
        own = [each for each in self._users() if self.created.get(each.id) == request]
        if answer.status == 201:
            assert [each.id for each in own] == [answer["customer_id"]], f"{move}: {answer}"
            user = own[0]
            active = {each.type for each in user.factors if each.status is FactorStatus.ACTIVE}
            assert active >= set(move.enroll), f"{move} is told what is not: {answer}"
            return
        if move.caller != CLIENT_KEY:
            assert answer.status in (401, 403), f"{move}: {answer}"
            return
        asked_at, body = self.asked.get(move.key, (0.0, request[1]))
        now = self.world.clock.now
        is_known_key = move.key and body != request[1]
        is_calm = fault is None and now - self.failed_at > _CREATION_SECONDS
        continues = bool(move.key) and now - asked_at < _DAY and holders == own
        may_succeed = is_calm and not is_known_key and (not holders or continues)
        assert not may_succeed, f"{move} should have succeeded: {answer}"

    def _verify(self, email: str) -> None:
        world = self.world
        sent = world.ask("POST /challenge", {"email": email})
        body = {"challenge_id": sent["challenge_id"], "code": world.code(email)}
        assert world.ask("POST /verify", body).status == 200, sent
        world.clock.now += 31

    def _users(self) -> list[User]:
        return list(self.world.org.directory)

    def _holders(self, email: str, login: str) -> list[User]:
        """Who has this email, or this login."""
        return [each for each in self._users() if each.email == email or each.login == login]


def turns() -> SearchStrategy[list[Turn]]:
    """Registrations and their repetitions, most of them with something that goes wrong."""
    emails = st.sampled_from((*NEW, *NEW, EMAIL))
    logins = st.sampled_from(("", "", "", "joan.c", *NEW))
    register = st.builds(
        Register,
        emails,
        logins.filter(lambda each: "@" not in each),
        st.sampled_from(("Joan", "Joan", "Jean")),
        st.sampled_from((("email", "sms"), ("email",), ())),
        st.sampled_from(("", "key-1", "key-1", "key-2")),
        st.sampled_from((*[CLIENT_KEY] * 6, OTHER_KEY, "")),
    )
    create = st.builds(Create, st.sampled_from(NEW), st.sampled_from((*NEW, "joan.c")))
    wait = st.builds(moves.Wait, st.sampled_from((1, 12, 13, 59, 60, 61, 3601, _DAY, _DAY + 1)))
    creation = st.builds(
        Fault, st.sampled_from((On.CREATE, On.ANY)), st.sampled_from((Kind.TIMEOUT, Kind.RESET))
    )
    faults = st.one_of(st.none(), sequences.FAULTS, creation)
    again = register.flatmap(
        lambda each: st.tuples(
            st.builds(Turn, st.just(each), faults),
            st.builds(Turn, wait | create),
            st.builds(Turn, st.just(each), faults),
            st.builds(Turn, wait),
            st.builds(Turn, st.just(each)),
        )
    )
    one = st.tuples(st.builds(Turn, register | register | create | wait, faults))
    return st.lists(one | again, max_size=8).map(
        lambda all_: [each for some in all_ for each in some]
    )
