"""A worker inside this process, for demonstrations and tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, _state
from celery.exceptions import WorkerShutdown
from kombu.asynchronous import get_event_loop, set_event_loop

__all__ = ["embedded_worker"]

START_SECONDS = 30
STOP_SECONDS = 30


@contextmanager
def embedded_worker(
    app: Celery, *, concurrency: int = 2, queues: str | None = None
) -> Iterator[Any]:
    """Run a real worker of `app` with a pool of threads, until the block ends.

    Args:
        app: the app whose tasks it runs.
        concurrency: how many tasks it runs at once.
        queues: as the worker's ``-Q``; all of the app's if None.

    Raises:
        TimeoutError: it did not start, or did not stop, in time.
    """
    started = threading.Event()

    class EmbeddedWorker(app.WorkController):  # type: ignore[misc]
        def on_consumer_ready(self, consumer: Any) -> None:
            started.set()

    worker = EmbeddedWorker(
        app=app,
        pool_cls="threads",
        concurrency=concurrency,
        queues=queues,
        without_gossip=True,
        without_heartbeat=True,
        without_mingle=True,
    )
    thread = threading.Thread(target=worker.start, name="docwiz-worker", daemon=True)
    # The pool's threads look for the task on the process's default app.
    default_app = _state.default_app
    app.set_default()
    thread.start()
    try:
        if not started.wait(START_SECONDS):
            raise TimeoutError(f"The worker did not start within {START_SECONDS} seconds.")
        # The worker forbids waiting for results in its process; its host may wait here.
        _state._set_task_join_will_block(False)
        yield worker
    finally:
        # In its own thread, between two messages: from outside it would lose its connection.
        worker.consumer.call_soon(_shut_down)
        thread.join(STOP_SECONDS)
        _state.set_default_app(default_app)
        # Before kombu 5.6.2 the next worker took it over, and waited for this one's timer.
        if get_event_loop() is getattr(worker, "hub", None):
            set_event_loop(None)
        if thread.is_alive():
            raise TimeoutError(f"The worker did not stop within {STOP_SECONDS} seconds.")


def _shut_down() -> None:
    raise WorkerShutdown(0)
