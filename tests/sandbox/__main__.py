"""`make run`: start the sandbox, say where everything is, and what to type."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox

BANNER = """
The customer-verification service is running, with an Okta org and AWS of its own.

  page   {api}/                 (try it in a browser)
  API    {api}
  Okta   {okta}
  AWS    {aws}
  log    {log}

Send a code to a customer, read it in the inbox, check it:

  curl -i '{api}/challenge?email=ada@example.com' -H 'Authorization: Bearer {key}'
  curl -s '{api}/sandbox/messages?to=ada@example.com'
  curl -i '{api}/verify?email=ada@example.com&otp=CODE' -H 'Authorization: Bearer {key}'

The same in JSON:

  curl -i {api}/challenge -H 'Content-Type: application/json' -d '{{"email": "ada@example.com"}}'
  curl -i {api}/verify -H 'Content-Type: application/json' \\
       -d '{{"challenge_id": "ID", "code": "CODE"}}'

Customers: {api}/sandbox/customers   Everything back to the start: POST {api}/sandbox/reset
Ctrl-C stops it.
"""


def main() -> None:
    """Run until interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port = int(os.environ.get("PORT", "3000"))
    log = Path(tempfile.gettempdir()) / f"customer-verification-{port}.log"
    with log.open("w", buffering=1) as log_file:
        try:
            sandbox = Sandbox(
                log_file,
                port=port,
                okta_port=int(os.environ.get("OKTA_PORT", "3001")),
                aws_port=int(os.environ.get("AWS_PORT", "3002")),
                environment=os.environ,
                bridge=os.environ.get("BRIDGE"),
            )
        except OSError as error:
            sys.exit(
                f"An address is taken ({error}). Choose others with PORT, OKTA_PORT, AWS_PORT, BRIDGE."
            )
        with sandbox:
            print(
                BANNER.format(
                    api=sandbox.url,
                    okta=sandbox.okta_url,
                    aws=sandbox.aws.url,
                    log=log,
                    key=CLIENT_KEY,
                ),
                flush=True,
            )
            try:
                signal.pause()
            except KeyboardInterrupt:
                print("Stopping.")


if __name__ == "__main__":
    main()
