"""Every fault at every call to Okta and AWS, in every dialect and lane, and what must hold in each cell.

A scenario is one call of the API after some preparation. Played once without a fault, it tells which
calls it makes to Okta and AWS. Then it is played once for each of these calls and each fault, and a
repetition follows, as a caller would send it. What must hold:

- The answer is documented, and comes inside the deadline. Nothing is a fault of this service.
- Nobody is verified by a wrong code, nor by an answer that does not show Okta's success, nor twice.
- One message at most, with the repetition.
- The count of wrong codes here is never below Okta's, and rises unless it is certain that Okta has
  compared no code.
- One line in the log; nothing secret or personal in log, metrics, table and answers.
- Two days later the customer is verified as always.
"""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from io import StringIO
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools import Logger, Metrics
from werkzeug.wrappers import Response

from tests.proof import moves
from tests.proof.interference import (
    NEVER_COMPARED,
    AwsFault,
    Crash,
    CrashFault,
    Fault,
    Interference,
    OktaFault,
    Upstream,
    faults_of,
)
from tests.proof.moves import Act, meet_device
from tests.proof.world import (
    ANSWER,
    CLIENT_KEY,
    EMAIL,
    OLD_EMAIL,
    OTHER_EMAIL,
    OWNER,
    PASSWORD,
    PHONE,
    ROOT_KEY,
    SOURCES,
    TOTP_SECRET,
    Answer,
    Clock,
    Delivery,
    Person,
    World,
)
from tests.sandbox.okta.records import FactorType, User
from tests.sandbox.okta.seed import SANDBOX_API_TOKEN
from tests.sandbox.witness import undocumented
from verification.aws.customer_rows import CustomerRows
from verification.aws.table import Table
from verification.crypto import Keyring
from verification.http.pipeline import LONGEST_CALL, TIME_TO_ANSWER
from verification.observability import Meter, Observer

TWO_DAYS = 2 * 86_400
SETTINGS = {"CHALLENGE_LIFETIME_SECONDS": "600"}

NEVER_ANSWERED = (CLIENT_KEY, ROOT_KEY, SANDBOX_API_TOKEN, PASSWORD, ANSWER)
CANARIES = (*NEVER_ANSWERED, EMAIL, OLD_EMAIL, OTHER_EMAIL, PHONE, PHONE[1:], TOTP_SECRET, "evil.")
SECRETS = ("device_token", "receipt", "stateToken", "sessionToken", "secret")
"""Fields of answers that nobody else may see."""

SUCCESSES = ("verified", "signed_in", "activated")
"""Outcomes by which somebody is taken for the customer."""

MAY_SUCCEED = frozenset(
    {
        *(OktaFault.REFUSED, OktaFault.CONNECT_TIMEOUT),
        *(OktaFault.LIMITED_BARE, OktaFault.LIMITED_PAST, OktaFault.WRONG_TYPE),
    }
)
"""Faults at the check of a right code after which it may be right: those that nothing was done in, so
that it is sent once more, and Okta's own success under another media type.
"""


class Kind(Enum):
    """What a scenario is about."""

    SEND = auto()
    RIGHT_CODE = auto()
    WRONG_CODE = auto()
    APPROVED_PUSH = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call on a route; `None`: the second half of a public send."""

    dialect: str
    lane: str
    text: str
    kind: Kind
    route: str | None
    act: Callable[[World], Answer | None]
    before: Sequence[Callable[[World], object]] = ()
    person: Person = Person.CUSTOMER

    @property
    def name(self) -> str:
        """Dialect, lane and what is done."""
        return f"{self.dialect}, {self.lane}: {self.text}"


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of a fault at the call with this number: an outcome, or what did not hold."""

    scenario: str
    number: int
    call: str
    fault: str
    outcome: str
    broken: str = ""


