"""What an answer or an error of Gemini's means, from its JSON; the same for each client library.

https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/troubleshooting
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docwiz_tasks.contracts import Embedding, GeneratedImage
from docwiz_tasks.errors import (
    ProviderError,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
)
from docwiz_tasks.providers.http import quoted, retry_after, sane_seconds

__all__ = ["embedding_of", "error_of", "image_in"]

# The model made no picture this time; the next time it may.
_MAY_PASS = {"NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS"}
_MAY_HELP_TO_RETRY = {408, 429, 500, 502, 503, 504}
_ADVICE = {
    400: "Check the model and its settings.",
    401: "Check the API key or the credentials.",
    402: "The prepaid credit is used up: add credit.",
    403: "The API key or account may not use this model: check its permissions.",
    404: "There is no such model at this address: check the model, base URL and API version.",
}
_BAD_KEY = "The API key is not valid: set DOCWIZ_GEMINI_API_KEY to a working one."


def image_in(answer: Mapping[str, Any], model: str) -> GeneratedImage:
    """Return the picture of a generateContent answer: the last one that is no thought.

    Args:
        answer: the answer's JSON.
        model: the model that was asked.

    Raises:
        ProviderRefused: there is none, and why; ``retryable`` if the next try may have one.
        ProviderUnavailable: the picture can't be decoded.
    """
    candidates = [c for c in _list(answer.get("candidates")) if isinstance(c, Mapping)]
    pictures = [data for candidate in candidates for data in _pictures(candidate)]
    if not pictures:
        raise _refusal(answer, candidates)
    data, media_type = pictures[-1]
    usage = answer.get("usageMetadata")
    return GeneratedImage(
        data=_decoded(data),
        media_type=media_type,
        model=quoted(answer.get("modelVersion")) or model,
        provider_id=quoted(answer.get("responseId")) or None,
        usage=_numbers(usage) if isinstance(usage, Mapping) else {},
    )


def embedding_of(values: Sequence[float] | None, model: str) -> Embedding:
    """Return the vector of an embedding's answer.

    Raises:
        ProviderError: there is none.
    """
    if not values:
        raise ProviderError("Gemini answered with no embedding.")
    return Embedding([float(v) for v in values], model)


def error_of(status: int, answer: object, headers: Mapping[str, str]) -> ProviderError:
    """Return what an HTTP error of Gemini's means.

    Args:
        status: the HTTP status.
        answer: the answer's JSON, if it had any; on Vertex AI possibly in a list.
        headers: the answer's headers.
    """
    if isinstance(answer, list):
        answer = answer[0] if answer else {}
    error = answer.get("error") if isinstance(answer, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    details = [d for d in _list(error.get("details")) if isinstance(d, Mapping)]
    word, said = quoted(error.get("status")), quoted(error.get("message"))
    sentence = f"Gemini answered {status}{f' ({word})' if word else ''}"
    sentence = f"{sentence}: {said}" if said else sentence
    sentence = sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
    if status in _MAY_HELP_TO_RETRY:
        seconds = _retry_delay(details)
        return ProviderUnavailable(
            sentence, retry_after_seconds=retry_after(headers) if seconds is None else seconds
        )
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        return ProviderRejected(f"{sentence} {_BAD_KEY}")
    return ProviderRejected(f"{sentence} {_ADVICE.get(status, '')}".strip())


def _refusal(answer: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> ProviderRefused:
    feedback = answer.get("promptFeedback")
    if isinstance(feedback, Mapping) and feedback.get("blockReason"):
        # A blocked prompt stays blocked, whatever the word for it.
        return ProviderRefused(_reason(feedback, "blockReason", "blockReasonMessage"))
    if not candidates:
        return ProviderRefused("NO_IMAGE: the answer was empty", retryable=True)
    last = candidates[-1]
    if last.get("finishReason") in (None, "STOP", "FINISH_REASON_UNSPECIFIED"):
        # What the model wrote instead is not repeated: it can describe the photo.
        return ProviderRefused("NO_IMAGE: the answer was text only", retryable=True)
    reason = _reason(last, "finishReason", "finishMessage")
    return ProviderRefused(reason, retryable=last["finishReason"] in _MAY_PASS)


def _reason(where: Mapping[str, Any], word: str, message: str) -> str:
    said = quoted(where.get(message))
    return f"{quoted(where[word])}{f': {said}' if said else ''}"


def _pictures(candidate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _parts(candidate):
        inline = part.get("inlineData") or part.get("inline_data")
        if part.get("thought") or not isinstance(inline, Mapping):
            continue
        media_type = str(inline.get("mimeType") or inline.get("mime_type") or "")
        if isinstance(inline.get("data"), str):
            yield inline["data"], media_type


def _parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return [part for part in _list(parts) if isinstance(part, Mapping)]


def _decoded(data: str) -> bytes:
    try:
        if "-" in data or "_" in data:
            data = data.translate(str.maketrans("-_", "+/"))
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ProviderUnavailable("Gemini sent a picture that was cut short.") from None


def _retry_delay(details: Sequence[Mapping[str, Any]]) -> float | None:
    for detail in details:
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            try:
                return sane_seconds(float(str(detail.get("retryDelay")).removesuffix("s")))
            except ValueError:
                return None
    return None


def _numbers(usage: Mapping[str, Any]) -> dict[str, int | float]:
    return {k: v for k, v in usage.items() if isinstance(v, int | float)}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
