"""The commands that look at how a host is set up."""

from __future__ import annotations

import click

from docwiz_tasks.commands.host import host_of

__all__ = ["doctor", "plugins"]

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check settings, store, broker and limits; exit with 1 if there is a problem."""
    from docwiz_tasks.celery_app.doctor import examine

    problems = False
    for finding in examine(host_of(context)):
        problems = problems or finding.level == "problem"
        level = click.style(f"{finding.level:<7}", fg=_COLOURS[finding.level])
        click.echo(f"{level}  {finding.subject}: {finding.message}")
    context.exit(1 if problems else 0)


@click.command()
@click.pass_context
def plugins(context: click.Context) -> None:
    """Show the plugins, what each gives, and which the settings choose."""
    from docwiz_tasks.commands.plugin_table import plugin_table

    for line in plugin_table(host_of(context)):
        click.echo(line)
