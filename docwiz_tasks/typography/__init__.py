"""The font that pictures and documents are set in: DejaVu Sans, which ships with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["FONTS", "fitted", "font", "shortened", "wrapped"]

FONTS = Path(__file__).parent / "fonts"


@lru_cache(maxsize=64)
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return the font at `size` pixels."""
    from PIL import ImageFont

    return ImageFont.truetype(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


def fitted(text: str, size: int, width: float, *, bold: bool = False) -> FreeTypeFont:
    """Return the font at `size` pixels, or smaller if `text` would be wider than `width`."""
    chosen = font(size, bold=bold)
    while size > 8 and chosen.getlength(text) > width:
        size -= 1
        chosen = font(size, bold=bold)
    return chosen


def shortened(text: str, face: FreeTypeFont, width: float) -> str:
    """Return `text`, cut with an ellipsis if it would be wider than `width` pixels."""
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, face: FreeTypeFont, width: float, lines: int) -> list[str]:
    """Return `text` in at most `lines` lines of `width` pixels; the last may be shortened."""
    words, set_lines = text.split(), [""]
    for word in words:
        longer = f"{set_lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not set_lines[-1]:
            set_lines[-1] = longer
        else:
            set_lines.append(word)
    if len(set_lines) > lines:
        set_lines = [*set_lines[: lines - 1], " ".join(set_lines[lines - 1 :])]
    return [shortened(line, face, width) for line in set_lines]
