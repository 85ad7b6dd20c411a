"""Identifiers in Okta's formats, drawn from one random number generator."""

import random
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_URL_SAFE = _ALPHANUMERIC + "-_"
_BASE32 = string.ascii_uppercase + "234567"


class Ids:
    """Draws identifiers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def record(self, prefix: str) -> str:
        """An id of 20 characters that begins with the prefix of its type."""
        return self._draw(prefix, _ALPHANUMERIC, 20)

    def error(self) -> str:
        """An errorId."""
        return self._draw("oae", _URL_SAFE, 25)

    def request(self) -> str:
        """An x-okta-request-id: 32 hexadecimal digits."""
        return f"{self._rng.getrandbits(128):032x}"

    def token(self, prefix: str, length: int) -> str:
        """A token of so many characters."""
        return self._draw(prefix, _URL_SAFE, length)

    def shared_secret(self) -> str:
        """The secret of a new TOTP factor, in base32.

        The recorded ones are half as long, which newer authenticator libraries refuse.
        """
        return self._draw("", _BASE32, 32)

    def _draw(self, prefix: str, alphabet: str, length: int) -> str:
        return prefix + "".join(self._rng.choices(alphabet, k=length - len(prefix)))
