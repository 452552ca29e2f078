"""A job in a host's hand: its status, its result, and the way to stop it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docwiz_tasks.celery_app.status import JobStatus, read_status
from docwiz_tasks.celery_app.watching import changes
from docwiz_tasks.errors import UnknownJob, WaitTimeout, error_from
from docwiz_tasks.jobs.journal import End

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["Job"]

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
        return read_status(self._docwiz.app, self._journal)

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
            if status.ready or status.state == "UNKNOWN":
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
            WaitTimeout: it had not ended by then; it goes on.
        """
        for status in self.watch(timeout):
            if status.state == "UNKNOWN":
                raise UnknownJob("Nobody submitted a job with this id.")
            if not status.ready:
                continue
            if status.result is not None:
                return status.result
            raise error_from(**(status.error or {}))
        raise WaitTimeout(f"The job had not ended after {timeout} seconds; it goes on.")

    def cancel(self) -> None:
        """Stop the job: at once if it is queued, at its next step if it runs.

        A job that has ended stays as it is.

        Raises:
            UnknownJob: nobody submitted it.
        """
        if self.status().state == "UNKNOWN":
            raise UnknownJob("Nobody submitted a job with this id.")
        self._journal.cancel()
        # A worker notes its delivery before it looks for the mark: if there is none
        # here, it will find the mark, and the job never starts.
        if not self._journal.deliveries():
            self._journal.finish(End("REVOKED", error=_CANCELLED))
