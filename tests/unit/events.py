"""Events of API Gateway's REST API (payload format 1.0), and the requests in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verification.http.messages import Request

REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
SOURCE_IP = "203.0.113.7"
DOMAIN = "id.example.com"

JSON_HEADERS = {"Content-Type": "application/json"}


def proxy_event(
    method: str,
    resource: str,
    *,
    query: Sequence[tuple[str, str]] = (),
    body: object = None,
    headers: Mapping[str, str] | None = None,
    source_ip: str = SOURCE_IP,
    path: str | None = None,
    path_parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One request. A `body` that is text is sent as it is, any other as JSON, None as no body.

    `path` is what the caller asked for, if that is not the resource itself.
    """
    given = dict(headers) if headers is not None else {}
    if body is not None and headers is None:
        given = dict(JSON_HEADERS)
    several: dict[str, list[str]] = {}
    for name, value in query:
        several.setdefault(name, []).append(value)
    return {
        "resource": resource,
        "path": path or resource,
        "httpMethod": method,
        "headers": given or None,
        "multiValueHeaders": {name: [value] for name, value in given.items()} or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": None,
        "requestContext": {
            "domainName": DOMAIN,
            "httpMethod": method,
            "identity": {"sourceIp": source_ip, "userAgent": given.get("User-Agent")},
            "path": f"/prod{path or resource}",
            "requestId": REQUEST_ID,
            "resourcePath": resource,
            "stage": "prod",
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def posted(body: object, headers: Mapping[str, str] | None = None, **more: Any) -> Request:
    """A POST as a dialect sees it."""
    return Request.of(proxy_event("POST", "/", body=body, headers=headers, **more))


def posted_to(identifier: str, body: object, **more: Any) -> Request:
    """A POST to a path with an `{id}`."""
    return posted(body, path_parameters={"id": identifier}, **more)


def queried(*query: tuple[str, str]) -> Request:
    """A GET as a dialect sees it."""
    return Request.of(proxy_event("GET", "/", query=query))
