"""Live statuses: one subscription of a process, shared by all who watch."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.status import LOST, UNKNOWN, JobStatus, advanced
from docwiz_tasks.web.subscription import Subscription, can_push

__all__ = ["Hub", "Update"]

logger = logging.getLogger(__name__)

# How often a watched job is looked at without a push: for what nobody pushes, such as a
# worker's death, and where nothing is pushed at all.
RECHECK_SECONDS = 5.0
POLL_SECONDS = 0.25
# After a store that could not be read.
RETRY_SECONDS = 0.5
# For so long the changes of a job that nobody watches any more are kept, for a client that
# lost its connection and comes back.
LINGER_SECONDS = 15.0
# A client that is slower than this many changes misses some, never the last.
KEPT_UPDATES = 32
# States in which a job says itself how far it is.
_RUNNING = frozenset({"STARTED", "PROGRESS"})
# The store is read in threads of the hub's own: a slow one keeps no request waiting.
THREADS = 16


@dataclass(frozen=True, slots=True)
class Update:
    """A job's status, and its place in the order of those that were seen here."""

    epoch: str
    sequence: int
    status: JobStatus
    # What was made of it for one client, for the others who get the same.
    texts: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_last(self) -> bool:
        """Whether nothing more will come."""
        return self.status.ready or self.status.state in (UNKNOWN, LOST)


