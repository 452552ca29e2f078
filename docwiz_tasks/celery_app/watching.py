"""Hearing of a job's changes: pushed by Redis, polled from other result backends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from celery import Celery

__all__ = ["changes"]

POLL_SECONDS = 0.05
# A push can be lost with its connection, so the state is read again at least this often.
LISTEN_SECONDS = 1.0


def changes(app: Celery, job_id: str, deadline: float | None) -> Iterator[None]:
    """Yield at once, and then whenever the job may have changed, until `deadline`.

    Args:
        app: the app whose result backend is listened to.
        job_id: the job.
        deadline: when to stop, on the monotonic clock; never if None.
    """
    client = getattr(app.backend, "client", None)
    if hasattr(client, "pubsub"):
        yield from _pushed(app.backend, client, job_id, deadline)
    else:
        yield from _polled(deadline)


def _pushed(backend: Any, client: Any, job_id: str, deadline: float | None) -> Iterator[None]:
    with closing(client.pubsub(ignore_subscribe_messages=True)) as subscription:
        # Subscribed before the first look, so that no change falls between the two.
        _tried(subscription.subscribe, backend.get_key_for_task(job_id))
        yield
        while (seconds := _remaining(deadline, LISTEN_SECONDS)) > 0:
            if not _tried(subscription.get_message, timeout=seconds):
                # It subscribes again by itself as soon as Redis is back.
                time.sleep(min(seconds, POLL_SECONDS))
            yield


def _tried(ask: Callable[..., object], *args: Any, **options: Any) -> bool:
    from redis.exceptions import RedisError

    try:
        ask(*args, **options)
    except RedisError:
        return False
    return True


def _polled(deadline: float | None) -> Iterator[None]:
    yield
    while (seconds := _remaining(deadline, POLL_SECONDS)) > 0:
        time.sleep(seconds)
        yield


def _remaining(deadline: float | None, at_most: float) -> float:
    return at_most if deadline is None else min(at_most, deadline - time.monotonic())
