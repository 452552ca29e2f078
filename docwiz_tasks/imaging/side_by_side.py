"""One picture of a photo and several simulations, side by side."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from docwiz_tasks.imaging.photos import decoded, encoded, header
from docwiz_tasks.typography import fitted, font, shortened, wrapped

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["Panel", "compose"]

_PANEL_WIDTH, _MAX_PICTURE = 420, 560
_MARGIN, _GAP, _HEAD, _CAPTION, _FOOT = 48, 28, 108, 132, 76
_INK, _QUIET, _LINE, _ACCENT = (28, 40, 48), (92, 108, 116), (222, 230, 232), (18, 112, 124)
_TOP, _MIDDLE = "la", "lm"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture with its caption.

    Args:
        image: a picture's bytes.
        title: the caption's first line.
        lines: more lines, up to three.
        simulated: whether an AI or a simulation made it.
    """

    image: bytes = field(repr=False)
    title: str
    lines: tuple[str, ...]
    simulated: bool


def compose(panels: Sequence[Panel], *, title: str, notice: str) -> bytes:
    """Return the panels in a grid, as a PNG.

    Args:
        panels: 2 to 9 of them, the photo first.
        title: the heading.
        notice: the sentence that says what the pictures are.

    Raises:
        InvalidPhoto: a panel's picture can't be read.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    sizes = [header(panel.image)[1:] for panel in panels]
    tallest = max(height / width for width, height in sizes)
    picture_height = min(_MAX_PICTURE, round(_PANEL_WIDTH * tallest))
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="docwiz-panel") as pool:
        frames = list(pool.map(partial(_framed, picture_height), panels))
    columns = _columns(len(panels))
    rows = math.ceil(len(panels) / columns)
    width = 2 * _MARGIN + columns * _PANEL_WIDTH + (columns - 1) * _GAP
    height = _HEAD + rows * (picture_height + _CAPTION + _GAP) + _FOOT
    sheet = Images.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, width, 10), fill=_ACCENT)
    draw.text((_MARGIN, 42), title, fill=_INK, font=font(34, bold=True), anchor=_TOP)
    for number, (panel, frame) in enumerate(zip(panels, frames, strict=True)):
        column, row = number % columns, number // columns
        left = _MARGIN + column * (_PANEL_WIDTH + _GAP)
        top = _HEAD + row * (picture_height + _CAPTION + _GAP)
        sheet.paste(frame, (left, top))
        _caption(draw, panel, left, top + picture_height + 12)
    draw.line((_MARGIN, height - _FOOT, width - _MARGIN, height - _FOOT), fill=_LINE, width=2)
    line = fitted(notice, 20, width - 2 * _MARGIN)
    draw.text((_MARGIN, height - _FOOT // 2), notice, fill=_QUIET, font=line, anchor=_MIDDLE)
    return encoded(sheet, "image/png")


def _columns(count: int) -> int:
    return count if count <= 4 else math.ceil(count / 2) if count <= 8 else 3


def _framed(height: int, panel: Panel) -> Image:
    """Return a panel's picture, whole, in the middle of its frame."""
    from PIL import Image as Images

    _, *whole = header(panel.image)
    scale = min(_PANEL_WIDTH / whole[0], height / whole[1])
    size = (max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale)))
    picture = decoded(panel.image, at_least=size).convert("RGB")
    fit = picture.resize(size, Images.Resampling.LANCZOS)
    frame = Images.new("RGB", (_PANEL_WIDTH, height), (240, 244, 245))
    frame.paste(fit, ((_PANEL_WIDTH - fit.width) // 2, (height - fit.height) // 2))
    return frame


def _caption(draw: ImageDraw, panel: Panel, left: int, top: int) -> None:
    bold, plain = font(21, bold=True), font(17)
    y = top
    for line in wrapped(panel.title, bold, _PANEL_WIDTH, 1):
        draw.text((left, y), line, fill=_INK, font=bold, anchor=_TOP)
        y += 30
    if panel.simulated:
        draw.text((left, y), "AI simulation", fill=_ACCENT, font=font(15, bold=True), anchor=_TOP)
        y += 23
    for text in panel.lines[:3]:
        line = shortened(text, plain, _PANEL_WIDTH)
        draw.text((left, y), line, fill=_QUIET, font=plain, anchor=_TOP)
        y += 23
