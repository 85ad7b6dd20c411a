"""The worker processes of each function: started on demand, each running one call at a time."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from tests.sandbox.template import ROOT, Function

START_TIMEOUT = 60.0
MOST_WORKERS = 6
"""For each function. Further calls wait, as they would not on Lambda; two cores do no more."""


class FunctionFailed(Exception):
    """The function crashed or ran out of time; API Gateway answers 502."""


class SettingRefused(Exception):
    """The function cannot start with its settings."""


class Worker:
    """One process."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: IO[str]) -> None:
        self._timeout = function.timeout
        arguments = (str(function.code), function.name, str(function.timeout))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tests.sandbox.worker", *arguments],
            cwd=ROOT,
            env={
                **environment,
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT))),
                "PYTHONWARNINGS": "error",
                # Metrics are printed; like Lambda, have them in the log when the call ends.
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        started = self._read(START_TIMEOUT)
        if "refused" in started:
            self.stop()
            raise SettingRefused(started["refused"])

    def invoke(self, event: object, advance: float) -> Any:
        """The function's result. Raises FunctionFailed, after which this worker is gone."""
        assert self._process.stdin is not None
        message = json.dumps({"event": event, "advance": advance})
        with suppress(BrokenPipeError):  # then there is no answer to read
            self._process.stdin.write(message.encode() + b"\n")
            self._process.stdin.flush()
        return self._read(self._timeout)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process; the call that it is running fails."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process and close its streams."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # input that was never read
                    stream.close()

    def _read(self, timeout: float) -> Any:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], timeout)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            self.stop()
            raise FunctionFailed
        return json.loads(line)


class Workers:
    """The workers of one function."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: IO[str]) -> None:
        self._function = function
        self._environment = environment
        self._log = log
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
                worker = Worker(self._function, self._environment, self._log)
                self._all.add(worker)
                return worker
            if worker.is_alive:
                return worker
            worker.stop()
            self._all.discard(worker)

    def crash(self) -> None:
        """Kill every worker, also in the middle of a call."""
        for worker in list(self._all):
            worker.kill()

    def stop(self) -> None:
        for worker in self._all:
            worker.stop()
