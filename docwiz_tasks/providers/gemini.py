"""Gemini by google-genai: the Gemini API with a key, Vertex AI with a project.

https://googleapis.github.io/python-genai/
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import EditRequest, Embedding, GeneratedImage
from docwiz_tasks.errors import (
    ExtraMissing,
    InvalidPhoto,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
)
from docwiz_tasks.imaging.aspect import Shape, nearest_shape, padded, restored
from docwiz_tasks.imaging.photos import header, media_type_of
from docwiz_tasks.providers.gemini_answers import embedding_of, error_of, image_in
from docwiz_tasks.providers.http import (
    PerThread,
    async_client,
    sync_client,
    transport_errors,
)

if TYPE_CHECKING:
    from google.genai import Client

    from docwiz_tasks.settings import Settings

__all__ = ["EmbeddingGeminiProvider", "GeminiProvider", "gemini_provider"]

SHAPES = tuple(
    Shape(*sides)
    for sides in (
        (1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9),
    )
)  # fmt: skip

# What can stand in the way of a picture of a chest or a face.
_HARMS = (
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
)


@dataclass(frozen=True, slots=True)
class _Access:
    """Where Gemini is asked, and as whom."""

    key: str | None = field(repr=False)
    base_url: str | None
    api_version: str
    project: str | None
    location: str | None
    embedding_api_version: str


class GeminiProvider:
    """Edit photos with a Gemini model.

    Raises:
        SettingsError: neither a key nor a project is set.
        ExtraMissing: google-genai isn't installed.
    """

    def __init__(self, settings: Settings) -> None:
        _check_installed()
        self._settings = settings
        self._access = _access(settings)

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        """Return the changed photo, in the photo's own shape.

        Raises:
            ProviderUnavailable: Gemini can't answer now.
            ProviderRefused: it declined, and its reason.
            ProviderRejected: the request, the key or the credentials are wrong.
        """
        from google.genai import types

        try:
            media_type, *size = header(request.image)
            photo = Shape(*size)
            shape = self._shape(photo)
            sent = await asyncio.to_thread(padded, request.image, photo, shape)
        except InvalidPhoto as error:
            raise ProviderRejected(error.message) from None
        settings = self._settings
        config = types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"],
            image_config=types.ImageConfig(
                aspect_ratio=str(shape), image_size=settings.gemini_image_size
            ),
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory(harm),
                    threshold=types.HarmBlockThreshold(settings.gemini_safety_threshold),
                )
                for harm in _HARMS
            ],
            seed=request.seed % 2**31,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            # The answer as it was sent: the library's own reading loses parts of it.
            should_return_http_response=True,
        )
        contents: list[Any] = [
            types.Part.from_bytes(data=sent, mime_type=media_type),
            types.Part.from_text(text=request.prompt),
        ]
        with _told_as_ours():
            answer = await _client(self._access).aio.models.generate_content(
                model=settings.gemini_model, contents=contents, config=config
            )
            response = answer.sdk_http_response
            body = json.loads((response and response.body) or "")
        image = image_in(body, settings.gemini_model)
        return await asyncio.to_thread(_in_shape, image, photo, shape, media_type)

    def _shape(self, photo: Shape) -> Shape:
        if self._settings.gemini_aspect_ratio is not None:
            return Shape.parse(self._settings.gemini_aspect_ratio)
        return nearest_shape(photo, SHAPES)


class EmbeddingGeminiProvider(GeminiProvider):
    """Edit photos, and embed them too."""

    async def embed_image(self, image: bytes, media_type: str) -> Embedding:
        """Return the image as a vector; raises as `edit_image` does."""
        from google.genai import types

        settings = self._settings
        version = self._access.embedding_api_version
        config = types.EmbedContentConfig(
            output_dimensionality=settings.gemini_embedding_dimensions,
            http_options=types.HttpOptions(api_version=version),
        )
        part = types.Part.from_bytes(data=image, mime_type=media_type)
        contents: list[Any] = [types.Content(parts=[part])]
        with _told_as_ours():
            answer = await _client(self._access).aio.models.embed_content(
                model=settings.gemini_embedding_model, contents=contents, config=config
            )
        values = answer.embeddings[0].values if answer.embeddings else None
        return embedding_of(values, settings.gemini_embedding_model)


def gemini_provider(settings: Settings) -> GeminiProvider:
    """Return the provider that the settings ask for: one that embeds, or one that doesn't."""
    if settings.gemini_embedding_model == "none":
        return GeminiProvider(settings)
    return EmbeddingGeminiProvider(settings)


def _check_installed() -> None:
    try:
        import google.genai  # noqa: F401
        import httpx  # noqa: F401
    except ImportError:
        raise ExtraMissing.for_extra("gemini", "The AI provider 'gemini'") from None


def _access(settings: Settings) -> _Access:
    version = settings.gemini_api_version
    if settings.gemini_project is not None:
        return _Access(
            key=None,
            base_url=settings.gemini_base_url,
            api_version=version or "v1beta1",
            project=settings.gemini_project,
            location=settings.gemini_location,
            embedding_api_version=version or "v1beta1",
        )
    if settings.gemini_api_key is None:
        raise SettingsError(
            "The AI provider 'gemini' needs a key: set DOCWIZ_GEMINI_API_KEY (or GEMINI_API_KEY),"
            " or DOCWIZ_GEMINI_PROJECT for Vertex AI."
        )
    return _Access(
        key=settings.gemini_api_key.get_secret_value(),
        base_url=settings.gemini_base_url,
        api_version=version or "v1beta",
        project=None,
        location=None,
        embedding_api_version=version or "v1",
    )


def _make_client(access: _Access) -> Client:
    from google.genai import Client, types

    # With a client of ours it neither takes aiohttp, which retries unasked, nor keeps
    # connections that a fork or another event loop would share.
    options = types.HttpOptions(
        base_url=access.base_url,
        api_version=access.api_version,
        httpx_client=sync_client(),
        httpx_async_client=async_client(),
    )
    if access.project is None:
        return Client(vertexai=False, api_key=access.key, http_options=options)
    return Client(
        vertexai=True, project=access.project, location=access.location, http_options=options
    )


_client = PerThread(_make_client)


@contextmanager
def _told_as_ours() -> Iterator[None]:
    from google.auth import exceptions
    from google.genai.errors import APIError

    try:
        with transport_errors("Gemini"):
            yield
    except APIError as error:
        headers = getattr(error.response, "headers", None) or {}
        raise error_of(error.code, error.details, headers) from None
    except exceptions.TransportError:
        raise ProviderUnavailable("Google's sign-in could not be reached.") from None
    except exceptions.GoogleAuthError as error:
        if error.retryable:
            raise ProviderUnavailable("Google's sign-in can't answer now.") from None
        raise ProviderRejected(
            "Google took no credentials: set GOOGLE_APPLICATION_CREDENTIALS to a service"
            " account's file, or run where the environment has credentials of its own."
        ) from None


def _in_shape(image: GeneratedImage, photo: Shape, shape: Shape, media_type: str) -> GeneratedImage:
    try:
        data = restored(image.data, photo, shape, media_type)
    except InvalidPhoto:
        raise ProviderError("Gemini answered with no usable picture.") from None
    return replace(image, data=data, media_type=media_type_of(data) or image.media_type)
