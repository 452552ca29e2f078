"""Which characters a font has."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from docwiz_tasks.errors import ExtraMissing, SettingsError

__all__ = ["characters_of"]

_SUFFIXES = (".ttf", ".ttc")


@lru_cache(maxsize=4)
def characters_of(font: Path) -> frozenset[int]:
    """Return the code points of the characters that a font can draw.

    Args:
        font: a ``.ttf`` or ``.ttc`` file.

    Raises:
        ExtraMissing: ReportLab isn't installed.
        SettingsError: it isn't such a file, or has no TrueType outlines.
    """
    try:
        from reportlab.pdfbase.ttfonts import TTFontFile
    except ImportError:
        raise ExtraMissing.for_extra("documents", "Reading a font") from None
    # The layout library passes over a font with another suffix without a word.
    if font.suffix.lower() in _SUFFIXES:
        # A broken font makes the parser raise nearly anything.
        with suppress(Exception):
            return frozenset(TTFontFile(str(font)).charToGlyph)
    raise SettingsError("DOCWIZ_FONT_PATH must name a .ttf or .ttc file with TrueType outlines.")
