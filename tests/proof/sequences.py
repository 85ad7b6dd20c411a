"""Hypothesis strategies: which moves are drawn, and what may go wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves
from tests.proof.moves import SPELLINGS, Act, By, Change, Move, Token
from tests.proof.world import OWNER, SOURCES, Answer, Delivery, Fault, Person, World
from tests.sandbox.okta.faults import Kind, On
from tests.sandbox.okta.records import FactorType

LONGEST = 24
"""Moves in one sequence."""

WAITS = (1, 5, 29, 30, 31, 60, 299, 300, 301, 899, 900, 901, 3599, 3600, 3601, 86_400, 172_801)
"""Seconds: the windows, lifetimes and holds, and a moment before and after them."""

_AUTHN = "POST /api/v1/authn"
_FACTOR = f"{_AUTHN}/factors/{{id}}"
SIGN_IN_ROUTES = (
    _AUTHN,
    f"{_AUTHN}/factors",
    f"{_AUTHN}/previous",
    f"{_AUTHN}/skip",
    f"{_AUTHN}/cancel",
    f"{_FACTOR}/verify",
    f"{_FACTOR}/verify/resend",
    f"{_FACTOR}/lifecycle/resend",
    f"{_FACTOR}/lifecycle/activate",
)


@dataclass(frozen=True)
class Turn:
    """A move, what goes wrong at Okta meanwhile, and what becomes of asynchronous invocations."""

    move: Move
    fault: Fault | None = None
    delivery: Delivery = Delivery.AT_ONCE

    def play(self, world: World) -> Answer | None:
        """The answer to the move, if a caller was given one."""
        world.delivery = self.delivery
        with world.fault(self.fault):
            return self.move.play(world)


_OKTA_FAULTS = tuple(
    Fault(on, kind)
    for on in On
    for kind in Kind
    if on is not On.INVOKE and kind not in (Kind.THROTTLE, Kind.DROP)
)
_CHANNELS = st.sampled_from(("email", "email", "sms", "call"))
_KEYS = st.sampled_from(("", "", "", "key-1", "key-2"))
_FACTORS = st.sampled_from(
    (FactorType.EMAIL, FactorType.SMS, FactorType.TOTP, FactorType.QUESTION)
)
_RIGHT = st.booleans()


def public(sources: SearchStrategy[str]) -> SearchStrategy[Move]:
    """Moves of strangers who know everything about the customer but secrets."""
    tokens = st.sampled_from((Token.NONE, Token.NONE, *Token))
    send = st.builds(moves.Send, sources, _CHANNELS, st.booleans(), st.booleans(), tokens, _KEYS)
    plain_send = st.builds(moves.Send, sources)
    guess = st.builds(
        moves.Guess,
        sources,
        st.sampled_from(By),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        tokens,
        _KEYS,
    )
    plain_guess = st.builds(moves.Guess, sources)
    password = st.builds(moves.WrongPassword, sources, st.sampled_from(SPELLINGS))
    invented = st.builds(
        moves.InventedSignIn,
        sources,
        st.sampled_from(SIGN_IN_ROUTES),
        st.sampled_from(("", "passCode", "answer")),
    )
    return st.one_of(plain_send, plain_guess, send, guess, password, invented)


def passwords(source: SearchStrategy[str], *, is_owner: bool) -> SearchStrategy[Move]:
    """Sign-ins with the right password. Only the owner has the proofs and the device."""
    acts = st.sampled_from(Act) if is_owner else st.sampled_from([*set(Act) - {Act.RIGHT}])
    device = st.booleans() if is_owner else st.just(False)
    return st.one_of(
        st.builds(moves.SignIn, source, device),
        st.builds(moves.SignInStep, source, acts, _FACTORS, device),
    )


def known() -> SearchStrategy[Move]:
    """Moves of the customer's device and of a client."""
    return st.one_of(
        st.builds(moves.ClientSend, _CHANNELS, st.booleans(), st.booleans()),
        st.builds(moves.ClientSend),
        st.builds(moves.ClientVerify, _RIGHT, st.booleans(), _CHANNELS, st.booleans()),
        st.builds(moves.ClientVerify, _RIGHT),
        st.builds(moves.UseRelease, _RIGHT, _CHANNELS),
        st.builds(moves.DeviceSend, _CHANNELS),
        st.builds(moves.DeviceVerify, _RIGHT, _CHANNELS),
        st.builds(moves.Enroll, st.sampled_from(("totp", "sms", "email"))),
        st.builds(moves.ChallengeFactor),
        st.builds(moves.VerifyFactor, _RIGHT),
        st.builds(moves.Register, st.booleans()),
        st.builds(moves.EndDevices),
        st.builds(moves.ReadHold),
        st.builds(moves.ClientPassword, st.booleans()),
    )


def world() -> SearchStrategy[Move]:
    """What happens by itself."""
    return st.one_of(
        st.builds(moves.Wait, st.sampled_from(WAITS)),
        st.builds(moves.Deliver),
        st.builds(moves.Expire),
    )


def administrator() -> SearchStrategy[Move]:
    """What an administrator does at Okta."""
    return st.builds(moves.Administer, st.sampled_from(Change))


def turns(*choices: SearchStrategy[Move]) -> SearchStrategy[list[Turn]]:
    """A sequence of moves. Most go well."""
    faults = st.one_of(st.none(), st.none(), st.none(), st.sampled_from(_OKTA_FAULTS))
    turn = st.builds(Turn, st.one_of(*choices), faults, st.sampled_from(Delivery))
    return st.lists(turn, max_size=LONGEST)


def indistinguishable() -> SearchStrategy[list[Turn]]:
    """The moves of the first game."""
    owner = passwords(st.just(OWNER), is_owner=True)
    strangers = public(st.sampled_from(SOURCES))
    return turns(strangers, strangers, known(), owner, world(), administrator())


def attacks(*, knows_password: bool) -> SearchStrategy[list[Turn]]:
    """The moves of the second game."""
    address = st.integers(0, 999).map(lambda n: f"192.0.{n // 250}.{n % 250}")
    strangers = public(address)
    owner = passwords(st.just(OWNER), is_owner=True)
    if knows_password:
        strangers = st.one_of(
            strangers, passwords(st.sampled_from(SOURCES), is_owner=False)
        )
    return turns(strangers, strangers, known(), owner, world())


PERSONS = st.sampled_from([each for each in Person if each is not Person.NOBODY])
SETTINGS = st.fixed_dictionaries(
    {
        "STRANGER_ATTEMPTS": st.sampled_from(("3", "1", "2", "4")),
        "STRANGER_FAILURES_HOUR": st.sampled_from(("1000", "1")),
        "SENDS_PER_SOURCE_HOUR": st.sampled_from(("60", "3")),
        "FAILURES_PER_SOURCE_HOUR": st.sampled_from(("20", "3")),
        "PASSWORD_FAILURES_HOUR": st.sampled_from(("5", "2")),
    }
)
"""Limits as deployed, or so low that short sequences reach them."""

SIEGE_SETTINGS = st.fixed_dictionaries(
    {
        "STRANGER_ATTEMPTS": st.sampled_from(("3", "2", "1")),
        "STRANGER_FAILURES_HOUR": st.sampled_from(("1000", "1")),
        "TRUST_LAST_LOGIN": st.sampled_from(("false", "true")),
    }
)
"""Strangers are left fewer attempts than known callers, or the last rule means nothing."""
