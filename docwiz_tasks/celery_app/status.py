"""A job's status: the store's word first, then the result backend's."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, states
from pydantic import BaseModel, ConfigDict

from docwiz_tasks.errors import DocWizError
from docwiz_tasks.jobs.journal import Document, End, Journal

__all__ = ["JobStatus", "read_status"]

logger = logging.getLogger(__name__)

# How Celery's own ends are told; a job of ours ends by its own word otherwise.
_CELERY_FAILURES = {
    "TimeLimitExceeded": ("deadline_exceeded", "The job was stopped at its hard time limit."),
    "WorkerLostError": ("worker_lost", "The worker that ran the job died."),
    "NotRegistered": ("task_not_registered", "A worker without docwiz-tasks took the job."),
}


class JobStatus(BaseModel):
    """How a job stands; its fields can be read as items too.

    Args:
        task_id: the job's id.
        state: Celery's word, ``PROGRESS``, or ``UNKNOWN`` for an id that nobody submitted.
        ready: whether it has ended.
        successful: whether it has ended with a result.
        status: a sentence for people.
        progress: 0 to 100.
        meta: the last progress update as it was sent.
        result: the result, when successful.
        error: ``code``, ``message`` and ``retryable``, when it failed or was cancelled.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    task_id: str
    state: str
    ready: bool
    successful: bool
    status: str
    progress: int
    meta: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None

    def __getitem__(self, name: str) -> Any:
        if name not in type(self).model_fields:
            raise KeyError(name)
        return getattr(self, name)


def read_status(app: Celery, journal: Journal) -> JobStatus:
    """Return a job's status.

    Args:
        app: the app whose result backend knows how far it has come.
        journal: what the store knows of it; an end there is the truth.
    """
    if (end := journal.end()) is not None:
        return _ended(journal, end)
    state, value = _backend(app, journal.job_id)
    if state == "PROGRESS" and isinstance(value, dict):
        return _open(journal, "PROGRESS", value.get("status", ""), value.get("progress", 0), value)
    if state in states.READY_STATES:
        return _ended_by_celery(journal, state, value)
    if state in (states.STARTED, states.RETRY) or journal.deliveries():
        progress = max((step.progress for step in journal.steps().values()), default=0)
        sentence = "Waiting to be tried again" if state == states.RETRY else "Running"
        shown = state if state in (states.STARTED, states.RETRY) else states.STARTED
        return _open(journal, shown, sentence, progress, {})
    if journal.request() is None:
        return _open(journal, "UNKNOWN", "Nobody submitted a job with this id", 0, {})
    return _open(journal, states.PENDING, "Waiting in the queue", 0, {})


def _open(journal: Journal, state: str, sentence: str, progress: int, meta: Document) -> JobStatus:
    return JobStatus(
        task_id=journal.job_id,
        state=state,
        ready=False,
        successful=False,
        status=sentence,
        progress=progress,
        meta=meta,
        result=None,
        error=None,
    )


def _ended(journal: Journal, end: End) -> JobStatus:
    progress = 100
    if end.state != "SUCCESS":
        progress = max((step.progress for step in journal.steps().values()), default=0)
    sentence = "Completed" if end.state == "SUCCESS" else (end.error or {})["message"]
    return JobStatus(
        task_id=journal.job_id,
        state=end.state,
        ready=True,
        successful=end.state == "SUCCESS",
        status=sentence,
        progress=progress,
        meta={},
        result=end.result,
        error=end.error,
    )


def _ended_by_celery(journal: Journal, state: str, value: object) -> JobStatus:
    if state == states.SUCCESS and isinstance(value, dict):
        return _ended(journal, End("SUCCESS", result=value.get("result")))
    if state == states.REVOKED:
        code, message = "job_cancelled", "The job was cancelled."
    elif isinstance(value, DocWizError):
        code, message = value.code, value.message
    else:
        name = type(value).__name__
        code, message = _CELERY_FAILURES.get(
            name, ("internal_error", f"The job ended with {name}.")
        )
    error = {"code": code, "message": message, "retryable": code == "worker_lost"}
    return _ended(journal, End("REVOKED" if state == states.REVOKED else "FAILURE", error=error))


def _backend(app: Celery, job_id: str) -> tuple[str, object]:
    try:
        meta = app.backend.get_task_meta(job_id)
    except Exception as error:
        # The store still knows whether the job was submitted, begun or ended.
        logger.warning("The result backend can't be read: %s", type(error).__name__)
        return states.PENDING, None
    return meta["status"], meta.get("result")
