"""The Sessions API, and the redirect that exchanges a session token for a cookie.

Assumed: suspending or deactivating a user ends the user's sessions; a refreshed session lives as
long as a new one; the cookie holds the session's id; with a token that opens nothing the browser is
redirected without a cookie; an address that is not trusted is refused and the token is not used.
"""

from urllib.parse import quote, urlsplit

from werkzeug import Request

from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found, validation_failed
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.parameters import json_object, text
from tests.sandbox.okta.records import (
    PASSWORD,
    FactorStatus,
    Session,
    SessionToken,
    User,
    UserStatus,
    timestamp,
)
from tests.sandbox.okta.responses import NO_CONTENT, Answer, JsonObject, link, org_url

SESSION_TOKEN_SECONDS = 300
SESSION_SECONDS = 7200
COOKIE = "sid"
ORG_IDP_ID = "00osandbox0000000000"
TRUSTED_ORIGINS = frozenset({"https://app.example.com"})
"""Where a browser may be redirected to with a new session, beside loopback."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SESSION_PREFIX, _SESSION_LENGTH = "102", 25
_TOKEN_PREFIX, _TOKEN_LENGTH = "20111", 55
_SIGNED_OUT = frozenset({UserStatus.SUSPENDED, UserStatus.DEPROVISIONED})


def issue_token(org: Org, user: User, methods: tuple[str, ...]) -> str:
    """A token that opens one session, once and soon."""
    token = org.transient_ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH)
    org.session_tokens[token] = SessionToken(user, methods, org.clock())
    return token


def create(org: Org, request: Request) -> Answer:
    """A session for a session token."""
    token = text(json_object(request), "sessionToken")
    if token is None:
        raise validation_failed("sessionToken", "sessionToken: The field cannot be left blank")
    return Answer(_shown(_open(org, token), org_url(request)))


def read(org: Org, request: Request, session_id: str | None = None) -> Answer:
    return Answer(_shown(_asked(org, request, session_id), org_url(request)))


def refresh(org: Org, request: Request, session_id: str | None = None) -> Answer:
    session = _asked(org, request, session_id)
    session.expires_at = org.clock() + SESSION_SECONDS
    return Answer(_shown(session, org_url(request)))


def close(org: Org, request: Request, session_id: str | None = None) -> Answer:
    del org.sessions[_asked(org, request, session_id).id]
    return NO_CONTENT


def redirect_with_cookie(org: Org, request: Request) -> Answer:
    url = request.args.get("redirectUrl", "")
    if not _is_trusted(url):
        raise validation_failed("redirectUrl", "redirectUrl: The origin is not trusted")
    headers = [("Location", quote(url, safe="%/:=&?~#+!$,;'@()*[]"))]
    try:
        session = _open(org, request.args.get("token", ""))
    except OktaError:
        pass
    else:
        secure = "; Secure" if request.is_secure else ""
        headers.append(("Set-Cookie", f"{COOKIE}={session.id}; Path=/; HttpOnly{secure}"))
    return Answer(b"", 302, tuple(headers))


def _open(org: Org, token: str) -> Session:
    """A session for a token, which is used up."""
    now = org.clock()
    proof = org.session_tokens.pop(token, None)
    if proof is None or now >= proof.issued_at + SESSION_TOKEN_SECONDS:
        raise OktaError(Refusal.AUTHENTICATION_FAILED)
    session_id = org.transient_ids.token(_SESSION_PREFIX, _SESSION_LENGTH)
    session = Session(session_id, proof, now, now + SESSION_SECONDS)
    org.sessions[session.id] = session
    return session


def _asked(org: Org, request: Request, session_id: str | None) -> Session:
    """The session with this id, or without an id that of the cookie, until it ends."""
    session = org.sessions.get(session_id or request.cookies.get(COOKIE, ""))
    if (
        session is None
        or org.clock() >= session.expires_at
        or session.proof.user.status in _SIGNED_OUT
    ):
        raise not_found(session_id, "AppSession") if session_id else not_found("me", "Session")
    return session


def _is_trusted(url: str) -> bool:
    """Whether a browser may be redirected there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}"
    return parts.scheme in ("http", "https") and (
        parts.hostname in _LOOPBACK or origin in TRUSTED_ORIGINS
    )


def _shown(session: Session, base: str) -> JsonObject:
    user, methods = session.proof.user, session.proof.methods
    proved = timestamp(session.proof.issued_at)
    url = f"{base}/api/v1/sessions/me"
    owner = {
        "name": f"{user.first_name} {user.last_name}",
        **link(f"{base}/api/v1/users/me", "GET"),
    }
    return {
        "id": session.id,
        "userId": user.id,
        "login": user.login,
        "createdAt": timestamp(session.created_at),
        "expiresAt": timestamp(session.expires_at),
        "status": "ACTIVE",
        "lastPasswordVerification": proved,
        "lastFactorVerification": None if methods == (PASSWORD,) else proved,
        "amr": list(methods),
        "idp": {"id": ORG_IDP_ID, "type": "OKTA"},
        "mfaActive": any(each.status is FactorStatus.ACTIVE for each in user.factors),
        "_links": {
            "self": link(url, "GET", "DELETE"),
            "refresh": link(f"{url}/lifecycle/refresh", "POST"),
            "user": owner,
        },
    }
