"""SnapStart: Lambda keeps a started function as a snapshot, and begins every environment as a copy.

What is slow is done before the snapshot. Nothing secret is in it, since no call is made until then.
What copies must not share, or what is too old once they begin, is given up when they are restored;
the first call then has it anew.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

# The runtime supplies it, as it does boto3.
from snapshot_restore_py import register_after_restore, register_before_snapshot

from verification.dialects import otpauth
from verification.okta.transport import tls_context

if TYPE_CHECKING:
    from verification.wiring import Service


def register(service: Service) -> None:
    """Have the runtime call the hooks. Without SnapStart it never does."""
    register_before_snapshot(warm)
    register_after_restore(renew, service)


def warm() -> None:
    """Load what is otherwise left to the first call that needs it: imports and the authorities that
    Okta's certificate is checked with. The service and its clients are made by then.
    """
    tls_context()
    otpauth.qr_code("")


def renew(service: Service) -> None:
    """Draw and connect as no other copy does, and forget secrets that may have been rotated since.

    Waits are drawn from `random`, whose state is in the snapshot; keys and ids come from the system.
    """
    random.seed()
    service.keys.forget()
    service.table.disconnect()
    service.transport.disconnect()
