"""A row of the route table."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.responses import Answer


class Access(Enum):
    """Who may call an operation: holders of the API token, or anyone, with or without a token."""

    API_TOKEN = auto()
    ANYONE = auto()


@dataclass(frozen=True)
class Route:
    """An operation of the org: `handler(org, request, **path arguments)` answers it.

    `operation` is its name for faults; None: only faults on any request concern it.
    """

    method: str
    path: str
    bucket: Bucket
    operation: On | None
    handler: Callable[..., Answer]
    access: Access = Access.API_TOKEN
