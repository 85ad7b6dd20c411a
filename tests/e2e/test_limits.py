"""How many codes may be sent and tried, for one customer and by one caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.conftest import Caller
from tests.sandbox.aws import CLIENT_KEY

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

SOURCE = {"X-Sandbox-Source-Ip": "198.51.100.7"}


def refusal(caller: Caller, email: str = "ada@example.com") -> tuple[int, str, int]:
    """Status, outcome and wait of a challenge that is refused."""
    response = caller.post("/challenge", {"email": email})
    wait = int(response.headers["Retry-After"])
    assert wait == response.json()["retry_after"]
    return response.status_code, response.json()["code"], wait


def test_a_customer_gets_one_code_in_thirty_seconds(client: Caller) -> None:
    client.challenge()
    status, code, wait = refusal(client)
    assert (status, code) == (429, "send_limited")
    assert 25 <= wait <= 30
    client.sandbox.advance += wait
    client.challenge()
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 2


def test_a_customer_gets_five_codes_an_hour_and_ten_a_day(client: Caller) -> None:
    for _ in range(5):
        client.challenge()
        client.sandbox.advance += 60
    status, code, wait = refusal(client)
    assert (status, code) == (429, "send_limited")
    assert 3250 <= wait <= 3300
    client.sandbox.advance += wait
    for _ in range(5):
        client.challenge()
        client.sandbox.advance += 3600
    assert refusal(client)[:2] == (429, "send_limited")
    assert len(client.sandbox.org.inbox.to("ada@example.com")) == 10
    client.sandbox.advance += 24 * 3600
    client.challenge()


def test_another_spelling_of_an_email_has_no_limit_of_its_own(client: Caller) -> None:
    client.challenge("ada@example.com")
    assert refusal(client, " ADA@Example.com ")[1] == "send_limited"


def test_a_limit_is_the_same_in_every_dialect_and_for_every_caller(
    client: Caller, public: Caller
) -> None:
    client.challenge()
    assert client.get("/challenge", email="ada@example.com").status_code == 429
    assert public.get("/challenge", email="ada@example.com").status_code == 429
    assert refusal(public)[1] == "send_limited"


def test_a_code_that_was_not_sent_is_not_counted(client: Caller) -> None:
    client.sandbox.org.faults.add("verify", "rate_limited", 1)
    response = client.post("/challenge", {"email": "ada@example.com"})
    assert response.json()["code"] == "okta_rate_limited"
    client.challenge()


def test_oktas_own_limit_is_passed_on_and_never_called_sent(client: Caller) -> None:
    assert client.okta_sends("ada@example.com").status_code == 200
    assert refusal(client) == (429, "send_limited", 5)
    client.sandbox.advance += 5
    client.challenge()


def test_a_source_address_has_a_budget_of_codes(small_budgets: Sandbox) -> None:
    public = Caller(small_budgets, SOURCE)
    for number in range(3):
        public.challenge(f"nobody-{number}@example.com")
    status, code, wait = refusal(public, "ada@example.com")
    assert (status, code) == (429, "rate_limited")
    assert 3500 <= wait <= 3600
    Caller(small_budgets, {"X-Sandbox-Source-Ip": "198.51.100.8"}).challenge()
    small_budgets.advance += wait
    public.challenge("grace@example.com")


def test_a_source_address_is_never_what_the_caller_says(small_budgets: Sandbox) -> None:
    for number in range(3):
        forged = {**SOURCE, "X-Forwarded-For": f"203.0.113.{number}"}
        Caller(small_budgets, forged).challenge(f"nobody-{number}@example.com")
    forged = {**SOURCE, "X-Forwarded-For": "203.0.113.99", "X-Real-IP": "203.0.113.99"}
    assert refusal(Caller(small_budgets, forged))[1] == "rate_limited"


def test_an_ipv6_subscriber_is_one_source(small_budgets: Sandbox) -> None:
    for number in range(3):
        address = {"X-Sandbox-Source-Ip": f"2001:db8:1:2::{number:x}"}
        Caller(small_budgets, address).challenge(f"nobody-{number}@example.com")
    same = {"X-Sandbox-Source-Ip": "2001:db8:1:2:ffff::1"}
    assert refusal(Caller(small_budgets, same))[1] == "rate_limited"
    Caller(small_budgets, {"X-Sandbox-Source-Ip": "2001:db8:1:3::1"}).challenge()


def test_a_client_has_a_budget_of_codes_from_wherever_it_calls(small_budgets: Sandbox) -> None:
    for number, email in enumerate(("ada@example.com", "grace@example.com", "x@example.com")):
        key = {"Authorization": f"Bearer {CLIENT_KEY}", "X-Sandbox-Source-Ip": f"192.0.2.{number}"}
        Caller(small_budgets, key).post("/challenge", {"email": email})
    client = Caller(small_budgets, {"Authorization": f"Bearer {CLIENT_KEY}"})
    assert refusal(client, "alan@example.com")[:2] == (429, "rate_limited")


def test_a_source_address_has_a_budget_of_wrong_codes(small_budgets: Sandbox) -> None:
    for email in ("ada@example.com", "grace@example.com"):
        Caller(small_budgets, {}).challenge(email)
    guesser = Caller(small_budgets, SOURCE)
    codes = []
    for email in ("ada@example.com", "ada@example.com", "grace@example.com", "grace@example.com"):
        body = {"email": email, "otp": guesser.wrong_code(email)}
        codes.append(guesser.post("/verify", body).json()["code"])
    assert codes == ["invalid_code"] * 3 + ["rate_limited"]
    assert guesser.verifies_seen_by_okta(403) == 3
    # Nobody else is kept out by it.
    body = {"email": "grace@example.com", "otp": guesser.code("grace@example.com")}
    assert Caller(small_budgets, {}).post("/verify", body).status_code == 200
