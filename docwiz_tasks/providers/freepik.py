"""Freepik, which is also named Magnific: classic pictures at once, Mystic's by an order.

https://docs.freepik.com/api-reference
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docwiz_tasks.contracts import ArtworkRequest, GeneratedImage
from docwiz_tasks.errors import (
    ExtraMissing,
    ProviderError,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
)
from docwiz_tasks.imaging.aspect import Shape, nearest_shape
from docwiz_tasks.imaging.photos import media_type_of
from docwiz_tasks.providers.http import async_client, quoted, retry_after, transport_errors

if TYPE_CHECKING:
    import httpx

    from docwiz_tasks.settings import Settings

__all__ = ["FreepikClassicProvider", "FreepikMysticProvider", "freepik_provider"]

SIZES = {
    Shape(1, 1): "square_1_1",
    Shape(4, 3): "classic_4_3",
    Shape(3, 4): "traditional_3_4",
    Shape(16, 9): "widescreen_16_9",
    Shape(9, 16): "social_story_9_16",
    Shape(3, 2): "standard_3_2",
    Shape(2, 3): "portrait_2_3",
}

MAX_BYTES = 30 * 1024 * 1024
_MAY_HELP_TO_RETRY = {408, 429, 500, 502, 503, 504}
_ADVICE = {
    401: "Set DOCWIZ_FREEPIK_API_KEY to a working key.",
    402: "The credits are used up: add credits.",
    403: "The key's plan may not use this model: check the plan and its credits.",
    404: "Check DOCWIZ_FREEPIK_BASE_URL.",
}


class FreepikClassicProvider:
    """Make artwork with the classic model, which answers at once.

    Raises:
        SettingsError: no key is set.
        ExtraMissing: httpx isn't installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._api = _Api(settings)

    async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        """Return the artwork, in the nearest shape that Freepik has.

        Raises:
            ProviderUnavailable: Freepik can't answer now.
            ProviderRefused: its filter took the picture away; the next one may pass.
            ProviderRejected: the request or the key is wrong.
        """
        body = {
            "prompt": request.prompt,
            "seed": request.seed,
            "num_images": 1,
            "image": {"size": _size(request)},
            "filter_nsfw": True,
        }
        answer = await self._api.asked("POST", "/v1/ai/text-to-image", body)
        pictures = answer.get("data")
        picture = pictures[0] if isinstance(pictures, list) and pictures else {}
        if not isinstance(picture, Mapping) or not isinstance(picture.get("base64"), str):
            raise ProviderError("Freepik answered with no picture.")
        if picture.get("has_nsfw"):
            raise _unsafe()
        return _image(_decoded(picture["base64"]), "freepik-classic-fast", None)


