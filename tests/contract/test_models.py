"""API Gateway's body models: they refuse only bodies that the function would call malformed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from tests.sandbox.template import Template
from verification import errors
from verification.http import customers, json_api, okta_authn, workos
from verification.http.messages import Request

PARSERS: dict[str, Callable[[Request], object]] = {
    "/challenge": json_api.parse_issue,
    "/verify": json_api.parse_verify,
    "/receipts/redeem": json_api.parse_redeem,
    "/auth/factors/enroll": workos.parse_enroll,
    "/auth/factors/{id}/challenge": workos.parse_challenge,
    "/auth/challenges/{id}/verify": workos.parse_verify,
    "/customers": customers.parse,
    "/api/v1/authn": okta_authn.parse_begin,
    "/api/v1/authn/factors": okta_authn.parse_enroll,
    "/api/v1/authn/factors/{id}/lifecycle/activate": okta_authn.parse_step,
    "/api/v1/authn/factors/{id}/lifecycle/resend": okta_authn.parse_step,
    "/api/v1/authn/factors/{id}/verify": okta_authn.parse_step,
    "/api/v1/authn/factors/{id}/verify/resend": okta_authn.parse_step,
    "/api/v1/authn/previous": okta_authn.parse_state_token,
    "/api/v1/authn/skip": okta_authn.parse_state_token,
    "/api/v1/authn/cancel": okta_authn.parse_state_token,
}
SCHEMAS = {route.path: route.model for route in Template({}).routes if route.model}
MODELS = {path: Draft4Validator(schema) for path, schema in SCHEMAS.items()}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TEXTS = ["  Ada@Example.com", "sms", "pick-up", "sl-rozaj-biske", "123 456", "ch_" + "x" * 44]
VALUES = st.sampled_from([*TEXTS, "a" * 64, True, 900, {"kind": "ivr", "id": "2"}]) | ANYTHING
EMAIL: dict[str, object] = {"email": "ada@example.com"}
ACCEPTED: dict[str, dict[str, object]] = {
    "/challenge": EMAIL,
    "/verify": {**EMAIL, "otp": "123456"},
}


def accepts(path: str, body: object) -> bool:
    """Whether the function would act on this body."""
    request = Request(
        method="POST",
        resource=path,
        path=path,
        path_parameters={"id": "emf1"},
        headers={"content-type": "application/json"},
        query={},
        raw_body=json.dumps(body),
        is_base64=False,
        source_ip="203.0.113.7",
        request_id="request-1",
        base="localhost",
    )
    try:
        PARSERS[path](request)
    except errors.BadRequest:
        return False
    return True


def test_every_route_with_a_body_has_a_model() -> None:
    assert set(MODELS) == set(PARSERS)


def test_every_model_that_names_fields_has_an_accepted_body() -> None:
    assert {path for path, schema in SCHEMAS.items() if "properties" in schema} == set(ACCEPTED)


@pytest.mark.parametrize("path", ACCEPTED)
@given(data=st.data())
def test_a_body_that_a_function_accepts_fits_the_model(path: str, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(SCHEMAS[path]["properties"])) | st.text()
    body = ACCEPTED[path] | data.draw(st.dictionaries(names, VALUES, max_size=3))
    if accepts(path, body):
        assert MODELS[path].is_valid(body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/challenge", EMAIL),
        ("/challenge", {**EMAIL, "channel": None, "more": [1, {"x": None}]}),
        ("/challenge", {"email": " " * 8000 + "ada@example.com"}),
        ("/challenge", {**EMAIL, "locale": "sgn-abcdefgh-abcdefgh-abcdefgh"}),
        ("/challenge", {**EMAIL, "purpose": "a" * 64, "reference": ""}),
        ("/challenge", {**EMAIL, "device_token": "d" * 8000}),
        ("/challenge", {**EMAIL, "release_hold": True}),
        ("/verify", {**EMAIL, "otp": " " * 8000 + "123 456"}),
        ("/verify", {"challenge_id": "c" * 8000, "code": "123456", "email": None}),
        ("/verify", {"challenge_id": "c", "code": "123456", "device_token": "d" * 8000}),
        ("/auth/factors/enroll", {"type": "totp", "totp_user": "ada", "totp_issuer": None}),
        ("/auth/factors/{id}/challenge", {}),
        ("/auth/challenges/{id}/verify", {"code": "123456"}),
    ],
)
def test_a_body_at_the_limits_of_the_function_fits_the_model(path: str, body: object) -> None:
    assert len(json.dumps(body)) <= json_api.MAX_BODY
    assert accepts(path, body)
    assert MODELS[path].is_valid(body)


@pytest.mark.parametrize("path", PARSERS)
@pytest.mark.parametrize("body", [None, 42, "ada@example.com", [], [{}], True])
def test_a_body_that_is_not_an_object_is_refused_by_both(path: str, body: object) -> None:
    assert not accepts(path, body)
    assert not MODELS[path].is_valid(body)


@pytest.mark.parametrize("path", ["/challenge", "/verify"])
@pytest.mark.parametrize("value", [42, True, [], {}, "x" * 8193])
def test_an_email_that_is_not_text_is_refused(path: str, value: Any) -> None:
    assert not MODELS[path].is_valid({"email": value})
