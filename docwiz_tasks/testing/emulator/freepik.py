"""Freepik's side of the wire: classic pictures at once, Mystic's by polling.

https://docs.freepik.com/api-reference
"""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from docwiz_tasks.testing.emulator import pictures
from docwiz_tasks.testing.emulator.faults import Answer, Fault

__all__ = ["FAULTS", "Freepik", "changed", "error", "operation_of", "sized"]

_CLASSIC, _MYSTIC = "/v1/ai/text-to-image", "/v1/ai/mystic"
_SIZES = {
    "square_1_1": (1024, 1024),
    "classic_4_3": (1152, 896),
    "traditional_3_4": (896, 1152),
    "widescreen_16_9": (1344, 768),
    "social_story_9_16": (768, 1344),
    "standard_3_2": (1216, 832),
    "portrait_2_3": (832, 1216),
}


def operation_of(method: str, path: str) -> str | None:
    """Return what a request asks for, or None if it is none of Freepik's."""
    path = path.partition("?")[0]
    if method == "POST":
        return {_CLASSIC: "text-to-image", _MYSTIC: "mystic"}.get(path)
    if method == "GET" and path.startswith(f"{_MYSTIC}/"):
        return "mystic-poll"
    if method == "GET" and path.startswith("/generated/"):
        return "download"
    return None


class Freepik:
    """The orders that were placed, and the right answers.

    Args:
        base_url: returns the server's address; without https its pictures come as ``data:``
            links, since none may be fetched in plain text.
        polls: how often an order is asked for before it is done.
    """

    def __init__(self, base_url: Callable[[], str], polls: int) -> None:
        self._base_url = base_url
        self._polls = polls
        self._lock = threading.Lock()
        self._orders: dict[str, dict[str, Any]] = {}

    def answer(self, operation: str, path: str, headers: Mapping[str, str], body: Any) -> Answer:
        """Return the right answer to a request."""
        if operation == "download":
            return self._download(path.rpartition("/")[2])
        if not (headers.get("x-freepik-api-key") or headers.get("x-magnific-api-key")):
            return Answer({"message": "Invalid API key"}, 401)
        if operation == "mystic-poll":
            return self._poll(path.rpartition("/")[2])
        if not isinstance(body, dict) or not body.get("prompt"):
            return Answer({"message": "Validation error: prompt is required"}, 400)
        if operation == "text-to-image":
            return _classic(body)
        return self._order(body)

    def _order(self, body: dict[str, Any]) -> Answer:
        id = str(uuid.uuid4())
        with self._lock:
            self._orders[id] = {"size": _size(body.get("aspect_ratio")), "polls": 0}
        return Answer({"data": {"task_id": id, "status": "CREATED", "generated": []}})

    def _poll(self, id: str) -> Answer:
        with self._lock:
            order = self._orders.get(id)
            if order is None:
                return Answer({"message": "Task not found"}, 404)
            order["polls"] += 1
            done = order["polls"] > self._polls
        data: dict[str, Any] = {"task_id": id, "status": "IN_PROGRESS", "generated": []}
        if done:
            data.update(status="COMPLETED", generated=[self._link(id)], has_nsfw=[False])
        return Answer({"data": data})

    def _download(self, id: str) -> Answer:
        with self._lock:
            order = self._orders.get(id)
        if order is None:
            return Answer({"message": "Not found"}, 404)
        return Answer(_picture(order), headers={"Content-Type": "image/png"})

    def _link(self, id: str) -> str:
        url = self._base_url()
        if url.startswith("https:"):
            return f"{url}/generated/{id}"
        with self._lock:
            order = self._orders[id]
        return f"data:image/png;base64,{pictures.in_base64(_picture(order))}"


def error(status: int, *, message: str = "Emulated fault", retry_after: str | None = None) -> Fault:
    """Return an error of the API's."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Fault(change=lambda _right: Answer({"message": message}, status, headers))


def changed(change: Callable[[dict[str, Any]], Any]) -> Fault:
    """Return the right answer, changed: without its wrapper, failed, unsafe."""
    return Fault(
        change=lambda right: Answer(change(copy.deepcopy(right.body)), right.status, right.headers)
    )


def sized(size: int) -> Fault:
    """Return a file of so many bytes in a picture's place."""
    return Fault(change=lambda right: Answer(bytes(size), right.status, right.headers))


def _classic(body: dict[str, Any]) -> Answer:
    size_name = (body.get("image") or {}).get("size", "square_1_1")
    if size_name not in _SIZES:
        return Answer({"message": f"Validation error: image.size {size_name!r}"}, 400)
    width, height = _SIZES[size_name]
    seed = int(body.get("seed") or 0)
    picture = pictures.in_base64(pictures.artwork(width, height, seed))
    return Answer(
        {
            "data": [{"base64": picture, "has_nsfw": False}],
            "meta": {
                "image": {"size": size_name, "width": width, "height": height},
                "seed": seed,
            },
        }
    )


def _picture(order: Mapping[str, Any]) -> bytes:
    width, height = order["size"]
    return pictures.artwork(width, height, seed=0)


def _size(name: object) -> tuple[int, int]:
    return _SIZES.get(str(name), (1024, 1024))


FAULTS: dict[str, Fault] = {
    "freepik-401": error(401, message="Invalid API key"),
    "freepik-429": error(429, retry_after="1"),
    "freepik-500": error(500),
    "freepik-503": error(503),
}
