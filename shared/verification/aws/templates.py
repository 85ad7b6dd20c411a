"""`template#<name>`: the id that Okta has given to an SMS template."""

from __future__ import annotations

from verification.aws.table import ConditionFailed, Table, number, text, whole

KEPT_SECONDS = 24 * 3600
"""An administrator may remove a template; Okta is asked again after a day."""


class TemplateRows:
    """Reads and keeps ids. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, name: str, now: int) -> str | None:
        """The id, if it was kept less than a day ago."""
        (row,) = self._table.get(_key(name), attributes=("okta_id", "kept_until"))
        return text(row, "okta_id") if whole(row, "kept_until") > now else None

    def keep(self, name: str, okta_id: str, now: int) -> None:
        """Remember the id."""
        until = number(now + KEPT_SECONDS)
        try:
            self._table.update(
                _key(name),
                "SET okta_id = :id, kept_until = :until, #ttl = :until",
                "attribute_not_exists(pk) OR kept_until <= :now",
                {":id": {"S": okta_id}, ":until": until, ":now": number(now)},
                {"#ttl": "ttl"},
                returns=False,
            )
        except ConditionFailed:
            return  # another call has just kept it


def _key(name: str) -> str:
    return f"template#{name}"
