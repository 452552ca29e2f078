"""The report as a PDF, by jinja2 and xhtml2pdf."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import ReportDocument, ReportPicture
from docwiz_tasks.errors import DocWizError, ExtraMissing, RenderFailed
from docwiz_tasks.renderers.pictures import print_ready
from docwiz_tasks.renderers.text import Setter
from docwiz_tasks.typography import FONTS

if TYPE_CHECKING:
    from docwiz_tasks.settings import Settings

__all__ = ["PdfRenderer", "count_pages"]

_RENDER_SECONDS = 200


class PdfRenderer:
    """Set a report on A4 pages.

    The same document gives the same bytes. Nothing but the report's own pictures and
    the fonts can be loaded, whatever its text says.
    """

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, settings: Settings) -> None:
        self._fallback = settings.font_path

    def render(self, document: ReportDocument) -> bytes:
        """Return the PDF.

        Raises:
            ExtraMissing: xhtml2pdf or jinja2 isn't installed.
            RenderFailed: a picture can't be read, no font has a character, or the
                document can't be laid out.
        """
        try:
            from xhtml2pdf import pisa
            from xhtml2pdf.config.resources import ResourceAccessPolicy
        except ImportError:
            raise ExtraMissing.for_extra("documents", "A PDF report") from None
        resources = _Resources(document, self._fallback)
        html = _html(document, resources, self._fallback)
        policy = ResourceAccessPolicy.server(
            None,
            extra_roots=(FONTS,),
            allow_remote=False,
            max_render_seconds=_RENDER_SECONDS,
        )
        file = io.BytesIO()
        with _quiet(), _deterministic():
            try:
                status = pisa.CreatePDF(
                    html, dest=file, link_callback=resources.find, resource_policy=policy
                )
            except DocWizError:
                raise
            except Exception as error:
                raise RenderFailed(
                    f"The report can't be laid out: {type(error).__name__}."
                ) from None
        if status.err:
            raise RenderFailed(f"The report can't be laid out: {status.err} errors.")
        resources.check_all_used()
        return file.getvalue()

    def count_pages(self, data: bytes) -> int:
        """Return how many pages a rendered PDF has."""
        return count_pages(data)


def count_pages(pdf: bytes) -> int:
    """Return how many pages a PDF has."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        return len(document)


class _Resources:
    """The files that a report may load, by the names that its template gives them."""

    def __init__(self, document: ReportDocument, fallback: str | None) -> None:
        self._fonts = {
            "font:regular": str(FONTS / "DejaVuSans.ttf"),
            "font:bold": str(FONTS / "DejaVuSans-Bold.ttf"),
        }
        if fallback:
            self._fonts["font:fallback"] = fallback
        pictures = [picture for section in document.sections for picture in section.pictures]
        self._names = {id(picture): f"picture:{n}.jpg" for n, picture in enumerate(pictures)}
        self._pictures = {self._names[id(picture)]: print_ready(picture) for picture in pictures}
        self._used: set[str] = set()

    def name(self, picture: ReportPicture) -> str:
        return self._names[id(picture)]

    def find(self, uri: str, _base: object) -> str | bytes:
        self._used.add(uri)
        if uri in self._fonts:
            return self._fonts[uri]
        if uri in self._pictures:
            return self._pictures[uri]
        raise RenderFailed("The report asked for a file that isn't its own.")

    def check_all_used(self) -> None:
        # xhtml2pdf leaves out a picture that it can't use without calling it an error.
        if not self._pictures.keys() <= self._used:
            raise RenderFailed("A picture is missing from the report.")


def _html(document: ReportDocument, resources: _Resources, fallback: str | None) -> str:
    environment = _environment().overlay()
    environment.filters["set"] = Setter(fallback)
    environment.filters["source"] = resources.name
    made = f"{document.generated_at:%d %B %Y, %H:%M} UTC"
    template = environment.from_string(_template())
    return str(template.render(document=document, made=made, fallback=bool(fallback)))


@cache
def _template() -> str:
    return files("docwiz_tasks.renderers").joinpath("report.html").read_text(encoding="utf-8")


def _environment() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise ExtraMissing.for_extra("documents", "A PDF report") from None
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the layout libraries from logging: what they warn of holds the document's text."""
    loggers = [logging.getLogger(name) for name in ("xhtml2pdf", "reportlab", "fontTools")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Have ReportLab write no time of its own, and pictures as they are.

    As ASCII85, its default, photos take it 2.6 to 20 times as long and a fifth more room.
    """
    from reportlab import rl_config

    before = rl_config.invariant, rl_config.useA85
    rl_config.invariant, rl_config.useA85 = 1, 0
    try:
        yield
    finally:
        rl_config.invariant, rl_config.useA85 = before
