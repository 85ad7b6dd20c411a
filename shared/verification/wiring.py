"""Puts the objects together: the only place that knows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from verification.aws import clients
from verification.aws.secrets import Secrets
from verification.aws.table import ChallengeTable
from verification.challenges import Challenges
from verification.observability import Meter
from verification.okta.factors import Factors
from verification.okta.transport import Transport
from verification.okta.users import Users
from verification.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """What a function needs to answer calls. One per execution environment."""

    settings: Settings
    secrets: Secrets
    challenges: Challenges
    meter: Meter


def build(clock: Callable[[], float] = time.time) -> Service:
    """The service for this process's environment; ConfigurationError if that is not complete.

    Opens no connection: the first call does.
    """
    settings = Settings.from_environ()
    meter = Meter()
    secrets = Secrets(
        clients.secrets_manager(), settings.okta_token_secret, settings.service_keys_secret, clock
    )
    transport = Transport(settings.okta_org_url, secrets, meter, clock=clock)
    challenges = Challenges(
        Users(transport),
        Factors(transport),
        ChallengeTable(clients.dynamodb(), settings.table_name, meter),
        secrets,
        settings.challenge_lifetime,
        meter,
        clock=clock,
    )
    return Service(settings, secrets, challenges, meter)
