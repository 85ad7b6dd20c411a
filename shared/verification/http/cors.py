"""CORS: which pages may read the replies, by an allow-list of origins."""

from __future__ import annotations

from collections.abc import Iterable

from verification.http.messages import Reply, Request

ALLOWED_HEADERS = (
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Traceparent",
    "X-Device-Fingerprint",
    "X-Device-Token",
    "X-Okta-User-Agent-Extended",
)
EXPOSED_HEADERS = ("Retry-After", "X-Outcome", "X-Request-ID")
PREFLIGHT_SECONDS = 600
ANY_PORT = ":*"


def cors_headers(request: Request, origins: tuple[str, ...]) -> dict[str, str]:
    """The headers for a page of an allowed origin. `http://localhost:*` allows every port, for
    development. To others only `Vary`: a cache must not give their reply to an allowed page.
    """
    origin = request.headers.get("origin", "")
    if not any(_allows(allowed, origin) for allowed in origins):
        return {"Vary": "Origin"} if origins else {}
    return {
        "Access-Control-Allow-Origin": origin,
        # There are no cookies here, but Okta's client asks for replies with them.
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
        "Vary": "Origin",
    }


def _allows(allowed: str, origin: str) -> bool:
    if not allowed.endswith(ANY_PORT):
        return origin == allowed
    host = allowed.removesuffix(ANY_PORT)
    port = origin.removeprefix(f"{host}:")
    return origin == host or (port != origin and port.isascii() and port.isdigit())


def preflight(resource: str, routes: Iterable[str]) -> Reply:
    """The reply to OPTIONS."""
    methods = [name.split(" ")[0] for name in routes if name.split(" ")[1] == resource]
    return Reply(
        204,
        "preflight",
        headers={
            "Access-Control-Allow-Methods": ", ".join(sorted({*methods, "OPTIONS"})),
            "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    )
