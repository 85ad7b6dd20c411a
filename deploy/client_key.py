"""`make client`: make a client key, put it into the service's secret, and print it once.

NAME is the client and SCOPES what it may do, separated by commas. A client that exists gets a second
key, with which the first is replaced; its scopes stay as they are.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from deploy.stack import Problem, client, explained, find, run, session, stack_name
from verification.models.callers import Scope

ALLOWED = ", ".join(Scope)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_key(environ: Mapping[str, str]) -> None:
    """Add a key to a client, and the client if there is none. Raises Problem."""
    name, scopes = environ.get("NAME", ""), _scopes(environ.get("SCOPES", ""))
    if not _NAME.fullmatch(name):
        raise Problem(
            "NAME must be the name of a client: letters, digits, dots, - and _, up to 64."
        )
    aws = session(environ)
    secret = find(aws, stack_name(environ)).output("ServiceKeysSecretArn")
    manager = client(aws, "secretsmanager")
    with explained("read the secret (secretsmanager:GetSecretValue)"):
        content = _content(manager.get_secret_value(SecretId=secret)["SecretString"])
    key = f"sk_{secrets.token_urlsafe(32)}"
    clients = content.setdefault("clients", {})
    clients[name] = _with(clients.get(name), name, scopes, key)
    with explained("write the secret (secretsmanager:PutSecretValue)"):
        manager.put_secret_value(SecretId=secret, SecretString=json.dumps(content))
    number = len(clients[name]["keys"])
    print(f"The key of {name}, which is shown only now:\n\n  {key}\n")
    print(f"Scopes: {', '.join(clients[name]['scopes'])}. It works within five minutes.")
    if number > 1:
        print(
            f"{name} has {number} keys now. Remove the old one from the secret once nobody uses it."
        )


def _scopes(text: str) -> list[str]:
    scopes = text.replace(",", " ").split()
    unknown = [each for each in scopes if each not in set(Scope)]
    if unknown:
        raise Problem(f"SCOPES must be some of {ALLOWED}, not {', '.join(unknown)}.")
    return list(dict.fromkeys(scopes))


def _content(text: str) -> dict[str, Any]:
    """The secret, which must be what the service can read: nothing is put into a broken one."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if (
        not isinstance(content, dict)
        or not isinstance(content.get("root_key"), str)
        or not isinstance(content.get("clients", {}), dict)
    ):
        raise Problem(
            'The secret of the service\'s keys is broken: it must be {"root_key": "...", "clients": '
            "{...}}. Its version before is AWSPREVIOUS. Nothing was changed."
        )
    return content


def _with(known: object, name: str, scopes: list[str], key: str) -> dict[str, Any]:
    """What the secret has of the client, with this key too."""
    if known is None:
        if not scopes:
            raise Problem(f"SCOPES is missing: what {name} may do. One or more of {ALLOWED}.")
        return {"keys": [key], "scopes": scopes}
    described: dict[str, Any] = {"keys": known, "scopes": [str(Scope.VERIFY)]}
    if isinstance(known, dict):
        described = known
    keys, has = described.get("keys"), list(described.get("scopes") or [])
    if scopes and set(scopes) != set(has):
        raise Problem(
            f"{name} exists with other scopes ({', '.join(map(str, has))}). Leave SCOPES out to add a "
            "key, or change the scopes in the secret."
        )
    return {**described, "keys": [*(keys if isinstance(keys, list) else [keys]), key]}


if __name__ == "__main__":
    run(add_key)
