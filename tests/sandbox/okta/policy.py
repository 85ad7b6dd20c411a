"""The org settings of an administrator, which tests may change."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Policy:
    """The switches of an org, restored by a reset.

    `only_verified_email`: an email factor takes only a verified address of the user.
    `trusts_new_emails`: the address of a user whom an administrator creates counts as verified.
    `token_is_permitted`: the API token has the rights for what is asked.
    `shows_lockout`: a sign-in of a locked-out user says so, instead of failing like any other.
    `trusted_origins`: where a browser may be redirected to with a new session, beside loopback.
    """

    only_verified_email: bool = True
    trusts_new_emails: bool = True
    token_is_permitted: bool = True
    shows_lockout: bool = True
    trusted_origins: set[str] = field(default_factory=lambda: {"https://app.example.com"})

    def trusts(self, url: str) -> bool:
        """Whether a browser may be redirected there."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https"):
            return False
        origin = f"{parts.scheme}://{parts.netloc}"
        return parts.hostname in _LOOPBACK or origin in self.trusted_origins