@dataclass
class Stage:
    """A world that is prepared for a scenario, and all that it writes."""

    scenario: Scenario
    messages: int = 0
    successes: int = 0
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        clock = Clock()
        self.interference = Interference(clock, clock.sleep)
        self.world = World(
            self.scenario.person,
            SETTINGS,
            clock=clock,
            through=self.interference,
            observer=observer,
            delivery=Delivery.LATER,
        )
        for step in self.scenario.before:
            step(self.world)
        self.interference.others = self._others()
        self.world.start()

    def play(self) -> str:
        """One time; the outcome in the log, or `crash`."""
        world, clock = self.world, self.world.clock
        started, sent = clock.now, self._sent()
        forget_log()
        try:
            answer = self.scenario.act(world)
        except Crash:
            outcome = "crash"
            assert not LOG.getvalue()
        else:
            took = clock.now - started
            assert took <= LONGEST_CALL + TIME_TO_ANSWER, f"took {took} s"
            outcome = self._outcome(answer)
        self.messages += self._sent() - sent
        self._require_no_canary()
        return outcome

    def _sent(self) -> int:
        """Messages and pushes that Okta has sent, whatever was taken back."""
        return len(self.world.org.inbox) + len(self.world.org.pushes.sent)

    def wrong_codes(self) -> tuple[int, int]:
        """In a row: as Okta counts them, and as this service does."""
        user = self.user
        customer = Keyring(ROOT_KEY).customer_key(user.id)
        rows = CustomerRows(Table(self.world.store, "table", Meter()))
        return user.failed_factor_attempts, len(rows.get(customer).wrong_codes)

    @property
    def user(self) -> User:
        """The customer."""
        user = self.world.user
        assert user is not None
        return user

    def get_through(self) -> None:
        """A client verifies the customer, two days later."""
        self.world.clock.now += TWO_DAYS
        sent = moves.ClientSend().play(self.world)
        verified = moves.ClientVerify(is_right=True).play(self.world)
        assert (sent.status, verified.status) == (202, 200), (sent, verified)

    def _outcome(self, answer: Answer | None) -> str:
        written = map(json.loads, LOG.getvalue().splitlines())
        lines = [line for line in written if "_aws" not in line]  # without the metrics
        ended = [line for line in lines if "outcome" in line]
        assert len(ended) == 1, f"{len(ended)} lines"
        line = ended[0]
        problems = {each["message"] for each in lines if each is not line}
        assert problems <= {"misconfigured"}, lines
        outcome = str(line["outcome"])
        is_ours_to_correct = self.interference.fault in (AwsFault.NOT_FOUND, AwsFault.DENIED)
        assert outcome != "internal_error" or (problems and is_ours_to_correct), lines
        hidden = line.get("concealed") or line.get("reason")
        self._see(answer, outcome)
        return f"{outcome} ({hidden})" if hidden and hidden != outcome else outcome

    def _see(self, answer: Answer | None, outcome: str) -> None:
        assert (answer is None) == (self.scenario.route is None)
        is_success = outcome in SUCCESSES
        is_replayed = outcome == "replayed"  # the one success, told again
        if answer is not None and self.scenario.route is not None:
            says = answer["status"] in ("verified", "SUCCESS") or answer["valid"] is True
            is_success |= says or (self.scenario.route == "GET /verify" and answer.body == "200")
            fault = _undocumented(self.scenario.route, answer.status, outcome, Quoted(answer))
            assert not fault, fault
            leaks = [each for each in NEVER_ANSWERED if each in answer.body]
            assert not leaks + self._codes(answer.body), answer
            self.secrets |= {str(answer[name]) for name in SECRETS if answer[name]}
        self.successes += is_success and not is_replayed

    def _require_no_canary(self) -> None:
        rows = str(self.world.store.rows)
        for text in (LOG.getvalue(), LIBRARIES.getvalue(), rows):
            leaks = [each for each in (*CANARIES, *self.secrets) if each in text]
            assert not leaks + self._codes(text)

    def _codes(self, text: str) -> list[str]:
        """The codes in a text. They are six digits, and so are parts of longer numbers."""
        codes = {message.code for message in self.world.org.inbox}
        return re.findall(rf"(?<![\w.+])(?:{'|'.join(codes)})(?![\w.])", text) if codes else []

    def _others(self) -> Mapping[str, str]:
        """Own ids, and those of another user."""
        if self.world.user is None:
            return {}
        ids = [self.user.id, *(factor.id for factor in self.user.factors)]
        return {each: f"{each[:4]}{'other'}{each[9:]}" for each in ids} | {EMAIL: OTHER_EMAIL}


