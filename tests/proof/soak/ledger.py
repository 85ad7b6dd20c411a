"""What was asked, what was told, and which promises were broken."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from verification.http.statuses import STATUS

SERVER_ERROR = 500
_CODE = re.compile(r"(?<![\w.+:-])\d{6}(?![\w.:-])")

_CONCEALED = re.compile(r'"concealed": ?"(\w+)"')


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of the API."""

    status: int
    body: str
    document: Any
    request_id: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.document.get(name) if isinstance(self.document, dict) else None

    @property
    def is_verified(self) -> bool:
        """Whether it takes somebody for the customer, in any dialect."""
        return (
            self["status"] in ("verified", "SUCCESS") or self["valid"] is True or self.body == "200"
        )

    @property
    def is_unknown(self) -> bool:
        """Whether it says that the outcome is not known."""
        return self.status >= SERVER_ERROR


@dataclass
class Ledger:
    """Counts and times of all calls; thread-safe. `secrets` must be in no log. `doubts` are what is
    broken if the log does not explain one of the requests.
    """

    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    doubts: list[tuple[str, set[str]]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_secret(self, text: str | None) -> None:
        """Require that this is in no log, if there is such a text."""
        if text:
            self.secrets.add(text)

    def called(self, kind: str, took: float, told: Told) -> None:
        """Note a call of this kind, and how long it took."""
        outcome = f"{told.status} {told['code'] or told['errorCode'] or told['status'] or ''}"
        with self._lock:
            self.seconds[kind].append(took)
            self.outcomes[kind][outcome.strip()] += 1

    def proved(self, kind: str, told: Sequence[Told], *, okta_said_so: bool) -> bool:
        """Judge the answers to a right code, given at least once; whether one of them is verified.
        `okta_said_so`: Okta has accepted the code and answered so. Strangers are told by a wrong code
        that its answer came too late; whether it did is in the log.
        """
        verified = sum(each.is_verified for each in told)
        unknown = any(each.is_unknown for each in told)
        with self._lock:
            self.counts["right codes"] += 1
            self.counts["verified"] += bool(verified)
            if okta_said_so and unknown and not verified:
                self.counts["accepted by Okta, told as unknown"] += 1
        if verified > 1:
            self.fault(f"{kind}: verified {verified} times by one code")
        if verified and not okta_said_so:
            self.fault(f"{kind}: verified without Okta's success")
        if okta_said_so and not verified and not unknown:
            lost = f"{kind}: Okta has accepted the code, the caller was told {told}"
            with self._lock:
                self.doubts.append((lost, {each.request_id for each in told}))
        return bool(verified)

    def refused(self, kind: str, told: Told) -> None:
        """Judge the answer to a code that proves nothing."""
        if told.is_verified:
            self.fault(f"{kind}: verified by a code that is wrong or used up")

    def count(self, what: str) -> None:
        """One more of them."""
        with self._lock:
            self.counts[what] += 1

    def fault(self, what: str) -> None:
        """A promise is broken."""
        with self._lock:
            self.broken.append(what)

    def latencies(self) -> Iterator[tuple[str, int, int, int, int]]:
        """Of each kind of call: how many, and the milliseconds at 50, 95 and 99 %."""
        for kind, seconds in sorted(self.seconds.items()):
            if len(seconds) > 1:
                at = [round(each * 1000) for each in quantiles(seconds, n=100, method="inclusive")]
                yield kind, len(seconds), at[49], at[94], at[98]

    def read(self, log: Path, plain: Iterable[str]) -> None:
        """Find in a log what must not be there: secrets, codes, these texts, and faults of the service;
        and what explains doubts.
        """
        texts, number = re.compile("|".join(map(re.escape, plain))), 0
        explained: set[str] = set()
        with log.open() as lines:
            for number, line in enumerate(lines, 1):
                words, numbers = {*re.split(r'["\s,=]+', line)}, {*_CODE.findall(line)}
                if texts.search(line) or words & self.secrets or numbers & self.codes:
                    self.fault(f"a secret in line {number} of the log")
                if '"internal_error"' in line:
                    self.fault(f"a fault of the service itself: {line}")
                if found := _CONCEALED.search(line):
                    is_unknown = STATUS.get(found[1], 0) >= SERVER_ERROR
                    explained |= words if is_unknown else set()
        self.counts["lines of the log"] = number
        if not number:
            self.fault("the log is empty")
        for lost, request_ids in self.doubts:
            if explained & request_ids:
                self.count("accepted by Okta, too late for a stranger")
            else:
                self.fault(lost)
