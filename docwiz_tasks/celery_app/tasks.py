"""The four Celery tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import Celery, Task

from docwiz_tasks.celery_app import config
from docwiz_tasks.celery_app.broker import publish_options
from docwiz_tasks.errors import DocWizError

if TYPE_CHECKING:
    from celery.app.task import Context
    from celery.result import AsyncResult

    from docwiz_tasks.celery_app.docwiz import DocWiz
    from docwiz_tasks.celery_app.execution import Recipe
    from docwiz_tasks.jobs.journal import Document
    from docwiz_tasks.jobs.requests import (
        ComparisonRequest,
        ExportRequest,
        InfographicRequest,
        JobRequest,
        VisualizationRequest,
    )
    from docwiz_tasks.jobs.resources import Resources
    from docwiz_tasks.jobs.run import Run

__all__ = ["TASKS", "DocWizTask", "add_tasks"]


class DocWizTask(Task):  # type: ignore[misc]
    """Base of the four tasks: checked when submitted, run step by step, never lost."""

    abstract = True
    docwiz: DocWiz
    request_name: str
    recipe: Recipe

    acks_late = True
    reject_on_worker_lost = True
    # A second copy of a message would overwrite the progress of the run it repeats.
    track_started = False
    ignore_result = False
    throws = (DocWizError,)
    # The result is in the store; of what the log says of it the beginning will do.
    resultrepr_maxsize = 64
    Request = "docwiz_tasks.celery_app.delivery:DeliveryRequest"

    @property
    def request_type(self) -> type[JobRequest]:
        """Return the form of the task's arguments."""
        from docwiz_tasks.jobs import requests

        form: type[JobRequest] = getattr(requests, self.request_name)
        return form

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
        from docwiz_tasks.celery_app.submission import submit

        def publish(job_id: str) -> AsyncResult:
            chosen = {**publish_options, **options}
            return super(DocWizTask, self).apply_async(args, kwargs, task_id=job_id, **chosen)

        return submit(self, args or (), kwargs or {}, task_id, publish)

    def perform(self, arguments: Mapping[str, Any]) -> Document:
        """Do what the delivery that runs here is for."""
        # Celery's soft limit counts from here; what follows can take a while the first time.
        began = time.monotonic()
        # A process that only submits jobs needs nothing of what runs them.
        from docwiz_tasks.celery_app.execution import perform

        return perform(self, arguments, began)

    def publish_lost(self, job_id: str, arguments: Mapping[str, Any]) -> None:
        """Send a job whose message is gone; nothing is checked or kept."""
        super().apply_async(None, arguments, task_id=job_id, **publish_options)

    def publish_again(
        self,
        countdown: float,
        request: Context | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a delivered job's message once more, to where it came from.

        Args:
            countdown: how many seconds later it may be taken.
            request: the delivery; the one that runs here if None.
            headers: what to mark it with.
        """
        again = self.signature_from_request(request or self.request, countdown=countdown)
        options = {
            **again.options,
            "headers": {**(again.options.get("headers") or {}), **(headers or {})},
        }
        super().apply_async(again.args, again.kwargs, **options)


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
    return self.perform(
        {"image_id": image_id, "procedure_id": procedure_id, "patient_id": patient_id}
    )


def generate_comparison_task(
    self: DocWizTask, image_id: str, procedure_ids: list[str], patient_id: str | None = None
) -> Document:
    """Show several procedures on one photo, side by side."""
    return self.perform(
        {"image_id": image_id, "procedure_ids": procedure_ids, "patient_id": patient_id}
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
    return self.perform(
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
    return self.perform({"cost_breakdown_id": cost_breakdown_id, "format": format})


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What makes one of the four tasks."""

    name: str
    body: Callable[..., Document]
    request_name: str
    recipe: Recipe


TASKS = (
    TaskSpec(config.VISUALIZATION, generate_visualization_task, "VisualizationRequest", _visualize),
    TaskSpec(config.COMPARISON, generate_comparison_task, "ComparisonRequest", _compare),
    TaskSpec(config.EXPORT, generate_export_task, "ExportRequest", _export),
    TaskSpec(
        config.INFOGRAPHIC, generate_cost_infographic_task, "InfographicRequest", _draw_infographic
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
            request_name=spec.request_name,
            recipe=staticmethod(spec.recipe),
        )(spec.body)
