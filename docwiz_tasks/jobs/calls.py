"""Calling a provider: in time, and with its errors told as ours."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from docwiz_tasks.errors import (
    DeadlineExceeded,
    DocWizError,
    InvalidPhoto,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from docwiz_tasks.imaging.photos import header

__all__ = ["call", "checked_picture", "where"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


async def call(
    provider: str,
    method: Callable[P, Awaitable[T]],
    timeout_seconds: float,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return what a provider's method returns; a plain method runs in a thread.

    Args:
        provider: the provider's name, for errors.
        method: its method, ``async def`` or plain.
        timeout_seconds: how long to wait at most.
        *args: for the method.
        **kwargs: for the method.

    Raises:
        ProviderUnavailable: it took too long, or says so itself.
        ProviderError: it failed in another way; the log says where, without any data.
    """
    if timeout_seconds <= 0:
        raise DeadlineExceeded("The job's time was up before the provider was called.")
    try:
        async with asyncio.timeout(timeout_seconds):
            if inspect.iscoroutinefunction(method):
                return await method(*args, **kwargs)
            # The contract lets a provider's method be a plain one.
            return cast("T", await asyncio.to_thread(method, *args, **kwargs))
    except TimeoutError:
        raise ProviderUnavailable(
            f"The provider {provider!r} did not answer within {timeout_seconds:.0f} seconds."
        ) from None
    except ProviderRefused as refusal:
        raise ProviderRefused(
            f"The provider {provider!r} refused to make this picture: {refusal.reason}"
        ) from None
    except DocWizError:
        raise
    except Exception as error:
        logger.error("Provider %s failed: %s", provider, where(error))
        raise ProviderError(
            f"The provider {provider!r} failed with {type(error).__name__}: a defect in it."
        ) from None


def checked_picture(provider: str, data: object) -> tuple[bytes, str]:
    """Return a provider's picture and the type that its bytes have.

    Raises:
        ProviderError: it isn't a picture.
    """
    try:
        if not isinstance(data, bytes):
            raise InvalidPhoto("not bytes")
        media_type, _, _ = header(data)
    except InvalidPhoto:
        raise ProviderError(f"The provider {provider!r} answered with no usable picture.") from None
    return data, media_type


def where(error: BaseException) -> str:
    """Return an error's type and place in the code, without its text, which can hold data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[::-1])
    return f"{type(error).__name__} in {places}"
