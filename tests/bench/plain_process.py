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


def flow(
    ask: Callable[..., requests.Response], org_url: str, token: str, email: str, code: str | None
) -> None:
    """Send a code or, if one is given, check it."""

    def answer(method: str, url: str, **body: object) -> Any:
        response = ask(method, url, headers={"Authorization": f"SSWS {token}"}, timeout=10, **body)
        response.raise_for_status()
        return response.json()

    users = f"{org_url}/api/v1/users"
    factors_url = f"{users}/{answer('GET', f'{users}/{email}')['id']}/factors"
    factor = next(each for each in answer("GET", factors_url) if each["factorType"] == "email")
    body = {} if code is None else {"passCode": code}
    answer("POST", f"{factors_url}/{factor['id']}/verify", json=body)


def main(org_url: str, token: str) -> None:
    """Serve invocations until standard input ends. `fresh` asks for a new connection for each call."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        begun = time.perf_counter()
        with requests.Session() as session:
            ask = requests.request if message.get("fresh") else session.request
            flow(ask, org_url, token, message["email"], message["code"])
        milliseconds = (time.perf_counter() - begun) * 1000
        print(json.dumps({"total_ms": milliseconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
