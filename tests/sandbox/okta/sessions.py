"""The Sessions API, and the redirect that exchanges a session token for a cookie.

Assumed: the cookie holds the session's id; with a token that opens nothing the browser is
redirected without a cookie; an address that is not trusted is refused and the token is not used.
"""

from urllib.parse import quote

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, not_found, validation_failed
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.open_sessions import Session
from tests.sandbox.okta.parameters import json_object, text
from tests.sandbox.okta.records import FactorStatus, timestamp
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, link, org_url
from tests.sandbox.okta.routing import Access, Route

COOKIE = "sid"
ORG_IDP_ID = "00osandbox0000000000"


def create(org: Org, request: Request) -> Answer:
    """A session for a session token."""
    token = text(json_object(request), "sessionToken")
    if token is None:
        raise validation_failed("sessionToken", "sessionToken: The field cannot be left blank")
    return Answer(_session(org.sessions.open(token), org_url(request)))


def read(org: Org, request: Request, session_id: str | None = None) -> Answer:
    return Answer(_session(_asked(org, request, session_id), org_url(request)))


def refresh(org: Org, request: Request, session_id: str | None = None) -> Answer:
    session = _asked(org, request, session_id)
    org.sessions.refresh(session)
    return Answer(_session(session, org_url(request)))


def close(org: Org, request: Request, session_id: str | None = None) -> Answer:
    org.sessions.close(_asked(org, request, session_id))
    return NO_CONTENT


def redirect_with_cookie(org: Org, request: Request) -> Answer:
    url = request.args.get("redirectUrl", "")
    if not org.policy.trusts(url):
        raise validation_failed("redirectUrl", "redirectUrl: The origin is not trusted")
    headers = [("Location", quote(url, safe="%/:=&?~#+!$,;'@()*[]"))]
    try:
        session = org.sessions.open(request.args.get("token", ""))
    except OktaError:
        pass
    else:
        secure = "; Secure" if request.is_secure else ""
        headers.append(("Set-Cookie", f"{COOKIE}={session.id}; Path=/; HttpOnly{secure}"))
    return Answer(b"", 302, tuple(headers))


def _asked(org: Org, request: Request, session_id: str | None) -> Session:
    """The session with this id, or without an id that of the cookie."""
    if session_id is not None:
        return org.sessions.get(session_id)
    try:
        return org.sessions.get(request.cookies.get(COOKIE, ""))
    except OktaError:
        raise not_found("me", "Session") from None


def _session(shown: Session, base: str) -> JsonObject:
    user = shown.user
    proved = timestamp(shown.proof.issued_at)
    url = f"{base}/api/v1/sessions/me"
    return {
        "id": shown.id,
        "userId": user.id,
        "login": user.login,
        "createdAt": timestamp(shown.created_at),
        "expiresAt": timestamp(shown.expires_at),
        "status": "ACTIVE",
        "lastPasswordVerification": proved,
        "lastFactorVerification": proved if shown.is_multifactor else None,
        "amr": list(shown.proof.methods),
        "idp": {"id": ORG_IDP_ID, "type": "OKTA"},
        "mfaActive": any(each.status is FactorStatus.ACTIVE for each in user.factors),
        "_links": {
            "self": link(url, "GET", "DELETE"),
            "refresh": link(f"{url}/lifecycle/refresh", "POST"),
            "user": {
                "name": f"{user.first_name} {user.last_name}",
                **link(f"{base}/api/v1/users/me", "GET"),
            },
        },
    }


_SESSIONS = "/api/v1/sessions"
_REDIRECT = "/login/sessionCookieRedirect"

ROUTES = (
    Route("POST", _SESSIONS, Bucket.SESSIONS, None, create),
    Route("GET", _REDIRECT, Bucket.SESSIONS, None, redirect_with_cookie, Access.ANYONE),
    *(
        Route(method, f"{_SESSIONS}/{path}", Bucket.SESSIONS, None, handler, access)
        for owner, access in (("<session_id>", Access.API_TOKEN), ("me", Access.ANYONE))
        for method, path, handler in (
            ("GET", owner, read),
            ("DELETE", owner, close),
            ("POST", f"{owner}/lifecycle/refresh", refresh),
        )
    ),
)
