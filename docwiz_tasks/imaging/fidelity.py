"""How much an AI edit changed outside the region that it was asked to change.

The structural similarity of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment:
from error visibility to structural similarity", IEEE Transactions on Image Processing 13(4),
2004, in windows of 8 by 8 pixels; https://doi.org/10.1109/TIP.2003.819861.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from docwiz_tasks.imaging.regions import ellipses

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MEASURED_SIZE", "changed_outside", "reduced"]

# Small enough to forget the noise of encoders and of enlarging, large enough to keep a face.
_LONG_SIDE = 192
MEASURED_SIZE = (_LONG_SIDE, _LONG_SIDE)
_WINDOW = 8
# Photos aren't centred to the pixel, and a swelling ends softly.
_MARGIN = 1.35
# A model may shift the whole picture by this many pixels of the small one: about 1 %.
_SHIFT = 2

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Below this likeness, or beyond this difference of colour, a window counts as changed.
_LIKE = 0.7
_COLOUR = 10


def changed_outside(before: Image, after: Image, region: str) -> float:
    """Return what share of the picture outside a region was changed, from 0 to 1.

    Encoding anew, another size, a shift of the whole picture by 1 % and a small change of
    its brightness or colour as a whole change nothing.

    Args:
        before: the photo, or what `reduced` made of it.
        after: the edited picture, of about the same shape.
        region: the procedure's region.

    Raises:
        ProviderRejected: there is no such region.
    """
    small = reduced(before)
    first = small.convert("YCbCr")
    second = _resized(after, small.size).convert("YCbCr")
    columns = (first.width - 2 * _SHIFT) // _WINDOW
    rows = (first.height - 2 * _SHIFT) // _WINDOW
    outside = _Outside(region, *first.size)
    windows = [
        row * columns + column
        for row in range(rows)
        for column in range(columns)
        if outside(*(_SHIFT + _WINDOW * (at + 0.5) for at in (column, row)))
    ]
    if not windows:
        return 0.0
    box = (_SHIFT, _SHIFT, _SHIFT + columns * _WINDOW, _SHIFT + rows * _WINDOW)
    changed = _changed(first.crop(box), _unshifted(first, second).crop(box), windows)
    return changed / len(windows)


def reduced(image: Image) -> Image:
    """Return a picture as small as it is measured; the same if it is one already."""
    scale = _LONG_SIDE / max(image.size)
    return _resized(
        image, (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    )


def _resized(image: Image, size: tuple[int, int]) -> Image:
    from PIL import Image as Images

    return image.convert("RGB").resize(size, Images.Resampling.BOX, reducing_gap=2.0)


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


def _changed(first: Image, second: Image, windows: Sequence[int]) -> int:
    """Return how many of these windows differ; all windows are numbered row by row."""
    a, b = ([plane.convert("F") for plane in image.split()] for image in (first, second))
    means = [(_means(before), _means(after)) for before, after in zip(a, b, strict=True)]
    # By how much the whole picture is brighter, bluer and redder.
    tones = [statistics.median(after[at] - before[at] for at in windows) for before, after in means]
    luminance, *colours = zip(means, tones, strict=True)
    squares_a, squares_b, products = (
        _means(_product(*pair)) for pair in ((a[0], a[0]), (b[0], b[0]), (a[0], b[0]))
    )

    def alike(at: int) -> bool:
        (before, after), tone = luminance
        mean_a, mean_b = before[at], after[at]
        likeness = _likeness(
            (mean_a, mean_b - tone),
            (squares_a[at] - mean_a**2, squares_b[at] - mean_b**2),
            products[at] - mean_a * mean_b,
        )
        return likeness >= _LIKE and all(
            abs(after[at] - before[at] - tone) <= _COLOUR for (before, after), tone in colours
        )

    return sum(not alike(at) for at in windows)


def _means(plane: Image) -> Sequence[float]:
    """Return the mean of each window."""
    return array("f", plane.reduce(_WINDOW).tobytes())


def _product(a: Image, b: Image) -> Image:
    from PIL import ImageMath

    product: Image = ImageMath.lambda_eval(lambda planes: planes["a"] * planes["b"], a=a, b=b)
    return product


def _likeness(means: tuple[float, float], variances: tuple[float, float], both: float) -> float:
    """Return the structural similarity of two windows: 1 when they are the same."""
    (a, b), (variance_a, variance_b) = means, variances
    return ((2 * a * b + _C1) * (2 * both + _C2)) / (
        (a**2 + b**2 + _C1) * (variance_a + variance_b + _C2)
    )
