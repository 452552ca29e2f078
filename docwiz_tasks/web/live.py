"""A job's changes as they happen: by WebSocket, and as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.web.authorization import Guard
from docwiz_tasks.web.hub import Hub, Update
from docwiz_tasks.web.owners import ids_of_job
from docwiz_tasks.web.problems import problems
from docwiz_tasks.web.statuses import told

__all__ = ["add_live"]

HEARTBEAT_SECONDS = 15.0
# A client that doesn't take a message for so long is gone.
SEND_SECONDS = 20.0
_REFUSED, _UNKNOWN, _TRY_AGAIN = 4403, 4404, 1013


def add_live(router: APIRouter, docwiz: DocWiz, guard: Guard, hub: Hub) -> None:
    """Add the WebSocket and the event stream of a job."""

    @router.websocket("/ws/tasks/{task_id}", name="docwiz_websocket")
    async def websocket(socket: WebSocket, task_id: str) -> None:
        try:
            ids = await run_in_threadpool(ids_of_job, docwiz, task_id)
            await guard.check(socket, "tasks.read", ids)
        except HTTPException:
            await socket.close(_REFUSED)
            return
        except DocWizError as error:
            await socket.close(_TRY_AGAIN if error.retryable else _UNKNOWN)
            return
        await socket.accept()
        sending = asyncio.create_task(_send(socket, hub, task_id))
        leaving = asyncio.create_task(_until_gone(socket))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    @router.get(
        "/tasks/{task_id}/events",
        name="docwiz_events",
        summary="A job's changes as server-sent events",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Events `status`, then one `complete`; data as by WebSocket",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **problems(403, 404, 422, 503),
        },
    )
    async def events(
        request: Request,
        task_id: str,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        ids = await run_in_threadpool(ids_of_job, docwiz, task_id)
        await guard.check(request, "tasks.read", ids)
        stream = _stream(request, hub, task_id, _place(last_event_id))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _send(socket: WebSocket, hub: Hub, task_id: str) -> None:
    async with aclosing(hub.watch(task_id)) as updates:
        async for update in updates:
            for message in _messages(socket, update):
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send_json(message)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(1000)


async def _until_gone(socket: WebSocket) -> None:
    # What clients say doesn't matter, but it has to be taken.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _stream(
    request: Request, hub: Hub, task_id: str, after: tuple[str, int] | None
) -> AsyncIterator[str]:
    async with aclosing(hub.watch(task_id, after)) as updates:
        coming = asyncio.ensure_future(anext(updates))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=HEARTBEAT_SECONDS)
                if not done:
                    yield ": still here\n\n"
                    continue
                try:
                    update = coming.result()
                except StopAsyncIteration:
                    return
                for message in _messages(request, update):
                    yield (
                        f"id: {update.epoch}-{update.sequence}\nevent: {message['type']}\n"
                        f"data: {json.dumps(message)}\n\n"
                    )
                coming = asyncio.ensure_future(anext(updates))
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming


def _messages(connection: HTTPConnection, update: Update) -> list[dict[str, Any]]:
    data = told(connection, update.status).model_dump(mode="json")
    kind = "complete" if update.is_last else "status"
    return [{"type": kind, "sequence": update.sequence, "data": data}]


def _place(last_event_id: str | None) -> tuple[str, int] | None:
    epoch, _, number = (last_event_id or "").partition("-")
    return (epoch, int(number)) if number.isascii() and number.isdigit() else None
