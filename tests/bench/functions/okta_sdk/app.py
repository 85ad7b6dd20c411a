"""The flow that the service replaces, with Okta's own SDK: find the user, list the factors, have a
code sent over the first one of type email or, if one is given, check it.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from okta.client import Client
from okta.models import UserFactorVerifyRequest


class Code(UserFactorVerifyRequest):  # type: ignore[misc]  # the SDK's own model lacks the code
    """A code to check."""

    pass_code: str

    def to_dict(self) -> dict[str, str]:
        """Okta's form of it."""
        return {"passCode": self.pass_code}


client: Any = Client({"orgUrl": os.environ["OKTA_ORG_URL"], "token": os.environ["OKTA_TOKEN"]})
loop = asyncio.new_event_loop()
"""Kept from one call to the next."""


def lambda_handler(event: Mapping[str, str], _context: object) -> dict[str, str]:
    """What Okta answers to `{"email"}` or `{"email", "code"}`."""
    return {"result": loop.run_until_complete(_flow(event["email"], event.get("code")))}


async def _flow(email: str, code: str | None) -> str:
    user = await _answer(client.get_user(email))
    factors = await _answer(client.list_factors(user.id))
    factor = next(each for each in factors if each.factor_type == "email")
    body = Code(pass_code=code) if code else None
    verified = await _answer(client.verify_factor(user.id, factor.id, body=body))
    return str(verified.factor_result.value)


async def _answer(call: Any) -> Any:
    """The result of a call that must succeed."""
    result, _, error = await call
    if error is not None:
        raise RuntimeError(error)
    return result
