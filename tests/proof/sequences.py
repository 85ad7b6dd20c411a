"""Hypothesis strategies: which moves are drawn, and what may go wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.proof import moves
from tests.proof.moves import SPELLINGS, Act, By, Change, Move, Token
from tests.proof.world import HOME, SOURCES, Answer, Delivery, Fault, Person, World, router_of
from tests.sandbox.okta.faults import AWS_KINDS, OKTA_KINDS, On
from tests.sandbox.okta.records import FactorType

LONGEST = 12
"""Plays in half a sequence."""

WAITS = (1, 5, 29, 30, 31, 60, 299, 300, 301, 899, 900, 901, 3599, 3600, 3601, 86_400, 172_801)
"""Seconds: the windows, lifetimes and holds, and a moment before and after them."""

SIGN_IN_ROUTES = tuple(
    route
    for function in ("issue_challenge", "verify_challenge")
    for route in router_of(function).routes
    if route.startswith("POST /api/v1/authn")
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


_OKTA_FAULTS = tuple(Fault(on, kind) for on in On for kind in OKTA_KINDS if on not in AWS_KINDS)
_CHANNELS = st.sampled_from(("email", "email", "sms", "call", "totp"))
_ANY_CHANNEL = st.sampled_from(("email", "sms", "call", "totp", "push", "push", "any", "any"))
_KEYS = st.sampled_from(("", "", "", "key-1", "key-2"))
_TOKENS = st.sampled_from((Token.NONE, Token.NONE, Token.NONE, *Token))
_FACTORS = st.sampled_from((FactorType.EMAIL, FactorType.SMS, FactorType.TOTP, FactorType.QUESTION))
_RIGHT = st.booleans()
_SELDOM = st.sampled_from((False, False, False, False, True))
_DELIVERIES = st.sampled_from((*[Delivery.AT_ONCE] * 5, *Delivery))
FAULTS = st.sampled_from((*[None] * 5 * len(_OKTA_FAULTS), *_OKTA_FAULTS))
_OWNER = st.just(HOME)

Play = SearchStrategy[tuple[Turn, ...]]
"""Moves that make sense one after the other."""


def _play(*steps: SearchStrategy[Move]) -> Play:
    return st.tuples(*(st.builds(Turn, step, FAULTS, _DELIVERIES) for step in steps))


def _one(*choices: SearchStrategy[Move]) -> Play:
    return _play(st.one_of(*choices))


def strangers(sources: SearchStrategy[str]) -> Play:
    """What strangers do who know everything about the customer but secrets."""
    channels = st.one_of(_CHANNELS, _CHANNELS, _ANY_CHANNEL)
    send = st.builds(moves.Send, sources, channels, _SELDOM, _SELDOM, _TOKENS, _KEYS, _SELDOM)
    ask = st.builds(moves.Ask, sources, st.sampled_from(By), st.booleans(), _TOKENS, _KEYS)
    page = st.builds(moves.OpenPage, sources, st.booleans())
    guess = st.builds(moves.Guess, sources, st.sampled_from(By), *[_SELDOM] * 4, _TOKENS, _KEYS)
    routes, proofs = st.sampled_from(SIGN_IN_ROUTES), st.sampled_from(("", "passCode", "answer"))
    invented = st.builds(moves.InventedSignIn, sources, routes, proofs)
    password = st.builds(moves.WrongPassword, sources, st.sampled_from(SPELLINGS))
    plain_send, plain_guess = st.builds(moves.Send, sources), st.builds(moves.Guess, sources)
    next_hour = st.just(moves.Wait(3601))
    return st.one_of(
        _play(plain_send, plain_guess),
        _play(plain_send, plain_guess, plain_guess, plain_guess),
        _play(next_hour, plain_send, plain_guess, plain_guess, plain_guess),
        _play(send, guess),
        _play(send, ask, ask),
        _one(send, guess, ask, page),
        _one(password),
        _one(password, invented),
        _play(password, password, password),
    )


def passwords(source: SearchStrategy[str], *, is_owner: bool) -> Play:
    """Sign-ins with the right password. Only the owner has the proofs and the device."""
    acts = st.sampled_from([each for each in Act if is_owner or each is not Act.RIGHT])
    device = st.booleans() if is_owner else st.just(False)
    begin = st.builds(moves.SignIn, source, device)
    step = st.builds(moves.SignInStep, source, acts, _FACTORS, device)
    wrong = st.builds(moves.SignInStep, source, st.just(Act.WRONG), _FACTORS, device)
    challenge = st.builds(moves.SignInStep, source, st.just(Act.CHALLENGE), _FACTORS, device)
    return st.one_of(_play(begin, challenge, step), _play(begin, wrong), _one(begin, step))


def known() -> Play:
    """What the customer's device and a client do."""
    send = st.builds(moves.ClientSend, _CHANNELS, st.just(False), _SELDOM)
    release = st.builds(moves.ClientSend, _CHANNELS, st.just(True))
    use = st.builds(moves.UseRelease, _RIGHT, _CHANNELS)
    verify = st.builds(moves.ClientVerify, _RIGHT, st.booleans(), _CHANNELS, _SELDOM)
    challenge, verify_factor = (
        st.just(moves.ChallengeFactor()),
        st.builds(moves.VerifyFactor, _RIGHT),
    )
    enroll = st.builds(moves.Enroll, st.sampled_from(("totp", "sms", "email")))
    sign_in_code = st.builds(
        moves.SignInStep, _OWNER, st.just(Act.CHALLENGE), _FACTORS, st.just(True)
    )
    device_send = st.builds(moves.DeviceSend, _CHANNELS)
    device_verify = st.builds(moves.DeviceVerify, _RIGHT, _CHANNELS)
    any_send = st.builds(moves.ClientSend, _ANY_CHANNEL, _SELDOM, st.just(False), _SELDOM)
    any_device_send = st.builds(moves.DeviceSend, _ANY_CHANNEL, _SELDOM)
    ask, device_ask = st.builds(moves.ClientAsk, _RIGHT), st.builds(moves.DeviceAsk, _RIGHT)
    on_phone = st.builds(moves.AnswerPush, _RIGHT)
    plain_verify, wrong = st.builds(moves.ClientVerify, _RIGHT), st.just(moves.ClientVerify(False))
    return st.one_of(
        _play(st.just(moves.ClientSend()), plain_verify),
        _play(st.just(moves.ClientSend()), wrong, wrong, plain_verify),
        _play(send, verify),
        _play(st.just(moves.ClientSend(releases=True)), st.builds(moves.UseRelease, _RIGHT)),
        _play(release, use),
        _play(st.just(moves.DeviceSend()), st.builds(moves.DeviceVerify, _RIGHT)),
        _play(device_send, device_verify, device_verify),
        _play(st.just(moves.ClientSend("push")), on_phone, ask, ask),
        _play(st.just(moves.DeviceSend("push")), on_phone, device_ask, device_ask),
        _play(any_send, on_phone, any_send, ask, verify),
        _play(any_device_send, on_phone, any_device_send, device_ask, device_verify),
        _play(enroll, challenge, verify_factor),
        _play(st.just(moves.SignIn(HOME, has_device=True)), sign_in_code),
        _one(
            send,
            verify,
            use,
            device_verify,
            challenge,
            verify_factor,
            device_send,
            any_send,
            any_device_send,
            ask,
            device_ask,
            on_phone,
            st.builds(moves.Register, st.booleans()),
            st.builds(moves.EndDevices),
            st.builds(moves.ReadHold),
            st.builds(moves.ClientPassword, st.booleans()),
            st.just(moves.Administer(Change.CHANGE_PASSWORD)),
        ),
    )


