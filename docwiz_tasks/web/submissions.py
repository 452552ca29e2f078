"""Submitting the four jobs, and waiting for them where that is asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.job import Job
from docwiz_tasks.web.authorization import Guard
from docwiz_tasks.web.bodies import (
    ComparisonBody,
    ExportBody,
    InfographicBody,
    Submitted,
    VisualizationBody,
    export_body,
)
from docwiz_tasks.web.hub import Hub
from docwiz_tasks.web.problems import problems
from docwiz_tasks.web.tasks import outcome

__all__ = ["add_submissions"]

# https://www.rfc-editor.org/rfc/rfc7240#section-4.3
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)

Key = Annotated[
    str | None,
    Header(min_length=1, max_length=200, description="The same key gives the same job, once."),
]
Asynchronous = Annotated[
    bool | None,
    Query(description="False waits for the result, up to a limit; then it is as with true."),
]
Preference = Annotated[
    str | None, Header(max_length=200, description="`wait=N` waits for the result, N seconds.")
]

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The result", "model": dict[str, Any]},
    202: {"description": "Taken; where to hear of it", "model": Submitted},
    **problems(400, 401, 403, 404, 409, 413, 422, 500, 502, 503, 504),
}


def add_submissions(router: APIRouter, docwiz: DocWiz, guard: Guard, hub: Hub) -> None:
    """Add the endpoints that submit jobs."""

    async def submit(
        request: Request,
        action: str,
        body: BaseModel,
        send: Callable[[], Job],
        asynchronous: bool | None,
        preference: str | None,
    ) -> Response:
        ids = {name: v for name, v in body.model_dump().items() if "_id" in name and v}
        if "cost_breakdown_id" in ids:
            kept = await run_in_threadpool(
                docwiz.records.get, "cost_breakdown", ids["cost_breakdown_id"]
            )
            ids["patient_id"] = getattr(kept, "patient_id", None)
        await guard.check(request, action, ids)
        job = await run_in_threadpool(send)
        seconds = _seconds(asynchronous, preference, docwiz.settings.web_wait_seconds)
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds), aclosing(hub.watch(job.id)) as updates:
                    async for _ in updates:
                        pass
        response = outcome(request, await run_in_threadpool(job.status))
        if seconds > 0 and preference is not None and _WAIT.search(preference):
            response.headers["Preference-Applied"] = f"wait={seconds:.0f}"
        return response

    @router.post(
        "/visualizations",
        name="docwiz_visualize",
        summary="Show one procedure on a photo",
        status_code=202,
        responses=_RESPONSES,
    )
    async def visualize(
        request: Request,
        body: VisualizationBody,
        async_processing: Asynchronous = None,
        idempotency_key: Key = None,
        prefer: Preference = None,
    ) -> Response:
        return await submit(
            request,
            "visualizations.create",
            body,
            lambda: docwiz.visualize(**body.model_dump(), idempotency_key=idempotency_key),
            async_processing,
            prefer,
        )

    @router.post(
        "/comparisons",
        name="docwiz_compare",
        summary="Show several procedures on one photo",
        status_code=202,
        responses=_RESPONSES,
    )
    async def compare(
        request: Request,
        body: ComparisonBody,
        async_processing: Asynchronous = None,
        idempotency_key: Key = None,
        prefer: Preference = None,
    ) -> Response:
        return await submit(
            request,
            "comparisons.create",
            body,
            lambda: docwiz.compare(
                body.source_image_id,
                body.procedure_ids,
                body.patient_id,
                idempotency_key=idempotency_key,
            ),
            async_processing,
            prefer,
        )

    async def export(
        request: Request,
        body: ExportBody,
        async_processing: Asynchronous = None,
        idempotency_key: Key = None,
        prefer: Preference = None,
    ) -> Response:
        return await submit(
            request,
            "exports.create",
            body,
            lambda: docwiz.export(**body.model_dump(), idempotency_key=idempotency_key),
            async_processing,
            prefer,
        )

    # The formats are the host's, so its description has a model of its own.
    export.__annotations__["body"] = export_body(lambda: docwiz.plugins.formats(docwiz.settings))
    router.post(
        "/exports",
        name="docwiz_export",
        summary="Make a patient's report",
        status_code=202,
        responses=_RESPONSES,
    )(export)

    @router.post(
        "/cost-infographics",
        name="docwiz_infographic",
        summary="Draw a cost breakdown",
        status_code=202,
        responses=_RESPONSES,
    )
    async def infographic(
        request: Request,
        body: InfographicBody,
        async_processing: Asynchronous = None,
        idempotency_key: Key = None,
        prefer: Preference = None,
    ) -> Response:
        return await submit(
            request,
            "cost_infographics.create",
            body,
            lambda: docwiz.infographic(**body.model_dump(), idempotency_key=idempotency_key),
            async_processing,
            prefer,
        )


def _seconds(asynchronous: bool | None, preference: str | None, most: float) -> float:
    """Return how long to wait: not at all, unless somebody asks for it."""
    asked = _WAIT.search(preference or "")
    if asynchronous is True or (asynchronous is None and asked is None):
        return 0.0
    return min(float(asked[1]), most) if asked else most
