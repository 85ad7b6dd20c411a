"""No answer of Okta's makes a reader fail in a way that has no outcome of its own, or is believed by
mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.examples import NOW
from verification import errors
from verification.models.callers import Call, Caller, Deadline
from verification.models.challenges import Code
from verification.models.customers import (
    Channel,
    CustomerKey,
    Email,
    Factor,
    FactorStatus,
    FactorType,
    Registration,
    Target,
)
from verification.models.sign_ins import Credentials, FactorStep
from verification.okta import error_codes
from verification.okta.authn import Authn
from verification.okta.factors import Factors
from verification.okta.sms_templates import SmsTemplates
from verification.okta.users import Users

CALL = Call(Caller(None, ""), Deadline(NOW + 8.0, lambda: NOW))
TARGET = Target(CustomerKey("c" * 32), "00u1", "emf1")
STEP = FactorStep("emf1", "token", "123456")
PHONE = Factor("sms1", FactorType.SMS, FactorStatus.ACTIVE, "+15005550006")
EMAIL = Email("ada@example.com")
WANTED = Registration(EMAIL, EMAIL, {"email": EMAIL})

FIELDS = [
    *("id", "status", "profile", "login", "email", "created", "lastLogin", "passwordChanged"),
    *("factorType", "factorResult", "provider", "phoneNumber", "credentialId", "name"),
    *("_embedded", "user", "factors", "factor", "activation", "sharedSecret", "stateToken"),
    *("errorCode", "errorSummary", "errorCauses"),
]
TEXTS = st.sampled_from(
    [
        *("00u1", "emf1", "ada@example.com", "ACTIVE", "email", "sms"),
        "SUCCESS",
        "E0000068",
        "\ud800",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=16,
)


class Answers:
    """A transport that answers one thing."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def request(self, *_: Any, **__: Any) -> Any:
        return self._answer


def questions(answer: object) -> list[Callable[[], object]]:
    """All that is asked of Okta, with this answer."""
    transport: Any = Answers(answer)
    users, factors = Users(transport), Factors(transport)
    authn, email = Authn(transport, is_trusted=False), EMAIL
    return [
        lambda: users.find(email, CALL),
        lambda: users.find_any("00u1", CALL),
        lambda: users.with_login("ada", CALL),
        lambda: users.with_phone("+15005550006", CALL),
        lambda: users.holder("ada", email, CALL),
        lambda: users.create(WANTED, CALL),
        lambda: factors.list("00u1", CALL),
        lambda: factors.get("00u1", "emf1", CALL),
        lambda: factors.send_code(TARGET, Channel.EMAIL, 300, None, CALL),
        lambda: factors.activate(TARGET, Code("123456"), CALL),
        lambda: factors.resend_enrollment_code("00u1", PHONE, CALL),
        lambda: factors.enroll("00u1", PHONE, CALL, activate=True),
        lambda: authn.begin(Credentials("ada", "secret"), CALL),
        lambda: authn.look("token", CALL),
        lambda: authn.check_code(STEP, CALL),
        lambda: SmsTemplates(transport).id_of("{{code}}", CALL),
    ]


@settings(max_examples=60)
@given(VALUES)
def test_readers_raise_nothing_but_outcomes(answer: object) -> None:
    for ask in questions(answer):
        with suppress(errors.VerificationError):
            ask()


@settings(max_examples=60)
@given(VALUES, st.integers(300, 599))
def test_every_error_has_an_outcome(answer: Any, status: int) -> None:
    for may_have_acted in (False, True):
        outcome = error_codes.outcome_of(status, answer, 1, may_have_acted=may_have_acted)
        assert isinstance(outcome, errors.VerificationError)


@settings(max_examples=60)
@given(VALUES | st.fixed_dictionaries({"factorResult": VALUES}))
def test_nothing_but_success_is_one(answer: Any) -> None:
    transport: Any = Answers(answer)
    is_right = isinstance(answer, dict) and answer.get("factorResult") == "SUCCESS"
    try:
        Factors(transport).check_code(TARGET, Code("123456"), CALL)
    except errors.VerificationError:
        assert not is_right
    else:
        assert is_right
