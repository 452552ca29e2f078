"""What the worker's main process does with a delivery that ran into its hard limit."""

from __future__ import annotations

import logging
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import TimeLimitExceeded
from celery.worker.request import Request
from celery.worker.state import task_ready

from docwiz_tasks.celery_app.execution import TIMED_OUT

__all__ = ["DeliveryRequest"]

logger = logging.getLogger(__name__)


class DeliveryRequest(Request):  # type: ignore[misc]
    """Have a child write the job's end, where Celery would write one of its own.

    The store is the truth, and this process must not touch it: its children are
    forked from it. So the job is sent once more, marked, and ended by who takes it.
    """

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Say so in the log; `on_failure` was called before for a hard limit."""
        if soft:
            super().on_timeout(soft, timeout)
            return
        logger.error("Hard time limit (%ss) exceeded for %s[%s]", timeout, self.name, self.id)

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> None:
        """Send a job that hit its hard limit once more, to be ended as such."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if not isinstance(error, TimeLimitExceeded):
            super().on_failure(exc_info, *args, **options)
            return
        task_ready(self)
        try:
            self.task.publish_again(countdown=0, request=self._context, headers={TIMED_OUT: True})
        except Exception as failure:
            logger.warning("Job %s could not be sent again: %s", self.id, type(failure).__name__)
            self.reject(requeue=True)
        else:
            self.acknowledge()