LOG, LIBRARIES = StringIO(), StringIO()
"""What the function, and what any library has written since the last call began."""


def forget_log() -> None:
    """Empty both."""
    for stream in (LOG, LIBRARIES):
        stream.truncate(stream.seek(0))


@contextmanager
def listening() -> Iterator[None]:
    """Everything that is logged, at any level, or printed can be read."""
    handler, root = logging.StreamHandler(LIBRARIES), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(LOG), patch.object(random, "uniform", lambda _, most: most):
            yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@cache
def observer() -> Observer:
    logger = Logger(service="matrix", level="DEBUG", stream=LOG)
    return Observer(logger, Metrics(namespace="matrix"))


@dataclass(frozen=True, slots=True, eq=False)
class Quoted:
    """An answer that a cache does not look at."""

    answer: Answer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quoted)

    def __hash__(self) -> int:
        return 0


@cache
def _undocumented(route: str, status: int, outcome: str, quoted: Quoted) -> str:
    """What the contract does not say of an answer with this status and outcome."""
    del outcome
    answer = quoted.answer
    method, _, path = route.partition(" ")
    return undocumented(method, path, Response(answer.body, status, dict(answer.headers)))


def calls_of(scenario: Scenario) -> list[Upstream]:
    """The calls to Okta and AWS that it makes if nothing goes wrong."""
    stage = Stage(scenario)
    stage.interference.arm()
    stage.play()
    assert stage.interference.calls
    return stage.interference.calls


Point = tuple[int, Upstream, Fault]
"""The number of a call, the call, and what goes wrong there."""


def points_of(scenario: Scenario) -> list[Point]:
    """Every fault at every call of a scenario."""
    return [
        (number, call, fault)
        for number, call in enumerate(calls_of(scenario))
        for fault in faults_of(call)
    ]


def row_of(name: str) -> list[Cell]:
    """All cells of the scenario with this name."""
    scenario, cells = SCENARIOS[name], []
    with listening():
        for number, call, fault in points_of(scenario):
            outcome, broken = "", ""
            try:
                outcome = played(scenario, (number, call, fault))
            except AssertionError as error:
                broken = str(error) or "an assertion failed"
            cells.append(Cell(name, number, short(call), fault, outcome, broken))
    return cells


def short(call: Upstream) -> str:
    """A call without ids and logins."""
    if call.system != "okta":
        return f"{call.system} {call.name}"
    plain = re.sub(r"/(users|factors)/(?!catalog)[^/]+", r"/\1/{id}", call.name)
    return plain.replace("/api/v1", "")


def played(scenario: Scenario, point: Point) -> str:
    """The outcome in one cell. Raises AssertionError where something does not hold."""
    number, call, fault = point
    stage = Stage(scenario)
    before = stage.wrong_codes() if scenario.kind is not Kind.OTHER else (0, 0)
    stage.interference.arm(number, fault)
    outcome = stage.play()
    checks = scenario.kind in (Kind.RIGHT_CODE, Kind.WRONG_CODE)
    has_code = checks and call.system == "okta" and is_check(call)
    if stage.successes:
        assert scenario.kind in MAY_END_WELL, "a success without a right code"
        is_doubt = has_code and isinstance(fault, OktaFault) and fault not in MAY_SUCCEED
        assert not is_doubt or stage.interference.is_same, "a success by a doubtful answer"
    if checks:
        okta, ours = stage.wrong_codes()
        assert okta <= ours, f"{okta} wrong codes at Okta, {ours} here"
        if stage.successes:
            assert ours == 0
        elif has_code and not isinstance(fault, CrashFault):
            was_repeated = call in stage.interference.calls[number + 1 :]
            counts = was_repeated or fault not in _NEVER_COMPARED[scenario.dialect]
            assert ours == before[1] + counts, f"{ours} wrong codes"
    stage.interference.disarm()
    stage.world.start()
    again = stage.play()
    assert stage.messages <= (scenario.kind is Kind.SEND), f"{stage.messages} messages"
    assert stage.successes <= (scenario.kind in MAY_END_WELL), f"{stage.successes} successes"
    if scenario.kind is not Kind.OTHER:
        okta, ours = stage.wrong_codes()
        assert okta <= ours, f"{okta} wrong codes at Okta, {ours} here"
        stage.get_through()
    return f"{outcome}, then {again}" if outcome == "crash" else outcome


