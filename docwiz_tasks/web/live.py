"""A job's changes as they happen: by WebSocket, and as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from starlette.types import Message, Send
from starlette.websockets import WebSocketDisconnect

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.web.authorization import Guard, hide_secrets
from docwiz_tasks.web.bodies import TaskId
from docwiz_tasks.web.hub import Hub, Update
from docwiz_tasks.web.owners import ids_of_job
from docwiz_tasks.web.problems import problems
from docwiz_tasks.web.statuses import files_path, told

__all__ = ["add_live"]

HEARTBEAT_SECONDS = 15.0
# A client that doesn't take a message for so long is gone.
SEND_SECONDS = 20.0
_ENDED, _RESTARTS, _TRY_AGAIN, _REFUSED, _UNKNOWN = 1000, 1012, 1013, 4403, 4404
_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["status", "complete"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


def add_live(router: APIRouter, docwiz: DocWiz, guard: Guard, hub: Hub) -> None:
    """Add the WebSocket and the event stream of a job."""

    async def refusal(socket: WebSocket, task_id: str) -> int | None:
        try:
            ids = await run_in_threadpool(ids_of_job, docwiz, task_id)
            await guard.check(socket, "tasks.read", ids)
        except HTTPException:
            return _REFUSED
        except DocWizError as error:
            return _TRY_AGAIN if error.retryable else _UNKNOWN
        return None

    @router.websocket("/ws/tasks/{task_id}", name="docwiz_websocket")
    async def websocket(socket: WebSocket, task_id: TaskId) -> None:
        code = await refusal(socket, task_id)
        hide_secrets(socket)
        if code is not None:
            await socket.close(code)
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
                "content": {"text/event-stream": {"itemSchema": _EVENT}},
            },
            **problems(401, 403, 404, 422, 503),
        },
    )
    async def events(
        request: Request,
        task_id: TaskId,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> Response:
        ids = await run_in_threadpool(ids_of_job, docwiz, task_id)
        await guard.check(request, "tasks.read", ids)
        return _Events(_stream(files_path(request), hub, task_id, _place(last_event_id)))


class _Events(StreamingResponse):
    """A stream of events; a client that doesn't take one in time is let go."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers)

    async def stream_response(self, send: Send) -> None:
        """Send the events."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        with suppress(TimeoutError):
            await super().stream_response(in_time)


async def _send(socket: WebSocket, hub: Hub, task_id: str) -> None:
    files, code = files_path(socket), _RESTARTS
    async with aclosing(hub.watch(task_id)) as updates:
        async for update in updates:
            async with asyncio.timeout(SEND_SECONDS):
                await socket.send_text(_text(files, update))
            code = _ENDED if update.is_last else _RESTARTS
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code)


async def _until_gone(socket: WebSocket) -> None:
    # What clients say doesn't matter, but it has to be taken.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _stream(
    files: str, hub: Hub, task_id: str, after: tuple[str, int] | None
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
                yield (
                    f"id: {update.epoch}-{update.sequence}\nevent: {_kind(update)}\n"
                    f"data: {_text(files, update)}\n\n"
                )
                coming = asyncio.ensure_future(anext(updates))
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming


def _text(files: str, update: Update) -> str:
    """Return a message, made once for all clients that find files at the same place."""
    if files not in update.texts:
        data = told(files, update.status).model_dump(mode="json")
        message = {"type": _kind(update), "sequence": update.sequence, "data": data}
        update.texts[files] = json.dumps(message)
    return update.texts[files]


def _kind(update: Update) -> str:
    return "complete" if update.is_last else "status"


def _place(last_event_id: str | None) -> tuple[str, int] | None:
    epoch, _, number = (last_event_id or "").partition("-")
    return (epoch, int(number)) if number.isascii() and number.isdigit() else None
