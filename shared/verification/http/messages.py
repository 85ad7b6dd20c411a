"""HTTP requests and replies, as API Gateway's REST API passes them (payload format 1.0)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from verification.errors import MalformedBody
from verification.frozen import Frozen

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
TEXT = "text/plain"


class Request(Frozen):
    """One request. Names of headers are in lower case.

    `route` is the template that API Gateway matched, such as `GET /holds/{email}`. `base` is the
    domain and, where the URL has one, the stage under which the caller sees this API.
    """

    method: str
    resource: str
    path: str
    path_parameters: Mapping[str, str]
    headers: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    raw_body: str = field(repr=False)
    is_base64: bool
    source_ip: str
    request_id: str
    base: str

    @property
    def route(self) -> str:
        """Method and path template."""
        return f"{self.method} {self.resource}"

    @property
    def body(self) -> str:
        """The body as text. Raises MalformedBody."""
        if not self.is_base64:
            return self.raw_body
        try:
            return base64.b64decode(self.raw_body, validate=True).decode()
        except (binascii.Error, ValueError):
            raise MalformedBody("The body is not text in UTF-8.") from None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """The request in an event of API Gateway."""
        context = event["requestContext"]
        headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
        path, full_path = str(event["path"]), str(context.get("path") or "")
        stage = full_path.removesuffix(path) if full_path.endswith(path) else ""
        single = event.get("queryStringParameters") or {}
        query = event.get("multiValueQueryStringParameters") or {k: [v] for k, v in single.items()}
        return cls(
            method=str(event["httpMethod"]),
            resource=str(event["resource"]),
            path=path,
            path_parameters=event.get("pathParameters") or {},
            headers=headers,
            query=query,
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            source_ip=str((context.get("identity") or {}).get("sourceIp") or ""),
            request_id=str(context.get("requestId") or ""),
            base=f"{context.get('domainName') or ''}{stage}",
        )


class Reply(Frozen):
    """What a request is answered. `outcome` is the word for it in the log and the metrics. A reply that
    is not final is not stored under an Idempotency-Key: the same request may soon end differently.
    """

    status: int
    outcome: str
    body: str = field(default="", repr=False)
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    is_final: bool = True

    def event(self, more_headers: Mapping[str, str]) -> dict[str, Any]:
        """The reply as API Gateway expects it."""
        content = {"Content-Type": self.content_type} if self.body else {}
        return {
            "statusCode": self.status,
            "headers": {**content, **self.headers, **more_headers},
            "body": self.body,
            "isBase64Encoded": False,
        }