MAY_END_WELL = (Kind.RIGHT_CODE, Kind.APPROVED_PUSH)

_NEVER_COMPARED = dict.fromkeys(("JSON", "invoke URL", "MFA"), NEVER_COMPARED) | {
    # In a sign-in Okta says by 404 that the step or the factor is not there, and by 403 many things.
    "sign-in": NEVER_COMPARED - {OktaFault.FORBIDDEN} | {OktaFault.NOT_FOUND}
}


def is_check(call: Upstream) -> bool:
    """Whether this call to Okta has the code in it."""
    return call.name.startswith("POST") and call.name.endswith(("/verify", "/activate"))


# ---- Scenarios -------------------------------------------------------------------------------------

_KEY = {"Idempotency-Key": "a-key"}


def _post(route: str, body: object, **more: Any) -> Callable[[World], Answer]:
    return lambda world: world.call(route, body=body, **more)


def _check(route: str, body: Mapping[str, object], *, is_right: bool, **more: Any) -> Any:
    """Try a code that was sent by mail."""

    def act(world: World) -> Answer:
        code = world.code(EMAIL) if is_right else world.wrong_code()
        return world.call(route, body={**body, "code": code}, **more)

    return act


def _by_url(*, is_right: bool | None, **more: Any) -> Callable[[World], Answer]:
    """Ask for a code (None), or try one, in a query."""

    def act(world: World) -> Answer:
        if is_right is None:
            return world.call("GET /challenge", query=[("email", EMAIL)], **more)
        code = world.code(EMAIL) if is_right else world.wrong_code()
        return world.call("GET /verify", query=[("email", EMAIL), ("otp", code)], **more)

    return act


def _device(act: Callable[[World], Answer | None]) -> Callable[[World], Answer]:
    def checked(world: World) -> Answer:
        answer = act(world)
        assert answer is not None
        return answer

    return checked


def _deliver(world: World) -> None:
    """The second half of a public send, again if it is repeated."""
    world.queue.append(world.queue[0])
    world.run_next()


def _delivered(world: World) -> None:
    world.run_next()


def _play(move: Any) -> Callable[[World], Any]:
    return _device(move.play)


def _step(act: Act, factor: FactorType = FactorType.EMAIL, *, has_device: bool = False) -> Any:
    return _play(moves.SignInStep(OWNER, act, factor, has_device=has_device))


def _remove(world: World) -> Answer:
    return world.ask("DELETE /auth/factors/{id}", None, id=world.factor_id)


def _enroll_push(world: World) -> None:
    assert world.user is not None
    world.org.directory.add_factor(world.user, FactorType.PUSH, "Sub's phone")


def _push(world: World) -> Answer:
    answer = world.ask(_CHALLENGE, {"email": EMAIL, "channel": "push"})
    world.client_id = answer["challenge_id"] or world.client_id
    return answer


def _answer_push(answer: str) -> Callable[[World], object]:
    def answered(world: World) -> object:
        pushes = world.org.pushes
        return pushes.answer(answer, pushes.sent[-1].number)

    return answered


def _look(world: World) -> Answer:
    return world.ask("GET /challenge/{id}", None, id=world.client_id)


def _read(world: World) -> Answer:
    return world.ask("GET /auth/factors/{id}", None, id=world.factor_id)


def _redeem(world: World) -> Answer:
    return world.ask("POST /receipts/redeem", {"receipt": world.receipt, "email": EMAIL})


def with_receipt(world: World) -> None:
    answer = _check("POST /verify", {"email": EMAIL}, is_right=True, source=OWNER)(world)
    world.receipt = answer["receipt"]


