"""`passwords#<login hash>`: wrong passwords in a row for one login, whether somebody has it or not.

A password counts as wrong before Okta is asked. One at a time is checked, so that Okta's count and
this one cannot drift apart. The row has no time to live, because Okta's count has none.
`last_at` and `before_at` are epoch seconds, `busy_until` milliseconds.
"""

from __future__ import annotations

from typing import Any, assert_never

from verification import rules
from verification.aws.table import (
    NOT_BUSY,
    ConditionFailed,
    Item,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.models.customers import LoginHash
from verification.models.states import PasswordState
from verification.ports import Result


class PasswordRows:
    """Reserves and settles checks of passwords."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserve(
        self, login_hash: LoginHash, token: str, allowed: int, now: float
    ) -> tuple[bool, PasswordState]:
        """Count a wrong password, if there are fewer than `allowed` and no other is being checked.

        Whether that was possible, and the state of the row after it.
        """
        until = now + rules.ATTEMPT_SECONDS
        change = Update(
            _key(login_hash),
            "SET wrong = if_not_exists(wrong, :zero) + :one, attempt = :token, "
            "before_at = if_not_exists(last_at, :zero), last_at = :latest, busy_until = :until",
            f"{NOT_BUSY} AND (attribute_not_exists(wrong) OR wrong < :allowed)",
            {
                ":zero": number(0),
                ":one": number(1),
                ":token": string(token),
                ":latest": number(int(until)),
                ":until": number(int(until * 1000)),
                ":now_ms": number(int(now * 1000)),
                ":allowed": number(allowed),
            },
        )
        try:
            return True, _state_of(self._table.update(change))
        except ConditionFailed as failed:
            # Otherwise an own write that botocore has sent again.
            is_own = text_attribute(failed.item, "attempt") == token
            return is_own, _state_of(failed.item)

    def settle(self, login_hash: LoginHash, token: str, result: Result, now: int) -> None:
        """Write what the password was. One whose reservation is lost stays counted as wrong."""
        values: dict[str, Any] = {":token": string(token)}
        match result:
            case Result.RIGHT | Result.ACTIVATED:
                sets = "wrong = :zero, last_at = :now"
                values |= {":zero": number(0), ":now": number(now)}
            case Result.WRONG:
                sets = "last_at = :now"
                values |= {":now": number(now)}
            case Result.UNDONE:
                sets = "wrong = wrong - :one, last_at = before_at"
                values |= {":one": number(1)}
            case _:
                assert_never(result)
        change = Update(
            _key(login_hash),
            f"SET {sets} REMOVE attempt, busy_until",
            "attempt = :token",
            values,
        )
        self._table.try_update(change)

    def forget(self, login_hash: LoginHash, state: PasswordState, now: int) -> None:
        """Okta has forgotten these wrong passwords."""
        change = Update(
            _key(login_hash),
            "SET wrong = :zero",
            f"{NOT_BUSY} AND wrong = :wrong AND last_at = :last_at",
            {
                ":zero": number(0),
                ":wrong": number(state.wrong),
                ":last_at": number(state.last_at),
                ":now_ms": number(now * 1000),
            },
        )
        self._table.try_update(change)  # otherwise another one was tried meanwhile


def _key(login_hash: LoginHash) -> str:
    return f"passwords#{login_hash}"


def _state_of(row: Item) -> PasswordState:
    return PasswordState(
        int_attribute(row, "wrong"),
        int_attribute(row, "last_at"),
        int_attribute(row, "busy_until") / 1000,
    )
