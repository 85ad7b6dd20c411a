"""No request makes a parser fail in a way that has no outcome of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.events import JSON_HEADERS, proxy_event
from verification import errors
from verification.http import customers, invoke_url, json_api, okta_authn, workos
from verification.http.messages import Request

PARSERS: list[Callable[[Request], object]] = [
    *(json_api.parse_issue, json_api.parse_verify, json_api.parse_email_path, customers.parse),
    *(invoke_url.parse_issue, invoke_url.parse_verify),
    *(workos.parse_enroll, workos.parse_factor, workos.parse_challenge, workos.parse_verify),
    *(okta_authn.parse_begin, okta_authn.parse_state_token, okta_authn.parse_step),
    *(okta_authn.parse_enroll, okta_authn.parse_questions, okta_authn.parse_session_redirect),
]
FIELDS = [
    *("email", "otp", "code", "challenge_id", "channel", "locale", "purpose", "device_token"),
    *("profile", "firstName", "lastName", "login", "mobilePhone", "password", "groups", "enroll"),
    *("type", "totp_user", "phone_number", "user_id", "sms_template", "release_hold"),
    *("stateToken", "username", "passCode", "options", "context", "factorType", "redirect_url"),
]
TEXTS = st.sampled_from(["ada@example.com", "123456", "totp", "sms", "+15005550006", "\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6) | VALUES | st.text()


@settings(max_examples=60)
@given(BODIES, st.text(max_size=9) | TEXTS)
def test_parsers_raise_nothing_but_bad_requests(body: object, segment: str) -> None:
    event = proxy_event(
        "POST",
        "/",
        body=body,
        headers=JSON_HEADERS,
        query=[(each, segment) for each in ("email", "otp", "token", "redirectUrl", "ticket")],
        path_parameters={"id": segment, "email": segment},
    )
    for parse in PARSERS:
        with suppress(errors.BadRequest):
            parse(Request.of(event))
