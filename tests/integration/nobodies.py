"""Everybody who cannot be challenged, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.integration.okta_org import OktaOrg

ADA = "ada@example.com"
EVE = "eve@example.com"

NOBODIES: Mapping[str, tuple[str, Callable[[OktaOrg, str], object]]] = {
    "unknown": ("customer_not_found", lambda *_: None),
    "suspended": ("customer_inactive", lambda okta, email: okta.add(email, status="SUSPENDED")),
    "locked": ("customer_locked", lambda okta, email: okta.add(email, status="LOCKED_OUT")),
    "twins": (
        "customer_ambiguous",
        lambda okta, email: [okta.add(email, login=login) for login in ("eve.1", "eve.2")],
    ),
    "without a factor": (
        "factor_not_enrolled",
        lambda okta, email: okta.add(email, ("question", "ACTIVE", "")),
    ),
    "before activation": (
        "factor_not_active",
        lambda okta, email: okta.add(email, ("email", "PENDING_ACTIVATION", email)),
    ),
}
EVERY_NOBODY = pytest.mark.parametrize("nobody", NOBODIES)


def invent(nobody: str, okta: OktaOrg, email: str = EVE) -> str:
    """Somebody who cannot be challenged; the code of the refusal."""
    code, bring_about = NOBODIES[nobody]
    bring_about(okta, email)
    return code
