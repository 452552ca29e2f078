"""Calling a provider as a job does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from docwiz_tasks.errors import DocWizError, ProviderError
from docwiz_tasks.jobs.calls import call

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["answer", "answers", "failure", "opened", "photo"]

P = ParamSpec("P")
T = TypeVar("T")
SECONDS = 60.0


def answer(method: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a method answers, be it ``async def`` or plain."""
    return asyncio.run(call("contract", method, SECONDS, *args, **kwargs))


def answers(method: Callable[..., Awaitable[T]], requests: list[Any]) -> list[T]:
    """Return what a method answers to several requests at once."""

    async def together() -> list[T]:
        return list(await asyncio.gather(*(call("contract", method, SECONDS, r) for r in requests)))

    return asyncio.run(together())


def failure(method: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> DocWizError:
    """Return the error that a method must raise: one of a provider's.

    Raises:
        AssertionError: it raised another one, or none.
    """

    async def called() -> T:
        outcome = method(*args, **kwargs)
        return await outcome if asyncio.iscoroutine(outcome) else outcome  # type: ignore[return-value]

    try:
        asyncio.run(called())
    except ProviderError as error:
        return error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} instead of a ProviderError") from error
    raise AssertionError("it took what it can't work with")


def photo(
    colour: tuple[int, int, int], size: tuple[int, int] = (480, 640), kind: str = "JPEG"
) -> bytes:
    """Return a photo that can be told from others by its colour."""
    from PIL import Image as Images

    image = Images.new("RGB", size, colour)
    # Something to see, so that no encoder makes it all one block.
    image.paste(Images.linear_gradient("L").resize((size[0] // 3, size[1] // 3)), (10, 10))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def opened(data: bytes) -> Image:
    """Return a picture that was answered.

    Raises:
        AssertionError: it is none.
    """
    from PIL import Image as Images

    try:
        with Images.open(io.BytesIO(data)) as image:
            return image.convert("RGB")
    except OSError as error:
        raise AssertionError("the answer is no picture") from error
