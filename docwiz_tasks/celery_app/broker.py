"""Whether the broker still has what it was given."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery import Celery

from docwiz_tasks.celery_app.redis_pool import asked

__all__ = ["begin_epoch", "epoch", "publish_options", "waiting"]

logger = logging.getLogger(__name__)

_EPOCH = "docwiz-tasks.epoch"

# In kombu's JSON of a message's headers, which is itself in JSON once it was taken.
_TASK_ID = re.compile(r'\\?"id\\?": \\?"([^"\\]+)')
_CHUNK = 500
_BEING_TAKEN_SECONDS = 0.2

# Kombu's own policy, and what it does when a broker stays away, can block for a minute.
publish_options: dict[str, Any] = {
    "retry": True,
    "retry_policy": {
        "max_retries": 2,
        "interval_start": 0.1,
        "interval_step": 0.2,
        "interval_max": 0.5,
    },
}


def begin_epoch(app: Celery) -> str | None:
    """Return the name of the broker's present life, giving it one if it has none.

    Redis loses its queues without a word when it is emptied, or restarted without
    having saved them, and this name with them: a job that was published under another
    one is gone. RabbitMQ keeps its queues, so it needs none.

    Raises:
        Exception: as the transport raises when the broker or the result backend is away.
    """
    backend: Any = getattr(app.backend, "client", None)
    with _redis(app) as redis:
        # Celery subscribes to each result that it publishes a task for, and would try to
        # for twenty seconds, and then ask for the process to be restarted.
        if hasattr(backend, "ping") and not _on_one_server(backend.connection_pool, redis):
            backend.ping()
        if redis is None:
            return None
        name = redis.epoch()
        if name is None:
            redis.begin_epoch()
            name = redis.epoch()
    return _text(name)


def epoch(app: Celery) -> str | None:
    """Return the name of the broker's present life, empty if none was begun.

    None is for a broker that needs no name, or can't be asked now.
    """
    try:
        with _redis(app) as redis:
            return None if redis is None else _text(redis.epoch())
    except Exception as error:
        logger.warning("The broker can't be asked: %s", type(error).__name__)
        return None


def waiting(app: Celery, queues: Iterable[str]) -> set[str] | None:
    """Return the ids of all tasks in the broker, waiting or taken; None if it can't be told.

    Only Redis is read: a broker with acknowledgements of its own loses no message.

    Args:
        app: the app whose broker is asked.
        queues: the queues' names.
    """
    try:
        with _redis(app) as redis:
            if redis is None:
                return None
            found = _ids_in(redis, set(queues))
            # A message that is just being taken is in neither place for a moment.
            time.sleep(_BEING_TAKEN_SECONDS)
            return found | _ids_in(redis, set(queues))
    except Exception as error:
        logger.warning("The broker can't be asked: %s", type(error).__name__)
        return None


def _ids_in(redis: _Redis, queues: set[str]) -> set[str]:
    from redis import Redis

    found: set[str] = set()
    # Not kombu's client, which puts the prefix before the keys of some commands only.
    client = Redis(connection_pool=redis.pool)
    for queue in queues:
        for priority in redis.channel.priority_steps:
            key, start = redis.key(redis.channel._q_for_pri(queue, priority)), 0
            while messages := client.lrange(key, start, start + _CHUNK - 1):
                start += len(messages)
                found.update(*map(_ids, messages))
    for _tag, message in client.hscan_iter(redis.key(redis.channel.unacked_key), count=_CHUNK):
        found.update(_ids(message))
    return found


def _ids(message: bytes | str) -> list[str]:
    text = message.decode() if isinstance(message, bytes) else message
    return _TASK_ID.findall(text)


@dataclass(frozen=True, slots=True)
class _Redis:
    """A broker that is Redis, by one of kombu's channels to it."""

    channel: Any

    @property
    def pool(self) -> Any:
        return self.channel.pool

    def key(self, name: str) -> str:
        """Return a key as it is with the prefix that a host can have on a shared Redis."""
        return f"{self.channel.global_keyprefix}{name}"

    def epoch(self) -> Any:
        return asked(self.pool, "GET", self.key(_EPOCH))

    def begin_epoch(self) -> None:
        asked(self.pool, "SET", self.key(_EPOCH), uuid.uuid4().hex, "NX")


@contextmanager
def _redis(app: Celery) -> Iterator[_Redis | None]:
    with app.pool.acquire(block=True) as connection:
        channel: Any = connection.default_channel
        if not hasattr(channel, "unacked_key"):
            yield None
        else:
            yield _Redis(channel)


def _on_one_server(backend: Any, broker: _Redis | None) -> bool:
    if broker is None or (server := _server_of(backend)) is None:
        return False
    return server == _server_of(broker.pool)


def _server_of(pool: Any) -> tuple[str, int | None] | None:
    """Return where a Redis is; None if that can change, as with Sentinel."""
    options = pool.connection_kwargs
    place = options.get("host") or options.get("path")
    return None if place is None else (place, options.get("port"))


def _text(name: bytes | str | None) -> str:
    return name.decode() if isinstance(name, bytes) else name or ""
