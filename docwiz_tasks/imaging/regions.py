"""Where a procedure's region lies on a centred portrait or photo of the trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docwiz_tasks.errors import ProviderRejected

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["REGIONS", "Ellipse", "ellipses", "region_mask"]


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse in fractions of the picture's width and height: centre and half axes."""

    x: float
    y: float
    half_width: float
    half_height: float

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in pixels, inside the picture."""
        return (
            max(0, round((self.x - self.half_width) * width)),
            max(0, round((self.y - self.half_height) * height)),
            min(width, round((self.x + self.half_width) * width)),
            min(height, round((self.y + self.half_height) * height)),
        )


# Proportions of the face after the rule of thirds: hairline to brow, brow to the base of
# the nose, base of the nose to chin, with the face taking the middle of a portrait.
REGIONS: dict[str, tuple[Ellipse, ...]] = {
    "forehead": (Ellipse(0.50, 0.285, 0.24, 0.085),),
    "eyelids": (Ellipse(0.405, 0.385, 0.085, 0.045), Ellipse(0.595, 0.385, 0.085, 0.045)),
    "nose": (Ellipse(0.50, 0.46, 0.085, 0.105),),
    "ears": (Ellipse(0.265, 0.43, 0.055, 0.10), Ellipse(0.735, 0.43, 0.055, 0.10)),
    "upper_lip": (Ellipse(0.50, 0.575, 0.09, 0.045),),
    "lips": (Ellipse(0.50, 0.60, 0.115, 0.055),),
    "chin": (Ellipse(0.50, 0.71, 0.14, 0.075),),
    "face": (Ellipse(0.36, 0.60, 0.09, 0.13), Ellipse(0.64, 0.60, 0.09, 0.13)),
    "breasts": (Ellipse(0.36, 0.42, 0.15, 0.15), Ellipse(0.64, 0.42, 0.15, 0.15)),
    "abdomen": (Ellipse(0.50, 0.62, 0.20, 0.20),),
    "body_contour": (Ellipse(0.27, 0.58, 0.10, 0.20), Ellipse(0.73, 0.58, 0.10, 0.20)),
}


def ellipses(region: str) -> tuple[Ellipse, ...]:
    """Return the ellipses of a region.

    Raises:
        ProviderRejected: there is no such region; it names those there are.
    """
    try:
        return REGIONS[region]
    except KeyError:
        known = ", ".join(sorted(REGIONS))
        raise ProviderRejected(f"This procedure's region isn't one of: {known}.") from None


def region_mask(region: str, width: int, height: int) -> Image:
    """Return a region's mask: 255 in its middle, softly down to exactly 0 at its edge."""
    from PIL import Image as Images

    mask = Images.new("L", (width, height), 0)
    for ellipse in ellipses(region):
        left, top, right, bottom = ellipse.box(width, height)
        # Pillow's radial gradient runs from 0 in the middle to 255 at the circle's edge and
        # beyond; turned over and steepened it is full to three fifths of the way.
        soft = Images.radial_gradient("L").resize((right - left, bottom - top))
        soft = soft.point(lambda v: max(0, min(255, round((178 - v) * 255 / 72))))
        mask.paste(soft, (left, top), soft)
    return mask
