"""Attacks that once worked, each as a sequence of calls in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof import moves
from tests.proof.world import (
    EMAIL,
    OWNER,
    PASSWORD,
    SOURCES,
    START,
    Fault,
    Person,
    World,
    watched,
)
from tests.sandbox.okta.faults import Kind, On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.records import User
from verification import rules


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    """A function reports no fault of its own."""
    with watched():
        yield


def customer_with(world: World, login: str) -> User:
    """Another customer, with this login."""
    user = world.org.directory.add_user(login=login, email=login, first_name="A", last_name="B")
    user.password = PASSWORD
    return user


class TestFifthWrongPassword:
    @pytest.mark.parametrize("short", ["me", "Me", "\uff4de", "a/b", "a\uff0fb", "ada"])
    def test_no_spelling_of_a_login_has_a_count_of_its_own(self, short: str) -> None:
        world = World(Person.NOBODY, {})
        login = {"ada": "ada", "a/b": "a/b", "a\uff0fb": "a/b"}.get(short, "me")
        user = customer_with(world, f"{login}@shop.example")
        for n, username in enumerate((user.login, short)):
            for _ in range(4):
                moves.WrongPassword(SOURCES[n], username).play(world)
                world.clock.now += 60
        assert user.failed_passwords == 3

    def test_no_mark_gives_a_login_a_count_of_its_own(self) -> None:
        """Case folding makes a letter of this mark, and Okta drops it."""
        world = World(Person.NOBODY, {})
        user = customer_with(world, "ada@shop.example")
        for count in range(5):
            username = user.login.replace("@", "\u0345" * count + "@")
            moves.WrongPassword(SOURCES[0], username).play(world)
            world.clock.now += 60
        assert user.failed_passwords == 3

    def test_a_short_login_that_cannot_be_looked_up_is_a_wrong_password_to_everybody(self) -> None:
        world = World(Person.NOBODY, {})
        before = world.clock.now
        refused = moves.WrongPassword(SOURCES[0], "me").play(world)
        taken = world.clock.now - before
        customer_with(world, "me@shop.example")
        before = world.clock.now
        answer = moves.WrongPassword(SOURCES[0], "me").play(world)
        assert (answer.status, answer["errorCode"]) == (401, "E0000004")
        assert (refused.status, refused["errorCode"]) == (401, "E0000004")
        assert world.clock.now - before == taken == 1


class TestWhoIsACustomer:
    def test_the_hour_of_wrong_passwords_does_not_begin_with_a_right_one(self) -> None:
        """`Retry-After` told when somebody had signed in, which nobody can at another's login."""
        told = []
        for signs_in in (True, False):
            world = World(Person.CUSTOMER, {})
            if signs_in:
                assert moves.SignIn(OWNER).play(world).status == 200
            world.clock.now = START + 600
            answers = [moves.WrongPassword(SOURCES[0]).play(world) for _ in range(6)]
            told.append([(each.status, each.headers.get("Retry-After")) for each in answers])
        assert told[0] == told[1]

    @pytest.mark.parametrize("person", [Person.CUSTOMER, Person.NOBODY])
    def test_a_clients_send_does_not_keep_what_strangers_did(self, person: Person) -> None:
        """The row is deleted two days after the last send, and a client's send put that off."""
        told = []
        for client_sends in (True, False):
            world = World(person, {})
            first = moves.Send(SOURCES[0]).play(world)["challenge_id"]
            for _ in range(2):
                moves.Guess(SOURCES[0]).play(world)
                world.clock.now += 60
            world.clock.now = START + 40 * 3600
            if client_sends:
                world.ask("POST /challenge", {"email": EMAIL})
            world.clock.now = START + 50 * 3600
            world.expire()
            body = {"challenge_id": first, "code": world.wrong_code()}
            answers = [world.call("POST /verify", body=body, source=SOURCES[0])]
            answers.append(moves.Send(SOURCES[0]).play(world))
            for _ in range(2):
                answers.append(moves.Guess(SOURCES[0]).play(world))
                world.clock.now += 60
            told.append([(each.status, each.outcome) for each in answers])
        assert told[0] == told[1]

    def test_a_login_that_okta_limits_is_told_as_a_wrong_password(self) -> None:
        """A client's right password ends the count, so that Okta is asked once more: the fifth time
        in this second, which it refuses.
        """
        told = []
        for person in (Person.CUSTOMER, Person.NOBODY):
            world = World(person, {})
            for is_right in (False, True, True, False):
                moves.ClientPassword(is_right).play(world)
                world.clock.now = START
            answer = moves.WrongPassword(SOURCES[0]).play(world)
            told.append((answer.status, answer["errorCode"], answer.headers, world.clock.now))
        assert told[0] == told[1]
        assert told[0][:2] == (401, "E0000004")

    @pytest.mark.parametrize(("kind", "told"), [("code", (403, 1)), ("password", (401, 1))])
    def test_nobody_waits_for_an_org_that_is_limited(
        self, kind: str, told: tuple[int, int]
    ) -> None:
        """Only for a customer was Okta asked, and its limit waited for, for up to seven seconds."""
        took = []
        for person in (Person.CUSTOMER, Person.NOBODY):
            world = World(person, {})
            moves.Send(SOURCES[0]).play(world)
            for source in SOURCES:
                moves.WrongPassword(source).play(world)
            moves.ClientPassword(is_right=True).play(world)
            world.clock.now = START + 56
            for bucket in (Bucket.FACTORS, Bucket.AUTHN):
                for _ in range(bucket.limit + 1):
                    world.org.limits.count(bucket, START)
            answer = (moves.Guess if kind == "code" else moves.WrongPassword)(OWNER).play(world)
            took.append((answer.status, world.clock.now - START - 56))
        assert took == [told, told]


class TestShuttingOut:
    def test_what_okta_did_not_send_closes_no_mailbox(self) -> None:
        """A backend that tried again during a fault of Okta closed it until the next day."""
        world = World(Person.CUSTOMER, {})
        for _ in range(rules.DESTINATION_SENDS + 1):
            with world.fault(Fault(On.VERIFY, Kind.RATE_LIMITED)):
                assert moves.ClientSend().play(world).outcome == "okta_rate_limited"
                moves.Send(SOURCES[0]).play(world)
            world.clock.now += 31
        assert not world.org.inbox
        assert moves.ClientSend().play(world).status == 202


class TestStoredAnswers:
    def test_a_code_is_not_found_by_the_answer_that_is_stored_for_it(self) -> None:
        """By somebody behind the customer's address who knows the customer's Idempotency-Key."""
        world = World(Person.CUSTOMER, {})
        world.call("POST /challenge", body={"email": EMAIL}, source=OWNER)
        right = world.code(EMAIL)

        def verify(code: str) -> int:
            body, headers = {"email": EMAIL, "code": code}, {"Idempotency-Key": "1"}
            return world.call("POST /verify", body=body, headers=headers, source=OWNER).status

        assert verify(right) == 200
        guesses = [f"{n:06d}" for n in range(30)]
        assert right not in guesses
        assert [verify(guess) for guess in guesses] == [422] * 20 + [429] * 10
        assert verify(right) == 429
