"""Bringing back jobs that nobody runs and whose message is gone."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from celery import Celery, bootsteps

from docwiz_tasks.celery_app import broker
from docwiz_tasks.celery_app.queues import queues_of
from docwiz_tasks.celery_app.webhooks import resend
from docwiz_tasks.errors import DocWizError

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["add_rescue", "rescue"]

logger = logging.getLogger(__name__)


def add_rescue(app: Celery, docwiz: DocWiz) -> None:
    """Have each worker of `app` look for lost jobs now and then, in one of its pool's slots."""

    class Rescue(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)
        timer: Any = None

        def start(self, consumer: Any) -> None:
            seconds = docwiz.settings.rescue_seconds
            self.timer = consumer.timer.call_repeatedly(seconds, _in_pool, (consumer,))

        def stop(self, consumer: Any) -> None:
            # A worker can be stopped before it came as far as to start this.
            if self.timer is not None:
                self.timer.cancel()

    app.steps["consumer"].add(Rescue)


def rescue(docwiz: DocWiz) -> list[str]:
    """Publish again what was lost, and return the jobs' ids.

    A worker that died leaves its message to the visibility timeout, up to an hour; a
    message that a dying worker had just taken, or that Redis forgot, never comes back.
    That a message comes twice harms nobody. Of a job that ended, plugins are told now if
    its worker died before it told them.
    """
    from docwiz_tasks.celery_app.ending import tell_end
    from docwiz_tasks.jobs.housekeeping import open_jobs
    from docwiz_tasks.jobs.lease import Lease

    settings = docwiz.settings
    now = datetime.now(UTC)
    grace = timedelta(seconds=settings.rescue_seconds)
    died, silent = [], []
    for journal in open_jobs(docwiz.store):
        if (end := journal.end()) is not None:
            # Whoever ended it may be just about to tell.
            if journal.told(end) or now - (end.at or now) > grace:
                tell_end(docwiz, journal, end)
            continue
        publication = journal.publication()
        if publication is None:
            continue
        lease = Lease(journal, settings.lease_seconds)
        if lease.held():
            continue
        published_at = datetime.fromisoformat(publication["at"])
        # By number, not by time: a worker can begin before the submission is noted.
        if lease.died() > publication["deliveries"]:
            died.append(journal)
        elif now - max(published_at, lease.left_at() or published_at) > grace:
            silent.append(journal)
    if silent:
        waiting = broker.waiting(docwiz.app, queues_of(docwiz.app, docwiz.queues_by_task()))
        silent = [job for job in silent if waiting is not None and job.job_id not in waiting]
    for journal in (lost := [*died, *silent]):
        docwiz.publish(journal)
    return [journal.job_id for journal in lost]


def _in_pool(consumer: Any) -> None:
    # Not here in the worker's main process: an object store that it has used can't be
    # used by the children that it forks.
    consumer.pool.apply_async(_rescue_of_current_app)


def _rescue_of_current_app() -> None:
    from celery import current_app

    from docwiz_tasks.celery_app.registration import registered

    try:
        docwiz = registered(current_app._get_current_object())
        resend(docwiz)
        rescued = rescue(docwiz)
    except DocWizError as error:
        logger.warning("Lost jobs can't be looked for now: %s", error.code)
    except Exception as error:
        logger.warning("Lost jobs can't be looked for now: %s", type(error).__name__)
    else:
        for job_id in rescued:
            logger.warning("Job %s was lost and is sent again", job_id)
