"""Posting a message to the receiver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docwiz_tasks.errors import ExtraMissing, WebhookFailed, WebhookGone
from docwiz_tasks.providers.http import async_client, retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["check_installed", "post"]

_GONE = 410


def check_installed() -> None:
    """Check that messages can be posted at all.

    Raises:
        ExtraMissing: httpx isn't installed.
    """
    try:
        import httpx  # noqa: F401
    except ImportError:
        raise ExtraMissing.for_extra("webhooks", "A webhook") from None


def post(url: str, headers: Mapping[str, str], body: str, seconds: float) -> None:
    """Post a message, and read of the answer its status only.

    Args:
        url: the receiver's.
        headers: from `signed_headers`.
        body: the same that was signed.
        seconds: how long all of it may take.

    Raises:
        ExtraMissing: httpx isn't installed.
        WebhookGone: the receiver wants no more of it.
        WebhookFailed: it didn't take the message this time.
    """
    check_installed()
    asyncio.run(_post(url, headers, body, seconds))


async def _post(url: str, headers: Mapping[str, str], body: str, seconds: float) -> None:
    import httpx

    client = async_client()
    try:
        request = client.build_request("POST", url, content=body, headers=headers)
        # One limit for all: a receiver that sends a byte now and then would pass each of httpx's.
        async with asyncio.timeout(seconds):
            with _unlogged(request):
                response = await client.send(request, stream=True)
            await response.aclose()
    except TimeoutError:
        raise WebhookFailed("The webhook's receiver did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Its text can hold the URL.
        kind = type(error).__name__
        raise WebhookFailed(f"The webhook's receiver can't be reached: {kind}.") from None
    status = response.status_code
    if status == _GONE:
        raise WebhookGone("The webhook's receiver is gone: it answered 410.")
    if not 200 <= status < 300:
        wait = retry_after(response.headers)
        raise WebhookFailed(f"The webhook's receiver answered {status}.", retry_after_seconds=wait)


@contextmanager
def _unlogged(request: httpx.Request) -> Iterator[None]:
    """Keep httpx from logging a URL that can be a secret; others' requests are logged as ever."""

    def is_anothers(record: logging.LogRecord) -> bool:
        return request.url not in (record.args or ())

    logger = logging.getLogger("httpx")
    logger.addFilter(is_anothers)
    try:
        yield
    finally:
        logger.removeFilter(is_anothers)
