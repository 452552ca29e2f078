"""Gemini's side of the wire: the right answers, and what Gemini says instead.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from docwiz_tasks.testing.emulator import pictures
from docwiz_tasks.testing.emulator.faults import Answer, Fault

__all__ = ["FAULTS", "answer", "blocked", "error", "operation_of", "refused", "reshaped"]

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC = "type.googleapis.com/google.rpc"


def operation_of(path: str) -> str | None:
    """Return the operation that a path asks for, or None if it is no path of Gemini's."""
    operation = path.partition("?")[0].rpartition(":")[2]
    known = ("generateContent", "batchEmbedContents", "embedContent")
    return operation if "/models/" in path and operation in known else None


def answer(path: str, headers: Mapping[str, str], body: Any, *, long_side: int) -> Answer:
    """Return the right answer to a request, with a picture of that long a side in pixels."""
    vertex = "/publishers/" in path
    if vertex and not headers.get("authorization", "").startswith("Bearer "):
        return _told(401, "Request had invalid authentication credentials.", vertex=True)
    if not vertex and not headers.get("x-goog-api-key"):
        return _told(403, "Method doesn't allow unregistered callers.")
    model = path.partition("/models/")[2].partition(":")[0]
    try:
        if operation_of(path) == "generateContent":
            return Answer(_generated(model, body, long_side))
        return Answer(_embedded(body))
    except (ValueError, OSError, KeyError, TypeError, AttributeError):
        return _told(400, "Unable to process input image.")


def error(
    status: int,
    *,
    message: str = "The emulator was told to fail.",
    retry_delay: str | None = None,
    retry_after: str | None = None,
    reason: str | None = None,
    word: str | None = None,
    in_list: bool = False,
) -> Fault:
    """Return an error of the API's.

    Args:
        status: the HTTP status.
        message: its sentence.
        retry_delay: the delay of a RetryInfo, such as ``17s``.
        retry_after: the value of a Retry-After header.
        reason: the reason of an ErrorInfo, such as ``API_KEY_INVALID``.
        word: the status's word, if it isn't the usual one.
        in_list: put it into a list of one, as Vertex AI may.
    """
    details: list[dict[str, Any]] = []
    if retry_delay is not None:
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": retry_delay})
    if reason is not None:
        details.append({"@type": f"{_RPC}.ErrorInfo", "reason": reason})
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    told = _told(status, message, details=details, word=word, vertex=in_list)
    return Fault(change=lambda _right: Answer(told.body, status, headers))


def blocked(reason: str) -> Fault:
    """Return a refusal of the prompt: no candidates, and a block reason."""
    return Fault(change=lambda _right: Answer({"promptFeedback": {"blockReason": reason}}))


def refused(reason: str, *, message: str | None = None, content: object = ...) -> Fault:
    """Return a candidate without a picture.

    Args:
        reason: its ``finishReason``.
        message: its ``finishMessage``.
        content: its ``content``; left out if not given.
    """
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if message is not None:
        candidate["finishMessage"] = message
    if content is not ...:
        candidate["content"] = content
    return Fault(change=lambda _right: Answer({"candidates": [candidate]}))


def reshaped(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Fault:
    """Return the right answer with its candidate's parts changed."""

    def changed(right: Answer) -> Answer:
        body = copy.deepcopy(right.body)
        for candidate in body.get("candidates", []):
            candidate["content"]["parts"] = change(candidate["content"]["parts"])
        return Answer(body, right.status, right.headers)

    return Fault(change=changed)


def _generated(model: str, body: Any, long_side: int) -> dict[str, Any]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    inline = next(filter(None, map(_inline, parts)))
    image_config = _either(body.get("generationConfig", {}), "imageConfig") or {}
    picture = pictures.edited(
        pictures.decoded(inline["data"]), _either(image_config, "aspectRatio"), long_side
    )
    return {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Here is the picture."},
                        {
                            "inlineData": {
                                "mimeType": "image/png",
                                "data": pictures.in_base64(picture),
                            }
                        },
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 268,
            "candidatesTokenCount": 1120,
            "totalTokenCount": 1388,
        },
        "modelVersion": model,
        "responseId": f"emulated-{abs(hash(json.dumps(body))) % 10**12:012}",
    }


def _embedded(body: Any) -> dict[str, Any]:
    if "requests" not in body:
        return {"embedding": {"values": _vector(body)}}
    return {"embeddings": [{"values": _vector(request)} for request in body["requests"]]}


def _vector(request: Any) -> list[float]:
    dimensions = _either(request, "outputDimensionality")
    config = _either(request, "embedContentConfig") or {}
    dimensions = dimensions or _either(config, "outputDimensionality") or 3072
    inline = next(filter(None, map(_inline, request["content"]["parts"])))
    return pictures.thumbnail_vector(pictures.decoded(inline["data"]), dimensions)


def _inline(part: Mapping[str, Any]) -> Any:
    return _either(part, "inlineData")


def _either(mapping: Mapping[str, Any], name: str) -> Any:
    """Return a field that clients spell in camel case or with underscores."""
    spelled = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return mapping.get(name, mapping.get(spelled))


def _told(
    status: int,
    message: str,
    *,
    details: list[dict[str, Any]] | None = None,
    word: str | None = None,
    vertex: bool = False,
) -> Answer:
    described: dict[str, Any] = {
        "code": status,
        "message": message,
        "status": word or _STATUS.get(status, "UNKNOWN"),
    }
    if details:
        described["details"] = details
    body = {"error": described}
    return Answer([body] if vertex else body, status)


FAULTS: dict[str, Fault] = {
    "gemini-429": error(429, retry_delay="1s"),
    "gemini-500": error(500),
    "gemini-503": error(503, retry_after="1"),
    "gemini-bad-key": error(400, reason="API_KEY_INVALID"),
    "gemini-blocked": blocked("PROHIBITED_CONTENT"),
    "gemini-image-safety": refused("IMAGE_SAFETY"),
    "gemini-no-image": refused("NO_IMAGE"),
}
