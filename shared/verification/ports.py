"""What use cases need of the outside world, as protocols; `aws` and `okta` implement them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol, TypeVar

from verification.crypto import Keyring, Place
from verification.frozen import Frozen
from verification.models.callers import Call, Spent
from verification.models.challenges import Challenge, Code
from verification.models.customers import (
    Channel,
    CustomerKey,
    Device,
    Email,
    EmailHash,
    Factor,
    Found,
    LoginHash,
    Registration,
    Target,
    User,
)
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    SecurityQuestion,
    SignInDocument,
)
from verification.models.states import (
    Attempt,
    CustomerState,
    PasswordState,
    PublicState,
    Push,
    PushAnswer,
    SentPush,
    Slot,
)

Keys = Callable[[], Keyring]
"""The keyring as it is now: the root key is read from a secret."""

Clock = Callable[[], float]
"""Epoch seconds."""

_Result = TypeVar("_Result")


# ---- Values between use cases and the store ------------------------------------------------------


class Result(Enum):
    """What an attempt came to.

    `ACTIVATED`: the code was right and has activated a factor. `UNDONE`: it is certain that Okta
    compared nothing, so the attempt does not count.
    """

    RIGHT = auto()
    ACTIVATED = auto()
    WRONG = auto()
    UNDONE = auto()


class SendPlan(Frozen):
    """A code that is about to be sent to a customer.

    `by` is the challenge or sign-in that it belongs to; `token` is unique to this send. `challenge`
    is stored with the customer: as the newest of the clients' or, if its lane is `release`, as the
    release. `counts_as` is the channel of a send that a sign-in asks for, which has windows of its
    own. `is_on_its_way` says that Okta has sent it already. `allowed`: see
    `rules.attempts_allowed`. `by_stranger`: it counts with what strangers are sent, apart from known
    callers. `is_push`: it counts as a push that is not approved, until it is.
    """

    customer: CustomerKey
    by: str
    token: str
    now: int
    allowed: int | None
    factor_id: str = ""
    destination_hash: str = ""
    challenge: Challenge | None = None
    counts_as: Channel | None = None
    is_on_its_way: bool = False
    by_stranger: bool = False
    is_push: bool = False


class Settlement(Frozen):
    """What an attempt came to, on all rows that it has reserved: `result` on the customer's,
    `public_result` on the public's.

    `wrong_codes` is the customer's number with this attempt in it. `free_at` (epoch seconds): when
    the public may try again after a wrong code. `devices` replaces the known devices. `refund` goes
    back to the caller's budget.
    """

    token: str
    now: float
    result: Result = Result.WRONG
    customer: CustomerKey | None = None
    wrong_codes: int = 0
    slot: Slot | None = None
    closes_customer: bool = False
    place: Place | None = None
    public_result: Result = Result.WRONG
    closes_public: bool = False
    free_at: float = 0.0
    devices: Sequence[Device] | None = None
    refund: Spent | None = None
    counts_for_brake: bool = False


class PushDecision(Frozen):
    """What has become of a push, on the customer's row and on the row of its challenge (`place`).

    `token` is unique to this decision. `devices` replaces the known devices, if these are still the
    ones in `known`.
    """

    token: str
    now: int
    answer: PushAnswer
    customer: CustomerKey
    place: Place
    push: Push
    devices: Sequence[Device] | None = None
    known: Sequence[Device] = ()


class StoredResponse(Frozen):
    """A rendered response; its body and headers are in `sealed`."""

    status: int
    content_type: str
    sealed: str


# ---- The store -----------------------------------------------------------------------------------


class Emails(Protocol):
    """Public challenges, send limits of emails and devices, and kept look-ups."""

    def open_challenge(self, place: Place, challenge: Challenge) -> int: ...
    def withdraw(self, place: Place, challenge: Challenge) -> None: ...
    def attach(self, place: Place, challenge: Challenge, target: Target) -> bool: ...
    def state(self, place: Place) -> PublicState: ...
    def found(self, email_hash: EmailHash) -> Found | None: ...
    def reserve_client_send(
        self, email_hash: EmailHash, channel: Channel, token: str, now: int, to: str = ""
    ) -> tuple[Found | None, int]: ...
    def refund_client_send(self, email_hash: EmailHash, channel: Channel, token: str) -> None: ...
    def remember(self, email_hash: EmailHash, found: Found) -> None: ...
    def forget(self, email_hash: EmailHash) -> None: ...


class Customers(Protocol):
    """What was sent to a customer, and the customer's devices."""

    def get(self, customer: CustomerKey) -> CustomerState: ...
    def begin_send(self, plan: SendPlan, *, asks_okta: bool = False) -> CustomerState: ...
    def confirm_send(
        self, customer: CustomerKey, factor_id: str, by: str, now: int
    ) -> CustomerState: ...
    def withdraw_send(self, plan: SendPlan) -> None: ...
    def end_send(self, customer: CustomerKey) -> None: ...
    def end_devices(self, customer: CustomerKey, now: int) -> None: ...
    def forget_wrong_codes(self, customer: CustomerKey, count: int, now: int) -> None: ...


class Pushes(Protocol):
    """The newest push of a customer, and what has become of it."""

    def keep(self, customer: CustomerKey, push: Push) -> bool: ...
    def drop(self, customer: CustomerKey, push: Push) -> None: ...
    def reserve_poll(self, customer: CustomerKey, challenge_id: str, now: float) -> bool: ...
    def settle(self, decision: PushDecision) -> bool: ...


class Attempts(Protocol):
    """Attempts on the rows of customers and of the public."""

    def reserve_public(
        self, place: Place, challenge_id: str | None, token: str, now: float
    ) -> PublicState: ...
    def reserve(self, customer: CustomerKey, attempt: Attempt) -> tuple[bool, CustomerState]: ...
    def settle(self, settlement: Settlement) -> None: ...


