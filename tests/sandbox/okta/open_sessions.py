"""Sessions and session tokens.

Assumed: suspending or deactivating a user ends the user's sessions; a refreshed session lives as
long as a new one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found
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
    """The proof of a sign-in by these methods."""

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
        return self.proof.user

    @property
    def is_multifactor(self) -> bool:
        """Whether more than a password was needed."""
        return self.proof.methods != (PASSWORD,)


@dataclass(frozen=True)
class Sessions:
    """The sessions and session tokens of one org."""

    clock: Callable[[], float]
    ids: Ids
    _tokens: dict[str, SessionToken] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def issue_token(self, user: User, methods: tuple[str, ...]) -> str:
        """A token that opens one session, once and soon."""
        token = self.ids.token(_TOKEN_PREFIX, _TOKEN_LENGTH)
        self._tokens[token] = SessionToken(user, methods, self.clock())
        return token

    def open(self, token: str) -> Session:
        """A session for a token, which is used up."""
        now = self.clock()
        proof = self._tokens.pop(token, None)
        if proof is None or now >= proof.issued_at + SESSION_TOKEN_SECONDS:
            raise OktaError(Refusal.AUTHENTICATION_FAILED)
        session_id = self.ids.token(_SESSION_PREFIX, _SESSION_LENGTH)
        session = Session(session_id, proof, now, now + SESSION_SECONDS)
        self._sessions[session.id] = session
        return session

    def get(self, session_id: str) -> Session:
        """The session with this id, until it ends."""
        session = self._sessions.get(session_id)
        if session is None or self._has_ended(session):
            raise not_found(session_id, "AppSession")
        return session

    def refresh(self, session: Session) -> None:
        session.expires_at = self.clock() + SESSION_SECONDS

    def close(self, session: Session) -> None:
        del self._sessions[session.id]

    def _has_ended(self, session: Session) -> bool:
        return self.clock() >= session.expires_at or session.user.status in _SIGNED_OUT
