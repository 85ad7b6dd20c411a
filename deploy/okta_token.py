"""`make token`: put Okta's API token into its secret. It is read from the terminal without an echo."""

from __future__ import annotations

import getpass
import json
import re
import sys
from collections.abc import Callable, Mapping

from deploy.stack import Problem, client, explained, find, run, session, stack_name

_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")


def put_token(environ: Mapping[str, str], ask: Callable[[str], str]) -> None:
    """Replace the token of the stack. Raises Problem."""
    aws = session(environ)
    secret = find(aws, stack_name(environ)).output("OktaTokenSecretArn")
    token = ask("The API token of Okta (it is not shown): ").strip()
    if not _TOKEN.fullmatch(token):
        raise Problem("That is no API token of Okta: letters, digits, - and _, about 42 of them.")
    with explained("write the secret (secretsmanager:PutSecretValue)"):
        client(aws, "secretsmanager").put_secret_value(
            SecretId=secret, SecretString=json.dumps({"okta_api_token": token})
        )
    print("The token is in the secret. The functions use it within five minutes.")


def secretly(prompt: str) -> str:
    """A line of the terminal, without an echo, or of a pipe."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()


if __name__ == "__main__":
    run(lambda environ: put_token(environ, secretly))
