"""SnapStart hooks. Lambda keeps a started function as a snapshot and starts every environment as a
copy of it.

What is slow is done before the snapshot. Nothing secret is in it, because no call is made until
then. What copies must not share, or what may be out of date, is dropped when they are restored.
"""

from __future__ import annotations

import random

# The runtime supplies it, as it does boto3.
from snapshot_restore_py import register_after_restore, register_before_snapshot

from verification.container import Container
from verification.crypto import Keyring
from verification.http import otpauth
from verification.okta.wire import tls_context


def register(service: Container) -> None:
    """Have the runtime call the hooks. Without SnapStart it never does."""
    register_before_snapshot(warm, service)
    register_after_restore(renew, service)


def warm(service: Container) -> None:
    """Load what is otherwise loaded by the first call that needs it: imports, the certificate
    authorities, and the clients of Lambda and KMS.
    """
    tls_context()
    otpauth.qr_code("")
    Keyring("").seal("", "")
    service.invocation.prepare()
    service.signer.prepare()


def renew(service: Container) -> None:
    """Drop random state, connections and secrets.

    Waits are drawn from `random`, whose state is in the snapshot; keys and ids come from the system.
    """
    random.seed()
    service.secrets.forget()
    service.table.disconnect()
    service.invocation.disconnect()
    service.signer.disconnect()
    service.wire.disconnect()
    if service.service_app is not None:
        service.service_app.forget()
