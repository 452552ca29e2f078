"""Submitting a job: checked, kept in the store, and only then published."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kombu.exceptions import KombuError

from docwiz_tasks.celery_app import broker
from docwiz_tasks.celery_app.status import is_lost
from docwiz_tasks.errors import IdempotencyConflict, InvalidRequest, SubmissionFailed
from docwiz_tasks.jobs.journal import Journal

if TYPE_CHECKING:
    from celery.result import AsyncResult

    from docwiz_tasks.celery_app.tasks import DocWizTask
    from docwiz_tasks.jobs.requests import JobRequest

__all__ = ["sending", "submit"]


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
            arguments, publishes it only if that failed before, or the broker lost it.
        publish: sends the message for a job id.

    Raises:
        InvalidRequest: an argument is wrong.
        NotFound: what it names isn't there.
        SubmissionFailed: the broker did not take it.
    """
    # A process that never submits anything needs none of these.
    from docwiz_tasks.jobs.lease import Lease
    from docwiz_tasks.jobs.lookup import check_request
    from docwiz_tasks.jobs.requests import parse

    request = parse(task.request_type, _named(task.request_type, args, kwargs))
    is_new, job_id = job_id is None, job_id or str(uuid.uuid4())
    journal = task.docwiz.journal(job_id)
    arguments = request.model_dump(mode="json")
    kept = None if is_new else journal.request()
    if kept is None:
        check_request(request, task.docwiz.resources)
        if not journal.submit(task.name, arguments):
            kept = journal.request()
        elif task.docwiz.has_listeners:
            _tell(task, job_id)
    # A run that retries itself is published again under its own id.
    itself = task.request.id == job_id
    deliveries = 0
    if kept is not None:
        if (kept["task"], kept["arguments"]) != (task.name, arguments):
            raise IdempotencyConflict("This id or key was used for a job with other arguments.")
        if not itself and (journal.end() is not None or _is_on_its_way(task, journal)):
            return task.AsyncResult(job_id)
        deliveries = Lease(journal, task.docwiz.settings.lease_seconds).last()
    with sending():
        # Asked first: if the broker loses everything in between, the job counts as lost.
        epoch = broker.begin_epoch(task.app)
        published = publish(job_id)
    if not itself:
        journal.published(epoch, deliveries)
    return published


@contextmanager
def sending() -> Iterator[None]:
    """Tell all that can keep a broker from taking a job as one error.

    Raises:
        SubmissionFailed: the broker did not take it.
    """
    try:
        yield
    except _not_taken() as error:
        raise SubmissionFailed(
            f"The broker did not take the job ({type(error).__name__}); submit it again with the"
            " same idempotency key."
        ) from None


def _not_taken() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    # Celery's result consumer raises a RuntimeError when its Redis stays away.
    return (KombuError, RedisError, OSError, RuntimeError)


def _is_on_its_way(task: DocWizTask, journal: Journal) -> bool:
    return journal.publication() is not None and not is_lost(task.app, journal)


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
    from docwiz_tasks.contracts import JobEvent

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
