"""The commands about what jobs leave behind: given up, old, or not yet filed."""

from __future__ import annotations

import re
from datetime import timedelta

import click

from docwiz_tasks.commands.host import host_of

__all__ = ["dead", "prune", "reindex", "retry"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Age(click.ParamType):  # type: ignore[type-arg]
    """A duration such as ``30d``, ``12h``, ``90m`` or ``45s``."""

    name = "age"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return it as a `timedelta`."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d+)([smhd])", value)
        if found is None:
            self.fail("an age is a number and s, m, h or d, for example 30d", param, ctx)
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


@click.command()
@click.pass_context
def dead(context: click.Context) -> None:
    """List the jobs that were given up because their worker died each time."""
    for job in host_of(context).dead_jobs():
        click.echo(f"{job.id}  {job.status().status}")


@click.command()
@click.argument("job_id")
@click.pass_context
def retry(context: click.Context, job_id: str) -> None:
    """Run a job that failed again, from its last committed step."""
    host_of(context).job(job_id).retry()
    click.echo("The job is sent again.")


@click.command()
@click.option("--older-than", type=Age(), required=True, help="How long ago they must have ended.")
@click.option("--results", is_flag=True, help="Remove how they ended, too: nobody can ask then.")
@click.pass_context
def prune(context: click.Context, older_than: timedelta, results: bool) -> None:
    """Remove the working data of jobs that ended; pictures, reports and records stay."""
    pruned = host_of(context).prune(older_than, results=results)
    click.echo(f"{pruned} jobs were pruned.")


@click.command()
@click.option("--all", "everything", is_flag=True, help="All cases, for a new or lost index.")
@click.pass_context
def reindex(context: click.Context, everything: bool) -> None:
    """File the cases that the index of similar cases did not take; exit with 1 if some are left."""
    done = host_of(context).reindex(everything=everything)
    click.echo(f"{done.filed} cases were filed.")
    if done.left:
        raise click.ClickException(f"{done.left} are left. {done.error}")
