"""How the simulated org sends and checks codes, and when it locks a user out."""

from typing import Any

import pytest

from tests.contract.okta_org import ADA, OktaOrg
from tests.sandbox.okta.seed import ADA_PHONE

JOURNEYS = {
    **{
        f"a code of {kind} verifies once, also after a wrong one": f"""
            send {kind} -> CHALLENGE
            check {kind} wrong -> WRONG_CODE
            check {kind} right -> 200 SUCCESS
            check {kind} right -> WRONG_CODE
        """
        for kind in ("email", "sms", "call")
    },
    "a newer code invalidates the older": """
        send email; wait 5; send email
        check email older -> WRONG_CODE
        check email right -> SUCCESS
    """,
    **{
        f"a code of {kind} expires after {lifetime} s{items}": f"""
            send {kind} {items}; wait {lifetime - 1}; check {kind} right -> SUCCESS
            wait 30; send {kind} {items}; wait {lifetime}; check {kind} right -> WRONG_CODE
        """
        for kind, lifetime, items in (
            ("email", 300, ""),
            ("email", 60, "tokenLifetimeSeconds==60"),
            ("email", 86_400, "tokenLifetimeSeconds==86400"),
            ("sms", 300, "tokenLifetimeSeconds==60"),
        )
    },
    "a lifetime is from 1 to 86400 seconds": f"""
        send email tokenLifetimeSeconds==0 -> VALIDATION_FAILED
        send email tokenLifetimeSeconds==86401 -> VALIDATION_FAILED
        send email tokenLifetimeSeconds==-1 -> VALIDATION_FAILED
        send email tokenLifetimeSeconds==soon -> VALIDATION_FAILED
        send email tokenLifetimeSeconds== -> VALIDATION_FAILED
        send email tokenLifetimeSeconds=={"9" * 5000} -> VALIDATION_FAILED
        inbox -> 0
    """,
    **{
        f"two codes of {kind} to an address need a pause of {pause} s": f"""
            send email; send sms; send call
            login grace.hopper; send email; login ada@example.com
            wait {pause - 1}; send {kind} -> {kind.upper()}_TOO_SOON
            inbox -> 4
            wait 1; send {kind} -> CHALLENGE
        """
        for kind, pause in (("email", 5), ("sms", 30), ("call", 30))
    },
    "a TOTP code may be one step off and verifies once": """
        check totp right-2 -> WRONG_CODE
        check totp right+2 -> WRONG_CODE
        check totp right-1 -> SUCCESS
        check totp right+1 -> SUCCESS
        check totp right -> SUCCESS
        check totp right -> CODE_REPLAYED
        wait 30; check totp right-1 -> CODE_REPLAYED
        check totp right -> CODE_REPLAYED
        check totp right+1 -> SUCCESS
    """,
    "an answer is compared without case": "check question MEATBALL -> SUCCESS",
    "TOTP and question cannot be challenged, which is no attempt": """
        5x send totp -> VALIDATION_FAILED
        5x send question -> VALIDATION_FAILED
        check question right -> SUCCESS
    """,
    "a push is approved with the right number": """
        login dorothy@example.com
        push -> 201 WAITING; poll -> 200 WAITING
        phone approve right -> SUCCESS; poll -> SUCCESS; poll -> SUCCESS
    """,
    "a push is rejected, by a no or by another number": """
        login dorothy@example.com
        push; phone reject right -> REJECTED; poll -> REJECTED
        push; phone approve wrong -> REJECTED; poll -> REJECTED
        account -> ACTIVE
    """,
    "a push ends after five minutes": """
        login dorothy@example.com
        push; wait 299; poll -> WAITING; wait 1; poll -> TIMEOUT
    """,
    "a cancelled push is not found": """
        login dorothy@example.com
        push; cancel_push -> 204; poll -> NOT_FOUND; cancel_push -> NOT_FOUND
    """,
    "a push in a sign-in is refused": """
        login dorothy@example.com
        must_enrol; sign_in -> MFA_REQUIRED
        verify push -> VALIDATION_FAILED
    """,
    "the fifth failure over all factors locks the user": """
        send email
        check email wrong -> WRONG_CODE
        check sms wrong -> WRONG_CODE
        check totp wrong -> WRONG_CODE
        check question salad -> WRONG_CODE
        account -> ACTIVE
        check email wrong -> WRONG_CODE
        account -> LOCKED_OUT
        check email right -> USER_LOCKED
        send sms -> USER_LOCKED
        login grace.hopper; send email -> CHALLENGE
    """,
    "a success resets the count": """
        4x check question salad -> WRONG_CODE
        check question right -> SUCCESS
        4x check question salad -> WRONG_CODE
        account -> ACTIVE
    """,
    "neither time nor a new code resets the count": """
        4x check question salad; wait 604800; send email -> CHALLENGE
        check question salad -> WRONG_CODE
        account -> LOCKED_OUT
    """,
    "an unlock resets the count": """
        5x check question salad
        call POST users/{user}/lifecycle/unlock -> 200
        4x check question salad
        check question right -> SUCCESS
        call POST users/{user}/lifecycle/unlock -> UNLOCK_NOT_ALLOWED
    """,
    **{
        f"a {status} user is not challenged": f"status {status}; send email -> WRONG_USER_STATUS"
        for status in ("SUSPENDED", "STAGED", "DEPROVISIONED")
    },
    "only an active factor is challenged": """
        factor_status sms PENDING_ACTIVATION; send sms -> NOT_FOUND
        factor_status sms DISABLED; send sms -> FACTOR_NOT_ACTIVE
    """,
    "factors are found only by the user's id": """
        call GET users/ada@example.com/factors -> NOT_FOUND
        call GET users/00unobody/factors -> NOT_FOUND
    """,
}


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_codes_and_lockout(journey: str, okta: OktaOrg) -> None:
    okta.play(journey)


