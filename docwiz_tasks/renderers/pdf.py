"""The report as a PDF, by jinja2 and xhtml2pdf."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import ReportDocument, ReportPicture
from docwiz_tasks.errors import DocWizError, ExtraMissing, RenderFailed
from docwiz_tasks.imaging import marks
from docwiz_tasks.renderers.finishing import finished
from docwiz_tasks.renderers.isolation import isolated
from docwiz_tasks.renderers.layout import html_of
from docwiz_tasks.renderers.pdfium import count_pages
from docwiz_tasks.renderers.pictures import PrintedPicture, printed
from docwiz_tasks.renderers.text import Setter
from docwiz_tasks.typography import FONTS

if TYPE_CHECKING:
    from docwiz_tasks.settings import Settings

__all__ = ["PdfRenderer"]

_FOREIGN_FILE = "The report's layout asked for a file that isn't the report's own."


class PdfRenderer:
    """Set a report on A4 pages.

    The same document gives the same bytes. Nothing but the report's own pictures and
    the fonts can be loaded, whatever its text says.

    Args:
        settings: `font_path` is the font for scripts that DejaVu Sans lacks.
    """

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.render_timeout_seconds
        self._fallback = None if settings.font_path is None else Path(settings.font_path)

    def render(self, document: ReportDocument) -> bytes:
        """Return the PDF.

        Raises:
            ExtraMissing: what lays it out isn't installed.
            RenderFailed: a picture can't be read, no font has a character, or the
                document can't be laid out.
            SettingsError: the font that was set is needed and can't be read.
        """
        try:
            # One at a time: what another thread fails to import can look imported here.
            with isolated():
                import xhtml2pdf.pisa  # noqa: F401
        except ImportError:
            raise ExtraMissing.for_extra("documents", "A PDF report") from None
        pictures = printed(document)
        resources = _Resources(pictures, self._fallback)
        xmp = marks.packet_of(marks.EDITED, "AI simulation") if document.simulated else None
        with isolated():
            html = html_of(
                document,
                Setter(self._fallback),
                pictures,
                resources.name,
                fallback=self._fallback is not None,
            )
            try:
                pdf = _laid_out(html, resources, self._seconds)
                return finished(pdf, document.generated_at, xmp)
            except DocWizError:
                raise
            except Exception as error:
                raise RenderFailed(
                    f"The report can't be laid out: {type(error).__name__}."
                ) from None

    def count_pages(self, data: bytes) -> int:
        """Return how many pages a PDF has."""
        return count_pages(data)


def _laid_out(html: str, resources: _Resources, seconds: float) -> bytes:
    from xhtml2pdf import pisa
    from xhtml2pdf.config.resources import ResourceAccessPolicy

    policy = ResourceAccessPolicy.server(
        None,
        extra_roots=resources.fonts,
        allow_remote=False,
        max_render_seconds=seconds,
        max_document_bytes=None,
    )
    file = BytesIO()
    status = pisa.CreatePDF(html, dest=file, link_callback=resources.find, resource_policy=policy)
    if status.err:
        raise RenderFailed(f"The report can't be laid out: {status.err} errors.")
    resources.check_all_used()
    return file.getvalue()


class _Resources:
    """The files that a report may load, by the names that its template gives them."""

    def __init__(
        self, pictures: dict[ReportPicture, PrintedPicture], fallback: Path | None
    ) -> None:
        self._fonts = {
            "font:regular": FONTS / "DejaVuSans.ttf",
            "font:bold": FONTS / "DejaVuSans-Bold.ttf",
        }
        if fallback is not None:
            self._fonts["font:fallback"] = fallback
        self._names = {picture: f"picture:{n}.jpg" for n, picture in enumerate(pictures)}
        self._pictures = {self._names[picture]: made.data for picture, made in pictures.items()}
        self._refused = False
        self._unused = set(self._pictures)

    @property
    def fonts(self) -> tuple[Path, ...]:
        return tuple(self._fonts.values())

    def name(self, picture: ReportPicture) -> str:
        return self._names[picture]

    def find(self, uri: str, _base: object) -> str | bytes:
        if uri in self._fonts:
            return str(self._fonts[uri])
        if uri in self._pictures:
            self._unused.discard(uri)
            return self._pictures[uri]
        # The layout library makes a warning of what is raised here.
        self._refused = True
        raise RenderFailed(_FOREIGN_FILE)

    def check_all_used(self) -> None:
        # It leaves out a picture that it can't use, too, without calling that an error.
        if self._refused:
            raise RenderFailed(_FOREIGN_FILE)
        if self._unused:
            raise RenderFailed("A picture is missing from the laid out report.")
