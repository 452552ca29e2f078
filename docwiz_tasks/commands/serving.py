"""The demonstration as a web page: broker, worker and web server in one process."""

from __future__ import annotations

import socket

import click

from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.commands.demo import embedded_docwiz
from docwiz_tasks.errors import ExtraMissing
from docwiz_tasks.testing.sample import add_sample_case

__all__ = ["run_server"]


def run_server(port: int) -> None:
    """Serve the page on loopback until Ctrl-C.

    Args:
        port: where to listen on 127.0.0.1; any free port if 0.

    Raises:
        ExtraMissing: FastAPI or uvicorn isn't installed.
    """
    try:
        import uvicorn

        from docwiz_tasks.web.demonstration import demonstration
    except ImportError:
        raise ExtraMissing.for_extra("web", "docwiz-tasks serve") from None

    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise click.ClickException(f"Port {port} can't be listened on: {error.strerror}.") from None
    docwiz = embedded_docwiz()
    with listening, embedded_worker(docwiz.app):
        case = add_sample_case(docwiz)
        sample = {
            "image_id": case.image_id,
            "patient_id": case.patient_id,
            "cost_breakdown_id": case.cost_breakdown_id,
        }
        app = demonstration(docwiz, sample)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        click.echo(f"{url}  (a demonstration for this machine; Ctrl-C ends it)")
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
