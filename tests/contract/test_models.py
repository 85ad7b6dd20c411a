"""The gateway's models: they refuse nothing that a function would accept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from tests.sandbox.template import Template
from tests.unit.events import posted
from verification import errors
from verification.dialects import authn, json_api, mfa, registrations

FIELDS = [
    *("email", "channel", "purpose", "reference", "locale", "challenge_id", "code", "otp"),
    *("username", "password", "stateToken", "passCode", "answer", "factorType", "profile"),
    *("type", "user_id", "totp_user", "totp_issuer", "phone_number", "sms_template"),
]
GOOD = [
    *(
        "ada@example.com",
        "  Ada@Example.com",
        "sms",
        "email",
        "pick-up",
        "a" * 64,
        "sl-rozaj-biske",
    ),
    *("ch_" + "x" * 44, "123456", "123 456", "totp", "+44 20 7946 0123", "Code: {{code}}", ""),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
BODIES = ANYTHING | st.dictionaries(
    st.sampled_from(FIELDS) | st.text(), st.sampled_from(GOOD) | ANYTHING, max_size=8
)
PARSERS: dict[str, Callable[[Any], object]] = {
    "/challenge": json_api.parse_issue,
    "/verify": json_api.parse_verify,
    "/auth/factors/enroll": mfa.parse_enroll,
    "/auth/factors/{id}/challenge": mfa.parse_challenge,
    "/customers": registrations.parse,
    "/api/v1/authn": authn.parse_begin,
    "/api/v1/authn/factors": authn.parse_enrol,
    "/api/v1/authn/factors/{id}/lifecycle/activate": lambda event: authn.parse_step(event, "emf1"),
    "/api/v1/authn/factors/{id}/lifecycle/resend": lambda event: authn.parse_step(event, "emf1"),
    "/api/v1/authn/factors/{id}/verify": lambda event: authn.parse_step(event, "emf1"),
    "/api/v1/authn/factors/{id}/verify/resend": lambda event: authn.parse_step(event, "emf1"),
    "/api/v1/authn/previous": authn.parse_state_token,
    "/api/v1/authn/skip": authn.parse_state_token,
    "/api/v1/authn/cancel": authn.parse_state_token,
    "/auth/challenges/{id}/verify": lambda event: mfa.parse_verify(event, "auth_challenge_x"),
}
MODELS = {route.path: Draft4Validator(route.model) for route in Template({}).routes if route.model}


def accepts(path: str, body: object) -> bool:
    """Whether the function would act on this body."""
    try:
        PARSERS[path](posted(body))
    except errors.BadRequest:
        return False
    return True


def test_every_route_with_a_body_has_a_model() -> None:
    assert set(MODELS) == set(PARSERS)


@pytest.mark.parametrize("path", PARSERS)
@given(body=BODIES)
def test_what_a_function_accepts_fits_the_model(path: str, body: object) -> None:
    if accepts(path, body):
        assert MODELS[path].is_valid(body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/challenge", {"email": "ada@example.com"}),
        ("/challenge", {"email": "ada@example.com", "channel": None, "more": [1, {"x": None}]}),
        ("/challenge", {"email": " " * 8000 + "ada@example.com"}),
        ("/challenge", {"email": "ada@example.com", "locale": "sgn-abcdefgh-abcdefgh-abcdefgh"}),
        ("/challenge", {"email": "ada@example.com", "purpose": "a" * 64, "reference": ""}),
        ("/verify", {"email": "ada@example.com", "otp": " " * 8000 + "123 456"}),
        ("/verify", {"challenge_id": "c" * 8000, "code": "123456", "email": None}),
        ("/auth/factors/enroll", {"type": "totp", "totp_user": "ada", "totp_issuer": None}),
        ("/auth/factors/{id}/challenge", {}),
        ("/auth/challenges/{id}/verify", {"code": "123456"}),
    ],
)
def test_the_furthest_that_a_function_accepts_fits(path: str, body: object) -> None:
    assert len(json.dumps(body)) <= json_api.MAX_BODY
    assert accepts(path, body)
    assert MODELS[path].is_valid(body)


@pytest.mark.parametrize("path", PARSERS)
@pytest.mark.parametrize("body", [None, 42, "ada@example.com", [], [{}], True])
def test_what_is_no_object_starts_no_function(path: str, body: object) -> None:
    assert not MODELS[path].is_valid(body)


@pytest.mark.parametrize("path", ["/challenge", "/verify"])
@pytest.mark.parametrize("value", [42, True, [], {}, "x" * 8193])
def test_what_is_no_text_starts_no_function(path: str, value: object) -> None:
    assert not MODELS[path].is_valid({"email": value})
