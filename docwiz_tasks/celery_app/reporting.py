"""Telling the result backend how far a job has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as ConnectionLost

from docwiz_tasks.celery_app.redis_pool import taken_from
from docwiz_tasks.jobs.run import Progress

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.tasks import DocWizTask

__all__ = ["reporter"]

logger = logging.getLogger(__name__)

_STATE = "PROGRESS"

# Between reports that follow each other faster than this nobody looks whether the connection
# is still there: should one be lost with it, the next says all that it said.
_MOMENT_SECONDS = 0.1


@contextmanager
def reporter(task: DocWizTask) -> Iterator[Callable[[Progress], None]]:
    """Give what shows the progress of the delivery that runs in `task`; it never raises.

    When the block ends, what was shown has arrived.
    """
    if task.request.is_eager or not task.request.id:
        yield lambda _progress: None
        return
    is_redis = hasattr(getattr(task.backend, "client", None), "pubsub")
    line = _RedisLine(task) if is_redis else None

    def report(progress: Progress) -> None:
        meta = {
            "progress": progress.progress,
            "status": progress.status,
            "step": progress.step,
            "current": progress.progress,
            "total": 100,
            "percent": progress.progress,
            "description": progress.status,
        }
        try:
            if line is None:
                task.update_state(state=_STATE, meta=meta)
            else:
                line.show(meta)
        except Exception as error:
            # Progress is a courtesy; the job goes on and reports when the backend is back.
            logger.warning("Job %s could not report: %s", task.request.id, type(error).__name__)

    try:
        yield report
    finally:
        if line is not None:
            line.close()


class _RedisLine:
    """Shows progress as `update_state` does, without making the job wait for Redis.

    That one first asks whether the job has succeeded, which a run that holds the lease
    knows, and waits for each answer. Here answers are read when there is something to
    send again, later than in a moment.
    """

    def __init__(self, task: DocWizTask) -> None:
        self._backend: Any = task.backend
        self._key = self._backend.get_key_for_task(task.request.id)
        document = self._backend._get_result_meta(None, _STATE, None, task.request)
        self._document = {**document, "task_id": task.request.id}
        self._pool = self._backend.client.connection_pool
        self._connection: Any = None
        self._used_at = 0.0
        self._unread = 0

    def show(self, meta: dict[str, Any]) -> None:
        """Keep and publish a state."""
        value = self._backend.encode({**self._document, "result": meta})
        try:
            self._send(value)
        except ConnectionLost:
            self._send(value)

    def close(self) -> None:
        """Wait for the last answers, and give the connection back."""
        if self._connection is None:
            return
        try:
            with self._dropped_if_broken():
                self._read()
        except Exception as error:
            logger.warning("A job could not report: %s", type(error).__name__)
        else:
            self._pool.release(self._connection)

    def _send(self, value: str) -> None:
        now = time.monotonic()
        if self._connection is None:
            self._connection, self._used_at = taken_from(self._pool), now
        expires = ("EX", self._backend.expires) if self._backend.expires else ()
        commands = [("SET", self._key, value, *expires), ("PUBLISH", self._key, value)]
        with self._dropped_if_broken():
            if now - self._used_at > _MOMENT_SECONDS:
                self._read()
                # As the pool finds out whether a connection was closed meanwhile.
                if self._connection.can_read():
                    raise ConnectionLost
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed)
            self._unread, self._used_at = self._unread + len(commands), now

    def _read(self) -> None:
        while self._unread:
            self._connection.read_response()
            self._unread -= 1

    @contextmanager
    def _dropped_if_broken(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # An answer that is still to come would be taken for that of another command.
            connection, self._connection, self._unread = self._connection, None, 0
            connection.disconnect()
            self._pool.release(connection)
            raise
