"""The Sessions API, and the redirect that turns a session token into a cookie.

Assumed: the cookie holds the session's id; a token that opens nothing is redirected all the same,
with no cookie; an address that is not trusted is refused before the token is looked at.
"""

from urllib.parse import quote

from werkzeug import Request

from tests.sandbox.okta.exceptions import (
    AuthenticationFailedError,
    ResourceNotFoundError,
    ValidationFailedError,
)
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.open_sessions import Session
from tests.sandbox.okta.parameters import json_object, text
from tests.sandbox.okta.records import FactorStatus
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, link, org_url
from tests.sandbox.okta.routing import Access, Route
from tests.sandbox.okta.times import timestamp

COOKIE = "sid"
ORG_IDP_ID = "00osandbox0000000000"


def create(org: Org, request: Request) -> Answer:
    """A session for a session token."""
    token = text(json_object(request), "sessionToken")
    if token is None:
        raise ValidationFailedError("sessionToken", "sessionToken: The field cannot be left blank")
    return Answer(_session(org.sessions.open(token), org_url(request)))


def read(org: Org, request: Request, session_id: str) -> Answer:
    """One session."""
    return Answer(_session(org.sessions.get(session_id), org_url(request)))


def refresh(org: Org, request: Request, session_id: str) -> Answer:
    """Let a session last longer."""
    return _refreshed(org, request, org.sessions.get(session_id))


def close(org: Org, _request: Request, session_id: str) -> Answer:
    """Sign somebody out."""
    org.sessions.close(org.sessions.get(session_id))
    return NO_CONTENT


def read_own(org: Org, request: Request) -> Answer:
    """The session of the cookie."""
    return Answer(_session(_own(org, request), org_url(request)))


def refresh_own(org: Org, request: Request) -> Answer:
    """Let the session of the cookie last longer."""
    return _refreshed(org, request, _own(org, request))


def close_own(org: Org, request: Request) -> Answer:
    """Sign out."""
    org.sessions.close(_own(org, request))
    return NO_CONTENT


def redirect_with_cookie(org: Org, request: Request) -> Answer:
    """Send a browser on, signed in."""
    url = request.args.get("redirectUrl", "")
    if not org.policy.trusts(url):
        raise ValidationFailedError("redirectUrl", "redirectUrl: The origin is not trusted")
    headers = [("Location", quote(url, safe="%/:=&?~#+!$,;'@()*[]"))]
    try:
        session = org.sessions.open(request.args.get("token", ""))
    except AuthenticationFailedError:
        pass
    else:
        secure = "; Secure" if request.is_secure else ""
        headers.append(("Set-Cookie", f"{COOKIE}={session.id}; Path=/; HttpOnly{secure}"))
    return Answer(b"", 302, tuple(headers))


def _own(org: Org, request: Request) -> Session:
    try:
        return org.sessions.get(request.cookies.get(COOKIE, ""))
    except ResourceNotFoundError:
        raise ResourceNotFoundError("me", "Session") from None


def _refreshed(org: Org, request: Request, session: Session) -> Answer:
    org.sessions.refresh(session)
    return Answer(_session(session, org_url(request)))


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
_OWN = f"{_SESSIONS}/me"
_SESSION = f"{_SESSIONS}/<session_id>"
_REFRESH = "lifecycle/refresh"

ROUTES = (
    Route("POST", _SESSIONS, Bucket.SESSIONS, None, create),
    Route("GET", _SESSION, Bucket.SESSIONS, None, read),
    Route("DELETE", _SESSION, Bucket.SESSIONS, None, close),
    Route("POST", f"{_SESSION}/{_REFRESH}", Bucket.SESSIONS, None, refresh),
    Route("GET", _OWN, Bucket.SESSIONS, None, read_own, Access.ANYONE),
    Route("DELETE", _OWN, Bucket.SESSIONS, None, close_own, Access.ANYONE),
    Route("POST", f"{_OWN}/{_REFRESH}", Bucket.SESSIONS, None, refresh_own, Access.ANYONE),
    Route(
        "GET",
        "/login/sessionCookieRedirect",
        Bucket.SESSIONS,
        None,
        redirect_with_cookie,
        Access.ANYONE,
    ),
)
