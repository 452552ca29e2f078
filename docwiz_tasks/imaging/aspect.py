"""Photos for a model that makes pictures of a few shapes only, and back to the photo's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from docwiz_tasks.imaging.photos import decoded, encoded, media_type_of

__all__ = ["Shape", "nearest_shape", "padded", "restored"]

# Models round a shape's sides to whole blocks of pixels: 864 by 1184 is meant to be 3:4.
_ROUNDING = 0.04
# Less than this can't be seen, and is left as it is.
_SAME = 0.005


@dataclass(frozen=True, slots=True)
class Shape:
    """The sides of a picture in proportion, such as 3 to 4."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Return the shape that is written as ``3:4``."""
        width, height = text.split(":")
        return cls(int(width), int(height))

    @property
    def ratio(self) -> float:
        """Width by height."""
        return self.width / self.height


def nearest_shape(photo: Shape, offered: Iterable[Shape]) -> Shape:
    """Return the shape on offer that needs the fewest pixels added to hold the photo."""
    return min(offered, key=lambda shape: _apart(shape.ratio, photo.ratio))


def padded(data: bytes, photo: Shape, shape: Shape) -> bytes:
    """Return the photo in the middle of a picture of another shape, its edges drawn out.

    Args:
        data: the photo; it stays as it is where the shape is its own.
        photo: its size in pixels.
        shape: the shape to reach.
    """
    if _apart(shape.ratio, photo.ratio) <= _SAME:
        return data
    from PIL import Image as Images

    image = decoded(data).convert("RGB")
    width, height = _around(photo, shape)
    left, top = (width - photo.width) // 2, (height - photo.height) // 2
    canvas = Images.new("RGB", (width, height))
    # The outermost lines, stretched: nothing for a model to take for a frame.
    if left or width > photo.width:
        first = image.crop((0, 0, 1, photo.height))
        last = image.crop((photo.width - 1, 0, photo.width, photo.height))
        canvas.paste(first.resize((width, height)), (0, 0))
        canvas.paste(last.resize((width - left, height)), (left, 0))
    else:
        first = image.crop((0, 0, photo.width, 1))
        last = image.crop((0, photo.height - 1, photo.width, photo.height))
        canvas.paste(first.resize((width, height)), (0, 0))
        canvas.paste(last.resize((width, height - top)), (0, top))
    canvas.paste(image, (left, top))
    return encoded(canvas, media_type_of(data) or "image/png")


def restored(data: bytes, photo: Shape, shape: Shape, media_type: str) -> bytes:
    """Return the photo's part of a model's picture, in the photo's shape.

    Args:
        data: the model's picture of the `padded` photo; of any size, and nearly of any shape.
        photo: the photo's size in pixels.
        shape: the shape that the photo was padded to.
        media_type: what to encode a picture in that has to be drawn anew: the photo's own
            type, since no format brings back what that loses.

    Raises:
        InvalidPhoto: it is no picture.
    """
    from PIL import Image as Images

    image = decoded(data)
    made = image.width / image.height
    if _apart(made, photo.ratio) <= _SAME:
        return data
    if _apart(made, shape.ratio) <= _ROUNDING:
        # Off by a rounding: it shows the whole padded photo.
        whole = _around(photo, shape)
        width = image.width * photo.width / whole[0]
        height = image.height * photo.height / whole[1]
    else:
        # The model chose other edges: the largest part of the photo's shape.
        width = min(image.width, image.height * photo.ratio)
        height = width / photo.ratio
    # Fractions may be rounded to a hair more than the picture has.
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    box = (left, top, image.width - left, image.height - top)
    size = (round(height * photo.ratio), round(height))
    part = image.convert("RGB").resize(size, Images.Resampling.BICUBIC, box=box)
    return encoded(part, media_type)


def _around(photo: Shape, shape: Shape) -> tuple[int, int]:
    """Return the size in pixels of the smallest picture of a shape that holds the photo."""
    if shape.ratio > photo.ratio:
        return round(photo.height * shape.ratio), photo.height
    return photo.width, round(photo.width / shape.ratio)


def _apart(a: float, b: float) -> float:
    return max(a / b, b / a) - 1
