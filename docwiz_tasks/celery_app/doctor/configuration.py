"""Whether the host's Celery settings fit long jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docwiz_tasks.celery_app.doctor.finding import Finding
from docwiz_tasks.celery_app.tasks import TASKS

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["configuration_findings", "hard_limit"]


def configuration_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Look at the settings that bear on our tasks, without connecting to anything."""
    conf = docwiz.app.conf
    # Celery has had the second one since 5.6.
    if conf.worker_prefetch_multiplier == 1 or conf.get("worker_disable_prefetch"):
        yield Finding("ok", "prefetch", "a worker takes no more jobs than it runs.")
    else:
        yield Finding(
            "warning",
            "prefetch",
            f"worker_prefetch_multiplier is {conf.worker_prefetch_multiplier}: one worker hoards"
            " jobs while another sits idle; set it to 1.",
        )
    if conf.worker_cancel_long_running_tasks_on_connection_loss:
        yield Finding(
            "warning",
            "connection loss",
            "worker_cancel_long_running_tasks_on_connection_loss is on: a restart of the broker"
            " revokes and loses the jobs that run; set it to False.",
        )
    else:
        yield Finding("ok", "connection loss", "jobs go on when the broker goes away.")
    overridden = list(_overridden(docwiz))
    yield from overridden
    if not overridden:
        yield Finding("ok", "limits", f"each task ends within {hard_limit(docwiz):g} seconds.")


def hard_limit(docwiz: DocWiz) -> float:
    """Return the longest that one of our tasks may take, whoever set it."""
    limits = [docwiz.app.tasks[spec.name].time_limit for spec in TASKS]
    return max(limit or docwiz.settings.time_limit_seconds for limit in limits)


def _overridden(docwiz: DocWiz) -> Iterator[Finding]:
    settings = docwiz.settings
    ours: dict[str, Any] = {
        "time_limit": settings.time_limit_seconds,
        "soft_time_limit": settings.soft_time_limit_seconds,
        "acks_late": True,
        "reject_on_worker_lost": True,
    }
    # The tasks are asked and not task_annotations, which can be objects with methods.
    for option, value in ours.items():
        names = [spec.name for spec in TASKS if _of(docwiz, spec.name, option) != value]
        if names:
            found = _of(docwiz, names[0], option)
            usual = value if isinstance(value, bool) else f"{value:g}"
            where = "all our tasks" if len(names) == len(TASKS) else ", ".join(names)
            yield Finding(
                "warning",
                "limits",
                f"task_annotations sets {option} to {found} for {where}, in place of {usual};"
                f" {_advice(option)}.",
            )


def _of(docwiz: DocWiz, name: str, option: str) -> Any:
    return getattr(docwiz.app.tasks[name], option)


def _advice(option: str) -> str:
    if option.endswith("time_limit"):
        return f"leave it out, and set DOCWIZ_{option.upper()}_SECONDS"
    return "leave it out, or a job is lost with its worker"
