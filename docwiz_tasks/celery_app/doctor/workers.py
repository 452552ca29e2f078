"""Whether workers consume our queues and know our tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding

if TYPE_CHECKING:
    from celery import Celery

    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["worker_findings"]

ANSWER_SECONDS = 1.0
_SOLO = "celery.concurrency.solo:"


def worker_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Ask the workers that run now."""
    app = docwiz.app
    try:
        queues, tasks, solo = within(lambda: _asked(app))
    except Exception as error:
        yield Finding("warning", "workers", f"can't be asked ({type(error).__name__}).")
        return
    for task, queue in docwiz.queues_by_task().items():
        # Celery drops a message whose task the worker doesn't know.
        for worker in (name for name in queues if queue in queues[name]):
            if task not in tasks.get(worker, ()):
                yield Finding(
                    "problem",
                    "workers",
                    f"{worker} consumes {queue} without knowing {task}, and drops its jobs; have"
                    " its app call docwiz_tasks.register(app).",
                )
    ours = set(docwiz.queues_by_task().values())
    for worker in sorted(name for name in solo if queues.get(name, set()) & ours):
        yield Finding(
            "warning",
            "workers",
            f"{worker} runs with --pool=solo: SIGQUIT fails the job that it runs; stop it with"
            " SIGTERM.",
        )
    for queue in dict.fromkeys(docwiz.queues_by_task().values()):
        count = sum(queue in consumed for consumed in queues.values())
        if count:
            yield Finding("ok", "workers", f"{count} consume {queue}.")
        else:
            yield Finding(
                "warning",
                "workers",
                f"none that answers consumes {queue}; start one without -Q, or with -Q {queue}.",
            )


def _asked(app: Celery) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]], set[str]]:
    """Return, by worker, the queues that it consumes and the tasks that it knows; and who is solo.

    A solo worker raises NotImplementedError inside the task that it runs when it is to stop
    at once: https://github.com/celery/celery/issues/10490.
    """
    inspect = app.control.inspect(timeout=ANSWER_SECONDS)
    queues: Mapping[str, Any] = inspect.active_queues() or {}
    if not queues:
        return {}, {}, set()
    tasks: Mapping[str, Any] = inspect.registered() or {}
    stats: Mapping[str, Any] = inspect.stats() or {}
    return (
        {worker: {queue["name"] for queue in found} for worker, found in queues.items()},
        {worker: {task.partition(" ")[0] for task in found} for worker, found in tasks.items()},
        {worker for worker, found in stats.items() if _pool(found).startswith(_SOLO)},
    )


def _pool(stats: Mapping[str, Any]) -> str:
    return str(stats.get("pool", {}).get("implementation", ""))
