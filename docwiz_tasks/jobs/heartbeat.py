"""Keeping a run's lease while it works, and noticing that it has to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from docwiz_tasks.errors import DocWizError, JobCancelled
from docwiz_tasks.jobs.lease import Lease

__all__ = ["Heartbeat", "LeaseLost"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.25


class LeaseLost(Exception):
    """Another delivery runs the job: this one was taken for dead."""


class Heartbeat:
    """Beat in a thread until the block ends, whatever the run is busy with.

    Args:
        lease: the job's lease.
        number: the delivery that holds it.
        every_seconds: how long between two beats.
        interrupt: is called once, in the thread, with what the run has to stop for:
            `JobCancelled` or `LeaseLost`.
    """

    def __init__(
        self,
        lease: Lease,
        number: int,
        every_seconds: float,
        interrupt: Callable[[Exception], None],
    ) -> None:
        self._lease = lease
        self._number = number
        self._every = every_seconds
        self._interrupt = interrupt
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docwiz-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._over.wait(min(LOOK_SECONDS, self._every)):
            try:
                if reason := self._reason():
                    self._interrupt(reason)
                    return
                if time.monotonic() - beaten >= self._every:
                    self._lease.beat(self._number)
                    beaten = time.monotonic()
            except DocWizError as error:
                # The run itself finds out whether the store stays away.
                logger.warning("A job's heartbeat failed: %s", error.code)

    def _reason(self) -> Exception | None:
        if self._lease.journal.cancelled():
            return JobCancelled("The job was cancelled.")
        if self._lease.taken_from(self._number):
            return LeaseLost()
        return None
