"""All endpoints as one router."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.web.authorization import Authorize, Guard
from docwiz_tasks.web.files import add_files
from docwiz_tasks.web.hub import Hub
from docwiz_tasks.web.images import add_images
from docwiz_tasks.web.live import add_live
from docwiz_tasks.web.problems import ProblemRoute, UnknownPath
from docwiz_tasks.web.submissions import add_submissions
from docwiz_tasks.web.tasks import add_tasks

__all__ = ["create_router"]


def create_router(docwiz: DocWiz, *, authorize: Authorize) -> APIRouter:
    """Return a router with the REST endpoints, the WebSocket and the event stream.

    Args:
        docwiz: what `register` returned.
        authorize: called before every action with the request (or WebSocket), the action
            and a mapping of the ids that it touches. It refuses by raising (an
            ``HTTPException`` keeps its status) or by returning False. Actions are
            ``images.create``, then ``images.created`` with the new photo's id, to note whose
            it is; ``visualizations.create``, ``comparisons.create``, ``exports.create``,
            ``cost_infographics.create``, ``tasks.read``, ``tasks.cancel`` and ``files.read``.
    """
    guard, hub = Guard(authorize), Hub(docwiz)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await hub.close()

    router = APIRouter(route_class=ProblemRoute, tags=["docwiz"], lifespan=lifespan)
    add_images(router, docwiz, guard)
    add_submissions(router, docwiz, guard, hub)
    add_tasks(router, docwiz, guard)
    add_files(router, docwiz, guard)
    add_live(router, docwiz, guard, hub)
    router.add_api_route(
        "/{path:path}",
        _nothing,
        name="docwiz_unknown",
        include_in_schema=False,
        route_class_override=UnknownPath,
    )
    return router


async def _nothing() -> None:
    """Stand for the answer, which the route gives itself."""
