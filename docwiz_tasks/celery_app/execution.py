"""One delivery of a job: from the message to its end, or to its next delivery."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from celery.exceptions import Ignore, SoftTimeLimitExceeded

from docwiz_tasks.celery_app import broker
from docwiz_tasks.celery_app.ending import tell_end
from docwiz_tasks.celery_app.reporting import reporter
from docwiz_tasks.errors import (
    DeadlineExceeded,
    DeliveryLimitExceeded,
    DocWizError,
    InternalError,
    JobCancelled,
    StoreUnavailable,
    error_from,
)
from docwiz_tasks.jobs.calls import where
from docwiz_tasks.jobs.heartbeat import LeaseLost
from docwiz_tasks.jobs.housekeeping import list_as_dead
from docwiz_tasks.jobs.journal import Document, End, Journal
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.jobs.paid import RetryLater
from docwiz_tasks.jobs.past import Past
from docwiz_tasks.jobs.requests import parse
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.tasks import DocWizTask

__all__ = ["TIMED_OUT", "Recipe", "perform"]

logger = logging.getLogger(__name__)

Recipe = Callable[[Run, Any, Resources], Awaitable[Document]]

# Our own deadline comes just before Celery's signal, in every pool alike.
_OF_SOFT_LIMIT = 0.98

# In a message's headers: the delivery before it was stopped at the hard limit.
TIMED_OUT = "docwiz_timed_out"

_STORE_SECONDS = 10.0


def perform(task: DocWizTask, arguments: Mapping[str, Any], began: float) -> Document:
    """Do what a delivery of a job is for and return what Celery keeps as its result.

    Args:
        task: the Celery task.
        arguments: the message's, by name.
        began: when the delivery began, on the monotonic clock.

    Raises:
        Ignore: it was cancelled (Celery's state says REVOKED), or another delivery runs it.
        Retry: it goes on in a later delivery.
        DocWizError: it failed.
    """
    try:
        journal = task.docwiz.journal(task.request.id or str(uuid.uuid4()))
        try:
            names = journal.names()
            end = journal.end() if "end" in names else None
            end = end or _deliver(task, journal, names, arguments, began)
            tell_end(task.docwiz, journal, end, _queue(task))
        except SoftTimeLimitExceeded:
            # Celery's signal can come at any line, even while the end is being kept.
            end = journal.finish(_failed(_out_of_time()))
            tell_end(task.docwiz, journal, end, _queue(task))
    except StoreUnavailable as error:
        # Without its journal a job can neither go on nor end.
        logger.warning("Job %s waits for the store: %s", task.request.id, error.code)
        raise task.retry(countdown=_STORE_SECONDS, max_retries=None) from None
    return _told(task, end)


def _deliver(
    task: DocWizTask,
    journal: Journal,
    names: Collection[str],
    arguments: Mapping[str, Any],
    began: float,
) -> End:
    if "request" not in names and journal.submit(task.name, arguments):
        # Sent by its bare name, from a process that keeps no journal.
        journal.published(broker.epoch(task.app), deliveries=0)
    lease = Lease(journal, task.docwiz.settings.lease_seconds)
    delivery = lease.take(names)
    if delivery is None:
        _step_aside(task)
    number, past = delivery.number, Past(journal, delivery, names)
    with reporter(task) as report:
        run = Run(
            job_id=journal.job_id,
            task=task.name,
            queue=_queue(task),
            attempt=number,
            lease=lease,
            past=past,
            deadline=began + _seconds(task) * _OF_SOFT_LIMIT,
            report=report,
            tell=task.docwiz.plugins.tell if task.docwiz.has_listeners else None,
        )
        try:
            end = _forbidden(task, run, journal, past) or _run(task, run, lease, arguments)
        except RetryLater as later:
            lease.leave(number)
            # Who cancels it from here on sees that nobody runs it, and ends it.
            if not journal.cancelled():
                raise task.retry(countdown=later.seconds, max_retries=None) from None
            end = _cancelled(run)
        except LeaseLost:
            _step_aside(task)
        except BaseException:
            # A shutdown, or a store that went away: the job itself killed nobody.
            lease.leave(number)
            raise
        # While Redis takes the last progress.
        return journal.finish(end)


def _forbidden(task: DocWizTask, run: Run, journal: Journal, past: Past) -> End | None:
    # A cancel that finds the lease taken leaves the rest to who took it.
    if journal.cancelled():
        return _cancelled(run)
    if (task.request.headers or {}).get(TIMED_OUT):
        return _failed(DeadlineExceeded("The job was stopped at its hard time limit."))
    if past.deaths() >= task.docwiz.settings.max_deliveries:
        list_as_dead(task.docwiz.store, run.job_id)
        return _failed(
            DeliveryLimitExceeded(
                f"The job's worker died {past.deaths()} times, so the job was given up."
                " Find out why, then run it again with: docwiz retry."
            )
        )
    return None


def _run(task: DocWizTask, run: Run, lease: Lease, arguments: Mapping[str, Any]) -> End:
    run.tell("started")
    try:
        result = asyncio.run(_recipe(task, run, lease, arguments))
    except JobCancelled:
        return _cancelled(run)
    except (RetryLater, LeaseLost, StoreUnavailable):
        raise
    except Exception as error:
        return _failed(_failure(error, run))
    return End("SUCCESS", result={**result, "paid_calls": run.paid_calls()})


async def _recipe(
    task: DocWizTask, run: Run, lease: Lease, arguments: Mapping[str, Any]
) -> Document:
    loop, recipe = asyncio.get_running_loop(), asyncio.current_task()
    interrupted: list[Exception] = []

    def interrupt(reason: Exception) -> None:
        interrupted.append(reason)
        if recipe is not None:
            loop.call_soon_threadsafe(recipe.cancel)

    request = parse(task.request_type, arguments)
    with task.docwiz.heart.beating(lease, run.attempt, interrupt):
        try:
            async with asyncio.timeout(run.remaining_seconds()):
                return await task.recipe(run, request, task.docwiz.resources)
        except asyncio.CancelledError:
            if interrupted:
                raise interrupted[0] from None
            raise


def _step_aside(task: DocWizTask) -> NoReturn:
    # This message may be all that keeps the job from being lost should the other run's
    # worker die, even its own: copies of one message share their acknowledgement.
    task.publish_again(countdown=task.docwiz.settings.heartbeat_seconds)
    raise Ignore


def _told(task: DocWizTask, end: End) -> Document:
    if end.state == "SUCCESS":
        return {"status": "completed", "progress": 100, "result": end.result}
    if end.state == "REVOKED":
        if not task.request.is_eager and task.request.id:
            task.backend.mark_as_revoked(task.request.id, "cancelled", request=task.request)
        raise Ignore
    # Made anew, without its cause: a cause's text can hold data, and Celery keeps tracebacks.
    raise error_from(**(end.error or {}))


def _cancelled(run: Run) -> End:
    made = run.ledger.made()
    spent = "" if not made else f" Calls of a provider made before that: {made}."
    return End("REVOKED", error=_document(JobCancelled(f"The job was cancelled.{spent}")))


def _failed(error: DocWizError) -> End:
    return End("FAILURE", error=_document(error))


def _failure(error: Exception, run: Run) -> DocWizError:
    timed_out = isinstance(error, SoftTimeLimitExceeded) or run.remaining_seconds() <= 0
    if timed_out and not isinstance(error, DeadlineExceeded):
        # Whatever broke then, if only a call that was cut short, the time was up.
        logger.warning("Job %s ran out of time: %s", run.job_id, where(error))
        return _out_of_time()
    if isinstance(error, DocWizError):
        logger.info("Job %s failed: %s", run.job_id, error.code)
        return error
    logger.error("Job %s failed: %s", run.job_id, where(error))
    return InternalError(
        f"The job failed with {type(error).__name__}: a defect in docwiz-tasks or a plugin."
        " The worker's log says where."
    )


def _out_of_time() -> DeadlineExceeded:
    return DeadlineExceeded("The job's time was up before it was done; submit it again.")


def _document(error: DocWizError) -> Document:
    return {"code": error.code, "message": error.message, "retryable": error.retryable}


def _queue(task: DocWizTask) -> str | None:
    return (task.request.delivery_info or {}).get("routing_key")


def _seconds(task: DocWizTask) -> float:
    _hard, soft = task.request.timelimit or (None, None)
    return float(soft or task.soft_time_limit)
