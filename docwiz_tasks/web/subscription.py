"""One connection to Redis that hears of changes, made anew as often as it breaks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Hear", "Subscription", "can_push"]

logger = logging.getLogger(__name__)

Hear: TypeAlias = Callable[[bytes, bytes | None], None]

CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 0.5
# Redis is asked whether it is there when there is nothing else to ask.
PING_SECONDS = 10.0


def can_push(backend: Any) -> bool:
    """Say whether a result backend publishes changes on a Redis that can be reached alone."""
    return _parameters(backend) is not None


class Subscription:
    """Hear of what is published on some channels of a result backend's Redis.

    Args:
        backend: Celery's result backend.
        hear: is called with a channel and what was published there, or with None when the
            channel is subscribed to, perhaps anew: something may have been missed.
    """

    def __init__(self, backend: Any, hear: Hear) -> None:
        self._backend = backend
        self._hear = hear
        self._channels: set[bytes] = set()
        self._changed = asyncio.Event()
        self._asked_at = self._heard_at = 0.0
        self._ended = False

    def add(self, channel: bytes) -> None:
        """Listen to one channel more."""
        self._channels.add(channel)
        self._changed.set()

    def remove(self, channel: bytes) -> None:
        """Listen to a channel no more."""
        self._channels.discard(channel)
        self._changed.set()

    def end(self) -> None:
        """Listen to nothing more, whatever comes of `run` being cancelled.

        Before Python 3.12 `asyncio.wait_for`, which redis-py sends by, can lose that.
        """
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        from redis import asyncio as aioredis
        from redis.exceptions import RedisError

        while not self._ended:
            pool = aioredis.ConnectionPool(**_parameters(self._backend) or {})
            try:
                async with aioredis.Redis.from_pool(pool) as client, client.pubsub() as pubsub:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await pubsub.connect()
                    self._asked_at = self._heard_at = time.monotonic()
                    async with asyncio.TaskGroup() as group:
                        listening = group.create_task(self._listen(pubsub))
                        await self._follow(pubsub)
                        listening.cancel()
            except* (RedisError, OSError) as errors:
                kind = type(errors.exceptions[0]).__name__
                logger.warning("Redis can't be listened to: %s", kind)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self, pubsub: Any) -> None:
        while not self._ended:
            message = await pubsub.get_message(timeout=None)
            self._heard_at = time.monotonic()
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._hear(message["channel"], None)
            elif message["type"] == "message":
                self._hear(message["channel"], message["data"])

    async def _follow(self, pubsub: Any) -> None:
        """Subscribe to what is wanted, all that came together at once."""
        subscribed: set[bytes] = set()
        while not self._ended:
            self._changed.clear()
            wanted = set(self._channels)
            if new := wanted - subscribed:
                self._ask()
                await pubsub.subscribe(*new)
            if left := subscribed - wanted:
                self._ask()
                await pubsub.unsubscribe(*left)
            subscribed = wanted
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                self._ask()
                await pubsub.ping()

    def _ask(self) -> None:
        """Note that an answer is due; the connection is dead if one has been for long."""
        now = time.monotonic()
        if self._asked_at <= self._heard_at:
            self._asked_at = now
        elif now - self._asked_at > PING_SECONDS / 2:
            raise ConnectionError("Redis does not answer any more")


def _parameters(backend: Any) -> dict[str, Any] | None:
    """Return what the backend connects with, for an event loop; None if that can't be done."""
    parameters = dict(getattr(backend, "connparams", None) or {})
    # Sentinel's have neither: they say whom to ask for the host.
    if not {"host", "path"} & parameters.keys() or not hasattr(backend, "client"):
        return None
    from redis.asyncio import connection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    kind = parameters.pop("connection_class", None)
    if kind is not None:
        parameters["connection_class"] = getattr(connection, kind.__name__, None)
        if parameters["connection_class"] is None:
            return None
    for name in ("max_connections", "socket_timeout", "retry_on_timeout", "health_check_interval"):
        parameters.pop(name, None)
    return {**parameters, "retry": Retry(NoBackoff(), 0)}
