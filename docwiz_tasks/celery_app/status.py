"""A job's status: the store's word first, then the result backend's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Celery, states
from pydantic import BaseModel, ConfigDict

from docwiz_tasks.celery_app import broker
from docwiz_tasks.errors import DocWizError, JobLost
from docwiz_tasks.jobs.journal import Document, End, Journal
from docwiz_tasks.jobs.lease import Lease

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["LOST", "UNKNOWN", "JobStatus", "advanced", "is_lost", "read_status"]

logger = logging.getLogger(__name__)

UNKNOWN, LOST = "UNKNOWN", "LOST"

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
        state: Celery's word; ``PROGRESS``; ``UNKNOWN`` for an id that nobody submitted;
            ``LOST`` for a job that the broker lost, until it is submitted again.
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


def read_status(docwiz: DocWiz, journal: Journal) -> JobStatus:
    """Return a job's status.

    Args:
        docwiz: whose job it is; its app's result backend knows how far a running one is.
        journal: what the store knows of it; an end there is the truth.
    """
    if (end := journal.end()) is not None:
        return _ended(journal, end)
    lease = Lease(journal, docwiz.settings.lease_seconds)
    # Before Celery is asked: of a run that begins from here on it can't tell the end.
    last = lease.last()
    state, value = _backend(docwiz.app, journal.job_id)
    if lease.held():
        return _running(journal, state, value)
    if state in states.READY_STATES:
        # It may have ended while we looked.
        if end := journal.end():
            return _ended(journal, end)
        # Celery can tell of a run's end late, when the job was reopened meanwhile: as long
        # as nobody has begun it again, its word is about the run before.
        before = journal.deliveries_before_reopened()
        if not before or last > before:
            return _ended_by_celery(journal, state, value)
    progress = journal.progress()
    if journal.request() is None:
        return _open(journal, UNKNOWN, "Nobody submitted a job with this id", 0)
    if is_lost(docwiz.app, journal):
        sentence = "The broker lost this job; submit it again with the same idempotency key."
        return _open(journal, LOST, sentence, progress)
    if state == states.RETRY:
        return _open(journal, state, "Waiting to be tried again", progress)
    if lease.last():
        return _open(journal, states.STARTED, "Waiting for a worker to go on", progress)
    if journal.publication() is None:
        return _open(journal, states.PENDING, "Not sent yet; submit it again", 0)
    return _open(journal, states.PENDING, "Waiting in the queue", 0)


def is_lost(app: Celery, journal: Journal) -> bool:
    """Say whether the broker has lost a job that nobody runs and that hasn't ended."""
    publication = journal.publication()
    if publication is None or publication["epoch"] is None:
        return False
    present = broker.epoch(app)
    return present is not None and present != publication["epoch"]


def advanced(status: JobStatus, meta: Document) -> JobStatus:
    """Return a running job's status after one more progress update.

    Args:
        status: as it was.
        meta: the update as it was sent.
    """
    shown = max(status.progress, meta.get("progress", 0))
    sentence = meta.get("status", "")
    changes = {"state": "PROGRESS", "status": sentence, "progress": shown, "meta": meta}
    return status.model_copy(update=changes)


def _running(journal: Journal, state: str, value: object) -> JobStatus:
    progress = journal.progress()
    if state == "PROGRESS" and isinstance(value, dict):
        shown = max(progress, value.get("progress", 0))
        return _open(journal, state, value.get("status", ""), shown, value)
    return _open(journal, states.STARTED, "Running", progress, {})


def _open(
    journal: Journal, state: str, sentence: str, progress: int, meta: Document | None = None
) -> JobStatus:
    error = None
    if state == LOST:
        error = {"code": JobLost.code, "message": sentence, "retryable": JobLost.retryable}
    return JobStatus(
        task_id=journal.job_id,
        state=state,
        ready=False,
        successful=False,
        status=sentence,
        progress=progress,
        meta=meta or {},
        result=None,
        error=error,
    )


def _ended(journal: Journal, end: End) -> JobStatus:
    success = end.state == states.SUCCESS
    return JobStatus(
        task_id=journal.job_id,
        state=end.state,
        ready=True,
        successful=success,
        status="Completed" if success else (end.error or {})["message"],
        progress=100 if success else journal.progress(),
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