@pytest.mark.parametrize(
    ("kind", "address"), [("email", ADA), ("sms", ADA_PHONE), ("call", ADA_PHONE)]
)
def test_a_code_is_six_digits_to_the_address_of_the_factor(
    kind: str, address: str, okta: OktaOrg
) -> None:
    okta.send(kind)
    [message] = okta.org.inbox.to(address.upper())
    assert (message.channel, message.sent_at) == (kind, okta.clock())
    assert (len(message.code), message.code.isdecimal()) == (6, True)


def test_another_users_factor_is_not_found(okta: OktaOrg) -> None:
    foreign = okta.factor("email").id
    okta.login("grace.hopper")
    okta.play(f"call POST users/{{user}}/factors/{foreign}/verify -> NOT_FOUND")


def test_an_empty_object_is_a_challenge_like_no_body(okta: OktaOrg) -> None:
    response = okta.request("POST", "users/{user}/factors/{email}/verify", {})
    assert response.get_json()["factorResult"] == "CHALLENGE"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"123456"', b"\xff", pytest.param(b"[" * 100_000, id="deep")]
)
def test_a_body_must_be_a_json_object(body: bytes, okta: OktaOrg) -> None:
    refused: Any = okta.request("POST", "users/{user}/factors/{email}/verify", body)
    assert (refused.status_code, refused.get_json()["errorCode"]) == (400, "E0000003")


def test_the_count_and_its_highest_value_are_listed(okta: OktaOrg) -> None:
    okta.play("3x check question salad; check question right; check question salad")
    ada = okta.org.customers()[0]
    assert (ada["failed_factor_attempts"], ada["most_failed_factor_attempts"]) == (1, 3)


def test_a_pending_factor_is_listed_with_its_next_steps(okta: OktaOrg) -> None:
    listed = okta.play("factor_status sms PENDING_ACTIVATION; list").get_json()
    [pending] = [factor for factor in listed if factor["factorType"] == "sms"]
    assert pending["_links"].keys() == {"activate", "resend", "self", "user"}
