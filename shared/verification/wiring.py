"""Puts the objects together: the only place that knows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from verification.aws import clients
from verification.aws.secrets import Secrets
from verification.aws.store import Store
from verification.aws.table import Table
from verification.challenges import Challenges
from verification.customers import Customers
from verification.enrollment import Enrollment
from verification.idempotency import Idempotency
from verification.limits import Limits
from verification.observability import Meter
from verification.okta.authn import Authn
from verification.okta.factors import Factors
from verification.okta.templates import SmsTemplates
from verification.okta.transport import Transport
from verification.okta.users import Users
from verification.pace import Pace
from verification.registration import Registrations
from verification.resources import Resources
from verification.settings import Settings
from verification.sign_in import SignIn


@dataclass(frozen=True, slots=True)
class Service:
    """What a function needs to answer calls. One per execution environment."""

    settings: Settings
    keys: Secrets
    table: Table
    transport: Transport
    challenges: Challenges
    enrollment: Enrollment
    registrations: Registrations
    sign_in: SignIn
    idempotency: Idempotency
    meter: Meter


def build(
    clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> Service:
    """The service for this process's environment; ConfigurationError if that is not complete.

    Opens no connection: the first call does.
    """
    settings = Settings.from_environ()
    meter = Meter()
    keys = Secrets(
        clients.secrets_manager(), settings.okta_token_secret, settings.service_keys_secret, clock
    )
    table = Table(clients.dynamodb(), settings.table_name, meter)
    store = Store(table, settings.hold_seconds)
    transport = Transport(settings.okta_org_url, keys, meter, clock=clock, sleep=sleep)
    users, factors = Users(transport), Factors(transport)
    resources = Resources(
        keys=keys,
        store=store,
        users=users,
        factors=factors,
        authn=Authn(transport, is_trusted=settings.trusted_application),
        templates=SmsTemplates(transport),
        customers=Customers(users, factors, store.emails, keys),
        limits=Limits(store.callers, keys, settings),
        meter=meter,
        settings=settings,
        pace=Pace(meter, sleep=sleep),
        clock=clock,
        sleep=sleep,
    )
    return Service(
        settings,
        keys,
        table,
        transport,
        Challenges(resources),
        Enrollment(resources),
        Registrations(resources),
        SignIn(resources),
        Idempotency(store.answers, keys, clock),
        meter,
    )
