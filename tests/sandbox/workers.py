"""The worker processes of each function: started on demand, each running one call at a time."""

from __future__ import annotations

import json
import os
import queue
import select
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tests.sandbox.fork_server import ForkServer
from tests.sandbox.template import Function

START_TIMEOUT = 60.0
MOST_WORKERS = 6
"""For each function. Further calls wait, as they would not on Lambda; two cores do no more."""


class FunctionFailed(Exception):
    """The function crashed or ran out of time; API Gateway answers 502."""


class SettingRefused(Exception):
    """The function cannot start with its settings."""


class Worker:
    """One process."""

    def __init__(
        self, function: Function, environment: Mapping[str, str], forks: ForkServer
    ) -> None:
        self._timeout = function.timeout
        self._forks = forks
        self._ending = threading.Lock()
        self.is_alive = True
        self.pid, self._channel = forks.fork(
            code=str(function.code),
            name=function.name,
            timeout=function.timeout,
            environment={**environment, "PATH": os.environ["PATH"]},
        )
        self._results = self._channel.makefile("rb")
        started = self._read(START_TIMEOUT)
        if "refused" in started:
            self.stop()
            raise SettingRefused(started["refused"])

    def invoke(self, event: object, advance: float) -> Any:
        """The function's result. Raises FunctionFailed, after which this worker is gone."""
        message = json.dumps({"event": event, "advance": advance})
        with suppress(OSError):  # then there is no answer to read
            self._channel.sendall(message.encode() + b"\n")
        return self._read(self._timeout)

    def kill(self) -> None:
        """End the process; the call that it is running fails."""
        with self._ending:
            if self.is_alive:
                self.is_alive = False
                self._forks.kill(self.pid)

    def stop(self) -> None:
        """End the process and close its socket."""
        self.kill()
        self._results.close()
        self._channel.close()

    def _read(self, timeout: float) -> Any:
        readable, _, _ = select.select([self._channel], [], [], timeout)
        line = b""
        with suppress(ConnectionResetError):  # it ended and has not read all
            line = self._results.readline() if readable else b""
        if not line:
            self.stop()
            raise FunctionFailed
        return json.loads(line)


class Workers:
    """The workers of one function."""

    def __init__(
        self, function: Function, environment: Mapping[str, str], forks: ForkServer
    ) -> None:
        self._function = function
        self._environment = environment
        self._forks = forks
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._slots = threading.Semaphore(MOST_WORKERS)
        self._all: set[Worker] = set()

    def invoke(self, event: object, advance: float) -> Any:
        """Run the function in an idle worker, in a new one, or as soon as one is idle."""
        with self._slots:
            worker = self._free_worker()
            try:
                result = worker.invoke(event, advance)
            except FunctionFailed:
                self._all.discard(worker)
                raise
            self._idle.put(worker)
            return result

    def warm(self) -> None:
        """Have one worker ready."""
        self._idle.put(self._free_worker())

    def _free_worker(self) -> Worker:
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                worker = Worker(self._function, self._environment, self._forks)
                self._all.add(worker)
                return worker
            if worker.is_alive:
                return worker
            worker.stop()
            self._all.discard(worker)

    def processes(self) -> list[int]:
        """The process ids of the workers that live."""
        return [worker.pid for worker in list(self._all) if worker.is_alive]

    def crash(self) -> None:
        """Kill every worker, also in the middle of a call."""
        for worker in list(self._all):
            worker.kill()

    def stop(self) -> None:
        for worker in self._all:
            worker.stop()
