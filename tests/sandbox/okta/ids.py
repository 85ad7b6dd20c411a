"""Identifiers in Okta's shapes."""

import random
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_URL_SAFE = _ALPHANUMERIC + "-_"
_BASE32 = string.ascii_uppercase + "234567"
_LENGTH = 20
_ERROR_LENGTH = 25
_SHARED_SECRET_LENGTH = 32


class Ids:
    """Draws identifiers from one source of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def record(self, prefix: str) -> str:
        """An id of 20 characters that begins with the prefix of its kind."""
        return prefix + self._draw(_ALPHANUMERIC, _LENGTH - len(prefix))

    def error(self) -> str:
        """An errorId."""
        return "oae" + self._draw(_URL_SAFE, _ERROR_LENGTH - len("oae"))

    def request(self) -> str:
        """An x-okta-request-id: 32 hexadecimal digits."""
        return f"{self._rng.getrandbits(128):032x}"

    def token(self, prefix: str, length: int) -> str:
        """A token that opens something, of a length in characters."""
        return prefix + self._draw(_URL_SAFE, length - len(prefix))

    def shared_secret(self) -> str:
        """The secret of a new TOTP factor, in base32.

        The recorded ones are half as long, which newer authenticator libraries refuse.
        """
        return self._draw(_BASE32, _SHARED_SECRET_LENGTH)

    def _draw(self, alphabet: str, length: int) -> str:
        return "".join(self._rng.choice(alphabet) for _ in range(length))
