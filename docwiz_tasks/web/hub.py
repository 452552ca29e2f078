"""Live statuses: one subscription of a process, shared by all who watch."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fastapi.concurrency import run_in_threadpool

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.status import LOST, UNKNOWN, JobStatus

__all__ = ["Hub", "Update"]

logger = logging.getLogger(__name__)

# Without a push, how often a watched job is looked at: for its own sake, and where
# nothing is pushed at all.
RECHECK_SECONDS = 5.0
POLL_SECONDS = 0.25
RECONNECT_SECONDS = 0.5
# A client that is slower than this many changes misses some, never the last.
KEPT_UPDATES = 32


@dataclass(frozen=True, slots=True)
class Update:
    """A job's status, and its place in the order of those that were seen here."""

    epoch: str
    sequence: int
    status: JobStatus

    @property
    def is_last(self) -> bool:
        """Whether nothing more will come."""
        return self.status.ready or self.status.state in (UNKNOWN, LOST)


@dataclass(slots=True, eq=False)
class _Watched:
    """A job that somebody watches."""

    job_id: str
    epoch: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    watchers: int = 0
    updates: deque[Update] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    stale: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reader: asyncio.Task[None] | None = None

    def add(self, status: JobStatus) -> None:
        last = self.updates[-1] if self.updates else None
        if last is not None and (last.is_last or last.status == status):
            return
        self.updates.append(Update(self.epoch, last.sequence + 1 if last else 1, status))
        # All who wait are woken, and those who come next wait for the next change.
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """Tell any number of watchers of any number of jobs, by one connection to Redis.

    Args:
        docwiz: whose jobs they are. A result backend that can't push is polled, once for
            each job that is watched.
    """

    def __init__(self, docwiz: DocWiz) -> None:
        self._docwiz = docwiz
        self._watched: dict[str, _Watched] = {}
        self._by_channel: dict[bytes, _Watched] = {}
        self._listener: asyncio.Task[None] | None = None
        self._subscription: Any = None

    @cached_property
    def _pushed(self) -> bool:
        return _async_redis(self._docwiz) is not None

    async def watch(
        self, job_id: str, after: tuple[str, int] | None = None
    ) -> AsyncGenerator[Update, None]:
        """Yield a job's status now, and at each change, to its end.

        Args:
            job_id: the job.
            after: the epoch and sequence of the last update that was seen before; those
                since then are yielded first.
        """
        watched = await self._join(job_id)
        seen = after[1] if after is not None and after[0] == watched.epoch else 0
        try:
            while True:
                changed = watched.changed
                for update in [u for u in watched.updates if u.sequence > seen]:
                    seen = update.sequence
                    yield update
                    if update.is_last:
                        return
                if changed is watched.changed:
                    await changed.wait()
        finally:
            await self._leave(watched)

    async def close(self) -> None:
        """End the subscription and whatever runs for it."""
        tasks = [w.reader for w in self._watched.values() if w.reader]
        tasks += [self._listener] if self._listener else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener = None
        self._watched.clear()
        self._by_channel.clear()

    async def _join(self, job_id: str) -> _Watched:
        watched = self._watched.get(job_id)
        if watched is None:
            watched = self._watched[job_id] = _Watched(job_id)
            channel = self._docwiz.app.backend.get_key_for_task(job_id)
            self._by_channel[channel if isinstance(channel, bytes) else channel.encode()] = watched
            watched.reader = asyncio.create_task(self._read(watched))
            await self._subscribe(watched)
        watched.watchers += 1
        # Asked after the subscription, so that nothing falls between the two.
        watched.stale.set()
        return watched

    async def _leave(self, watched: _Watched) -> None:
        watched.watchers -= 1
        if watched.watchers or self._watched.get(watched.job_id) is not watched:
            return
        del self._watched[watched.job_id]
        channel = next(c for c, w in self._by_channel.items() if w is watched)
        del self._by_channel[channel]
        if watched.reader:
            watched.reader.cancel()
        if self._subscription is not None:
            with suppress(Exception):
                await self._subscription.unsubscribe(channel)
        if not self._watched and self._listener is not None:
            self._listener.cancel()
            self._listener = None

    async def _read(self, watched: _Watched) -> None:
        """Read a job's status whenever it may have changed."""
        seconds = RECHECK_SECONDS if self._pushed else POLL_SECONDS
        job = self._docwiz.job(watched.job_id)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await watched.stale.wait()
            watched.stale.clear()
            try:
                watched.add(await run_in_threadpool(job.status))
            except Exception as error:
                logger.warning("A job's status can't be read: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)
                watched.stale.set()

    async def _subscribe(self, watched: _Watched) -> None:
        if self._listener is None and self._pushed:
            self._listener = asyncio.create_task(self._listen())
        elif self._subscription is not None:
            # Should it fail, the listener subscribes to all anew.
            with suppress(Exception):
                await self._subscription.subscribe(*self._channels_of(watched))

    def _channels_of(self, watched: _Watched) -> list[bytes]:
        return [channel for channel, w in self._by_channel.items() if w is watched]

    async def _listen(self) -> None:
        """Hear of all changes, by a connection that is made anew as often as it breaks."""
        from redis.exceptions import RedisError

        while True:
            client = _async_redis(self._docwiz)
            try:
                async with client, client.pubsub() as subscription:
                    await subscription.subscribe(*self._by_channel)
                    self._subscription = subscription
                    async for message in subscription.listen():
                        self._hear(message)
            except (RedisError, OSError) as error:
                logger.warning("Redis can't be listened to: %s", type(error).__name__)
            finally:
                self._subscription = None
            await asyncio.sleep(RECONNECT_SECONDS)

    def _hear(self, message: dict[str, Any]) -> None:
        watched = self._by_channel.get(message["channel"])
        # A subscription that has just begun, perhaps anew, may have missed something.
        if watched is not None and message["type"] in ("message", "subscribe"):
            watched.stale.set()


def _async_redis(docwiz: DocWiz) -> Any:
    """Return a client of the result backend's Redis for this event loop, or None."""
    backend = docwiz.app.backend
    parameters = dict(getattr(backend, "connparams", None) or {})
    if not parameters or not hasattr(backend, "client"):
        return None
    from redis import asyncio as aioredis
    from redis.asyncio import connection as connections

    kind = parameters.pop("connection_class", None)
    if kind is not None:
        parameters["connection_class"] = getattr(connections, kind.__name__, None)
        if parameters["connection_class"] is None:
            return None
    for name in ("max_connections", "socket_timeout", "retry_on_timeout", "health_check_interval"):
        parameters.pop(name, None)
    pool = aioredis.ConnectionPool(**parameters)
    return aioredis.Redis.from_pool(pool)