def world() -> Play:
    """What happens by itself."""
    return _one(
        st.builds(moves.Wait, st.sampled_from(WAITS)),
        st.builds(moves.Wait, st.just(31)),
        st.builds(moves.Happens, st.sampled_from(("deliver", "expire"))),
    )


def administrator() -> Play:
    """What an administrator does at Okta."""
    return _one(st.builds(moves.Administer, st.sampled_from(Change)))


def turns(*plays: Play) -> SearchStrategy[list[Turn]]:
    """A sequence of moves. Most of them go well."""
    some = st.lists(st.one_of(*plays), max_size=LONGEST)
    # Two lists, because one is short most of the time.
    return st.tuples(some, some).map(
        lambda both: [turn for plays in both for played in plays for turn in played]
    )


def indistinguishable() -> SearchStrategy[list[Turn]]:
    """The moves of the first game."""
    public = strangers(st.sampled_from(SOURCES))
    owner = passwords(_OWNER, is_owner=True)
    return turns(public, public, public, known(), owner, world(), world(), administrator())


def of_others() -> SearchStrategy[list[Turn]]:
    """The same moves without the owner's sign-ins, and with days between them: strangers come back later."""
    public = strangers(st.sampled_from(SOURCES))
    a_day, expiry = st.just(moves.Wait(90_000)), st.just(moves.Happens("expire"))
    guess = st.builds(moves.Guess, st.sampled_from(SOURCES), st.sampled_from(By))
    later = _play(a_day, st.just(moves.ClientSend()), a_day, expiry, guess)
    return turns(public, public, known(), later, world(), administrator())