class FreepikMysticProvider:
    """Make artwork with Mystic, which works on an order until it is done.

    Raises:
        SettingsError: no key is set.
        ExtraMissing: httpx isn't installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._api = _Api(settings)
        self._poll_seconds = settings.freepik_poll_seconds

    async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        """Order the artwork and return it; raises as the two halves do."""
        return await self.collect_artwork(await self.order_artwork(request), request)

    async def order_artwork(self, request: ArtworkRequest) -> str:
        """Return the id of the order; raises as `FreepikClassicProvider.create_artwork` does."""
        body = {"prompt": request.prompt, "aspect_ratio": _size(request)}
        answer = _unwrapped(await self._api.asked("POST", "/v1/ai/mystic", body))
        id = answer.get("task_id")
        if not isinstance(id, str) or not id.replace("-", "").isalnum():
            raise ProviderError("Freepik took an order without giving its id.")
        return id

    async def collect_artwork(self, order_id: str, request: ArtworkRequest) -> GeneratedImage:
        """Wait for an order and return its picture; it can be asked for again.

        Raises:
            ProviderUnavailable: Freepik can't answer now; the order stands.
            ProviderRefused: the order came to nothing; another one may not.
            ProviderRejected: the key is wrong, or there is no such order.
            ProviderError: the picture lies where none of Freepik's should.
        """
        while True:
            answer = _unwrapped(await self._api.asked("GET", f"/v1/ai/mystic/{order_id}"))
            status = str(answer.get("status") or answer.get("task_status")).upper()
            if status == "COMPLETED":
                break
            if status == "FAILED":
                raise ProviderRefused("FAILED: the order came to nothing", retryable=True)
            await asyncio.sleep(self._poll_seconds)
        if any(_list(answer.get("has_nsfw"))):
            raise _unsafe()
        generated = _list(answer.get("generated"))
        if not generated or not isinstance(generated[0], str):
            raise ProviderError("Freepik finished an order without a picture.")
        data = await self._api.downloaded(generated[0])
        return _image(data, "freepik-mystic", order_id)


def freepik_provider(settings: Settings) -> FreepikClassicProvider | FreepikMysticProvider:
    """Return the provider of the model that the settings name."""
    if settings.freepik_model == "mystic":
        return FreepikMysticProvider(settings)
    return FreepikClassicProvider(settings)


class _Api:
    def __init__(self, settings: Settings) -> None:
        try:
            import httpx  # noqa: F401
        except ImportError:
            raise ExtraMissing.for_extra("freepik", "The image provider 'freepik'") from None
        if settings.freepik_api_key is None:
            raise SettingsError(
                "The image provider 'freepik' needs a key: set DOCWIZ_FREEPIK_API_KEY"
                " (or FREEPIK_API_KEY)."
            )
        self._key = settings.freepik_api_key
        self._base_url = settings.freepik_base_url.rstrip("/")
        self._hosts = settings.freepik_download_hosts

    def headers(self) -> dict[str, str]:
        """Return the header with the key, which each of the service's names has its own of."""
        host = urlsplit(self._base_url).hostname or ""
        name = "x-magnific-api-key" if _below(host, "magnific.com") else "x-freepik-api-key"
        return {name: self._key.get_secret_value()}

    async def asked(self, method: str, path: str, body: object = None) -> Mapping[str, Any]:
        """Return the JSON of an answer."""
        url = f"{self._base_url}{path}"
        with transport_errors("Freepik"):
            response = await async_client().request(method, url, json=body, headers=self.headers())
            if response.status_code != 200:
                raise _error(response, self._key.get_secret_value())
            answer = response.json()
        if not isinstance(answer, Mapping):
            raise ProviderError("Freepik's answer was of an unknown form.")
        return answer

    async def downloaded(self, link: str) -> bytes:
        """Return what lies behind a link of Freepik's.

        Raises:
            ProviderError: it isn't https, its host isn't on the list, or it is too large.
        """
        if link.startswith("data:"):
            return _decoded(link.partition(",")[2])
        address = urlsplit(link)
        allowed = any(_below(address.hostname or "", host) for host in self._hosts)
        if address.scheme != "https" or not allowed:
            raise ProviderError(
                "Freepik's picture lies at an address that is not allowed: see"
                " DOCWIZ_FREEPIK_DOWNLOAD_HOSTS."
            )
        data = bytearray()
        with transport_errors("Freepik's file server"):
            # The key is for the API only, and a redirection could lead anywhere.
            async with async_client().stream("GET", link) as response:
                if response.status_code != 200:
                    raise _error(response)
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > MAX_BYTES:
                        raise ProviderError("Freepik's picture is too large.")
        return bytes(data)


def _error(response: httpx.Response, key: str = "") -> ProviderError:
    status = response.status_code
    said = ""
    if response.is_stream_consumed or response.is_closed:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        said = quoted(answer.get("message"), without=key) if isinstance(answer, Mapping) else ""
    sentence = f"Freepik answered {status}{f': {said}' if said else ''}."
    if status in _MAY_HELP_TO_RETRY:
        return ProviderUnavailable(sentence, retry_after_seconds=retry_after(response.headers))
    return ProviderRejected(f"{sentence} {_ADVICE.get(status, '')}".strip())


def _unsafe() -> ProviderRefused:
    return ProviderRefused("NSFW: the filter took the picture away", retryable=True)


def _unwrapped(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    data = answer.get("data")
    return data if isinstance(data, Mapping) else answer


def _image(data: bytes, model: str, id: str | None) -> GeneratedImage:
    media_type = media_type_of(data) or "application/octet-stream"
    return GeneratedImage(data, media_type, model, provider_id=id, usage={"images": 1})


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProviderUnavailable("Freepik sent a picture that was cut short.") from None


def _size(request: ArtworkRequest) -> str:
    return SIZES[nearest_shape(Shape(request.width, request.height), SIZES)]


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
