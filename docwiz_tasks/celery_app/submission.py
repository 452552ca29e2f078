"""Submitting a job: checked, kept in the store, and only then published."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError

from docwiz_tasks.contracts import JobEvent
from docwiz_tasks.errors import IdempotencyConflict, InvalidRequest, SubmissionFailed
from docwiz_tasks.jobs.lookup import check_request
from docwiz_tasks.jobs.requests import JobRequest, parse

if TYPE_CHECKING:
    from celery.result import AsyncResult

    from docwiz_tasks.celery_app.tasks import DocWizTask

__all__ = ["submit"]


def submit(
    task: DocWizTask,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    job_id: str | None,
    publish: Callable[[str], AsyncResult],
) -> AsyncResult:
    """Check a job, keep its request, and publish it.

    Args:
        task: the Celery task.
        args: its positional arguments.
        kwargs: its keyword arguments.
        job_id: the job's id; a new one if None. Submitting an id again, with the same
            arguments, publishes it only if that failed before.
        publish: sends the message for a job id.

    Raises:
        InvalidRequest: an argument is wrong.
        NotFound: what it names isn't there.
        SubmissionFailed: the broker did not take it.
    """
    request = parse(task.request_type, _named(task.request_type, args, kwargs))
    job_id = job_id or str(uuid.uuid4())
    journal = task.docwiz.journal(job_id)
    arguments = request.model_dump(mode="json")
    kept = journal.request()
    if kept is None:
        check_request(request, task.docwiz.resources)
        if journal.submit(task.name, arguments):
            _tell(task, job_id)
        else:
            kept = journal.request()
    if kept is not None and (kept["task"], kept["arguments"]) != (task.name, arguments):
        raise IdempotencyConflict("This id or key was used for a job with other arguments.")
    # A run that retries itself is published again under its own id.
    if journal.was_published() and task.request.id != job_id:
        return task.AsyncResult(job_id)
    try:
        published = publish(job_id)
    except (OperationalError, ConnectionError, TimeoutError) as error:
        raise SubmissionFailed(
            f"The broker did not take the job ({type(error).__name__}); submit it again with the"
            " same idempotency key."
        ) from None
    journal.published()
    return published


def _named(
    model: type[JobRequest], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    names = list(model.model_fields)
    if len(args) > len(names):
        raise InvalidRequest(f"This job takes at most {len(names)} arguments.")
    named = dict(zip(names, args, strict=False))
    if twice := named.keys() & kwargs.keys():
        raise InvalidRequest(f"This job was given an argument twice: {', '.join(sorted(twice))}.")
    return {**named, **kwargs}


def _tell(task: DocWizTask, job_id: str) -> None:
    task.docwiz.plugins.tell(
        JobEvent(
            job_id=job_id,
            task=task.name,
            kind="submitted",
            step=None,
            progress=0,
            attempt=0,
            queue=task.docwiz.queues_by_task().get(task.name),
            error_code=None,
            at=datetime.now(UTC),
        )
    )
