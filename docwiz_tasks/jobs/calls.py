"""Calling a provider: in time, and with its errors told as ours."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from docwiz_tasks.contracts import GeneratedImage
from docwiz_tasks.errors import (
    DeadlineExceeded,
    DocWizError,
    InvalidPhoto,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from docwiz_tasks.imaging.photos import decoded, media_type_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["call", "checked_picture", "decoded_picture", "where"]

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
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            if inspect.iscoroutinefunction(method):
                return await method(*args, **kwargs)
            # The contract lets a provider's method be a plain one.
            outcome, error = await _in_thread(partial(method, *args, **kwargs))
        if error is None:
            return cast("T", outcome)
        raise error if isinstance(error, DocWizError) else _defect(provider, error)
    except TimeoutError as error:
        if not limit.expired():
            raise _defect(provider, error) from None
        raise ProviderUnavailable(
            f"The provider {provider!r} did not answer within {timeout_seconds:.3g} seconds."
        ) from None
    except ProviderRefused as refusal:
        raise ProviderRefused(
            f"The provider {provider!r} refused to make this picture: {refusal.reason}",
            retryable=refusal.retryable,
        ) from None
    except DocWizError:
        raise
    except asyncio.CancelledError as error:
        # One that nobody asked this task for is the provider's own.
        if task is None or task.cancelling():
            raise
        raise _defect(provider, error) from None
    except Exception as error:
        raise _defect(provider, error) from None


def checked_picture(provider: str, image: object) -> GeneratedImage:
    """Return a provider's answer with the type that its first bytes have.

    Raises:
        ProviderError: it doesn't begin as a picture.
    """
    if not isinstance(image, GeneratedImage) or not isinstance(image.data, bytes):
        raise _no_picture(provider)
    if (media_type := media_type_of(image.data)) is None:
        raise _no_picture(provider)
    return replace(image, media_type=media_type)


def decoded_picture(provider: str, image: GeneratedImage) -> Image:
    """Return the whole picture that a provider answered with.

    Raises:
        ProviderError: it is broken.
    """
    try:
        return decoded(image.data)
    except InvalidPhoto:
        raise _no_picture(provider) from None


def where(error: BaseException) -> str:
    """Return an error's type and place in the code, without its text, which can hold data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[::-1])
    return f"{type(error).__name__} in {places}"


async def _in_thread(method: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return what a plain method returned or raised.

    Not by the event loop's own threads: the loop waits for those when it closes, however
    long ago the time was up, and some errors, such as StopIteration, would never arrive.
    """
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[tuple[object, BaseException | None]] = loop.create_future()

    def settle(outcome: object, error: BaseException | None) -> None:
        if not settled.done():
            settled.set_result((outcome, error))

    def run() -> None:
        outcome: object = None
        failure: BaseException | None = None
        try:
            outcome = method()
        except BaseException as error:
            failure = error
        # The loop is closed when the job no longer waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, outcome, failure)

    threading.Thread(target=run, name="docwiz-provider", daemon=True).start()
    return await settled


def _no_picture(provider: str) -> ProviderError:
    return ProviderError(f"The provider {provider!r} answered with no usable picture.")


def _defect(provider: str, error: BaseException) -> ProviderError:
    logger.error("Provider %s failed: %s", provider, where(error))
    return ProviderError(
        f"The provider {provider!r} failed with {type(error).__name__}: a defect in it."
    )
