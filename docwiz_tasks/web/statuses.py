"""A job's status as the web tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import HTTPConnection

from docwiz_tasks.celery_app.status import JobStatus
from docwiz_tasks.links import file_id_of
from docwiz_tasks.store import path_of
from docwiz_tasks.store.base import SCHEME
from docwiz_tasks.web.bodies import StatusBody, Submitted

__all__ = ["files_path", "submitted", "told"]


def files_path(connection: HTTPConnection) -> str:
    """Return the path under which this client finds files."""
    return connection.url_for("docwiz_file", file_id="-").path.removesuffix("-")


def told(files: str, status: JobStatus) -> StatusBody:
    """Return a status with links to what its result names.

    Args:
        files: the path under which the client finds files.
        status: the status.
    """
    urls = {url for url in _urls(status.result) if url.startswith(SCHEME)}
    links = {url: files + file_id_of(path_of(url)) for url in sorted(urls)}
    return StatusBody(**status.model_dump(), links=links)


def submitted(connection: HTTPConnection, task_id: str) -> Submitted:
    """Return where to hear of a job."""
    return Submitted(
        task_id=task_id,
        status_url=str(connection.url_for("docwiz_status", task_id=task_id)),
        websocket_url=str(connection.url_for("docwiz_websocket", task_id=task_id)),
    )


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _urls(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _urls(inner)
