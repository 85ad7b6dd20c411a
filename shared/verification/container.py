"""Builds all objects of a function once; the only module that knows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from verification.awaiting import Awaiting
from verification.aws import clients
from verification.aws.attempt_rows import AttemptRows
from verification.aws.budget_rows import BudgetRows
from verification.aws.customer_rows import CustomerRows
from verification.aws.email_rows import EmailRows
from verification.aws.invocation import AsyncInvocation
from verification.aws.password_rows import PasswordRows
from verification.aws.push_rows import PushRows
from verification.aws.receipt_rows import ReceiptRows
from verification.aws.registration_rows import RegistrationRows
from verification.aws.response_rows import ResponseRows
from verification.aws.secrets import Secrets
from verification.aws.sign_in_rows import SignInRows
from verification.aws.signing import KmsSigner
from verification.aws.table import Table
from verification.aws.template_rows import TemplateRows
from verification.beside import Threads
from verification.checking import Checking
from verification.devices import Devices
from verification.enrollment import Enrollment
from verification.frozen import Frozen
from verification.holds import Holds
from verification.http.idempotency import Idempotency
from verification.issue import Issue
from verification.limits import Limits
from verification.lookup import Lookup
from verification.observability import Meter
from verification.okta.authn import Authn
from verification.okta.credentials import ApiToken, ServiceApp
from verification.okta.factors import Factors
from verification.okta.sms_templates import SmsTemplates
from verification.okta.transport import Transport
from verification.okta.users import Users
from verification.okta.wire import Wire
from verification.passwords import Passwords
from verification.ports import Beside
from verification.receipts import Receipts
from verification.registration import Register
from verification.sending import Sending
from verification.settings import Settings
from verification.sign_in import SignIn
from verification.sign_in_codes import SignInCodes
from verification.timing import FixedTime
from verification.verify import Verify


class Container(Frozen):
    """What a function needs to answer calls. One per execution environment."""

    settings: Settings
    secrets: Secrets
    table: Table
    invocation: AsyncInvocation
    signer: KmsSigner
    wire: Wire
    service_app: ServiceApp | None
    limits: Limits
    idempotency: Idempotency
    meter: Meter
    beside: Beside
    issue: Issue
    verify: Verify
    awaiting: Awaiting
    holds: Holds
    enrollment: Enrollment
    register: Register
    sign_in: SignIn
    receipts: Receipts
    monotonic: Callable[[], float]


def build(
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    beside: Beside | None = None,
) -> Container:
    """The container for this process's environment; ConfigurationError if that is not complete.

    Opens no connection and starts no thread: the first call does.
    """
    beside = beside or Threads()
    settings, meter = Settings.from_environ(), Meter()
    secrets = Secrets(
        clients.secrets_manager(), settings.okta_token_secret, settings.service_keys_secret, clock
    )
    keys = secrets.keyring
    table = Table(clients.dynamodb(), settings.table_name, meter)
    emails, customers = EmailRows(table, settings.stranger_attempts), CustomerRows(table)
    pushes = PushRows(table)
    signer, wire = KmsSigner(clients.kms, meter), Wire(meter)
    service_app = None
    if settings.okta_client_id:
        service_app = ServiceApp(
            settings.okta_org_url,
            settings.okta_client_id,
            settings.okta_app_key,
            signer,
            wire,
            clock=clock,
        )
    transport = Transport(
        settings.okta_org_url,
        wire,
        service_app or ApiToken(secrets),
        meter,
        clock=clock,
        sleep=sleep,
    )
    users, factors = Users(transport), Factors(transport)
    authn = Authn(transport, is_trusted=settings.trusted_application)
    invocation = AsyncInvocation(clients.aws_lambda, meter)
    fixed_time = FixedTime(meter, clock=monotonic, sleep=sleep)
    limits = Limits(BudgetRows(table), keys, settings, meter, clock, monotonic)
    lookup = Lookup(users, factors, emails, keys, beside)
    devices = Devices(customers, keys)
    receipts = Receipts(keys, signer, ReceiptRows(table), emails, lookup, settings, meter, clock)
    sending = Sending(
        keys=keys,
        emails=emails,
        customers=customers,
        pushes=pushes,
        templates=TemplateRows(table),
        limits=limits,
        okta_factors=factors,
        okta_authn=authn,
        okta_templates=SmsTemplates(transport),
        settings=settings,
        beside=beside,
        meter=meter,
        clock=clock,
        sleep=sleep,
    )
    issue = Issue(
        keys=keys,
        emails=emails,
        customers=customers,
        invocation=invocation,
        lookup=lookup,
        devices=devices,
        limits=limits,
        sending=sending,
        settings=settings,
        meter=meter,
        clock=clock,
        sleep=sleep,
    )
    attempts = AttemptRows(table, emails)
    checking = Checking(
        attempts=attempts,
        pushes=pushes,
        limits=limits,
        okta_factors=factors,
        okta_authn=authn,
        settings=settings,
        clock=clock,
        sleep=sleep,
    )
    awaiting = Awaiting(
        keys=keys,
        emails=emails,
        customers=customers,
        pushes=pushes,
        devices=devices,
        limits=limits,
        receipts=receipts,
        checking=checking,
        meter=meter,
        clock=clock,
    )
    verify = Verify(
        keys=keys,
        emails=emails,
        attempts=attempts,
        lookup=lookup,
        devices=devices,
        receipts=receipts,
        checking=checking,
        settings=settings,
        meter=meter,
        fixed_time=fixed_time,
        clock=clock,
        sleep=sleep,
    )
    passwords = Passwords(
        keys=keys,
        counts=PasswordRows(table),
        users=users,
        devices=devices,
        limits=limits,
        authn=authn,
        settings=settings,
        meter=meter,
        clock=clock,
        sleep=sleep,
    )
    sign_in_codes = SignInCodes(
        keys=keys,
        devices=devices,
        limits=limits,
        sending=sending,
        checking=checking,
        okta_factors=factors,
        meter=meter,
        fixed_time=fixed_time,
        clock=clock,
    )
    return Container(
        settings=settings,
        secrets=secrets,
        table=table,
        invocation=invocation,
        signer=signer,
        wire=wire,
        service_app=service_app,
        limits=limits,
        idempotency=Idempotency(ResponseRows(table), keys, clock),
        meter=meter,
        beside=beside,
        issue=issue,
        verify=verify,
        awaiting=awaiting,
        holds=Holds(lookup, customers, keys, settings, meter, clock),
        enrollment=Enrollment(
            keys, emails, users, factors, limits, sending, settings, meter, clock
        ),
        register=Register(keys, emails, RegistrationRows(table), users, factors, meter, clock),
        sign_in=SignIn(
            keys=keys,
            sign_ins=SignInRows(table),
            passwords=passwords,
            authn=authn,
            okta_factors=factors,
            codes=sign_in_codes,
            limits=limits,
            receipts=receipts,
            settings=settings,
            meter=meter,
            fixed_time=fixed_time,
            clock=clock,
        ),
        receipts=receipts,
        monotonic=monotonic,
    )
