"""What can go wrong at one call to Okta or AWS, as this service sees it.

A fault says whether the call is carried out: where an answer is lost, that is the dangerous case. Faults
that take time move the clock, by the service's own timeouts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import requests
from botocore.exceptions import ClientError, ReadTimeoutError
from urllib3.exceptions import (
    DecodeError,
    IncompleteRead,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
)

from verification.okta.wire import MAX_BODY, READ_TIMEOUT

AWS_TIMEOUT = 2.0
"""Seconds until boto3 gives up: two tries of one second."""

CONNECT_TIMEOUT = 1.0


class Crash(BaseException):
    """The process ended. Not an Exception: nothing in it runs any more."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One call. `rows` is what DynamoDB has of the rows that the call concerns, and `keys` names them;
    `is_conditional`: the call has a condition that may fail.
    """

    system: str
    name: str
    rows: tuple[Mapping[str, Any], ...] = ()
    is_conditional: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of Okta's. `read` gives the next piece of the body if it comes in so many seconds, and
    may fail as a connection does.
    """

    status: int
    headers: Mapping[str, str]
    read: Callable[[float], bytes]

    @property
    def body(self) -> bytes:
        """All of it."""
        return self.read(READ_TIMEOUT)


CarryOut = Callable[[], Any]


class OktaFault(StrEnum):
    """Named as the report names them."""

    REFUSED = "connection refused"
    CONNECT_TIMEOUT = "connect timeout"
    READ_TIMEOUT = "read timeout, done"
    RESET = "reset before the answer, done"
    RESET_INSIDE = "reset inside the body, done"
    DRIP = "slow drip, done"
    REDIRECT = "302"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    CONFLICT = "409"
    LIMITED = "429, reset in 40 s"
    LIMITED_BARE = "429 of a gateway"
    LIMITED_PAST = "429, reset in the past"
    LIMITED_FAR = "429, reset in a year"
    ERROR = "500, done"
    UNAVAILABLE = "503"
    HTML = "200 with HTML, done"
    TRUNCATED = "truncated JSON, done"
    NESTED = "deeply nested JSON, done"
    WRONG_TYPE = "text/plain, done"
    TOO_LONG = "10 MB, done"
    WRONG_ENCODING = "wrong encoding, done"
    FAILED = "200 that says FAILED, done"
    FOREIGN = "another user's factor, done"


class AwsFault(StrEnum):
    """Likewise."""

    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    TIMEOUT_DONE = "timeout, done"
    LOST = "answer lost, repeated"
    CONDITION = "condition fails"
    CONFLICT = "conflict"
    NOT_FOUND = "not found"
    DENIED = "denied"


class CrashFault(StrEnum):
    """Likewise."""

    BEFORE = "crash before"
    AFTER = "crash after"


Fault = OktaFault | AwsFault | CrashFault

NEVER_COMPARED = frozenset(
    {
        *(OktaFault.REFUSED, OktaFault.CONNECT_TIMEOUT, OktaFault.UNAUTHORIZED),
        *(OktaFault.FORBIDDEN, OktaFault.LIMITED, OktaFault.LIMITED_BARE),
        *(OktaFault.LIMITED_PAST, OktaFault.LIMITED_FAR),
    }
)
"""Faults after which it is certain that Okta has done nothing."""

_REFUSALS = {
    OktaFault.UNAUTHORIZED: (401, "E0000011"),
    OktaFault.FORBIDDEN: (403, "E0000006"),
    OktaFault.NOT_FOUND: (404, "E0000007"),
    OktaFault.CONFLICT: (409, "E0000157"),
    OktaFault.ERROR: (500, "E0000009"),
    OktaFault.UNAVAILABLE: (503, "E0000010"),
}
_INSTEAD: Mapping[OktaFault, tuple[bytes, Mapping[str, str]]] = {
    OktaFault.HTML: (b"<html>Sign in</html>", {"Content-Type": "text/html"}),
    OktaFault.NESTED: (b"[" * 100_000, {}),
    OktaFault.TOO_LONG: (b" " * 10 * MAX_BODY, {}),
    OktaFault.FAILED: (b'{"factorResult":"FAILED","status":"FAILED"}', {}),
}
_RESETS = {OktaFault.LIMITED: 40, OktaFault.LIMITED_PAST: -50, OktaFault.LIMITED_FAR: 31_536_000}
_THROTTLING = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "lambda": "TooManyRequestsException",
}


