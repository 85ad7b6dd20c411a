"""The comparison of answers with recordings: what it accepts and what it reports."""

from typing import Any

import pytest
from werkzeug.datastructures import Headers

from tests.contract.recorded_shapes import body_differences, header_differences

HREF = "https://one.example.com/api/v1/users/00uA/factors/emfB/verify"


@pytest.mark.parametrize(
    ("recorded", "simulated"),
    [
        ({"firstName": "John"}, {"firstName": "Ada"}),
        ({"id": "00usfhrjbkppPBkoY4x6"}, {"id": "00uutVGYQS9od7latlqj"}),
        ({"id": "abc123"}, {"id": "00uutVGYQS9od7latlqj"}),
        ({"href": HREF}, {"href": "http://localhost/api/v1/users/00uC/factors/emfD/verify"}),
        ({"lastLogin": None}, {"lastLogin": None}),
        ({"_links": {"user": {"name": "Ada"}}}, {"_links": {"user": {"name": "Grace"}}}),
    ],
)
def test_ids_times_names_and_hosts_may_differ(recorded: Any, simulated: Any) -> None:
    assert body_differences(recorded, simulated) == []


@pytest.mark.parametrize(
    ("recorded", "simulated", "difference"),
    [
        ({"id": "a"}, {}, "$.id: missing"),
        ({}, {"id": "a"}, "$.id: extra"),
        ({"created": None}, {"created": "now"}, "$.created: other type"),
        ([{"id": "a"}], [], "$: 1 elements became 0"),
        ([{"a": {"b": 1}}], [{"a": {"b": "1"}}], "$[0].a.b: other type"),
        ({"status": "ACTIVE"}, {"status": "STAGED"}, "$.status: 'ACTIVE' became 'STAGED'"),
        ({"allow": ["GET"]}, {"allow": ["PUT"]}, "$.allow[0]: 'GET' became 'PUT'"),
        (
            {"href": HREF},
            {"href": HREF + "/now"},
            "$.href: '/api/v1/users/{id}/factors/{id}/verify'"
            " became '/api/v1/users/{id}/factors/{id}/verify/now'",
        ),
        (
            {"_links": {"resend": [{"name": "sms"}]}},
            {"_links": {"resend": [{"name": "call"}]}},
            "$._links.resend[0].name: 'sms' became 'call'",
        ),
        (
            {"stateToken": "00" + "x" * 40},
            {"stateToken": "none"},
            "$.stateToken: 'state token 00' became 'text'",
        ),
        (
            {"created": "2025-01-15T09:30:00.000Z"},
            {"created": "2025-01-15"},
            "$.created: 'time ' became 'text'",
        ),
        (
            [{"factorType": "push", "provider": "OKTA"}],
            [{"factorType": "sms", "provider": "OKTA"}],
            "$.push OKTA: missing",
        ),
    ],
)
def test_keys_types_constants_links_and_forms_must_agree(
    recorded: Any, simulated: Any, difference: str
) -> None:
    assert difference in body_differences(recorded, simulated)


@pytest.mark.parametrize(
    ("recorded", "simulated", "differences"),
    [
        ({"Date": "today", "Pragma": "no-cache"}, {"pragma": "no-cache"}, []),
        ({"Pragma": "no-cache"}, {}, ["pragma: missing", "pragma: 'no-cache' became ''"]),
        (
            {"X-Okta-Request-Id": "a"},
            {"x-okta-request-id": "b", "retry-after": "1"},
            ["retry-after: extra"],
        ),
        (
            {"x-rate-limit-reset": "1"},
            {"x-rate-limit-reset": "soon"},
            ["x-rate-limit-reset: not a number but 'soon'"],
        ),
        (
            {"Content-Type": "application/json;charset=UTF-8"},
            {"Content-Type": "application/json"},
            [],
        ),
    ],
)
def test_headers_are_compared_by_name_and_some_by_value(
    recorded: dict[str, str | list[str]], simulated: dict[str, str], differences: list[str]
) -> None:
    assert header_differences(recorded, Headers(simulated)) == differences
