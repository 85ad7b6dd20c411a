"""An in-memory Okta for the tests of use cases.

It counts wrong codes in a row and locks the account at the fifth. It accepts every code that it has
ever sent over a factor, so that only the service's own rules make an old code wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.unit.examples import NOW
from verification import errors, rules
from verification.crypto import fold_login
from verification.frozen import replace
from verification.models.callers import Call
from verification.models.challenges import Code
from verification.models.customers import (
    Channel,
    Email,
    Factor,
    FactorStatus,
    FactorType,
    Registration,
    Target,
    User,
    UserStatus,
)
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    SecurityQuestion,
    SignInDocument,
    SignInStatus,
)
from verification.models.states import PushAnswer, SentPush

LOCKS_AT = 5
APP_CODE = Code("271828")
"""What every authenticator app shows."""
PASSWORD = "Correct-Horse-7"
ANSWER = "annie oakley"
_RIGHT = {FactorType.TOTP: (APP_CODE,), FactorType.QUESTION: (ANSWER,)}
_SENT = (FactorType.EMAIL, FactorType.SMS, FactorType.CALL)


@dataclass
class Org:
    """Users and factors by user id, codes sent by factor id, pushes by transaction. `faults`: what the
    next call of this name ends with. A fault after which Okta may have acted comes after Okta has acted.
    `meanwhile`: what happens while the next call of this name is on its way.
    """

    users: dict[str, User] = field(default_factory=dict)
    factors: dict[str, list[Factor]] = field(default_factory=dict)
    codes: dict[str, list[Code]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)
    told: list[Call] = field(default_factory=list)
    faults: dict[str, errors.VerificationError] = field(default_factory=dict)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    pushes: dict[str, PushAnswer] = field(default_factory=dict)
    asks_for_a_number: bool = True
    kept_phones: set[str] = field(default_factory=set)

    def add(self, user: User, *factors: Factor) -> None:
        self.users[user.id] = user
        self.factors[user.id] = list(factors)

    @contextmanager
    def call(self, name: str, call: Call) -> Iterator[None]:
        self.calls.append(name)
        self.told.append(call)
        self.meanwhile.pop(name, lambda: None)()
        failure = self.faults.pop(name, None)
        if failure is not None and not errors.may_have_acted(failure):
            raise failure
        try:
            yield
        except errors.VerificationError:
            if failure is None:
                raise
        if failure is not None:
            raise failure

    def factor(self, user_id: str, factor_id: str) -> Factor:
        for each in self.factors[user_id]:
            if each.id == factor_id:
                return each
        raise errors.FactorNotEnrolled

    def send(self, factor_id: str) -> None:
        number = 100_000 + sum(len(sent) for sent in self.codes.values())
        self.codes[factor_id].append(Code(str(number)))

    def compare(self, user_id: str, factor: Factor, proof: str) -> None:
        if self.users[user_id].status is UserStatus.LOCKED_OUT:
            raise errors.CustomerLocked
        right: list[str] = [*self.codes[factor.id], *_RIGHT.get(factor.type, ())]
        if proof in right:
            self.wrong[user_id] = 0
            return
        self.wrong[user_id] += 1
        if self.wrong[user_id] >= LOCKS_AT:
            self.users[user_id] = replace(self.users[user_id], status=UserStatus.LOCKED_OUT)
        raise errors.InvalidCode

    def activate(self, user_id: str, factor_id: str, code: str) -> None:
        """Not a verification to Okta: a right code leaves its count as it is."""
        factor, before = self.factor(user_id, factor_id), self.wrong[user_id]
        self.compare(user_id, factor, code)
        self.wrong[user_id] = before
        active = replace(factor, status=FactorStatus.ACTIVE)
        self.factors[user_id] = [
            active if each.id == factor.id else each for each in self.factors[user_id]
        ]

    def enroll(self, user_id: str, wanted: Factor, *, activate: bool) -> Factor:
        number = sum(len(each) for each in self.factors.values())
        is_active = activate or wanted.destination in self.kept_phones
        status = FactorStatus.ACTIVE if is_active else FactorStatus.PENDING_ACTIVATION
        factor = replace(wanted, id=f"new{number}", status=status)
        self.factors[user_id].append(factor)
        if not is_active and factor.type in _SENT:
            self.send(factor.id)
        return factor


class _Api:
    def __init__(self, org: Org) -> None:
        self._org = org


class FakeUsers(_Api):
    def find(self, email: Email, call: Call) -> User:
        with self._org.call("find", call):
            return rules.choose_customer(list(self._org.users.values()), email)

    def find_any(self, name: str, call: Call) -> User:
        with self._org.call("find_any", call):
            return rules.require_active(self._with(name))

    def get(self, name: str, call: Call) -> User:
        with self._org.call("get", call):
            return self._with(name)

    def with_login(self, login: str, call: Call) -> User | None:
        with self._org.call("with_login", call):
            users = {fold_login(each.login): each for each in self._org.users.values()}
            short = {each.partition("@")[0]: user for each, user in users.items()}
            return (short | users).get(fold_login(login))

    def with_phone(self, phone: str, call: Call) -> User:
        with self._org.call("with_phone", call):
            for user_id, factors in self._org.factors.items():
                if any(each.destination == phone for each in factors):
                    return self._org.users[user_id]
            raise errors.CustomerNotFound

    def holder(self, login: str, email: Email, call: Call) -> User | None:
        with self._org.call("holder", call):
            users = self._org.users.values()
            return next((u for u in users if u.login == login or u.email == email), None)

    def create(self, wanted: Registration, call: Call) -> User:
        with self._org.call("create", call):
            user = User("00unew", UserStatus.ACTIVE, wanted.login, wanted.email, timestamp(NOW))
            self._org.add(user)
            return user

    def _with(self, name: str) -> User:
        for each in self._org.users.values():
            if name in (each.id, each.login, each.email):
                return each
        raise errors.CustomerNotFound


class FakeFactors(_Api):
    def __init__(self, org: Org) -> None:
        super().__init__(org)
        self.templates: list[str | None] = []

    def list(self, user_id: str, call: Call) -> Sequence[Factor]:
        with self._org.call("list", call):
            return list(self._org.factors[user_id])

    def get(self, user_id: str, factor_id: str, call: Call) -> Factor:
        with self._org.call("get_factor", call):
            return self._org.factor(user_id, factor_id)

    def send_code(
        self, target: Target, channel: Channel, lifetime: int, template_id: str | None, call: Call
    ) -> None:
        assert (rules.is_sent(channel), lifetime) == (True, 300)
        with self._org.call("send_code", call):
            self._org.send(self._org.factor(target.user_id, target.factor_id).id)
            self.templates.append(template_id)

    def send_push(self, target: Target, call: Call) -> SentPush:
        with self._org.call("send_push", call):
            assert self._org.factor(target.user_id, target.factor_id).type is FactorType.PUSH
            count = self._org.calls.count("send_push")
            transaction = f"transaction-{count}"
            self._org.pushes[transaction] = PushAnswer.WAITING
            return SentPush(transaction, 10 + count if self._org.asks_for_a_number else None)

    def push_answer(self, target: Target, transaction: str, call: Call) -> PushAnswer:
        with self._org.call("push_answer", call):
            assert self._org.factor(target.user_id, target.factor_id).type is FactorType.PUSH
            return self._org.pushes.get(transaction, PushAnswer.ENDED)

    def cancel_push(self, target: Target, transaction: str, call: Call) -> None:
        with self._org.call("cancel_push", call):
            assert self._org.factor(target.user_id, target.factor_id).type is FactorType.PUSH
            del self._org.pushes[transaction]

    def check_code(self, target: Target, code: Code, call: Call) -> None:
        with self._org.call("check_code", call):
            factor = self._org.factor(target.user_id, target.factor_id)
            self._org.compare(target.user_id, factor, code)

    def activate(self, target: Target, code: Code, call: Call) -> None:
        with self._org.call("activate", call):
            self._org.activate(target.user_id, target.factor_id, code)

    def resend_enrollment_code(self, user_id: str, factor: Factor, call: Call) -> None:
        with self._org.call("resend_enrollment_code", call):
            self._org.send(self._org.factor(user_id, factor.id).id)

    def enroll(
        self, user_id: str, wanted: Factor, call: Call, *, activate: bool
    ) -> tuple[Factor, str]:
        with self._org.call("enroll", call):
            factor = self._org.enroll(user_id, wanted, activate=activate)
            return factor, "JBSWY3DP" if factor.type is FactorType.TOTP else ""

    def delete(self, user_id: str, factor_id: str, call: Call) -> None:
        with self._org.call("delete", call):
            self._org.factors[user_id].remove(self._org.factor(user_id, factor_id))

    def questions(self, user_id: str, call: Call) -> Sequence[SecurityQuestion]:
        with self._org.call("questions", call):
            assert user_id in self._org.users
            return [SecurityQuestion("disliked_food", "What did you not eat?")]


class FakeSmsTemplates(_Api):
    def name_of(self, text: str) -> str:
        return f"name of {text}"

    def id_of(self, text: str, call: Call) -> str:
        with self._org.call("template", call):
            return f"id of {text}"


class FakeAuthn(_Api):
    """A state token is `state <user id>`. `replies`: what the next call of this name answers."""

    def __init__(self, org: Org) -> None:
        super().__init__(org)
        self.replies: dict[str, SignInDocument] = {}
        self.begun: list[Credentials] = []
        self.steps: list[FactorStep] = []

    def begin(self, credentials: Credentials, call: Call) -> SignInDocument:
        self.begun.append(credentials)
        with self._org.call("begin", call):
            if credentials.password != PASSWORD:
                raise errors.InvalidCredentials(okta_error={"errorCode": "E0000004"})
            users = self._org.users.values()
            user = next(each for each in users if credentials.username == each.login)
            return self._document("begin", f"state {user.id}")

    def look(self, state_token: str, call: Call) -> SignInDocument:
        return self.move("look", state_token, call)

    def require_answer(self, call: Call) -> None:
        with self._org.call("require_answer", call):
            pass

    def move(self, where: str, state_token: str, call: Call) -> SignInDocument:
        with self._org.call(where, call):
            return self._document(where, state_token)

    def challenge(self, step: FactorStep, call: Call, name: str = "challenge") -> SignInDocument:
        self.steps.append(step)
        with self._org.call(name, call):
            factor = self._org.factor(_user_of(step.state_token), step.factor_id)
            if factor.type in _SENT:
                self._org.send(factor.id)
            return self._document(name, step.state_token)

    def resend(self, step: FactorStep, call: Call) -> SignInDocument:
        return self.challenge(step, call, "resend")

    def resend_enrollment_code(self, step: FactorStep, call: Call) -> SignInDocument:
        return self.challenge(step, call, "resend_enrollment")

    def enroll(self, step: EnrollStep, call: Call) -> SignInDocument:
        with self._org.call("enroll_in_sign_in", call):
            wanted = Factor("", step.type, FactorStatus.PENDING_ACTIVATION)
            factor = self._org.enroll(_user_of(step.state_token), wanted, activate=False)
            return self._document("enroll", step.state_token, {factor.id: factor.type})

    def check_code(self, step: FactorStep, call: Call) -> SignInDocument:
        user_id = _user_of(step.state_token)
        self.steps.append(step)
        with self._org.call("check_in_sign_in", call):
            factor = self._org.factor(user_id, step.factor_id)
            self._org.compare(user_id, factor, step.code or step.answer)
            return self._document("check_code", step.state_token, status=SignInStatus.SUCCESS)

    def activate(self, step: FactorStep, call: Call) -> SignInDocument:
        with self._org.call("activate_in_sign_in", call):
            self._org.activate(_user_of(step.state_token), step.factor_id, step.code)
            return self._document("activate", step.state_token, status=SignInStatus.SUCCESS)

    def _document(
        self,
        name: str,
        token: str,
        factors: Mapping[str, FactorType] | None = None,
        status: SignInStatus = SignInStatus.OTHER,
    ) -> SignInDocument:
        if name in self.replies:
            return self.replies.pop(name)
        user_id = _user_of(token)
        if factors is None:
            factors = {each.id: each.type for each in self._org.factors[user_id]}
        return SignInDocument({}, status, name, token, user_id, factors)


def timestamp(epoch: int) -> str:
    """As Okta writes it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def _user_of(state_token: str) -> str:
    return state_token.removeprefix("state ")