def attacks(*, knows_password: bool) -> SearchStrategy[list[Turn]]:
    """The moves of the second game."""
    address = st.integers(0, 999).map(lambda n: f"192.0.{n // 250}.{n % 250}")
    public, owner = strangers(address), passwords(_OWNER, is_owner=True)
    attacker = passwords(st.sampled_from(SOURCES), is_owner=False) if knows_password else public
    floods: list[SearchStrategy[Move]] = [st.just(moves.Flood())]
    if knows_password:
        channels = st.sampled_from((FactorType.EMAIL, FactorType.SMS))
        floods.append(st.builds(moves.FloodSignIn, st.sampled_from(SOURCES), channels))
    flood = _one(*floods)
    pushes: SearchStrategy[Move] = st.sampled_from(
        [moves.ClientSend("push"), moves.DeviceSend("push")]
    )
    pause, no = st.just(moves.Wait(31)), st.just(moves.AnswerPush(is_approved=False))
    pushed = _play(pushes, pause, pushes, no, pause, pushes, pause, pushes)
    # A client and a device have challenges of their own, and wrong codes for both.
    wrong: SearchStrategy[Move] = st.one_of(
        st.just(moves.ClientVerify(is_right=False)), st.just(moves.DeviceVerify(is_right=False))
    )
    both = _play(st.just(moves.ClientSend()), st.just(moves.DeviceSend("sms")), *[wrong] * 6)
    password: SearchStrategy[Move] = st.one_of(
        st.just(moves.ClientPassword(is_right=False)), st.just(moves.DevicePassword())
    )
    tried = _play(password, password, st.just(moves.SignIn(HOME, has_device=True)))
    return turns(
        public, public, attacker, known(), known(), owner, world(), flood, both, tried, pushed
    )


_PERSONS = [each for each in Person if each is not Person.NOBODY]
PERSONS = st.sampled_from([*[Person.CUSTOMER] * 3, *_PERSONS])
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

BESIEGED = st.sampled_from((Person.CUSTOMER, Person.CUSTOMER, Person.EMAIL_ONLY))

SIEGE_SETTINGS = st.fixed_dictionaries(
    {
        "STRANGER_ATTEMPTS": st.sampled_from(("3", "2", "1")),
        "STRANGER_FAILURES_HOUR": st.sampled_from(("1000", "1")),
        "TRUST_LAST_LOGIN": st.sampled_from(("false", "true")),
    }
)
"""Strangers are left fewer attempts than known callers, or the last rule means nothing."""
