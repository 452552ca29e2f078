"""The commands on a host's app, as ``celery -A HOST docwiz``."""

from __future__ import annotations

import click

from docwiz_tasks.commands.examining import doctor, plugins
from docwiz_tasks.commands.host import Commands
from docwiz_tasks.commands.jobs import cancel, status, watch
from docwiz_tasks.commands.keeping import dead, prune, reindex, retry
from docwiz_tasks.commands.submitting import add_image, compare, export, infographic, visualize

__all__ = ["COMMANDS", "docwiz"]

COMMANDS = (
    doctor,
    plugins,
    add_image,
    visualize,
    compare,
    export,
    infographic,
    status,
    watch,
    cancel,
    dead,
    retry,
    prune,
    reindex,
)


@click.group(cls=Commands)
def docwiz() -> None:
    """Previews, comparisons, reports and cost infographics."""


for _command in COMMANDS:
    docwiz.add_command(_command)
