"""A job's progress as a bar, to its end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from docwiz_tasks.errors import WaitTimeout

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.job import Job

__all__ = ["follow"]


def follow(
    job: Job, label: str, seconds: float | None = None, *, to_stderr: bool = False
) -> dict[str, Any]:
    """Show a job's progress to its end and return its result.

    Args:
        job: the job.
        label: what stands before the bar.
        seconds: how long to follow it at most.
        to_stderr: leave standard output to the result.

    Raises:
        DocWizError: it failed, with this error.
        WaitTimeout: it had not ended by then; it goes on.
    """
    file = sys.stderr if to_stderr else None
    status = None
    with click.progressbar(length=100, label=f"{label:<18}", width=32, file=file) as bar:
        for status in job.watch(seconds):
            bar.update(status.progress - bar.pos)
    if status is None or not (status.ready or status.state == "UNKNOWN"):
        raise WaitTimeout(f"The job had not ended after {seconds} seconds; it goes on.")
    return job.result()
