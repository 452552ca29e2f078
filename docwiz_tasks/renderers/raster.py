"""The report as one tall PNG or JPEG: the PDF's pages, one below the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import ReportDocument
from docwiz_tasks.errors import ExtraMissing, RenderFailed
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.photos import header
from docwiz_tasks.imaging.png import png_of
from docwiz_tasks.renderers.pdf import PdfRenderer
from docwiz_tasks.renderers.pdfium import opened

if TYPE_CHECKING:
    from PIL.Image import Image

    from docwiz_tasks.settings import Settings

__all__ = ["JpegRenderer", "PngRenderer"]

_DPI, _LEAST_DPI = 150, 72
_POINTS_PER_INCH = 72
_PAGE_HEIGHT_BY_WIDTH = 297 / 210
_GAP, _GAP_COLOUR = 12, (205, 214, 217)
# A JPEG has at most 65,535 lines.
_MAX_HEIGHT = 60_000


class _PagesRenderer:
    """Draw the PDF's pages: what the two formats share."""

    media_type: str
    extension: str

    def __init__(self, settings: Settings) -> None:
        self._pdf = PdfRenderer(settings)

    def render(self, document: ReportDocument) -> bytes:
        """Return the picture of all pages.

        Raises:
            ExtraMissing: what lays it out or draws it isn't installed.
            RenderFailed: the PDF can't be made, or has too many pages for one picture.
            SettingsError: as the PDF's renderer.
        """
        pdf = self._pdf.render(document)
        with opened(pdf) as pages:
            data = self._encoded(_Stack.of(pages))
        if document.simulated:
            data = marks.embed_source_type(data, marks.EDITED, note="AI simulation")
        return data

    def count_pages(self, data: bytes) -> int:
        """Return how many pages are in a picture that such a renderer made."""
        _, width, height = header(data)
        return round((height + _GAP) / (width * _PAGE_HEIGHT_BY_WIDTH + _GAP))

    def _encoded(self, stack: _Stack) -> bytes:
        raise NotImplementedError


class PngRenderer(_PagesRenderer):
    """Draw the report as a PNG."""

    media_type = "image/png"
    extension = "png"

    def _encoded(self, stack: _Stack) -> bytes:
        bands = (band.copy() for band in stack.bands())
        return png_of(bands, stack.width, stack.height)


class JpegRenderer(_PagesRenderer):
    """Draw the report as a JPEG."""

    media_type = "image/jpeg"
    extension = "jpg"

    def _encoded(self, stack: _Stack) -> bytes:
        sheet, top = _pillow().new("RGB", (stack.width, stack.height)), 0
        for band in stack.bands():
            sheet.paste(band, (0, top))
            top += band.height
        file = BytesIO()
        sheet.save(file, "JPEG", quality=88, subsampling=0)
        return file.getvalue()


@dataclass(frozen=True, slots=True)
class _Stack:
    """The pages of an open PDF, all of one size, with gaps between them."""

    pages: Any
    dpi: float
    width: int
    page_height: int

    @classmethod
    def of(cls, pages: Any) -> _Stack:
        inches = [side / _POINTS_PER_INCH for side in pages[0].get_size()]
        dpi = min(_DPI, math.floor((_MAX_HEIGHT / len(pages) - _GAP - 1) / inches[1]))
        if dpi < _LEAST_DPI:
            raise RenderFailed(
                f"The report's {len(pages)} pages don't fit in one picture: export it as a PDF."
            )
        # As PDFium rounds.
        width, height = (math.ceil(side * dpi) for side in inches)
        return cls(pages, dpi, width, height)

    @property
    def height(self) -> int:
        return len(self.pages) * (self.page_height + _GAP) - _GAP

    def bands(self) -> Iterator[Image]:
        """Yield the pages and the gaps; the pixels are PDFium's, and go with the next one."""
        gap = _pillow().new("RGB", (self.width, _GAP), _GAP_COLOUR)
        for number in range(len(self.pages)):
            if number:
                yield gap
            with closing(self.pages[number]) as page:
                scale = self.dpi / _POINTS_PER_INCH
                with closing(page.render(scale=scale, rev_byteorder=True)) as drawn:
                    yield drawn.to_pil()


def _pillow() -> Any:
    try:
        from PIL import Image as images
    except ImportError:
        raise ExtraMissing.for_extra("documents", "A report as a picture") from None
    return images
