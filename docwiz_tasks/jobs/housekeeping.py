"""Which jobs are open, which were given up, and what goes when they have long ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from docwiz_tasks.jobs.journal import JOBS, OPEN, Journal, now
from docwiz_tasks.store import Store

__all__ = ["dead_jobs", "list_as_dead", "open_jobs", "prune", "unlist_as_dead"]

_DEAD = "dead"
_RESULT = ("request", "end", "told")


def list_as_dead(store: Store, job_id: str) -> None:
    """Put a job on the list of those that were given up."""
    store.create(f"{_DEAD}/{job_id}", now().encode())


def unlist_as_dead(store: Store, job_id: str) -> None:
    """Take a job off the list."""
    store.delete(f"{_DEAD}/{job_id}")


def dead_jobs(store: Store) -> list[str]:
    """Return the ids of the jobs on the list."""
    return [path.removeprefix(f"{_DEAD}/") for path in store.list(_DEAD)]


def open_jobs(store: Store) -> list[Journal]:
    """Return the journals of the jobs that were sent and, as far as is known, aren't done with."""
    names = (path.removeprefix(f"{OPEN}/").removesuffix(".json") for path in store.list(OPEN))
    return [Journal(store, name) for name in names]


def prune(store: Store, older_than: timedelta, *, results: bool = False) -> int:
    """Remove the working data of finished jobs and return of how many.

    Pictures, reports and records always stay. A delivery that comes late finds the
    job's end and does nothing, so workers may run meanwhile.

    Args:
        store: where the jobs are.
        older_than: how long ago they must have ended.
        results: remove how they ended as well; their status is unknown from then on.
    """
    before = datetime.now(UTC) - older_than
    pruned = 0
    for job_id, paths in _jobs(store):
        end = Journal(store, job_id).end()
        if end is None or end.at is None or end.at > before:
            continue
        kept = () if results else tuple(f"{JOBS}/{job_id}/{name}.json" for name in _RESULT)
        removed = [path for path in paths if path not in kept]
        # The end goes last: until then the job counts as finished.
        for path in sorted(removed, key=lambda path: path.endswith("/end.json")):
            store.delete(path)
        if results:
            unlist_as_dead(store, job_id)
        pruned += bool(removed)
    return pruned


def _jobs(store: Store) -> Iterator[tuple[str, list[str]]]:
    paths_by_job: dict[str, list[str]] = {}
    for path in store.list(JOBS):
        paths_by_job.setdefault(path.split("/")[1], []).append(path)
    yield from paths_by_job.items()
