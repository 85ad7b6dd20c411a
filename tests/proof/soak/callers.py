"""What every caller does: calls of the API, and codes that are tried."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import Client

from tests.proof.soak.ledger import Ledger, Told
from tests.sandbox.aws import SHOP_KEY
from tests.sandbox.gateway import SOURCE_IP_HEADER
from tests.sandbox.okta.records import Challenge, Factor, User
from tests.sandbox.sandbox import Sandbox

ARRIVES = 4.0
"""Seconds in which a message arrives, if it does."""

READ = 0.5
"""Seconds until somebody has read a message."""

FIRST_WRONG, AGAIN, AT_ONCE = 0.1, 0.85, 0.95
"""Chances: below the first a wrong code is tried before the right one; above the others the right one is
tried again, or twice at the same time.
"""

Check = Callable[[str], Told]
"""Tries a code."""


@dataclass
class Customer:
    """A customer, and what its device and its clients remember of it."""

    user: User
    device_token: str = ""
    factor_id: str = ""
    is_in_doubt: bool = False
    is_held: bool = False

    @property
    def email(self) -> str:
        return self.user.email

    @property
    def factor(self) -> Factor:
        """The email factor."""
        return self.user.factors[0]


@dataclass
class Callers:
    """All callers of one sandbox. A customer has one visit at a time."""

    sandbox: Sandbox
    ledger: Ledger
    rng: random.Random
    registered: list[Customer] = field(default_factory=list)

    def prove(
        self,
        kind: str,
        customer: Customer,
        before: Challenge | None,
        check: Check,
        *,
        is_only_try: bool = False,
    ) -> Told:
        """Try the code that has arrived; now and then a wrong one first, or the right one at the same
        time or again. The answer that verified, or any.
        """
        customer.is_in_doubt = True
        challenge = self._arrived(customer, before)
        if challenge is None:
            return _NOTHING
        self.ledger.codes.add(challenge.code)
        chance = self.rng.random()
        if chance < FIRST_WRONG and not is_only_try:
            self.wrong(kind, customer, check)
        began = self.sandbox.now()
        if chance > AT_ONCE:
            with ThreadPoolExecutor(2) as pool:
                told = [*pool.map(check, [challenge.code] * 2)]
        else:
            told = [check(challenge.code)]
        okta_said_so = customer.factor.challenge is None and self._answered(customer, began)
        if self.ledger.proved(kind, told, okta_said_so=okta_said_so):
            customer.is_in_doubt = customer.is_held = False
            if AGAIN < chance < AT_ONCE:
                self.ledger.refused(kind, check(challenge.code))
        return next((each for each in told if each.is_verified), told[0])

    def wrong(self, kind: str, customer: Customer, check: Check) -> None:
        challenge = customer.factor.challenge
        right = challenge.code if challenge else "000000"
        self.ledger.refused(kind, check(f"{(int(right) + 1) % 10**6:06d}"))

    def redeem(self, customer: Customer, proof: Told) -> None:
        if not proof["receipt"]:
            return
        self.ledger.keep_secret(proof["receipt"])
        body = {"receipt": proof["receipt"], "email": customer.email}
        told = [self.post("redeem", "/receipts/redeem", body, key=SHOP_KEY) for _ in range(2)]
        redeemed = sum(each.status == 200 for each in told)
        if redeemed:
            self.ledger.count("receipts redeemed")
        if redeemed > 1 or not (redeemed or any(each.is_unknown for each in told)):
            self.ledger.fault(f"a receipt was redeemed {redeemed} times: {told}")

    def _arrived(self, customer: Customer, before: Challenge | None) -> Challenge | None:
        """The code that was sent since, after the moment that it takes to read it."""
        until = time.monotonic() + ARRIVES
        while (challenge := customer.factor.challenge) is before and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(READ)
        return None if challenge is before else challenge

    def _answered(self, customer: Customer, since: float) -> bool:
        """Whether Okta has answered that a code of this customer is right."""
        return any(
            call.status == 200 and customer.factor.id in call.path and call.at >= since
            for call in reversed(list(self.sandbox.org.calls))
            if call.kind in ("check", "authn")
        )

    def source(self) -> str:
        return (
            f"198.{self.rng.choice((18, 19))}.{self.rng.randrange(256)}.{self.rng.randrange(256)}"
        )

    def json(
        self,
        body: Mapping[str, Any],
        kind: str,
        path: str = "/verify",
        name: str = "code",
        **caller: Any,
    ) -> Check:
        return lambda code: self.post(kind, path, {**body, name: code}, **caller)

    def post(self, kind: str, path: str, body: Mapping[str, Any], **caller: Any) -> Told:
        return self._call(kind, method="POST", path=path, json=body, **caller)

    def get(self, kind: str, path: str, query: Mapping[str, str], source: str) -> Told:
        return self._call(kind, path=path, query_string=query, source=source)

    def _call(
        self,
        kind: str,
        *,
        key: str = "",
        source: str = "192.0.2.1",
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Told:
        given = {SOURCE_IP_HEADER: source, **(headers or {})}
        given |= {"Authorization": f"Bearer {key}"} if key else {}
        began = time.monotonic()
        response = Client(self.sandbox.gateway, use_cookies=False).open(headers=given, **request)
        took = time.monotonic() - began
        told = Told(
            response.status_code,
            response.get_data(as_text=True),
            response.get_json(silent=True),
            response.headers.get("X-Request-ID", ""),
        )
        self.ledger.called(kind, took, told)
        return told


_NOTHING = Told(0, "", None)
