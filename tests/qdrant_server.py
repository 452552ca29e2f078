"""Qdrant's REST interface on loopback, as far as the case index uses it.

The answers come from qdrant-client's own memory, and what is sent is read by its own
models: https://api.qdrant.tech
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel
from qdrant_client import QdrantClient, models


class QdrantServer:
    """What it was sent, what it holds, and how it is to fail.

    Args:
        port: where it listens; a free one if 0.
    """

    def __init__(self, port: int = 0) -> None:
        self.memory = QdrantClient(":memory:")
        self.indexed: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.keys: set[str | None] = set()
        self.fails_with: int | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._turn = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, object]:
        if path == "/collections":
            return 200, self.memory.get_collections()
        found = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
        assert found, path
        name, rest = found[1], found[2]
        match method, rest:
            case "GET", "/exists":
                return 200, {"exists": self.memory.collection_exists(name)}
            case "GET", None:
                return 200, self.memory.get_collection(name)
            case "PUT", None:
                if self.memory.collection_exists(name):
                    return 409, None
                size = models.CreateCollection.model_validate(body).vectors
                return 200, self.memory.create_collection(name, vectors_config=size)
            case "PUT", "/index":
                wanted = models.CreateFieldIndex.model_validate(body)
                assert wanted.field_schema == models.PayloadSchemaType.KEYWORD
                self.indexed.append((name, wanted.field_name))
                return 200, {"operation_id": 0, "status": "completed"}
            case "PUT", "/points":
                points = models.PointsList.model_validate(body).points
                return 200, self.memory.upsert(name, points)
            case "POST", "/points/query":
                asked = models.QueryRequest.model_validate(body)
                return 200, self.memory.query_points(
                    name, query=asked.query, query_filter=asked.filter, limit=asked.limit or 10
                )
        raise AssertionError(f"{method} {path}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or "null")
                path = self.path.partition("?")[0]
                with server._turn:
                    server.requests.append(f"{self.command} {path}")
                    server.bodies.append(body)
                    server.keys.add(self.headers.get("api-key"))
                server.gate.wait(20)
                if server.fails_with is not None:
                    self.reply(server.fails_with, None)
                    return
                with server._turn:
                    status, result = server.answer(self.command, path, body)
                self.reply(status, result)

            def reply(self, status: int, result: object) -> None:
                plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
                told = "ok" if status == 200 else {"error": "as planned"}
                data = json.dumps({"result": plain, "status": told, "time": 0.0}).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except ConnectionError:
                    # Who asked did not wait.
                    self.close_connection = True

            do_GET = do_PUT = do_POST = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def qdrant_server(port: int = 0) -> Iterator[QdrantServer]:
    server = QdrantServer(port)
    try:
        yield server
    finally:
        server.stop()
