"""How a job stands, its result, and stopping it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.status import JobStatus
from docwiz_tasks.errors import error_from
from docwiz_tasks.web.authorization import Guard
from docwiz_tasks.web.bodies import StatusBody, Submitted, TaskId
from docwiz_tasks.web.owners import ids_of_job
from docwiz_tasks.web.problems import problem_of, problems
from docwiz_tasks.web.statuses import files_path, submitted, told

__all__ = ["add_tasks", "outcome"]


def add_tasks(router: APIRouter, docwiz: DocWiz, guard: Guard) -> None:
    """Add the endpoints of one job."""

    async def permitted(request: Request, action: str, task_id: str) -> None:
        ids = await run_in_threadpool(ids_of_job, docwiz, task_id)
        await guard.check(request, action, ids)

    @router.get(
        "/tasks/{task_id}/status",
        name="docwiz_status",
        summary="How a job stands",
        response_model=StatusBody,
        responses=problems(401, 403, 404, 422, 503),
    )
    async def status(request: Request, task_id: TaskId) -> StatusBody:
        await permitted(request, "tasks.read", task_id)
        return told(files_path(request), await run_in_threadpool(docwiz.job(task_id).status))

    @router.get(
        "/tasks/{task_id}/result",
        name="docwiz_result",
        summary="A job's result",
        response_model=dict[str, Any],
        responses={
            202: {"model": Submitted, "description": "It has not ended yet"},
            **problems(401, 403, 404, 409, 422, 500, 502, 503, 504),
        },
    )
    async def result(request: Request, task_id: TaskId) -> Response:
        await permitted(request, "tasks.read", task_id)
        return outcome(request, await run_in_threadpool(docwiz.job(task_id).status))

    @router.post(
        "/tasks/{task_id}/cancel",
        name="docwiz_cancel",
        summary="Stop a job",
        response_model=StatusBody,
        responses=problems(401, 403, 404, 422, 503),
    )
    async def cancel(request: Request, task_id: TaskId) -> StatusBody:
        await permitted(request, "tasks.cancel", task_id)
        job = docwiz.job(task_id)
        await run_in_threadpool(job.cancel)
        return told(files_path(request), await run_in_threadpool(job.status))


def outcome(request: Request, status: JobStatus) -> Response:
    """Return a job's result, the problem that it ended with, or where to look for it."""
    if status.result is not None:
        return JSONResponse(status.result)
    if status.error is not None:
        return problem_of(error_from(**status.error))
    body = submitted(request, status.task_id)
    return JSONResponse(body.model_dump(), 202, headers={"Location": body.status_url})
