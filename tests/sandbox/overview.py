"""What the page shows of one email: its customer, inbox, challenges and limits, read from the table.

It reads the rows with the layer's own readers and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

from tests.sandbox.aws import CLIENT_NAME, ROOT_KEY
from tests.sandbox.okta.models import Org
from tests.sandbox.okta.records import FactorType
from tests.sandbox.okta.verification import LOCKOUT_ATTEMPTS
from verification import rules
from verification.aws import budget_rows, customer_rows, email_rows
from verification.aws.send_times import SendTimes
from verification.aws.table import Item, int_attribute
from verification.crypto import DeviceClaim, Keyring, Place, Row
from verification.errors import BadRequest
from verification.models.callers import Lane, Spent
from verification.models.challenges import Challenge
from verification.models.customers import Email
from verification.models.states import CustomerState
from verification.parsing import parse_email
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
                self._challenges(rows, states, now), key=itemgetter("sent_at"), reverse=True
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
                _lane(Lane.RELEASE, customer_rows.RELEASES, next(iter(rows.customers), {}), now),
            ],
            "budgets": self._budgets(users, source_ip, int(now)),
            "device_is_known": _is_known(claim, self._keyring.email_hash(email), states),
        }

    def okta_calls(self) -> list[dict[str, object]]:
        """The last calls that the org received, oldest first."""
        shown = ("at", "kind", "method", "path", "status")
        calls = self._org.calls[-OKTA_CALLS:]
        return [{name: getattr(call, name) for name in shown} for call in calls]

    def _rows(self, email: Email, claim: DeviceClaim | None, user_ids: Sequence[str]) -> _Rows:
        email_key = email_rows.key_of(Place(Row.EMAIL, self._keyring.email_hash(email)))
        device_key = email_rows.key_of(Place(Row.DEVICE, claim.device_id)) if claim else ""
        customers = [customer_rows.key_of(self._keyring.customer_key(each)) for each in user_ids]
        rows = self._get(email_key, device_key, *customers)
        return _Rows(rows[email_key], rows[device_key], [rows[key] for key in customers])

    def _get(self, *keys: str) -> dict[str, Item]:
        """The rows by their keys, empty where there is none. An empty key names none."""
        table = self._settings.table_name
        wanted = [{"pk": {"S": key}} for key in dict.fromkeys(keys) if key]
        answer = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": wanted}})
        rows = {row["pk"]["S"]: row for row in answer["Responses"][table]}
        return {key: rows.get(key, {}) for key in keys}

    def _messages(self, email: Email, users: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
        """What was sent to the email, and to the phones and mailboxes of its users."""
        factors = [factor for user in users for factor in user["factors"]]
        reached = {each["destination"].lower() for each in factors if each["type"] in _SENT_TO}
        return [
            asdict(message)
            for message in reversed(list(self._org.inbox))
            if message.to.lower() in reached | {email}
        ]

    def _challenges(
        self, rows: _Rows, states: Sequence[CustomerState], now: float
    ) -> Iterator[dict[str, Any]]:
        sent = {factor: each.by for state in states for factor, each in state.sent.items()}
        listed = [
            (Lane.STRANGER, email_rows.state_of(rows.email).challenges),
            (Lane.DEVICE, email_rows.state_of(rows.device).challenges),
            *((Lane.CLIENT, state.challenges) for state in states),
            *((Lane.RELEASE, (state.release,)) for state in states if state.release),
        ]
        for lane, challenges in listed:
            yield from _listed(lane, challenges, sent, now)

    def _budgets(
        self, users: Sequence[dict[str, Any]], source_ip: str, now: int
    ) -> list[dict[str, object]]:
        settings, keyring = self._settings, self._keyring
        source = keyring.source_hash(rules.source_network(source_ip))
        sends, failures = Spent("source-sends", source), Spent("source-failures", source)
        of_client = Spent("client-sends", CLIENT_NAME)
        spent = [
            ("codes that this address requests", sends, settings.sends_per_source),
            ("wrong codes from this address", failures, settings.failures_per_source),
            ("codes that this client requests", of_client, settings.sends_per_client),
        ]
        destinations = {
            f"{each['type']} to {each['destination']}": keyring.destination_hash(
                each["destination"]
            )
            for user in users
            for each in user["factors"]
            if each["type"] in _SENT_TO
        }
        # Name, window, limit, key, and the attribute that counts.
        shown = [
            *(
                (name, "hour", most, budget_rows.key_of(each), "spent")
                for name, each, most in spent
            ),
            (
                "wrong codes of strangers, all customers",
                "hour",
                settings.stranger_failures,
                budget_rows.brake_key(now),
                "wrong",
            ),
            *(
                (
                    name,
                    "day",
                    rules.DESTINATION_SENDS,
                    budget_rows.destination_key(to, now),
                    "sends",
                )
                for name, to in destinations.items()
            ),
        ]
        rows = self._get(*(key for _, _, _, key, _ in shown))
        return [
            {
                "name": name,
                "window": window,
                "used": 0 if _is_over(rows[key], now) else int_attribute(rows[key], attribute),
                "most": most,
            }
            for name, window, most, key, attribute in shown
        ]


def _is_over(row: Item, now: int) -> bool:
    """Whether a budget's hour is over; other rows have none."""
    return "ends_at" in row and int_attribute(row, "ends_at") <= now


def _lane(lane: Lane, sends: SendTimes, row: Item, now: float) -> dict[str, object]:
    return {"lane": lane, "sends": list(_used(sends, row, now))}


def _used(sends: SendTimes, row: Item, now: float) -> Iterator[dict[str, object]]:
    """How much of each window is used."""
    for window in sends.windows:
        recent = [at for at in sends.sends(row) if at + window.seconds > now]
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
