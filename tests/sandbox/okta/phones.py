"""Phone numbers, as the org reads and keeps them."""

import re

from tests.sandbox.okta.exceptions import EnrolmentRefusedError, InvalidPhoneError

_SEPARATORS = re.compile(r"[\s().-]")
_INTERNATIONAL = re.compile(r"\+[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")


def normalised(number: str) -> str:
    """The number in E.164.

    Two refusals are recorded and none says for which number. Assumed: what cannot be read as an
    international number is E0000098, a number that no phone can have is E0000001.
    """
    bare = _SEPARATORS.sub("", number)
    if not _INTERNATIONAL.fullmatch(bare):
        raise InvalidPhoneError
    form = _NORTH_AMERICAN if bare.startswith("+1") else _E164
    if not form.fullmatch(bare):
        raise EnrolmentRefusedError("Invalid Phone Number.")
    return bare
