"""The commands that store a photo or submit a job."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from docwiz_tasks.commands.host import host_of
from docwiz_tasks.commands.progress import follow

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.job import Job

__all__ = ["add_image", "compare", "export", "infographic", "visualize"]

Command = TypeVar("Command", bound=Callable[..., Any])

_PATIENT = click.option("--patient", "patient_id", metavar="ID", help="Whose photo it is.")


def _submits(command: Command) -> Command:
    """Give a command the options that all submitting ones have."""
    options = (
        click.option("--wait", is_flag=True, help="Show the progress, then print the result."),
        click.option(
            "--timeout",
            "seconds",
            type=click.FloatRange(min=0, min_open=True),
            help="How many seconds to wait at most.",
        ),
        click.option(
            "--idempotency-key", metavar="KEY", help="The same key gives the same job, once."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("add-image")
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def add_image(context: click.Context, photo: Path) -> None:
    """Check, clean and store a photo; print its image id."""
    click.echo(host_of(context).add_image(photo))


@click.command()
@click.argument("image_id")
@click.argument("procedure_id")
@_PATIENT
@_submits
@click.pass_context
def visualize(
    context: click.Context,
    image_id: str,
    procedure_id: str,
    patient_id: str | None,
    wait: bool,
    seconds: float | None,
    idempotency_key: str | None,
) -> None:
    """Show one procedure on a photo, before and after."""
    docwiz = host_of(context)
    job = docwiz.visualize(image_id, procedure_id, patient_id, idempotency_key=idempotency_key)
    _print(job, "Preview", wait, seconds)


@click.command()
@click.argument("image_id")
@click.argument("procedure_ids", nargs=-1, required=True)
@_PATIENT
@_submits
@click.pass_context
def compare(
    context: click.Context,
    image_id: str,
    procedure_ids: Sequence[str],
    patient_id: str | None,
    wait: bool,
    seconds: float | None,
    idempotency_key: str | None,
) -> None:
    """Show 2 to 8 procedures on one photo, side by side."""
    docwiz = host_of(context)
    job = docwiz.compare(image_id, procedure_ids, patient_id, idempotency_key=idempotency_key)
    _print(job, "Comparison", wait, seconds)


@click.command()
@click.argument("patient_id")
@click.option("--format", default="pdf", show_default=True, help="One of the renderers.")
@click.option("--shareable", is_flag=True, help="Leave out whatever identifies the patient.")
@click.option("--visualization", "visualizations", metavar="ID", multiple=True)
@click.option("--cost-breakdown", "cost_breakdowns", metavar="ID", multiple=True)
@click.option("--comparison", "comparisons", metavar="ID", multiple=True)
@click.option("--without-visualizations", is_flag=True)
@click.option("--without-cost-estimates", is_flag=True)
@click.option("--without-comparisons", is_flag=True)
@_submits
@click.pass_context
def export(
    context: click.Context,
    patient_id: str,
    format: str,
    shareable: bool,
    visualizations: Sequence[str],
    cost_breakdowns: Sequence[str],
    comparisons: Sequence[str],
    without_visualizations: bool,
    without_cost_estimates: bool,
    without_comparisons: bool,
    wait: bool,
    seconds: float | None,
    idempotency_key: str | None,
) -> None:
    """Make a patient's report; of all that there is, unless ids say otherwise."""
    job = host_of(context).export(
        patient_id,
        visualization_ids=visualizations or None,
        format=format,
        shareable=shareable,
        cost_breakdown_ids=cost_breakdowns or None,
        comparison_ids=comparisons or None,
        include_visualizations=not without_visualizations,
        include_cost_estimates=not without_cost_estimates,
        include_comparisons=not without_comparisons,
        idempotency_key=idempotency_key,
    )
    _print(job, "Report", wait, seconds)


@click.command()
@click.argument("cost_breakdown_id")
@click.option("--format", type=click.Choice(["png", "jpeg"]), default="png", show_default=True)
@_submits
@click.pass_context
def infographic(
    context: click.Context,
    cost_breakdown_id: str,
    format: str,
    wait: bool,
    seconds: float | None,
    idempotency_key: str | None,
) -> None:
    """Draw a cost breakdown."""
    docwiz = host_of(context)
    job = docwiz.infographic(cost_breakdown_id, format, idempotency_key=idempotency_key)
    _print(job, "Costs", wait, seconds)


def _print(job: Job, label: str, wait: bool, seconds: float | None) -> None:
    # With a result to come, standard output is the result's alone, so that it can be piped.
    click.echo(job.id, err=wait)
    if wait:
        result = follow(job, label, seconds, to_stderr=True)
        click.echo(json.dumps(result, indent=2))
