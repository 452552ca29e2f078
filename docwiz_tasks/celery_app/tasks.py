"""The four Celery tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import Celery, Task

from docwiz_tasks.celery_app import config
from docwiz_tasks.celery_app.execution import Recipe, perform
from docwiz_tasks.celery_app.submission import submit
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.jobs.requests import (
    ComparisonRequest,
    ExportRequest,
    InfographicRequest,
    JobRequest,
    VisualizationRequest,
)

if TYPE_CHECKING:
    from celery.result import AsyncResult

    from docwiz_tasks.celery_app.docwiz import DocWiz
    from docwiz_tasks.jobs.journal import Document
    from docwiz_tasks.jobs.resources import Resources
    from docwiz_tasks.jobs.run import Run

__all__ = ["TASKS", "DocWizTask", "add_tasks"]


class DocWizTask(Task):  # type: ignore[misc]
    """Base of the four tasks: checked when submitted, run step by step, never lost."""

    abstract = True
    docwiz: DocWiz
    request_type: type[JobRequest]
    recipe: Recipe

    acks_late = True
    reject_on_worker_lost = True
    track_started = True
    ignore_result = False
    throws = (DocWizError,)

    # Read when needed and not when the app is registered: host packages can give
    # default settings, and finding them reads files.
    @property
    def time_limit(self) -> float:
        """Return the hard limit in seconds."""
        return self.docwiz.settings.time_limit_seconds

    @property
    def soft_time_limit(self) -> float:
        """Return the soft limit in seconds."""
        return self.docwiz.settings.soft_time_limit_seconds

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Check the arguments, keep the request, and then publish it.

        Raises:
            InvalidRequest: an argument is wrong.
            NotFound: what it names isn't there.
            SubmissionFailed: the broker did not take it.
        """

        def publish(job_id: str) -> AsyncResult:
            return super(DocWizTask, self).apply_async(args, kwargs, task_id=job_id, **options)

        return submit(self, args or (), kwargs or {}, task_id, publish)


async def _visualize(run: Run, request: VisualizationRequest, resources: Resources) -> Document:
    from docwiz_tasks.jobs.visualization import visualize

    return await visualize(run, request, resources)


async def _compare(run: Run, request: ComparisonRequest, resources: Resources) -> Document:
    from docwiz_tasks.jobs.comparison import compare

    return await compare(run, request, resources)


async def _export(run: Run, request: ExportRequest, resources: Resources) -> Document:
    from docwiz_tasks.jobs.export import export

    return await export(run, request, resources)


async def _draw_infographic(
    run: Run, request: InfographicRequest, resources: Resources
) -> Document:
    from docwiz_tasks.jobs.infographic import draw_infographic

    return await draw_infographic(run, request, resources)


def generate_visualization_task(
    self: DocWizTask, image_id: str, procedure_id: str, patient_id: str | None = None
) -> Document:
    """Show one procedure on a photo, before and after."""
    return perform(
        self, {"image_id": image_id, "procedure_id": procedure_id, "patient_id": patient_id}
    )


def generate_comparison_task(
    self: DocWizTask, image_id: str, procedure_ids: list[str], patient_id: str | None = None
) -> Document:
    """Show several procedures on one photo, side by side."""
    return perform(
        self, {"image_id": image_id, "procedure_ids": procedure_ids, "patient_id": patient_id}
    )


def generate_export_task(
    self: DocWizTask,
    patient_id: str,
    visualization_ids: list[str] | None = None,
    format: str = "pdf",
    shareable: bool = False,
    cost_breakdown_ids: list[str] | None = None,
    comparison_ids: list[str] | None = None,
    include_visualizations: bool = True,
    include_cost_estimates: bool = True,
    include_comparisons: bool = True,
) -> Document:
    """Make a patient's report."""
    return perform(
        self,
        {
            "patient_id": patient_id,
            "visualization_ids": visualization_ids,
            "format": format,
            "shareable": shareable,
            "cost_breakdown_ids": cost_breakdown_ids,
            "comparison_ids": comparison_ids,
            "include_visualizations": include_visualizations,
            "include_cost_estimates": include_cost_estimates,
            "include_comparisons": include_comparisons,
        },
    )


def generate_cost_infographic_task(
    self: DocWizTask, cost_breakdown_id: str, format: str = "png"
) -> Document:
    """Draw a cost breakdown."""
    return perform(self, {"cost_breakdown_id": cost_breakdown_id, "format": format})


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What makes one of the four tasks."""

    name: str
    body: Callable[..., Document]
    request_type: type[JobRequest]
    recipe: Recipe


TASKS = (
    TaskSpec(config.VISUALIZATION, generate_visualization_task, VisualizationRequest, _visualize),
    TaskSpec(config.COMPARISON, generate_comparison_task, ComparisonRequest, _compare),
    TaskSpec(config.EXPORT, generate_export_task, ExportRequest, _export),
    TaskSpec(
        config.INFOGRAPHIC, generate_cost_infographic_task, InfographicRequest, _draw_infographic
    ),
)


def add_tasks(app: Celery, docwiz: DocWiz) -> None:
    """Add the four tasks to `app`, and to no other."""
    for spec in TASKS:
        # Not shared: Celery would give a shared task to every app of the process.
        app.task(
            name=spec.name,
            base=DocWizTask,
            bind=True,
            shared=False,
            docwiz=docwiz,
            request_type=spec.request_type,
            recipe=staticmethod(spec.recipe),
        )(spec.body)
