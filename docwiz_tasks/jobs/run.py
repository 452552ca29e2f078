"""One run of a job: its steps, each done once, and how far it has come."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, ParamSpec, TypeVar

from docwiz_tasks.contracts import JobEvent
from docwiz_tasks.errors import DeadlineExceeded, JobCancelled
from docwiz_tasks.jobs.heartbeat import LeaseLost
from docwiz_tasks.jobs.journal import Document, Journal, Step
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.jobs.ledger import Ledger
from docwiz_tasks.jobs.past import Past

__all__ = ["Progress", "Run", "Work"]

# Far less than a lease lasts.
_LONG_SECONDS = 1.0

Work = Callable[[], Document | Awaitable[Document]]
P = ParamSpec("P")
T = TypeVar("T")
EventKind = Literal["submitted", "started", "step", "retry", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come: 0 to 100, a sentence, and the step that brought it there."""

    progress: int
    status: str
    step: str | None


class Run:
    """Do a job's steps in order, passing over those that an earlier delivery committed.

    Args:
        job_id: the Celery task id.
        task: the Celery task name.
        queue: the queue that it came from, where that is known.
        attempt: the number of this delivery, from 1.
        lease: the job's, held by this delivery.
        past: what earlier deliveries left.
        deadline: when the run has to end, on the monotonic clock.
        report: is told of each progress; never goes backwards.
        tell: is told of each event; None where nobody listens.
    """

    def __init__(
        self,
        *,
        job_id: str,
        task: str,
        queue: str | None,
        attempt: int,
        lease: Lease,
        past: Past,
        deadline: float,
        report: Callable[[Progress], None],
        tell: Callable[[JobEvent], None] | None,
    ) -> None:
        self.job_id = job_id
        self.attempt = attempt
        # Whether several steps are under way at once.
        self.concurrent = False
        self._task = task
        self._queue = queue
        self._lease = lease
        self._past = past
        self._journal: Journal = lease.journal
        self._deadline = deadline
        self._looked = time.monotonic()
        self._report = report
        self._tell = tell
        self._committed = past.steps()
        self.ledger = Ledger(self._journal, new=past.has_no_calls())
        # The first delivery's time, so that a step that is done again gives the same bytes.
        self.began_at = past.began_at()
        self.progress = max((step.progress for step in self._committed.values()), default=0)

    async def step(
        self, name: str, work: Work, *, status: str, progress: int | Callable[[], int] | None = None
    ) -> Document:
        """Return a step's outcome, from the journal or by doing the work and committing it.

        Args:
            name: the step's name, unique in the job.
            work: does the step; returns plain data for JSON.
            status: a sentence for people, shown when the step is done.
            progress: 0 to 100 with the step done; as before if None.

        Raises:
            JobCancelled: the job was cancelled before the step began.
            LeaseLost: another delivery runs the job.
            DeadlineExceeded: the time was up before the step began.
        """
        if committed := self._committed.get(name):
            return committed.outcome
        self.check()
        outcome = work()
        if inspect.isawaitable(outcome):
            outcome = await outcome
        reached = progress() if callable(progress) else progress
        step = Step(outcome, max(self.progress, reached or 0))
        step = self._committed[name] = await self.aside(self._journal.commit, name, step)
        # Among several steps at once only those that bring the job on are news.
        if reached is not None or not self.concurrent:
            self.advance(step.progress, status, name)
        self.tell("step", step=name)
        return step.outcome

    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what work on pictures or on the disk returns.

        Where several steps are under way it is done in a thread, so that the others go
        on; for a single step that would only cost time.
        """
        if self.concurrent:
            return await asyncio.to_thread(work, *args, **kwargs)
        return work(*args, **kwargs)

    def has(self, name: str) -> bool:
        """Say whether a step is committed."""
        return name in self._committed

    def advance(self, progress: int, status: str, step: str | None = None) -> None:
        """Report progress; a lower number than before counts as that before.

        Raises:
            LeaseLost: another delivery runs the job.
        """
        # One that was taken for dead must not report over the end that another one reached.
        if time.monotonic() - self._looked > _LONG_SECONDS:
            self._keep_lease()
        self.progress = max(self.progress, progress)
        self._report(Progress(self.progress, status, step))

    def check(self) -> None:
        """Stop here if the job was cancelled, taken over, or its time is up.

        Raises:
            JobCancelled: the cancel mark is there.
            LeaseLost: another delivery runs the job.
            DeadlineExceeded: no time is left.
        """
        if self._journal.cancelled():
            raise JobCancelled("The job was cancelled.")
        self._keep_lease()
        if self.remaining_seconds() <= 0:
            raise DeadlineExceeded("The job's time was up before it was done; submit it again.")

    def _keep_lease(self) -> None:
        if self._lease.taken_from(self.attempt):
            raise LeaseLost
        self._looked = time.monotonic()

    def paid_calls(self) -> Document:
        """Return how many calls of providers were made, and how many a replay saved."""
        return {"made": self.ledger.made(), "saved": self._past.saved()}

    def remaining_seconds(self) -> float:
        """Return how much of the job's time is left, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    def held_up_seconds(self) -> float:
        """Return how long ago a provider first held the job up; 0 if that is now."""
        return (datetime.now(UTC) - self._journal.held_up_since()).total_seconds()

    def tell(
        self, kind: EventKind, *, step: str | None = None, error_code: str | None = None
    ) -> None:
        """Tell plugins that something happened."""
        if self._tell is None:
            return
        self._tell(
            JobEvent(
                job_id=self.job_id,
                task=self._task,
                kind=kind,
                step=step,
                progress=self.progress,
                attempt=self.attempt,
                queue=self._queue,
                error_code=error_code,
                at=datetime.now(UTC),
            )
        )
