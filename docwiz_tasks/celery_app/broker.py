"""Whether the broker still has what it was given."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

__all__ = ["begin_epoch", "epoch", "publish_options", "waiting"]

logger = logging.getLogger(__name__)

_KEY = "docwiz-tasks.epoch"

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
    with _client(app) as redis:
        # Celery subscribes to each result that it publishes a task for, and would try to
        # for twenty seconds, and then ask for the process to be restarted.
        if hasattr(backend, "ping") and not _on_one_server(backend, redis):
            backend.ping()
        if redis is None:
            return None
        name = redis.get(_KEY)
        if name is None:
            redis.setnx(_KEY, uuid.uuid4().hex)
            name = redis.get(_KEY)
    return _text(name)


def epoch(app: Celery) -> str | None:
    """Return the name of the broker's present life, empty if none was begun.

    None is for a broker that needs no name, or can't be asked now.
    """
    try:
        with _client(app) as redis:
            return None if redis is None else _text(redis.get(_KEY))
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
        with app.pool.acquire(block=True) as connection:
            channel: Any = connection.default_channel
            if not hasattr(channel, "unacked_key"):
                return None
            found = _ids_in(channel, set(queues))
            # A message that is just being taken is in neither place for a moment.
            time.sleep(_BEING_TAKEN_SECONDS)
            return found | _ids_in(channel, set(queues))
    except Exception as error:
        logger.warning("The broker can't be asked: %s", type(error).__name__)
        return None


def _ids_in(channel: Any, queues: set[str]) -> set[str]:
    found: set[str] = set()
    with channel.conn_or_acquire() as client:
        for queue in queues:
            for priority in channel.priority_steps:
                key, start = channel._q_for_pri(queue, priority), 0
                while messages := client.lrange(key, start, start + _CHUNK - 1):
                    start += len(messages)
                    found.update(*map(_ids, messages))
        for _tag, message in client.hscan_iter(channel.unacked_key, count=_CHUNK):
            found.update(_ids(message))
    return found


def _ids(message: bytes | str) -> list[str]:
    text = message.decode() if isinstance(message, bytes) else message
    return _TASK_ID.findall(text)


@contextmanager
def _client(app: Celery) -> Iterator[Any]:
    with app.pool.acquire(block=True) as connection:
        channel: Any = connection.default_channel
        if not hasattr(channel, "unacked_key"):
            yield None
            return
        # Not the channel's own client: an unread answer can wait there after an inspection.
        with channel.conn_or_acquire() as client:
            yield client


def _on_one_server(one: Any, other: Any) -> bool:
    if other is None or (server := _server_of(one)) is None:
        return False
    return server == _server_of(other)


def _server_of(redis: Any) -> tuple[str, int | None] | None:
    """Return where a Redis is; None if that can change, as with Sentinel."""
    options = redis.connection_pool.connection_kwargs
    place = options.get("host") or options.get("path")
    return None if place is None else (place, options.get("port"))


def _text(name: bytes | str | None) -> str:
    return name.decode() if isinstance(name, bytes) else name or ""
