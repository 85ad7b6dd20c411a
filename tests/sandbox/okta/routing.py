"""A row of the route table."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tests.sandbox.okta.faults import On
from tests.sandbox.okta.limits import Bucket
from tests.sandbox.okta.responses import Answer


class Access(Enum):
    """Who may call an operation: whoever holds the API token, or anyone, with it or without."""

    API_TOKEN = auto()
    ANYONE = auto()


@dataclass(frozen=True)
class Route:
    """An operation of the org: `carry_out(org, request, **arguments of the path)` answers it.

    `operation` is what faults call it, None when only a fault on any request concerns it.
    """

    method: str
    path: str
    bucket: Bucket
    operation: On | None
    carry_out: Callable[..., Answer]
    access: Access = Access.API_TOKEN
