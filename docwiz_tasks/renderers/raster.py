"""The report as one tall PNG or JPEG: the PDF's pages, one below the other."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import ReportDocument
from docwiz_tasks.errors import ExtraMissing
from docwiz_tasks.imaging import marks
from docwiz_tasks.renderers.pdf import PdfRenderer

if TYPE_CHECKING:
    from PIL.Image import Image

    from docwiz_tasks.settings import Settings

__all__ = ["JpegRenderer", "PngRenderer"]

_DPI = 150
_POINTS_PER_INCH = 72
_GAP = 12
# A JPEG has at most 65,535 lines; fewer than half of that still opens everywhere.
_MAX_HEIGHT = 30_000

# PDFium has state of its own for the whole process.
_pdfium = threading.Lock()


class _PagesRenderer:
    """Draw the PDF's pages; what the two formats share."""

    media_type: str
    extension: str

    def __init__(self, settings: Settings) -> None:
        self._pdf = PdfRenderer(settings)
        self._pages: dict[int, int] = {}

    def render(self, document: ReportDocument) -> bytes:
        """Return the picture of all pages.

        Raises:
            ExtraMissing: pypdfium2 isn't installed.
            RenderFailed: as the PDF's renderer.
        """
        sheet, pages = _stacked(self._pdf.render(document))
        data = self._encoded(sheet)
        if any(picture.simulated for s in document.sections for picture in s.pictures):
            data = marks.embed_source_type(data, marks.EDITED, note=document.notice)
        self._pages[hash(data)] = pages
        return data

    def count_pages(self, data: bytes) -> int:
        """Return how many pages a picture that this renderer made has."""
        return self._pages[hash(data)]

    def _encoded(self, sheet: Image) -> bytes:
        raise NotImplementedError


class PngRenderer(_PagesRenderer):
    """Draw the report as a PNG."""

    media_type = "image/png"
    extension = "png"

    def _encoded(self, sheet: Image) -> bytes:
        file = io.BytesIO()
        sheet.save(file, "PNG", compress_level=1)
        return file.getvalue()


class JpegRenderer(_PagesRenderer):
    """Draw the report as a JPEG."""

    media_type = "image/jpeg"
    extension = "jpg"

    def _encoded(self, sheet: Image) -> bytes:
        file = io.BytesIO()
        sheet.save(file, "JPEG", quality=88, subsampling=0)
        return file.getvalue()


def _stacked(pdf: bytes) -> tuple[Image, int]:
    try:
        import pypdfium2
        from PIL import Image as Images
    except ImportError:
        raise ExtraMissing.for_extra("documents", "A report as a picture") from None
    with _pdfium, pypdfium2.PdfDocument(pdf) as document:
        heights = [page.get_height() for page in document]
        at_dpi = sum(heights) * _DPI / _POINTS_PER_INCH
        scale = _DPI / _POINTS_PER_INCH * min(1.0, _MAX_HEIGHT / at_dpi)
        pages = [page.render(scale=scale).to_pil().convert("RGB") for page in document]
    width = max(page.width for page in pages)
    height = sum(page.height for page in pages) + _GAP * (len(pages) - 1)
    sheet = Images.new("RGB", (width, height), (205, 214, 217))
    top = 0
    for page in pages:
        sheet.paste(page, (0, top))
        top += page.height + _GAP
    return sheet, len(pages)