@dataclass
class Interference:
    """Counts the calls once it is armed, and lets one of them go wrong. After a crash nothing reaches
    Okta or AWS until it is disarmed. `others` are ids and addresses, and those of somebody else for
    each; `is_same`: an answer named nobody, so that somebody else's would be the same.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    others: Mapping[str, str] = field(default_factory=dict)
    at: int | None = None
    fault: Fault | Answered | None = None
    is_armed: bool = False
    has_crashed: bool = False
    is_same: bool = False
    calls: list[Upstream] = field(default_factory=list)

    def arm(self, at: int | None = None, fault: Fault | Answered | None = None) -> None:
        """From now on: this fault, or this answer of Okta's, at the call with this number."""
        self.at, self.fault, self.is_armed = at, fault, True

    def disarm(self) -> None:
        """Nothing goes wrong any more."""
        self.is_armed = self.has_crashed = False

    def __call__(self, call: Upstream, carry_out: CarryOut) -> Any:
        if not self.is_armed:
            return carry_out()
        if self.has_crashed:
            raise Crash
        self.calls.append(call)
        if len(self.calls) - 1 != self.at:
            return carry_out()
        match self.fault:
            case OktaFault():
                return self._okta(self.fault, carry_out)
            case AwsFault():
                return self._aws(self.fault, call, carry_out)
            case Answered():
                own = carry_out()
                return self.fault if call.system == "okta" else own
            case CrashFault.AFTER:
                carry_out()
        self.has_crashed = True
        raise Crash

    def _okta(self, fault: OktaFault, carry_out: CarryOut) -> Any:
        match fault:
            case OktaFault.REFUSED:
                broken = NewConnectionError(None, "refused")  # type: ignore[arg-type]
                raise requests.ConnectionError(MaxRetryError(None, "", broken))  # type: ignore[arg-type]
            case OktaFault.CONNECT_TIMEOUT:
                self.sleep(CONNECT_TIMEOUT)
                raise requests.ConnectTimeout
            case OktaFault.REDIRECT:
                return _said(302, b"", {"Location": "https://evil.example/"})
            case OktaFault.LIMITED_BARE:
                return _said(429, b"slow down", {"Content-Type": "text/plain"})
            case _ if fault in _RESETS:
                reset = str(int(self.now()) + _RESETS[fault])
                limits = {"x-rate-limit-limit": "600", "x-rate-limit-reset": reset}
                return _said(429, _error("E0000047"), limits)
            case _ if fault in _REFUSALS and fault is not OktaFault.ERROR:
                status, code = _REFUSALS[fault]
                return _said(status, _error(code))
        answer: Answered = carry_out()
        return self._spoilt(fault, answer)

    def _spoilt(self, fault: OktaFault, answer: Answered) -> Answered:
        """The answer to a call that was carried out, as it arrives."""
        body = answer.body
        match fault:
            case OktaFault.READ_TIMEOUT:
                self.sleep(READ_TIMEOUT)
                raise requests.ReadTimeout
            case OktaFault.RESET:
                raise requests.ConnectionError(ProtocolError("reset"))
            case OktaFault.RESET_INSIDE:
                return replace(answer, read=_failing(IncompleteRead(1, 2)))
            case OktaFault.WRONG_ENCODING:
                return replace(answer, read=_failing(DecodeError("not gzip")))
            case OktaFault.DRIP:
                return replace(answer, read=self._drip)
            case OktaFault.ERROR:
                return _said(500, _error("E0000009"))
            case OktaFault.TRUNCATED:
                return _said(200, body[: len(body) // 2])
            case OktaFault.WRONG_TYPE:
                return _said(answer.status, body, {"Content-Type": "text/plain"})
            case OktaFault.FOREIGN:
                text = body.decode()
                for own, other in self.others.items():
                    text = text.replace(own, other)
                self.is_same = text.encode() == body
                return _said(answer.status, text.encode())
        return _said(200, *_INSTEAD[fault])

    def _drip(self, timeout: float) -> bytes:
        """One byte in a little less than the read timeout."""
        pause = READ_TIMEOUT - 0.1
        self.sleep(min(pause, timeout))
        if timeout < pause:
            raise TimeoutError
        return b"["

    def _aws(self, fault: AwsFault, call: Upstream, carry_out: CarryOut) -> Any:
        match fault:
            case AwsFault.THROTTLED:
                raise _refused(_THROTTLING.get(call.system, "ThrottlingException"))
            case AwsFault.TIMEOUT:
                self.sleep(AWS_TIMEOUT)
                raise ReadTimeoutError(endpoint_url="")
            case AwsFault.TIMEOUT_DONE:
                carry_out()
                self.sleep(AWS_TIMEOUT)
                raise ReadTimeoutError(endpoint_url="")
            case AwsFault.LOST:
                carry_out()
                self.sleep(AWS_TIMEOUT / 2)
                return carry_out()
            case AwsFault.CONDITION:
                raise _condition_failed(call)
            case AwsFault.CONFLICT:
                raise _refused("TransactionConflictException")
            case AwsFault.NOT_FOUND:
                raise _refused("ResourceNotFoundException")
            case AwsFault.DENIED:
                raise _refused("AccessDeniedException")


def faults_of(call: Upstream) -> list[Fault]:
    """Everything that can go wrong at this call."""
    if call.system == "okta":
        return [*OktaFault, *CrashFault]
    faults = set(AwsFault)
    if call.name not in ("update_item", "transact_write_items"):
        faults -= {AwsFault.CONFLICT}
    if not call.is_conditional:
        faults -= {AwsFault.CONDITION}
    return [*(each for each in AwsFault if each in faults), *CrashFault]


def _said(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answered:
    given = {"Content-Type": "application/json", "x-okta-request-id": "made-up", **(headers or {})}
    pieces = [body]
    return Answered(status, given, lambda _: pieces.pop() if pieces else b"")


def _failing(error: Exception) -> Callable[[float], bytes]:
    def read(_: float) -> bytes:
        raise error

    return read


def _error(code: str) -> bytes:
    words = {"errorCode": code, "errorSummary": "Words that may change", "errorCauses": []}
    return json.dumps(words).encode()


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "operation")


def _condition_failed(call: Upstream) -> ClientError:
    """The row changed a moment ago, in a way that the condition does not allow."""
    items = [{"Item": row} if row else {} for row in call.rows]
    if call.name == "transact_write_items":
        reasons: list[Any] = [{"Code": "ConditionalCheckFailed", **item} for item in items]
        error: Any = {"Code": "TransactionCanceledException", "Message": ""}
        response: Any = {"Error": error, "CancellationReasons": reasons}
        return ClientError(response, "TransactWriteItems")
    error = {"Code": "ConditionalCheckFailedException", "Message": ""}
    response = {"Error": error, **items[0]}
    return ClientError(response, "UpdateItem")