class Budgets(Protocol):
    """Budgets of callers and destinations, and the brake."""

    def spend(self, spent: Spent, units: int, limit: int, now: int) -> int: ...
    def refund(self, spent: Spent, now: int) -> None: ...
    def count_send(
        self, destination_hash: str, now: int, token: str, *, by_stranger: bool
    ) -> None: ...
    def take_back_send(
        self, destination_hash: str, now: int, token: str, *, by_stranger: bool
    ) -> None: ...
    def strangers_wrong_codes(self, now: int) -> int: ...


class PasswordCounts(Protocol):
    """Wrong passwords in a row, by login."""

    def reserve(
        self, login_hash: LoginHash, token: str, allowed: int, now: float
    ) -> tuple[bool, PasswordState]: ...
    def settle(self, login_hash: LoginHash, token: str, result: Result, now: int) -> None: ...
    def forget(self, login_hash: LoginHash, state: PasswordState, now: int) -> None: ...


class Registrations(Protocol):
    """Which request is creating the user of an email."""

    def asked_at(self, email_hash: EmailHash, request: str) -> int: ...
    def ask(self, email_hash: EmailHash, request: str, now: int) -> None: ...
    def drop(self, email_hash: EmailHash, request: str) -> None: ...


class SignIns(Protocol):
    """What is known of sign-ins in progress, sealed, and how many steps they have taken."""

    def take_step(self, key: str, now: int) -> str | None: ...
    def keep(self, key: str, sealed: str, now: int) -> None: ...


class Templates(Protocol):
    """Ids of Okta's SMS templates."""

    def find(self, name: str, now: int) -> str | None: ...
    def keep(self, name: str, okta_id: str, now: int) -> None: ...


class Responses(Protocol):
    """Responses of requests with an Idempotency-Key."""

    def claim(
        self, name: str, content: str, claim: str, now: int, kept_until: int
    ) -> StoredResponse | None: ...
    def keep(self, name: str, claim: str, response: StoredResponse) -> None: ...
    def drop(self, name: str, claim: str) -> None: ...


class Redemptions(Protocol):
    """Which receipts were redeemed."""

    def redeem(self, jti: str, by: str, now: int, expires_at: int) -> int | None: ...


class Signer(Protocol):
    """Signing keys that never leave KMS."""

    def sign(self, key_id: str, message: bytes) -> bytes: ...
    def public_key(self, key_id: str) -> bytes: ...


class Beside(Protocol):
    """Runs work beside other work; `finish` waits for all of it."""

    def start(self, work: Callable[[], _Result]) -> Callable[[], _Result]: ...
    def finish(self) -> None: ...


class Invocation(Protocol):
    """Asynchronous calls of a function."""

    def invoke(self, function: str, payload: str) -> None: ...


# ---- Okta ----------------------------------------------------------------------------------------


class OktaUsers(Protocol):
    """Okta's Users API."""

    def find(self, email: Email, call: Call) -> User: ...
    def find_any(self, name: str, call: Call) -> User: ...
    def get(self, name: str, call: Call) -> User: ...
    def with_login(self, login: str, call: Call) -> User | None: ...
    def with_phone(self, phone: str, call: Call) -> User: ...
    def holder(self, login: str, email: Email, call: Call) -> User | None: ...
    def create(self, wanted: Registration, call: Call) -> User: ...


class OktaFactors(Protocol):
    """Okta's Factors API."""

    def list(self, user_id: str, call: Call) -> Sequence[Factor]: ...
    def get(self, user_id: str, factor_id: str, call: Call) -> Factor: ...
    def send_code(
        self, target: Target, channel: Channel, lifetime: int, template_id: str | None, call: Call
    ) -> None: ...
    def send_push(self, target: Target, call: Call) -> SentPush: ...
    def push_answer(self, target: Target, transaction: str, call: Call) -> PushAnswer: ...
    def cancel_push(self, target: Target, transaction: str, call: Call) -> None: ...
    def check_code(self, target: Target, code: Code, call: Call) -> None: ...
    def activate(self, target: Target, code: Code, call: Call) -> None: ...
    def resend_enrollment_code(self, user_id: str, factor: Factor, call: Call) -> None: ...
    def enroll(
        self, user_id: str, wanted: Factor, call: Call, *, activate: bool
    ) -> tuple[Factor, str]: ...
    def delete(self, user_id: str, factor_id: str, call: Call) -> None: ...
    def questions(self, user_id: str, call: Call) -> Sequence[SecurityQuestion]: ...


class OktaAuthn(Protocol):
    """Okta's Authentication API."""

    def begin(self, credentials: Credentials, call: Call) -> SignInDocument: ...
    def look(self, state_token: str, call: Call) -> SignInDocument: ...
    def require_answer(self, call: Call) -> None: ...
    def move(self, where: str, state_token: str, call: Call) -> SignInDocument: ...
    def challenge(self, step: FactorStep, call: Call) -> SignInDocument: ...
    def resend(self, step: FactorStep, call: Call) -> SignInDocument: ...
    def enroll(self, step: EnrollStep, call: Call) -> SignInDocument: ...
    def resend_enrollment_code(self, step: FactorStep, call: Call) -> SignInDocument: ...
    def check_code(self, step: FactorStep, call: Call) -> SignInDocument: ...
    def activate(self, step: FactorStep, call: Call) -> SignInDocument: ...


class OktaSmsTemplates(Protocol):
    """Okta's SMS templates."""

    def name_of(self, text: str) -> str: ...
    def id_of(self, text: str, call: Call) -> str: ...
