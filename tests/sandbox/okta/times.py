"""Times as Okta writes them: UTC, with milliseconds that are always zero."""

from datetime import UTC, datetime


def timestamp(epoch_seconds: float) -> str:
    """`2025-06-15T15:06:40.000Z`."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
