"""A sheet to draw on: smooth boxes, bars of parts, texts that always fit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from docwiz_tasks.errors import RenderFailed
from docwiz_tasks.typography import covers, fitted, shortened

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Colour", "Sheet", "gradient"]

Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[int, int, int, int]

_SMOOTH = 4
_LEAST_PART = 4


class Sheet:
    """Draws on an RGB picture.

    Args:
        image: the picture; changed in place.
        font_path: a font for texts whose characters the built-in one lacks.
    """

    def __init__(self, image: Image, font_path: str | None = None) -> None:
        from PIL import ImageDraw

        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._font_path = font_path

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: int,
        colour: Colour,
        width: float,
        *,
        bold: bool = False,
        right: bool = False,
        least: int = 12,
    ) -> float:
        """Write one line and return where it ends: its left side if it is right-aligned.

        Args:
            at: its left or right end, and the middle of its height.
            text: what to write.
            size: in pixels; smaller down to `least` where it is too wide, then shortened.
            colour: its colour.
            width: the most that it may take.
            bold: whether to write it in bold.
            right: whether `at` is its right end.
            least: the smallest size.

        Raises:
            RenderFailed: no font has its characters.
        """
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        path = self._path(text)
        face = fitted(text, size, width, bold=bold, path=path, least=least)
        text = shortened(text, face, width)
        self._draw.text(at, text, fill=colour, font=face, anchor="rm" if right else "lm")
        length = face.getlength(text)
        return at[0] - length if right else at[0] + length

    def line(self, ends: Box, colour: Colour) -> None:
        """Draw a straight line."""
        self._draw.line(ends, fill=colour, width=2)

    def box(self, box: Box, radius: int, fill: Colour, outline: Colour | None = None) -> None:
        """Draw a box with round, smooth corners, with a line around it if one is asked for."""
        if outline is not None:
            self._fill(box, radius, outline)
            left, top, right, bottom = box
            box, radius = (left + 2, top + 2, right - 2, bottom - 2), radius - 2
        self._fill(box, radius, fill)

    def bar(
        self, box: Box, values: Sequence[Decimal], colours: Sequence[Colour], empty: Colour
    ) -> None:
        """Draw a bar whose parts are as long as their values; one above zero is always seen."""
        from PIL import Image as images

        left, top, right, bottom = box
        length = right - left
        strip = images.new("RGB", (length, bottom - top), empty)
        start, height = 0, bottom - top
        for number, part in enumerate(_parts(values, length)):
            strip.paste(colours[number % len(colours)], (start, 0, start + part, height))
            if start and part:
                strip.paste((255, 255, 255), (start - 1, 0, start + 1, height))
            start += part
        self._image.paste(strip, (left, top), _mask((length, bottom - top), 8))

    def _fill(self, box: Box, radius: int, colour: Colour) -> None:
        left, top, right, bottom = box
        self._image.paste(colour, box, _mask((right - left, bottom - top), radius))

    def _path(self, text: str) -> str | None:
        if covers(text):
            return None
        if self._font_path is not None and covers(text, self._font_path):
            return self._font_path
        raise RenderFailed(
            "The picture has characters of a script that its font lacks:"
            " set DOCWIZ_FONT_PATH to a TrueType font that has them."
        )


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image:
    """Return a picture that goes from one colour at its top to another at its bottom."""
    from PIL import Image as images

    ramp = images.linear_gradient("L").resize(size)
    return images.composite(images.new("RGB", size, bottom), images.new("RGB", size, top), ramp)


def _parts(values: Sequence[Decimal], length: int) -> list[int]:
    """Return the pixels of each value, which are `length` together, or all 0."""
    whole = sum(values, Decimal(0))
    if whole <= 0:
        return [0] * len(values)
    parts = [max(_LEAST_PART, round(length * v / whole)) if v > 0 else 0 for v in values]
    longest = parts.index(max(parts))
    parts[longest] += length - sum(parts)
    return parts


@lru_cache(maxsize=64)
def _mask(size: tuple[int, int], radius: int) -> Image:
    from PIL import Image as images
    from PIL import ImageDraw

    mask = images.new("L", size, 255)
    whole = 2 * radius
    disc = images.new("L", (whole * _SMOOTH, whole * _SMOOTH), 0)
    ImageDraw.Draw(disc).ellipse((0, 0, whole * _SMOOTH - 1, whole * _SMOOTH - 1), fill=255)
    disc = disc.resize((whole, whole), images.Resampling.BOX)
    width, height = size
    for x, left in ((0, 0), (width - radius, radius)):
        for y, top in ((0, 0), (height - radius, radius)):
            mask.paste(disc.crop((left, top, left + radius, top + radius)), (x, y))
    return mask
