"""The ``docwiz-tasks`` command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from docwiz_tasks.errors import DocWizError

__all__ = ["main"]


@click.group()
@click.version_option(package_name="docwiz-tasks")
def commands() -> None:
    """Previews, comparisons, reports and cost infographics on Celery."""


@commands.command()
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


def main() -> None:
    """Run the command; an error of ours is a sentence and status 1."""
    try:
        commands()
    except DocWizError as error:
        click.echo(f"Error ({error.code}): {error}", err=True)
        sys.exit(1)
