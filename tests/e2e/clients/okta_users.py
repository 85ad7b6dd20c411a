"""A program that uses Okta's unmodified management SDK for Python, of release 2 or newest, to create,
list, change and delete users. okta_management/users.js does the same with the SDK for Node.

It prints what it saw as JSON; test_okta_sdk.py runs it and judges.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import okta
from okta.client import Client

LOGIN = "mary.jackson@example.com"
PROFILE = {"login": LOGIN, "email": LOGIN, "firstName": "Mary", "lastName": "Jackson"}
PASSWORD = {"value": "Battery-Staple-9"}
OTHER_PASSWORD = {"value": "Other-Horse-8"}

IS_NEWEST = not okta.__version__.startswith("2.")
RENAMED = {
    "update_user": "partial_update_user",
    "replace_user": "update_user",
    "delete_user": "deactivate_or_delete_user",
    "forgot_password": "forgot_password_generate_one_time_token",
}
"""What release 2 calls what the newest calls otherwise."""


class Users:
    """The calls, in the words of the newest release."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def answer(self, name: str, *arguments: Any, **query: Any) -> tuple[Any, Any, Any]:
        """The result, the response and the error of a call."""
        call = getattr(self._client, name if IS_NEWEST else RENAMED.get(name, name))
        if IS_NEWEST or not query:
            answer = await call(*arguments, **query)
        else:
            wanted = {"send_email": "sendEmail"}
            answer = await call(*arguments, {wanted.get(k, k): v for k, v in query.items()})
        *results, error = answer
        return (results[0] if len(results) > 1 else None), results[-1], error

    async def call(self, name: str, *arguments: Any, **query: Any) -> Any:
        """The result of a call that must succeed."""
        result, _, error = await self.answer(name, *arguments, **query)
        assert error is None, error
        return result

    async def pages(self, limit: int) -> list[list[str]]:
        """The logins of every page of a list."""
        users, response, error = await self.answer("list_users", limit=limit)
        pages = []
        while error is None:
            pages.append([user.profile.login for user in users])
            if not IS_NEWEST:
                if not response.has_next():
                    break
                users, error = await response.next()
                continue
            after = _after(response.headers["Link"])
            if after is None:
                break
            users, response, error = await self.answer("list_users", limit=limit, after=after)
        assert error is None, error
        return pages


def _after(link: str) -> str | None:
    """The cursor of the next page in a Link header."""
    url, _, relation = link.partition("; ")
    if relation != 'rel="next"':
        return None
    return parse_qs(urlsplit(url.strip("<>")).query)["after"][0]


async def journey(users: Users) -> dict[str, object]:
    new = {"profile": PROFILE, "credentials": {"password": PASSWORD}}
    created = await users.call("create_user", new, activate=True)
    mary = created.id
    seen: dict[str, object] = {"release": okta.__version__.partition(".")[0]}
    seen["created"] = [created.status, created.profile.login]
    seen["pages"] = await users.pages(4)
    found = await users.call("list_users", filter=f'profile.login eq "{LOGIN}"')
    seen["found"] = [each.id == mary for each in found]
    for name, profile in (
        ("update_user", {"nickName": "Mac"}),
        ("replace_user", {**PROFILE, "firstName": "Maria"}),
    ):
        shown = (await users.call(name, mary, {"profile": profile})).profile
        nick_name = shown.nick_name if IS_NEWEST else shown.nickName
        seen[name] = [shown.first_name if IS_NEWEST else shown.firstName, nick_name]
    seen["expired"] = (await users.call("expire_password", mary)).status
    passwords = {"oldPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
    await users.call("change_password", mary, passwords)
    seen["changed"] = (await users.call("get_user", mary)).status
    forgotten = await users.call("forgot_password", mary, send_email=False)
    seen["forgotten"] = urlsplit(forgotten.reset_password_url).path.rpartition("/")[0]
    await users.call("reset_factors", mary)
    await users.call("delete_user", mary, send_email=False)
    seen["deactivated"] = (await users.call("get_user", mary)).status
    await users.call("delete_user", mary)
    *_, error = await users.answer("get_user", mary)
    seen["deleted"] = [error.status, error.error_code]
    return seen


if __name__ == "__main__":
    org_url, token = sys.argv[1:]
    users = Users(Client({"orgUrl": org_url, "token": token}))
    json.dump(asyncio.run(journey(users)), sys.stdout)
