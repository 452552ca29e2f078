"""Gemini by google-generativeai, for hosts that still pin it; its support ended in 2025.

https://github.com/google-gemini/deprecated-generative-ai-python
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import EditRequest, GeneratedImage
from docwiz_tasks.errors import (
    ExtraMissing,
    InvalidPhoto,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
)
from docwiz_tasks.imaging.aspect import Shape, restored
from docwiz_tasks.imaging.photos import header, media_type_of
from docwiz_tasks.providers.gemini_answers import error_of, image_in

if TYPE_CHECKING:
    from docwiz_tasks.settings import Settings

__all__ = ["LegacyGeminiProvider"]

_HOST = "https://generativelanguage.googleapis.com"


class LegacyGeminiProvider:
    """Edit photos with a Gemini model; the model chooses the picture's shape and size.

    Raises:
        SettingsError: no key is set.
        ExtraMissing: google-generativeai isn't installed.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            with warnings.catch_warnings():
                # It warns of its own end, and of Python's.
                warnings.simplefilter("ignore")
                import google.generativeai  # noqa: F401
        except ImportError:
            raise ExtraMissing.for_extra(
                "gemini-legacy", "The AI provider 'gemini-legacy'"
            ) from None
        if settings.gemini_api_key is None:
            raise SettingsError(
                "The AI provider 'gemini-legacy' needs a key: set DOCWIZ_GEMINI_API_KEY"
                " (or GEMINI_API_KEY)."
            )
        self._settings = settings
        self._key = settings.gemini_api_key

    def edit_image(self, request: EditRequest) -> GeneratedImage:
        """Return the changed photo, cut to the photo's shape.

        Raises:
            ProviderUnavailable: Gemini can't answer now.
            ProviderRefused: it declined, and its reason.
            ProviderRejected: the request or the key is wrong.
        """
        model = self._settings.gemini_model
        try:
            media_type, *size = header(request.image)
            photo = Shape(*size)
        except InvalidPhoto as error:
            raise ProviderRejected(error.message) from None
        with self._client() as (client, answers), _told_as_ours():
            # Its own retry would outlast any time limit.
            client.generate_content(
                self._message(request), retry=None, timeout=request.timeout_seconds
            )
        image = image_in(_with_words(answers[-1]), model)
        try:
            data = restored(image.data, photo, photo, media_type)
        except InvalidPhoto:
            raise ProviderError("Gemini answered with no usable picture.") from None
        return replace(image, data=data, media_type=media_type_of(data) or image.media_type)

    def _message(self, request: EditRequest) -> Any:
        from google.generativeai import protos

        # As bytes: it would encode a picture anew, as WebP.
        photo = protos.Blob(mime_type=request.media_type, data=request.image)
        parts = [protos.Part(inline_data=photo), protos.Part(text=request.prompt)]
        harm = protos.HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT
        threshold = self._settings.gemini_safety_threshold
        return protos.GenerateContentRequest(
            model=f"models/{self._settings.gemini_model}",
            contents=[protos.Content(role="user", parts=parts)],
            generation_config={"response_modalities": ["TEXT", "IMAGE"]},
            safety_settings=[{"category": harm, "threshold": threshold}],
        )

    @contextmanager
    def _client(self) -> Iterator[tuple[Any, list[Any]]]:
        """Give a client of its own, and a list of the answers as they were sent.

        Neither the library's `configure`, which all apps of a process would share, nor
        its reading of an answer, which loses words and marks that it doesn't know.
        """
        from google.ai.generativelanguage import GenerativeServiceClient
        from google.api_core.client_options import ClientOptions

        options = ClientOptions(
            api_endpoint=self._settings.gemini_base_url or _HOST,
            api_key=self._key.get_secret_value(),
        )
        client = GenerativeServiceClient(transport="rest", client_options=options)
        answers: list[Any] = []

        def keep(response: Any, **_options: Any) -> None:
            if not response.ok:
                raise error_of(response.status_code, _json(response), response.headers)
            answers.append(response.json())

        with client:
            client.transport._session.hooks["response"].append(keep)
            yield client, answers


@contextmanager
def _told_as_ours() -> Iterator[None]:
    import requests
    from google.protobuf.json_format import ParseError

    try:
        # The answer itself was kept; whether the library can read it doesn't matter.
        with suppress(ParseError):
            yield
    except requests.JSONDecodeError:
        raise ProviderUnavailable("Gemini sent an answer that was cut short.") from None
    except requests.RequestException as error:
        raise ProviderUnavailable(
            f"The connection to Gemini failed: {type(error).__name__}."
        ) from None


def _json(response: Any) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _with_words(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with words for the numbers that its client asked the server for."""
    from google.generativeai import protos

    blocked = protos.GenerateContentResponse.PromptFeedback.BlockReason
    feedback = {**(answer.get("promptFeedback") or {})}
    if isinstance(number := feedback.get("blockReason"), int):
        feedback["blockReason"] = blocked(number).name if number in set(blocked) else f"{number}"
    candidates = [{**candidate} for candidate in answer.get("candidates") or []]
    finished = protos.Candidate.FinishReason
    for candidate in candidates:
        if isinstance(number := candidate.get("finishReason"), int):
            known = number in set(finished)
            candidate["finishReason"] = finished(number).name if known else f"{number}"
    return {**answer, "promptFeedback": feedback, "candidates": candidates}
