"""What the page shows of one email: its customer, inbox, challenges and limits, read from the table.

It reads the rows with the layer's own readers and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.sandbox.aws import CLIENT_NAME, ROOT_KEY
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.verification import LOCKOUT_ATTEMPTS
from verification import rules
from verification.aws import budget_rows, customer_rows, email_rows
from verification.aws.table import Item, int_attribute
from verification.crypto import DeviceClaim, Keyring, Place, Row
from verification.errors import BadRequest
from verification.models import Challenge, CustomerState, Lane, Spent
from verification.parsing import parse_email

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.sandbox.okta.models import Org
    from verification.aws.send_slots import SendSlots
    from verification.models import Email
    from verification.settings import Settings

OKTA_CALLS = 40
_SENT_TO = (FactorType.EMAIL, FactorType.SMS, FactorType.CALL)


@dataclass(frozen=True)
class _Rows:
    """The rows of the table that concern one email; empty where there is none."""

    email: Item
    device: Item
    customers: Sequence[Item]


class Overview:
    """Reads the state of an email from the table and the org."""

    def __init__(self, dynamodb: Any, org: Org, settings: Settings) -> None:
        self._dynamodb = dynamodb
        self._org = org
        self._settings = settings
        self._keyring = Keyring(ROOT_KEY)

    def of(self, address: str, device_token: str, source_ip: str) -> dict[str, object]:
        """Everything, as JSON has it; nothing for what is no email. Times are epoch seconds."""
        now = self._org.clock()
        try:
            email = parse_email(address)
        except BadRequest:
            return {}
        users: list[dict[str, Any]] = [
            user for user in self._org.customers() if str(user["email"]).lower() == email
        ]
        claim = self._keyring.device_claim(device_token) if device_token else None
        rows = self._rows(email, claim, [str(user["id"]) for user in users])
        states = [customer_rows.state_of(row) for row in rows.customers]
        customer = max(states, key=lambda state: len(state.wrong_codes), default=CustomerState())
        public = email_rows.state_of(rows.email)
        most = self._settings.stranger_attempts
        return {
            "customers": users,
            "messages": self._messages(email, users),
            "challenges": sorted(
                self._challenges(rows, states, now),
                key=lambda challenge: challenge["sent_at"],
                reverse=True,
            ),
            "wrong_codes": {
                "count": len(customer.wrong_codes),
                "strangers": most,
                "others": rules.KNOWN_LANE_ATTEMPTS,
                "okta": max((user["failed_factor_attempts"] for user in users), default=0),
                "lock": LOCKOUT_ATTEMPTS,
            },
            "public_hold": {
                "wrong_codes": public.wrong_codes,
                "most": most,
                "until": public.held_until if public.wrong_codes >= most else 0,
            },
            "lanes": [
                _lane(Lane.STRANGER, email_rows.STRANGER_SENDS, rows.email, now),
                _lane(Lane.DEVICE, email_rows.DEVICE_SENDS, rows.device, now),
                _lane(Lane.CLIENT, email_rows.CLIENT_SENDS, rows.email, now),
                _lane(Lane.RELEASE, customer_rows.RELEASES, _first(rows.customers), now),
            ],
            "budgets": self._budgets(users, source_ip, int(now)),
            "device_is_known": _is_known(claim, self._keyring.email_hash(email), states),
        }

    def okta_calls(self) -> list[dict[str, object]]:
        """The last calls that the org received, oldest first."""
        return [
            {
                "at": call.at,
                "kind": call.kind,
                "method": call.method,
                "path": call.path,
                "status": call.status,
            }
            for call in self._org.calls[-OKTA_CALLS:]
        ]

    def _rows(self, email: Email, claim: DeviceClaim | None, user_ids: Sequence[str]) -> _Rows:
        email_key = email_rows.key_of(Place(Row.EMAIL, self._keyring.email_hash(email)))
        device_key = email_rows.key_of(Place(Row.DEVICE, claim.device_id)) if claim else ""
        customers = [customer_rows.key_of(self._keyring.customer_key(each)) for each in user_ids]
        found = self._get(email_key, device_key, *customers)
        return _Rows(
            found.get(email_key, {}),
            found.get(device_key, {}),
            [found.get(key, {}) for key in customers],
        )

    def _get(self, *keys: str) -> dict[str, Item]:
        """The rows that exist, by their keys. An empty key names none."""
        table = self._settings.table_name
        wanted = [{"pk": {"S": key}} for key in dict.fromkeys(keys) if key]
        answer = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": wanted}})
        return {row["pk"]["S"]: row for row in answer["Responses"][table]}

    def _messages(self, email: Email, users: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
        """What was sent to the email, and to the phones and mailboxes of its users."""
        factors = [factor for user in users for factor in user["factors"]]
        reached = {each["destination"].lower() for each in factors if each["type"] in _SENT_TO}
        return [
            {
                "to": message.to,
                "channel": message.channel,
                "code": message.code,
                "text": message.text,
                "sent_at": message.sent_at,
            }
            for message in reversed(list(self._org.inbox))
            if message.to.lower() in reached | {email}
        ]

    def _challenges(
        self, rows: _Rows, states: Sequence[CustomerState], now: float
    ) -> Iterator[dict[str, Any]]:
        sent = {factor: each.by for state in states for factor, each in state.sent.items()}
        of_strangers = email_rows.state_of(rows.email).challenges
        of_devices = email_rows.state_of(rows.device).challenges
        yield from _listed(Lane.STRANGER, of_strangers, sent, now)
        yield from _listed(Lane.DEVICE, of_devices, sent, now)
        for state in states:
            yield from _listed(Lane.CLIENT, state.challenges, sent, now)
            if state.release is not None:
                yield from _listed(Lane.RELEASE, (state.release,), sent, now)

    def _budgets(
        self, users: Sequence[dict[str, Any]], source_ip: str, now: int
    ) -> list[dict[str, object]]:
        settings, keyring = self._settings, self._keyring
        source = keyring.source_hash(rules.source_network(source_ip))
        budgets = {
            "codes that this address requests": (
                Spent("source-sends", source),
                settings.sends_per_source,
            ),
            "wrong codes from this address": (
                Spent("source-failures", source),
                settings.failures_per_source,
            ),
            "codes that this client requests": (
                Spent("client-sends", CLIENT_NAME),
                settings.sends_per_client,
            ),
        }
        destinations = {
            f"{factor['type']} to {factor['destination']}": budget_rows.destination_key(
                keyring.destination_hash(factor["destination"]), int(now)
            )
            for user in users
            for factor in user["factors"]
            if factor["type"] in _SENT_TO
        }
        brake = budget_rows.brake_key(now)
        keys = [budget_rows.key_of(spent) for spent, _ in budgets.values()]
        rows = self._get(brake, *keys, *destinations.values())
        listed = []
        for name, (spent, most) in budgets.items():
            row = rows.get(budget_rows.key_of(spent), {})
            used = int_attribute(row, "spent") if int_attribute(row, "ends_at") > now else 0
            listed.append({"name": name, "window": "hour", "used": used, "most": most})
        wrong = int_attribute(rows.get(brake, {}), "wrong")
        listed.append(
            {
                "name": "wrong codes of strangers, all customers",
                "window": "hour",
                "used": wrong,
                "most": settings.stranger_failures,
            }
        )
        for name, key in destinations.items():
            used = int_attribute(rows.get(key, {}), "sends")
            most = rules.DESTINATION_SENDS
            listed.append({"name": name, "window": "day", "used": used, "most": most})
        return listed


def _lane(lane: Lane, sends: SendSlots, row: Item, now: float) -> dict[str, object]:
    return {"lane": lane, "sends": list(_used(sends, row, now))}


def _used(sends: SendSlots, row: Item, now: float) -> Iterator[dict[str, object]]:
    """How much of each window is used."""
    for window in sends.windows:
        recent = [at for at in sends.sends(row) if at and at + window.seconds > now]
        name = "day" if window.seconds > budget_rows.WINDOW_SECONDS else "hour"
        yield {"window": name, "used": min(len(recent), window.count), "most": window.count}


def _listed(
    lane: Lane, challenges: Sequence[Challenge], sent: dict[str, str], now: float
) -> Iterator[dict[str, Any]]:
    for position, challenge in enumerate(challenges):
        target = challenge.target
        is_newest = position == 0 and (
            target is None or sent.get(target.factor_id) in (None, challenge.id)
        )
        yield {
            "id": challenge.id,
            "lane": lane,
            "state": _state(challenge, now, is_newest=is_newest),
            # Only the newest of a row keeps what follows.
            "channel": challenge.channel if position == 0 else None,
            "reaches_customer": target is not None if position == 0 else None,
            "sent_at": challenge.sent_at,
            "expires_at": challenge.expires_at,
        }


def _state(challenge: Challenge, now: float, *, is_newest: bool) -> str:
    """The state by design: expired and superseded follow from the time and from newer challenges."""
    if not challenge.is_open:
        return challenge.status
    if not is_newest:
        return "superseded"
    return "expired" if challenge.expires_at <= now else challenge.status


def _is_known(claim: DeviceClaim | None, email_hash: str, states: Sequence[CustomerState]) -> bool:
    """Whether the device token is one of this email's customer."""
    if claim is None or claim.email_hash != email_hash:
        return False
    return any(device.id == claim.device_id for state in states for device in state.devices)


def _first(rows: Sequence[Item]) -> Item:
    return rows[0] if rows else {}
