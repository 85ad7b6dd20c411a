"""What the org's administrator decides, and a test may change before a request."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Policy:
    """The switches of an org; a reset puts them back.

    `only_verified_email`: an email factor takes only an address that the user has verified.
    `trusts_new_emails`: the address of a user whom an administrator makes counts as verified.
    `token_is_permitted`: the administrator who made the API token has the rights for what is asked.
    `shows_lockout`: a sign-in says that the user is locked out, instead of failing as any other.
    `trusted_origins`: where a browser may be sent with its new session, beside loopback.
    """

    only_verified_email: bool = True
    trusts_new_emails: bool = True
    token_is_permitted: bool = True
    shows_lockout: bool = True
    trusted_origins: set[str] = field(default_factory=lambda: {"https://app.example.com"})

    def trusts(self, url: str) -> bool:
        """Whether a browser may be sent there."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https"):
            return False
        origin = f"{parts.scheme}://{parts.netloc}"
        return parts.hostname in _LOOPBACK or origin in self.trusted_origins
