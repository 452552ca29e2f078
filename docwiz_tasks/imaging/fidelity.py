"""How much an AI edit changed outside the region that it was asked to change.

The structural similarity of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment:
from error visibility to structural similarity", IEEE Transactions on Image Processing 13(4),
2004, in windows of 8 by 8 pixels; https://doi.org/10.1109/TIP.2003.819861.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docwiz_tasks.imaging.photos import decoded
from docwiz_tasks.imaging.regions import ellipses

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["changed_outside"]

# Small enough to forget the noise of encoders and of enlarging, large enough to keep a face.
_LONG_SIDE = 192
_WINDOW = 8
# Photos aren't centred to the pixel, and a swelling ends softly.
_MARGIN = 1.35
# A model may shift the whole picture by this many pixels of the small one: about 1 %.
_SHIFT = 2

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Below this likeness, or beyond this difference of colour, a window counts as changed.
_LIKE = 0.7
_COLOUR = 10


@dataclass(frozen=True, slots=True)
class _Planes:
    """A small picture as luminance and two colour differences, row by row."""

    width: int
    height: int
    luminance: list[int]
    blue: list[int]
    red: list[int]


def changed_outside(before: bytes, after: bytes, region: str) -> float:
    """Return what share of the picture outside a region was changed, from 0 to 1.

    Encoding anew, another size, a shift of the whole picture by 1 % and a small change of
    its brightness or colour as a whole change nothing.

    Args:
        before: the photo; JPEG, PNG or WebP.
        after: the edited picture, of about the same shape.
        region: the procedure's region.

    Raises:
        InvalidPhoto: one is no picture.
        ProviderRejected: there is no such region.
    """
    first = _small(decoded(before), None)
    second = _small(decoded(after), first.size)
    outside = _Outside(region, *first.size)
    windows = [
        (x, y)
        for y in range(_SHIFT, first.height - _WINDOW - _SHIFT + 1, _WINDOW)
        for x in range(_SHIFT, first.width - _WINDOW - _SHIFT + 1, _WINDOW)
        if outside(x + _WINDOW / 2, y + _WINDOW / 2)
    ]
    if not windows:
        return 0.0
    a, b = _planes(first), _planes(_unshifted(first, second))
    toned = _tone(a, b, windows)
    return sum(_differs(a, b, at, toned) for at in windows) / len(windows)


def _small(image: Image, size: tuple[int, int] | None) -> Image:
    from PIL import Image as Images

    if size is None:
        scale = _LONG_SIDE / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Images.Resampling.BOX).convert("YCbCr")


class _Outside:
    """Whether a point of the small picture lies outside a region, by a margin."""

    def __init__(self, region: str, width: int, height: int) -> None:
        self._ellipses = [
            (e.x * width, e.y * height, e.half_width * width * _MARGIN,
             e.half_height * height * _MARGIN)
            for e in ellipses(region)
        ]  # fmt: skip

    def __call__(self, x: float, y: float) -> bool:
        return all(
            ((x - middle_x) / half_width) ** 2 + ((y - middle_y) / half_height) ** 2 > 1
            for middle_x, middle_y, half_width, half_height in self._ellipses
        )


def _unshifted(first: Image, second: Image) -> Image:
    """Return the second picture, shifted to where it lies best on the first."""
    from PIL import ImageChops, ImageStat

    inner = (_SHIFT, _SHIFT, first.width - _SHIFT, first.height - _SHIFT)
    wanted = first.getchannel(0).crop(inner)

    def apart(shift: tuple[int, int]) -> float:
        moved = ImageChops.offset(second.getchannel(0), *shift).crop(inner)
        return float(ImageStat.Stat(ImageChops.difference(wanted, moved)).mean[0])

    steps = range(-_SHIFT, _SHIFT + 1)
    shifts = sorted(((x, y) for x in steps for y in steps), key=lambda s: abs(s[0]) + abs(s[1]))
    return ImageChops.offset(second, *min(shifts, key=apart))


def _planes(image: Image) -> _Planes:
    luminance, blue, red = (list(image.getchannel(at).tobytes()) for at in range(3))
    return _Planes(image.width, image.height, luminance, blue, red)


def _tone(a: _Planes, b: _Planes, windows: list[tuple[int, int]]) -> tuple[float, float, float]:
    """Return by how much the whole picture is brighter, bluer and redder."""
    places = [(y + _WINDOW // 2) * a.width + x + _WINDOW // 2 for x, y in windows]
    return (
        statistics.median(b.luminance[at] - a.luminance[at] for at in places),
        statistics.median(b.blue[at] - a.blue[at] for at in places),
        statistics.median(b.red[at] - a.red[at] for at in places),
    )


def _differs(a: _Planes, b: _Planes, at: tuple[int, int], tone: tuple[float, float, float]) -> bool:
    places = list(_places(a.width, at))
    if (
        _likeness([a.luminance[p] for p in places], [b.luminance[p] - tone[0] for p in places])
        < _LIKE
    ):
        return True
    count = len(places)
    blue = sum(b.blue[p] - a.blue[p] for p in places) / count - tone[1]
    red = sum(b.red[p] - a.red[p] for p in places) / count - tone[2]
    return max(abs(blue), abs(red)) > _COLOUR


def _places(width: int, at: tuple[int, int]) -> Iterator[int]:
    x, y = at
    for row in range(y, y + _WINDOW):
        yield from range(row * width + x, row * width + x + _WINDOW)


def _likeness(a: list[int], b: list[float]) -> float:
    """Return the structural similarity of two windows: 1 when they are the same."""
    count = len(a)
    mean_a, mean_b = sum(a) / count, sum(b) / count
    variance_a = sum(v * v for v in a) / count - mean_a**2
    variance_b = sum(v * v for v in b) / count - mean_b**2
    together = sum(v * w for v, w in zip(a, b, strict=True)) / count - mean_a * mean_b
    return ((2 * mean_a * mean_b + _C1) * (2 * together + _C2)) / (
        (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    )
