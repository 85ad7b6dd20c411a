"""The flow that the service replaces: find the user, list the factors, post to the first one of type
email. It keeps nothing from one invocation to the next.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import requests

Ask = Callable[..., requests.Response]
"""`requests.request` or a session's."""


def flow(ask: Ask, org_url: str, token: str, email: str, code: str | None) -> None:
    """Send a code or, if one is given, check it."""
    users = f"{org_url}/api/v1/users"
    options: dict[str, Any] = {"headers": {"Authorization": f"SSWS {token}"}, "timeout": 10}
    user = _json(ask("GET", f"{users}/{email}", **options))
    factors_url = f"{users}/{user['id']}/factors"
    factors = _json(ask("GET", factors_url, **options))
    factor = next(each for each in factors if each["factorType"] == "email")
    body = {} if code is None else {"passCode": code}
    _json(ask("POST", f"{factors_url}/{factor['id']}/verify", json=body, **options))


def _json(response: requests.Response) -> Any:
    response.raise_for_status()
    return response.json()


def main(org_url: str, token: str) -> None:
    """Serve invocations until standard input ends. `fresh` asks for a new connection for each call."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        begun = time.perf_counter()
        if message["fresh"]:
            flow(requests.request, org_url, token, message["email"], message["code"])
        else:
            with requests.Session() as session:
                flow(session.request, org_url, token, message["email"], message["code"])
        milliseconds = (time.perf_counter() - begun) * 1000
        print(json.dumps({"total_ms": milliseconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
