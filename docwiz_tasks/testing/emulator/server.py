"""The server: HTTP on loopback, one thread for each request."""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from docwiz_tasks.testing.emulator import freepik, gemini
from docwiz_tasks.testing.emulator.faults import Answer, Fault, Received, Script

__all__ = ["Emulator", "named_faults"]

_MAX_BODY = 64 * 1024 * 1024
_NOT_HERE = Answer({"error": {"code": 404, "message": "Not found", "status": "NOT_FOUND"}}, 404)


class Emulator:
    """A server that speaks as Gemini, Vertex AI and Freepik do, for the time of a ``with``.

    Args:
        port: where to listen on 127.0.0.1; any free port if 0.
        delay_seconds: how long each AI edit and artwork takes.
        polls: how often a Mystic order is asked for before it is done.
        long_side: of its edited photos, in pixels; small ones are made and read sooner.
        remember: keep each request, with its photo, in `received`.
        tls: speak https with this context.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        delay_seconds: float = 0.0,
        polls: int = 1,
        long_side: int = 1184,
        remember: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.delay_seconds = delay_seconds
        self.long_side = long_side
        self.remember = remember
        self.received: list[Received] = []
        self.script = Script()
        self._freepik = freepik.Freepik(lambda: self.url, polls)
        self._server = _Server(("127.0.0.1", port), self._handler())
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="docwiz-emulator"
        )

    @property
    def url(self) -> str:
        """Its base URL, for Gemini and Freepik alike."""
        host = "127.0.0.1" if self._scheme == "http" else "localhost"
        return f"{self._scheme}://{host}:{self._server.server_address[1]}"

    def plan(
        self,
        *faults: Fault,
        operation: str | None = None,
        when: Callable[[Received], bool] = lambda _received: True,
    ) -> None:
        """Have the next requests meet these faults, one each.

        Args:
            faults: such as ``gemini.error(503)`` or ``Fault(reset=True)``.
            operation: only requests of this kind, such as ``generateContent``,
                ``batchEmbedContents``, ``text-to-image``, ``mystic``, ``mystic-poll``.
            when: only requests that it says yes to, such as those with a certain photo.
        """
        self.script.plan(*faults, operation=operation, when=when)

    def requests(self, operation: str) -> list[Received]:
        """Return what was received of one kind, in order."""
        return [received for received in self.received if received.operation == operation]

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def right_answer(self, received: Received) -> Answer:
        """Return what the service would answer on a good day."""
        if received.service == "gemini":
            return gemini.answer(
                received.path, received.headers, received.body, long_side=self.long_side
            )
        if received.service == "freepik":
            return self._freepik.answer(
                received.operation, received.path, received.headers, received.body
            )
        if received.service == "google-token":
            token = {"access_token": "ya29.emulated", "expires_in": 3600, "token_type": "Bearer"}
            return Answer(token)
        return _NOT_HERE

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        emulator = self

        class Handler(_Handler):
            def handle_request(self, received: Received) -> None:
                if emulator.remember:
                    emulator.received.append(received)
                fault = emulator.script.next(received)
                slow = received.operation in ("generateContent", "text-to-image")
                delay = fault.delay_seconds + (emulator.delay_seconds if slow else 0.0)
                self.respond(received, fault, delay, emulator.right_answer)

        return Handler


def named_faults() -> dict[str, Fault]:
    """Return the faults that can be asked for by name."""
    wire = {
        "reset": Fault(reset=True),
        "slow": Fault(delay_seconds=30.0),
        "truncated": Fault(cut=0.5),
    }
    return {**gemini.FAULTS, **freepik.FAULTS, **wire}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log."""

    def handle_request(self, received: Received) -> None:
        """Answer a request."""
        raise NotImplementedError

    def respond(self, received: Received, fault: Fault, delay: float, right: Any) -> None:
        """Send what the fault makes of the right answer, unless the client goes away before."""
        due = time.monotonic() + delay
        answer: Answer = right(received)
        if fault.change is not None:
            answer = fault.change(answer)
        headers, data = _on_the_wire(answer)
        # Making the picture counts as a part of the delay.
        if delay and self._gone_within(max(0.0, due - time.monotonic())):
            received.dropped.set()
            self.close_connection = True
            return
        if fault.reset:
            self._reset()
            return
        self._send(answer.status, headers, data, fault)
        received.answered.set()

    def _take(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), _MAX_BODY)
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        service, operation = self._asked()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.handle_request(Received(service, operation, self.path, headers, body))

    def _asked(self) -> tuple[str, str]:
        if self.path == "/token":
            return "google-token", "token"
        if operation := gemini.operation_of(self.path):
            return "gemini", operation
        if operation := freepik.operation_of(self.command, self.path):
            return "freepik", operation
        return "nobody", "unknown"

    def _send(self, status: int, headers: dict[str, str], data: bytes, fault: Fault) -> None:
        sent = data if fault.cut is None else data[: int(len(data) * fault.cut)]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent if fault.unfinished else data)))
        self.end_headers()
        self.wfile.write(sent)
        if fault.cut is not None:
            self.close_connection = True

    def _gone_within(self, seconds: float) -> bool:
        """Wait, and say whether the client closed the connection meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if not readable:
            return False
        try:
            return isinstance(self.connection, ssl.SSLSocket) or not self.connection.recv(
                1, socket.MSG_PEEK
            )
        except OSError:
            return True

    def _reset(self) -> None:
        # Lingering for no time at all makes the kernel send a reset instead of an end.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True


def _on_the_wire(answer: Answer) -> tuple[dict[str, str], bytes]:
    if isinstance(answer.body, bytes):
        return dict(answer.headers), answer.body
    headers = {"Content-Type": "application/json; charset=UTF-8", **answer.headers}
    return headers, json.dumps(answer.body).encode()
