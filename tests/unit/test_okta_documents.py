"""Documents of Okta's that are refused, because what follows would fail on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.test_factors import CALL, Answers, factors
from verification import errors
from verification.models.customers import Email, Factor, FactorStatus, FactorType
from verification.models.sign_ins import Credentials
from verification.okta.authn import Authn
from verification.okta.users import Users

ADA = Email("ada@example.com")
SIGN_IN = {"status": "SUCCESS", "_embedded": {"user": {"id": "00u1"}}}
NO_IDS = ["", ".", "..", "a/b", "\ud800", "00u1 ", "x" * 101]
Ask = Callable[[Any], object]
READERS: list[Ask] = [
    lambda answer: users(answer).get("00u1", CALL),
    lambda answer: users([answer]).with_phone("+15005550006", CALL),
    lambda answer: factors([answer]).list("00u1", CALL),
    lambda answer: factors(answer).get("00u1", "emf1", CALL),
]


def users(answer: Any) -> Users:
    transport: Any = Answers(answer)
    return Users(transport)


def sign_in(answer: Any) -> Any:
    transport: Any = Answers(answer)
    return Authn(transport, is_trusted=False).begin(Credentials("ada", "secret"), CALL)


@pytest.mark.parametrize("text", NO_IDS)
def test_what_cannot_be_a_segment_of_a_path_is_no_id(text: str) -> None:
    user = {"id": text, "status": "ACTIVE", "profile": {"login": ADA, "email": ADA}}
    factor = {"id": text, "factorType": "email", "status": "ACTIVE"}
    for ask in READERS:
        with pytest.raises(errors.OktaUnexpectedResponse):
            ask({**user, **factor})
    assert sign_in({**SIGN_IN, "_embedded": {"user": {"id": text}}}).user_id == ""


@pytest.mark.parametrize("field", ["status", "stateToken", "sessionToken", "factorResult"])
@pytest.mark.parametrize("value", [1, True, [], {}])
def test_a_sign_in_whose_fields_are_no_texts_is_unclear(field: str, value: object) -> None:
    with pytest.raises(errors.OktaAnswerUnclear):
        sign_in({**SIGN_IN, field: value})


@pytest.mark.parametrize("field", ["stateToken", "sessionToken"])
@pytest.mark.parametrize("token", [" ", "00abc ", "00ab\u00e7", "0" * 513])
def test_a_token_that_no_step_would_take_is_unclear(field: str, token: str) -> None:
    with pytest.raises(errors.OktaAnswerUnclear):
        sign_in({**SIGN_IN, field: token})


@pytest.mark.parametrize("field", ["status", "stateToken", "factorResult", "_embedded", "_links"])
def test_a_field_of_a_sign_in_that_is_null_is_as_one_that_is_not_there(field: str) -> None:
    without = {name: value for name, value in SIGN_IN.items() if name != field}
    assert sign_in({**SIGN_IN, field: None}) == sign_in(without)


@pytest.mark.parametrize("field", ["_embedded", "_links"])
@pytest.mark.parametrize("value", ["", []])
def test_a_sign_in_whose_parts_are_no_objects_is_unclear(field: str, value: object) -> None:
    with pytest.raises(errors.OktaAnswerUnclear):
        sign_in({**SIGN_IN, field: value})


def test_a_secret_that_no_picture_can_show_is_none() -> None:
    wanted = Factor("", FactorType.TOTP, FactorStatus.ACTIVE)
    shown = {"id": "ufs1", "factorType": "token:software:totp", "status": "ACTIVE"}
    for secret, expected in (("A" * 32, "A" * 32), ("A" * 3000, "")):
        answer = {**shown, "_embedded": {"activation": {"sharedSecret": secret}}}
        enrolled, told = factors(answer).enroll("00u1", wanted, CALL, activate=False)
        assert (enrolled.id, told) == ("ufs1", expected)
