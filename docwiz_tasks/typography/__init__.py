"""The font that pictures and documents are set in: DejaVu Sans, which ships with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from docwiz_tasks.errors import SettingsError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["FONTS", "covers", "fitted", "font", "shortened", "wrapped"]

FONTS = Path(__file__).parent / "fonts"


_ALWAYS_COVERED = frozenset(map(chr, range(0x20, 0x180)))
_NO_CHARACTER = "\U0010ffff"


@lru_cache(maxsize=128)
def font(size: int, *, bold: bool = False, path: str | None = None) -> FreeTypeFont:
    """Return the font at `size` pixels.

    Args:
        size: in pixels.
        bold: whether to return the bold face of the built-in one.
        path: another TrueType font's file.

    Raises:
        SettingsError: the other font can't be read.
    """
    from PIL import ImageFont

    own = FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    try:
        return ImageFont.truetype(path or own, size)
    except OSError:
        raise SettingsError("DOCWIZ_FONT_PATH must name a font file that can be read.") from None


def covers(text: str, path: str | None = None) -> bool:
    """Return whether the font, or the one at `path`, has each character of a text."""
    rare = set(text) - _ALWAYS_COVERED if path is None else set(text)
    faces = [font(20, path=path)] if path else [font(20), font(20, bold=True)]
    return all(_has(face, character) for character in rare for face in faces)


def fitted(
    text: str,
    size: int,
    width: float,
    *,
    bold: bool = False,
    path: str | None = None,
    least: int = 8,
) -> FreeTypeFont:
    """Return the font at `size` pixels, or down to `least` if `text` would be wider than `width`.

    Args:
        text: what will be written.
        size: in pixels.
        width: the most that it may take, in pixels.
        bold: whether to return the bold face of the built-in font.
        path: another font's file.
        least: the smallest size.
    """
    chosen = font(size, bold=bold, path=path)
    while size > least and chosen.getlength(text) > width:
        size -= 1
        chosen = font(size, bold=bold, path=path)
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


def _has(face: FreeTypeFont, character: str) -> bool:
    return character.isspace() or bytes(face.getmask(character)) != bytes(
        face.getmask(_NO_CHARACTER)
    )
