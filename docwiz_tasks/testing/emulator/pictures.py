"""The pictures that the emulator answers with."""

from __future__ import annotations

import base64
import binascii
import io
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["artwork", "decoded", "edited", "in_base64", "thumbnail_vector"]

_BLOCK = 32


def decoded(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, with or without its padding.

    Raises:
        ValueError: it is no base64.
    """
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None


def in_base64(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()


# A service has processors of its own: what is asked for again is made once.
@lru_cache(maxsize=16)
def edited(photo: bytes, aspect: str | None, long_side: int) -> bytes:
    """Return a PNG of the photo, a little warmer, in the size of a model's for that shape.

    Raises:
        OSError: it is no photo.
    """
    image = _read(photo)
    ratio = image.width / image.height
    if aspect:
        width, _, height = aspect.partition(":")
        ratio = int(width) / int(height)
    size = (long_side, long_side / ratio) if ratio >= 1 else (long_side * ratio, long_side)
    image = image.resize((_rounded(size[0]), _rounded(size[1])))
    warmer = [min(255, v + 3) for v in range(256)] + list(range(256)) * 2
    return _png(image.point(warmer))


def artwork(width: int, height: int, seed: int) -> bytes:
    """Return a PNG of a plain gradient, tinted by the seed."""
    from PIL import Image as Images
    from PIL import ImageOps

    tint = (200 + seed % 40, 225, 200 + seed // 40 % 40)
    ramp = Images.linear_gradient("L").resize((width, height))
    return _png(ImageOps.colorize(ramp, (248, 250, 250), tint))


def thumbnail_vector(photo: bytes, dimensions: int) -> list[float]:
    """Return numbers that say how the photo looks, and so differ between photos.

    Raises:
        OSError: it is no photo.
    """
    values = _thumbnail(photo)
    return [values[at % len(values)] for at in range(dimensions)]


@lru_cache(maxsize=16)
def _thumbnail(photo: bytes) -> list[float]:
    return [v / 255 for v in _read(photo).resize((16, 16)).tobytes()]


def _read(photo: bytes) -> Image:
    from PIL import Image as Images

    with Images.open(io.BytesIO(photo)) as image:
        return image.convert("RGB")


def _png(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _rounded(side: float) -> int:
    return max(_BLOCK, round(side / _BLOCK) * _BLOCK)
