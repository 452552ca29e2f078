"""Whether the result backend is there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from celery import Celery

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding

__all__ = ["result_findings"]


def result_findings(app: Celery) -> Iterator[Finding]:
    """Ask the result backend something."""
    try:
        backend = app.backend
    except Exception as error:
        kind = type(error).__name__
        yield Finding("problem", "result backend", f"it can't be made ({kind}); check its URL.")
        return
    if type(backend).__name__ == "DisabledBackend":
        yield Finding(
            "problem",
            "result backend",
            "none is set, so progress can't be seen; set result_backend, for example to the"
            " broker's Redis.",
        )
        return
    try:
        within(lambda: _ask(backend))
    except Exception as error:
        reason = str(error) if type(error) is TimeoutError else type(error).__name__
        yield Finding(
            "problem",
            "result backend",
            f"{backend.as_uri()} can't be reached ({reason}); check result_backend.",
        )
        return
    if type(backend).__name__ == "RPCBackend":
        yield Finding(
            "warning",
            "result backend",
            "rpc:// tells progress to the process that submitted the job and to no other; set"
            " result_backend to a Redis or a database.",
        )
        return
    yield Finding("ok", "result backend", f"{backend.as_uri()} answers.")


def _ask(backend: Any) -> None:
    ping = getattr(getattr(backend, "client", None), "ping", None)
    if ping is None:
        backend.get_task_meta(str(uuid.uuid4()))
    else:
        # Reading a result would be retried for longer than anybody waits here.
        ping()
