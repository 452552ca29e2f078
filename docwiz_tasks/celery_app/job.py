"""A job in a host's hand: its status, its result, and the way to stop it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docwiz_tasks.celery_app.ending import tell_end
from docwiz_tasks.celery_app.status import LOST, UNKNOWN, JobStatus, read_status
from docwiz_tasks.celery_app.submission import sending
from docwiz_tasks.celery_app.watching import changes
from docwiz_tasks.errors import (
    JobLost,
    JobNotFailed,
    SubmissionFailed,
    UnknownJob,
    WaitTimeout,
    error_from,
)
from docwiz_tasks.jobs.housekeeping import unlist_as_dead
from docwiz_tasks.jobs.journal import End
from docwiz_tasks.jobs.lease import Lease

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["Job"]

logger = logging.getLogger(__name__)

_CANCELLED = {"code": "job_cancelled", "message": "The job was cancelled.", "retryable": False}


class Job:
    """One job, by its id.

    Args:
        docwiz: where it was submitted.
        id: the Celery task id.
    """

    def __init__(self, docwiz: DocWiz, id: str) -> None:
        self.id = id
        self._docwiz = docwiz
        self._journal = docwiz.journal(id)

    def __repr__(self) -> str:
        return f"<Job {self.id}>"

    def status(self) -> JobStatus:
        """Return how the job stands now."""
        return read_status(self._docwiz, self._journal)

    def watch(self, timeout: float | None = None) -> Iterator[JobStatus]:
        """Yield the status now and at each change, to the end.

        Args:
            timeout: how many seconds to watch at most.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        last = None
        for _ in changes(self._docwiz.app, self.id, deadline):
            status = self.status()
            if status != last:
                yield status
            if status.ready or status.state in (UNKNOWN, LOST):
                return
            last = status

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end and return the result.

        Args:
            timeout: how many seconds to wait at most.

        Raises:
            DocWizError: it failed, with this error.
            JobCancelled: it was cancelled.
            UnknownJob: nobody submitted it.
            JobLost: the broker lost it.
            WaitTimeout: it had not ended by then; it goes on.
        """
        for status in self.watch(timeout):
            if status.state == UNKNOWN:
                raise UnknownJob("Nobody submitted a job with this id.")
            if status.state == LOST:
                raise JobLost(status.status)
            if not status.ready:
                continue
            if status.result is not None:
                return status.result
            raise error_from(**(status.error or {}))
        raise WaitTimeout(f"The job had not ended after {timeout} seconds; it goes on.")

    def cancel(self) -> None:
        """Stop the job: at once if it is queued, at its next step at the latest if it runs.

        A job that has ended stays as it is.

        Raises:
            UnknownJob: nobody submitted it.
        """
        if self.status().state == UNKNOWN:
            raise UnknownJob("Nobody submitted a job with this id.")
        self._journal.cancel()
        # A worker takes the lease before it looks for the mark: if nobody holds it here,
        # whoever takes it will find the mark, and the job never runs again.
        if not Lease(self._journal, self._docwiz.settings.lease_seconds).held():
            end = self._journal.finish(End("REVOKED", error=_CANCELLED))
            self._tell_celery(end)
            tell_end(self._docwiz, self._journal, end)

    def retry(self) -> None:
        """Run a job that failed again, from its last committed step.

        Raises:
            JobNotFailed: it hasn't ended, or not as a failure.
            SubmissionFailed: the broker did not take it; try again.
        """
        end = self._journal.end()
        if end is None or end.state != "FAILURE":
            raise JobNotFailed("Only a job that failed can be run again.")
        lease = Lease(self._journal, self._docwiz.settings.lease_seconds)
        lease.forgive()
        self._journal.reopen(lease.last())
        try:
            # Else Celery's word of the failure would count until the job runs.
            with sending():
                self._docwiz.app.backend.forget(self.id)
            self._docwiz.publish(self._journal)
        except SubmissionFailed:
            self._journal.finish(end)
            raise
        unlist_as_dead(self._docwiz.store, self.id)

    def _tell_celery(self, end: End) -> None:
        if end.state != "REVOKED":
            return
        try:
            self._docwiz.app.backend.mark_as_revoked(self.id, "cancelled")
        except Exception as error:
            # Those who watch read the store again before long.
            logger.warning("The result backend wasn't told: %s", type(error).__name__)
