"""Sessions, and the tokens of which each opens one.

Assumed: suspending or deactivating a user ends their sessions; a refreshed session lives as long
as a new one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.okta.exceptions import AuthenticationFailedError, ResourceNotFoundError
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.records import User, UserStatus

SESSION_TOKEN_SECONDS = 300
SESSION_SECONDS = 7200
PASSWORD = "pwd"

_SESSION_PREFIX, _SESSION_LENGTH = "102", 25
_TOKEN_PREFIX, _TOKEN_LENGTH = "20111", 55
_SIGNED_OUT = frozenset({UserStatus.SUSPENDED, UserStatus.DEPROVISIONED})


@dataclass(frozen=True)
class SessionToken:
    """The proof of a sign-in; `methods` are those by which the user proved who they are."""

    user: User
    methods: tuple[str, ...]
    issued_at: float


@dataclass
class Session:
    """A signed-in user; times in epoch seconds."""

    id: str
    proof: SessionToken
    created_at: float
    expires_at: float

    @property
    def user(self) -> User:
        """Who is signed in."""
        return self.proof.user

    @property
    def is_multifactor(self) -> bool:
        """Whether it took more than a password."""
        return self.proof.methods != (PASSWORD,)


class Sessions:
    """The sessions and session tokens of one org."""

    def __init__(self, clock: Callable[[], float], ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._tokens: dict[str, SessionToken] = {}
        self._sessions: dict[str, Session] = {}

    def issue_token(self, user: User, methods: tuple[str, ...]) -> str:
        """A token that opens one session, once and soon."""
        token = self._ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH)
        self._tokens[token] = SessionToken(user, methods, self._clock())
        return token

    def open(self, token: str) -> Session:
        """A session for a token, which is used up."""
        now = self._clock()
        proof = self._tokens.pop(token, None)
        if proof is None or now >= proof.issued_at + SESSION_TOKEN_SECONDS:
            raise AuthenticationFailedError
        session_id = self._ids.token(_SESSION_PREFIX, _SESSION_LENGTH)
        session = Session(session_id, proof, now, now + SESSION_SECONDS)
        self._sessions[session.id] = session
        return session

    def get(self, session_id: str) -> Session:
        """The session with this id, while it lasts."""
        session = self._sessions.get(session_id)
        if session is None or self._has_ended(session):
            raise ResourceNotFoundError(session_id, "AppSession")
        return session

    def refresh(self, session: Session) -> None:
        """Let a session last longer."""
        session.expires_at = self._clock() + SESSION_SECONDS

    def close(self, session: Session) -> None:
        """Sign out."""
        del self._sessions[session.id]

    def _has_ended(self, session: Session) -> bool:
        return self._clock() >= session.expires_at or session.user.status in _SIGNED_OUT
