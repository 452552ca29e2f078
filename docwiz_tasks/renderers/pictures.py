"""Pictures as a report prints them: sharp enough, small, and marked where they are simulated."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import ReportDocument, ReportPicture
from docwiz_tasks.errors import ExtraMissing, InvalidPhoto, RenderFailed
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.photos import decoded

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PrintedPicture", "printed"]

_MM_PER_INCH = 25.4
_DPI = 200
# Two beside each other fill a line of an A4 page, and two such lines fit on it.
_MAX_WIDTH_MM, _MAX_HEIGHT_MM = 80.0, 100.0
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class PrintedPicture:
    """A JPEG at the size that it is printed in."""

    data: bytes = field(repr=False)
    width_mm: float
    height_mm: float


def printed(document: ReportDocument) -> dict[ReportPicture, PrintedPicture]:
    """Return each picture of a report as it is printed; the same picture once.

    Raises:
        ExtraMissing: Pillow isn't installed.
        RenderFailed: one can't be read.
    """
    pictures = [picture for section in document.sections for picture in section.pictures]
    # One photo is the "before" of many pictures.
    distinct = list(dict.fromkeys((picture.data, picture.simulated) for picture in pictures))
    # Pillow lets go of the interpreter while it decodes, scales and encodes.
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="docwiz-pictures") as pool:
        made = dict(zip(distinct, pool.map(_printed, distinct), strict=True))
    return {picture: made[picture.data, picture.simulated] for picture in pictures}


def _printed(picture: tuple[bytes, bool]) -> PrintedPicture:
    data, simulated = picture
    images = _pillow()
    try:
        image = _upright(data)
    except InvalidPhoto:
        raise RenderFailed("A picture of the report can't be read.") from None
    size = _pixels(_MAX_WIDTH_MM), _pixels(_MAX_HEIGHT_MM)
    # As sharp as Lanczos at these ratios, in half the time.
    image.thumbnail(size, images.Resampling.HAMMING)
    millimetres = min(_MAX_WIDTH_MM / image.width, _MAX_HEIGHT_MM / image.height)
    file = BytesIO()
    image.save(file, "JPEG", quality=85)
    data = file.getvalue()
    if simulated:
        data = marks.embed_source_type(data, marks.EDITED, note="AI simulation")
    return PrintedPicture(data, image.width * millimetres, image.height * millimetres)


def _upright(data: bytes) -> Image:
    from PIL import ImageOps

    images = _pillow()
    # A JPEG is decoded at a half, a quarter or an eighth where that is enough.
    image = decoded(data, at_least=(_pixels(_MAX_WIDTH_MM), _pixels(_MAX_HEIGHT_MM)))
    try:
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = images.alpha_composite(images.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
    # What broken metadata makes Pillow raise can be anything.
    except Exception:
        raise InvalidPhoto("It can't be turned upright.") from None
    image.info.clear()
    return image


def _pillow() -> Any:
    try:
        from PIL import Image as images
    except ImportError:
        raise ExtraMissing.for_extra("documents", "A report") from None
    return images


def _pixels(millimetres: float) -> int:
    return round(millimetres / _MM_PER_INCH * _DPI)
