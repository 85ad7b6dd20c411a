"""What callers do: one visit of one customer, in each lane and dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.proof.soak.callers import Callers, Customer
from tests.proof.soak.ledger import Told
from tests.sandbox.aws import CLIENT_KEY

PASSWORD = "Soaked-Horse-7"
PHONE = "+15005550177"

_AUTHN = "/api/v1/authn"


def visit(callers: Callers, customer: Customer) -> None:
    """One of them, most often the usual; support helps who is held."""
    chosen = callers.rng.choices([*_WEIGHTS], [*_WEIGHTS.values()])[0]
    if customer.is_held:
        chosen = release
    chosen(callers, customer)


def client(callers: Callers, customer: Customer, *, is_only_try: bool = False) -> None:
    """A client has a code sent, and checks it by id or by email."""
    before, body = customer.factor.challenge, {"email": customer.email}
    told = callers.post("client send", "/challenge", body, key=CLIENT_KEY)
    if told.status != 202:
        return
    by = callers.rng.choice([body, {"challenge_id": told["challenge_id"]}])
    check = callers.json(by, "client check", key=CLIENT_KEY)
    callers.prove("client check", customer, before, check, is_only_try=is_only_try)


def client_with_receipt(callers: Callers, customer: Customer) -> None:
    """The proof of a client is redeemed by another, once."""
    before = customer.factor.challenge
    body = {"email": customer.email, "audience": "shop", "receipt": True}
    told = callers.post("client send", "/challenge", body, key=CLIENT_KEY)
    by = {"challenge_id": told["challenge_id"]}
    if told.status == 202:
        check = callers.json(by, "client check with receipt", key=CLIENT_KEY)
        callers.redeem(
            customer, callers.prove("client check with receipt", customer, before, check)
        )


def stranger(callers: Callers, customer: Customer) -> None:
    """A stranger, whose device is known afterwards."""
    _public(callers, customer, "stranger")


def device(callers: Callers, customer: Customer) -> None:
    """A known device, or a stranger with none."""
    _public(callers, customer, "device" if customer.device_token else "stranger")


def by_url(callers: Callers, customer: Customer) -> None:
    """A stranger uses the invoke URLs."""
    before, source = customer.factor.challenge, callers.source()
    told = callers.get("stranger send, URL", "/challenge", {"email": customer.email}, source)
    if told.body == "200":
        kind = "stranger check, URL"

        def check(code: str) -> Told:
            return callers.get(kind, "/verify", {"email": customer.email, "otp": code}, source)

        callers.prove(kind, customer, before, check)


def mfa(callers: Callers, customer: Customer) -> None:
    """A client speaks the WorkOS dialect."""
    if not customer.factor_id:
        body = {"type": "email", "email": customer.email}
        told = callers.post("MFA enroll", "/auth/factors/enroll", body, key=CLIENT_KEY)
        customer.factor_id = told["id"] or ""
    before, path = customer.factor.challenge, f"/auth/factors/{customer.factor_id}/challenge"
    if not customer.factor_id:
        return
    told = callers.post("MFA send", path, {}, key=CLIENT_KEY)
    path = f"/auth/challenges/{told['id']}/verify"
    if told.status == 201:
        check = callers.json({}, "MFA check", path, key=CLIENT_KEY)
        callers.prove("MFA check", customer, before, check)


def sign_in(callers: Callers, customer: Customer) -> None:
    """Somebody signs in with password and code, alone or through a client."""
    before, caller = customer.factor.challenge, {"source": callers.source()}
    if callers.rng.random() < 0.3:
        caller = {"key": CLIENT_KEY}
    body = {"username": customer.user.login, "password": PASSWORD}
    told = callers.post("sign-in password", _AUTHN, body, **caller)
    if told["status"] != "MFA_REQUIRED":
        return
    callers.ledger.keep_secret(told["stateToken"])
    state = {"stateToken": told["stateToken"]}
    path = f"{_AUTHN}/factors/{customer.factor.id}/verify"
    if callers.post("sign-in send", path, state, **caller)["status"] == "MFA_CHALLENGE":
        check = callers.json(state, "sign-in check", path, "passCode", **caller)
        told = callers.prove("sign-in check", customer, before, check)
        callers.ledger.keep_secret(told["sessionToken"])


def registration(callers: Callers, _: Customer) -> None:
    """A client registers a new customer, until that is certain."""
    email = f"joined-{callers.rng.randrange(16**8):08x}@example.com"
    profile = {"email": email, "firstName": "New", "lastName": "Comer", "mobilePhone": PHONE}
    body = {"profile": profile, "password": PASSWORD, "enroll": ["email"]}
    for _attempt in range(2):
        told = callers.post(
            "registration",
            *("/customers", body),
            key=CLIENT_KEY,
            headers={"Idempotency-Key": email.partition("@")[0]},
        )
        if not told.is_unknown:
            break
    user = callers.sandbox.org.directory.find_login(email)
    if user is None and told.status == 201:
        callers.ledger.fault("registration: told of a customer whom Okta does not have")
    if told.status == 201 and user is not None:
        callers.ledger.count("registered")
        customer = Customer(user)
        callers.registered.append(customer)
        client(callers, customer)


def nobody(callers: Callers, _: Customer) -> None:
    """A stranger tries an email that nobody has."""
    email, source = f"nobody-{callers.rng.randrange(10**9)}@example.com", callers.source()
    callers.post("stranger send", "/challenge", {"email": email}, source=source)
    code = f"{callers.rng.randrange(10**6):06d}"
    told = callers.post("stranger check", "/verify", {"email": email, "code": code}, source=source)
    callers.ledger.refused("nobody", told)


def held(callers: Callers, customer: Customer) -> None:
    """A client tries wrong codes until the customer is held."""
    body = {"email": customer.email}
    if callers.post("client send", "/challenge", body, key=CLIENT_KEY).status != 202:
        return
    for _ in range(5):
        callers.wrong("client check", customer, callers.json(body, "client check", key=CLIENT_KEY))
    callers.ledger.count("held")
    customer.is_held = customer.is_in_doubt = True


def release(callers: Callers, customer: Customer) -> None:
    """A client opens a release, and the customer uses it without a key."""
    before = customer.factor.challenge
    body = {"email": customer.email, "release_hold": True}
    told = callers.post("release send", "/challenge", body, key=CLIENT_KEY)
    if told.status == 202:
        by = {"challenge_id": told["challenge_id"]}
        check = callers.json(by, "release check", source=callers.source())
        callers.prove("release check", customer, before, check, is_only_try=True)


def _public(callers: Callers, customer: Customer, lane: str) -> None:
    before, body = customer.factor.challenge, {"email": customer.email}
    body |= {"device_token": customer.device_token} if lane == "device" else {}
    source = callers.source()
    told = callers.post(f"{lane} send", "/challenge", body, source=source)
    if told.status == 202:
        headers = {"X-Device-Token": customer.device_token} if lane == "device" else {}
        by = {"challenge_id": told["challenge_id"]}
        check = callers.json(by, f"{lane} check", source=source, headers=headers)
        told = callers.prove(f"{lane} check", customer, before, check)
        customer.device_token = told["device_token"] or customer.device_token
        callers.ledger.keep_secret(told["device_token"])


_WEIGHTS: Mapping[Callable[[Callers, Customer], None], int] = {
    client: 28,
    client_with_receipt: 6,
    stranger: 16,
    device: 12,
    by_url: 8,
    mfa: 12,
    sign_in: 12,
    registration: 2,
    nobody: 2,
    held: 3,
}
"""How often, of a hundred."""
