"""All use cases over a table and an Okta in memory, at a time that tests move."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.examples import NOW, factor, settings, user
from tests.unit.fake_okta import FakeAuthn, FakeFactors, FakeSmsTemplates, FakeUsers, Org
from tests.unit.fakes import AtOnce, Budgets, FakeInvocation, FakeSigner, MemoryTable
from verification import rules
from verification.awaiting import Awaiting
from verification.aws import customer_rows
from verification.aws.attempt_rows import AttemptRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.password_rows import PasswordRows
from verification.aws.push_rows import PushRows
from verification.aws.receipt_rows import ReceiptRows
from verification.aws.registration_rows import RegistrationRows
from verification.aws.sign_in_rows import SignInRows
from verification.aws.table import int_attribute, number, text_attribute
from verification.aws.template_rows import TemplateRows
from verification.checking import Checking
from verification.crypto import Keyring, Place, Row
from verification.devices import Devices
from verification.enrollment import Enrollment
from verification.errors import InvalidCode
from verification.frozen import replace
from verification.holds import Holds
from verification.issue import Issue
from verification.limits import Budget, Limits
from verification.lookup import Lookup
from verification.models.callers import Call, Caller, Client, Deadline, Scope
from verification.models.challenges import (
    AwaitRequest,
    Code,
    Issued,
    IssueRequest,
    Verified,
    VerifyRequest,
)
from verification.models.customers import Email, FactorRef, FactorType, Found
from verification.models.states import CustomerState, PasswordState, PublicState, PushAnswer
from verification.observability import Meter
from verification.passwords import Passwords
from verification.receipts import Receipts
from verification.registration import Register
from verification.sending import Sending
from verification.sign_in import SignIn
from verification.sign_in_codes import SignInCodes
from verification.timing import FixedTime
from verification.verify import Verify

ADA, GRACE, NOBODY = map(Email, ("ada@example.com", "grace@example.com", "nobody@example.com"))
ADA_ID, GRACE_ID = user().id, "00u000000000grace0"
EMAIL, SMS, APP, QUESTION, GRACE_EMAIL = "emf_ada", "sms_ada", "app_ada", "ufs_ada", "emf_grace"
PUSH = "opf_ada"
PHONE = "+15005550006"
WRONG = Code("999999")
STATE_TOKEN = f"state {ADA_ID}"


class World:
    """Ada has an email factor, a phone, an app and a question; Grace has an email factor."""

    def __init__(self, **changes: Any) -> None:
        self.now = float(NOW)
        self.settings = settings(**changes)
        self.keys = Keyring("root key of the tests")
        self.meter = Meter(self.clock)
        self.table = MemoryTable(self.meter)
        self.budgets = Budgets(self.table)
        self.emails = EmailRows(self.table, self.settings.stranger_attempts)
        self.customers = CustomerRows(self.table)
        self.sign_ins = SignInRows(self.table)
        self.passwords = PasswordRows(self.table)
        self.invocation = FakeInvocation()
        self.signer = FakeSigner()
        self.org = Org()
        self.org.add(
            user(),
            factor(id=EMAIL, destination=ADA),
            factor(FactorType.SMS, id=SMS, destination=PHONE),
            factor(FactorType.TOTP, id=APP, provider="GOOGLE"),
            factor(FactorType.QUESTION, id=QUESTION),
        )
        grace = user(id=GRACE_ID, login="grace.hopper", email=GRACE)
        self.org.add(grace, factor(id=GRACE_EMAIL, destination=GRACE))
        self.okta_users, self.okta_factors = FakeUsers(self.org), FakeFactors(self.org)
        self.authn = FakeAuthn(self.org)
        self._build()

    def _build(self) -> None:
        """Wire the use cases as the container does."""
        users, factors, emails, table = self.okta_users, self.okta_factors, self.emails, self.table
        settings, meter, clock, sleep = self.settings, self.meter, self.clock, self.sleep

        def keys() -> Keyring:
            return self.keys

        self.limits = Limits(self.budgets, keys, settings, meter, clock, clock)
        self.lookup = Lookup(users, factors, emails, keys, AtOnce())
        self.devices = Devices(self.customers, keys)
        self.receipts = Receipts(
            keys, self.signer, ReceiptRows(table), emails, self.lookup, settings, meter, clock
        )
        # Ports are named one by one, so that mypy compares the fakes with their protocols.
        given: Any = {"keys": keys, "settings": settings, "meter": meter, "clock": clock}
        given |= {"limits": self.limits}
        pushes = PushRows(table)
        self.sending = Sending(
            emails=emails,
            customers=self.customers,
            pushes=pushes,
            templates=TemplateRows(table),
            okta_factors=factors,
            okta_authn=self.authn,
            okta_templates=FakeSmsTemplates(self.org),
            beside=AtOnce(),
            sleep=sleep,
            **given,
        )
        self.issue = Issue(
            emails=emails,
            customers=self.customers,
            invocation=self.invocation,
            lookup=self.lookup,
            devices=self.devices,
            sending=self.sending,
            sleep=sleep,
            **given,
        )
        fixed_time = FixedTime(meter, clock=clock, sleep=sleep)
        attempts = AttemptRows(table, emails)
        self.checking = Checking(
            attempts=attempts,
            pushes=pushes,
            limits=self.limits,
            okta_factors=factors,
            okta_authn=self.authn,
            settings=settings,
            clock=clock,
            sleep=sleep,
        )
        self.awaiting = Awaiting(
            keys=keys,
            emails=emails,
            customers=self.customers,
            pushes=pushes,
            devices=self.devices,
            limits=self.limits,
            receipts=self.receipts,
            checking=self.checking,
            meter=meter,
            clock=clock,
        )
        self.verify = Verify(
            keys=keys,
            emails=emails,
            attempts=attempts,
            lookup=self.lookup,
            devices=self.devices,
            receipts=self.receipts,
            checking=self.checking,
            settings=settings,
            meter=meter,
            fixed_time=fixed_time,
            clock=clock,
            sleep=sleep,
        )
        self.sign_in = SignIn(
            sign_ins=self.sign_ins,
            passwords=Passwords(
                counts=self.passwords,
                users=users,
                authn=self.authn,
                devices=self.devices,
                sleep=sleep,
                **given,
            ),
            authn=self.authn,
            okta_factors=factors,
            codes=SignInCodes(
                keys=keys,
                devices=self.devices,
                limits=self.limits,
                sending=self.sending,
                checking=self.checking,
                okta_factors=factors,
                meter=meter,
                fixed_time=fixed_time,
                clock=clock,
            ),
            receipts=self.receipts,
            fixed_time=fixed_time,
            **given,
        )
        self.holds = Holds(self.lookup, self.customers, keys, settings, meter, clock)
        self.enrollment = Enrollment(
            keys, emails, users, factors, self.limits, self.sending, settings, meter, clock
        )
        requests = RegistrationRows(table)
        self.register = Register(keys, emails, requests, users, factors, meter, clock)

    # ---- Time and state --------------------------------------------------------------------------

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    @property
    def ada(self) -> CustomerState:
        return self.customers.get(self.keys.customer_key(ADA_ID))

    def wrong_passwords(self, login: str = ADA) -> PasswordState:
        """Those in a row."""
        row = self.table.named("passwords").get(self.keys.login_hash(login), {})
        return PasswordState(int_attribute(row, "wrong"), int_attribute(row, "last_at"))

    @property
    def kept_sign_ins(self) -> dict[str, str]:
        """What is known of sign-ins in progress, sealed."""
        rows = self.table.named("sign-in")
        return {key: text_attribute(row, "sealed") for key, row in rows.items()}

    @property
    def kept_lookup(self) -> Found | None:
        """What is kept of Ada's last look-up."""
        return self.emails.found(self.keys.email_hash(ADA))

    @property
    def kept_at(self) -> int | None:
        """When Ada was looked up; 0 once that is to be forgotten."""
        return self.kept_lookup.at if self.kept_lookup else None

    def public_state(self, email: Email = ADA) -> PublicState:
        return self.emails.state(Place(Row.EMAIL, self.keys.email_hash(email)))

    def code(self, factor_id: str = EMAIL) -> Code:
        """The newest code that was sent over the factor."""
        return self.org.codes[factor_id][-1]

    def spent(self, budget: str) -> int:
        return sum(n for each, n in self.budgets.spent.items() if each.budget == budget)

    def change_ada(self, **attributes: Any) -> None:
        """Another call changes Ada's row."""
        self.table.change(customer_rows.key_of(self.keys.customer_key(ADA_ID)), **attributes)

    def keep_busy(self) -> None:
        """Another call is asking Okta about Ada, for as long as a function can run."""
        self.change_ada(busy_until=number(int(self.now + rules.ATTEMPT_SECONDS) * 1000))

    # ---- Callers ---------------------------------------------------------------------------------

    def client(self, *scopes: Scope, name: str = "shop", request: str = "") -> Call:
        client = Client(name, frozenset({Scope.VERIFY, *scopes}), (name,))
        return Call(Caller(client, "198.51.100.1"), self.deadline(), request)

    def public(self, device_token: str = "", source_ip: str = "203.0.113.7") -> Call:
        caller = Caller(None, source_ip, device_token=device_token)
        return Call(caller, self.deadline(), function="arn:issue")

    def deadline(self) -> Deadline:
        return Deadline(self.now + 8, self.clock)

    # ---- What callers do -------------------------------------------------------------------------

    def send(self, call: Call, email: Email = ADA, **request: Any) -> Issued:
        return self.issue.to_email(IssueRequest(email, **request), call)

    def deliver(self) -> list[bool]:
        """Carry out all public sends that are due: which of them sent a code."""
        sent = []
        while self.invocation.events:
            _, payload = self.invocation.events.pop(0)
            call = Call(Caller(None, ""), self.deadline())
            sent.append(self.issue.deliver(json.loads(payload)["sealed"], call))
        return sent

    def send_public(self, email: Email = ADA, device_token: str = "", **request: Any) -> Issued:
        issued = self.send(self.public(device_token), email, **request)
        self.deliver()
        return issued

    def check(self, call: Call, code: str, **request: Any) -> Verified:
        """As the pipeline does: the public pays before it is known whether the code is right."""
        spent = self.limits.spend(Budget.FAILURES, call.caller)
        asked = VerifyRequest(Code(code), **request)
        return self.verify.challenge(asked, replace(call, spent=spent, deadline=self.deadline()))

    def check_wrong(self, call: Call, code: str = WRONG, **request: Any) -> InvalidCode:
        """Try a code that is told to be wrong."""
        with pytest.raises(InvalidCode) as refused:
            self.check(call, code, **request)
        return refused.value

    def look(self, call: Call, issued: Issued, **request: Any) -> Any:
        """Ask what has become of a challenge, as the pipeline does."""
        spent = self.limits.spend(Budget.FAILURES, call.caller)
        asked = AwaitRequest(issued.challenge.id, **request)
        return self.awaiting.challenge(asked, replace(call, spent=spent, deadline=self.deadline()))

    def enroll_push(self, provider: str = "OKTA") -> None:
        """Ada gets Okta Verify."""
        app = factor(FactorType.PUSH, id=PUSH, provider=provider, destination=ADA)
        self.org.factors[ADA_ID].append(app)

    def answer_push(self, answer: PushAnswer) -> None:
        """Ada answers the newest push, and it is time to ask Okta again."""
        self.org.pushes[[*self.org.pushes][-1]] = answer
        self.now += rules.POLL_SECONDS

    def known_device(self) -> str:
        """A device token of Ada's."""
        self.send_public()
        verified = self.check(self.public(), self.code(), email=ADA, remembers_device=True)
        self.now += 30
        return verified.device_token

    def wrong_codes(self, count: int) -> None:
        """Wrong codes for Ada in a row, by a client."""
        issued = self.send(self.client())
        for _ in range(count):
            self.check_wrong(self.client(), challenge_id=issued.challenge.id)
        self.now += 30

    def factor_id(self, factor_id: str = SMS, enrolled_at: int = 0) -> str:
        """The opaque id of a factor of Ada's."""
        email_hash = self.keys.email_hash(ADA)
        return self.keys.factor_id(FactorRef(ADA_ID, factor_id, email_hash, enrolled_at))
