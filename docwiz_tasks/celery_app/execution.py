"""One delivery of a job: from the message to its end."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from celery.exceptions import Ignore

from docwiz_tasks.errors import (
    DeadlineExceeded,
    DocWizError,
    InternalError,
    JobCancelled,
    error_from,
)
from docwiz_tasks.jobs.calls import where
from docwiz_tasks.jobs.journal import Document, End, Journal
from docwiz_tasks.jobs.requests import JobRequest, parse
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Progress, Run

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.tasks import DocWizTask

__all__ = ["Recipe", "perform"]

logger = logging.getLogger(__name__)

Recipe = Callable[[Run, Any, Resources], Awaitable[Document]]

# Our own deadline comes just before Celery's signal, in every pool alike.
_OF_SOFT_LIMIT = 0.98


def perform(task: DocWizTask, arguments: Mapping[str, Any]) -> Document:
    """Run a delivered job to its end and return what Celery keeps as its result.

    Raises:
        Ignore: it was cancelled; Celery's state says REVOKED.
        DocWizError: it failed.
    """
    docwiz = task.docwiz
    journal = docwiz.journal(task.request.id or str(uuid.uuid4()))
    end = journal.end()
    if end is None:
        end = _run(task, journal, arguments)
    return _told(task, end)


def _run(task: DocWizTask, journal: Journal, arguments: Mapping[str, Any]) -> End:
    docwiz = task.docwiz
    journal.submit(task.name, arguments)
    run = Run(
        job_id=journal.job_id,
        task=task.name,
        queue=(task.request.delivery_info or {}).get("routing_key"),
        attempt=journal.begin(),
        journal=journal,
        seconds=_seconds(task) * _OF_SOFT_LIMIT,
        report=_reporter(task),
        tell=docwiz.plugins.tell,
    )
    run.tell("started")
    try:
        request = parse(task.request_type, arguments)
        result = asyncio.run(_recipe(task.recipe, run, request, docwiz.resources))
    except JobCancelled as error:
        end = End("REVOKED", error=_document(error))
        kind, code = "cancelled", None
    except Exception as error:
        failure = _failure(error, run)
        end = End("FAILURE", error=_document(failure))
        kind, code = "failed", failure.code
    else:
        end = End("SUCCESS", result=result)
        kind, code = "succeeded", None
    end = journal.finish(end)
    run.tell(kind, error_code=code)  # type: ignore[arg-type]
    return end


async def _recipe(recipe: Recipe, run: Run, request: JobRequest, resources: Resources) -> Document:
    run.check()
    return await recipe(run, request, resources)


def _told(task: DocWizTask, end: End) -> Document:
    if end.state == "SUCCESS":
        return {"status": "completed", "progress": 100, "result": end.result}
    if end.state == "REVOKED":
        if not task.request.is_eager and task.request.id:
            task.backend.mark_as_revoked(task.request.id, "cancelled", request=task.request)
        raise Ignore
    # Made anew, without its cause: a cause's text can hold data, and Celery keeps tracebacks.
    raise error_from(**(end.error or {}))


def _failure(error: Exception, run: Run) -> DocWizError:
    if run.remaining_seconds() <= 0 and not isinstance(error, DeadlineExceeded):
        # Whatever broke then, a signal of Celery's or a call cut short, the time was up.
        logger.warning("Job %s ran out of time: %s", run.job_id, where(error))
        return DeadlineExceeded("The job's time was up before it was done; submit it again.")
    if isinstance(error, DocWizError):
        logger.info("Job %s failed: %s", run.job_id, error.code)
        return error
    logger.error("Job %s failed: %s", run.job_id, where(error))
    return InternalError(
        f"The job failed with {type(error).__name__}: a defect in docwiz-tasks or a plugin."
        " The worker's log says where."
    )


def _document(error: DocWizError) -> Document:
    return {"code": error.code, "message": error.message, "retryable": error.retryable}


def _seconds(task: DocWizTask) -> float:
    _hard, soft = task.request.timelimit or (None, None)
    return float(soft or task.soft_time_limit)


def _reporter(task: DocWizTask) -> Callable[[Progress], None]:
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
            task.update_state(state="PROGRESS", meta=meta)
        except Exception as error:
            # Progress is a courtesy; the job goes on and reports when the backend is back.
            logger.warning("Job %s could not report: %s", task.request.id, type(error).__name__)

    return report
