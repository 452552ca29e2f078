"""Photos of a test's own, each to be told from the others by its colour."""

from __future__ import annotations

import io

from PIL import Image

Colour = tuple[int, int, int]


def photo(colour: Colour = (150, 120, 100), size: tuple[int, int] = (600, 800)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def colour_of(data: bytes) -> Colour:
    """The colour in the middle of a picture."""
    image = opened(data).convert("RGB")
    value = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(value, tuple)
    return (int(value[0]), int(value[1]), int(value[2]))
