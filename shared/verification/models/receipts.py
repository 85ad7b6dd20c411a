"""Receipts, and what their holders ask."""

from __future__ import annotations

from dataclasses import field

from verification.frozen import Frozen
from verification.models.challenges import Conductor
from verification.models.customers import Email


class RedeemRequest(Frozen):
    """A receipt, and what its holder expects it to say: whose, for what."""

    receipt: str = field(repr=False)
    email: Email | None = field(default=None, repr=False)
    customer_id: str | None = None
    purpose: str | None = None
    reference: str | None = None


class Receipt(Frozen):
    """The content of a receipt. Times are epoch seconds."""

    jti: str
    audience: str
    customer_id: str
    issued_at: int
    expires_at: int
    verified_at: int
    methods: tuple[str, ...]
    acr: str
    challenge_id: str | None
    channel: str | None
    lane: str | None
    purpose: str | None
    reference: str | None
    client: str | None
    conductor: Conductor | None
