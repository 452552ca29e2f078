"""Telling plugins how a job ended: whoever ends it, and again if that one died before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docwiz_tasks.contracts import JobEvent
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.jobs.run import EventKind

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz
    from docwiz_tasks.jobs.journal import End, Journal

__all__ = ["tell_end"]

_KINDS: dict[str, EventKind] = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "REVOKED": "cancelled",
}


def tell_end(docwiz: DocWiz, journal: Journal, end: End, queue: str | None = None) -> None:
    """Tell plugins of a job's end unless they were told, and close the job.

    All that they are told comes from the journal, so it is the same each time.

    Args:
        docwiz: whose plugins are told.
        journal: the job's.
        end: as the journal has it.
        queue: where it came from; its task's own queue if None.
    """
    if docwiz.has_listeners:
        _tell(docwiz, journal, end, queue)
    journal.close()


def _tell(docwiz: DocWiz, journal: Journal, end: End, queue: str | None) -> None:
    request = journal.request()
    if request is None or end.at is None or journal.told(end):
        return
    docwiz.plugins.tell(
        JobEvent(
            job_id=journal.job_id,
            task=request["task"],
            kind=_KINDS[end.state],
            step=None,
            progress=100 if end.state == "SUCCESS" else journal.progress(),
            attempt=Lease(journal, docwiz.settings.lease_seconds).last(),
            queue=queue or docwiz.queues_by_task().get(request["task"]),
            error_code=(end.error or {}).get("code"),
            at=end.at,
        )
    )
    journal.note_told(end)
