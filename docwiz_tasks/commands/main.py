"""The ``docwiz-tasks`` command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from docwiz_tasks.commands.group import COMMANDS
from docwiz_tasks.commands.host import Commands, NamedApp

__all__ = ["main"]


@click.group(cls=Commands)
@click.option(
    "-A",
    "--app",
    metavar="HOST",
    envvar="CELERY_APP",
    help="The host's Celery app, as for celery; not needed for demo.",
)
@click.version_option(package_name="docwiz-tasks")
@click.pass_context
def main(context: click.Context, app: str | None) -> None:
    """Previews, comparisons, reports and cost infographics on Celery."""
    context.obj = NamedApp(app)


for _command in COMMANDS:
    main.add_command(_command)


@main.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docwiz-demo"),
    show_default=True,
    help="Where the ten files are left.",
)
def demo(folder: Path) -> None:
    """Run all four jobs on a sample case, without Redis, keys or a network."""
    from docwiz_tasks.commands.demo import run_demo

    sys.exit(run_demo(folder))
