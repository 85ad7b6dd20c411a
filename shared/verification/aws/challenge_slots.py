"""How a row stores challenges: newest first in the attributes `c0` to `c4`.

A slot has what is needed to answer for the id of an old challenge. What only the newest challenge
needs is in `about`, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verification.aws.table import Item, int_attribute, number, string, text_attribute
from verification.models.callers import Lane
from verification.models.challenges import (
    Challenge,
    ChallengeStatus,
    Conductor,
    ConductorKind,
    Origin,
)
from verification.models.customers import Channel, CustomerKey, EmailHash, Target

SLOTS = 5
"""Challenges that a row remembers: no more can be sent in an hour, which is longer than any lives.
Older ones, which only authenticator apps can have, answer `challenge_not_found`."""

# From the oldest slot to the newest, so that each takes the value its neighbour had before.
_SHIFT = ", ".join(f"c{n} = if_not_exists(c{n - 1}, :none)" for n in range(SLOTS - 1, 0, -1))
ADD = f"{_SHIFT}, c0 = :new, about_before = if_not_exists(about, :none), about = :about"
"""Makes a challenge the newest; needs `add_values`."""

TAKE_BACK = ", ".join(f"c{n} = c{n + 1}" for n in range(SLOTS - 1)) + ", about = about_before"
"""Takes the newest challenge back, so that the one before it is the newest again."""

CAN_TAKE_BACK = "attribute_exists(c1.id) AND attribute_type(about_before, :text)"
"""Whether there is one before it, of which everything is still known; needs `:text`."""

_OPTIONAL = (
    *("client", "purpose", "reference", "factor_ref", "activates"),
    *("audience", "wants_receipt", "receipt_seconds", "chooses"),
)


def add_values(challenge: Challenge) -> dict[str, Any]:
    """The values that `ADD` needs."""
    return {
        ":new": slot(challenge),
        ":about": about(challenge),
        ":none": {"NULL": True},
    }


def slot(challenge: Challenge) -> dict[str, Any]:
    """A challenge's part of its slot."""
    content: dict[str, Any] = {
        "id": string(challenge.id),
        "status": string(challenge.status),
        "origin": string(challenge.origin),
        "sent_at": number(challenge.sent_at),
        "expires_at": number(challenge.expires_at),
    }
    if challenge.client is not None:
        content["client"] = string(challenge.client)
    if challenge.conductor is not None:  # here and not in `about`, because audit events have it
        content["context_kind"] = string(challenge.conductor.kind)
        content["context_id"] = string(challenge.conductor.id)
    return {"M": content}


def about(challenge: Challenge) -> dict[str, str]:
    """What only the newest challenge needs."""
    content: dict[str, Any] = {
        "channel": challenge.channel,
        "lane": challenge.lane,
        "email_hash": challenge.email_hash,
        "destination": challenge.destination,
    }
    content |= {name: value for name in _OPTIONAL if (value := getattr(challenge, name))}
    if challenge.target is not None:
        target = challenge.target
        content["target"] = [target.customer, target.user_id, target.factor_id]
    return string(json.dumps(content))


def challenges_of(item: Item) -> tuple[Challenge, ...]:
    """The challenges of a row, newest first."""
    slots = [item.get(f"c{n}", {}).get("M") for n in range(SLOTS)]
    newest = json.loads(text_attribute(item, "about") or "{}")
    return tuple(
        challenge_of(each, newest if n == 0 else {}) for n, each in enumerate(slots) if each
    )


def challenge_of(stored: Item, known: Mapping[str, Any]) -> Challenge:
    """A challenge from its slot and from what is known about it."""
    target, conductor = known.get("target"), text_attribute(stored, "context_kind")
    return Challenge(
        id=text_attribute(stored, "id"),
        status=ChallengeStatus(text_attribute(stored, "status")),
        channel=Channel(known.get("channel", Channel.EMAIL)),
        lane=Lane(known.get("lane", Lane.STRANGER)),
        email_hash=EmailHash(known.get("email_hash", "")),
        destination=known.get("destination", ""),
        sent_at=int_attribute(stored, "sent_at"),
        expires_at=int_attribute(stored, "expires_at"),
        target=Target(CustomerKey(target[0]), *target[1:]) if target else None,
        client=text_attribute(stored, "client") or None,
        origin=Origin(text_attribute(stored, "origin")),
        purpose=known.get("purpose"),
        reference=known.get("reference"),
        verified_at=int_attribute(stored, "verified_at") or None,
        factor_ref=known.get("factor_ref", ""),
        activates=known.get("activates", False),
        audience=known.get("audience"),
        wants_receipt=known.get("wants_receipt", False),
        receipt_seconds=known.get("receipt_seconds"),
        chooses=known.get("chooses", False),
        conductor=Conductor(ConductorKind(conductor), text_attribute(stored, "context_id"))
        if conductor
        else None,
    )
