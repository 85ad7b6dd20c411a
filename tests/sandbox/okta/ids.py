"""Identifiers in Okta's shapes."""

import random
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_URL_SAFE = _ALPHANUMERIC + "-_"
_LENGTH = 20
_ERROR_LENGTH = 25


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

    def _draw(self, alphabet: str, length: int) -> str:
        return "".join(self._rng.choice(alphabet) for _ in range(length))
