"""Requests to an ASGI application without a server, byte for byte as they are meant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Headers = Sequence[tuple[bytes, bytes]]
SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What came back; a WebSocket that was let in has the status 101, its messages as body."""

    status: int
    headers: Headers
    body: bytes


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: Headers = (),
    body: Sequence[bytes] = (b"",),
) -> Answer:
    """Send a request, or open a WebSocket, and wait for all that comes."""
    socket = method == "WEBSOCKET"
    scope: dict[str, Any] = {
        "type": "websocket" if socket else "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "ws" if socket else "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"clinic.example"), *headers],
        "client": ("192.0.2.1", 1234),
        "server": ("clinic.example", 80),
        "state": {},
    }
    coming = [{"type": "websocket.connect"}] if socket else list(_body(body))
    closed = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if coming:
            return coming.pop(0)
        await closed.wait()
        return {"type": "websocket.disconnect" if socket else "http.disconnect", "code": 1005}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "websocket.close":
            closed.set()

    async with asyncio.timeout(SECONDS):
        await app(scope, receive, send)
    return _of_socket(sent) if socket else _of_request(sent)


def _body(body: Sequence[bytes]) -> list[dict[str, Any]]:
    last = len(body) - 1
    return [
        {"type": "http.request", "body": chunk, "more_body": number < last}
        for number, chunk in enumerate(body)
    ]


def _of_request(sent: list[dict[str, Any]]) -> Answer:
    content = b"".join(message.get("body", b"") for message in sent)
    return Answer(sent[0]["status"], sent[0]["headers"], content)


def _of_socket(sent: list[dict[str, Any]]) -> Answer:
    if sent[0]["type"] != "websocket.accept":
        return Answer(403, (), b"")
    return Answer(101, (), "\n".join(message.get("text", "") for message in sent).encode())
