"""Reading PDFs with PDFium, which has one state for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from docwiz_tasks.errors import ExtraMissing

__all__ = ["count_pages", "opened"]

_lock = threading.Lock()


@contextmanager
def opened(pdf: bytes) -> Iterator[Any]:
    """Open a PDF, as the only one in this process.

    Raises:
        ExtraMissing: pypdfium2 isn't installed.
    """
    try:
        import pypdfium2
    except ImportError:
        raise ExtraMissing.for_extra("documents", "Reading a PDF") from None
    with _lock, closing(pypdfium2.PdfDocument(pdf)) as document:
        yield document


def count_pages(pdf: bytes) -> int:
    """Return how many pages a PDF has."""
    with opened(pdf) as document:
        return len(document)
