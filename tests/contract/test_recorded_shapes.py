"""The comparison of answers with recordings reports what differs."""

from typing import Any

import pytest
from werkzeug.datastructures import Headers

from tests.contract.recorded_shapes import body_differences, header_differences

PATH = "/api/v1/users/{id}/factors/{id}/verify"
HREF = f"https://one.example.com{PATH}"


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
        ({"href": HREF}, {"href": HREF + "/"}, f"$.href: '{PATH}' became '{PATH}/'"),
        ({"next": {"name": "a"}}, {"next": {"name": "b"}}, "$.next.name: 'a' became 'b'"),
        ({"t": "00" + "x" * 40}, {"t": "none"}, "$.t: 'state token 00' became 'text'"),
        ({"at": "2025-01-15T09:30:00.000Z"}, {"at": "now"}, "$.at: 'time ' became 'text'"),
    ],
)
def test_keys_types_constants_links_and_forms_must_agree(
    recorded: Any, simulated: Any, difference: str
) -> None:
    assert body_differences(recorded, simulated) == [difference]
    assert body_differences(recorded, recorded) == []


@pytest.mark.parametrize(
    ("recorded", "simulated", "difference"),
    [
        ({"Pragma": "a"}, {"pragma": "b"}, "pragma: 'a' became 'b'"),
        ({"Link": "a"}, {}, "link: missing"),
        ({"X-Okta-Request-Id": "a"}, {"x-okta-request-id": "b", "a": "1"}, "a: extra"),
        ({"x-rate-limit-reset": "1"}, {"x-rate-limit-reset": "a"}, "x-rate-limit-reset: not a n"),
        ({"Content-Type": "a;b"}, {"Content-Type": "b"}, "content-type: 'a;b' became 'b'"),
    ],
)
def test_headers_must_agree_by_name_and_some_by_value(
    recorded: dict[str, str | list[str]], simulated: dict[str, str], difference: str
) -> None:
    [found] = header_differences(recorded, Headers(simulated))
    assert found.startswith(difference)
