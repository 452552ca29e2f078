"""Keeping runs' leases while they work, and noticing that one has to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from docwiz_tasks.errors import DocWizError, JobCancelled
from docwiz_tasks.jobs.lease import Lease

__all__ = ["Heart", "LeaseLost"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.25

Interrupt = Callable[[Exception], None]


class LeaseLost(Exception):
    """Another delivery runs the job: this one was taken for dead."""


class Heart:
    """Beat for all runs of a process in one thread, whatever they are busy with.

    The thread ends by itself soon after the last run, and is started again when needed:
    also in a forked child, where the parent's isn't there.

    Args:
        every_seconds: how long between two beats.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._lock = threading.Lock()
        self._beats: set[_Beat] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, lease: Lease, number: int, interrupt: Interrupt) -> Iterator[None]:
        """Keep a run's lease until the block ends.

        Args:
            lease: the job's lease.
            number: the delivery that holds it.
            interrupt: is called once, in another thread, with what the run has to stop for:
                `JobCancelled` or `LeaseLost`.
        """
        beat = _Beat(lease, number, self._every, interrupt)
        with self._lock:
            self._beats.add(beat)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="docwiz-heart", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._beats.discard(beat)
            beat.end()

    def _run(self) -> None:
        while True:
            time.sleep(min(LOOK_SECONDS, self._every))
            with self._lock:
                beats = list(self._beats)
                if not beats:
                    self._thread = None
                    return
            for beat in beats:
                beat.look()


class _Beat:
    """One run, as the heart sees it."""

    def __init__(self, lease: Lease, number: int, every: float, interrupt: Interrupt) -> None:
        self._lease = lease
        self._number = number
        self._every = every
        self._interrupt = interrupt
        self._beaten = time.monotonic()
        self._over = False
        self._lock = threading.Lock()

    def look(self) -> None:
        """Beat if it is time to, and interrupt the run if it has to stop."""
        with self._lock:
            if self._over:
                return
            try:
                if reason := self._reason():
                    self._over = True
                    self._interrupt(reason)
                elif time.monotonic() - self._beaten >= self._every:
                    self._lease.beat(self._number)
                    self._beaten = time.monotonic()
            except DocWizError as error:
                # The run itself finds out whether the store stays away.
                logger.warning("A job's heartbeat failed: %s", error.code)

    def end(self) -> None:
        """Look no more; a look that is under way is over first."""
        with self._lock:
            self._over = True

    def _reason(self) -> Exception | None:
        if self._lease.journal.cancelled():
            return JobCancelled("The job was cancelled.")
        if self._lease.taken_from(self._number):
            return LeaseLost()
        return None
