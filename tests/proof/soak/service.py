"""The service under load: the sandbox with a quick store, its faults and crashes, and what its processes keep."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tests.bench.server import PunctualServer
from tests.bench.store import Store
from tests.sandbox.okta.faults import AWS_KINDS, OKTA_KINDS, Kind, On
from tests.sandbox.okta.limits import Bucket, Quota, RateLimits
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

NEAR = 0.05
"""Seconds until Okta answers."""

KEPT = 2000
"""Calls and messages that the simulated org remembers."""

SETTINGS = {"CHANGES_PER_CLIENT_HOUR": "1000000", "SENDS_PER_CLIENT_HOUR": "1000000"}
"""One client stands for many."""

FAULTS_OF_A_CRASH = 5
"""So many faults, then a crash."""

STORE_FAULTS = 0.3
"""The part of faults that are the store's."""

SLOW_AT_A_CRASH = 4
"""Calls to Okta that a crash interrupts, as far as they come."""

WORKED = 2.0
"""Seconds of the processor after which a process has done all that it ever does."""


PROC = Path("/proc")
"""Where Linux tells of its processes."""


class BrittleStore(Store):
    """A store that can be throttled, fail, lose the answer to what it has done, or be slow with it."""

    KINDS = ("throttled", "failed", "lost", "slow")
    SLOW_SECONDS = 1.5
    """Longer than the service waits."""

    def __init__(self) -> None:
        super().__init__()
        self._faults: list[str] = []

    def fail(self, kind: str, times: int) -> None:
        """Let the next calls go wrong."""
        self._faults += [kind] * times

    def recover(self) -> None:
        """No more calls go wrong."""
        self._faults.clear()

    def _answer(self, request: Request) -> Response:
        kind = self._faults.pop() if self._faults else ""
        if kind == "throttled":
            return _error("ProvisionedThroughputExceededException", 400)
        answered = Response() if kind == "failed" else super()._answer(request)
        if kind == "slow":
            time.sleep(self.SLOW_SECONDS)
        return _error("InternalServerError", 500) if kind in ("failed", "lost") else answered


def _error(name: str, status: int) -> Response:
    return Response(json.dumps({"__type": name}), status, content_type="application/x-amz-json-1.0")


class Unlimited(RateLimits):
    """An org that has bought more requests a minute than a soak makes."""

    def count(self, bucket: Bucket, now: float) -> Quota:
        return Quota(bucket.limit, bucket.limit, int(now) + 60)


class Weather:
    """A context manager: every so many seconds something goes wrong. Crashes end before the rest."""

    def __init__(
        self, sandbox: Sandbox, store: BrittleStore, rng: random.Random, pause: float
    ) -> None:
        self._sandbox, self._store, self._rng, self._pause = sandbox, store, rng, pause
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self.faults = self.crashes = 0
        self.crashes_may = True

    def __enter__(self) -> Weather:
        self._running = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._running.result()
        self._pool.shutdown()
        self._store.recover()
        self._sandbox.org.faults.clear()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            with self._sandbox.org.lock:
                del self._sandbox.org.calls[:-KEPT], self._sandbox.org.inbox[:-KEPT]
            if self.crashes_may and self.faults // FAULTS_OF_A_CRASH > self.crashes:
                self._crash()
                continue
            self.faults += 1
            times = self._rng.randint(1, 3)
            if self._rng.random() < STORE_FAULTS:
                self._store.fail(self._rng.choice(BrittleStore.KINDS), times)
                continue
            on = self._rng.choice([*On, *[On.VERIFY] * len(On)])
            kinds = sorted(AWS_KINDS.get(on, OKTA_KINDS))
            self._sandbox.org.faults.add(on, self._rng.choice(kinds), times)

    def _crash(self) -> None:
        """End all processes of a function, while Okta has done something and not answered yet."""
        self._sandbox.org.faults.add(On.VERIFY, Kind.SLOW, SLOW_AT_A_CRASH)
        self._ended.wait(self._pause)
        function = self._rng.choice(self._sandbox.template.functions)
        self._sandbox.crash(function.name)
        self.crashes += 1


@dataclass(frozen=True)
class Process:
    """What a process keeps: kibibytes of memory and open files. `seconds` of the processor it has used."""

    memory: int
    files: int
    seconds: float

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process with this id."""
        folder = PROC / str(pid)
        lines = (folder / "status").read_text().splitlines()
        (memory,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
        ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        seconds = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return cls(memory, len(list((folder / "fd").iterdir())), seconds)


Processes = Mapping[int, Process]
"""By their ids."""


def processes(sandbox: Sandbox) -> Processes:
    """Those of the functions; none where the system has no /proc."""
    return {pid: Process.of(pid) for pid in sandbox.processes() if PROC.is_dir()}


def growth(before: Processes, after: Processes) -> Process | None:
    """The most that one process has gained that had worked before; None if there is none."""
    both = [(before[pid], after[pid]) for pid in before.keys() & after.keys()]
    worked = [each for each in both if each[0].seconds > WORKED]
    if not worked:
        return None
    return Process(
        max(new.memory - old.memory for old, new in worked),
        max(new.files - old.files for old, new in worked),
        max(new.seconds - old.seconds for old, new in worked),
    )


class Service(Sandbox):
    """The sandbox with a quick store, and an Okta that keeps its connections as the real one does."""

    def __init__(self, log: IO[str], store: BrittleStore) -> None:
        super().__init__(log, environment=SETTINGS, okta_latency=NEAR, dynamodb_url=store.url)

    def okta_server(self, app: WSGIApplication, port: int, bridge: str | None) -> Server:
        """Serves Okta."""
        return PunctualServer(app, port, bridge)