_SEND, _RIGHT, _WRONG, _OTHER = Kind.SEND, Kind.RIGHT_CODE, Kind.WRONG_CODE, Kind.OTHER
_APPROVED = Kind.APPROVED_PUSH
_STRANGER = moves.Send(SOURCES[0]).play
_DEVICE = moves.DeviceSend().play
_CLIENT = moves.ClientSend().play
_RELEASE = moves.ClientSend(releases=True).play
_BEGUN = moves.SignIn(OWNER).play
_BEGUN_BY_DEVICE = moves.SignIn(OWNER, has_device=True).play
_CHALLENGED = moves.SignInStep(OWNER, Act.CHALLENGE).play
_CHALLENGED_BY_DEVICE = moves.SignInStep(OWNER, Act.CHALLENGE, has_device=True).play
_VERIFY, _CHALLENGE, _AUTHN = "POST /verify", "POST /challenge", "POST /api/v1/authn"
_FACTOR_STEP = f"{_AUTHN}/factors/{{id}}/verify"
_MFA_VERIFY = "POST /auth/challenges/{id}/verify"


def _scenarios() -> Iterator[Scenario]:
    yield Scenario(
        *("JSON", "client", "asks for a code", _SEND, _CHALLENGE),
        _post(_CHALLENGE, {"email": EMAIL}, client=True),
    )
    yield Scenario(
        *("JSON", "client", "asks for an SMS, with a key", _SEND, _CHALLENGE),
        _post(_CHALLENGE, {"email": EMAIL, "channel": "sms"}, client=True, headers=_KEY),
    )
    yield Scenario(
        *("JSON", "stranger", "asks for a code", _SEND, _CHALLENGE), moves.Send(SOURCES[0]).play
    )
    yield Scenario("JSON", "stranger", "is sent the code", _SEND, None, _deliver, [_STRANGER])
    yield Scenario(
        *("JSON", "device", "asks for a code", _SEND, _CHALLENGE),
        _play(moves.DeviceSend()),
        [meet_device],
    )
    yield Scenario(
        *("JSON", "device", "is sent the code", _SEND, None), _deliver, [meet_device, _DEVICE]
    )
    yield Scenario(
        *("JSON", "release", "a client opens one", _SEND, _CHALLENGE),
        _play(moves.ClientSend(releases=True)),
    )
    for kind, text in ((_RIGHT, "right code"), (_WRONG, "wrong code")):
        is_right = kind is _RIGHT
        by_email = {"email": EMAIL}
        yield Scenario(
            *("JSON", "client", f"{text}, wants a receipt", kind, _VERIFY),
            _check(
                _VERIFY, {**by_email, "receipt": True}, is_right=is_right, client=True, headers=_KEY
            ),
            [_CLIENT],
        )
        yield Scenario(
            *("JSON", "stranger", text, kind, _VERIFY),
            _check(_VERIFY, by_email, is_right=is_right, source=OWNER),
            [_STRANGER, _delivered],
        )
        yield Scenario(
            *("JSON", "device", text, kind, _VERIFY),
            _play(moves.DeviceVerify(is_right)),
            [meet_device, _DEVICE, _delivered],
        )
        yield Scenario(
            *("JSON", "release", text, kind, _VERIFY), _play(moves.UseRelease(is_right)), [_RELEASE]
        )
        yield Scenario(
            *("invoke URL", "client", text, kind, "GET /verify"),
            _by_url(is_right=is_right, client=True),
            [_CLIENT],
        )
        yield Scenario(
            *("invoke URL", "stranger", text, kind, "GET /verify"),
            _by_url(is_right=is_right, source=OWNER),
            [_STRANGER, _delivered],
        )
        yield Scenario(
            *("MFA", "client", text, kind, _MFA_VERIFY),
            _play(moves.VerifyFactor(is_right)),
            [moves.Enroll("email").play, moves.ChallengeFactor().play],
        )
        yield Scenario(
            *("MFA", "client", f"{text}, activates", kind, _MFA_VERIFY),
            _play(moves.VerifyFactor(is_right)),
            [_without_app, moves.Enroll("totp").play, moves.ChallengeFactor().play],
        )
        act = Act.RIGHT if is_right else Act.WRONG
        yield Scenario(
            *("sign-in", "stranger", text, kind, _FACTOR_STEP), _step(act), [_BEGUN, _CHALLENGED]
        )
        yield Scenario(
            *("sign-in", "device", text, kind, _FACTOR_STEP),
            _step(act, has_device=True),
            [meet_device, _BEGUN_BY_DEVICE, _CHALLENGED_BY_DEVICE],
        )
    yield Scenario(
        *("invoke URL", "client", "asks for a code", _SEND, "GET /challenge"),
        _by_url(is_right=None, client=True),
    )
    yield Scenario(
        *("invoke URL", "stranger", "asks for a code", _SEND, "GET /challenge"),
        _by_url(is_right=None, source=OWNER),
    )
    yield Scenario(
        *("MFA", "client", "asks for a code", _SEND, "POST /auth/factors/{id}/challenge"),
        _play(moves.ChallengeFactor()),
        [moves.Enroll("sms").play],
    )
    for factor in ("email", "totp"):
        yield Scenario(
            *("MFA", "client", f"enrolls {factor}", _OTHER, "POST /auth/factors/enroll"),
            _play(moves.Enroll(factor)),
            person=Person.NO_FACTOR,
        )
    yield Scenario(
        *("MFA", "client", "enrolls sms", _SEND, "POST /auth/factors/enroll"),
        _play(moves.Enroll("sms")),
        [_without_phone],
    )
    enrolled = [moves.Enroll("email").play]
    yield Scenario(
        "MFA", "client", "reads a factor", _OTHER, "GET /auth/factors/{id}", _read, enrolled
    )
    yield Scenario(
        "MFA", "client", "removes a factor", _OTHER, "DELETE /auth/factors/{id}", _remove, enrolled
    )
    for text, password in (("password", PASSWORD), ("wrong password", moves.WRONG_PASSWORD)):
        credentials = {"username": EMAIL, "password": password}
        for lane, caller in (("stranger", {"source": OWNER}), ("client", {"client": True})):
            yield Scenario(
                *("sign-in", lane, text, _OTHER, _AUTHN), _post(_AUTHN, credentials, **caller)
            )
    yield Scenario(
        *("sign-in", "stranger", "asks for a code", _SEND, _FACTOR_STEP),
        _step(Act.CHALLENGE),
        [_BEGUN],
    )
    yield Scenario(
        *("sign-in", "device", "asks for a code", _SEND, _FACTOR_STEP),
        _step(Act.CHALLENGE, has_device=True),
        [meet_device, _BEGUN_BY_DEVICE],
    )
    yield Scenario(
        *("sign-in", "stranger", "asks for an SMS again", _SEND, f"{_FACTOR_STEP}/resend"),
        _step(Act.AGAIN, FactorType.SMS),
        [_BEGUN, moves.SignInStep(OWNER, Act.CHALLENGE, FactorType.SMS).play, moves.Wait(31).play],
    )
    yield Scenario(
        *("sign-in", "stranger", "goes back", _OTHER, f"{_AUTHN}/previous"),
        _step(Act.PREVIOUS),
        [_BEGUN, _CHALLENGED],
    )
    yield Scenario(
        *("JSON", "client", "registers a customer", _OTHER, "POST /customers"),
        moves.Register(is_other=True).play,
    )
    yield Scenario(*("JSON", "client", "asks for a push", _SEND, _CHALLENGE), _push, [_enroll_push])
    for kind, answer in ((_APPROVED, "approve"), (_OTHER, "reject")):
        yield Scenario(
            *("JSON", "client", f"looks at a push after {answer}", kind, "GET /challenge/{id}"),
            _look,
            [_enroll_push, _push, _answer_push(answer)],
        )
    yield Scenario(
        *("JSON", "client", "reads a hold", _OTHER, "GET /holds/{email}"), moves.ReadHold().play
    )
    yield Scenario(
        *("JSON", "client", "ends devices", _OTHER, "DELETE /customers/{id}/devices"),
        moves.EndDevices().play,
        [meet_device],
    )
    yield Scenario(
        *("JSON", "client", "redeems a receipt", _OTHER, "POST /receipts/redeem"),
        _redeem,
        [_STRANGER, _delivered, with_receipt],
    )
    keys = "GET /.well-known/jwks.json"
    yield Scenario("JSON", "public", "reads the keys", _OTHER, keys, lambda world: world.call(keys))


def _without(kind: FactorType) -> Callable[[World], None]:
    def remove(world: World) -> None:
        assert world.user is not None
        world.user.factors[:] = [each for each in world.user.factors if each.type is not kind]

    return remove


_without_app, _without_phone = _without(FactorType.TOTP), _without(FactorType.SMS)
SCENARIOS = {each.name: each for each in _scenarios()}
