"""Telling the result backend how far a job has come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from docwiz_tasks.jobs.run import Progress

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.tasks import DocWizTask

__all__ = ["reporter"]

logger = logging.getLogger(__name__)

_STATE = "PROGRESS"


def reporter(task: DocWizTask) -> Callable[[Progress], None]:
    """Return what shows the progress of the delivery that runs in `task`; it never raises."""

    def report(progress: Progress) -> None:
        if task.request.is_eager or not task.request.id:
            return
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
            _show(task, meta)
        except Exception as error:
            # Progress is a courtesy; the job goes on and reports when the backend is back.
            logger.warning("Job %s could not report: %s", task.request.id, type(error).__name__)

    return report


def _show(task: DocWizTask, meta: dict[str, Any]) -> None:
    backend: Any = task.backend
    if not hasattr(getattr(backend, "client", None), "pubsub"):
        task.update_state(state=_STATE, meta=meta)
        return
    # `update_state` would first ask Redis whether the job has succeeded, in a round trip
    # of its own, and pay for a transaction. A run needs neither: it holds the lease.
    document = backend._get_result_meta(meta, _STATE, None, task.request)
    document["task_id"] = task.request.id
    key = backend.get_key_for_task(task.request.id)
    value = backend.encode(document)
    with backend.client.pipeline(transaction=False) as pipe:
        pipe.set(key, value, ex=backend.expires or None)
        pipe.publish(key, value)
        pipe.execute()
