"""`make run`: start the sandbox, print its URLs and the first commands to try."""

from __future__ import annotations

import difflib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.server import PortUnavailable
from tests.sandbox.template import Template
from tests.sandbox.workers import SettingRefused

PORTS = {"PORT": 3000, "OKTA_PORT": 3001, "AWS_PORT": 3002}
HIGHEST_PORT = 65_535
FOREIGN_PREFIXES = ("AWS_", "POWERTOOLS_")
UNIT_SUFFIXES = ("_HOUR", "_SECONDS")
CLOSE = 0.85
"""From which similarity on (difflib's, 0 to 1) a name is taken for a misspelt setting."""

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
    ports: dict[str, Any] = {name.lower(): port_of(name, os.environ) for name in PORTS}
    log = Path(tempfile.gettempdir()) / f"customer-verification-{ports['port']}.log"
    # Another sandbox may be writing to this log: it is emptied only when the port is ours.
    with log.open("a", buffering=1) as log_file:
        try:
            sandbox = Sandbox(
                log_file, **ports, environment=os.environ, bridge=os.environ.get("BRIDGE")
            )
        except PortUnavailable as error:
            sys.exit(f"The sandbox {error}. Choose other ports with {', '.join(PORTS)}.")
        log_file.truncate(0)
        for warning in unknown_settings(os.environ, sandbox.template):
            print(warning, file=sys.stderr)
        try:
            run(sandbox, log)
        except SettingRefused as error:
            sys.exit(f"The sandbox does not start with this environment: {error}.")
        except KeyboardInterrupt:
            print("Stopping.")


def run(sandbox: Sandbox, log: Path) -> None:
    """Start the sandbox, print the banner and wait for Ctrl-C."""
    with sandbox:
        urls = {"api": sandbox.url, "okta": sandbox.okta_url, "aws": sandbox.aws.url}
        print(BANNER.format(**urls, log=log, key=CLIENT_KEY), flush=True)
        signal.pause()


def port_of(name: str, environ: Mapping[str, str]) -> int:
    """The port that a variable names. Exits if it is none."""
    given = environ.get(name, str(PORTS[name]))
    if not re.fullmatch(r"[0-9]{1,5}", given) or not 1 <= int(given) <= HIGHEST_PORT:
        sys.exit(f"{name} must be a whole number from 1 to {HIGHEST_PORT}, not {given!r}.")
    return int(given)


def unknown_settings(environ: Mapping[str, str], template: Template) -> list[str]:
    """A warning for each variable that looks like a setting of the functions and is none.

    It looks like one if its spelling is close to a setting's, or if it ends in a unit as settings
    do (`_HOUR`, `_SECONDS`). Variables of AWS and of its tools are left alone.
    """
    known = {name for function in template.functions for name in function.environment}
    warnings = []
    for name in sorted(environ.keys() - known - PORTS.keys()):
        if name.startswith(FOREIGN_PREFIXES) or "_" not in name:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=CLOSE)
        if close or name.endswith(UNIT_SUFFIXES):
            hint = f" Did you mean {close[0]}?" if close else ""
            warnings.append(f"{name} is not a setting and is ignored.{hint}")
    return warnings


if __name__ == "__main__":
    main()
