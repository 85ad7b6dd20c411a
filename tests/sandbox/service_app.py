"""An OAuth service app in the sandbox's Okta, with the key that the service publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from tests.sandbox.okta.oauth import ServiceApp
from verification.okta.credentials import SCOPES

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

CLIENT_ID = "0oa1service2app3of4tests"


def use(sandbox: Sandbox, *more_scopes: str) -> None:
    """Have the service call Okta with the app instead of the API token."""
    sandbox.redeploy(OktaCredential="prepare")
    register(sandbox, *more_scopes)
    sandbox.redeploy(OktaCredential=CLIENT_ID)


def register(sandbox: Sandbox, *more_scopes: str) -> None:
    """Make the app in Okta; the service has been deployed with a key for it."""
    published = requests.get(f"{sandbox.url}/.well-known/jwks.json", timeout=30).json()["keys"]
    keys = [each for each in published if each["kty"] == "RSA"]
    app = ServiceApp(CLIENT_ID, keys, frozenset({*SCOPES, *more_scopes}))
    sandbox.org.oauth.apps[CLIENT_ID] = app
