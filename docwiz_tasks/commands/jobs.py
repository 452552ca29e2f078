"""The commands about a job that was submitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from docwiz_tasks.commands.host import host_of
from docwiz_tasks.errors import WaitTimeout

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.status import JobStatus

__all__ = ["cancel", "status", "watch"]


@click.command()
@click.argument("job_id")
@click.pass_context
def status(context: click.Context, job_id: str) -> None:
    """Print a job's status as JSON; exit with 1 if nobody submitted it."""
    found = host_of(context).job(job_id).status()
    click.echo(_json(found, indent=2))
    context.exit(1 if found.state == "UNKNOWN" else 0)


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="Print each status as a line of JSON.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="How many seconds to watch at most.",
)
@click.pass_context
def watch(context: click.Context, job_id: str, as_json: bool, seconds: float | None) -> None:
    """Print a job's status at each change; exit with 0 only if it succeeded."""
    last = None
    for last in host_of(context).job(job_id).watch(seconds):
        sentence = f"{last.progress:3} %  {last.state:<8}  {last.status}"
        click.echo(_json(last) if as_json else sentence)
    if last is not None and not last.ready and last.state != "UNKNOWN":
        raise WaitTimeout(f"The job had not ended after {seconds} seconds; it goes on.")
    context.exit(0 if last is not None and last.successful else 1)


@click.command()
@click.argument("job_id")
@click.pass_context
def cancel(context: click.Context, job_id: str) -> None:
    """Stop a job: at once if it is queued, at its next step if it runs."""
    job = host_of(context).job(job_id)
    job.cancel()
    found = job.status()
    if not found.ready:
        click.echo("The job stops at its next step.")
    elif found.state == "REVOKED":
        click.echo("The job is cancelled.")
    else:
        click.echo(f"The job had ended already: {found.state}.", err=True)
        context.exit(1)


def _json(found: JobStatus, indent: int | None = None) -> str:
    return json.dumps(found.model_dump(mode="json"), indent=indent)
