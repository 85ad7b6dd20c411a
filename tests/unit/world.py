"""All use cases over an in-memory store and Okta, at a time that tests move."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.examples import NOW, factor, settings, user
from tests.unit.fake_okta import FakeAuthn, FakeFactors, FakeSmsTemplates, FakeUsers, Org
from tests.unit.fakes import (
    FakeAttempts,
    FakeBudgets,
    FakeCustomers,
    FakeEmails,
    FakeInvocation,
    FakeKept,
    FakePasswordCounts,
    FakeRedemptions,
    FakeRegistrations,
    FakeSigner,
)
from verification import rules
from verification.crypto import Keyring, Place, Row
from verification.devices import Devices
from verification.enrollment import Enrollment
from verification.errors import InvalidCode
from verification.holds import Holds
from verification.issue import Issue
from verification.limits import Budget, Limits
from verification.lookup import Lookup
from verification.models import (
    Call,
    Caller,
    Client,
    Code,
    CustomerState,
    Deadline,
    Email,
    FactorRef,
    FactorType,
    Issued,
    IssueRequest,
    PasswordState,
    PublicState,
    Scope,
    Verified,
    VerifyRequest,
)
from verification.observability import Meter
from verification.passwords import Passwords
from verification.receipts import Receipts
from verification.registration import Register
from verification.sign_in import SignIn
from verification.timing import FixedTime
from verification.verify import Verify

ADA, GRACE = Email("ada@example.com"), Email("grace@example.com")
NOBODY = Email("nobody@example.com")
ADA_ID, GRACE_ID = user().id, "00u000000000grace0"
EMAIL, SMS, APP, QUESTION, GRACE_EMAIL = "emf_ada", "sms_ada", "app_ada", "ufs_ada", "emf_grace"
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
        self.budgets = FakeBudgets()
        self.emails = FakeEmails(self.settings.stranger_attempts)
        self.customers = FakeCustomers(self.budgets)
        self.attempts = FakeAttempts(self.emails, self.customers, self.budgets)
        self.registrations = FakeRegistrations()
        self.sign_ins = FakeKept()
        self.templates = FakeKept()
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
        self.org.add(
            user(id=GRACE_ID, login="grace.hopper", email=GRACE),
            factor(id=GRACE_EMAIL, destination=GRACE),
        )
        self.okta_users, self.okta_factors = FakeUsers(self.org), FakeFactors(self.org)
        self.authn = FakeAuthn(self.org)
        # Ports are named one by one, so that mypy compares the fakes with their protocols.
        common: dict[str, Any] = {
            "keys": lambda: self.keys,
            "settings": self.settings,
            "meter": self.meter,
            "clock": self.clock,
        }
        fixed_time = FixedTime(self.meter, clock=self.clock, sleep=self.sleep)
        self.limits = Limits(self.budgets, **common, monotonic=self.clock)
        self.lookup = Lookup(self.okta_users, self.okta_factors, self.emails, common["keys"])
        self.devices = Devices(self.customers, common["keys"])
        self.receipts = Receipts(
            signer=self.signer,
            redemptions=FakeRedemptions(),
            emails=self.emails,
            lookup=self.lookup,
            **common,
        )
        common_to_codes: dict[str, Any] = {
            **common,
            "lookup": self.lookup,
            "devices": self.devices,
            "limits": self.limits,
            "sleep": self.sleep,
        }
        self.issue = Issue(
            emails=self.emails,
            customers=self.customers,
            templates=self.templates,
            invocation=self.invocation,
            okta_factors=self.okta_factors,
            okta_authn=self.authn,
            okta_templates=FakeSmsTemplates(self.org),
            **common_to_codes,
        )
        self.verify = Verify(
            emails=self.emails,
            attempts=self.attempts,
            receipts=self.receipts,
            okta_factors=self.okta_factors,
            okta_authn=self.authn,
            fixed_time=fixed_time,
            **common_to_codes,
        )
        self.passwords = FakePasswordCounts()
        self.sign_in = SignIn(
            sign_ins=self.sign_ins,
            passwords=Passwords(
                counts=self.passwords,
                users=self.okta_users,
                devices=self.devices,
                limits=self.limits,
                sleep=self.sleep,
                **common,
            ),
            authn=self.authn,
            issue=self.issue,
            verify=self.verify,
            limits=self.limits,
            receipts=self.receipts,
            fixed_time=fixed_time,
            **common,
        )
        self.holds = Holds(self.lookup, self.customers, **common)
        users, factors = self.okta_users, self.okta_factors
        self.enrollment = Enrollment(
            emails=self.emails, users=users, factors=factors, issue=self.issue, **common
        )
        del common["settings"]
        self.register = Register(
            emails=self.emails,
            requests=self.registrations,
            users=users,
            factors=factors,
            **common,
        )

    # ---- Time and state --------------------------------------------------------------------------

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    @property
    def ada(self) -> CustomerState:
        return self.customers.get(self.keys.customer_key(ADA_ID))

    @property
    def counted(self) -> PasswordState:
        """Wrong passwords of Ada's login in a row."""
        return self.passwords.states[self.keys.login_hash(ADA)]

    def public_state(self, email: Email = ADA) -> PublicState:
        return self.emails.state(Place(Row.EMAIL, self.keys.email_hash(email)))

    def code(self, factor_id: str = EMAIL) -> Code:
        """The newest code that was sent over the factor."""
        return self.org.codes[factor_id][-1]

    def spent(self, budget: str) -> int:
        return sum(n for each, (n, _) in self.budgets.spent.items() if each.budget == budget)

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

    def deliver(self) -> None:
        """Carry out all public sends that are due."""
        while self.invocation.events:
            _, payload = self.invocation.events.pop(0)
            call = Call(Caller(None, ""), self.deadline())
            self.issue.deliver(json.loads(payload)["sealed"], call)

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

    def keep_busy(self) -> None:
        """Another call is asking Okta about Ada, for as long as a function can run."""
        row = self.customers.rows[self.keys.customer_key(ADA_ID)]
        row.state = replace(row.state, busy_until=self.now + rules.ATTEMPT_SECONDS)

    def factor_id(self, factor_id: str = SMS, enrolled_at: int = 0) -> str:
        """The opaque id of a factor of Ada's."""
        ref = FactorRef(ADA_ID, factor_id, self.keys.email_hash(ADA), enrolled_at)
        return self.keys.factor_id(ref)
