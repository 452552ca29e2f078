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
    help="The host's Celery app, as for celery; not needed for demo, serve and emulator.",
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


@main.command()
@click.option("--port", default=8099, show_default=True, help="Where to listen on 127.0.0.1.")
@click.option("--delay", default=0.0, metavar="SECONDS", help="How long each picture takes.")
@click.option("--every", default=10, metavar="N", show_default=True, help="Which requests fail.")
@click.option("--fault", "faults", multiple=True, help="How they fail; several take turns.")
@click.option("--list-faults", is_flag=True, help="Name the faults that there are.")
def emulator(
    port: int, delay: float, every: int, faults: tuple[str, ...], list_faults: bool
) -> None:
    """Run Gemini and Freepik on loopback, for tests without keys."""
    from docwiz_tasks.commands.emulating import name_faults, run_emulator

    if list_faults:
        name_faults()
    else:
        run_emulator(port, delay, every, faults)


@main.command()
@click.option("--port", default=8080, show_default=True, help="Where to listen on 127.0.0.1.")
def serve(port: int) -> None:
    """Show the demonstration as a web page, on this machine only."""
    from docwiz_tasks.commands.serving import run_server

    run_server(port)