@dataclass(slots=True, eq=False)
class _Watched:
    """A job that somebody watches, or did a moment ago."""

    job_id: str
    channel: bytes
    epoch: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    watchers: int = 0
    updates: deque[Update] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    stale: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reader: asyncio.Task[None] | None = None
    pushes: int = 0
    known_at: float = 0.0
    left_at: float = 0.0
    closed: bool = False

    @property
    def last(self) -> Update | None:
        return self.updates[-1] if self.updates else None

    @property
    def is_over(self) -> bool:
        return self.closed or (self.last is not None and self.last.is_last)

    def add(self, status: JobStatus) -> None:
        if self.is_over:
            return
        last, sequence = self.last, 1
        if last is not None:
            if status.progress < last.status.progress:
                status = status.model_copy(update={"progress": last.status.progress})
            if status == last.status:
                return
            sequence = last.sequence + 1
        self.updates.append(Update(self.epoch, sequence, status))
        self._wake()

    def push(self, meta: dict[str, Any]) -> None:
        """Add a running job's progress without reading its status."""
        if self.last is not None:
            self.pushes += 1
            self.known_at = time.monotonic()
            self.add(advanced(self.last.status, meta))

    def after(self, place: tuple[str, int] | None) -> int:
        """Return from which sequence on a client goes on."""
        if place is None or place[0] != self.epoch or self.last is None:
            return 0
        return min(place[1], self.last.sequence)

    def close(self) -> None:
        self.closed = True
        self._wake()
        if self.reader is not None:
            self.reader.cancel()

    def _wake(self) -> None:
        # All who wait are woken, and those who come next wait for the next change.
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """Tell any number of watchers of any number of jobs, by one connection to Redis.

    What it runs begins with the first watcher, and ends soon after the last.

    Args:
        docwiz: whose jobs they are. A result backend that can't push is polled, once for
            each job that is watched.
    """

    def __init__(self, docwiz: DocWiz) -> None:
        self._docwiz = docwiz
        self._watched: dict[str, _Watched] = {}
        self._by_channel: dict[bytes, _Watched] = {}
        self._running: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None
        self._threads: ThreadPoolExecutor | None = None

    @cached_property
    def _pushed(self) -> bool:
        return can_push(self._docwiz.app.backend)

    async def watch(
        self, job_id: str, after: tuple[str, int] | None = None
    ) -> AsyncGenerator[Update, None]:
        """Yield a job's status now, and at each change, to its end or the server's.

        Args:
            job_id: the job.
            after: the epoch and sequence of the last update that was seen before; those
                since then are yielded first.
        """
        watched = self._join(job_id)
        try:
            seen = watched.after(after)
            while True:
                changed = watched.changed
                for update in [u for u in watched.updates if u.sequence > seen]:
                    seen = update.sequence
                    yield update
                    if update.is_last:
                        return
                if watched.closed:
                    return
                if changed is watched.changed:
                    await changed.wait()
        finally:
            watched.watchers -= 1
            watched.left_at = time.monotonic()

    async def close(self) -> None:
        """Let all watchers go, and end whatever runs for them."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _join(self, job_id: str) -> _Watched:
        if self._running is None:
            self._start()
        watched = self._watched.get(job_id)
        if watched is None or watched.is_over:
            # One that is over may have been begun again.
            watched = self._watch(job_id)
        watched.watchers += 1
        return watched

    def _watch(self, job_id: str) -> _Watched:
        key = self._docwiz.app.backend.get_key_for_task(job_id)
        watched = _Watched(job_id, key if isinstance(key, bytes) else key.encode())
        self._watched[job_id] = self._by_channel[watched.channel] = watched
        watched.stale.set()
        watched.reader = asyncio.create_task(self._read(watched))
        if self._subscription is not None:
            self._subscription.add(watched.channel)
        return watched

    def _forget(self, watched: _Watched) -> None:
        watched.close()
        del self._watched[watched.job_id]
        del self._by_channel[watched.channel]
        if self._subscription is not None:
            self._subscription.remove(watched.channel)

    def _start(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "docwiz-hub")
        backend = self._docwiz.app.backend
        self._subscription = Subscription(backend, self._hear) if self._pushed else None
        self._running = asyncio.create_task(self._run(self._threads, self._subscription))

    async def _run(self, threads: ThreadPoolExecutor, subscription: Subscription | None) -> None:
        listening = [asyncio.create_task(subscription.run())] if subscription else []
        try:
            while self._watched and not _server_stops():
                await asyncio.sleep(POLL_SECONDS)
                self._tick(time.monotonic())
        finally:
            # All at once: whoever comes next begins anew.
            for watched in self._watched.values():
                watched.close()
            self._watched.clear()
            self._by_channel.clear()
            self._running = self._subscription = None
            threads.shutdown(wait=False, cancel_futures=True)
            if subscription is not None:
                subscription.end()
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)

    def _tick(self, now: float) -> None:
        """Forget the jobs that nobody watches, and look at the others from time to time.

        One that was left a moment ago is heard of by pushes only, where there are any; what
        isn't pushed is looked up when somebody comes back.
        """
        seconds = RECHECK_SECONDS if self._pushed else POLL_SECONDS
        for watched in list(self._watched.values()):
            lingers = now - watched.left_at < LINGER_SECONDS and not watched.is_over
            if not watched.watchers and not lingers:
                self._forget(watched)
            elif (watched.watchers or not self._pushed) and now - watched.known_at >= seconds:
                watched.stale.set()

    async def _read(self, watched: _Watched) -> None:
        """Read a job's status whenever it may have changed in a way that wasn't pushed."""
        job, loop = self._docwiz.job(watched.job_id), asyncio.get_running_loop()
        while not watched.is_over:
            await watched.stale.wait()
            watched.stale.clear()
            pushes = watched.pushes
            try:
                status = await loop.run_in_executor(self._threads, job.status)
            except Exception as error:
                logger.warning("A job's status can't be read: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                watched.stale.set()
                continue
            # What was pushed meanwhile is newer, unless this is the end.
            if status.ready or watched.pushes == pushes:
                watched.add(status)
            watched.known_at = time.monotonic()

    def _hear(self, channel: bytes, data: bytes | None) -> None:
        watched = self._by_channel.get(channel)
        if watched is None:
            return
        meta = self._progress(data) if data is not None else None
        if meta is not None and watched.last is not None and watched.last.status.state in _RUNNING:
            watched.push(meta)
        else:
            watched.stale.set()

    def _progress(self, data: bytes) -> dict[str, Any] | None:
        """Return what a running job said of itself; None for all else that is published."""
        try:
            message = self._docwiz.app.backend.decode(data)
            meta = message["result"] if message["status"] == "PROGRESS" else None
        except Exception as error:
            logger.warning("What was published can't be read: %s", type(error).__name__)
            return None
        return meta if isinstance(meta, dict) else None


def _server_stops() -> bool:
    """Say whether uvicorn was told to stop.

    It waits for event streams to end before it says so, and they would wait for their jobs.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
